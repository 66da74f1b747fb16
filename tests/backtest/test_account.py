"""The books against an account kept by hand: units and money in plain loops, on random worlds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, reject, settings
from hypothesis import strategies as st

from riskengine import Constraints, Decision, Panel, ProportionalCosts, WalkForward, run_backtest
from riskengine.errors import StrategyError
from riskengine.market import Delistings

ASSETS = "ABCDE"


@dataclass(frozen=True)
class Scripted:
    """Random weights within its limits, a function of the day alone, on whatever may be decided on."""

    seed: int
    short: bool
    constraints: Constraints
    name: str = "scripted"
    asked: list = field(default_factory=list, compare=False)

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        rng = np.random.default_rng([self.seed, view.day])
        raw = np.where(view.fresh, rng.random(len(view.assets)) ** 2, 0.0)
        if not raw.any():
            return Decision(np.zeros(len(raw))), state
        weights = raw / raw.sum() * rng.choice([1.0, 1.0, 0.7])
        if self.short and len(raw) > 1:
            flip = rng.random(len(raw)) < 0.4
            if flip.any() and not flip.all():
                weights[flip] *= -0.5
                total = weights.sum()
                weights[~flip] += np.where(
                    weights[~flip] > 0, (1.0 - total) / max((weights[~flip] > 0).sum(), 1), 0
                )
        self.asked.append((view.day, weights))
        return Decision(weights), state


@st.composite
def worlds(draw):
    """Prices with gaps, shut markets and ends; delistings; a schedule; rates and costs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count, days = draw(st.integers(1, 5)), draw(st.integers(25, 45))
    dates = pd.date_range("2024-01-01", periods=days, freq=draw(st.sampled_from(["B", "D"])))
    values = 100 * np.exp(np.cumsum(0.03 * rng.standard_normal((days, count)), axis=0))
    for j in range(count):
        kind = draw(st.sampled_from(["whole", "gaps", "long gap", "shut", "ends", "late"]))
        event(kind)
        if kind == "gaps":
            values[rng.random(days) < 0.25, j] = np.nan
        elif kind == "long gap":
            first = int(rng.integers(5, days - 8))
            values[first : first + int(rng.integers(3, 12)), j] = np.nan
        elif kind == "shut":
            values[(np.arange(days) % 7) >= 5, j] = np.nan
        elif kind == "ends":
            values[int(rng.integers(8, days - 1)) :, j] = np.nan
        elif kind == "late":
            values[: int(rng.integers(1, days - 3)), j] = np.nan
    names = list(ASSETS[:count])
    prices = pd.DataFrame(values, dates, names)
    stated = {}
    for name in names:
        last = prices[name].last_valid_index()
        if last is not None and last < dates[-1] and draw(st.booleans()):
            after = dates[dates > last][: 1 + int(rng.integers(0, 4))]
            stated[name] = (after[-1] if draw(st.booleans()) else last, float(rng.choice([-0.9, -0.4, 0.1])))
    short = draw(st.booleans())
    limits = (
        Constraints(lower=-1.0, upper=3.0, budget=(0.0, 1.0), leverage=4.0)
        if short
        else Constraints(budget=(0.0, 1.0))
    )
    step = draw(st.integers(1, 9))
    return {
        "panel": Panel(prices, delistings=Delistings(stated, draw(st.sampled_from([0.0, -0.3])))),
        "strategy": Scripted(draw(st.integers(0, 999)), short, limits),
        "schedule": WalkForward(
            train=draw(st.integers(2, 6)), step=step, delay=draw(st.integers(0, min(step, 2)))
        ),
        "costs": ProportionalCosts(draw(st.sampled_from([0.0, 0.001, 0.02]))),
        "cash": draw(st.sampled_from([0.0, 0.05])),
        "borrow": draw(st.sampled_from([None, 0.12])),
    }


def walked(world):
    """The engine's own run; worlds in which all is lost are passed over."""
    try:
        return run_backtest(
            world["strategy"],
            world["panel"],
            world["schedule"],
            world["costs"],
            cash=world["cash"],
            borrow=world["borrow"],
        )
    except StrategyError as error:
        if "all wealth is lost" not in str(error):
            raise
        reject()


