from __future__ import annotations

import signal
import time
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from multiprocessing import active_children

import numpy as np
import pandas as pd
import pytest

from riskengine import (
    ConstantCorrelation,
    Constraints,
    Decision,
    EqualWeight,
    MaximumLikelihood,
    NeuralCalibrator,
    OptimizedStrategy,
    Panel,
    ProportionalCosts,
    RiskMonitor,
    SampleCovariance,
    WalkForward,
    run_backtest,
    standard_benchmarks,
)
from riskengine.backtest.parallel import run_all
from riskengine.backtest.schedule import Fold
from riskengine.errors import DataError, SettingsError, StrategyError

QUICK = MaximumLikelihood(tolerance=1e-3, iterations=30)
SCHEDULE = WalkForward(train=300, step=100)


def strategies():
    return (
        EqualWeight(min_history=100),
        OptimizedStrategy("sample", SampleCovariance(300), window=300, min_history=100),
        OptimizedStrategy(
            "garch",
            ConstantCorrelation(QUICK, window=300),
            constraints=Constraints(upper=0.4),
            window=300,
            min_history=100,
        ),
    )


@dataclass(frozen=True)
class Fixed:
    """Always the same weights."""

    weights: tuple[float, ...]
    name: str = "fixed"

    def init(self, view):
        return 0

    def decide(self, state, view, holdings):
        return Decision(np.array(self.weights)), state + 1


def books_by_hand(prices, weights, folds, rate):
    """Plain arithmetic in units of money: shares, cash, costs. Returns net daily returns."""
    start = folds[0].trade
    shares, cash, wealth = np.zeros(prices.shape[1]), 1.0, [1.0]
    for t in range(start, len(prices)):
        value = shares * prices[t]
        total = cash + value.sum()
        if t in {fold.trade for fold in folds}:
            trades = np.asarray(weights) * total - value
            paid = rate * np.abs(trades).sum()
            total -= paid
            shares = np.asarray(weights) * total / prices[t]
            cash = total - np.asarray(weights).sum() * total
        wealth.append(total)
    return np.diff(wealth) / np.array(wealth[:-1])


def test_the_books_are_those_kept_by_hand(prices):
    panel, rate, weights = Panel(prices), 0.002, (0.3, 0.2, 0.1, 0.2, 0.0, 0.1)
    result = run_backtest(Fixed(weights), panel, SCHEDULE, ProportionalCosts(rate))
    folds = SCHEDULE.folds(len(prices))
    expected = books_by_hand(prices.to_numpy(), weights, folds, rate)
    np.testing.assert_allclose(result.returns.to_numpy(), expected, rtol=1e-10, atol=1e-14)
    assert result.returns.index[0] == prices.index[folds[0].trade]
    np.testing.assert_allclose(result.turnover.iloc[0], sum(weights))
    np.testing.assert_allclose(result.weights.iloc[0], weights)
    assert (result.weights.iloc[50] != result.weights.iloc[0]).any()  # they drift


@pytest.mark.parametrize("strategy", strategies(), ids=lambda s: s.name)
def test_no_decision_changes_when_the_future_does(strategy, prices):
    """All prices after a date are perturbed: every decision up to it is bit-identical, and so is every VaR.

    The monitor calibrates apart from the strategy that it watches: it is looked at beside one of them.
    """
    monitor = (
        RiskMonitor(NeuralCalibrator.pretrained(), window=300, levels=(0.95,))
        if strategy.name == "garch"
        else None
    )
    folds = SCHEDULE.folds(len(prices))
    cut = folds[3].decide
    other = prices.copy()
    noise = np.random.default_rng(1).standard_normal(other.iloc[cut + 1 :].shape)
    other.iloc[cut + 1 :] *= 1.2 * np.exp(0.02 * np.cumsum(noise, axis=0))  # daily moves that could be
    mine, theirs = (run_backtest(strategy, Panel(p), SCHEDULE, monitor=monitor) for p in (prices, other))
    np.testing.assert_array_equal(mine.targets.iloc[:4], theirs.targets.iloc[:4])
    np.testing.assert_array_equal(mine.predicted_volatility.iloc[:4], theirs.predicted_volatility.iloc[:4])
    until = prices.index[cut]
    np.testing.assert_array_equal(mine.returns.loc[:until], theirs.returns.loc[:until])
    next_day = prices.index[cut + 1]  # its VaR was made at the close before
    if monitor is not None:
        assert not mine.risk.loc[:next_day].empty
        np.testing.assert_array_equal(mine.risk.loc[:next_day], theirs.risk.loc[:next_day])
    assert not np.array_equal(mine.returns.loc[next_day:], theirs.returns.loc[next_day:])


