"""The size of a forecast is put right, its shape is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from riskengine.covariance import BiasCorrected, Covariance
from riskengine.errors import DataError, SettingsError


@dataclass(frozen=True)
class Fixed:
    """Always the same."""

    matrix: tuple[tuple[float, ...], ...]

    def init(self, returns):
        return len(returns)

    def update(self, state, row):
        return state + 1

    def forecast(self, state, horizon=1):
        return Covariance.dense(np.array(self.matrix), horizon, ("0: a note",))


ASSETS = 12
BETA = np.linspace(0.5, 1.5, ASSETS)
MARKET, REST = 1e-4 * np.outer(BETA, BETA), 1e-4 * np.diag(np.linspace(1, 3, ASSETS))


def fixed(market, rest):
    return Fixed(tuple(map(tuple, market * MARKET + rest * REST)))


def drawn(days, seed=0):
    rng = np.random.default_rng(seed)
    rest = rng.standard_normal((days, ASSETS)) * np.sqrt(np.diag(REST))
    return 0.01 * rng.standard_normal((days, 1)) * BETA + rest


@pytest.mark.parametrize(("market", "rest"), [(1.0, 1.0), (0.25, 1.0), (2.0, 0.5)])
def test_both_sizes_are_found(market, rest):
    model = BiasCorrected(fixed(market, rest), half_life=1000.0, memory=8000)
    found = model.forecast(model.init(drawn(8002)), horizon=5)
    # The market portfolio holds a little of the rest too, and the other way round.
    np.testing.assert_allclose(found.matrix(), MARKET + REST, atol=0.25e-4)
    assert found.horizon == 5
    assert found.notes == ("0: a note",)


def test_a_forecast_is_judged_by_the_days_after_it():
    """By a plain loop."""
    rows = drawn(40)
    rows[-3, 2] = rows[-5] = np.nan
    matrix = 0.5 * MARKET + REST
    w = np.full(ASSETS, 1 / ASSETS)
    variance, beta = w @ matrix @ w, matrix @ w / (w @ matrix @ w)
    own = np.diag(matrix) - variance * beta**2
    decay, market, rest = 0.5 ** (1 / 10), 1.0, 1.0
    for row in rows[-30:]:
        seen = ~np.isnan(row)
        if seen.any():
            moved = row[seen].mean()
            market = decay * market + (1 - decay) * moved**2 / variance
            left = (row - beta * moved)[seen] ** 2 / own[seen]
            rest = decay * rest + (1 - decay) * left.mean()
    model = BiasCorrected(fixed(0.5, 1.0), half_life=10.0, memory=30)
    np.testing.assert_allclose(model.init(rows).verdicts, (market, rest))


def test_one_asset_is_its_own_market():
    model = BiasCorrected(Fixed(((1e-4,),)), half_life=500.0, memory=2000)
    found = model.forecast(model.init(0.02 * np.random.default_rng(0).standard_normal((2002, 1))))
    assert found.matrix()[0, 0] == pytest.approx(4e-4, rel=0.2)


def test_unusable_settings_and_histories_are_refused():
    with pytest.raises(DataError, match="lower memory"):
        BiasCorrected(fixed(1, 1)).init(drawn(127))
    for bad in ({"memory": 0}, {"refresh": 0}, {"half_life": 0}):
        with pytest.raises(SettingsError):
            BiasCorrected(fixed(1, 1), **bad)
