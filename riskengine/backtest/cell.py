"""One backtest of a sweep: all that decides its numbers, and the key that changes whenever any of it does."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from riskengine.backtest.checkpoint import engine_identity
from riskengine.backtest.engine import run_backtest
from riskengine.backtest.reads import files_of, hashes, recorded_reads
from riskengine.backtest.result import BacktestResult
from riskengine.backtest.schedule import WalkForward
from riskengine.backtest.strategy_files import build_strategy, module_name
from riskengine.errors import SettingsError, StrategyError
from riskengine.market import Panel
from riskengine.portfolio import EqualWeight, ProportionalCosts, Strategy
from riskengine.serialization import fingerprint

READ = "files read"
"""Under this name the provenance of a result has the hashes of files that the strategy read, by path."""

_ONE_AT_A_TIME = threading.Lock()  # compiled programs that call LAPACK from several threads can wait forever


class Prepared(NamedTuple):
    """What a cell's strategy was when the sweep was planned.

    Attributes
    ----------
    key : of the cell
    files : contents of the files that the strategy was loaded from, by path within its folder; sent to machines that
        do not have them
    """

    key: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, eq=False)
class Cell:
    """One backtest of a sweep, with all that a worker on another machine needs.

    Attributes
    ----------
    market : name of the universe
    strategy : what its file is called in tables; ``"equal weight"`` is the benchmark
    path : of the file, which runs where it lies; None for the benchmark
    settings : of its ``build``
    panel, schedule, costs, cash, borrow : see :func:`run_backtest`
    """

    market: str
    strategy: str
    path: Path | None
    settings: dict[str, Any]
    panel: Panel
    schedule: WalkForward
    costs: ProportionalCosts
    cash: float | pd.Series = 0.0
    borrow: float | pd.Series | None = None

    @property
    def label(self) -> str:
        """Strategy and settings in a word or two, for people; two cells may share it."""
        return " ".join([self.strategy, *(f"{name}={value}" for name, value in self.settings.items())])

    @property
    def key(self) -> str:
        """Name of its folder: another one whenever anything that decides its numbers is another.

        A fingerprint of what ``build`` gives, of the files that it was loaded from, of prices, schedule, costs and
        rates, and of the engine with its libraries.

        Raises
        ------
        StrategyError
            If the file cannot be loaded, or its ``build`` fails with these settings.
        """
        return self._key(self._built())

    def prepare(self, send: bool = False) -> Prepared:
        """Its key, and the files to send with it if workers may lack them."""
        strategy = self._built()
        key = self._key(strategy)
        if not send or self.path is None:
            return Prepared(key, {})
        folder = self.path.resolve().parent
        paths = [Path(name) for name in files_of(strategy)]
        inside = [path for path in paths if path.is_file() and path.is_relative_to(folder)]
        return Prepared(key, {path.relative_to(folder).as_posix(): path.read_bytes() for path in inside})

    def run(self, prepared: Prepared | None = None) -> BacktestResult:
        """The backtest.

        Raises
        ------
        SettingsError
            If the strategy, or a file that it reads, is not what it was when the cell was prepared.
        StrategyError
            If the strategy cannot be loaded or fails.
        """
        with _ONE_AT_A_TIME, self._place(prepared) as path, recorded_reads() as read:
            strategy = self._built(path)
            here = path == self.path
            if prepared is not None and here and self._key(strategy) != prepared.key:
                raise SettingsError(
                    f"{self.path} or a file that it reads is not the same on {socket.gethostname()} as when the sweep "
                    "was planned: leave them alone while it runs, and share them with all workers"
                )
            try:
                result = run_backtest(
                    strategy, self.panel, self.schedule, self.costs, cash=self.cash, borrow=self.borrow
                )
            except StrategyError as error:
                if here or "No such file" not in str(error):
                    raise
                raise StrategyError(
                    f"{error}; {socket.gethostname()} does not have {self.path}, and only files that are read while a "
                    "strategy is loaded are sent there: share its folder with all workers"
                ) from error
        used = hashes(read) if here else {}
        return replace(result, provenance=result.provenance | {READ: used}) if used else result

    def _built(self, path: Path | None = None) -> Strategy:
        path = path or self.path
        if path is None or self.path is None:
            return EqualWeight(min_history=min(250, self.schedule.train))
        return build_strategy(path, self.settings, module_name(self.path))

    def _key(self, strategy: Strategy) -> str:
        folder = None if self.path is None else self.path.resolve().parent
        files = [
            (
                Path(name).relative_to(folder).as_posix()
                if folder and Path(name).is_relative_to(folder)
                else name,
                hash_,
            )
            for name, hash_ in files_of(strategy).items()
        ]
        content = (
            strategy,
            sorted(files),
            self.panel.hash,
            self.schedule,
            self.costs,
            self.cash,
            self.borrow,
            engine_identity(),
        )
        name = self.strategy if self.path is None else self.path.stem
        return f"{name.replace(' ', '_')}-{fingerprint(content)[:16]}"

    @contextmanager
    def _place(self, prepared: Prepared | None) -> Iterator[Path | None]:
        """Where the strategy lies; on a machine that lacks it, a folder with the files that came with the cell."""
        if self.path is None or self.path.is_file() or prepared is None or not prepared.files:
            yield self.path
            return
        with tempfile.TemporaryDirectory() as folder:
            for name, content in prepared.files.items():
                file = Path(folder) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            yield Path(folder) / self.path.name
