"""A bounded news impact: how much of a day's return is news, and how much may be a bad print.

A return is either drawn from the model, or, with probability ``contamination``, an additive outlier of any
size up to 15 long-run standard deviations. By Bayes' rule a day counts by its probability of being regular;
the rest of it counts as a missing day, whose news is what was expected. So the news impact is bounded, and
falls back to the expectation for impossible returns, in contrast to a clipped one (Muler and Yohai 2008).

Whether a large return was news shows best in the days after it. A filter of variances therefore keeps two
hypotheses of the variance with their odds: each day splits both into news taken and news dropped, and the two
likeliest of the four go on (a generalised pseudo-Bayes filter; Bar-Shalom, Li and Kirubarajan 2001, ch. 11).
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.innovations import log_density
from riskengine.garch.params import GarchParams

REACH = 15.0
"""Largest outlier, in long-run standard deviations, that the flat density of outliers covers."""


def regular_probability(
    squared: Array, variance: Array, long_run_variance: Array, eta: Array, contamination: Array
) -> Array:
    """Probability that a return is no outlier, all shapes broadcastable.

    Parameters
    ----------
    squared : squared returns
    variance, long_run_variance : conditional and unconditional
    eta : 1/dof
    contamination : prior probability of an outlier; zero gives one

    Examples
    --------
    >>> z2 = jnp.array([1.0, 16.0, 100.0])
    >>> print(regular_probability(z2, 1.0, 1.0, jnp.array(0.1), jnp.array(0.01)).round(3))
    [0.999 0.754 0.001]
    """
    spread = jnp.log(2 * REACH) + 0.5 * jnp.log(long_run_variance / variance)
    odds = log_density(jnp.sqrt(squared / variance), eta) + spread
    return jax.nn.sigmoid(odds + jnp.log1p(-contamination) - jnp.log(contamination))


_SAME = 0.05  # hypotheses of the log variance as near as this are one
_NEVER = -1e3  # log-probability of a hypothesis that is none


class VariancePair(NamedTuple):
    """Two variances of the same day with the odds between them; leaves ``(assets,)``.

    Attributes
    ----------
    likelier, other : variances
    log_odds : of the likelier against the other, never negative
    """

    likelier: Array
    other: Array
    log_odds: Array

    @classmethod
    def certain(cls, variance: Array) -> VariancePair:
        """Only one variance comes into question."""
        return cls(variance, variance, jnp.full_like(variance, -_NEVER))

    @property
    def variance(self) -> Array:
        """Expected variance ``(assets,)``; a sum of positive parts, so that a small one beside a huge one stays."""
        return jax.nn.sigmoid(self.log_odds) * self.likelier + jax.nn.sigmoid(-self.log_odds) * self.other


def next_pair(params: GarchParams, today: VariancePair, row: Array, contamination: Array) -> VariancePair:
    """Hypotheses of tomorrow's variance from those of today's and today's return.

    Parameters
    ----------
    params : leaves ``(assets,)``
    today : leaves ``(assets,)``
    row : (assets,) today's returns, NaN where missing
    contamination : (assets,) prior probability of an outlier

    Examples
    --------
    A return of ten standard deviations is put aside, until others confirm it.

    >>> p = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> h = VariancePair.certain(jnp.array([1e-4]))
    >>> for _ in range(3):
    ...     h = next_pair(p, h, jnp.array([-0.1]), jnp.array([0.01]))
    ...     print(f"{h.variance[0]:.4f}")
    0.0001
    0.0002
    0.0024
    """
    eta = 1 / params.dof
    seen = ~jnp.isnan(row)
    r2 = jnp.where(seen, row * row, 0)
    variances = jnp.stack([today.likelier, today.other])
    log_weights = -jax.nn.softplus(jnp.stack([-today.log_odds, today.log_odds]))
    expected = (params.alpha + params.gamma / 2 + params.beta) * variances
    news = (params.alpha + jnp.where(row < 0, params.gamma, 0)) * r2 + params.beta * variances
    regular = log_density(jnp.sqrt(r2 / variances), eta) - jnp.log(variances) / 2 + jnp.log1p(-contamination)
    outlying = jnp.log(contamination / (2 * REACH)) - jnp.log(params.long_run_variance) / 2
    branch = params.omega + jnp.concatenate([jnp.where(seen, news, expected), expected])
    weight = jnp.concatenate(
        [log_weights + jnp.where(seen, regular, 0), log_weights + jnp.where(seen, outlying, _NEVER)]
    )

    first = jnp.argmax(weight, axis=0)
    place = jnp.arange(4).reshape(4, *[1] * first.ndim)
    rest = jnp.where(place == first, -jnp.inf, weight)
    second = jnp.argmax(rest, axis=0)
    likelier, other = (jnp.sum(jnp.where(place == chosen, branch, 0), axis=0) for chosen in (first, second))
    odds = jnp.max(weight, axis=0) - jnp.max(rest, axis=0)
    merged = VariancePair(likelier, other, odds).variance
    same = jnp.abs(jnp.log(other / likelier)) < _SAME
    return VariancePair(
        jnp.where(same, merged, likelier), other, jnp.minimum(jnp.where(same, -_NEVER, odds), -_NEVER)
    )
