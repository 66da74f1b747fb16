"""What an ordinary world does to prices: gaps, other calendars, other frequencies, other closing times."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskengine import EqualWeight, Panel, WalkForward, run_backtest
from riskengine.errors import SettingsError
from riskengine.market import Universe


def walk(dates, assets=5, volatility=0.01, seed=0):
    """Prices of independent random walks."""
    z = np.random.default_rng(seed).standard_normal((len(dates), assets))
    names = [f"A{k}" for k in range(assets)]
    return pd.DataFrame(100 * np.exp(np.cumsum(volatility * z, axis=0)), dates, names)


# Gaps


def test_a_return_spans_a_gap_within_the_staleness_and_a_longer_gap_is_reported():
    prices = walk(pd.bdate_range("2022-01-03", periods=60), 2)
    prices.iloc[20:24, 0] = np.nan  # four closes: spanned
    prices.iloc[40:45, 0] = np.nan  # five: not
    panel = Panel(prices)
    returns = panel.returns["A0"]
    assert returns.iloc[23] == pytest.approx(prices.iloc[24, 0] / prices.iloc[19, 0] - 1, abs=1e-15)
    assert np.isnan(returns.iloc[44])
    gaps = [finding for finding in panel.audit() if finding.kind == "long_gap"]
    assert [(gap.asset, gap.date) for gap in gaps] == [("A0", prices.index[40])]
    assert "5 closes" in gaps[0].detail
    assert not np.isnan(Panel(prices, staleness=6).returns["A0"].iloc[44])
    with pytest.raises(SettingsError, match="staleness"):
        Panel(prices, staleness=0)


@pytest.mark.parametrize("days", [1, 3, 7, 30, 59])
def test_windows_of_a_view_are_the_last_rows_of_the_returns_also_where_a_gap_begins_before_them(days):
    prices = walk(pd.bdate_range("2022-01-03", periods=60), 4)
    prices = prices.mask(np.random.default_rng(1).random(prices.shape) < 0.3)
    view = Panel(prices).view(59)
    expected = Panel(prices).returns.to_numpy()
    np.testing.assert_array_equal(view.window(days), expected[-days:])
    np.testing.assert_array_equal(view.returns, expected)
    np.testing.assert_array_equal(view.history, np.sum(~np.isnan(expected), axis=0))


def test_one_missing_print_on_a_decision_day_neither_sells_nor_buys_back():
    prices = walk(pd.bdate_range("2022-01-03", periods=320))
    schedule = WalkForward(train=250, step=21)
    whole = run_backtest(EqualWeight(min_history=200), Panel(prices), schedule)
    prices.iloc[271, 0] = np.nan
    missing = run_backtest(EqualWeight(min_history=200), Panel(prices), schedule)
    pd.testing.assert_frame_equal(missing.targets, whole.targets)


def test_a_universe_keeps_what_is_fresh_and_drops_what_is_stale():
    prices = walk(pd.bdate_range("2022-01-03", periods=60), 3)
    prices.iloc[57:, 0] = np.nan
    prices.iloc[55:, 1] = np.nan
    member = Universe(min_history=10).restrict(Panel(prices).view(59)).member
    assert member.tolist() == [True, False, True]


def test_freshness_counts_closes_of_the_assets_own_calendar():
    dates = pd.date_range("2022-01-03", periods=140)
    prices = walk(dates, 3)
    prices.loc[dates.day_of_week >= 5, "A0"] = np.nan  # a stock
    gone = prices.copy()
    gone.iloc[-9:, 0] = np.nan  # over a weekend: six of its own closes, or seven
    last = len(dates) - 1
    sunday = next(k for k in range(last, 0, -1) if dates[k].day_of_week == 6)
    view = Panel(prices).view(sunday)
    assert view.fresh.tolist() == [True, True, True]
    assert view.tradable.tolist() == [False, True, True]
    assert not Panel(gone).view(last).fresh[0]
