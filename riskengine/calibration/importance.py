"""The exact Bayes posterior, by adaptive importance sampling with the network's Gaussian as proposal.

The network proposes, the likelihood disposes: draws from a Student-t around the network's posterior are
weighted by prior times likelihood, the proposal moves to their mean and covariance, and draws of all rounds
count, each under the mixture of all proposals (Cornuet, Marin, Mira and Robert 2012).
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.calibration.padding import period
from riskengine.calibration.posterior import Posterior
from riskengine.calibration.prior import TrainingPrior
from riskengine.calibration.small_cholesky import cholesky as factor_of
from riskengine.calibration.small_cholesky import invert_lower
from riskengine.garch import GarchParams, from_unconstrained, log_likelihood

_DOF = 5.0  # tails of the proposals


class Refined(NamedTuple):
    """Moments of the exact posterior, an entry an asset.

    Attributes
    ----------
    mean : (assets, 5) of the unconstrained coordinates
    covariance : (assets, 5, 5)
    params : means of ``omega``, ``alpha``, ``gamma``, ``beta`` and ``1/dof``
    log_variance : (assets,) mean of tomorrow's log variance
    log_variance_spread : (assets,) its standard deviation
    effective_sample_size : (assets,) of all draws (Kish 1965)
    """

    mean: Array
    covariance: Array
    params: GarchParams
    log_variance: Array
    log_variance_spread: Array
    effective_sample_size: Array


def _weighted(weight: Array, values: Array) -> tuple[Array, Array]:
    """Mean ``(assets, 5)`` and covariance of draws ``(draws, assets, 5)``."""
    mean = jnp.einsum("sn,snk->nk", weight, values)
    away = values - mean
    return mean, jnp.einsum("sn,snj,snk->njk", weight, away, away)


def _log_proposal(values: Array, mean: Array, cholesky: Array) -> Array:
    """Student-t log-density, but for a constant, of draws ``(draws, assets, 5)``."""
    away = values - mean
    inverse = invert_lower(cholesky)
    square = jnp.sum(jnp.einsum("njk,snk->snj", inverse, away) ** 2, axis=-1)
    volume = jnp.sum(jnp.log(jnp.diagonal(cholesky, axis1=-2, axis2=-1)), axis=-1)
    return -volume - (_DOF + 5) / 2 * jnp.log1p(square / _DOF)


@partial(jax.jit, static_argnames=("prior", "rounds", "draws"))
def exact_posterior(
    key: Array,
    mean: Array,
    cholesky: Array,
    returns: Array,
    presample: Array,
    prior: TrainingPrior,
    rounds: int = 4,
    draws: int = 1024,
) -> Refined:
    """Moments of the posterior under ``prior``, with a flat prior on the log long-run variance.

    Parameters
    ----------
    key : random key
    mean, cholesky : (assets, 5), (assets, 5, 5) Gaussian to start from, for series of about unit scale
    returns : (time, assets), NaN where missing
    presample : (assets,) variance of the day before the sample
    prior : over the other coordinates
    rounds, draws : number of proposals, and draws from each
    """
    proposals: list[tuple[Array, Array]] = []
    drawn, targets, futures = [], [], []
    weight = values = None
    for k in range(rounds):
        proposals.append((mean, cholesky))
        normal_key, tail_key = jax.random.split(jax.random.fold_in(key, k))
        # The same noise for every asset, so that an answer does not depend on the asset's place.
        noise = jax.random.normal(normal_key, (draws, 5), mean.dtype)
        chi2 = 2 * jax.random.gamma(tail_key, _DOF / 2, (draws, 1), mean.dtype)
        points = mean + jnp.einsum("njk,sk->snj", cholesky, noise * jnp.sqrt(_DOF / chi2))
        total, tomorrow = log_likelihood(from_unconstrained(points), returns, presample)
        target = total + prior.log_density(points)
        targets.append(jnp.where(jnp.isfinite(target), target, -jnp.inf))
        drawn.append(points)
        futures.append(jnp.log(tomorrow))
        values, goal = jnp.concatenate(drawn), jnp.concatenate(targets)
        mixture = jax.nn.logsumexp(jnp.stack([_log_proposal(values, *p) for p in proposals]), axis=0)
        weight = jax.nn.softmax(goal - mixture, axis=0)
        # Truncated weights keep the proposal from collapsing on a single draw.
        calm = jnp.minimum(weight, 20 / len(weight))
        mean, covariance = _weighted(calm / jnp.sum(calm, axis=0), values)
        cholesky = factor_of(covariance + 1e-5 * jnp.eye(5, dtype=mean.dtype))
    assert weight is not None
    assert values is not None
    mean, covariance = _weighted(weight, values)
    params = from_unconstrained(values)
    means = {
        name: jnp.sum(weight * leaf, axis=0)
        for name, leaf in params._replace(dof=1 / params.dof)._asdict().items()
    }
    future = jnp.where(weight > 0, jnp.concatenate(futures), 0)
    centre = jnp.sum(weight * future, axis=0)
    return Refined(
        mean,
        covariance,
        GarchParams(**means | {"dof": 1 / means["dof"]}),
        centre,
        jnp.sqrt(jnp.sum(weight * (future - centre) ** 2, axis=0)),
        1 / jnp.sum(weight**2, axis=0),
    )


_WIDEST = 32  # assets at a time: their draws fit the cache


def _chunk(assets: int) -> int:
    """Assets at a time: 8, 16 or 32, so that few do not pay for many."""
    return min(_WIDEST, max(8, 1 << max(assets - 1, 0).bit_length()))


def exact_moments(
    posterior: Posterior, returns: np.ndarray, presample: np.ndarray, prior: TrainingPrior, seed: int = 0
) -> tuple[Posterior, GarchParams, np.ndarray, np.ndarray, np.ndarray]:
    """Exact posterior of a universe, in the returns' own scale.

    By adaptive multiple importance sampling (Cornuet, Marin, Mira and Robert 2012).

    Parameters
    ----------
    posterior : the network's
    returns : (time, assets), NaN where missing
    presample : (assets,) variance of the day before the sample
    prior : that the network was trained on
    seed : of the draws

    Returns
    -------
    Posterior with the exact moments, mean parameters, mean and standard deviation of tomorrow's log
    variance, and the effective sample size, each with an entry an asset

    Examples
    --------
    >>> from riskengine.calibration import Posterior
    >>> from riskengine.calibration.prior import TrainingPrior
    >>> wide = Posterior(np.array([[0.0, 3.0, -2.0, 0.5, -0.7]]), 0.5 * np.eye(5)[None])
    >>> rows = np.random.default_rng(0).standard_normal((60, 1))
    >>> exact, params, log_variance, spread, size = exact_moments(wide, rows, np.ones(1), TrainingPrior())
    >>> exact.mean.shape, bool(0.8 < params.beta[0] < 1), bool(spread[0] > 0), size.shape
    ((1, 5), True, True, (1,))
    """
    assets = returns.shape[1]
    scale = np.sqrt(np.nanmean(returns**2, axis=0))
    mean = posterior.mean - np.where(np.arange(5) == 0, 2 * np.log(scale)[:, None], 0)
    chunk = _chunk(assets)
    spare = -assets % chunk
    days = period(len(returns), assets)
    data = np.full((days, assets + spare), np.nan, np.float32)
    data[-len(returns) :] = np.pad(returns / scale, ((0, 0), (0, spare)), mode="edge")
    inputs = [
        np.pad(leaf, ((0, spare),) + ((0, 0),) * (leaf.ndim - 1), mode="edge").astype(np.float32)
        for leaf in (mean, posterior.cholesky, presample / scale**2)
    ]
    found = []
    for k in range(0, assets + spare, chunk):
        part = slice(k, k + chunk)
        centre, factor, before = (jnp.asarray(leaf[part]) for leaf in inputs)
        found.append(
            exact_posterior(jax.random.key(seed), centre, factor, jnp.asarray(data[:, part]), before, prior)
        )
    whole: Refined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:assets].astype(np.float64), *found)
    mean = np.asarray(whole.mean) + np.where(np.arange(5) == 0, 2 * np.log(scale)[:, None], 0)
    covariance = np.asarray(whole.covariance) + 1e-8 * np.eye(5)
    return (
        Posterior(mean, np.linalg.cholesky(covariance)),
        whole.params.scaled(scale),
        np.asarray(whole.log_variance) + 2 * np.log(scale),
        np.asarray(whole.log_variance_spread),
        np.asarray(whole.effective_sample_size),
    )
