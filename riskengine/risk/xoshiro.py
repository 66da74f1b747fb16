"""Random numbers where they are most of the work: one small generator for every cell of a simulated day.

xoshiro128+ (Blackman and Vigna 2021) takes ten integer operations for 32 bits, jax's own counter-based generator about
a hundred. Each cell has a generator of its own, whose 128 bits of state are drawn with jax's: with a period of 2^128
the stretches that two of them use do not meet. The lowest bits of this generator are its weakest, and are not used.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Xoshiro(NamedTuple):
    """States of generators, four ``uint32`` arrays of the shape of the draws."""

    a: Array
    b: Array
    c: Array
    d: Array


def seeded(key: Array, shape: tuple[int, ...]) -> Xoshiro:
    """Independent generators, one a cell."""
    return Xoshiro(*jax.random.bits(key, (4, *shape), jnp.uint32))


def next_bits(state: Xoshiro) -> tuple[Array, Xoshiro]:
    """32 random bits a cell, and the states after it.

    Examples
    --------
    >>> state = Xoshiro(*(jnp.array(x, jnp.uint32) for x in (1, 2, 3, 4)))
    >>> for _ in range(3):
    ...     bits, state = next_bits(state)
    ...     print(bits)
    5
    12295
    25178119
    """
    a, b, c, d = state
    bits = a + d
    c, d, shifted = c ^ a, d ^ b, b << 9
    b, a = b ^ c, a ^ d
    return bits, Xoshiro(a, b, c ^ shifted, (d << 11) | (d >> 21))


def normal(state: Xoshiro) -> tuple[Array, Xoshiro]:
    """Standard normal float32 draws by inversion, up to 5.4 on either side, and the states after them.

    Examples
    --------
    >>> z, _ = normal(seeded(jax.random.key(0), (100_000,)))
    >>> print(f"{z.std():.2f} {(abs(z) > 2).mean():.3f}")
    1.00 0.046
    """
    bits, state = next_bits(state)
    # The centres of 2^24 intervals of (-1, 1); all of them are floats.
    centred = (bits >> 8).astype(jnp.int32) - 2**23
    uniform = centred.astype(jnp.float32) * jnp.float32(2**-23) + jnp.float32(2**-24)
    return jnp.float32(2**0.5) * jax.lax.erf_inv(uniform), state
