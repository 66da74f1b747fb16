"""What a sweep goes through: strategy files, settings of their ``build``, universes."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path
from typing import Any

from riskengine.backtest.loading import load_builder
from riskengine.errors import SettingsError
from riskengine.market import Panel, Universe, load_panel, load_volume

Settings = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Market:
    """A universe of a sweep, by its files; see :func:`~riskengine.market.load_panel` and ``Universe``.

    Attributes
    ----------
    prices, membership, delistings, volume : files
    top, min_history, lookback : see :class:`~riskengine.market.Universe`
    start, end : first and last date
    """

    prices: Path
    membership: Path | None = None
    delistings: Path | None = None
    volume: Path | None = None
    top: int | None = None
    min_history: int = 0
    lookback: int = 252
    start: str | None = None
    end: str | None = None
    default_delisting_return: float = 0.0

    def panel(self) -> Panel:
        """Prices, membership and delistings."""
        panel = load_panel(self.prices, self.membership, self.delistings, self.default_delisting_return)
        return panel.between(self.start, self.end) if self.start or self.end else panel

    def universe(self) -> Universe | None:
        """Who of the panel may be held; None if everyone."""
        if self.top is None and self.min_history == 0:
            return None
        volume = None if self.volume is None else load_volume(self.volume)
        return Universe(self.top, self.min_history, self.lookback, volume)


@dataclass(frozen=True)
class Grid:
    """Strategies x settings x universes.

    Attributes
    ----------
    strategies : files with ``build(...)``
    settings : name of a setting to its values. A plain name goes to every strategy whose ``build`` takes it;
        ``min_variance.upper`` to that of ``min_variance.py`` alone.
    markets : universes by name
    """

    strategies: tuple[Path, ...]
    settings: Settings
    markets: Mapping[str, Market]

    def combinations(self) -> list[tuple[str, Path, dict[str, Any]]]:
        """Universe, file and settings of every cell, in a fixed order.

        Raises
        ------
        SettingsError
            If there is no strategy or universe, or a setting that no strategy takes.
        """
        if not self.strategies or not self.markets:
            raise SettingsError("a sweep needs at least one strategy file and one file of prices")
        stems = [path.stem for path in self.strategies]
        if len(set(stems)) < len(stems):
            raise SettingsError(f"two strategy files share a name among {', '.join(stems)}: rename one")
        taken: set[str] = set()
        cells = []
        for path in self.strategies:
            axes = self._axes(path)
            taken |= set(axes)
            names = [key.rpartition(".")[2] for key in axes]
            for values in product(*(self.settings[key] for key in axes)):
                cells.append((path, dict(zip(names, values, strict=True))))
        left = sorted(set(self.settings) - taken)
        if left:
            raise SettingsError(f"no build() takes the setting {left[0]}: check its name and the strategy's")
        return [(market, path, settings) for market in self.markets for path, settings in cells]

    def _axes(self, path: Path) -> list[str]:
        """Keys of the settings that a strategy's ``build`` takes; one for it alone goes before a general one."""
        takes = inspect.signature(load_builder(path)).parameters
        own = [
            key
            for key in self.settings
            if key.startswith(f"{path.stem}.") and key.rpartition(".")[2] in takes
        ]
        special = {key.rpartition(".")[2] for key in own}
        general = [key for key in self.settings if key in takes and key not in special]
        return general + own


def parse_settings(texts: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Settings as written on the command line, ``name=value,value``.

    Examples
    --------
    >>> parse_settings(["upper=0.1,0.2", "min_variance.window=500", "turnover=none", "name=a"])
    {'upper': (0.1, 0.2), 'min_variance.window': (500,), 'turnover': (None,), 'name': ('a',)}
    """
    found: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equal, values = text.partition("=")
        if not equal or not name.strip() or not values.strip():
            raise SettingsError(f"a setting is written name=value,value, not {text!r}")
        if name.strip() in found:
            raise SettingsError(f"the setting {name.strip()} is given twice: write its values in one")
        found[name.strip()] = tuple(_value(one.strip()) for one in values.split(","))
    return found


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def load_grid(path: str | Path) -> Grid:
    """Read a grid from TOML; paths are relative to its folder.

    ::

        strategies = ["strategies/min_variance.py", "strategies/markowitz.py"]

        [settings]
        upper = [0.1, 0.2]
        min_variance.static_share = [0.0, 0.5]

        [universes.large]
        prices = "prices.parquet"
        volume = "volume.parquet"
        top = 100

    Raises
    ------
    SettingsError
        If the file is missing or not TOML, or has a key that means nothing.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as TOML: {error}") from error
    unknown = sorted(set(content) - {"strategies", "settings", "universes"})
    if unknown:
        raise SettingsError(
            f"{path} has an unknown key {unknown[0]}: strategies, settings and universes are known"
        )
    for key, kind in (("strategies", list), ("settings", dict), ("universes", dict)):
        if not isinstance(content.get(key, kind()), kind):
            raise SettingsError(f"{path}: {key} is a {'list' if kind is list else 'table'}")
    markets = {name: _market(name, table, path) for name, table in content.get("universes", {}).items()}
    files = tuple(path.parent / name for name in map(str, content.get("strategies", [])))
    return Grid(files, _flat(content.get("settings", {})), markets)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = tuple(value) if isinstance(value, list) else (value,)
    return found


def _market(name: str, table: Any, path: Path) -> Market:
    known = {field.name for field in fields(Market)}
    if not isinstance(table, dict) or "prices" not in table or set(table) - known:
        raise SettingsError(
            f"{path}: universe {name} is a table with prices, and of {', '.join(sorted(known))}"
        )
    files = {"prices", "membership", "delistings", "volume"}
    values: dict[str, Any] = {k: path.parent / str(v) if k in files else v for k, v in table.items()}
    return Market(**values)
