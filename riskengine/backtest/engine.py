"""The walk-forward: a strategy is handed the past and nothing else, its trades are done later, and cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest.accounting import Book, daily_cash
from riskengine.backtest.checkpoint import Decided, Journal, journals
from riskengine.backtest.encoding import restart
from riskengine.backtest.monitor import RiskMonitor
from riskengine.backtest.provenance import provenance
from riskengine.backtest.result import BacktestResult
from riskengine.backtest.schedule import WalkForward
from riskengine.backtest.side_by_side import run_all
from riskengine.errors import SettingsError, StrategyError
from riskengine.market import MarketView, Panel
from riskengine.portfolio import Decision, ProportionalCosts, Strategy

Array = np.ndarray
Report = Callable[[str, int, int], None]

# What a strategy's own code can raise; anything else is a fault of the engine and keeps its traceback.
STRATEGY_FAULTS = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
)


def silence(stage: str, done: int, total: int) -> None:
    """A report to nobody."""


def run_backtest(
    strategy: Strategy,
    panel: Panel,
    schedule: WalkForward | None = None,
    costs: ProportionalCosts | None = None,
    benchmarks: Sequence[Strategy] = (),
    monitor: RiskMonitor | None = None,
    report: Report = silence,
    cash: float | pd.Series = 0.0,
    checkpoint: Path | str | None = None,
    jobs: int = 1,
) -> BacktestResult:
    """Run a strategy, and benchmarks beside it, through history.

    A decision at the close of day t sees data up to and including t and is traded at the close of
    ``t + delay``. Between trades weights drift and cash earns its rate. Missing prices leave a holding at its last
    value. On its stated delisting it makes its stated return and becomes cash; without a statement that happens
    after five days, at the default return of the panel's :class:`~riskengine.market.Delistings`. Both are flagged.

    Parameters
    ----------
    strategy : what to test
    panel : prices
    schedule : when to decide, and in which universe; ``WalkForward()`` if not given
    costs : of trades; five basis points of what is traded if not given
    benchmarks : other strategies, run on the same days with the same costs
    monitor : forecasts daily VaR and CVaR of every portfolio from the past alone; none if not given
    report : called with a stage, steps done and steps in all, for a progress bar
    cash : rate a year that cash earns, and borrowed cash costs; a series holds it from each of its dates on
    checkpoint : folder to which every decision is written. A run that finds its own decisions there goes on from
        them, and its result is bit by bit that of a run that was never stopped.
    jobs : processes, -1 for as many as there are cores; with more than one, benchmarks run beside the strategy, and
        must be of classes and functions that another process can import

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
    everyone = (strategy, *benchmarks)
    names = [one.name for one in everyone]
    if len(set(names)) < len(names):
        raise SettingsError(f"two portfolios share a name among {', '.join(names)}: rename one")
    schedule = schedule or WalkForward()
    costs = costs or ProportionalCosts()
    walk = Walk(panel, schedule, costs, cash)
    kept: Sequence[Journal | None] = [None] * len(everyone)
    if checkpoint is not None:
        settings = {"prices": panel.hash, "schedule": schedule, "costs": costs, "cash": cash}
        kept = journals(Path(checkpoint), everyone, settings)
    silent = [partial(walk.run, one, journal) for one, journal in zip(everyone, kept, strict=True)]
    told = [partial(run, report=report) for run in silent]
    runs = []
    for run in run_all(told[0], told[1:] if jobs == 1 else silent[1:], jobs):
        runs.append(run)
        report(run["name"], len(walk.folds), len(walk.folds))
    origin = provenance(panel, schedule, costs, strategy, cash)
    risks: Sequence[pd.DataFrame | None] = [None] * len(runs)
    if monitor is not None:
        paths = [run["weights"].to_numpy() for run in runs]
        risks = monitor.follow(panel, walk.folds, paths, report)
    results = [
        BacktestResult(**run, risk=risk, provenance=origin) for run, risk in zip(runs, risks, strict=True)
    ]
    result = results[0].beside(tuple(results[1:]))
    return result if monitor is None else result.with_risk_today(monitor.today(panel, paths[0][-1]))


