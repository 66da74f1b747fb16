"""The overlay holds what is inside it, scaled by a rule that a plain loop can follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import EqualWeight
from riskengine.errors import SettingsError
from riskengine.market import MarketView
from riskengine.portfolio import Decision, DrawdownControl
from riskengine.serialization import pack, unpack


def view_of(returns):
    prices = 100 * np.vstack([np.ones(returns.shape[1]), np.cumprod(1 + returns, axis=0)])
    names = tuple(map(str, range(returns.shape[1])))
    return MarketView(None, names, prices, np.ones(len(names), bool))


@given(st.integers(0, 10**6), st.floats(0.05, 0.6), st.floats(0.05, 1.0), st.integers(2, 60))
def test_exposure_follows_the_drawdown_of_todays_weights(seed, limit, lowest, window):
    returns = np.random.default_rng(seed).normal(0, 0.03, (50, 3))
    overlay = DrawdownControl(EqualWeight(min_history=5), limit, lowest, window)
    view = view_of(returns)
    decision, state = overlay.decide(overlay.init(view), view, np.zeros(3))
    wealth = peak = 1.0
    for row in returns[-window:]:
        wealth *= 1 + row.mean()
        peak = max(peak, wealth)
    exposure = min(1.0, max(lowest, 1 - (1 - wealth / peak) / limit))
    np.testing.assert_allclose(decision.weights, exposure / 3, atol=1e-9)
    assert state.exposure == pytest.approx(exposure, abs=1e-9)
    assert unpack(pack(state)) == state


def test_the_strategy_inside_sees_its_holdings_at_full_size():
    class Keeps:
        name = "keeps"

        def init(self, view):
            return None

        def decide(self, state, view, holdings):
            self.seen = holdings
            return Decision(np.array([0.5, 0.5])), None

    inside = Keeps()
    overlay = DrawdownControl(inside, limit=0.3)
    falling = view_of(np.full((10, 2), -0.01))
    first, state = overlay.decide(overlay.init(falling), falling, np.zeros(2))
    assert first.weights.sum() == pytest.approx(1 - (1 - 0.99**10) / 0.3)
    overlay.decide(state, falling, first.weights)
    np.testing.assert_allclose(inside.seen, [0.5, 0.5])


def test_at_the_peak_nothing_is_held_back_or_said():
    overlay = DrawdownControl(EqualWeight(min_history=5))
    rising = view_of(np.tile([[0.01, 0.02], [0.02, 0.01]], (10, 1)))
    decision, _ = overlay.decide(overlay.init(rising), rising, np.zeros(2))
    assert decision.weights.sum() == 1
    assert decision.notes == ()


@pytest.mark.parametrize("bad", [{"limit": 0.0}, {"lowest": 0.0}, {"window": 0}, {"limit": 1.5}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(SettingsError):
        DrawdownControl(EqualWeight(), **bad)
