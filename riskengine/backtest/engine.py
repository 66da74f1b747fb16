"""The walk-forward: a strategy is handed the past and nothing else, its trades are done later, and cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest.accounting import Book
from riskengine.backtest.monitor import RiskMonitor
from riskengine.backtest.provenance import provenance
from riskengine.backtest.result import BacktestResult
from riskengine.backtest.schedule import Fold, WalkForward
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


def run_backtest(
    strategy: Strategy,
    panel: Panel,
    schedule: WalkForward | None = None,
    costs: ProportionalCosts | None = None,
    benchmarks: Sequence[Strategy] = (),
    monitor: RiskMonitor | None = None,
    report: Report = lambda stage, done, total: None,
) -> BacktestResult:
    """Run a strategy, and benchmarks beside it, through history.

    A decision at the close of day t sees data up to and including t and is traded at the close of
    ``t + delay``. Between trades weights drift. Missing prices leave a holding at its last value; after
    five days it is sold at that value and flagged.

    Parameters
    ----------
    strategy : what to test
    panel : prices
    schedule : when to decide; ``WalkForward()`` if not given
    costs : of trades; five basis points of what is traded if not given
    benchmarks : other strategies, run on the same days with the same costs
    monitor : forecasts daily VaR and CVaR of every portfolio from the past alone; none if not given
    report : called with a stage, steps done and steps in all, for a progress bar

    Raises
    ------
    DataError
        If the panel is too short for the schedule.
    StrategyError
        If the strategy raises or breaks its contract; the message names strategy and date.
    SettingsError
        If two portfolios share a name.

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
    names = [candidate.name for candidate in (strategy, *benchmarks)]
    if len(set(names)) < len(names):
        raise SettingsError(f"two portfolios share a name among {', '.join(names)}: rename one")
    schedule = schedule or WalkForward()
    costs = costs or ProportionalCosts()
    folds = schedule.folds(len(panel.dates))
    runs = [_run_one(one, panel, folds, costs, report) for one in (strategy, *benchmarks)]
    origin = provenance(panel, schedule, costs, strategy)
    risks: Sequence[pd.DataFrame | None] = [None] * len(runs)
    if monitor is not None:
        paths = [run["weights"].to_numpy() for run in runs]
        risks = monitor.follow(panel, folds, paths, report)
    results = [
        BacktestResult(**run, risk=risk, provenance=origin) for run, risk in zip(runs, risks, strict=True)
    ]
    result = results[0].beside(tuple(results[1:]))
    return result if monitor is None else result.with_risk_today(monitor.today(panel, paths[0][-1]))


def _run_one(
    strategy: Strategy, panel: Panel, folds: tuple[Fold, ...], costs: ProportionalCosts, report: Report
) -> dict[str, Any]:
    """Decisions and books of one strategy, as the fields of its result."""
    prices = panel.prices.to_numpy()
    priced = ~np.isnan(prices)
    known = panel.prices.ffill().to_numpy()
    with np.errstate(invalid="ignore"):
        growth = np.where(priced[1:] & ~np.isnan(known[:-1]), known[1:] / known[:-1], 1.0)
    names = [f"{date:%Y-%m-%d}" for date in panel.dates]
    book = Book.empty(panel.assets)
    start = folds[0].trade
    days = len(prices) - start
    gross, cost, turnover = np.zeros(days), np.zeros(days), np.zeros(days)
    weights = np.zeros((days, len(panel.assets)))
    earner = np.full(days, -1)
    decisions: list[Decision] = []
    trade_days = {fold.trade: k for k, fold in enumerate(folds)}
    state: Any = None
    held = -1
    decide_days = {fold.decide for fold in folds}

    for t in range(folds[0].decide, len(prices)):
        if t > start:
            gross[t - start] = book.pass_day(growth[t - 1], priced[t], names[t])
            earner[t - start] = held
        if t in decide_days:
            view = panel.view(t)
            decision, state = _ask(strategy, state, view, book.weights, first=not decisions)
            decisions.append(decision)
            report(strategy.name, len(decisions), len(folds))
        if t in trade_days:
            held = trade_days[t]
            trades = book.trade(decisions[held].weights, priced[t], names[t])
            turnover[t - start] = np.abs(trades).sum()
            cost[t - start] = costs.cost(trades)
        if t >= start:
            weights[t - start] = book.weights

    dates = panel.dates[start:]
    made = panel.dates[[fold.decide for fold in folds]]
    forecast = [
        np.sqrt(252 * d.covariance.variance(d.weights)) if d.covariance is not None else np.nan
        for d in decisions
    ]
    return {
        "name": strategy.name,
        "gross": pd.Series(gross, dates, name="gross"),
        "costs": pd.DataFrame({"trading": cost}, dates),
        "turnover": pd.Series(turnover, dates, name="turnover"),
        "weights": pd.DataFrame(weights, dates, list(panel.assets)),
        "decision": pd.Series(earner, dates, name="decision"),
        "targets": pd.DataFrame([d.weights for d in decisions], made, list(panel.assets)),
        "predicted_volatility": pd.Series(forecast, made, name="predicted volatility"),
        "status": pd.Series([d.status for d in decisions], made, name="status", dtype=object),
        "notes": tuple(
            f"{date:%Y-%m-%d}: {note}" for date, d in zip(made, decisions, strict=True) for note in d.notes
        )
        + tuple(book.flags),
        "contributions": _contributions(decisions, made, panel.assets),
    }


def _contributions(
    decisions: list[Decision], dates: pd.DatetimeIndex, assets: tuple[str, ...]
) -> pd.DataFrame:
    """Share of each asset in the forecast variance, one row a decision; they add up to one."""
    rows = []
    for decision in decisions:
        if decision.covariance is None or not decision.weights.any():
            rows.append(np.full(len(assets), np.nan))
            continue
        pull = decision.weights * (decision.covariance.matrix() @ decision.weights)
        rows.append(pull / pull.sum())
    return pd.DataFrame(rows, dates, list(assets))


def _ask(
    strategy: Strategy, state: Any, view: MarketView, holdings: Array, first: bool
) -> tuple[Decision, Any]:
    """One decision, checked."""
    date = pd.Timestamp(view.date).strftime("%Y-%m-%d")
    try:
        if first:
            state = strategy.init(view)
        decision, state = strategy.decide(state, view, holdings.copy())
    except STRATEGY_FAULTS as error:
        cause = f"{type(error).__name__}: {error}"
        raise StrategyError(f"strategy {strategy.name!r} failed on {date}: {cause}") from error
    if not isinstance(decision, Decision):
        raise StrategyError(f"strategy {strategy.name!r} returned {type(decision).__name__}, not a Decision")
    if decision.weights.shape != holdings.shape:
        raise StrategyError(
            f"strategy {strategy.name!r} gave {decision.weights.size} weights on {date} for "
            f"{len(holdings)} assets: one a column of the panel is wanted"
        )
    held = np.abs(decision.weights) > 1e-12
    if np.any(held & ~view.tradable):
        asset = view.assets[int(np.flatnonzero(held & ~view.tradable)[0])]
        raise StrategyError(
            f"strategy {strategy.name!r} wants {asset} on {date}, which cannot be traded then"
        )
    return decision, state