def test_a_finished_backtest_can_be_watched(prices):
    monitor = RiskMonitor(QUICK, window=300, levels=(0.95,), beside=())
    panel, rival = Panel(prices), Fixed((0.5, 0.5, 0, 0, 0, 0), "rival")
    at_once = run_backtest(EqualWeight(), panel, SCHEDULE, benchmarks=(rival,), monitor=monitor)
    later = monitor.watch(run_backtest(EqualWeight(), panel, SCHEDULE, benchmarks=(rival,)), panel)
    for one, other in ((at_once, later), (at_once.benchmarks[0], later.benchmarks[0])):
        pd.testing.assert_frame_equal(one.risk, other.risk)
        assert one.provenance == other.provenance
    pd.testing.assert_frame_equal(at_once.risk_today, later.risk_today)
    with pytest.raises(DataError, match="closes of this panel"):
        monitor.watch(later, Panel(prices.iloc[:-1]))
    with pytest.raises(DataError, match="not of the assets"):
        monitor.watch(later, Panel(prices.iloc[:, 1:]))


def test_decisions_trade_after_their_delay(prices):
    for delay in (0, 1, 5):
        result = run_backtest(Fixed((1.0, 0, 0, 0, 0, 0)), Panel(prices), WalkForward(300, 100, delay))
        assert result.returns.index[0] == prices.index[300 + delay]
        assert result.targets.index[0] == prices.index[300]


def test_every_day_yesterdays_decision_is_traded_before_the_next_is_made(prices):
    seen = []

    @dataclass(frozen=True)
    class Turning:
        name: str = "turning"

        def init(self, view):
            return 0

        def decide(self, state, view, holdings):
            seen.append(holdings)
            return Decision(np.eye(6)[state % 6]), state + 1

    result = run_backtest(Turning(), Panel(prices.iloc[:320]), WalkForward(300, 1, delay=1))
    assert len(seen) == len(result.returns) == 19
    np.testing.assert_array_equal(seen[0], 0)
    np.testing.assert_allclose(seen[1:], np.eye(6)[np.arange(18) % 6], atol=1e-12)
    moves = prices.pct_change().to_numpy()[302:320]
    np.testing.assert_allclose(result.gross.iloc[1:], moves[np.arange(18), np.arange(18) % 6], rtol=1e-12)
    assert result.decision.tolist() == list(range(-1, 18))


def test_a_delisted_holding_is_sold_at_its_last_price_and_flagged(prices):
    gone = prices.copy()
    gone.iloc[350:, 1] = np.nan
    result = run_backtest(Fixed((0.5, 0.5, 0, 0, 0, 0)), Panel(gone.iloc[:395]), SCHEDULE)
    assert [note for note in result.notes if "B has no price any more" in note]
    assert result.weights["B"].iloc[-1] == 0
    day = gone.index[352]
    assert result.weights["B"].loc[day] > 0
    np.testing.assert_allclose(
        result.gross.loc[day],
        result.weights["A"].loc[gone.index[351]] * (gone["A"] / gone["A"].shift() - 1).loc[day],
    )


def test_a_gap_is_bridged_by_the_next_price(prices):
    hole = prices.copy()
    hole.iloc[320:322, 0] = np.nan
    whole = run_backtest(Fixed((1.0, 0, 0, 0, 0, 0)), Panel(prices), SCHEDULE, ProportionalCosts(0))
    bridged = run_backtest(Fixed((1.0, 0, 0, 0, 0, 0)), Panel(hole), SCHEDULE, ProportionalCosts(0))
    assert bridged.gross.iloc[19:21].eq(0).all()
    np.testing.assert_allclose((1 + bridged.gross).prod(), (1 + whole.gross).prod())


def test_a_listing_enters_once_its_history_suffices(prices):
    late = prices.copy()
    late.iloc[:350, 2] = np.nan
    result = run_backtest(EqualWeight(min_history=100), Panel(late), SCHEDULE)
    held = result.targets["C"] > 0
    enough = late["C"].notna().cumsum().loc[result.targets.index] > 100
    np.testing.assert_array_equal(held, enough)
    assert held.any()
    assert not held.all()


def test_membership_is_obeyed(prices):
    member = pd.DataFrame(True, prices.index, prices.columns)
    member.iloc[500:, 3] = False
    result = run_backtest(EqualWeight(min_history=100), Panel(prices, member), SCHEDULE)
    assert (result.targets["D"].loc[: prices.index[499]] > 0).all()
    assert (result.targets["D"].loc[prices.index[500] :] == 0).all()


def test_benchmarks_run_beside_under_the_same_limits(prices):
    limits = Constraints(upper=0.3)
    rivals = standard_benchmarks(limits, window=300)
    assert [r.name for r in rivals] == [
        "equal weight",
        "static sample covariance",
        "static Ledoit-Wolf",
        "legacy GARCH",
    ]
    result = run_backtest(strategies()[2], Panel(prices), SCHEDULE, benchmarks=rivals)
    assert [b.name for b in result.benchmarks] == [r.name for r in rivals]
    for run in result.benchmarks:
        assert run.returns.index.equals(result.returns.index)
        assert run.targets.to_numpy().max() <= 0.3 + 1e-9
        np.testing.assert_allclose(run.targets.sum(axis=1), 1, atol=1e-9)


