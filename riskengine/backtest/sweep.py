"""Many backtests at once, on this machine or on a cluster; what is finished stays finished."""

from __future__ import annotations

import importlib
import json
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest.checkpoint import code_hash
from riskengine.backtest.cost_sensitivity import at_cost, break_even_cost, cost_sensitivity
from riskengine.backtest.encoding import fingerprint
from riskengine.backtest.engine import run_backtest
from riskengine.backtest.grid import Grid
from riskengine.backtest.loading import load_strategy
from riskengine.backtest.result import BacktestResult
from riskengine.backtest.schedule import WalkForward
from riskengine.backtest.selection import (
    SuperiorAbility,
    confidence_set,
    deflated_sharpe_ratios,
    superior_ability,
    variance_losses,
)
from riskengine.backtest.storage import load_result, save_result
from riskengine.errors import DataError, RiskEngineError, SettingsError
from riskengine.market import Panel
from riskengine.portfolio import EqualWeight, ProportionalCosts

Report = Callable[[str, int, int], None]
Task = tuple[int, "Cell", str]
Outcome = tuple[int, BacktestResult | str]
STRESS_RATE = 0.005
"""A high cost of trading, fifty basis points, at which the table shows every Sharpe ratio once more."""

WORKERS_WITHIN = 120
"""Seconds that a scheduler may be without any worker before a sweep gives up."""

_ONE_AT_A_TIME = threading.Lock()  # compiled programs that call LAPACK from several threads can wait forever


@dataclass(frozen=True, eq=False)
class Cell:
    """One backtest of a sweep, with all that a worker on another machine needs.

    Attributes
    ----------
    market : name of the universe
    strategy : name of the file, without ``.py``; ``"equal weight"`` is the benchmark
    source : text of the file; a worker need not have it
    settings : of its ``build``
    panel, schedule, costs, cash, borrow : see :func:`run_backtest`
    """

    market: str
    strategy: str
    source: str | None
    settings: dict[str, Any]
    panel: Panel
    schedule: WalkForward
    costs: ProportionalCosts
    cash: float | pd.Series = 0.0
    borrow: float | pd.Series | None = None

    @property
    def label(self) -> str:
        """Strategy and settings in a word or two."""
        return " ".join([self.strategy, *(f"{name}={value}" for name, value in self.settings.items())])

    @property
    def key(self) -> str:
        """Name of its folder: another one whenever anything that decides its numbers is another."""
        content = (
            self.source,
            self.settings,
            self.panel.hash,
            self.schedule,
            self.costs,
            self.cash,
            self.borrow,
            code_hash(),
        )
        return f"{self.strategy.replace(' ', '_')}-{fingerprint(content)[:16]}"

    def run(self) -> BacktestResult:
        """The backtest."""
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory() as folder:
            if self.source is None:
                strategy: Any = EqualWeight(min_history=min(250, self.schedule.train))
            else:
                path = Path(folder) / f"{self.strategy}.py"
                path.write_text(self.source, encoding="utf-8")
                strategy = load_strategy(path, **self.settings)
            return run_backtest(
                strategy, self.panel, self.schedule, self.costs, cash=self.cash, borrow=self.borrow
            )


def plan(
    grid: Grid,
    schedule: WalkForward,
    costs: ProportionalCosts,
    cash: float | pd.Series = 0.0,
    borrow: float | pd.Series | None = None,
) -> list[Cell]:
    """The cells of a grid, and equal weight in every universe as the benchmark.

    Raises
    ------
    RiskEngineError
        If a file cannot be loaded, or a setting is unknown.
    """
    cells = []
    combinations = grid.combinations()
    sources = {path: path.read_text(encoding="utf-8") for path in grid.strategies}
    for name, market in grid.markets.items():
        panel, universe = market.panel(), market.universe()
        shared = (panel, replace(schedule, universe=universe), costs, cash, borrow)
        cells.append(Cell(name, EqualWeight().name, None, {}, *shared))
        cells += [
            Cell(name, path.stem, sources[path], dict(settings), *shared)
            for place, path, settings in combinations
            if place == name
        ]
    return cells


def run_sweep(
    cells: list[Cell],
    folder: str | Path,
    jobs: int = 1,
    scheduler: str | None = None,
    report: Report = lambda stage, done, total: None,
) -> Sweep:
    """Run every cell that the folder does not hold yet.

    Results are written by this process, each as soon as it is there: a sweep that was stopped, or whose workers
    died, goes on with what is missing. A cell that fails is named in the table and tried again the next time.

    Parameters
    ----------
    cells : see :func:`plan`
    folder : holds a folder a cell
    jobs : processes on this machine; -1 for all cores
    scheduler : address of a Dask cluster, ``tcp://host:8786``, instead of processes on this machine
    report : called with a stage, cells done and cells in all

    Raises
    ------
    SettingsError
        If joblib or distributed is needed and not installed, or the scheduler cannot be reached.
    """
    folder, code = Path(folder), code_hash()
    keys = [cell.key for cell in cells]
    results = [_finished(folder / key) for key in keys]
    missing = [k for k, result in enumerate(results) if result is None]
    failures: dict[int, str] = {}
    report("sweep", len(cells) - len(missing), len(cells))
    with _pool(jobs, scheduler) as run:
        for done, (k, outcome) in enumerate(run((k, cells[k], code) for k in missing), start=1):
            if isinstance(outcome, BacktestResult):
                results[k] = load_result(save_result(outcome, folder / keys[k]))
            else:
                failures[k] = outcome
            report("sweep", len(cells) - len(missing) + done, len(cells))
    return Sweep(tuple(cells), tuple(results), dict(sorted(failures.items())))


