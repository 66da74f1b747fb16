"""What a newcomer tries in Python: frames, functions, series, plots, rich tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import riskengine as rk
from riskengine.errors import DataError, SettingsError, StrategyError
from riskengine.portfolio import FunctionStrategy

SCHEDULE = rk.WalkForward(300, 100)


def calmest(view):
    """All in the asset that moved least."""
    return {view.assets[int(np.argmin(np.nanstd(view.returns, axis=0)))]: 1.0}


@pytest.fixture(scope="module")
def result(prices):
    index = prices.pct_change(fill_method=None).mean(axis=1).rename("index")
    return rk.run_backtest(calmest, prices, SCHEDULE, 0.001, [rk.EqualWeight(min_history=100), index])


def test_a_function_runs_on_a_frame_beside_a_series(result, prices):
    assert [result.name, *(one.name for one in result.benchmarks)] == ["calmest", "equal weight", "index"]
    assert (result.targets.max(axis=1) == 1).all()
    index = result.benchmarks[1]
    expected = prices.pct_change(fill_method=None).mean(axis=1).loc[result.returns.index[1:]]
    np.testing.assert_allclose(index.returns.iloc[1:], expected, atol=1e-15)
    assert index.returns.iloc[0] == 0
    assert result.summary().loc["index", "reduction"] < 1


def test_an_index_beside_a_strategy_is_saved_drawn_and_read_again(result, tmp_path):
    from riskengine.backtest import load_result, save_result

    again = load_result(save_result(result, tmp_path))
    pd.testing.assert_frame_equal(again.summary(), result.summary())
    assert "index" in result.to_html(tmp_path / "page.html").read_text()


def test_weights_by_name_as_a_series_or_an_array_are_the_same(prices):
    by_name = FunctionStrategy(lambda view: pd.Series({"B": 0.6, "A": 0.4}), "named")
    by_place = FunctionStrategy(lambda view: [0.4, 0.6, 0, 0, 0, 0], "placed")
    one, other = (rk.run_backtest(s, prices, SCHEDULE).returns.to_numpy() for s in (by_name, by_place))
    np.testing.assert_array_equal(one, other)


def test_what_is_no_strategy_and_names_no_asset_is_refused(prices):
    with pytest.raises(StrategyError, match="a function from a view to weights, not a int"):
        rk.run_backtest(3, prices, SCHEDULE)
    with pytest.raises(StrategyError, match="weights name Z"):
        rk.run_backtest(lambda view: {"Z": 1.0}, prices, SCHEDULE)


def test_a_series_of_prices_or_with_gaps_is_no_benchmark(prices):
    with pytest.raises(DataError, match="looks like prices"):
        rk.run_backtest(calmest, prices, SCHEDULE, benchmarks=[prices["A"]])
    gaps = prices["A"].pct_change(fill_method=None).iloc[:-5]
    with pytest.raises(DataError, match="has no return on"):
        rk.run_backtest(calmest, prices, SCHEDULE, benchmarks=[gaps])


def test_a_frame_as_a_vendor_hands_it_out_becomes_a_panel(prices):
    assert rk.load_panel(prices).hash == rk.Panel(prices).hash
    fields = pd.concat({"Close": prices, "Volume": 1000 * prices}, axis=1).iloc[::-1].tz_localize("UTC")
    panel = rk.Panel.from_frame(fields)
    pd.testing.assert_frame_equal(panel.prices, prices, check_freq=False, check_names=False)
    assert [note.split()[0] for note in panel.notes] == ["of", "the", "rows"]
    with pytest.raises(DataError, match="not numbers"):
        rk.Panel.from_frame(prices.reset_index(drop=True))
    with pytest.raises(DataError, match="none is a close"):
        rk.Panel.from_frame(pd.concat({"Open": prices, "Volume": prices}, axis=1))


def test_figures_by_name_are_those_of_the_summary(result):
    row, found = result.statistics(), result.metrics
    assert (found.volatility, found.sharpe, found.annual_return) == (
        row["volatility"],
        row["sharpe"],
        row["return"],
    )
    assert found.calmar == pytest.approx(row["return"] / -row["max_drawdown"])


@pytest.mark.parametrize(
    "kind", ["growth", "volatility", "drawdown", "distribution", "sharpe", "beta", "weights"]
)
def test_a_result_draws_itself(result, kind):
    assert len(result.plot(kind).data) >= 1


def test_an_unknown_figure_is_refused_with_those_that_are(result):
    with pytest.raises(SettingsError, match="growth, volatility"):
        result.plot("pie")


def test_notebooks_show_tables(result, returns):
    assert "<table" in result._repr_html_()
    assert "equal weight" in result._repr_html_()
    fit = rk.calibrate(returns)
    assert "persistence" in fit._repr_html_()
    figure = fit.plot()
    np.testing.assert_allclose(sorted(figure.data[1].x), sorted(fit.to_frame()["next_volatility"]))
    covariance = rk.SampleCovariance(300)
    assert "correlation" in covariance.forecast(covariance.init(returns), 21)._repr_html_()


def test_calibrate_takes_the_robust_pooled_network_unless_it_is_told(returns):
    mine = rk.NeuralCalibrator.pretrained(robust=True, pooled=True)(returns)
    np.testing.assert_array_equal(rk.calibrate(returns).params.beta, mine.params.beta)
    np.testing.assert_array_equal(
        rk.calibrate(returns, "plain").params.beta, rk.NeuralCalibrator.pretrained()(returns).params.beta
    )
    with pytest.raises(SettingsError, match="network, plain, mle, arch"):
        rk.calibrate(returns, "garch")
    with pytest.raises(SettingsError, match="groups are for"):
        rk.calibrate(returns, "plain", groups=list("aabbcc"))


def test_sectors_become_groups_and_a_bare_mapping_is_refused_with_the_remedy():
    sectors = {"A": "x", "B": "x", "C": "y"}
    limits = rk.Constraints(groups=rk.Group.by_sector(sectors, upper=0.5, lower={"y": 0.1}))
    assert [(g.name, g.assets, g.lower, g.upper) for g in limits.groups] == [
        ("x", ("A", "B"), -np.inf, 0.5),
        ("y", ("C",), 0.1, 0.5),
    ]
    with pytest.raises(SettingsError, match="by_sector"):
        rk.Constraints(groups=sectors)
    with pytest.raises(SettingsError, match="sector z, which no asset is in"):
        rk.Group.by_sector(sectors, upper={"z": 0.1})


def test_a_rate_stands_for_costs_and_a_matrix_for_a_covariance(prices):
    class Bare:
        """A forecaster that answers with an array."""

        def init(self, returns):
            return np.cov(returns.T)

        def update(self, state, row):
            return state

        def forecast(self, state, horizon=1):
            return state

    strategy = rk.OptimizedStrategy(
        "bare", Bare(), rk.MeanVariance(), costs=0.001, window=300, min_history=100
    )
    result = rk.run_backtest(strategy, prices, SCHEDULE)
    assert (result.status == "ok").all()
    assert result.predicted_volatility.notna().all()
