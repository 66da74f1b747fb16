"""The variance filter: one pass over time, all assets as one vector."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.params import GarchParams
from riskengine.garch.recursion import over_days
from riskengine.garch.robust import VariancePair, next_pair
from riskengine.garch.step import expected_step, step

BACKCAST_DECAY = 0.94
BACKCAST_DAYS = 75


class Filtered(NamedTuple):
    """Conditional variances by a pass over the returns.

    Attributes
    ----------
    variance : (time, assets) conditional variances
    next_variance : (assets,) of the next day
    hypotheses : of the next day's variance, leaves (assets,); None without contamination
    """

    variance: Array
    next_variance: Array
    hypotheses: VariancePair | None = None


def backcast(returns: Array) -> Array:
    """Variance of the day before the sample: the 0.94-weighted mean of the first 75 squared returns.

    The convention of the ``arch`` package, with missing days left out of the mean.

    Parameters
    ----------
    returns : (time, assets), NaN where missing

    Returns
    -------
    (assets,) variance per day; zero for an asset without observations in its first 75 days of life

    Examples
    --------
    >>> print((1e4 * backcast(jnp.array([[0.02], [0.01]]))).round(4))  # (4 + .94) / 1.94
    [2.5464]
    """
    returns = jnp.asarray(returns)
    rows = birth(returns) + jnp.arange(BACKCAST_DAYS)[:, None]
    young = jnp.take_along_axis(returns, jnp.minimum(rows, len(returns) - 1), axis=0)
    observed = ~jnp.isnan(young) & (rows < len(returns))
    decay = BACKCAST_DECAY ** jnp.arange(BACKCAST_DAYS, dtype=returns.dtype)[:, None]
    weight = jnp.where(observed, decay, 0)
    total = jnp.sum(weight * jnp.where(observed, young, 0) ** 2, axis=0)
    return total / jnp.maximum(jnp.sum(weight, axis=0), jnp.finfo(returns.dtype).tiny)


def birth(returns: Array) -> Array:
    """Row of the first observation of each asset ``(assets,)``; the number of rows if there is none."""
    days = len(returns)
    return jnp.min(jnp.where(jnp.isnan(returns), days, jnp.arange(days)[:, None]), axis=0)


def waiting(returns: Array) -> Array:
    """Returns with the days before an asset's first observation marked by infinity: a filter waits there.

    One array then carries all that a step needs to know, which makes the recursions much faster.
    """
    return jnp.where(jnp.arange(len(returns))[:, None] < birth(returns), jnp.inf, returns)


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
    return jnp.where(jnp.isnan(row), expected_step(params, variance), step(params, variance, row))


def filter_variance(
    params: GarchParams,
    returns: Array,
    presample: Array | None = None,
    contamination: Array | None = None,
) -> Filtered:
    """Conditional variances of a GJR-GARCH(1,1) (Glosten, Jagannathan and Runkle 1993).

    The first variance is the expectation one day after ``presample``, so that the recursion starts as
    in ``arch``. Before its first observation an asset's variance rests at that value; a later gap
    propagates the expectation.

    Parameters
    ----------
    params : leaves ``(assets,)``
    returns : (time, assets), demeaned if wanted, NaN where missing
    presample : (assets,) variance of the day before; :func:`backcast` of the returns if not given
    contamination : (assets,), optional
        Prior probability of an outlier, which bounds the news impact
        (:func:`riskengine.garch.robust.next_pair`); none if not given

    Returns
    -------
    Filtered
        ``variance`` ``(time, assets)``: what is known of day t before its return.

    Examples
    --------
    >>> p = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> found = filter_variance(p, jnp.array([[-0.02], [jnp.nan]]), presample=jnp.array([1e-4]))
    >>> print((1e4 * found.variance.ravel()).round(3), (1e4 * found.next_variance).round(3))
    [1.  1.5] [1.49]
    """
    presample = backcast(returns) if presample is None else presample
    first = params.omega + params.persistence * presample
    if contamination is not None:

        def doubtful(today: VariancePair, row: Array) -> tuple[VariancePair, Array]:
            return later(params, today, row, contamination), today.variance

        hypotheses, path = over_days(doubtful, VariancePair.certain(first), waiting(returns))
        return Filtered(path, hypotheses.variance, hypotheses)

    def day(variance: Array, row: Array) -> tuple[Array, Array]:
        return jnp.where(jnp.isinf(row), variance, next_variance(params, variance, row)), variance

    last, path = over_days(day, first, waiting(returns))
    return Filtered(path, last)


def later(params: GarchParams, today: VariancePair, row: Array, contamination: Array) -> VariancePair:
    """:func:`next_pair`, or those of today on a day that waits."""
    wait = jnp.isinf(row)
    tomorrow = next_pair(params, today, jnp.where(wait, jnp.nan, row), contamination)
    return jax.tree.map(lambda old, new: jnp.where(wait, old, new), today, tomorrow)
