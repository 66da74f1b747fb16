"""The walk-forward: a strategy is handed the past and nothing else, its trades are done later, and cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest.accounting import Book, daily_cash, vanished_after
from riskengine.backtest.checkpoint import Decided, Journal, journals
from riskengine.backtest.index_benchmark import index_result
from riskengine.backtest.monitor import RiskMonitor
from riskengine.backtest.parallel import run_all
from riskengine.backtest.price_notes import price_notes
from riskengine.backtest.provenance import provenance
from riskengine.backtest.reads import recorded_reads
from riskengine.backtest.result import BacktestResult
from riskengine.backtest.schedule import WalkForward
from riskengine.errors import SettingsError
from riskengine.market import MarketView, Panel
from riskengine.portfolio import ProportionalCosts, Strategy, as_strategy, ask, begin, stated_limits
from riskengine.progress import ProgressReport, no_progress

Array = np.ndarray


ROUNDING = 1e-9
"""Cash below zero by less than this is a rounding error and no loan."""


def run_backtest(
    strategy: Strategy | Callable[[MarketView], Any],
    panel: Panel | pd.DataFrame,
    schedule: WalkForward | None = None,
    costs: ProportionalCosts | float | None = None,
    benchmarks: Sequence[Strategy | Callable[[MarketView], Any] | pd.Series] = (),
    monitor: RiskMonitor | None = None,
    report: ProgressReport = no_progress,
    cash: float | pd.Series = 0.0,
    checkpoint: Path | str | None = None,
    jobs: int = 1,
    borrow: float | pd.Series | None = None,
) -> BacktestResult:
    """Run a strategy, and benchmarks beside it, through history.

    A decision at the close of day t sees data up to and including t and is traded at the close of
    ``t + delay``. Between trades weights drift and cash earns its rate. Missing prices leave a holding at its last
    value. On its stated delisting it makes its stated return and becomes cash; without a statement that happens
    after five business days, at the default return of the panel's :class:`~riskengine.market.Delistings`. Both are
    flagged.

    Purchases are limited to what cash and done sales pay for (:func:`~riskengine.portfolio.settle`). An order for what
    has no price at the close of the trade waits, and so do the purchases that it was to pay for; they are done at the
    first close that allows it before the next decision is traded. Both are noted, and limits that the strategy
    states (its attribute ``constraints``) and that the book breaks meanwhile are listed in the result's ``breaches``.

    Parameters
    ----------
    strategy : what to test; a function from a view to weights is one, see
        :class:`~riskengine.portfolio.FunctionStrategy`
    panel : prices, or a DataFrame of them
    schedule : when to decide, and in which universe; ``WalkForward()`` if not given
    costs : of trades, or their rate alone; five basis points of what is traded if not given
    benchmarks : other strategies, run on the same days with the same costs; a Series is one of daily returns, such as
        those of an index
    monitor : forecasts daily VaR and CVaR of every portfolio from the past alone; none if not given
    report : called with a stage, steps done and steps in all, for a progress bar
    cash : rate a year that cash earns; a series holds it from each of its dates on
    checkpoint : folder to which every decision is written. A run that finds its own decisions there goes on from
        them, and its result is bit by bit that of a run that was never stopped.
    jobs : processes, -1 for as many as there are cores; with more than one, benchmarks run beside the strategy, and
        must be of classes and functions that another process can import
    borrow : rate a year that borrowed cash costs, or a series like ``cash``; the rate of cash if not given

    Raises
    ------
    DataError
        If the panel is too short for the schedule, or the checkpoint is of another run.
    StrategyError
        If the strategy raises or breaks its contract; the message names strategy and date.
    SettingsError
        If two portfolios share a name, or ``jobs`` is neither -1 nor at least one.

    Examples
    --------
    >>> from riskengine.portfolio import EqualWeight
    >>> rng = np.random.default_rng(0)
    >>> dates = pd.bdate_range("2020-01-01", periods=400)
    >>> prices = pd.DataFrame(np.exp(np.cumsum(0.01 * rng.standard_normal((400, 3)), 0)), dates, list("ABC"))
    >>> result = run_backtest(EqualWeight(), Panel(prices), WalkForward(train=250, step=21))
    >>> len(result.returns), result.weights.shape
    (149, (149, 3))
    """
    panel = panel if isinstance(panel, Panel) else Panel.from_frame(panel)
    indices = [one for one in benchmarks if isinstance(one, pd.Series)]
    everyone = [as_strategy(one) for one in (strategy, *benchmarks) if not isinstance(one, pd.Series)]
    names = [one.name for one in everyone]
    if len(set(names)) < len(names):
        raise SettingsError(f"two portfolios share a name among {', '.join(names)}: rename one")
    schedule = schedule or WalkForward()
    if not isinstance(costs, ProportionalCosts):
        costs = ProportionalCosts() if costs is None else ProportionalCosts(costs)
    walk = Walk(panel, schedule, costs, cash, borrow)
    kept: Sequence[Journal | None] = [None] * len(everyone)
    if checkpoint is not None:
        settings = {
            "prices": panel.hash,
            "schedule": schedule,
            "costs": costs,
            "cash": cash,
            "borrow": borrow,
        }
        kept = journals(Path(checkpoint), everyone, settings)
    quiet = [partial(walk.run, one, journal) for one, journal in zip(everyone, kept, strict=True)]
    shown = [partial(run, report=report) for run in quiet]
    runs = []
    for run in run_all(shown[0], shown[1:] if jobs == 1 else quiet[1:], jobs):
        runs.append(run)
        report(run["name"], len(walk.folds), len(walk.folds))
    origin = provenance(panel, schedule, costs, everyone[0], cash, borrow)
    result, *others = (BacktestResult(**run, provenance=origin) for run in runs)
    result = replace(result, notes=(*result.notes, *price_notes(panel, result.weights))).beside(tuple(others))
    if monitor is not None:
        result = monitor.watch(result, panel, report)
    return result.beside((*result.benchmarks, *(index_result(one, result) for one in indices)))


class Walk:
    """What all portfolios of a backtest share: prices and what follows from them, schedule, costs, rates."""

    def __init__(
        self,
        panel: Panel,
        schedule: WalkForward,
        costs: ProportionalCosts,
        cash: float | pd.Series,
        borrow: float | pd.Series | None = None,
    ) -> None:
        self.panel, self.schedule, self.costs = panel, schedule, costs
        self.folds = schedule.folds(panel.dates)
        self.priced = ~np.isnan(panel.prices.to_numpy())
        count = len(self.priced)
        self.last_priced = np.where(
            self.priced.any(axis=0), count - 1 - np.argmax(self.priced[::-1], axis=0), -1
        )
        known = panel.prices.ffill().to_numpy()
        with np.errstate(invalid="ignore"):
            bridged = self.priced[1:] & ~np.isnan(known[:-1])
            self.growth = np.where(bridged, known[1:] / known[:-1], 1.0)
        periods = panel.periods_per_year
        self.cash = daily_cash(cash, panel.dates, periods)
        self.borrow = self.cash if borrow is None else daily_cash(borrow, panel.dates, periods, "borrow")
        self.delisted = panel.delistings.proceeds(panel.prices)
        self.names = [_written(date) for date in panel.dates]
        # Helper processes are sent the panel while decisions are made here: nothing may be cached in it meanwhile.
        self.periods_per_year = periods

    def run(
        self, strategy: Strategy, journal: Journal | None = None, report: ProgressReport = no_progress
    ) -> dict[str, Any]:
        """Decisions and books of one strategy, as the fields of its result."""
        start, end = self.folds[0].trade, len(self.names)
        gross, cost, turnover = np.zeros(end - start), np.zeros(end - start), np.zeros(end - start)
        weights = np.zeros((end - start, len(self.panel.assets)))
        earner = np.full(end - start, -1)
        decide_days = {fold.decide for fold in self.folds}
        trade_days = {fold.trade: k for k, fold in enumerate(self.folds)}
        decider = Decider(strategy, self, journal)
        book, band, held = self._book(strategy), self.schedule.band, -1

        def pay(t: int, trades: Array) -> None:
            turnover[t - start] = np.abs(trades).sum()
            cost[t - start] = self.costs.cost(trades)

        def trade(t: int, fold: int) -> None:
            target = decider.decided[fold].weights
            goal = target if band is None else band.goal(book.weights, target)
            pay(t, book.trade(goal, self.priced[t], self.names[t]))

        for t in range(self.folds[0].decide, end):
            if t > start:
                gone = self.delisted.get(t, {})
                gross[t - start] = book.pass_day(
                    self.growth[t - 1],
                    self.priced[t],
                    self.names[t],
                    self.cash[t - 1],
                    gone,
                    self.borrow[t - 1],
                    self.last_priced > t,
                )
                earner[t - start] = held
            due = trade_days.get(t, -1)
            done = None if due >= 0 else book.retry(self.priced[t], self.names[t])
            if done is not None:
                pay(t, done)
            earlier = due >= 0 and self.folds[due].decide < t
            if earlier:
                trade(t, due)
            if t in decide_days:
                decider.decide(t, book.weights)
                report(strategy.name, len(decider.decided), len(self.folds))
            if due >= 0 and not earlier:
                trade(t, due)
            held = max(held, due)
            if t >= start:
                weights[t - start] = book.weights

        book.flags += self._borrowed(1 - weights.sum(axis=1), start)
        return {
            "name": strategy.name,
            **self._daily(gross, cost, turnover, weights, earner),
            **self._decisions(decider.decided, book),
            "periods_per_year": self.panel.periods_per_year,
            "breaches": tuple(book.breaches),
        }

    def _daily(
        self, gross: Array, cost: Array, turnover: Array, weights: Array, earner: Array
    ) -> dict[str, Any]:
        """The fields of a result that have a row a day, from the first trade on."""
        start = self.folds[0].trade
        dates = self.panel.dates[start:]
        return {
            "gross": pd.Series(gross, dates, name="gross"),
            "costs": pd.DataFrame({"trading": cost}, dates),
            "turnover": pd.Series(turnover, dates, name="turnover"),
            "weights": pd.DataFrame(weights, dates, list(self.panel.assets)),
            "decision": pd.Series(earner, dates, name="decision"),
            # No time passes before the first close, on which the first trade is done.
            "cash": pd.Series([0.0, *self.cash[start : len(self.names) - 1]], dates, name="cash"),
        }

    def _book(self, strategy: Strategy) -> Book:
        delistings, assets = self.panel.delistings, self.panel.assets
        # Also of what is delisted after the last close: it is held until then.
        stated = {name for name, (date, _) in delistings.returns.items() if date > self.panel.dates[-1]}
        awaited = np.array([name in stated for name in assets])
        patience = vanished_after(self.panel.periods_per_year)
        book = Book.empty(assets, awaited, delistings.default, stated_limits(strategy), patience)
        for day, columns in self.delisted.items():
            awaited[list(columns)] = True
            if day <= self.folds[0].trade:
                book.gone[list(columns)] = True
        return book

    def _borrowed(self, cash: Array, start: int) -> list[str]:
        """A note if cash was borrowed: how much at most, and at what rates."""
        days = np.flatnonzero(cash < -ROUNDING)
        if not len(days):
            return []
        worst = int(np.argmin(cash))
        paid = self.borrow[np.minimum(start + days, len(self.borrow) - 1)] * self.panel.periods_per_year
        low, high = f"{paid.min():.2%}", f"{paid.max():.2%}"
        rate = low if low == high else f"{low} to {high}"
        return [
            f"{self.names[start + worst]}: borrowed {-cash[worst]:.1%} of wealth, the most of {len(days)} days with "
            f"borrowed cash, at {rate} a year"
        ]

    def _decisions(self, decided: list[Decided], book: Book) -> dict[str, Any]:
        """The fields of a result that have a row a decision, and the notes."""
        made, assets = self.panel.dates[[fold.decide for fold in self.folds]], list(self.panel.assets)
        said = [
            f"{date:%Y-%m-%d}: {note}" for date, one in zip(made, decided, strict=True) for note in one.notes
        ]
        forecast = [one.predicted_volatility for one in decided]
        return {
            "targets": pd.DataFrame([one.weights for one in decided], made, assets),
            "predicted_volatility": pd.Series(forecast, made, name="predicted volatility"),
            "contributions": pd.DataFrame([one.contributions for one in decided], made, assets),
            "status": pd.Series([one.status for one in decided], made, name="status", dtype=object),
            "notes": (*said, *book.flags),
        }


class Decider:
    """Asks a strategy for its decisions in turn; those that a journal holds already are not asked for again."""

    def __init__(self, strategy: Strategy, walk: Walk, journal: Journal | None) -> None:
        self.strategy, self.walk, self.journal = strategy, walk, journal
        self.decided: list[Decided] = []
        self._state: Any = None
        self._ready = False

    def decide(self, position: int, holdings: Array) -> None:
        """Make the decision at this close."""
        done = len(self.decided)
        if self.journal is not None and done < len(self.journal.decided):
            self.decided.append(self.journal.decided[done])
            return
        view = self.walk.schedule.view(self.walk.panel, position)
        if self.journal is not None and self.decided and not self._ready:
            self._state, self._ready = self.journal.state(), True
        with recorded_reads() as read:  # of the strategy's own code, not of the journal
            if not self._ready:
                self._state, self._ready = begin(self.strategy, view), True
            decision, self._state = ask(self.strategy, self._state, view, holdings)
        one = Decided.of(decision, view.periods_per_year)
        if self.journal is not None:
            self._state = self.journal.add(one, self._state, read)
        self.decided.append(one)


def _written(date: pd.Timestamp) -> str:
    """A close for people, with the time of day where there is one."""
    return f"{date:%Y-%m-%d}" if date == date.normalize() else f"{date:%Y-%m-%d %H:%M}"
