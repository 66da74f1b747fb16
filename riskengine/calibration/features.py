"""What the network looks at: scores and information of the likelihood, whitened.

Near the truth the score and the expected information are close to sufficient, so a series of any length
is summed up by its likelihood's slope at a few fixed parameters, the anchors, and by slope and curvature at
a first estimate. There, adding the curvature of the training prior and whitening by the Cholesky factor of
the sum makes every feature of order one whatever the length of the series.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.calibration.small_cholesky import cholesky, solve_lower, solve_lower_transposed
from riskengine.garch import Likelihood, likelihood

LONGEST = 10_240
"""Longest history, in observed days, that the network was trained on; longer ones look this long to it."""

CONTAMINATION = 0.01
"""Prior probability of an outlier a day, with which the robust network looks at a series."""

# (persistence, alpha + gamma/2, leverage, 1/dof): calm and sticky, lively, jumpy, quickly forgetting
_ANCHORS = (
    (0.985, 0.05, 0.4, 0.15),
    (0.95, 0.12, 0.4, 0.15),
    (0.95, 0.30, 0.4, 0.25),
    (0.78, 0.12, 0.4, 0.10),
)


def anchors(dtype: jnp.dtype) -> Array:
    """Fixed parameters at which every series is looked at first, ``(anchors, 5)``, for unit mean square."""
    rows = [
        (0.0, np.log(p / (1 - p)), np.log(a / (p - a)), 2 * np.arctanh(lev), np.log(2 * eta / (1 - 2 * eta)))
        for p, a, lev, eta in _ANCHORS
    ]
    return jnp.asarray(rows, dtype)


class Local(NamedTuple):
    """The log-posterior around ``u`` as a Gaussian: ``u + cholesky^-T (newton + noise)``.

    Attributes
    ----------
    u : (..., 5)
    cholesky : (..., 5, 5) lower Cholesky factor of the posterior precision
    newton : (..., 5) whitened Newton step, softly limited to five standard deviations
    next_slope : (..., 5) gradient of tomorrow's log variance
    observations : (...,) observed days, or the sum of their weights
    """

    u: Array
    cholesky: Array
    newton: Array
    next_slope: Array
    observations: Array

    def at(self, whitened: Array) -> Array:
        """Coordinates ``(..., 5)`` of a whitened step away from ``u``."""
        return self.u + solve_lower_transposed(self.cholesky, whitened)


def localise(found: Likelihood, u: Array, prior_mean: Array, prior_spread: Array) -> Local:
    """Combine the likelihood at ``u`` ``(..., 5)`` with a Gaussian prior of independent coordinates."""
    precision = found.information + jnp.diag(prior_spread**-2.0)
    slope = found.score - (u - prior_mean) / prior_spread**2
    factor = cholesky(precision)
    newton = solve_lower(factor, slope)
    return Local(u, factor, 5 * jnp.tanh(newton / 5), found.next_slope, found.observations)


def describe(local: Local, prior_mean: Array, prior_spread: Array, observations: Array) -> Array:
    """Numbers of order one that say what ``local`` says, ``(..., 25)``."""
    diagonal = jnp.diagonal(local.cholesky, axis1=-2, axis2=-1)
    rows, columns = np.tril_indices(5, -1)
    slant = local.cholesky[..., rows, columns] / diagonal[..., rows]
    size = 0.5 * jnp.log1p(observations)[..., None] + jnp.zeros_like(diagonal)
    return jnp.concatenate(
        [
            local.newton,
            (local.u - prior_mean) / prior_spread,
            jnp.log(diagonal * prior_spread) - size + 1,
            jnp.arcsinh(slant),
        ],
        axis=-1,
    )


WIDTHS = {False: (33, 26), True: (37, 27)}
"""Features of the first and of the second look, by whether days are weighed by a contamination."""


def first_look(returns: Array, presample: Array, contamination: Array | None = None) -> Array:
    """Features ``(assets, features)`` of series with unit mean square, from the scores at the anchors.

    Parameters
    ----------
    returns : (time, assets), NaN where missing
    presample : (assets,)
    contamination : (assets,) probability of an outlier; none if not given
    """
    points = anchors(returns.dtype)
    u = jnp.broadcast_to(points[:, None, :], (len(points), returns.shape[1], 5))
    found = likelihood(u, returns, presample, contamination=contamination, curvature=False)
    observed = ~jnp.isnan(returns)
    n = jnp.sum(observed, axis=0).astype(returns.dtype)
    absolute = jnp.where(observed, jnp.abs(returns), 0)
    columns = [
        *jnp.moveaxis(jnp.arcsinh(found.score / jnp.sqrt(n)[:, None]), -1, 0).reshape(-1, len(n)),
        *jnp.log(found.next_variance),
        *jnp.arcsinh((found.log_likelihood[1:] - found.log_likelihood[0]) / 3),
        jnp.log(jnp.sum(absolute, axis=0) / n),
        jnp.log(jnp.sum(absolute**4, axis=0) / n) / 2,
        jnp.log(jnp.max(absolute, axis=0)),
        jnp.sum(jnp.sqrt(absolute), axis=0) / n,
        jnp.log(presample + 1e-6) / 2,
        jnp.log(jnp.minimum(n, LONGEST)) - 6.2,
    ]
    if contamination is not None:  # outlying days, as each anchor counts them
        columns += [*jnp.arcsinh(jnp.maximum(n - found.observations, 0))]
    return jnp.stack(columns, axis=-1)


def second_look(
    u: Array,
    returns: Array,
    presample: Array,
    prior_mean: Array,
    prior_spread: Array,
    contamination: Array | None = None,
) -> tuple[Local, Array]:
    """The log-posterior around an estimate ``u`` ``(assets, 5)``, and its features."""
    found = likelihood(u, returns, presample, contamination=contamination)
    local = localise(found, u, prior_mean, prior_spread)
    columns = [
        describe(local, prior_mean, prior_spread, found.observations),
        jnp.log(found.next_variance)[..., None],
    ]
    if contamination is not None:
        n = jnp.sum(~jnp.isnan(returns), axis=0).astype(returns.dtype)
        columns.append(jnp.arcsinh(jnp.maximum(n - found.observations, 0))[..., None])
    return local, jnp.concatenate(columns, axis=-1)


def mean_square(returns: Array) -> Array:
    """Mean square of the observed returns, ``(assets,)``: the scale that the network takes out."""
    observed = ~jnp.isnan(returns)
    days = jnp.sum(observed, axis=0).astype(returns.dtype)
    return jnp.sum(jnp.where(observed, returns, 0) ** 2, axis=0) / jnp.maximum(days, 1)
