"""Scrambled Sobol sequences as bits in blocks, and standard normals by inversion.

Points stay 32-bit integers until the kernel turns them into normals: the points of one block are those of another after
an exclusive or with one number a dimension, so that a block costs a shift instead of its points.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

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
"""Most points of a randomisation, as a power of two; more paths take more randomisations."""


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
    """Linear matrix scrambling and digital shift of a digital net (Matoušek 1998).

    The scramble of ``scipy.stats.qmc.Sobol(scramble=True)``, which hands out points; here it acts on the direction
    numbers alone, since blocks of points are then exclusive ors of one another. For 504 dimensions that takes 7 and
    6 ms of processor time for 2^12 and 2^16 points, scipy's points 39 and 218 ms.

    Parameters
    ----------
    numbers : direction numbers, (dimensions, depth)

    Returns
    -------
    scrambled direction numbers (dimensions, depth), shift (dimensions,)
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
    """One randomisation of ``2^depth`` Sobol points, in blocks of ``2^block``.

    Row k is dimension ``order[k]`` of the sequence.

    Yields
    ------
    bits (dimensions, 2^block), the same in all blocks, and shift (dimensions,): the points of the block are
    ``bits ^ shift``

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> points = [bits ^ shift[:, None] for bits, shift in sobol_blocks(np.arange(1), 3, 1, rng)]
    >>> np.sort(np.concatenate(points, axis=1)[0] >> 29)  # one in each eighth
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=uint32)
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
    """Independent uniform bits in place of Sobol's, in the same blocks; every shift is zero."""
    block = min(block, depth)
    for _ in range(1 << (depth - block)):
        bits = rng.integers(0, 2**BITS, (len(order), 1 << block), dtype=np.uint32)
        yield bits, np.zeros(len(order), np.uint32)


def uniforms(bits: Array, dtype: Any) -> Array:
    """Uniforms in (0, 1), symmetric about a half: ``(top bits + 1/2) / 2^kept``, of 23 bits in single precision."""
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
    """Standard normals by inversion of the distribution function, symmetric about zero.

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