class Walk:
    """What all portfolios of a backtest share: prices and what follows from them, schedule, costs, cash."""

    def __init__(
        self, panel: Panel, schedule: WalkForward, costs: ProportionalCosts, cash: float | pd.Series
    ) -> None:
        self.panel, self.schedule, self.costs = panel, schedule, costs
        self.folds = schedule.folds(panel.dates)
        self.priced = ~np.isnan(panel.prices.to_numpy())
        known = panel.prices.ffill().to_numpy()
        with np.errstate(invalid="ignore"):
            bridged = self.priced[1:] & ~np.isnan(known[:-1])
            self.growth = np.where(bridged, known[1:] / known[:-1], 1.0)
        self.cash = daily_cash(cash, panel.dates)
        self.delisted = panel.delistings.proceeds(panel.prices)
        self.names = [f"{date:%Y-%m-%d}" for date in panel.dates]

    def run(
        self, strategy: Strategy, journal: Journal | None = None, report: Report = silence
    ) -> dict[str, Any]:
        """Decisions and books of one strategy, as the fields of its result."""
        start, end = self.folds[0].trade, len(self.names)
        gross, cost, turnover = np.zeros(end - start), np.zeros(end - start), np.zeros(end - start)
        weights = np.zeros((end - start, len(self.panel.assets)))
        earner = np.full(end - start, -1)
        decide_days = {fold.decide for fold in self.folds}
        trade_days = {fold.trade: k for k, fold in enumerate(self.folds)}
        decider = Decider(strategy, self, journal)
        book, band, held = self._book(), self.schedule.band, -1

        def trade(t: int, fold: int) -> None:
            target = decider.decided[fold].weights
            goal = target if band is None else band.goal(book.weights, target)
            trades = book.trade(goal, self.priced[t], self.names[t])
            turnover[t - start] = np.abs(trades).sum()
            cost[t - start] = self.costs.cost(trades)

        for t in range(self.folds[0].decide, end):
            if t > start:
                gone = self.delisted.get(t, {})
                gross[t - start] = book.pass_day(
                    self.growth[t - 1], self.priced[t], self.names[t], self.cash[t - 1], gone
                )
                earner[t - start] = held
            due = trade_days.get(t, -1)
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

        dates, assets = self.panel.dates[start:], list(self.panel.assets)
        daily = {
            "gross": pd.Series(gross, dates, name="gross"),
            "costs": pd.DataFrame({"trading": cost}, dates),
            "turnover": pd.Series(turnover, dates, name="turnover"),
            "weights": pd.DataFrame(weights, dates, assets),
            "decision": pd.Series(earner, dates, name="decision"),
        }
        return {"name": strategy.name, **daily, **self._decisions(decider.decided, book)}

    def _book(self) -> Book:
        awaited = np.zeros(len(self.panel.assets), bool)
        for columns in self.delisted.values():
            awaited[list(columns)] = True
        return Book.empty(self.panel.assets, awaited, self.panel.delistings.default)

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
        if not self._ready:
            self._begin(view)
        # Solvers keep a little of the last solve: without it a decision is a function of state, view and holdings.
        restart(self._state)
        decision, self._state = _ask(self.strategy, self._state, view, holdings)
        one = Decided.of(decision)
        if self.journal is not None:
            self._state = self.journal.add(one, self._state)
        self.decided.append(one)

    def _begin(self, view: MarketView) -> None:
        """The state before the first decision, or after the last one that the journal holds."""
        first = view
        if self.decided:
            first = self.walk.schedule.view(self.walk.panel, self.walk.folds[0].decide)
        with _naming(self.strategy, first):
            fresh = self.strategy.init(first)
        self._state = self.journal.state(fresh) if self.journal is not None and self.decided else fresh
        self._ready = True


def _ask(strategy: Strategy, state: Any, view: MarketView, holdings: Array) -> tuple[Decision, Any]:
    """One decision, checked."""
    date = _day(view)
    with _naming(strategy, view):
        decision, state = strategy.decide(state, view, holdings.copy())
    if not isinstance(decision, Decision):
        raise StrategyError(f"strategy {strategy.name!r} returned {type(decision).__name__}, not a Decision")
    if decision.weights.shape != holdings.shape:
        raise StrategyError(
            f"strategy {strategy.name!r} gave {decision.weights.size} weights on {date} for "
            f"{len(holdings)} assets: one a column of the panel is wanted"
        )
    held = np.abs(decision.weights) > 1e-12
    if np.any(held & ~view.fresh):
        asset = view.assets[int(np.flatnonzero(held & ~view.fresh)[0])]
        raise StrategyError(
            f"strategy {strategy.name!r} wants {asset} on {date}, which cannot be traded then"
        )
    return decision, state


@contextmanager
def _naming(strategy: Strategy, view: MarketView) -> Iterator[None]:
    """Faults of a strategy's own code get its name and the date."""
    try:
        yield
    except STRATEGY_FAULTS as error:
        cause = f"{type(error).__name__}: {error}"
        raise StrategyError(f"strategy {strategy.name!r} failed on {_day(view)}: {cause}") from error


def _day(view: MarketView) -> str:
    return pd.Timestamp(view.date).strftime("%Y-%m-%d")
