"""Many backtests at once, on this machine or on a cluster; what is finished stays finished."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from riskengine.backtest.cell import READ, Cell, Prepared
from riskengine.backtest.checkpoint import engine_identity
from riskengine.backtest.grid import Grid
from riskengine.backtest.parallel import workers
from riskengine.backtest.reads import changed
from riskengine.backtest.result import BacktestResult
from riskengine.backtest.schedule import WalkForward
from riskengine.backtest.storage import load_result, save_result
from riskengine.backtest.sweep_result import Sweep
from riskengine.errors import DataError, RiskEngineError
from riskengine.market import Panel
from riskengine.portfolio import EqualWeight, ProportionalCosts
from riskengine.progress import ProgressReport, no_progress

Outcome = tuple[int, BacktestResult | str]


def plan(
    grid: Grid,
    schedule: WalkForward | Callable[[Panel], WalkForward],
    costs: ProportionalCosts,
    cash: float | pd.Series = 0.0,
    borrow: float | pd.Series | None = None,
) -> list[Cell]:
    """Backtests of a grid, and equal weight in every universe as the benchmark.

    Parameters
    ----------
    grid : strategies, settings, universes; what it names twice is planned once (:attr:`Grid.repeated` says so)
    schedule : of all universes, or what gives it for the prices of one
    costs, cash, borrow : see :func:`run_backtest`

    Raises
    ------
    RiskEngineError
        If a file cannot be loaded, or a setting is unknown.

    Examples
    --------
    >>> from riskengine import ProportionalCosts, datasets
    >>> from riskengine.backtest import Market, strategy_file
    >>> markets = {"20 stocks": Market(datasets.path("us_equities_20"))}
    >>> grid = Grid((strategy_file("min_variance"),), {"upper": (0.1, 0.2)}, markets)
    >>> [(cell.strategy, cell.settings) for cell in plan(grid, WalkForward(), ProportionalCosts(0.001))]
    [('equal weight', {}), ('min_variance', {'upper': 0.1}), ('min_variance', {'upper': 0.2})]
    """
    cells = []
    combinations, labels = grid.combinations(), grid.labels
    for name in dict.fromkeys(place for place, _, _ in combinations):
        market = grid.markets[name]
        panel, universe = market.panel(), market.universe()
        walk = schedule if isinstance(schedule, WalkForward) else schedule(panel)
        shared = (panel, replace(walk, universe=universe), costs, cash, borrow)
        cells.append(Cell(name, EqualWeight().name, None, {}, *shared))
        cells += [
            Cell(name, labels[path], path, dict(settings), *shared)
            for place, path, settings in combinations
            if place == name
        ]
    return cells


def run_sweep(
    cells: list[Cell],
    folder: str | Path,
    jobs: int = 1,
    scheduler: str | None = None,
    report: ProgressReport = no_progress,
    notes: Iterable[str] = (),
) -> Sweep:
    """Run the backtests of a sweep whose results are not in its folder yet.

    Results are written by this process, each as soon as it is there: a sweep that was stopped, or whose workers
    ended, goes on with what is missing. A cell that fails, whatever its fault, is named in the table and tried again
    the next time. Cells whose numbers are decided by the same things run once.

    Strategies run where they lie. A worker that lacks their files is sent those that were read while they were loaded
    and that lie in the strategy's folder; files that are read later have to be shared with it.

    Parameters
    ----------
    cells : see :func:`plan`
    folder : holds a folder a cell
    jobs : processes on this machine; -1 for all cores
    scheduler : address of a Dask cluster, ``tcp://host:8786``, instead of processes on this machine
    report : called with a stage, cells done and cells in all
    notes : for the reader of the sweep

    Raises
    ------
    SettingsError
        If distributed is needed and not installed, or the scheduler cannot be reached.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine import EqualWeight, ProportionalCosts, datasets
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> cell = Cell("20 stocks", EqualWeight().name, None, {}, panel, WalkForward(250, 21), ProportionalCosts(0.001))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_sweep([cell], folder).table()[["volatility"]].round(3)
       volatility
    0       0.137
    """
    folder, engine = Path(folder), engine_identity()
    results: list[BacktestResult | None] = [None] * len(cells)
    failures: dict[int, str] = {}
    keys = [""] * len(cells)
    alike: dict[str, list[int]] = {}  # positions by key
    prepared: dict[int, Prepared] = {}
    for k, cell in enumerate(cells):
        found = _guarded(cell.prepare, scheduler is not None)
        if isinstance(found, str):
            failures[k] = found
            continue
        keys[k], prepared[k] = found.key, found
        alike.setdefault(found.key, []).append(k)

    def settle(key: str, outcome: BacktestResult | str) -> None:
        for k in alike[key]:
            if isinstance(outcome, str):
                failures[k] = outcome
            else:
                results[k] = outcome

    for key in alike:
        result = _finished(folder / key)
        if result is not None:
            settle(key, result)
    missing = [places[0] for places in alike.values() if results[places[0]] is None]
    done = sum(result is not None for result in results) + len(failures)
    report("sweep", done, len(cells))
    with workers(jobs, scheduler) as run:
        waiting = set(missing)
        try:
            for k, outcome in run(partial(_run, k, cells[k], engine, prepared[k]) for k in missing):
                waiting.discard(k)
                if isinstance(outcome, BacktestResult):
                    outcome = _saved(outcome, folder / keys[k])
                settle(keys[k], outcome)
                done += len(alike[keys[k]])
                report("sweep", done, len(cells))
        except BrokenExecutor:
            for k in waiting:
                settle(
                    keys[k],
                    "a process was killed, for want of memory perhaps: call the sweep again with fewer jobs",
                )
    return Sweep(tuple(cells), tuple(results), dict(sorted(failures.items())), tuple(keys), tuple(notes))


def _saved(result: BacktestResult, folder: Path) -> BacktestResult | str:
    """The result as it can be read again, or why it could not be written."""
    found: BacktestResult | str = _guarded(lambda: load_result(save_result(result, folder)))
    return found


def _finished(folder: Path) -> BacktestResult | None:
    """The result in a cell's folder; None if it has none, not a whole one, or one of files that have changed since."""
    try:
        result = load_result(folder)
    except DataError:
        return None
    return None if changed(result.provenance.get(READ, {})) else result


def _run(k: int, cell: Cell, engine: dict[str, str], prepared: Prepared | None = None) -> Outcome:
    """Position and outcome of a cell."""
    mine = engine_identity()
    other = ", ".join(
        name if name != "code" else "riskengine" for name in engine if mine.get(name) != engine[name]
    )
    if other:
        return k, f"{socket.gethostname()} has another {other}: install the same one everywhere"
    return k, _guarded(cell.run, prepared)


def _guarded(call: Callable[..., Any], *given: Any) -> Any:
    """What a call returns, or its fault as a line of text.

    The one place where every fault is taken: a strategy's code can raise anything, and what other cells have computed
    must not go with it. Nothing is hidden: the text goes to the table, the file and the exit status.
    """
    try:
        return call(*given)
    except RiskEngineError as error:
        return " ".join(str(error).split())
    except (Exception, SystemExit) as error:  # noqa: BLE001
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text} ({Path(last.filename).name}:{last.lineno})"
