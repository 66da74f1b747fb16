from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine import NeuralCalibrator, Status
from riskengine.calibration.pooling import Prior, combine, fit_prior, likelihood_factors
from riskengine.calibration.posterior import Posterior
from riskengine.errors import DataError
from riskengine.garch import GarchParams, simulate

RNG = np.random.default_rng(4)
TAUGHT = Prior(np.zeros(5), np.diag([9.0, 1.0, 1.0, 0.5, 0.5]))


def factors(assets: int, noise: float, centre: float, spread: float):
    truth = centre + spread * RNG.standard_normal((assets, 5))
    seen = truth + noise * RNG.standard_normal((assets, 5))
    precision = np.broadcast_to(np.eye(5) / noise**2, (assets, 5, 5)).copy()
    return truth, precision, np.einsum("nij,nj->ni", precision, seen)


def test_dividing_the_prior_out_and_multiplying_it_in_again_changes_nothing():
    _, precision, pull = factors(50, 0.5, 0.2, 0.5)
    mean, covariance = combine(precision, pull, TAUGHT)
    again = combine(*likelihood_factors(Posterior(mean, np.linalg.cholesky(covariance)), TAUGHT), TAUGHT)
    np.testing.assert_allclose(again[0], mean, atol=1e-8)
    np.testing.assert_allclose(again[1], covariance, atol=1e-8)


def test_em_finds_the_distribution_of_the_universe_and_shrinkage_pays():
    truth, precision, pull = factors(4000, 0.6, 0.7, 0.4)
    found = fit_prior(precision, pull, TAUGHT, 8.0)
    np.testing.assert_allclose(found.mean[1:], 0.7, atol=0.05)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance))[1:], 0.4, atol=0.06)
    assert found.mean[0] == TAUGHT.mean[0]
    pooled, _ = combine(precision, pull, found)
    alone, _ = combine(precision, pull, TAUGHT)
    assert np.mean((pooled - truth)[:, 1:] ** 2) < 0.6 * np.mean((alone - truth)[:, 1:] ** 2)


def test_accelerated_em_ends_where_plain_em_does():
    _, precision, pull = factors(30, 1.5, 0.3, 0.2)
    found, prior = fit_prior(precision, pull, TAUGHT, 8.0), TAUGHT
    for _ in range(3000):
        mean, covariance = combine(precision, pull, prior)
        centre = (mean.sum(axis=0) + 2 * TAUGHT.mean) / 32
        centre[0] = TAUGHT.mean[0]
        away = mean - centre
        scatter = (covariance.sum(axis=0) + away.T @ away + 8 * TAUGHT.covariance) / 38
        held = np.ones(5)
        held[0] = min(1.0, np.sqrt(TAUGHT.covariance[0, 0] / scatter[0, 0]))
        prior = Prior(centre, scatter * np.outer(held, held))
    spread = np.sqrt(np.diag(prior.covariance))
    assert np.abs((found.mean - prior.mean) / spread).max() < 1e-4
    assert np.abs((found.covariance - prior.covariance) / np.outer(spread, spread)).max() < 1e-4


@pytest.fixture(scope="module")
def alike():
    """Sixty series of the same parameters, the last one listed 70 days ago, the last but one 30."""

    params = GarchParams(*(jnp.full(60, x) for x in (2e-6, 0.03, 0.10, 0.89, 6.0)))
    returns = np.array(simulate(jax.random.key(0), params, days=500).returns)
    returns[:-70, -1] = np.nan
    returns[:-30, -2] = np.nan
    return returns


def test_assets_of_one_kind_are_estimated_better_together(alike):
    alone, pooled = NeuralCalibrator.pretrained()(alike), NeuralCalibrator.pretrained(pooled=True)(alike)

    def error(fit):
        return np.sqrt(np.mean((fit.params.beta[:-2] - 0.89) ** 2))

    assert error(pooled) < 0.6 * error(alone)


def test_short_histories_get_a_sensible_and_wide_posterior(alike):
    fit = NeuralCalibrator.pretrained(pooled=True)(alike)
    assert fit.status[-1] in (Status.SHORT_HISTORY, Status.OK)
    assert fit.status[-2] is Status.TOO_SHORT
    low, high = fit.posterior.interval(0.9)
    width = np.asarray(high.omega / low.omega)
    assert width[-1] > np.median(width[:-2])
    for k in (-1, -2):
        assert low.beta[k] < 0.89 < high.beta[k]


def test_groups_shrink_apart(alike):
    labels = ["a"] * 30 + ["b"] * 30
    loud = alike * np.where(np.arange(60) < 30, 1, 3)
    pooled = NeuralCalibrator.pretrained(pooled=True)
    together, apart = pooled(loud), pooled(loud, labels)
    short = np.arange(60) == 58
    own = np.nanmean(loud[:, short] ** 2)
    assert (
        abs(np.log(apart.params.long_run_variance[short] / own))
        < abs(np.log(together.params.long_run_variance[short] / own)) + 0.3
    )
    with pytest.raises(DataError, match="group labels"):
        pooled(loud, labels[:5])


def test_a_bad_print_of_one_asset_leaves_the_levels_borrowed_by_others():
    """Ten times the price for a day in one of four assets; two others have no data and a constant price."""
    rng = np.random.default_rng(0)
    clean = 0.01 * rng.standard_normal((500, 6))
    clean[:, 4], clean[:, 5] = np.nan, 0.0
    spoiled = clean.copy()
    spoiled[-8:-6, 0] = 9.0, -0.9
    calibrate = NeuralCalibrator.pretrained(robust=True, pooled=True)
    before, after = calibrate(clean).next_variance[4:], calibrate(spoiled).next_variance[4:]
    assert (np.abs(np.log(after / before)) < np.log(2.5)).all()
