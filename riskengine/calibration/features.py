"""What the network looks at: scores and information of the likelihood, whitened.

Near the truth the score and the expected information are close to sufficient, so a series of any length
is summed up by its likelihood's slope and curvature at a few parameters. Adding the curvature of the
training prior and whitening by the Cholesky factor of the sum makes every feature of order one whatever
the length of the series.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.linalg import solve_triangular

from riskengine.garch.likelihood import Likelihood, likelihood

LONGEST = 2560
"""Longest history, in observed days, that the network was trained on; longer ones look this long to it."""

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
    """

    u: Array
    cholesky: Array
    newton: Array

    def at(self, whitened: Array) -> Array:
        """Coordinates ``(..., 5)`` of a whitened step away from ``u``."""
        step = solve_triangular(self.cholesky, whitened[..., None], lower=True, trans="T")
        return self.u + step[..., 0]


def localise(found: Likelihood, u: Array, prior_mean: Array, prior_spread: Array) -> Local:
    """Combine the likelihood at ``u`` ``(..., 5)`` with a Gaussian prior of independent coordinates."""
    precision = found.information + jnp.diag(prior_spread**-2.0)
    slope = found.score - (u - prior_mean) / prior_spread**2
    cholesky = jnp.linalg.cholesky(precision)
    newton = solve_triangular(cholesky, slope[..., None], lower=True)[..., 0]
    return Local(u, cholesky, 5 * jnp.tanh(newton / 5))


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


def first_look(
    returns: Array, presample: Array, prior_mean: Array, prior_spread: Array
) -> tuple[Array, Array]:
    """Features of series with unit mean square at the anchors.

    Parameters
    ----------
    returns : (time, assets), NaN where missing
    presample : (assets,)
    prior_mean, prior_spread : (5,)

    Returns
    -------
    (assets, features) and the number of observed days ``(assets,)``
    """
    points = anchors(returns.dtype)
    u = jnp.broadcast_to(points[:, None, :], (len(points), returns.shape[1], 5))
    found = likelihood(u, returns, presample)
    n = found.observations[0]
    local = localise(found, u, prior_mean, prior_spread)
    newton_point = jnp.clip((local.at(local.newton) - prior_mean) / prior_spread, -4, 4)
    per_anchor = jnp.concatenate([describe(local, prior_mean, prior_spread, n), newton_point], axis=-1)
    per_anchor = jnp.concatenate([per_anchor[..., :5], per_anchor[..., 10:]], axis=-1)  # u is constant here
    gain = jnp.arcsinh((found.log_likelihood[1:] - found.log_likelihood[0]) / 3)
    absolute = jnp.where(jnp.isnan(returns), 0, jnp.abs(returns))
    moments = jnp.stack(
        [
            jnp.log(jnp.sum(absolute, axis=0) / n),
            jnp.log(jnp.sum(absolute**4, axis=0) / n) / 2,
            jnp.log(jnp.max(absolute, axis=0)),
            jnp.sum(jnp.sqrt(absolute), axis=0) / n,
            jnp.log(presample + 1e-6) / 2,
            (jnp.log(jnp.minimum(n, LONGEST)) - 6.2),
        ],
        axis=-1,
    )
    blocks = [*per_anchor, gain.T, moments]
    return jnp.concatenate(blocks, axis=-1), n


def second_look(
    u: Array, returns: Array, presample: Array, prior_mean: Array, prior_spread: Array
) -> tuple[Local, Array]:
    """The log-posterior around an estimate ``u`` ``(assets, 5)``, and its features ``(assets, 26)``."""
    found = likelihood(u, returns, presample)
    local = localise(found, u, prior_mean, prior_spread)
    features = describe(local, prior_mean, prior_spread, found.observations)
    next_day = jnp.log(found.next_variance)[..., None]
    return local, jnp.concatenate([features, next_day], axis=-1)


def mean_square(returns: Array) -> Array:
    """Mean square of the observed returns, ``(assets,)``: the scale that the network takes out."""
    observed = ~jnp.isnan(returns)
    days = jnp.sum(observed, axis=0).astype(returns.dtype)
    return jnp.sum(jnp.where(observed, returns, 0) ** 2, axis=0) / jnp.maximum(days, 1)
