from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from riskengine import EqualWeight, OptimizedStrategy, Panel, SampleCovariance, WalkForward, run_backtest
from riskengine.backtest import confidence_set, deflated_sharpe_ratios, superior_ability
from riskengine.backtest.cost_sensitivity import at_cost, break_even_cost, cost_sensitivity
from riskengine.backtest.selection import (
    deflated_sharpe_ratio,
    effective_trials,
    expected_maximum_sharpe,
    probabilistic_sharpe_ratio,
    variance_losses,
)
from riskengine.errors import DataError, SettingsError

NAMES = list("abcde")


def table(rng, days=400, scales=(1.0,) * 5):
    common = rng.standard_normal((days, 1))
    return pd.DataFrame(
        (0.7 * common + 0.7 * rng.standard_normal((days, 5))) * np.array(scales), columns=NAMES
    )


def test_published_numbers():
    """Bailey and Lopez de Prado: 2012, section 4 (two years of months), and 2014, the worked example."""
    assert round(probabilistic_sharpe_ratio(0.458, 24), 3) == 0.982
    assert round(probabilistic_sharpe_ratio(0.458, 24, -2.448, 10.164), 3) == 0.913
    variance = 0.5 / 250
    assert round(expected_maximum_sharpe(100, variance), 4) == 0.1132
    assert round(deflated_sharpe_ratio(2.5 / np.sqrt(250), 1250, 100, variance, -3, 10), 4) == 0.9004
    # Had only 46 trials been made, it would have reached 95%, as they say.
    assert round(deflated_sharpe_ratio(2.5 / np.sqrt(250), 1250, 46, variance, -3, 10), 2) == 0.95


def test_the_expected_maximum_is_that_of_simulated_trials():
    best = np.random.default_rng(0).standard_normal((20_000, 50)).max(axis=1).mean()
    assert abs(expected_maximum_sharpe(50, 1.0) / best - 1) < 0.02
    assert expected_maximum_sharpe(1, 1.0) == 0


def test_a_probabilistic_ratio_is_right_about_gaussian_samples():
    rng = np.random.default_rng(1)
    x = 0.1 + rng.standard_normal((4000, 60))
    ratios = x.mean(axis=1) / x.std(axis=1)
    probability = np.array([probabilistic_sharpe_ratio(r, 60, benchmark=0.1) for r in ratios])
    assert abs(np.mean(probability < 0.1) - 0.1) < 0.03
    assert abs(np.mean(probability > 0.9) - 0.1) < 0.03


@pytest.mark.slow
def test_trials_without_skill_are_deflated_to_what_luck_alone_would_give():
    rng = np.random.default_rng(2)
    best = [deflated_sharpe_ratios(pd.DataFrame(rng.standard_normal((500, 20)))).max() for _ in range(60)]
    assert np.mean(np.array(best) > 0.95) < 0.1  # undeflated, about 60% would seem significant
    plain = [
        norm.cdf((x.mean(axis=0) / x.std(axis=0)).max() * np.sqrt(499))
        for x in rng.standard_normal((60, 500, 20))
    ]
    assert np.mean(np.array(plain) > 0.95) > 0.4


def test_copies_of_one_strategy_are_one_trial():
    x = np.random.default_rng(3).standard_normal((300, 1))
    assert round(effective_trials(np.hstack([x, x, x])), 6) == 1
    frame = pd.DataFrame(np.hstack([x + 0.1, x + 0.1]), columns=["one", "copy"])
    found = deflated_sharpe_ratios(frame)
    assert found["one"] == found["copy"]
    flat = deflated_sharpe_ratios(frame.assign(cash=0.0))
    assert np.isnan(flat["cash"])


def test_superior_ability_holds_its_size_and_finds_what_is_better():
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(25):
        losses = variance_losses(table(rng))
        p_values.append(superior_ability(losses["a"], losses[NAMES[1:]], draws=150).p_value)
    assert np.mean(np.array(p_values) < 0.1) <= 0.25
    losses = variance_losses(table(rng, scales=(1, 1, 1, 0.7, 1)))
    found = superior_ability(losses["a"], losses[NAMES[1:]], draws=300)
    assert found.p_value < 0.05
    assert found.lower <= found.p_value <= found.upper
    assert superior_ability(losses["a"], losses[["a"]]).p_value == 1
    again = superior_ability(losses["a"], losses[NAMES[1:]], draws=300)
    assert again == found  # seeded


def test_a_confidence_set_keeps_the_best_and_drops_what_is_worse():
    frame = table(np.random.default_rng(5), scales=(0.7, 0.72, 1.2, 1.3, 1.0))
    frame["copy"] = frame["a"]
    p = confidence_set(variance_losses(frame), draws=300)
    assert p.index.tolist() == frame.columns.tolist()
    assert p[["a", "b"]].max() == 1
    assert (p[["c", "d"]] < 0.1).all()
    assert p["copy"] == p["a"]
    assert (confidence_set(variance_losses(frame[["a", "copy"]])) == 1).all()


def test_unusable_tables_are_refused():
    with pytest.raises(DataError, match="too few"):
        confidence_set(pd.DataFrame(np.ones((5, 2))))
    with pytest.raises(DataError, match="free of NaN"):
        deflated_sharpe_ratios(pd.DataFrame(np.full((50, 2), np.nan)))
    losses = table(np.random.default_rng(6))
    with pytest.raises(DataError, match="same days"):
        superior_ability(losses["a"].iloc[1:], losses)
    with pytest.raises(DataError, match="two observations"):
        probabilistic_sharpe_ratio(1.0, 1)
    with pytest.raises(DataError, match="no distribution"):
        probabilistic_sharpe_ratio(2.0, 100, skewness=3.0, kurt=1.0)
    with pytest.raises(SettingsError, match="at least one"):
        expected_maximum_sharpe(0, 1.0)


@pytest.fixture(scope="module")
def pair(prices):
    strategy = OptimizedStrategy("sample", SampleCovariance(300), window=300, min_history=100)
    result = run_backtest(
        strategy, Panel(prices), WalkForward(300, 20), benchmarks=(EqualWeight(min_history=100),)
    )
    return result, result.benchmarks[0]


def test_costs_are_charged_on_the_same_trades(pair):
    result, _ = pair
    np.testing.assert_array_equal(at_cost(result, 0.0).returns, result.gross)
    np.testing.assert_allclose(at_cost(result, 0.0005).returns, result.returns, rtol=1e-12, atol=1e-15)
    sensitivity = cost_sensitivity(result, (0.0, 0.001, 0.01))
    assert sensitivity["sharpe"].is_monotonic_decreasing
    np.testing.assert_allclose(sensitivity.loc[0.01, "costs"], 10 * sensitivity.loc[0.001, "costs"])
    with pytest.raises(SettingsError, match="cost rate"):
        at_cost(result, -0.1)


def test_at_the_break_even_cost_nothing_is_left(pair):
    result, equal = pair
    rate = break_even_cost(result)
    if rate > 0:
        assert abs(at_cost(result, rate).returns.mean()) < 1e-6
    better = at_cost(result, 0.0)
    object.__setattr__(better, "gross", better.gross + 0.0002)
    rate = break_even_cost(better, equal)
    assert 0 < rate < 0.5
    mine, theirs = at_cost(better, rate).returns.mean(), at_cost(equal, rate).returns.mean()
    assert abs(mine - theirs) < 2e-6
    assert break_even_cost(equal, equal) != break_even_cost(equal, equal)  # NaN: they are the same
    object.__setattr__(better, "turnover", equal.turnover)
    assert break_even_cost(better, equal) == np.inf
