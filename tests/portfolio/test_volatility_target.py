"""The target volatility is reached though the forecast is wrong, within its leverage, from the past alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from riskengine.backtest import WalkForward, run_backtest
from riskengine.covariance import Covariance, RunningBias
from riskengine.errors import SettingsError
from riskengine.market import Panel
from riskengine.portfolio import Constraints, OptimizedStrategy, ProportionalCosts, Strategy, VolatilityTarget


@dataclass(frozen=True)
class TooLow:
    """The sample's variances, four times too low: volatilities at half of what they are."""

    def init(self, returns):
        return returns.std(axis=0)

    def update(self, state, row):
        return state

    def forecast(self, state, horizon=1):
        return Covariance(np.zeros((len(state), 1)), state**2 / 4, horizon)


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(0)
    prices = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal((1000, 5)), axis=0))
    return Panel(pd.DataFrame(prices, pd.bdate_range("2015-01-01", periods=1000), list("ABCDE")))


def inside(**more):
    return OptimizedStrategy("inside", TooLow(), window=250, min_history=100, horizon=5, **more)


def realized(panel, **settings):
    strategy = VolatilityTarget(inside(), **settings)
    assert isinstance(strategy, Strategy)
    result = run_backtest(strategy, panel, WalkForward(train=250, step=5), ProportionalCosts(0))
    return np.sqrt(252) * result.returns.iloc[-400:].std(), result


def test_the_bias_is_learned(panel):
    """Five independent assets at 16% make 7%: a target of 5% needs no leverage."""
    trusting, _ = realized(panel, volatility=0.05, bias=None)
    learning, result = realized(panel, volatility=0.05, bias=RunningBias(half_life=60))
    assert trusting == pytest.approx(0.10, rel=0.1)
    assert learning == pytest.approx(0.05, rel=0.1)
    assert result.predicted_volatility.iloc[5:].to_numpy() == pytest.approx(0.05)


def test_leverage_is_a_limit(panel):
    _, result = realized(panel, volatility=0.5, leverage=1.5)
    np.testing.assert_allclose(result.targets.sum(axis=1), 1.5)


def test_no_decision_changes_when_the_future_does(panel):
    _, mine = realized(panel)
    other = panel.prices.copy()
    other.iloc[601:] *= np.random.default_rng(1).uniform(0.5, 1.5, other.iloc[601:].shape)
    _, theirs = realized(Panel(other))
    known = mine.targets.index <= panel.dates[600]
    np.testing.assert_array_equal(mine.targets[known], theirs.targets[known])
    assert not np.array_equal(mine.targets, theirs.targets)


def test_a_stopped_run_goes_on_and_ends_bit_by_bit_the_same(panel, tmp_path):
    class StopError(RuntimeError):
        pass

    def report(stage, done, total):
        if done == 7:
            raise StopError

    strategy, schedule = VolatilityTarget(inside()), WalkForward(train=250, step=60)
    whole = run_backtest(strategy, panel, schedule)
    with pytest.raises(StopError):
        run_backtest(strategy, panel, schedule, report=report, checkpoint=tmp_path)
    resumed = run_backtest(strategy, panel, schedule, checkpoint=tmp_path)
    np.testing.assert_array_equal(resumed.targets, whole.targets)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: VolatilityTarget(inside(), volatility=10.0), "positive fraction"),
        (lambda: VolatilityTarget(inside(), leverage=0.0), "leverage"),
        (lambda: VolatilityTarget(inside(constraints=Constraints(budget=(0.0, 1.0)))), "budget of one"),
        (lambda: RunningBias(half_life=0.0), "half-life"),
        (lambda: RunningBias(ceiling=0.5), "ceiling"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, says):
    with pytest.raises(SettingsError, match=says):
        make()


def test_one_day_does_not_decide_and_a_missing_one_changes_nothing():
    bias = RunningBias(half_life=10.0, ceiling=4.0)
    assert bias.update(1.0, 100.0) == bias.update(1.0, 2.0)
    assert bias.update(1.3, np.nan) == 1.3