def by_hand(panel, decisions, folds, rate_of_costs, cash_rate, borrow_rate, periods):
    """Units of each asset and money, day by day; fractions only where weights are asked for."""
    values = panel.prices.to_numpy()
    days, count = values.shape
    start = folds[0].trade
    stated = {}
    for j, name in enumerate(panel.assets):
        if name in panel.delistings.returns:
            date, value = panel.delistings.returns[name]
            for t in range(days):
                if panel.dates[t] >= date and math.isnan(values[t, j]):
                    stated[j] = (t, value)
                    break
    last_price = [math.nan] * count
    for t in range(start + 1):
        for j in range(count):
            if not math.isnan(values[t, j]):
                last_price[j] = values[t, j]
    units, money, wealth_before = [0.0] * count, 1000.0, 1000.0
    unseen = [0] * count
    waiting, net_limit, gross_limit = {}, 0.0, 0.0
    patience = max(5, math.ceil(5 * periods / 252))  # five business days
    rows = []

    def settle(t, goals):
        """Trade towards goal weights; units and money after it, what was traded, and what is left over."""
        nonlocal money
        total = money + sum(units[j] * last_price[j] for j in range(count) if units[j])
        now = [units[j] * last_price[j] / total if units[j] else 0.0 for j in range(count)]
        after, rises, falls = list(now), {}, {}
        stuck = set()
        for j in range(count):
            change = goals[j] - now[j]
            if math.isnan(values[t, j]):
                if abs(change) > 1e-12:
                    stuck.add(j)
                continue
            if now[j] * goals[j] < 0:  # through zero: all of it goes, and the other side is built anew
                after[j], grows = 0.0, goals[j]
            elif abs(goals[j]) < abs(now[j]):
                after[j], grows = goals[j], 0.0
            else:
                grows = change
            if grows > 0:
                rises[j] = grows
            elif grows < 0:
                falls[j] = grows
        room, asked = gross_limit - sum(abs(x) for x in after), sum(rises.values()) - sum(falls.values())
        first = 1.0 if asked == 0 else min(1.0, max(0.0, room / asked))
        net = sum(after) + first * sum(falls.values())
        wanted = first * sum(rises.values())
        second = 1.0 if wanted == 0 else min(1.0, max(0.0, (net_limit - net) / wanted))
        for j, x in falls.items():
            after[j] += first * x
        for j, x in rises.items():
            after[j] += first * second * x
        traded = 0.0
        for j in range(count):
            if after[j] != now[j]:
                traded += abs(after[j] - now[j])
                units[j] = after[j] * total / last_price[j]
        money = total - sum(units[j] * last_price[j] for j in range(count) if units[j])
        left = {j: goals[j] for j in range(count) if abs(goals[j] - after[j]) > 1e-12}
        # Costs are paid by everything alike, so that weights stay.
        cost = rate_of_costs * traded
        for j in range(count):
            units[j] *= 1 - cost
        money *= 1 - cost
        return traded, stuck, left

    trade_of = {fold.trade: k for k, fold in enumerate(folds)}
    stuck = set()
    for t in range(start, days):
        freed = False
        growth_wealth = money + sum(units[j] * last_price[j] for j in range(count) if units[j])
        if t > start:
            money *= 1 + (cash_rate if money > 0 else borrow_rate) / periods
            for j in range(count):
                seen = not math.isnan(values[t, j])
                unseen[j] = 0 if seen else unseen[j] + 1
                if seen:
                    last_price[j] = values[t, j]
                gone = None
                if j in stated and stated[j][0] == t:
                    gone = stated[j][1]
                elif (
                    unseen[j] >= patience
                    and units[j] != 0
                    and np.isnan(values[t:, j]).all()
                    and not (j in stated and stated[j][0] > t)
                ):
                    gone = panel.delistings.default
                if gone is not None:
                    if units[j] != 0:
                        money += units[j] * last_price[j] * (1 + gone)
                        units[j] = 0.0
                    if j in stuck:
                        freed = True
                        stuck.discard(j)
                    waiting.pop(j, None)
        gross = (money + sum(units[j] * last_price[j] for j in range(count) if units[j])) / growth_wealth - 1
        traded = 0.0
        if t in trade_of:
            goals = decisions[trade_of[t]]
            net_limit, gross_limit = sum(goals), sum(abs(x) for x in goals)
            traded, stuck, waiting = settle(t, list(goals))
        elif waiting and (freed or any(not math.isnan(values[t, j]) for j in stuck)):
            total = money + sum(units[j] * last_price[j] for j in range(count) if units[j])
            goals = [
                waiting[j] if j in waiting else (units[j] * last_price[j] / total if units[j] else 0.0)
                for j in range(count)
            ]
            traded, stuck, left = settle(t, goals)
            waiting = {j: g for j, g in left.items() if j in waiting}
        if not stuck:
            waiting = {}
        total = money + sum(units[j] * last_price[j] for j in range(count) if units[j])
        weights = [units[j] * last_price[j] / total if units[j] else 0.0 for j in range(count)]
        rows.append((gross, traded, rate_of_costs * traded, total / wealth_before - 1, *weights))
        wealth_before = total
    return np.array(rows)


