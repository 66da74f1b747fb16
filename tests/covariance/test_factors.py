"""Factor models: where they come from, and days on which assets are missing."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine import MaximumLikelihood
from riskengine.covariance import FactorGarch
from riskengine.covariance.factor_garch import _exposures, _parts, portfolio_returns
from riskengine.covariance.weighting import fading_weights

RNG = np.random.default_rng(0)
MARKET = 0.01 * RNG.standard_normal((600, 1))
BETA = np.linspace(0.5, 1.5, 8)
ROWS = MARKET * BETA + 0.004 * RNG.standard_normal((600, 8))


def with_gaps(share):
    rows = ROWS.copy()
    rows[np.random.default_rng(1).uniform(size=rows.shape) < share] = np.nan
    return rows


def test_missing_assets_leave_the_market_as_large_as_it_was():
    """Where half of the assets are missing, the market must not move half as much."""
    whole = portfolio_returns(ROWS, np.full((8, 1), 1 / 8))
    rows = ROWS.copy()
    rows[300:, ::2] = np.nan
    found = portfolio_returns(rows, np.full((8, 1), 1 / 8))
    np.testing.assert_array_equal(found[:300], whole[:300])
    np.testing.assert_allclose(found[300:], ROWS[300:, 1::2].mean(axis=1, keepdims=True))
    assert found[300:].std() / whole[300:].std() == pytest.approx(1, abs=0.15)


def test_long_short_portfolios_are_scaled_by_their_absolute_weights():
    rows = np.array([[0.01, 0.02, 0.03], [0.01, np.nan, 0.03], [np.nan, np.nan, np.nan]])
    weights = np.array([[0.5], [-0.3], [0.2]])
    found = portfolio_returns(rows, weights).ravel()
    np.testing.assert_allclose(found[:2], [0.005 - 0.006 + 0.006, (0.005 + 0.006) / 0.7])
    assert np.isnan(found[2])


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_exposures_are_least_squares_on_the_days_seen(share):
    rows = with_gaps(share)
    factors = np.hstack([MARKET, RNG.standard_normal((600, 1))])
    weights = fading_weights(600, 100.0)[:, None]
    found = _exposures(weights, rows, factors)
    for asset in range(8):
        some = ~np.isnan(rows[:, asset])
        root = np.sqrt(weights[some])
        expected = np.linalg.lstsq(root * factors[some], root[:, 0] * rows[some, asset], rcond=None)[0]
        np.testing.assert_allclose(found[asset], expected, rtol=1e-9)


def test_gaps_hardly_move_factors_exposures_and_residuals():
    model = FactorGarch(MaximumLikelihood(), half_life=None)
    plain, gappy = model._factors(ROWS), model._factors(with_gaps(0.3))
    np.testing.assert_allclose(gappy[1], plain[1], rtol=0.1)
    parts, holes = _parts(ROWS, *plain), _parts(with_gaps(0.3), *gappy)
    assert np.nanstd(holes[:, 8]) / np.std(parts[:, 8]) == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(np.isnan(holes[:, :8]), np.isnan(with_gaps(0.3)))


def test_the_market_is_found_and_the_residuals_are_free_of_it():
    portfolios, exposures = FactorGarch(MaximumLikelihood(), half_life=None)._factors(ROWS)
    np.testing.assert_allclose(exposures[:, 0], BETA / BETA.mean(), atol=0.1)
    parts = _parts(ROWS, portfolios, exposures)
    np.testing.assert_allclose(parts[:, :8].T @ parts[:, 8], 0, atol=1e-12)
