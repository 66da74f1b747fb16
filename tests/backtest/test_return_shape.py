"""Shapes of returns, ratios over time and round trips, against figures of other packages and loops of their own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from riskengine import EqualWeight, WalkForward, run_backtest
from riskengine.backtest import (
    relative_to,
    return_shape,
    rolling_beta,
    rolling_sharpe,
    round_trips,
    worst_periods,
)
from riskengine.backtest.index_benchmark import index_result
from riskengine.errors import DataError


@pytest.fixture(scope="module")
def pair(bundled):
    """JPM, and the mean of the bundled stocks, 2018 to 2021, as results; the first day has no return."""
    returns = bundled.prices.loc["2018":"2021"].pct_change().iloc[1:]
    targets = pd.DataFrame(index=returns.index[:1])
    like = SimpleNamespace(gross=returns["JPM"], targets=targets, periods_per_year=252.0, cash=None)
    return index_result(returns["JPM"], like), index_result(returns.mean(axis=1).rename("mean"), like)


QUANTSTATS = {  # 0.0.86
    "skewness": 0.40899862888571686,
    "kurtosis": 14.837409751028149,
    "positive_periods": 0.5084915084915085,
    "positive_months": 0.5625,
    "omega": 1.113275324757337,
    "tail_ratio": 1.0570745718794068,
    "max_drawdown": -0.4362687830896811,
    "best_period": 0.18012188783298555,
    "worst_period": -0.14965186340711034,
    "best_month": 0.2023639825080743,
    "worst_month": -0.2246093510004299,
    "annual_return": 0.1321549599748404,
    "calmar": 0.30292096317071143,
    "sortino": 0.8036277295207176,
}


def test_figures_are_those_of_quantstats_and_empyrical(pair):
    mine, index = pair
    found, n = mine.metrics, len(mine.returns)
    for name, value in QUANTSTATS.items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-9), name
    # They divide by n - 1 where the engine divides by n.
    few = np.sqrt(n / (n - 1))
    assert found.volatility * few == pytest.approx(0.3261444542106556)
    assert found.sharpe / few == pytest.approx(0.5431369679071253)
    assert found.ulcer_index * few == pytest.approx(0.13961997830918277)
    # empyrical 0.7.1
    assert (found.var_95, found.cvar_95) == pytest.approx((0.02716492689493898, 0.04542362491154712))
    against = relative_to(mine, index)
    assert against.beta == pytest.approx(1.1973862191438378)
    assert against.alpha == pytest.approx(-0.09298486778025541)
    assert against.correlation == pytest.approx(0.7950557026431303)
    assert rolling_sharpe(mine, 252).iloc[-1] * np.sqrt(251 / 252) == pytest.approx(1.2529631221366466)
    assert rolling_beta(mine, index, 252).iloc[-1] == pytest.approx(1.101677377416533)


def test_falls_below_a_peak_are_those_of_a_loop(pair):
    returns = pair[0].returns
    wealth, peak, depths, lengths, depth, length = 1.0, 1.0, [], [], 0.0, 0
    for one in returns:
        wealth *= 1 + one
        if wealth >= peak:
            depths, lengths = ([*depths, depth], [*lengths, length]) if length else (depths, lengths)
            peak, depth, length = wealth, 0.0, 0
        else:
            depth, length = min(depth, wealth / peak - 1), length + 1
    depths, lengths = ([*depths, depth], [*lengths, length]) if length else (depths, lengths)
    shape = return_shape(returns)
    assert shape.average_drawdown == pytest.approx(np.mean(depths))
    assert shape.longest_drawdown == max(lengths) + 1  # from the peak to the day of the recovery


def test_a_portfolio_against_itself_and_against_one_that_stands_still(pair):
    mine = pair[0]
    same = relative_to(mine, mine)
    assert (same.beta, same.correlation, same.up_capture, same.down_capture) == pytest.approx((1, 1, 1, 1))
    assert (same.alpha, same.tracking_error) == pytest.approx((0, 0))
    still = index_result(0.0 * mine.returns.rename("still"), mine)
    assert np.isnan(relative_to(mine, still)).all()


def test_the_worst_days_stand_beside_what_others_did(pair):
    mine, index = pair
    table = worst_periods(mine.beside((index,)), 3)
    assert [f"{date:%Y-%m-%d}" for date in table.index] == ["2020-03-16", "2020-03-09", "2020-03-18"]
    np.testing.assert_array_equal(table["mean"], index.returns[table.index])


@pytest.fixture(scope="module")
def turning(prices):
    """Long what rose most, short what fell most, changed every 30 days."""

    def momentum(view):
        ranked, weights = np.argsort(view.prices[-1] / view.prices[-60]), np.zeros(6)
        weights[ranked[-2:]], weights[ranked[0]] = 0.6, -0.2
        return weights

    return run_backtest(momentum, prices, WalkForward(300, 30), 0.001, (EqualWeight(min_history=100),))


def test_round_trips_add_up_to_the_returns_and_fill_every_holding(turning, prices):
    trips = round_trips(turning, prices)
    assert trips["contribution"].sum() == pytest.approx(turning.gross.sum(), abs=1e-12)
    assert set(trips["side"]) == {"long", "short"}
    assert trips["opened"].is_monotonic_increasing
    held = turning.weights.abs() > 1e-6
    ends = trips["closed"].fillna(turning.weights.index[-1])
    days = turning.weights.index.get_indexer(ends) - turning.weights.index.get_indexer(trips["opened"])
    assert trips["periods"].tolist() == days.tolist()
    open_now = trips["closed"].isna()
    assert held.to_numpy().sum() == trips["periods"].sum() + open_now.sum()
    assert sorted(trips["asset"][open_now]) == sorted(held.columns[held.iloc[-1]])
    pd.testing.assert_frame_equal(trips.drop(columns="contribution"), round_trips(turning))


def test_round_trips_need_the_prices_of_the_walk(turning, prices):
    with pytest.raises(DataError, match="no asset 'F'"):
        round_trips(turning, prices.drop(columns="F"))
    with pytest.raises(DataError, match="no row for some days"):
        round_trips(turning, prices.iloc[:-5])