@pytest.mark.slow
def test_benchmarks_in_processes_of_their_own_come_to_the_same(prices, tmp_path):
    first, second, _ = strategies()
    rivals = [second, replace(second, name="capped", constraints=Constraints(upper=0.4))]
    told = []
    alone = run_backtest(first, Panel(prices), SCHEDULE, benchmarks=rivals)
    beside = run_backtest(
        first,
        Panel(prices),
        SCHEDULE,
        benchmarks=rivals,
        report=lambda *step: told.append(step),
        checkpoint=tmp_path,
        jobs=3,
    )
    assert [one.name for one in beside.benchmarks] == [one.name for one in alone.benchmarks]
    for mine, theirs in zip((alone, *alone.benchmarks), (beside, *beside.benchmarks), strict=True):
        pd.testing.assert_frame_equal(mine.targets, theirs.targets, rtol=1e-9, atol=1e-12)
    folds = len(alone.targets)
    assert {(name, folds, folds) for name in ("equal weight", "sample", "capped")} <= set(told)
    again = run_backtest(first, Panel(prices), SCHEDULE, benchmarks=rivals, checkpoint=tmp_path)
    for mine, theirs in zip(beside.benchmarks, again.benchmarks, strict=True):
        pd.testing.assert_frame_equal(mine.targets, theirs.targets, check_exact=True)


@pytest.mark.slow
def test_a_fault_beside_is_named_and_one_here_ends_the_others(prices):
    before = set(active_children())  # of tests before this one
    with pytest.raises(StrategyError, match=r"'broken' failed on 2016.*KeyError"):
        run_backtest(EqualWeight(), Panel(prices), SCHEDULE, benchmarks=[Broken("raises")], jobs=2)
    with pytest.raises(StrategyError, match=r"'broken' failed on 2016.*KeyError"):
        run_backtest(Broken("raises"), Panel(prices), SCHEDULE, benchmarks=strategies()[1:], jobs=2)
    for child in set(active_children()) - before:
        child.join(timeout=30)  # they are told to end; a loaded machine takes its time
    assert set(active_children()) <= before
    with pytest.raises(ValueError, match="base 10"):  # at once, not after the call before it
        list(run_all(int, [partial(time.sleep, 500), partial(int, "x")], jobs=3))
    with pytest.raises(SettingsError, match="was killed"):
        list(run_all(int, [partial(signal.raise_signal, signal.SIGKILL)], jobs=2))
    with pytest.raises(SettingsError, match="number of processes"):
        run_backtest(EqualWeight(), Panel(prices), SCHEDULE, jobs=0)


def test_a_walk_forward_compiles_each_function_once(prices):
    from riskengine.calibration.window_filter import _filter

    strategy = strategies()[2]
    run_backtest(strategy, Panel(prices), WalkForward(300, 200))
    before = _filter.programs
    result = run_backtest(strategy, Panel(prices), WalkForward(300, 50))
    assert len(result.targets) == 12
    assert _filter.programs == before


@dataclass(frozen=True)
class Broken:
    what: str
    name: str = "broken"

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        if self.what == "raises":
            return {}["missing"]
        if self.what == "forgets":
            return None, state
        if self.what == "short":
            return Decision(np.ones(2)), state
        if self.what == "nan":
            return Decision(np.full(len(holdings), np.nan)), state
        view.prices[0] = 1.0  # the past is read-only
        return Decision(holdings), state


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("raises", "failed on 2016.*KeyError"),
        ("forgets", "not a Decision"),
        ("short", "2 weights"),
        ("nan", "finite"),
        ("writes", "read-only"),
    ],
)
def test_a_broken_strategy_is_named_with_the_date(what, message, prices):
    with pytest.raises(StrategyError, match=message):
        run_backtest(Broken(what), Panel(prices), SCHEDULE)


def test_wanting_what_cannot_be_traded_is_an_error(prices):
    late = prices.copy()
    late.iloc[:600, 2] = np.nan
    with pytest.raises(StrategyError, match=r"C on .* cannot be traded"):
        run_backtest(Fixed((0, 0, 1.0, 0, 0, 0)), Panel(late), SCHEDULE)


def test_schedules_are_checked():
    with pytest.raises(DataError, match="too few"):
        WalkForward(train=100).folds(50)
    for bad in ({"train": 1}, {"step": 0}, {"delay": -1}, {"step": 5, "delay": 6}):
        with pytest.raises(SettingsError):
            WalkForward(**bad)
    folds = WalkForward(train=10, step=7, delay=2).folds(60)
    assert folds[0] == Fold(10, 12, 18)
    for first, second in pairwise(folds):
        assert second.trade == first.last + 1
    assert folds[-1].last == 59
