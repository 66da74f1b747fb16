"""Calendar, bands, cash, delistings, universes: the parts of the walk around decisions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from riskengine import (
    Decision,
    EqualWeight,
    OptimizedStrategy,
    Panel,
    ProportionalCosts,
    SampleCovariance,
    WalkForward,
    run_backtest,
)
from riskengine.backtest import NoTradeBand, load_result, save_result
from riskengine.backtest.checkpoint import Decided
from riskengine.covariance import Covariance
from riskengine.errors import DataError, SettingsError, StrategyError
from riskengine.market import Delistings, Universe
from riskengine.portfolio import Constraints

SCHEDULE = WalkForward(train=300, step=100)
FREE = ProportionalCosts(0)


@dataclass(frozen=True)
class Fixed:
    """Always the same weights, of what can be traded."""

    weights: tuple[float, ...]
    name: str = "fixed"

    @property
    def constraints(self):
        return Constraints(budget=(0.0, max(1.0, sum(self.weights))))

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        return Decision(np.where(view.tradable, self.weights, 0.0)), state


ONE = Fixed((1.0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("step", "period"), [("week", lambda d: d.isocalendar()[:2]), ("month", lambda d: (d.year, d.month)),
                         ("quarter", lambda d: (d.year, d.quarter))],
)  # fmt: skip
def test_a_calendar_decides_at_the_last_close_of_each_period(step, period, prices):
    dates = prices.index.delete([310, 311, 312])  # a feast
    folds = WalkForward(train=300, step=step).folds(dates)
    decided = [fold.decide for fold in folds]
    ends = [k for k in range(len(dates) - 1) if period(dates[k]) != period(dates[k + 1])]
    assert decided == [k for k in ends if 300 <= k < len(dates) - 1]
    for one, after in pairwise(folds):
        assert one.last == after.trade - 1
    assert folds[-1].last == len(dates) - 1
    changed = WalkForward(train=300, step=step).folds(dates[:700])
    assert [f.decide for f in changed] == [
        k for k in decided if k < 699
    ]  # later dates move no earlier decision


def test_calendars_are_checked(prices):
    with pytest.raises(SettingsError, match="week, month, quarter"):
        WalkForward(step="fortnight")
    with pytest.raises(SettingsError, match="needs dates"):
        WalkForward(train=10, step="month").folds(100)
    with pytest.raises(DataError, match="no quarter ends"):
        WalkForward(train=890, step="quarter").folds(prices.index)
    with pytest.raises(DataError, match="only 2 close"):
        WalkForward(train=10, step="week", delay=3).folds(prices.index.delete([52, 53, 54]))


def test_a_month_is_a_full_holding_period_however_long(prices):
    strategy = OptimizedStrategy("sample", SampleCovariance(300), window=300, min_history=100)
    result = run_backtest(strategy, Panel(prices), WalkForward(train=300, step="month"))
    assert 0.6 < result.bias_statistic() < 1.6
    scores = []
    for k, forecast in enumerate(result.predicted_volatility.iloc[:-1]):
        earned = result.gross[result.decision == k]
        scores.append(earned.sum() / (forecast * np.sqrt(len(earned) / 252)))
    np.testing.assert_allclose(result.bias_statistic(), np.sqrt(np.mean(np.square(scores))))


WEIGHTS = hnp.arrays(np.float64, 5, elements=st.floats(0, 1).map(lambda x: round(x, 3)))


@given(WEIGHTS, WEIGHTS, st.floats(0, 0.2), st.booleans())
def test_a_band_only_ever_trades_less_and_towards_the_target(held, target, width, relative):
    goal = NoTradeBand(width, relative).goal(held, target)
    low, high = np.minimum(held, target), np.maximum(held, target)
    assert ((goal >= low - 1e-12) & (goal <= high + 1e-12)).all()
    assert np.abs(goal - held).sum() <= np.abs(target - held).sum() + 1e-12
    near = np.abs(target - held) <= (width * np.abs(target) if relative else width)
    both = (held != 0) & (target != 0)
    np.testing.assert_array_equal(goal[near & both], held[near & both])
    between = sorted([held.sum(), target.sum()])
    assert between[0] - 1 <= goal.sum() <= between[1] + 1
    np.testing.assert_array_equal(NoTradeBand(0.0).goal(held, held), held)


@given(
    hnp.arrays(np.float64, 6, elements=st.floats(0.01, 1)),
    hnp.arrays(np.float64, 6, elements=st.floats(0.01, 1)),
)
def test_a_band_leaves_cash_as_it_was_decided(first, second):
    held, target = first / first.sum(), second / second.sum()
    goal = NoTradeBand(0.05).goal(held, target)
    assert abs(goal.sum() - 1) < 1e-9


def test_a_band_lowers_turnover_in_the_walk(prices):
    whole, banded = (
        run_backtest(Fixed((0.2, 0.2, 0.2, 0.2, 0.1, 0.1)), Panel(prices), WalkForward(300, 20, band=band))
        for band in (None, NoTradeBand(0.02))
    )
    assert banded.turnover.iloc[1:].sum() < 0.5 * whole.turnover.iloc[1:].sum()
    assert np.abs(banded.weights.sum(axis=1) - 1).max() < 1e-9
    assert (np.abs(banded.weights - whole.weights).max(axis=1) < 0.05).all()


def test_cash_earns_its_rate_and_borrowed_cash_costs_it(prices):
    flat = Panel(pd.DataFrame(100.0, prices.index, prices.columns))
    half = run_backtest(Fixed((0.5, 0, 0, 0, 0, 0)), flat, SCHEDULE, FREE, cash=0.0504)
    np.testing.assert_allclose(half.gross.iloc[1], 0.5 * 0.0504 / 252)
    levered = run_backtest(Fixed((1.5, 0, 0, 0, 0, 0)), flat, SCHEDULE, FREE, cash=0.0504)
    np.testing.assert_allclose(levered.gross.iloc[1], -0.5 * 0.0504 / 252)
    assert half.gross.iloc[0] == 0


def test_a_cash_rate_is_earned_over_the_day_after_it_was_known(prices):
    flat = Panel(pd.DataFrame(100.0, prices.index, prices.columns))
    known = pd.Series([0.0252, 0.0504], [prices.index[0], prices.index[310]])
    result = run_backtest(Fixed((0.0,) * 6), flat, SCHEDULE, FREE, cash=known)
    np.testing.assert_allclose(result.gross.loc[prices.index[310]], 0.0001)
    np.testing.assert_allclose(result.gross.loc[prices.index[311]], 0.0002)
    with pytest.raises(DataError, match="no cash rate on"):
        run_backtest(ONE, flat, SCHEDULE, cash=known.iloc[1:])
    with pytest.raises(DataError, match="sorted dates"):
        run_backtest(ONE, flat, SCHEDULE, cash=known.iloc[::-1])
    with pytest.raises(SettingsError, match="fraction a year"):
        run_backtest(ONE, flat, SCHEDULE, cash=5.0)


def test_a_delisting_makes_its_stated_return_once_and_becomes_cash(prices):
    gone = prices.copy()
    gone.iloc[350:, 0] = np.nan
    stated = Delistings({"A": (gone.index[352], -0.9)})
    result = run_backtest(
        Fixed((0.5, 0, 0, 0, 0, 0)), Panel(gone.iloc[:395], delistings=stated), SCHEDULE, FREE
    )
    day, before = gone.index[352], gone.index[351]
    held = result.weights["A"].loc[before]
    assert held > 0.3
    np.testing.assert_allclose(result.gross.loc[day], -0.9 * held)
    assert result.gross.loc[gone.index[353] :].eq(0).all()
    assert result.weights["A"].loc[day:].eq(0).all()
    assert [note for note in result.notes if "A delisted, return -90.0%" in note]


def test_a_holding_waits_for_its_stated_delisting(prices):
    gone = prices.copy()
    gone.iloc[350:, 0] = np.nan
    stated = Delistings({"A": (gone.index[370], 0.25)}, default=-1.0)
    result = run_backtest(
        Fixed((0.5, 0, 0, 0, 0, 0)), Panel(gone.iloc[:395], delistings=stated), SCHEDULE, FREE
    )
    assert result.weights["A"].loc[gone.index[369]] > 0
    assert result.weights["A"].loc[gone.index[370]] == 0
    assert result.gross.loc[gone.index[370]] > 0


def test_what_vanishes_without_a_word_makes_the_default_return(prices):
    gone = prices.copy()
    gone.iloc[350:, 0] = np.nan
    panel = Panel(gone.iloc[:395], delistings=Delistings(default=-0.3))
    result = run_backtest(Fixed((0.5, 0, 0, 0, 0, 0)), panel, SCHEDULE, FREE)
    day = gone.index[354]
    np.testing.assert_allclose(result.gross.loc[day], -0.3 * result.weights["A"].loc[gone.index[353]])
    assert [note for note in result.notes if "sold at -30.0% from its last one" in note]


def test_the_loss_of_all_wealth_is_one_clear_error(prices):
    crash = prices.copy()
    crash.iloc[350:, 0] *= 0.3
    with pytest.raises(StrategyError, match="all wealth is lost on 2016"):
        run_backtest(Fixed((3.0, 0, 0, 0, 0, 0)), Panel(crash), SCHEDULE)


def test_a_universe_is_applied_before_the_strategy_sees_the_view(prices):
    volume = pd.DataFrame(np.arange(6.0), prices.columns, prices.index[:1]).T.reindex(prices.index).ffill()
    schedule = WalkForward(300, 100, universe=Universe(top=2, volume=volume))
    result = run_backtest(EqualWeight(min_history=100), Panel(prices), schedule)
    np.testing.assert_array_equal(result.targets.iloc[0], [0, 0, 0, 0, 0.5, 0.5])
    late = prices.copy()
    late.iloc[:350, 2] = np.nan
    young = WalkForward(300, 100, universe=Universe(min_history=200))
    held = run_backtest(EqualWeight(min_history=50), Panel(late), young).targets["C"] > 0
    np.testing.assert_array_equal(held, [False, False, False, True, True, True])


def test_a_rolling_window_is_all_that_a_strategy_is_shown(prices):
    seen = []

    @dataclass(frozen=True)
    class Watching(EqualWeight):
        def decide(self, state, view, holdings):
            seen.append(view.prices.shape)
            return super().decide(state, view, holdings)

    run_backtest(Watching(min_history=100), Panel(prices), WalkForward(300, 100, window=150))
    run_backtest(Watching(min_history=100), Panel(prices), WalkForward(300, 300))
    assert seen == [(151, 6)] * 6 + [(301, 6), (601, 6)]


def test_contributions_need_no_square_matrix_and_add_up(prices):
    rng = np.random.default_rng(0)
    covariance = Covariance(rng.standard_normal((6, 2)), rng.random(6))
    weights = rng.random(6)
    one = Decided.of(Decision(weights, covariance=covariance))
    pull = weights * (covariance.matrix() @ weights)
    np.testing.assert_allclose(one.contributions, pull / pull.sum())
    np.testing.assert_allclose(one.predicted_volatility, np.sqrt(252 * pull.sum()))
    empty = Decided.of(Decision(np.zeros(6), covariance=covariance))
    assert np.isnan(empty.contributions).all()
    assert empty.predicted_volatility == 0


def test_a_result_is_written_and_read_again(prices, tmp_path):
    result = run_backtest(
        OptimizedStrategy("sample", SampleCovariance(300), window=300, min_history=100),
        Panel(prices),
        SCHEDULE,
        benchmarks=(EqualWeight(min_history=100),),
    )
    again = load_result(save_result(result, tmp_path / "out"))
    assert again.to_json() == result.to_json()
    pd.testing.assert_frame_equal(again.summary(), result.summary(), check_exact=True)
    for name in ("gross", "costs", "turnover", "weights", "decision", "targets", "contributions", "status"):
        mine, theirs = getattr(result, name), getattr(again, name)
        np.testing.assert_array_equal(mine.to_numpy(), theirs.to_numpy())
        assert mine.index.equals(theirs.index)
    assert again.benchmarks[0].name == "equal weight"
    save_result(again, tmp_path / "out")
    damaged = tmp_path / "out" / "weights.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"weights\.parquet is missing, damaged"):
        load_result(tmp_path / "out")
    (tmp_path / "out" / "result.json").write_text('{"summary": {}}')
    with pytest.raises(DataError, match="without its tables"):
        load_result(tmp_path / "out")
    with pytest.raises(DataError, match=r"no result\.json"):
        load_result(tmp_path / "none")
