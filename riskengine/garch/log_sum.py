"""Sums of logarithms as running products: a multiplication and a few bit operations a term, and one logarithm in all.

A product of thousands of factors leaves the range of floating point at once, so after every factor its power of
two moves to an integer, and a number in [1, 2) is left. A relative rounding error a factor is all that is lost,
which is less than a long sum of rounded logarithms loses.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array


class LogSum(NamedTuple):
    """``log(mantissa) + exponent log(2)``; leaves have the shape of the lanes.

    Attributes
    ----------
    mantissa : in [1, 2), float32 or float64
    exponent : integers as wide as the mantissa

    Examples
    --------
    >>> total = LogSum.zero((), jnp.float32)
    >>> for factor in (1e30, 1e30, 1e-20, 0.5):
    ...     total = total.times(jnp.float32(factor))
    >>> round(float(total.value()), 3), round(float(np.log(0.5e40)), 3)
    (91.41, 91.41)
    """

    mantissa: Array
    exponent: Array

    @classmethod
    def zero(cls, shape: tuple[int, ...], dtype: jnp.dtype) -> LogSum:
        """The empty sum."""
        return cls(jnp.ones(shape, dtype), jnp.zeros(shape, _layout(dtype)[0]))

    def times(self, factor: Array) -> LogSum:
        """Add the logarithm of a positive, normal, finite number; anything else makes the sum meaningless."""
        dtype = self.mantissa.dtype
        integer, bits = _layout(dtype)
        one = np.array(1, dtype).view(integer)
        product = jax.lax.bitcast_convert_type(self.mantissa * factor, integer)
        mantissa = (product & integer(2**bits - 1)) | integer(one)
        exponent = self.exponent + ((product - one) >> bits)
        return LogSum(jax.lax.bitcast_convert_type(mantissa, dtype), exponent)

    def value(self) -> Array:
        """The sum of the logarithms."""
        dtype = self.mantissa.dtype
        return jnp.log(self.mantissa) + self.exponent.astype(dtype) * jnp.asarray(np.log(2), dtype)


def _layout(dtype: jnp.dtype) -> tuple[type[np.signedinteger], int]:
    """Integer as wide as a float, and the bits of its mantissa."""
    return (np.int32, 23) if jnp.dtype(dtype) == jnp.float32 else (np.int64, 52)
