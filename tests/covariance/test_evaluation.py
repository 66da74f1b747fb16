"""Measures of forecasts, against formulas by hand and forecasts known to be right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from riskengine.covariance import Covariance, Ewma, SampleCovariance
from riskengine.covariance import evaluation as ev
from riskengine.errors import DataError, SettingsError

TRUE = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 0.3], [0.5, 0.3, 1.0]]) * 1e-4
DATA = np.random.default_rng(0).multivariate_normal(np.zeros(3), TRUE, 5000)


def test_right_forecasts_are_called_right():
    weights = np.random.default_rng(1).standard_normal((400, 3))
    volatility = np.sqrt(np.einsum("pi,ij,pj->p", weights, TRUE, weights))
    blocks = (DATA @ weights.T).reshape(20, 250, 400)
    low, high = ev.bias_band(250)
    inside = [ev.bias_statistic(block, np.tile(volatility, (250, 1))) for block in blocks]
    assert np.mean((np.array(inside) > low) & (np.array(inside) < high)) == pytest.approx(0.95, abs=0.04)


def test_the_band_of_fat_tails_is_wider():
    assert ev.bias_band(252)[1] == pytest.approx(1 + np.sqrt(2 / 252), abs=0.002)
    rng = np.random.default_rng(2)
    x = rng.standard_t(10, (500, 4000)) * np.sqrt(0.8)
    low, high = ev.bias_band(500, kurtosis=4.0)
    found = ev.bias_statistic(x, np.ones_like(x))
    assert np.mean((found > low) & (found < high)) == pytest.approx(0.95, abs=0.02)


@given(st.integers(0, 1000))
def test_the_likelihood_is_the_normal_one_and_leaves_gaps_out(seed):
    rng = np.random.default_rng(seed)
    row = rng.multivariate_normal(np.zeros(3), TRUE)
    assert ev.log_likelihood(row, TRUE) == pytest.approx(multivariate_normal(np.zeros(3), TRUE).logpdf(row))
    gap = np.array([row[0], np.nan, row[2]])
    part = TRUE[np.ix_([0, 2], [0, 2])]
    assert ev.log_likelihood(gap, TRUE) == pytest.approx(
        multivariate_normal(np.zeros(2), part).logpdf(row[[0, 2]])
    )


@given(st.floats(0.3, 3.0))
def test_qlike_is_least_at_the_truth(factor):
    realised = DATA[:, 0] ** 2
    at = np.mean(ev.qlike(realised, np.full(5000, realised.mean())))
    assert np.mean(ev.qlike(realised, np.full(5000, factor * realised.mean()))) >= at


@given(st.integers(0, 200))
def test_no_neighbour_has_less_variance(seed):
    weights = ev.minimum_variance(TRUE)
    step = np.random.default_rng(seed).standard_normal(3) * 0.01
    other = weights + step - step.mean()
    assert weights.sum() == pytest.approx(1)
    assert other @ TRUE @ other >= weights @ TRUE @ weights


def test_held_portfolios_drift_and_pay_for_what_they_trade():
    rng = np.random.default_rng(3)
    periods = [0.02 * rng.standard_normal((5, 3)) for _ in range(4)]
    weights = rng.dirichlet(np.ones(3), 4) * 0.9  # a tenth in cash
    book = ev.held(weights, periods)
    value, daily, traded, before = 1.0, [], [], None
    for target, rows in zip(weights, periods, strict=True):
        if before is not None:
            traded.append(np.abs(target - before).sum())
        holdings, cash = value * target, value * (1 - target.sum())
        for row in rows:
            holdings = holdings * (1 + row)
            daily.append((holdings.sum() + cash) / value - 1)
            value = holdings.sum() + cash
        before = holdings / value
    np.testing.assert_allclose(book.returns, daily)
    np.testing.assert_allclose(book.turnover, traded)
    np.testing.assert_allclose(book.gross, 0.9)
    with pytest.raises(DataError, match="all its wealth"):
        ev.held(np.array([[-3.0, 1.0, 1.0]]), [np.array([[0.9, 0.0, 0.0]])])


def test_forecasts_know_the_past_alone():
    bent = DATA[:400].copy()
    bent[300:] *= 5
    kept = {"window": 200, "horizon": 10, "refit": 7}
    one = {f.day: f.covariance.matrix() for f in ev.forecasts(Ewma(30.0), DATA[:400], **kept)}
    other = {f.day: f.covariance.matrix() for f in ev.forecasts(Ewma(30.0), bent, **kept)}
    assert sorted(one) == list(range(200, 391, 10))
    for day in one:
        assert np.array_equal(one[day], other[day]) == (day <= 300)


def test_a_walk_through_minimum_variance():
    made = list(ev.forecasts(SampleCovariance(250), DATA, 250, 21, refit=21))
    for one in made[:: len(made) // 5]:
        np.testing.assert_allclose(
            one.covariance.matrix(), np.cov(DATA[one.day - 250 : one.day].T), rtol=1e-9, atol=1e-18
        )
    weights = np.array([ev.minimum_variance(one.covariance.matrix()) for one in made])
    book = ev.held(weights, [one.rows for one in made])
    ideal = ev.minimum_variance(TRUE)
    assert book.volatility == pytest.approx(np.sqrt(252 * ideal @ TRUE @ ideal), rel=0.05)
    assert len(book.turnover) == len(made) - 1


def test_bad_input_is_named():
    with pytest.raises(DataError, match="singular"):
        ev.log_likelihood(np.zeros(2), np.ones((2, 2)))
    with pytest.raises(DataError, match="singular"):
        ev.minimum_variance(np.ones((2, 2)))
    with pytest.raises(DataError, match="not positive"):
        ev.bias_statistic(np.zeros(2), np.zeros(2))
    with pytest.raises(DataError, match="shape"):
        ev.bias_statistic(np.zeros(2), np.ones(3))
    for wrong in (
        {"window": 1},
        {"window": 5000},
        {"window": 100, "refit": 0},
        {"window": 100, "horizon": 0},
    ):
        with pytest.raises(SettingsError):
            next(ev.forecasts(Ewma(), DATA, **wrong))
    assert Covariance.dense(TRUE).horizon == 1
