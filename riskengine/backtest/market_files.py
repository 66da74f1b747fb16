"""A universe of a backtest by its files: prices, members, delistings, traded values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riskengine.market import Panel, Source, Universe, load_panel, load_volume


@dataclass(frozen=True)
class Market:
    """A universe of a sweep, by its files; see :func:`~riskengine.market.load_panel` and ``Universe``.

    Attributes
    ----------
    prices : file or database of prices, in the shapes that :func:`~riskengine.market.load_panel` reads
    membership : file of asset, start, end, or as wide as the prices: who may be held when
    delistings : file of asset, date, return
    volume : file of traded values, as wide as the prices
    top : number of the most liquid assets to restrict to, by their traded values
    min_history : returns that an asset needs before it may be held
    lookback : days whose median traded value ranks the assets
    start, end : first and last date of the prices to use
    default_delisting_return : of assets whose prices end, where the file of delistings does not name them
    periods_per_year : prices a year; measured from the dates if not given
    """

    prices: Source
    membership: Path | None = None
    delistings: Path | None = None
    volume: Source | None = None
    top: int | None = None
    min_history: int = 0
    lookback: int = 252
    start: str | None = None
    end: str | None = None
    default_delisting_return: float = 0.0
    periods_per_year: float | None = None

    def with_files(self, place: Callable[[Path], Path]) -> Market:
        """The same with each file where ``place`` puts it, and addresses of databases with whole paths."""
        files = {name: getattr(self, name) for name in ("prices", "membership", "delistings", "volume")}
        placed: dict[str, Any] = {
            name: place(file) if isinstance(file, Path) else file.resolve()
            for name, file in files.items()
            if file is not None
        }
        return replace(self, **placed)

    def resolved(self) -> Market:
        """The same with whole paths: equal for equal universes, however their files were named."""
        return self.with_files(Path.resolve)

    def panel(self) -> Panel:
        """Prices, membership and delistings."""
        panel = load_panel(
            self.prices,
            self.membership,
            self.delistings,
            self.default_delisting_return,
            self.periods_per_year,
        )
        return panel.between(self.start, self.end) if self.start or self.end else panel

    def universe(self) -> Universe | None:
        """Who of the panel may be held; None if everyone."""
        if self.top is None and self.min_history == 0:
            return None
        volume = None if self.volume is None else load_volume(self.volume)
        return Universe(self.top, self.min_history, self.lookback, volume)
