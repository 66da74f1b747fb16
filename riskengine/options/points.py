"""Quasi-random points: scrambled Sobol bits, the normal inverse, and the Brownian bridge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.stats import qmc

from riskengine.errors import SettingsError

BITS = 32
MOST_DIMENSIONS = qmc.Sobol.MAXDIM
DEEPEST = 20
"""A randomisation has at most 2^20 points; more paths take more randomisations."""


@lru_cache(maxsize=8)
def direction_numbers(dimensions: int, depth: int) -> np.ndarray:
    """Direction numbers of Joe and Kuo (2008), (dimensions, depth) of 32 bits.

    Read off the sequence itself: in Gray-code order point ``2^k`` is the sum of numbers ``k`` and ``k - 1``.
    """
    if dimensions > MOST_DIMENSIONS:
        raise SettingsError(
            f"{dimensions} random numbers a path are more than Sobol's {MOST_DIMENSIONS}: take fewer steps a year, "
            "or sampling='random'"
        )
    sequence = qmc.Sobol(dimensions, scramble=False, bits=BITS)
    numbers = np.empty((dimensions, depth), np.uint32)
    for k in range(depth):
        sequence.fast_forward(1 if k == 0 else 2 ** (k - 1) - 1)
        point = (sequence.random(1)[0] * 2.0**BITS).astype(np.uint32)
        numbers[:, k] = point ^ numbers[:, k - 1] if k else point
    return numbers


def scrambled(numbers: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Direction numbers after a random lower-triangular matrix, and a random shift (Matoušek 1998).

    Returns
    -------
    numbers (dimensions, depth), shift (dimensions,)
    """
    dimensions = len(numbers)
    result = np.zeros_like(numbers)
    for bit in range(BITS):  # bit 0 is the leading one
        leading = np.uint32(1 << (BITS - 1 - bit))
        above = rng.integers(0, 1 << bit, dimensions, dtype=np.uint64) << np.uint64(BITS - bit)
        row = above.astype(np.uint32) | leading
        parity = np.bitwise_count(numbers & row[:, None]) & 1
        result |= parity.astype(np.uint32) * leading
    return result, rng.integers(0, 2**BITS, dimensions, dtype=np.uint32)


def sobol_blocks(
    dimensions: int, depth: int, block: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One randomisation of ``2^depth`` points in blocks of ``2^block``: bits (dimensions, 2^block) and a shift.

    The points of a block are its bits plus (exclusive or) the shift (dimensions,): the bits are the same in all
    blocks.
    """
    block = min(block, depth)
    numbers, shift = scrambled(direction_numbers(dimensions, depth), rng)
    bits = np.zeros((dimensions, 1 << block), np.uint32)
    for k in range(block):
        np.bitwise_xor(bits[:, : 1 << k], numbers[:, k, None], out=bits[:, 1 << k : 2 << k])
    yield bits, shift
    for index in range(1, 1 << (depth - block)):
        # Gray code: the next block differs by one direction number
        shift = shift ^ numbers[:, block + (index & -index).bit_length() - 1]
        yield bits, shift


def random_blocks(
    dimensions: int, depth: int, block: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Independent random bits in place of Sobol's."""
    block = min(block, depth)
    for _ in range(1 << (depth - block)):
        bits = rng.integers(0, 2**BITS, (dimensions, 1 << block), dtype=np.uint32)
        yield bits, np.zeros(dimensions, np.uint32)


def uniforms(bits: Array, dtype: Any) -> Array:
    """Uniforms in (0, 1), symmetric about a half."""
    kept = 23 if dtype == jnp.float32 else BITS
    top = (bits >> (BITS - kept)).astype(jnp.int32 if kept < BITS else jnp.int64).astype(dtype)
    return (top + 0.5) * 2.0**-kept


def normals(bits: Array, dtype: Any) -> Array:
    """Standard normal numbers, by the inverse error function (Giles 2010)."""
    return np.sqrt(2).astype(dtype) * jax.lax.erf_inv(2 * uniforms(bits, dtype) - 1)


class Bridge(NamedTuple):
    """Brownian bridge: the first normal sets the end, the next ones the midpoints of ever shorter intervals.

    Attributes
    ----------
    last
        Standard deviation of the end.
    levels
        A level: weight of the left end, of the right end, and standard deviation, each (midpoints,).
    deviations
        Standard deviation of each increment, (steps,).
    """

    last: Any
    levels: tuple[tuple[Any, Any, Any], ...]
    deviations: Any


def brownian_bridge(times: np.ndarray) -> Bridge:
    """The bridge over times (steps + 1,) that begin at zero.

    Examples
    --------
    >>> bridge = brownian_bridge(np.array([0.0, 1.0, 2.0, 6.0]))
    >>> print(bridged(bridge, jnp.array([[1.0], [0.0], [0.0]]))[:, 0].round(3))
    [0.408 0.408 0.816]
    """
    steps = len(times) - 1
    levels = []
    stride = 1 << max(steps - 1, 0).bit_length()
    known = np.minimum(np.arange(0, steps + stride, stride), steps)
    while stride > 1:
        stride //= 2
        middle = known[:-1] + stride
        count = int(np.sum(middle < steps))
        left, right, mid = times[known[:count]], times[known[1 : count + 1]], times[middle[:count]]
        share = (mid - left) / (right - left)
        levels.append((1 - share, share, np.sqrt((mid - left) * (right - mid) / (right - left))))
        known = np.sort(np.concatenate([known, middle[:count]]))
    return Bridge(np.sqrt(times[-1]), tuple(levels), np.sqrt(np.diff(times)))


def bridged(bridge: Bridge, z: Array) -> Array:
    """Standard normal increments (steps, ...) in order of time from normals (steps, ...) in order of the bridge."""
    rest = (1,) * (z.ndim - 1)
    bridge = jax.tree.map(lambda w: jnp.asarray(w, z.dtype).reshape(*jnp.shape(w), *rest), bridge)
    path = jnp.stack([jnp.zeros_like(z[0]), z[0] * bridge.last])
    used = 1
    for left, right, deviation in bridge.levels:
        count = len(left)
        middle = left * path[:count] + right * path[1 : count + 1] + deviation * z[used : used + count]
        pairs = jnp.stack([path[:count], middle], axis=1).reshape(-1, *z.shape[1:])
        path = jnp.concatenate([pairs, path[count:]])
        used += count
    return jnp.diff(path, axis=0) / bridge.deviations
