from __future__ import annotations

import json

import numpy as np
import pytest

from riskengine import (
    EqualWeight,
    NeuralCalibrator,
    OptimizedStrategy,
    Panel,
    RiskMonitor,
    SampleCovariance,
    WalkForward,
    run_backtest,
)
from riskengine.errors import DataError


@pytest.fixture(scope="module")
def result(prices):
    strategy = OptimizedStrategy("sample", SampleCovariance(300), window=300, min_history=100)
    monitor = RiskMonitor(NeuralCalibrator.pretrained(), window=300)
    return run_backtest(
        strategy,
        Panel(prices),
        WalkForward(300, 50),
        benchmarks=(EqualWeight(min_history=100),),
        monitor=monitor,
    )


def test_summary_has_a_row_a_portfolio_and_the_reduction(result):
    table = result.summary()
    assert table.index.tolist() == ["sample", "equal weight"]
    volatility = table["volatility"]
    np.testing.assert_allclose(
        table.loc["equal weight", "reduction"], 1 - volatility["sample"] / volatility["equal weight"]
    )
    assert table.loc["equal weight", "reduction_low"] <= table.loc["equal weight", "reduction"]
    assert table.loc["equal weight", "reduction"] <= table.loc["equal weight", "reduction_high"]
    against = result.compare(result.benchmarks[0])
    assert against.reduction > 0  # minimum variance is calmer than equal weight
    assert "lower" in str(against)


def test_statistics_are_what_they_say(result):
    net, row = result.returns.to_numpy(), result.statistics()
    np.testing.assert_allclose(row["volatility"], net.std() * np.sqrt(252))
    wealth = np.cumprod(1 + net)
    peak = np.maximum(np.maximum.accumulate(wealth), 1)
    np.testing.assert_allclose(row["max_drawdown"], (wealth / peak - 1).min())
    np.testing.assert_allclose(row["sharpe"], net.mean() / net.std() * np.sqrt(252))
    assert 0.7 < row["bias"] < 1.5


def test_risk_is_forecast_for_every_day_after_the_first_trade(result):
    assert result.risk.iloc[1:].notna().all(axis=None)
    assert result.risk.iloc[0].isna().all()
    for level in ("95", "99"):
        assert (result.risk[f"cvar_{level}"].iloc[1:] >= result.risk[f"var_{level}"].iloc[1:]).all()
    table = result.risk_table()
    assert table["exceptions"].between(0, len(result.returns)).all()
    hits = result.exceptions(0.95)
    np.testing.assert_array_equal(hits, (-result.gross > result.risk["var_95"]).iloc[1:])
    assert 0.01 < hits.mean() < 0.12
    with pytest.raises(DataError, match="RiskMonitor"):
        result.exceptions(0.975)
    with pytest.raises(DataError, match="RiskMonitor"):
        result.benchmarks[0].beside(()).exceptions(0.9)


def test_risk_from_the_last_close_has_every_method_horizon_and_level(result):
    table = result.risk_today.set_index(["method", "horizon", "level"])
    assert len(table) == 10
    assert table.index.get_level_values("method")[0] == "adaptive tails"
    assert (table["cvar"] > table["var"]).all()
    for method in ("filtered historical", "Student-t"):
        one, ten = (table.loc[(method, horizon, 0.99), "var"] for horizon in (1, 10))
        assert 1.5 * one < ten < 6 * one
        assert table.loc[(method, 1, 0.95), "var"] < one
    last = result.risk.iloc[-1]
    assert 0.3 < table.loc[("filtered historical", 1, 0.99), "var"] / last["filtered_historical_var_99"] < 3


def test_contributions_add_up(result):
    np.testing.assert_allclose(result.contributions.sum(axis=1), 1)


def test_json_is_strict_and_complete(result):
    content = json.loads(result.to_json(), parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert set(content["summary"]) == {"sample", "equal weight"}
    assert {"data", "weights", "commit", "schedule"} <= set(content["provenance"])


def test_the_same_run_gives_the_same_result(result, prices):
    strategy = OptimizedStrategy("sample", SampleCovariance(300), window=300, min_history=100)
    again = run_backtest(strategy, Panel(prices), WalkForward(300, 50))
    np.testing.assert_array_equal(again.returns, result.returns)