@settings(max_examples=200)
@given(worlds())
@pytest.mark.slow
def test_the_books_equal_an_account_of_units_and_money_and_keep_to_the_limits(world):
    panel = world["panel"]
    result = walked(world)
    if any("order waits" in note for note in result.notes):
        event("an order waited")
    if any("is done" in note for note in result.notes):
        event("an order that waited was done")
    folds = world["schedule"].folds(panel.dates)
    borrow = world["cash"] if world["borrow"] is None else world["borrow"]
    wanted = by_hand(
        panel,
        [list(row) for row in result.targets.to_numpy()],
        folds,
        world["costs"].rate,
        world["cash"],
        borrow,
        panel.periods_per_year,
    )
    found = np.column_stack(
        [
            result.gross.to_numpy(),
            result.turnover.to_numpy(),
            result.costs.to_numpy().sum(axis=1),
            result.returns.to_numpy(),
            result.weights.to_numpy(),
        ]
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    check_limits(world, result)


def check_limits(world, result):
    """After a trade no more is held, net or gross, than decided, or than what could not be sold forces."""
    panel = world["panel"]
    weights, targets = result.weights.to_numpy(), result.targets.to_numpy()
    priced = ~np.isnan(panel.prices.to_numpy())
    folds = world["schedule"].folds(panel.dates)
    for fold, target in zip(folds, targets, strict=True):
        held = weights[fold.trade - folds[0].trade]
        stuck = ~priced[fold.trade]
        least_gross = np.abs(held[stuck]).sum() + np.minimum(np.abs(held), np.abs(target))[~stuck].sum()
        assert np.abs(held).sum() <= max(np.abs(target).sum(), least_gross) + 1e-9
        if (held >= 0).all() and (target >= 0).all():
            assert (
                held.sum()
                <= max(target.sum(), held[stuck].sum() + np.minimum(held, target)[~stuck].sum()) + 1e-9
            )
            assert np.all(held[~stuck] <= np.maximum(target[~stuck], 0) + 1e-9)


def test_the_account_by_hand_would_notice():
    """A world in which an order waits: sold when it can be, and bought only then."""
    prices = pd.DataFrame({"A": [10.0] * 8, "B": [10.0] * 8}, pd.bdate_range("2024-01-01", periods=8))
    prices.iloc[4:6, 0] = np.nan
    folds = WalkForward(train=2, step=2, delay=0).folds(prices.index)
    rows = by_hand(Panel(prices), [[1, 0], [0, 1], [0, 1]], folds, 0.0, 0.0, 0.0, 252)
    assert rows[:, 4:].tolist() == [[1, 0], [1, 0], [1, 0], [1, 0], [0, 1], [0, 1]]
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(rows[2, 4:], [1, 1])
