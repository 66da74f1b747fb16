"""The variance filter: one pass over time, all assets as one vector."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.params import GarchParams

BACKCAST_DECAY = 0.94
BACKCAST_DAYS = 75


class Filtered(NamedTuple):
    """Conditional variances ``(time, assets)`` and the variance of the next day ``(assets,)``."""

    variance: Array
    next_variance: Array


def backcast(returns: Array) -> Array:
    """Variance of the day before the sample: the 0.94-weighted mean of the first 75 squared returns.

    The convention of the ``arch`` package, with missing days left out of the mean.

    Parameters
    ----------
    returns : (time, assets), NaN where missing

    Returns
    -------
    (assets,) variance per day; zero for an asset without observations in its first 75 days of life
    """
    observed = ~jnp.isnan(returns)
    start = jnp.argmax(observed, axis=0)
    age = jnp.arange(len(returns))[:, None] - start
    young = observed & (age >= 0) & (age < BACKCAST_DAYS)
    weight = jnp.where(young, BACKCAST_DECAY ** jnp.maximum(age, 0).astype(returns.dtype), 0)
    total = jnp.sum(weight * jnp.where(observed, returns, 0) ** 2, axis=0)
    return total / jnp.maximum(jnp.sum(weight, axis=0), jnp.finfo(returns.dtype).tiny)


def next_variance(params: GarchParams, variance: Array, row: Array) -> Array:
    """Variance of tomorrow from today's variance and return; a missing return counts as expected.

    Parameters
    ----------
    params : leaves ``(assets,)``
    variance : (assets,) conditional variance of today
    row : (assets,) today's returns, NaN where missing

    Examples
    --------
    >>> p = GarchParams(2e-6, 0.05, 0.10, 0.88, 8.0)
    >>> a, b = next_variance(p, jnp.array([1e-4, 1e-4]), jnp.array([-0.02, jnp.nan]))
    >>> print(f"{a:.2e} {b:.2e}")
    1.50e-04 1.00e-04
    """
    news = (params.alpha + params.gamma * (row < 0)) * row * row
    expected = (params.alpha + params.gamma / 2) * variance
    return params.omega + jnp.where(jnp.isnan(row), expected, news) + params.beta * variance


def filter_variance(params: GarchParams, returns: Array, presample: Array | None = None) -> Filtered:
    """Conditional variances of a GJR-GARCH(1,1).

    The first variance is the expectation one day after ``presample``, so that the recursion starts as
    in ``arch``. Before its first observation an asset's variance rests at that value; a later gap
    propagates the expectation.

    Parameters
    ----------
    params : leaves ``(assets,)``
    returns : (time, assets), demeaned if wanted, NaN where missing
    presample : (assets,) variance of the day before; :func:`backcast` of the returns if not given

    Returns
    -------
    Filtered
        ``variance`` ``(time, assets)``: what is known of day t before its return;
        ``next_variance`` ``(assets,)``.
    """
    presample = backcast(returns) if presample is None else presample
    unborn = ~jnp.cumsum(~jnp.isnan(returns), axis=0).astype(bool)
    first = params.omega + params.persistence * presample

    def day(variance: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        row, wait = inputs
        return jnp.where(wait, variance, next_variance(params, variance, row)), variance

    last, path = jax.lax.scan(day, first, (returns, unborn))
    return Filtered(path, last)
