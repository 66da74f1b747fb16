"""Multipliers of residual variances: what they find where it is known to be, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from riskengine.covariance.seasonal_variance import QUARTERS, YEAR, LogVarianceRegression, _gamma_regression


def reporting(days, assets, rng):
    """Residuals with twenty-five times the variance on one day in 63, at a phase of each asset's own."""
    phase = rng.integers(0, 63, assets)
    due = (np.arange(days)[:, None] + phase) % 63 == 0
    return np.where(due, 5.0, 1.0) * rng.standard_normal((days, assets)), due


def test_scheduled_news_are_foreseen():
    rows, due = reporting(1400, 40, np.random.default_rng(0))
    model = LogVarianceRegression()
    coefficients = model.fit(rows[:1250])
    found = np.array([model.multipliers(rows[day - 1250 : day], coefficients) for day in range(1250, 1400)])
    assert found[due[1250:]].mean() > 1.5 * found[~due[1250:]].mean()
    loss = np.log(found) + rows[1250:] ** 2 / found
    flat = np.mean(rows[:1250] ** 2)
    assert loss.mean() < np.mean(np.log(flat) + rows[1250:] ** 2 / flat) - 0.05


def test_a_common_surprise_raises_all_and_fades():
    rng = np.random.default_rng(1)
    scale = np.ones(1250)
    for day in range(1, 1250):  # the logarithm of a common scale that forgets in days
        scale[day] = np.exp(0.8 * np.log(scale[day - 1]) + 0.4 * rng.standard_normal())
    rows = scale[:, None] * rng.standard_normal((1250, 30))
    model = LogVarianceRegression()
    coefficients = model.fit(rows)
    shocked = np.vstack([rows[:-1], 3 * np.sign(rows[-1:])])
    calm = np.vstack([rows[:-1], 0.3 * np.sign(rows[-1:])])
    ahead = [
        model.multipliers(shocked, coefficients, h) / model.multipliers(calm, coefficients, h)
        for h in (1, 5, 21)
    ]
    assert (ahead[0] > 1.5).all()
    assert (ahead[0] > ahead[1]).all()
    assert (ahead[1] > ahead[2]).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_coefficients_are_the_minimum_of_the_loss(seed):
    rng = np.random.default_rng(seed)
    columns = np.hstack([np.ones((400, 1)), rng.standard_normal((400, 2))])
    outcome = np.exp(columns @ rng.normal(0, 0.5, 3)) * rng.chisquare(1, 400)

    def loss(theta):
        eta = columns @ theta
        return np.sum(eta + outcome * np.exp(-eta)) + 0.5 * 10.0 * np.sum(theta[1:] ** 2)

    found = _gamma_regression(columns, outcome, 10.0)
    assert loss(found) <= minimize(loss, np.zeros(3), method="Nelder-Mead").fun + 1e-6


@pytest.mark.parametrize("days", [10, YEAR[-1] + 249])
def test_short_histories_change_nothing(days):
    rows = np.random.default_rng(2).standard_normal((days, 3))
    coefficients = LogVarianceRegression().fit(rows)
    assert not coefficients.any()
    np.testing.assert_array_equal(LogVarianceRegression().multipliers(rows, coefficients, 5), np.ones(3))


def test_gaps_and_assets_without_a_past_take_what_is_usual():
    rows, _ = reporting(1250, 10, np.random.default_rng(3))
    model = LogVarianceRegression()
    coefficients = model.fit(rows)
    rows[:1240, 4] = np.nan
    rows[-1, 5] = np.nan
    rows[600] = np.nan
    assert np.isfinite(model.fit(rows)).all()
    for horizon in (1, 21, min(QUARTERS) + 3):  # beyond the quarter some news are not known yet
        found = model.multipliers(rows, coefficients, horizon)
        assert np.isfinite(found).all()
        assert (found > 0).all()


def test_the_multiplier_of_a_period_is_the_mean_over_its_days():
    rows, _ = reporting(1250, 6, np.random.default_rng(4))
    model = LogVarianceRegression()
    coefficients = np.array([0.1, 0.0, 0.0, 0.0, 0.3, 0.2])  # own and common news aside, a day is its lags
    rows[-3:] = 0.0  # nothing on the days in between that lags would reach
    singly = []
    for ahead in range(3):
        moved = np.vstack([rows, np.full((ahead, 6), np.nan)])
        singly.append(model.multipliers(moved, coefficients))
    np.testing.assert_allclose(model.multipliers(rows, coefficients, 3), np.mean(singly, axis=0), rtol=1e-9)
