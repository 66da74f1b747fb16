"""The contract of VaR forecasters, for every one of them."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine.risk import FilteredHistoricalForecaster, FilteredHistory, TailForecaster

LEVELS = (0.95, 0.99)
WEIGHTS = np.array([[0.5, 0.5, 0.0], [0.2, 0.0, 0.8]])


FORECASTERS = {
    "tails": lambda calibrator: TailForecaster(calibrator, windows=(300,), levels=LEVELS),
    "filtered": lambda calibrator: FilteredHistoricalForecaster(calibrator, window=300, levels=LEVELS),
}


@pytest.fixture(params=FORECASTERS)
def forecaster(request, fixed_shape):
    return FORECASTERS[request.param](fixed_shape)


def test_figures_are_one_a_portfolio_and_ordered(forecaster, returns):
    state = forecaster.init(returns[:400, :3], WEIGHTS)
    for row in returns[400:430, :3]:
        tails = [forecaster.forecast(state, level) for level in LEVELS]
        assert tails[0].value_at_risk.shape == forecaster.volatility(state).shape == (2,)
        assert (tails[0].value_at_risk < tails[1].value_at_risk).all()
        assert all((tail.conditional_value_at_risk > tail.value_at_risk).all() for tail in tails)
        state = forecaster.update(state, row, WEIGHTS)


def test_a_portfolio_of_one_asset_is_that_asset(forecaster, returns):
    rows = returns[:330, :3]
    alone, held = forecaster.init(rows[:300]), forecaster.init(rows[:300], np.eye(3))
    for row in rows[300:]:
        alone, held = forecaster.update(alone, row), forecaster.update(held, row, np.eye(3))
    np.testing.assert_allclose(forecaster.volatility(held), forecaster.volatility(alone), rtol=1e-9)
    found, expected = (forecaster.forecast(state, 0.99).value_at_risk for state in (held, alone))
    np.testing.assert_allclose(found, expected, rtol=1e-2 if isinstance(forecaster, TailForecaster) else 1e-9)


def test_twice_the_weight_is_twice_the_risk(forecaster, returns):
    one, two = (forecaster.init(returns[:400, :3], size * WEIGHTS) for size in (1, 2))
    twice, once = (forecaster.forecast(state, 0.99).value_at_risk for state in (two, one))
    # The tail of all series together is of the same holdings twice, and of other portfolios once.
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-9)


def test_new_weights_show_at_once(forecaster, returns):
    calm = np.array([[1.0, 0.0, 0.0]])
    rows = returns[:, :3] * np.array([1.0, 1.0, 5.0])
    state = forecaster.init(rows[:300], calm)
    held = forecaster.update(state, rows[300], calm)
    moved = forecaster.update(state, rows[300], np.array([[0.0, 0.0, 1.0]]))
    before, after = (forecaster.forecast(one, 0.99).value_at_risk[0] for one in (held, moved))
    assert after > 2 * before


def test_without_holdings_and_with_gaps_figures_of_the_others_are_finite(forecaster, returns):
    rows = returns[:330, :3].copy()
    rows[:200, 1], rows[310] = np.nan, np.nan
    weights = np.vstack([WEIGHTS, np.zeros(3)])
    state = forecaster.init(rows[:300], weights)
    for row in rows[300:]:
        state = forecaster.update(state, row, weights)
        assert np.isfinite(forecaster.forecast(state, 0.95).value_at_risk[:2]).all()
    state = forecaster.update(state, returns[330, :3], np.roll(weights, 1, axis=0))
    assert np.isfinite(forecaster.forecast(state, 0.95).value_at_risk[1:]).all()


def test_filtered_history_day_by_day_is_the_one_of_a_close(fixed_shape, returns):
    rows = returns[:340, :3]
    forecaster = FilteredHistoricalForecaster(fixed_shape, window=320, recalibrate=1, levels=LEVELS)
    state = forecaster.init(rows[:300], WEIGHTS)
    for row in rows[300:]:
        state = forecaster.update(state, row)
    history = FilteredHistory(state.residuals, state.margin.fit.params, state.margin.variance)
    for k, weights in enumerate(WEIGHTS):
        expected = history.portfolio_tail(weights, 0.95)
        assert forecaster.forecast(state, 0.95).value_at_risk[k] == pytest.approx(expected.value_at_risk)


def test_filtered_history_says_nothing_beyond_its_days(fixed_shape, returns):
    """A short history once ended a whole backtest with an error about scenarios."""
    forecaster = FilteredHistoricalForecaster(fixed_shape, window=300, levels=LEVELS)
    state = forecaster.init(returns[:98, :3], WEIGHTS)
    for days, row in enumerate(returns[98:102, :3], start=98):
        assert np.isfinite(forecaster.forecast(state, 0.95).value_at_risk).all()
        found = forecaster.forecast(state, 0.99)
        both = np.array([found.value_at_risk, found.conditional_value_at_risk])
        assert (np.isfinite(both) if days >= 100 else np.isnan(both)).all()
        state = forecaster.update(state, row, WEIGHTS)
