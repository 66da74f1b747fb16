"""Orders that cannot be done: nothing is bought with money that is not there, and nothing is forgotten.

Whole backtests are held against an account of units and money in tests/backtest/test_account.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import riskengine as rk
from riskengine import (
    Constraints,
    Decision,
    EqualWeight,
    Group,
    Panel,
    ProportionalCosts,
    WalkForward,
    run_backtest,
)
from riskengine.backtest import NoTradeBand, load_result, save_result
from riskengine.backtest.accounting import Book, daily_cash, vanished_after
from riskengine.errors import DataError, SettingsError, StrategyError
from riskengine.market import Delistings
from riskengine.portfolio import broken_limits, settle

DATES = pd.bdate_range("2022-01-03", periods=320)
Z = np.random.default_rng(0).standard_normal((320, 5))
P = pd.DataFrame(100 * np.exp(np.cumsum(0.01 * Z, 0)), DATES, list("ABCDE"))
FREE = ProportionalCosts(0)
SCHEDULE = WalkForward(train=250, step=21)


def gap(prices, rows, columns):
    holed = prices.copy()
    holed.iloc[rows, columns] = np.nan
    return holed


@dataclass(frozen=True)
class Plan:
    """States a list of weights in turn, the last one from then on, of what has had a price lately; and limits."""

    weights: tuple[tuple[float, ...], ...]
    constraints: Constraints | None = None
    name: str = "plan"

    def init(self, view):
        return 0

    def decide(self, state, view, holdings):
        weights = np.array(self.weights[min(state, len(self.weights) - 1)])
        return Decision(np.where(view.fresh, weights, 0.0)), state + 1


def walk(prices, *weights, step=21, delay=1, limits=None, delistings=None, band=None, train=250, **more):
    panel = Panel(prices, delistings=delistings or Delistings())
    schedule = WalkForward(train=train, step=step, delay=delay, band=band)
    return run_backtest(Plan(weights, limits), panel, schedule, FREE, **more)


def flat(days=300, names="ABC"):
    """Prices that do not move: weights change by trades alone."""
    return pd.DataFrame(100.0, pd.bdate_range("2022-01-03", periods=days), list(names))


def says(result, *words):
    return [note for note in result.notes if all(word in note for word in words)]


# The settlement alone.

BOOKS = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.floats(-1, 1).map(lambda x: round(x, 3))),
        hnp.arrays(np.float64, n, elements=st.floats(-1, 1).map(lambda x: round(x, 3))),
        hnp.arrays(bool, n),
    )
)


@settings(max_examples=300)
@given(BOOKS, st.one_of(st.none(), st.floats(-1, 3)), st.one_of(st.none(), st.floats(0, 3)))
def test_no_settlement_buys_more_than_is_paid_for(book, net, gross):
    held, goal, priced = book
    after = settle(held, goal, priced, net, gross)
    low, high = np.minimum(held, goal), np.maximum(held, goal)
    assert ((after >= low - 1e-12) & (after <= high + 1e-12)).all()  # no asset trades past its goal
    np.testing.assert_array_equal(after[~priced & (held != goal)], held[~priced & (held != goal)])
    # What reductions leave is the least that there is; nothing is added to it beyond the limits.
    kept = [
        w if not open_ else (0.0 if w * g <= 0 else (g if abs(g) < abs(w) else w))
        for w, g, open_ in zip(held, goal, priced, strict=True)
    ]
    gross_limit = np.abs(goal).sum() if gross is None else gross
    net_limit = goal.sum() if net is None else net
    assert np.abs(after).sum() <= max(gross_limit, np.abs(kept).sum()) + 1e-12
    sold_short = sum(min(after[j] - kept[j], 0.0) for j in range(len(held)))
    assert after.sum() <= max(net_limit, sum(kept) + sold_short) + 1e-12
    # Every reduction is done.
    assert all(abs(after[j]) >= abs(kept[j]) - 1e-12 and after[j] * kept[j] >= 0 for j in range(len(held)))


@given(BOOKS)
def test_a_settlement_with_every_price_reaches_its_goal_to_the_bit(book):
    held, goal, _ = book
    np.testing.assert_array_equal(settle(held, goal, np.ones(len(held), bool)), goal)


@given(BOOKS)
def test_permuting_assets_permutes_a_settlement(book):
    held, goal, priced = book
    back = slice(None, None, -1)
    np.testing.assert_allclose(
        settle(held[back], goal[back], priced[back]), settle(held, goal, priced)[back], atol=1e-15
    )


# Cases that a person meets.


def test_a_sale_that_cannot_be_done_is_not_spent():
    """The example: one asset lacks two prints around a trade."""
    panel = Panel(gap(P, slice(271, 273), 0))
    result = run_backtest(EqualWeight(min_history=200), panel, SCHEDULE)
    assert result.weights.sum(axis=1).max() <= 1 + 1e-12
    day = DATES[272]
    assert says(result, f"{day:%Y-%m-%d}: A has no price, its order waits")
    assert says(result, f"{DATES[273]:%Y-%m-%d}: A's order of {day:%Y-%m-%d} is done")
    np.testing.assert_allclose(result.weights.loc[DATES[273]], 0.2, atol=0.01)
    assert not says(result, "borrowed")


def test_a_print_missing_on_the_day_of_a_decision_sells_nothing():
    """What is fresh and not tradable today keeps its weight; its order waits only if there is one."""
    whole, holed = (
        walk(p, (0.2,) * 5, step=21) for p in (P, gap(P, 271, 0))
    )  # decided at 271, traded at 272
    np.testing.assert_allclose(holed.turnover, whole.turnover, atol=1e-12)
    np.testing.assert_allclose(holed.weights.iloc[30:], whole.weights.iloc[30:], atol=1e-12)
    assert not says(holed, "waits")
    shut = walk(gap(P, 271, 0), (0.2,) * 5, step=21, delay=0)  # decided and traded on the day without
    assert shut.weights["A"].min() > 0.15
    assert says(shut, "A has no price, its order waits")


def test_what_a_waiting_sale_was_to_pay_for_is_bought_when_it_is_done():
    prices = gap(flat(), slice(272, 275), 0)
    result = walk(prices, (0.6, 0.2, 0.2), (0.2, 0.4, 0.3))
    rows = result.weights.iloc[20:26].to_numpy()
    # Waiting, A leaves room for 0.9 - 0.6 - 0.4 of the 0.3 that B and C were to get: nothing; they keep what they had.
    np.testing.assert_allclose(rows[1:4], [[0.6, 0.2, 0.2]] * 3, atol=1e-12)
    np.testing.assert_allclose(rows[4:], [[0.2, 0.4, 0.3]] * 2, atol=1e-12)
    traded = result.turnover[result.turnover > 1e-9]
    assert traded.index.tolist() == [prices.index[251], prices.index[275]]
    np.testing.assert_allclose(traded, [1.0, 0.7])
    assert says(result, "B, C traded only as far as cash and limits allow until then")


def test_part_of_the_cash_that_is_there_is_shared_in_proportion():
    prices = gap(flat(), slice(272, 275), 0)
    result = walk(prices, (0.5, 0.1, 0.1), (0.3, 0.4, 0.3))
    np.testing.assert_allclose(result.weights.iloc[21], [0.5, 0.28, 0.22])
    np.testing.assert_allclose(result.weights.iloc[24], [0.3, 0.4, 0.3])


def test_a_purchase_that_cannot_be_done_waits_and_leaves_the_others_alone():
    result = walk(gap(flat(), slice(272, 276), 0), (0.0, 0.5, 0.0), (0.3, 0.4, 0.3))
    np.testing.assert_allclose(result.weights.iloc[21:25], [[0.0, 0.4, 0.3]] * 4)
    np.testing.assert_allclose(result.weights.iloc[25], [0.3, 0.4, 0.3])


def test_an_order_that_waits_is_bought_with_drifted_cash_and_never_on_credit():
    prices = gap(flat(), slice(272, 276), 0)
    prices.iloc[274:, 1] *= 2.0
    result = walk(prices, (0.0, 0.5, 0.3), (0.3, 0.4, 0.3))
    assert result.weights.sum(axis=1).max() <= 1 + 1e-12
    # 0.4 has become 0.8 of 1.4: of the 0.3 for A only what cash is left can be had.
    np.testing.assert_allclose(result.weights.iloc[25], [0.3 / 1.4, 0.8 / 1.4, 0.3 / 1.4])
    assert says(result, "A's order", "as far as cash and limits allow: 21.4% of 30.0%")


def test_two_stuck_assets_come_back_one_after_the_other():
    prices = gap(gap(flat(names="ABCD"), slice(272, 275), 0), slice(272, 276), 1)
    result = walk(prices, (0.5, 0.3, 0.2, 0.0), (0.1, 0.1, 0.2, 0.6))
    rows = result.weights.iloc[[21, 24, 25]].to_numpy()
    np.testing.assert_allclose(rows, [[0.5, 0.3, 0.2, 0.0], [0.1, 0.3, 0.2, 0.4], [0.1, 0.1, 0.2, 0.6]])
    assert len(says(result, "its order waits")) == 2
    assert len(says(result, "is done")) == 2


def test_a_new_decision_replaces_what_waits():
    prices = gap(flat(320), slice(291, 293), 0)
    # Decided at 290 and traded at 291, A is stuck; at 292 the next decision asks for what is held.
    result = walk(prices, (0.6, 0.4, 0.0), (0.2, 0.4, 0.4), (0.6, 0.4, 0.0), step=1, delay=1, train=289)
    np.testing.assert_allclose(result.weights.iloc[:5], [[0.6, 0.4, 0.0]] * 5)
    assert len(says(result, "A has no price, its order waits")) == 1
    assert not says(result, "is done")
    # Had it asked for something else on the day that A has a price again, that is done and the old order named.
    other = walk(prices, (0.6, 0.4, 0.0), (0.2, 0.4, 0.4), (0.5, 0.3, 0.2), step=2, delay=1, train=288)
    np.testing.assert_allclose(other.weights.iloc[2:5], [[0.6, 0.4, 0.0]] * 2 + [[0.5, 0.3, 0.2]])
    assert says(other, "is replaced by that of a new decision")


def test_seven_day_coins_beside_five_day_stocks_never_borrow():
    dates = pd.date_range("2022-01-01", periods=420)
    moves = np.random.default_rng(3).standard_normal((420, 4)) * [0.01, 0.01, 0.04, 0.04]
    prices = pd.DataFrame(100 * np.exp(np.cumsum(moves, 0)), dates, ["SPY", "GLD", "BTC", "ETH"])
    prices.loc[dates.day_of_week >= 5, ["SPY", "GLD"]] = np.nan
    for step in (1, 2, 5, 10):
        schedule = WalkForward(train=250, step=step)
        result = run_backtest(Plan(((0.25,) * 4,)), Panel(prices), schedule)
        assert result.weights.sum(axis=1).max() <= 1 + 1e-12
        assert not says(result, "borrowed")
        weekday = result.weights.groupby(result.weights.index.day_of_week)[["BTC", "ETH"]].mean()
        assert (weekday.to_numpy().max() - weekday.to_numpy().min()) < 0.02
        assert result.weights["SPY"].iloc[2:].min() > 0.1  # a shut market is no reason to sell


@pytest.mark.parametrize("stated", [True, False], ids=["stated", "vanished"])
def test_an_asset_that_is_stuck_until_it_is_gone_frees_what_waits_for_it(stated):
    prices = gap(flat(), slice(270, 300), 0)
    gone = Delistings({"A": (prices.index[276], -0.5)} if stated else {}, default=-0.25)
    result = walk(prices, (0.6, 0.2, 0.2), (0.0, 0.5, 0.5), delistings=gone)
    day = 276 if stated else 274
    wealth = 0.7 if stated else 0.85
    before, after = result.weights.iloc[day - 252], result.weights.iloc[day - 251]
    np.testing.assert_allclose(before, [0.6, 0.2, 0.2])
    np.testing.assert_allclose(result.gross.iloc[day - 251], wealth - 1)
    np.testing.assert_allclose(after, [0.0, 0.5, 0.5])
    np.testing.assert_allclose(result.turnover.iloc[day - 251], 1 - 0.4 / wealth)
    assert says(result, "A's order of", "lapses")
    assert not says(result, "is done")


def test_a_delisting_on_the_day_of_the_trade_comes_first_and_is_not_bought_back():
    prices = gap(flat(290), slice(272, 290), 0)
    gone = Delistings({"A": (prices.index[271], -0.5)})
    result = walk(prices, (0.4, 0.4, 0.2), (0.4, 0.3, 0.3), limits=Constraints(), delistings=gone)
    np.testing.assert_allclose(result.gross.iloc[21], -0.2)
    np.testing.assert_allclose(result.weights.iloc[21], [0.0, 0.3, 0.3])
    assert says(result, "A was delisted, its order lapses")
    assert not says(result, "waits")
    assert [breach.limit for breach in result.breaches] == ["budget = 1"]


def test_a_stated_delisting_return_is_not_replaced_by_the_default_one():
    """Also where its date is the day on which the holding would be taken as vanished."""
    prices = gap(flat(), slice(260, 300), 0)
    gone = Delistings({"A": (prices.index[264], -0.9)}, default=-0.1)
    result = walk(prices, (0.5, 0.0, 0.0), delistings=gone)
    np.testing.assert_allclose(result.gross.iloc[264 - 251], -0.45)


def test_a_holding_is_kept_for_a_delisting_that_is_stated_for_after_the_last_close():
    prices = gap(flat(), slice(260, 300), 0)
    gone = Delistings({"A": (prices.index[-1] + pd.offsets.BDay(5), -0.9)}, default=-0.1)
    result = walk(prices, (0.5, 0.0, 0.0), delistings=gone)
    assert result.gross.eq(0).all()
    assert result.weights["A"].iloc[15] == 0.5


def test_what_has_vanished_is_counted_in_business_days_at_every_frequency():
    dates = pd.date_range("2022-01-01", periods=300)
    prices = pd.DataFrame(100.0, dates, ["stock", "coin"])
    prices.loc[dates.day_of_week >= 5, "stock"] = np.nan
    prices.iloc[262:267, 0] = np.nan  # shut from Tuesday to Sunday, as New York was in September 2001
    result = walk(prices, (0.5, 0.5))
    assert result.weights["stock"].iloc[1:].min() > 0.4
    assert not says(result, "any more")
    hours = pd.DatetimeIndex([d + pd.Timedelta(hours=h) for d in DATES[:60] for h in range(9, 16)])
    night = pd.DataFrame(100.0, hours, ["day", "night"])
    night.iloc[300:320, 1] = np.nan
    assert not says(walk(night, (0.5, 0.5)), "any more")
    night.iloc[300:, 1] = np.nan
    gone = hours[299 + vanished_after(Panel(night).periods_per_year)]
    assert gone - hours[300] > pd.Timedelta(days=6)  # five business days
    assert says(walk(night, (0.5, 0.5)), f"{gone:%Y-%m-%d %H:%M}: night has no price any more")


def test_a_short_sale_waits_for_nothing_and_gross_exposure_never_exceeds_what_was_decided():
    prices = gap(flat(), slice(272, 275), 0)
    limits = Constraints(lower=-1.0, upper=2.0, budget=(0.0, 1.0), leverage=1.6)
    result = walk(prices, (1.0, 0.0, 0.0), (0.2, 1.1, -0.3), limits=limits)
    # A is stuck at 1.0: of the 1.4 wanted, gross exposure leaves 0.6, so B and C would get 3/7 each; the sum of
    # the weights, 1.0, then leaves B what the short sale brings.
    share = 0.6 / 1.4
    np.testing.assert_allclose(result.weights.iloc[21], [1.0, 0.3 * share, -0.3 * share])
    np.testing.assert_allclose(result.weights.iloc[24], [0.2, 1.1, -0.3])
    assert np.abs(result.weights).sum(axis=1).max() <= 1.6 + 1e-12
    neutral = walk(gap(flat(), slice(272, 275), 0), (0.5, -0.5, 0.0), (-0.5, 0.5, 0.0))
    # The short position is covered whatever happens; nothing is bought against a sale that is not done.
    np.testing.assert_allclose(neutral.weights.iloc[21], [0.5, 0.0, 0.0])
    np.testing.assert_allclose(neutral.weights.iloc[24], [-0.5, 0.5, 0.0])


def test_a_portfolio_of_130_and_30_comes_back_to_what_was_decided():
    prices = gap(P, slice(271, 274), [0, 4])
    target = (0.4, 0.3, 0.3, 0.3, -0.3)
    limits = Constraints(lower=-0.3, upper=0.5, leverage=1.6)
    result = walk(prices, target, limits=limits, step=21)
    np.testing.assert_allclose(result.weights.iloc[23], target, atol=0.02)
    assert result.weights.sum(axis=1).iloc[21] <= 1 + 1e-12
    assert np.abs(result.weights).sum(axis=1).iloc[21] <= 1.6 + 0.01  # what is stuck has drifted


def test_a_band_and_a_stuck_asset_borrow_nothing():
    prices = gap(P, slice(271, 274), 0)
    for width in (0.001, 0.01, 0.05):
        result = walk(prices, (0.2,) * 5, (0.1, 0.3, 0.2, 0.2, 0.2), band=NoTradeBand(width))
        assert result.weights.sum(axis=1).max() <= 1 + 1e-12
        assert abs(result.weights["A"].iloc[23] - 0.1) < 0.01


def test_all_wealth_lost_is_an_error_also_where_the_asset_could_not_be_sold():
    prices = gap(flat(), slice(272, 274), 0)
    prices.iloc[274:, 0] *= 0.3
    with pytest.raises(StrategyError, match="all wealth is lost on"):
        walk(prices, (2.0, 0.0, 0.0), (0.0, 0.0, 0.0), limits=Constraints(upper=2.0, budget=2.0))


# Limits that a strategy states.


def test_a_cap_that_a_stuck_asset_breaks_is_listed_and_one_that_drift_breaks_is_not():
    prices = gap(P, slice(271, 273), 0)
    prices.iloc[260:, 0] *= 3.0
    limits = Constraints(upper=0.25, groups=(Group("first", ("A", "B"), upper=0.45),))
    result = walk(prices, (0.2,) * 5, limits=limits)
    held = result.weights["A"].iloc[21]
    assert held > 0.4
    found = {(breach.date, breach.limit, breach.asset): breach for breach in result.breaches}
    date = f"{DATES[272]:%Y-%m-%d}"
    assert set(found) == {(date, "upper bound 0.25", "A"), (date, "group first <= 0.45", "A")}
    np.testing.assert_allclose(found[date, "upper bound 0.25", "A"].value, held)
    assert says(result, f"{date}: upper bound 0.25 is broken at {held:.4g}", "A")
    assert not walk(P, (0.2,) * 5, limits=limits).breaches
    assert result.weights["A"].iloc[15] > 0.25  # by drift alone, before


def test_a_purchase_that_waits_leaves_a_budget_unmet_and_that_is_listed():
    limits = Constraints(lower=0.05, upper=0.6)
    result = walk(gap(flat(), slice(272, 276), 0), (0.1, 0.5, 0.4), (0.3, 0.3, 0.4), limits=limits)
    (breach,) = result.breaches
    assert (breach.limit, breach.asset, breach.bound) == ("budget = 1", "A", 1.0)
    np.testing.assert_allclose(breach.value, 0.8)


def test_broken_limits_are_named_like_those_that_clash():
    limits = Constraints(
        lower={"C": 0.1, "*": -0.2}, upper=0.5, budget=(0.2, 0.9), leverage=1.0, min_holding=0.05,
        groups=(Group("one", ("A", "B"), lower=0.6),), exposures=(rk.Exposure("beta", {"A": 2.0}, upper=1.0),),
    )  # fmt: skip
    weights = np.array([0.7, -0.3, 0.0, 0.03])
    found = {(one.limit, one.asset): one.value for one in broken_limits(limits, tuple("ABCD"), weights)}
    expected = {
        ("upper bound 0.5", "A"): 0.7, ("lower bound -0.2", "B"): -0.3, ("lower bound 0.1", "C"): 0.0,
        ("group one >= 0.6", ""): 0.4, ("exposure beta <= 1", ""): 1.4, ("leverage <= 1", ""): 1.03,
        ("min_holding >= 0.05", "D"): 0.03,
    }  # fmt: skip
    assert found == pytest.approx(expected)
    eased = replace(limits, soft={"upper": 1.0, "leverage": 1.0, "group one": 2.0})
    left = {one.limit for one in broken_limits(eased, tuple("ABCD"), weights)}
    assert left == {"lower bound -0.2", "lower bound 0.1", "exposure beta <= 1", "min_holding >= 0.05"}
    assert not broken_limits(Constraints(), ("A", "B"), np.array([0.5, 0.5 - 1e-9]))


# Money.


def test_borrowed_cash_costs_its_own_rate_and_is_said_once():
    limits = Constraints(upper=2.0, budget=(0.0, 1.5))
    prices = flat()
    half = walk(prices, (0.5, 0.0, 0.0), cash=0.0252, borrow=0.0504)
    np.testing.assert_allclose(half.gross.iloc[1:], 0.5 * 0.0252 / 252, rtol=1e-2)
    assert not says(half, "borrowed")
    levered = walk(prices, (1.5, 0.0, 0.0), limits=limits, cash=0.0252, borrow=0.0504)
    np.testing.assert_allclose(levered.gross.iloc[1], -0.5 * 0.0504 / 252)
    (note,) = says(levered, "borrowed")
    assert "borrowed 50." in note
    assert "at 5.04% a year" in note
    same = walk(prices, (1.5, 0.0, 0.0), limits=limits, cash=0.0252)
    np.testing.assert_allclose(same.gross.iloc[1], -0.5 * 0.0252 / 252)
    known = pd.Series([0.02, 0.05], [prices.index[0], prices.index[260]])
    stepped = walk(prices, (1.5, 0.0, 0.0), limits=limits, cash=0.01, borrow=known)
    np.testing.assert_allclose(stepped.gross.loc[prices.index[260]], -0.5 * 0.02 / 252, rtol=1e-2)
    np.testing.assert_allclose(stepped.gross.loc[prices.index[261]], -0.5 * 0.05 / 252, rtol=1e-2)
    assert "at 2.00% to 5.00% a year" in says(stepped, "borrowed")[0]
    assert levered.provenance["borrow"] == "0.0504 a year"
    with pytest.raises(SettingsError, match="borrow rate is a fraction"):
        walk(prices, (0.5, 0.0, 0.0), borrow=5.0)
    with pytest.raises(DataError, match="no borrow rate on"):
        walk(prices, (0.5, 0.0, 0.0), borrow=known.iloc[1:])


@pytest.mark.parametrize(("frequency", "periods"), [("B", 252), ("D", 365), ("W-FRI", 52), ("ME", 12)])
def test_cash_earns_its_rate_a_year_at_every_frequency(frequency, periods):
    dates = pd.date_range("2010-01-01", periods=300, freq=frequency)
    prices = pd.DataFrame(100.0, dates, ["A", "B"])
    result = walk(prices, (0.0, 0.0), cash=0.05)
    np.testing.assert_allclose(result.gross.iloc[1:], 0.05 / periods)
    assert result.periods_per_year == periods
    np.testing.assert_allclose(daily_cash(0.05, dates, periods), 0.05 / periods)


# The road: files, processes, console.


def test_a_run_with_waiting_orders_is_written_read_resumed_and_the_same_in_processes(tmp_path):
    panel = Panel(gap(P, slice(271, 273), 0))
    limits = Constraints(upper={"A": 0.12})
    first = Plan(((0.15, 0.25, 0.2, 0.2, 0.2), (0.1, 0.3, 0.2, 0.2, 0.2)), limits)
    rival = EqualWeight(min_history=200)
    whole = run_backtest(first, panel, SCHEDULE, benchmarks=[rival], cash=0.02)
    assert whole.breaches
    assert says(whole.benchmarks[0], "A has no price, its order waits")  # benchmarks keep the same books
    beside = run_backtest(first, panel, SCHEDULE, benchmarks=[rival], cash=0.02, jobs=2)

    class StopError(RuntimeError):
        pass

    def stop(stage, done, total):
        if done == 2:
            raise StopError

    with pytest.raises(StopError):
        run_backtest(first, panel, SCHEDULE, cash=0.02, checkpoint=tmp_path / "run", report=stop)
    resumed = run_backtest(first, panel, SCHEDULE, cash=0.02, checkpoint=tmp_path / "run")
    with pytest.raises(DataError, match=r"another run .borrow differs"):
        run_backtest(first, panel, SCHEDULE, cash=0.02, borrow=0.04, checkpoint=tmp_path / "run")
    read = load_result(save_result(whole, tmp_path / "out"))
    for other in (beside, resumed, read):
        np.testing.assert_array_equal(other.weights, whole.weights)
        np.testing.assert_array_equal(other.turnover, whole.turnover)
        assert other.notes == whole.notes
        assert other.breaches == whole.breaches
    content = json.loads(whole.to_json())
    assert content["limits_broken"] == len(whole.breaches)
    assert content["breaches"][0]["limit"] == whole.breaches[0].limit


def test_the_future_moves_no_earlier_order():
    panel = gap(P, slice(271, 274), 0)
    other = panel.copy()
    other.iloc[274:] *= np.random.default_rng(1).uniform(0.5, 1.5, other.iloc[274:].shape)
    mine, theirs = (walk(p, (0.2,) * 5, (0.1, 0.3, 0.2, 0.2, 0.2)) for p in (panel, other))
    until = DATES[273]
    np.testing.assert_array_equal(mine.weights.loc[:until], theirs.weights.loc[:until])
    np.testing.assert_array_equal(mine.gross.loc[:until], theirs.gross.loc[:until])


def test_an_order_that_never_comes_back_stays_where_it_is():
    """No holding and no price: the order waits until the next decision and nothing else changes."""
    book = Book.empty(("A", "B"), np.zeros(2, bool))
    priced = np.array([False, True])
    np.testing.assert_array_equal(book.trade(np.array([0.5, 0.5]), priced, "day 0"), [0.0, 0.5])
    for day in range(1, 12):
        book.pass_day(np.ones(2), priced, f"day {day}", 0.0, {})
        assert book.retry(priced, f"day {day}") is None
    assert book.orders is not None
    np.testing.assert_array_equal(book.trade(np.array([0.0, 1.0]), priced, "day 12"), [0.0, 0.5])
    assert book.orders is None
    assert book.flags == ["day 0: A has no price, its order waits"]
