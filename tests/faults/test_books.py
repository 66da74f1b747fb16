"""Orders that cannot be done: nothing is bought with money that is not there, and nothing is forgotten."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import riskengine as rk
from riskengine import Constraints, Decision, EqualWeight, Group, Panel, ProportionalCosts, WalkForward, run_backtest
from riskengine.backtest import NoTradeBand, load_result, save_result
from riskengine.backtest.accounting import Book, daily_cash
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
    """States a list of weights in turn, the last one from then on, and limits."""

    weights: tuple[tuple[float, ...], ...]
    constraints: Constraints | None = None
    name: str = "plan"

    def init(self, view):
        return 0

    def decide(self, state, view, holdings):
        return Decision(np.array(self.weights[min(state, len(self.weights) - 1)])), state + 1


def walk(prices, *weights, step=21, delay=1, limits=None, delistings=None, band=None, costs=FREE, **more):
    panel = Panel(prices, delistings=delistings or Delistings())
    schedule = WalkForward(train=250, step=step, delay=delay, band=band)
    return run_backtest(Plan(weights, limits), panel, schedule, costs, **more)


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
    assert all(
        abs(after[j]) >= abs(kept[j]) - 1e-12 and after[j] * kept[j] >= 0 for j in range(len(held))
    )


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


# A whole backtest against plain loops in shares and money.


@dataclass(frozen=True)
class Whim:
    """Random weights of what may be decided on, the same for the same day."""

    short: bool
    gross: float
    name: str = "whim"

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        rng = np.random.default_rng(view.day)
        weights = rng.random(len(holdings)) * (rng.random(len(holdings)) < 0.8) * view.fresh
        if self.short:
            weights *= rng.choice([-1.0, 1.0], len(holdings), p=[0.3, 0.7])
        total = np.abs(weights).sum()
        return Decision(weights * (self.gross / total) if total else weights), state


def world(seed, days=40, assets=4):
    """Prices with gaps, markets that shut for days, and delistings with and without a statement."""
    rng = np.random.default_rng(seed)
    prices = 100 * np.exp(np.cumsum(0.03 * rng.standard_normal((days, assets)), 0))
    prices[rng.random(prices.shape) < 0.1] = np.nan
    for j in range(assets):
        if rng.random() < 0.5:
            first = rng.integers(0, days)
            prices[first : first + rng.integers(1, 9), j] = np.nan
    frame = pd.DataFrame(prices, pd.bdate_range("2022-01-03", periods=days), [f"X{j}" for j in range(assets)])
    stated = {}
    for j in range(assets):
        if rng.random() < 0.3:
            day = int(rng.integers(10, days))
            frame.iloc[day:, j] = np.nan
            if rng.random() < 0.7:
                stated[f"X{j}"] = (frame.index[min(day + int(rng.integers(0, 8)), days - 1)], float(rng.uniform(-1, 0.3)))
    return Panel(frame, delistings=Delistings(stated, default=-0.2))


def fill(shares, last, cash, goal, can, net, gross):
    """One settlement in shares and money, trade by trade. Returns shares and cash."""
    wealth = cash + sum(s * p for s, p in zip(shares, last))
    weight = [s * p / wealth for s, p in zip(shares, last)]
    shares = list(shares)
    after = list(weight)
    for j in range(len(shares)):  # reductions
        if can[j]:
            if weight[j] * goal[j] <= 0:
                after[j] = 0.0
            elif abs(goal[j]) < abs(weight[j]):
                after[j] = goal[j]
    wish = [goal[j] - after[j] if can[j] else 0.0 for j in range(len(shares))]
    total = sum(abs(x) for x in wish)
    if total > 0:
        room = min(max((gross - sum(abs(x) for x in after)) / total, 0.0), 1.0)
        wish = [room * x for x in wish]
    for j in range(len(shares)):
        if wish[j] < 0:
            after[j] += wish[j]
    total = sum(x for x in wish if x > 0)
    if total > 0:
        room = min(max((net - sum(after)) / total, 0.0), 1.0)
        for j in range(len(shares)):
            if wish[j] > 0:
                after[j] += room * wish[j]
    traded = 0.0
    for j in range(len(shares)):
        if can[j]:
            bought = after[j] * wealth / last[j] - shares[j]
            shares[j] += bought
            cash -= bought * last[j]
            traded += abs(bought) * last[j] / wealth
    return shares, cash, after, traded


def ledger(panel, schedule, targets, cash_rate, borrow_rate):
    """Gross returns, turnover and weights by a loop over days and assets, in shares and money."""
    prices, count = panel.prices.to_numpy(), len(panel.assets)
    folds = schedule.folds(panel.dates)
    start = folds[0].trade
    trades = {fold.trade: k for k, fold in enumerate(folds)}
    delisted = panel.delistings.proceeds(panel.prices)
    due = {j: t for t, columns in delisted.items() for j in columns}
    last = [float("nan")] * count
    for row in prices[:start]:
        last = [last[j] if np.isnan(row[j]) else row[j] for j in range(count)]
    shares, cash, silent = [0.0] * count, 1.0, [0] * count
    waiting, stuck, goal, net, gross = set(), set(), None, 0.0, 0.0
    gains, turnover, weights = [], [], []
    before = 1.0
    for t in range(start, len(prices)):
        open_ = [not np.isnan(prices[t, j]) for j in range(count)]
        freed = False
        if t > start:
            cash *= 1 + (cash_rate if cash >= 0 else borrow_rate) / 252
            for j in range(count):
                silent[j] = 0 if open_[j] else silent[j] + 1
                proceeds = None
                if j in delisted.get(t, {}):
                    proceeds = 1 + delisted[t][j]
                elif silent[j] == 5 and shares[j] != 0 and due.get(j, -1) < t:
                    proceeds = 0.8
                if proceeds is not None:
                    if shares[j] != 0:
                        cash += shares[j] * last[j] * proceeds
                        shares[j] = 0.0
                    freed |= j in stuck
                    waiting.discard(j)
                    stuck.discard(j)
        last = [prices[t, j] if open_[j] else last[j] for j in range(count)]
        wealth = cash + sum(s * p for s, p in zip(shares, last) if s)
        gains.append(wealth / before - 1)
        now = [s * p / wealth if s else 0.0 for s, p in zip(shares, last)]
        traded, wanted = 0.0, None
        if t in trades:
            goal = [float(x) for x in targets[trades[t]]]
            net, gross = sum(goal), sum(abs(x) for x in goal)
            wanted, waiting = goal, {j for j in range(count) if not due.get(j, t + 1) <= t}
        elif waiting and (freed or any(open_[j] for j in stuck)):
            wanted = [goal[j] if j in waiting else now[j] for j in range(count)]
        if wanted is not None:
            known = [1.0 if np.isnan(p) else p for p in last]
            can = [open_[j] and wanted[j] != now[j] for j in range(count)]
            shares, cash, now, traded = fill(shares, known, cash, wanted, can, net, gross)
            waiting = {j for j in waiting if abs(wanted[j] - now[j]) > 1e-12}
            stuck = {j for j in waiting if not open_[j]}
            if not stuck:
                waiting = set()
        weights.append(now)
        turnover.append(traded)
        before = wealth
    return np.array(gains), np.array(turnover), np.array(weights)


@settings(max_examples=150)
@given(
    st.integers(0, 10**6), st.integers(1, 9), st.integers(0, 1), st.booleans(), st.sampled_from([0.6, 1.0, 1.5])
)
def test_the_books_of_an_imperfect_world_are_those_kept_by_plain_loops(seed, step, delay, short, gross):
    panel, schedule = world(seed), WalkForward(train=5, step=step, delay=delay)
    result = run_backtest(Whim(short, gross), panel, schedule, ProportionalCosts(0.001), cash=0.03, borrow=0.08)
    gains, turnover, weights = ledger(panel, schedule, result.targets.to_numpy(), 0.03, 0.08)
    np.testing.assert_allclose(result.gross, gains, atol=1e-11)
    np.testing.assert_allclose(result.weights, weights, atol=1e-11)
    np.testing.assert_allclose(result.turnover, turnover, atol=1e-11)
    np.testing.assert_allclose(result.costs["trading"], 0.001 * turnover, atol=1e-13)
    if not short and gross <= 1:
        assert result.weights.sum(axis=1).max() <= 1 + 1e-9  # never borrowed
