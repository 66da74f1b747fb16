"""Empirical Bayes over a universe: its cross-section is the prior of each of its assets.

The network's posterior of an asset is its training prior times a likelihood. Dividing that prior out leaves a
Gaussian likelihood factor an asset; the EM algorithm fits to all factors the normal distribution that the
universe's parameters come from (Efron and Morris 1973; Dempster, Laird and Rubin 1977), and each asset's
posterior under it has a closed form. Short and vague histories borrow most.

Levels are pooled relative to each asset's own mean square, with a stated centre and largest spread: a universe
of near-integrated assets says little of its long-run variances, and what the samples say of them should not be
lost. This is variance targeting (Engle and Mezrich 1996) in a soft form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from riskengine.calibration.fixed_point import fixed_point
from riskengine.calibration.posterior import Posterior
from riskengine.calibration.result import Calibration

Array = np.ndarray

_ROUNDS, _TOLERANCE = 60, 1e-6  # of EM; spreads are about one
_FARTHEST = 5.0  # a factor's centre, in spreads of the training prior
_STRENGTH = 8.0  # assets that the starting point of a universe's covariance counts for
_GROUP_STRENGTH = 20.0  # assets that the universe counts for in a group
_LEVEL_NOISE = 8.0  # variance of the log of a mean square, times the days it is taken over
_LEVEL_VAGUE = 3.0  # spread of the log long-run variance in the training prior, which says nothing of it
_LEVEL_CENTRE, _LEVEL_SPREAD = 0.2, 0.5  # of the log of long-run variance over mean square, in any universe
_LEAST_SPREAD = 0.3  # of the log mean squares of a universe


class Prior(NamedTuple):
    """Normal distribution of unconstrained coordinates over a universe: ``(5,)`` and ``(5, 5)``."""

    mean: Array
    covariance: Array


def likelihood_factors(posterior: Posterior, prior: Prior) -> tuple[Array, Array]:
    """Precision ``(assets, 5, 5)`` and precision times mean ``(assets, 5)`` of each asset's data alone.

    Directions in which the posterior is no tighter than the prior say nothing, and the centre of a factor is
    kept within five prior spreads, so that no factor is explosive.
    """
    spread = np.linalg.cholesky(prior.covariance)
    back = np.linalg.inv(spread)
    centred = (posterior.mean - prior.mean) @ back.T
    whitener = np.linalg.inv(posterior.cholesky) @ spread
    values, vectors = np.linalg.eigh(whitener.transpose(0, 2, 1) @ whitener)
    own = np.einsum("nji,nj->ni", vectors, centred)
    gain = np.maximum(values - 1, 0)
    centre = np.clip(values / np.maximum(gain, 1e-6) * own, -_FARTHEST, _FARTHEST)
    turned = np.einsum("nij,nj->ni", vectors, gain * centre)
    precision = np.einsum("nij,nj,nkj->nik", vectors, gain, vectors)
    precision = back.T @ precision @ back
    return precision, turned @ back + precision @ prior.mean


def combine(precision: Array, pull: Array, prior: Prior) -> tuple[Array, Array]:
    """Means ``(assets, 5)`` and covariances of likelihood factors under a prior."""
    inverse = np.linalg.inv(prior.covariance)
    covariance = inverses(precision + inverse)
    covariance = (covariance + covariance.transpose(0, 2, 1)) / 2
    return np.einsum("nij,nj->ni", covariance, pull + inverse @ prior.mean), covariance


def inverses(matrices: Array) -> Array:
    """Inverses of many small positive definite matrices ``(count, size, size)``, by Gauss and Jordan.

    A step of all at once is a few operations on long vectors, where LAPACK goes matrix by matrix: four times as fast.

    Examples
    --------
    >>> inverses(np.array([[[2.0, 1.0], [1.0, 1.0]]]))[0]
    array([[ 1., -1.],
           [-1.,  2.]])
    """
    found = np.ascontiguousarray(matrices.transpose(1, 2, 0))
    for k in range(len(found)):
        pivot = 1 / found[k, k]
        row, column = found[k] * pivot, found[:, k].copy()
        found -= column[:, None] * row
        found[k], found[:, k] = row, -column * pivot
        found[k, k] = pivot
    return found.transpose(2, 0, 1)


def fit_prior(precision: Array, pull: Array, start: Prior, strength: float) -> Prior:
    """The universe's distribution by EM, with ``start`` as an inverse-Wishart prior worth ``strength`` assets.

    The first coordinate, the level, keeps the centre of ``start`` and at most its spread. Some twenty rounds with
    acceleration are where sixty without lead to, and nearer to the limit where these are slow.
    """
    assets = len(precision)

    def round_of(packed: Array) -> Array:
        mean, covariance = combine(precision, pull, _unpacked(packed))
        centre = (mean.sum(axis=0) + strength / 4 * start.mean) / (assets + strength / 4)
        centre[0] = start.mean[0]
        away = mean - centre
        scatter = covariance.sum(axis=0) + away.T @ away + strength * start.covariance
        scatter /= assets + strength
        shrink = np.ones(len(centre))
        shrink[0] = min(1.0, np.sqrt(start.covariance[0, 0] / scatter[0, 0]))
        return _packed(Prior(centre, scatter * np.outer(shrink, shrink)))

    return _unpacked(fixed_point(round_of, _packed(start), _TOLERANCE, _ROUNDS))


_LOWER, _DIAGONAL = np.tril_indices(5), np.diag_indices(5)


def _packed(prior: Prior) -> Array:
    """Mean, and Cholesky factor with the logarithms of its diagonal: any numbers are a distribution."""
    factor = np.linalg.cholesky(prior.covariance)
    factor[_DIAGONAL] = np.log(factor[_DIAGONAL])
    return np.concatenate([prior.mean, factor[_LOWER]])


def _unpacked(packed: Array) -> Prior:
    factor = np.zeros((5, 5))
    factor[_LOWER] = packed[5:]
    factor[_DIAGONAL] = np.exp(factor[_DIAGONAL])
    return Prior(packed[:5], factor @ factor.T)


def pool(
    fit: Calibration,
    prior_mean: Array,
    prior_spread: Array,
    scale: Array,
    groups: Sequence[Any] | None = None,
) -> Posterior:
    """Posterior of every asset under the prior that its universe, or its group of it, turns out to have.

    Parameters
    ----------
    fit : a network's calibration
    prior_mean, prior_spread : (5,) of its training prior
    scale : (assets,) root mean square of the returns, NaN where they say nothing: the level of an asset that
        was too short to be calibrated rests on it
    groups : a label an asset
    """
    usable = np.array([not s.fell_back for s in fit.status])
    if not usable.any():
        return fit.posterior
    level, doubt = levels(fit.observations, scale, usable)
    apart = np.zeros_like(fit.posterior.mean)
    apart[:, 0] = level
    centre, spread = np.array(prior_mean, float), np.array(prior_spread, float)
    centre[0], spread[0] = 0.0, _LEVEL_VAGUE
    taught = Prior(centre, np.diag(spread**2))
    own = Posterior(fit.posterior.mean - apart, fit.posterior.cholesky)
    precision, pull = likelihood_factors(own, taught)
    precision[~usable], pull[~usable] = 0.0, 0.0
    centre, spread = centre.copy(), spread / 2
    centre[0], spread[0] = _LEVEL_CENTRE, _LEVEL_SPREAD
    begin = Prior(centre, np.diag(spread**2))
    universe = fit_prior(precision[usable], pull[usable], begin, _STRENGTH)
    mean, covariance = combine(precision, pull, universe)
    if groups is not None:
        labels = np.asarray([str(group) for group in groups])
        for label in np.unique(labels):
            member = labels == label
            if not (member & usable).any():
                continue
            prior = fit_prior(precision[member & usable], pull[member & usable], universe, _GROUP_STRENGTH)
            mean[member], covariance[member] = combine(precision[member], pull[member], prior)
    covariance[:, 0, 0] += doubt
    return Posterior(mean + apart, np.linalg.cholesky(covariance))


def levels(observations: Array, scale: Array, usable: Array) -> tuple[Array, Array]:
    """Log mean square of each asset ``(assets,)`` and its variance where it is not of a calibrated asset.

    A short history's is shrunk to the universe's, and an asset without one gets that.
    """
    own = 2 * np.log(np.where(np.isfinite(scale), scale, 1.0))
    centre = np.median(own[usable])
    away = own[usable] - centre
    # One asset with a bad print of ten times its price must not make the others' levels look unknown.
    reach = 3 * max(1.4826 * float(np.median(np.abs(away))), _LEAST_SPREAD)
    spread = max(float(np.std(np.clip(away, -reach, reach))), _LEAST_SPREAD)
    precision = np.where(np.isfinite(scale), observations, 0) / _LEVEL_NOISE
    weight = precision / (precision + 1 / spread**2)
    shrunk = centre + weight * (own - centre)
    return np.where(usable, own, shrunk), np.where(usable, 0.0, 1 / (precision + 1 / spread**2))