def _finished(folder: Path) -> BacktestResult | None:
    """The result in a cell's folder; None if it has none, or not a whole one."""
    try:
        return load_result(folder)
    except DataError:
        return None


def _run(k: int, cell: Cell, code: str) -> Outcome:
    """Position and outcome of a cell; errors that a user can mend become their message."""
    try:
        if code_hash() != code:
            raise SettingsError(
                f"{socket.gethostname()} has another riskengine: install the same one everywhere"
            )
        return k, cell.run()
    except RiskEngineError as error:
        return k, " ".join(str(error).split())


@contextmanager
def _pool(jobs: int, scheduler: str | None) -> Iterator[Callable[[Iterable[Task]], Iterable[Outcome]]]:
    """Something that runs cells, in any order."""
    if scheduler is None and jobs == 1:
        yield lambda tasks: (_run(*task) for task in tasks)
        return
    joblib = _optional("joblib")

    def parallel(tasks: Iterable[Task]) -> Iterable[Outcome]:
        work = (joblib.delayed(_run)(*task) for task in tasks)
        return joblib.Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")(work)

    if scheduler is None:
        with joblib.parallel_config("loky"), warnings.catch_warnings():
            # Compiled programs fill a worker's memory; joblib then begins a new one, which is as it should be.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            yield parallel
        return
    distributed = _optional("distributed")
    try:
        client = distributed.Client(scheduler, timeout="30s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise SettingsError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client, joblib.parallel_config("dask", client=client):
        try:
            client.wait_for_workers(1, timeout=WORKERS_WITHIN)
        except TimeoutError as error:
            raise SettingsError(f"no worker has joined the scheduler at {scheduler}: start some") from error
        yield parallel


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise SettingsError(
            f"sweeps over several processes need {name}: pip install 'riskengine[distributed]'"
        ) from error


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found.

    Attributes
    ----------
    cells : in the order of the grid, equal weight first in every universe
    results : of each cell; None where it failed
    failures : position of a cell to what went wrong
    """

    cells: tuple[Cell, ...]
    results: tuple[BacktestResult | None, ...]
    failures: dict[int, str]

    def table(self) -> pd.DataFrame:
        """A row a cell that ran, with what remains of its record once one knows how many were tried.

        ``deflated_sharpe`` is the probability that it has any skill, given all cells of its universe (Bailey and
        Lopez de Prado 2014); ``mcs_p`` that of its being among the calmest (Hansen, Lunde and Nason 2011);
        ``break_even`` the cost of trading at which its return falls to that of equal weight;
        ``sharpe_free`` and ``sharpe_dear`` its Sharpe ratio without costs and at :data:`STRESS_RATE`.
        """
        rows = []
        for market, members in self._markets().items():
            returns = self._returns(members)
            deflated = deflated_sharpe_ratios(returns)
            calmest = confidence_set(variance_losses(returns))
            benchmark = members[0][1] if members[0][0].source is None else None
            for (cell, result), label in zip(members, returns.columns, strict=True):
                own = result.statistics()
                rows.append(
                    {
                        "universe": market,
                        "strategy": cell.strategy,
                        "settings": dict(cell.settings),
                        **{name: own[name] for name in ("volatility", "return", "sharpe")},
                        "deflated_sharpe": deflated[label],
                        "mcs_p": calmest[label],
                        **{name: own[name] for name in ("max_drawdown", "turnover")},
                        "sharpe_free": at_cost(result, 0.0).statistics()["sharpe"],
                        "sharpe_dear": at_cost(result, STRESS_RATE).statistics()["sharpe"],
                        "break_even": np.nan if result is benchmark else break_even_cost(result, benchmark),
                    }
                )
        return pd.DataFrame(rows)

    def superior_ability(self) -> dict[str, SuperiorAbility]:
        """By universe, whether the calmest cell is calmer than equal weight, given how many were tried."""
        found = {}
        for market, members in self._markets().items():
            losses = variance_losses(self._returns(members))
            if members[0][0].source is None and len(members) > 1:
                found[market] = superior_ability(losses.iloc[:, 0], losses.iloc[:, 1:])
        return found

    def to_json(self) -> str:
        """Table, tests and failures as JSON; what is not finite becomes null."""
        table = self.table().astype(object)
        rows = table.where(table.notna() & ~table.isin([np.inf, -np.inf]), None).to_dict(orient="records")
        content = {
            "cells": [
                row | {"key": cell.key, "costs": _sensitivity(result)}
                for row, (cell, result) in zip(rows, self._ran(), strict=True)
            ],
            "superior_ability": {name: test._asdict() for name, test in self.superior_ability().items()},
            "failures": [
                {"universe": self.cells[k].market, "cell": self.cells[k].label, "error": message}
                for k, message in self.failures.items()
            ],
        }
        return json.dumps(content, indent=2, default=str)

    def _ran(self) -> list[tuple[Cell, BacktestResult]]:
        """Cells with results, in the order of the table."""
        return [pair for members in self._markets().values() for pair in members]

    def _markets(self) -> dict[str, list[tuple[Cell, BacktestResult]]]:
        """Cells that ran, by universe."""
        found: dict[str, list[tuple[Cell, BacktestResult]]] = {}
        for cell, result in zip(self.cells, self.results, strict=True):
            if result is not None:
                found.setdefault(cell.market, []).append((cell, result))
        return found

    @staticmethod
    def _returns(members: list[tuple[Cell, BacktestResult]]) -> pd.DataFrame:
        return pd.DataFrame({cell.label: result.returns for cell, result in members})


def _sensitivity(result: BacktestResult) -> list[dict[Hashable, float]]:
    return cost_sensitivity(result).reset_index().to_dict(orient="records")
