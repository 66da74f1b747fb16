"""A bounded news impact: how much of a day's return is news, and how much may be a bad print.

A return is either drawn from the model, or, with probability ``contamination``, an additive outlier of any
size up to 15 long-run standard deviations. By Bayes' rule a day counts by its probability of being regular;
the rest of it counts as a missing day, whose news is what was expected. So the news impact is bounded, and
falls back to the expectation for impossible returns, in contrast to a clipped one (Muler and Yohai 2008).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.innovations import log_density

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
