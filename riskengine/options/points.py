"""Quasi-random points: scrambled Sobol bits, the normal inverse, and the Brownian bridge."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
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
    order: np.ndarray, depth: int, block: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One randomisation of ``2^depth`` points in blocks of ``2^block``: bits (dimensions, 2^block) and a shift.

    Row k is dimension ``order[k]`` of the sequence.

    The points of a block are its bits plus (exclusive or) the shift (dimensions,): the bits are the same in all
    blocks.
    """
    block = min(block, depth)
    numbers, shift = scrambled(direction_numbers(len(order), depth)[order], rng)
    bits = np.zeros((len(order), 1 << block), np.uint32)
    for k in range(block):
        np.bitwise_xor(bits[:, : 1 << k], numbers[:, k, None], out=bits[:, 1 << k : 2 << k])
    yield bits, shift
    for index in range(1, 1 << (depth - block)):
        # Gray code: the next block differs by one direction number
        shift = shift ^ numbers[:, block + (index & -index).bit_length() - 1]
        yield bits, shift


def random_blocks(
    order: np.ndarray, depth: int, block: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Independent random bits in place of Sobol's."""
    block = min(block, depth)
    for _ in range(1 << (depth - block)):
        bits = rng.integers(0, 2**BITS, (len(order), 1 << block), dtype=np.uint32)
        yield bits, np.zeros(len(order), np.uint32)


def uniforms(bits: Array, dtype: Any) -> Array:
    """Uniforms in (0, 1), symmetric about a half."""
    kept = 23 if dtype == jnp.float32 else BITS
    top = (bits >> (BITS - kept)).astype(jnp.int32 if kept < BITS else jnp.int64).astype(dtype)
    return (top + 0.5) * 2.0**-kept


def _quantile_coefficients() -> np.ndarray:
    """Of the normal quantile of ``exp(-r^2 / 2)``, with r scaled to [-1, 1]; error below 2e-6."""
    series = np.polynomial.chebyshev.Chebyshev.interpolate(
        lambda r: -scipy.special.ndtri(np.exp(-r * r / 2)), 11, domain=list(RADIUS)
    )
    scaled = np.polynomial.Chebyshev(series.coef)
    return scaled.convert(kind=np.polynomial.Polynomial).coef[::-1]


RADIUS = tuple(float(x) for x in np.sqrt(-2 * np.log([0.5, 2.0**-24])))
QUANTILE = tuple(float(c) for c in _quantile_coefficients())


def normals(bits: Array, dtype: Any) -> Array:
    """Standard normal numbers by inversion, symmetric about zero.

    In single precision by a polynomial in the radius ``sqrt(-2 log u)``, in which the quantile is nearly linear;
    in double by the inverse error function.
    """
    u = uniforms(bits, dtype)
    if dtype != jnp.float32:
        return np.sqrt(2).astype(dtype) * jax.lax.erf_inv(2 * u - 1)
    low, high = RADIUS
    radius = jnp.sqrt(-2 * jnp.log(jnp.minimum(u, 1 - u)))
    x = radius * (2 / (high - low)) - (high + low) / (high - low)
    z = jnp.full_like(x, QUANTILE[0])
    for coefficient in QUANTILE[1:]:
        z = z * x + coefficient
    return jnp.where(u < 0.5, -z, z)


SEGMENTS = 16


class Bridge(NamedTuple):
    """Brownian motion from normals of which the first matter most.

    The first normal sets the end, the next ones the midpoints of ever shorter intervals, down to the ends of
    segments. Within a segment the motion walks towards its known end, a normal a step: what is left to order
    there is small, and nothing but the present step needs to be in memory.

    Attributes
    ----------
    last
        Standard deviation of the end.
    levels
        A level: weight of the left end, of the right end, and standard deviation, each (midpoints,).
    ends
        Last step of each segment, (segments,); its normals are those of the segments' ends.
    segment, first
        Of each step: its segment, and whether it is the first of it, (steps,).
    share, deviation
        Of each step: share of the way left in the segment, and standard deviation about it, (steps,).
    width
        Standard deviation of each increment, (steps,).
    """

    last: Any
    levels: tuple[tuple[Any, Any, Any], ...]
    ends: Any
    segment: Any
    first: Any
    share: Any
    deviation: Any
    width: Any


def brownian_bridge(times: np.ndarray, segments: int = SEGMENTS) -> Bridge:
    """The bridge over times (steps + 1,) that begin at zero.

    Examples
    --------
    >>> bridge = brownian_bridge(np.array([0.0, 1.0, 2.0, 6.0]))
    >>> print(segment_ends(bridge, jnp.array([[1.0], [0.0], [0.0]]))[:, 0].round(3))
    [0.408 0.408 1.633]
    """
    steps = len(times) - 1
    segments = min(segments, steps)
    corners = np.arange(segments + 1) * steps // segments
    coarse, levels = times[corners], []
    stride = 1 << max(segments - 1, 0).bit_length()
    known = np.minimum(np.arange(0, segments + stride, stride), segments)
    while stride > 1:
        stride //= 2
        middle = known[:-1] + stride
        count = int(np.sum(middle < segments))
        left, right, mid = coarse[known[:count]], coarse[known[1 : count + 1]], coarse[middle[:count]]
        share = (mid - left) / (right - left)
        levels.append((1 - share, share, np.sqrt((mid - left) * (right - mid) / (right - left))))
        known = np.sort(np.concatenate([known, middle[:count]]))
    segment = np.repeat(np.arange(segments), np.diff(corners)).astype(np.int32)
    dt, left = np.diff(times), coarse[segment + 1] - times[:-1]
    ends = corners[1:] - 1
    share = dt / left
    share[ends] = 1.0
    deviation = np.sqrt(dt * np.maximum(left - dt, 0) / left)
    deviation[ends] = 0.0
    first = np.zeros(steps)
    first[corners[:-1]] = 1.0
    return Bridge(
        np.sqrt(times[-1]),
        tuple(levels),
        ends.astype(np.int32),
        segment,
        first,
        share,
        deviation,
        np.sqrt(dt),
    )


def dimension_order(bridge: Bridge, factors: int) -> np.ndarray:
    """Dimension of the points that each step's normals come from, (steps, factors): the segments' ends first."""
    steps, segments = len(bridge.width), len(bridge.ends)
    order = np.empty(steps, np.int64)
    order[bridge.ends] = np.arange(segments)
    order[np.setdiff1d(np.arange(steps), bridge.ends)] = np.arange(segments, steps)
    return order[:, None] * factors + np.arange(factors)


def segment_ends(bridge: Bridge, z: Array) -> Array:
    """Increments over the segments (segments, ...) from normals in the order of the bridge."""
    rest = (1,) * (z.ndim - 1)
    last, levels = jax.tree.map(
        lambda w: jnp.asarray(w, z.dtype).reshape(*jnp.shape(w), *rest), (bridge.last, bridge.levels)
    )
    path = jnp.stack([jnp.zeros_like(z[0]), z[0] * last])
    used = 1
    for left, right, deviation in levels:
        count = len(left)
        middle = left * path[:count] + right * path[1 : count + 1] + deviation * z[used : used + count]
        pairs = jnp.stack([path[:count], middle], axis=1).reshape(-1, *z.shape[1:])
        path = jnp.concatenate([pairs, path[count:]])
        used += count
    return jnp.diff(path, axis=0)


def walk(coarse: Array, row: Bridge, left: Array, z: Array) -> tuple[Array, Array]:
    """One step: what is left of the segment after it, and the step's increment as a standard normal.

    Parameters
    ----------
    coarse : increments over the segments (segments, ...)
    row : the bridge's arrays (steps,) at this step
    left : of the segment before the step, (...)
    z : the step's normals, (...)
    """
    left = jnp.where(row.first > 0, coarse[row.segment], left)
    increment = left * row.share + row.deviation * z
    return left - increment, increment / row.width
