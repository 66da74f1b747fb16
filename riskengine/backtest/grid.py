"""What a sweep goes through: strategy files, settings of their ``build``, universes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from riskengine.backtest.market_files import Market
from riskengine.backtest.strategy_files import load_builder
from riskengine.errors import SettingsError

Settings = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Grid:
    """Strategies x settings x universes.

    Attributes
    ----------
    strategies : files with ``build(...)``
    settings : name of a setting to its values. A plain name goes to every strategy whose ``build`` takes it;
        ``min_variance.upper`` to that of ``min_variance.py`` alone, ``new/min_variance.upper`` to the one that
        :attr:`labels` calls so.
    markets : universes by name
    """

    strategies: tuple[Path, ...]
    settings: Settings
    markets: Mapping[str, Market]

    @property
    def repeated(self) -> tuple[str, ...]:
        """What was asked for more than once and is run once, a line each."""
        said = [f"{path} was named more than once: it runs once" for path in _again(self.strategies)]
        first: dict[Market, str] = {}
        for name, market in self.markets.items():
            same = first.setdefault(market.resolved(), name)
            if same != name:
                said.append(f"universe {name} is the same as {same}: it runs once")
        for name, values in self.settings.items():
            for value in dict.fromkeys(repr(one) for one in values):
                if sum(repr(one) == value for one in values) > 1:
                    said.append(f"{name}={value.strip(chr(39))} was given more than once: it runs once")
        return tuple(said)

    @property
    def labels(self) -> dict[Path, str]:
        """What each strategy file is called: its name, with as much of its path as tells it from others."""
        first: dict[Path, Path] = {}
        for path in self.strategies:
            first.setdefault(path.resolve(), path)
        paths = list(first.values())
        return dict(zip(paths, distinct_names(paths), strict=True))

    def combinations(self) -> list[tuple[str, Path, dict[str, Any]]]:
        """Universe, file and settings of every cell, in a fixed order and each once.

        Raises
        ------
        SettingsError
            If there is no strategy or universe, or a setting that no strategy takes.
        """
        if not self.strategies or not self.markets:
            raise SettingsError("a sweep needs at least one strategy file and one file of prices")
        taken: set[str] = set()
        cells = []
        for path, label in self.labels.items():
            axes = self._axes(path, label)
            taken |= set(axes)
            names = [key.rpartition(".")[2] for key in axes]
            # By their text: 1, 1.0 and True are equal, but not the same setting.
            once = [list({repr(value): value for value in self.settings[key]}.values()) for key in axes]
            cells += [(path, dict(zip(names, values, strict=True))) for values in product(*once)]
        left = sorted(set(self.settings) - taken)
        if left:
            raise SettingsError(f"no build() takes the setting {left[0]}: check its name and the strategy's")
        first: dict[Market, str] = {}
        for name, market in self.markets.items():
            first.setdefault(market.resolved(), name)
        return [(market, path, settings) for market in first.values() for path, settings in cells]

    def _axes(self, path: Path, label: str) -> list[str]:
        """Keys of the settings that a ``build`` takes, one for each: what names more of the path goes before."""
        takes = inspect.signature(load_builder(path)).parameters
        found: dict[str, str] = {}
        for owner in ("", path.stem, label):
            for key in self.settings:
                prefix, _, name = key.rpartition(".")
                if prefix == owner and name in takes:
                    found.pop(name, None)
                    found[name] = key
        return list(found.values())


def distinct_names(paths: Sequence[Path], common: str = "") -> list[str]:
    """Names of files without suffix, with as many of their folders as it takes to tell them apart.

    Parameters
    ----------
    paths : of different files
    common : a name that says nothing by itself, for which the folder's stands

    Examples
    --------
    >>> distinct_names([Path("a/p.csv"), Path("b/p.csv"), Path("b/q.csv"), Path("b/q.parquet")])
    ['a/p', 'b/p', 'q.csv', 'q.parquet']
    >>> distinct_names([Path("/data/large/prices.csv")], common="prices")
    ['large']
    """

    def name(path: Path, depth: int, suffix: bool) -> str:
        folders = path.resolve().parent.parts[1:]
        if path.stem == common and depth == 0 and folders and not suffix:
            return folders[-1]
        return "/".join([*folders[len(folders) - depth :], path.name if suffix else path.stem])

    depths, suffixes = [0] * len(paths), [False] * len(paths)
    while True:
        names = [name(*one) for one in zip(paths, depths, suffixes, strict=True)]
        alike = [k for k, one in enumerate(names) if names.count(one) > 1]
        if not alike:
            return names
        for k in alike:
            same = {paths[other].resolve().parent for other in alike if names[other] == names[k]}
            # Files of one folder differ by their suffix; those of several by their folders.
            if len(same) == 1 and not suffixes[k]:
                suffixes[k] = True
            elif depths[k] < len(paths[k].resolve().parent.parts) - 1:
                depths[k] += 1
            else:
                raise SettingsError(f"{paths[k]} is named twice: name each file once")


def named_markets(markets: Sequence[Market], taken: Mapping[str, Market]) -> dict[str, Market]:
    """Universes named by their files, beside those that have names of their own.

    A number of most liquid assets is added to the name; a name that is taken gets the whole path.

    Parameters
    ----------
    markets : universes without a name; the same one twice stays one
    taken : universes with a name

    Examples
    --------
    >>> list(named_markets([Market(Path("us.csv")), Market(Path("us.csv"), top=50)], {}))
    ['us', 'us, top 50']
    """
    asked = list(dict.fromkeys(markets))
    files = {
        market.prices.resolve(): market.prices
        if isinstance(market.prices, Path)
        else Path(market.prices.name)
        for market in reversed(asked)
    }
    called = dict(zip(files, distinct_names(list(files.values()), common="prices"), strict=True))
    found = dict(taken)
    for market in asked:
        file = market.prices.resolve()
        top = "" if market.top is None else f", top {market.top}"
        name = called[file] + top
        if found.get(name, market).resolved() != market.resolved():
            name = f"{file}{top}"
        if found.get(name, market).resolved() != market.resolved():
            raise SettingsError(f"two universes are called {name}: rename the one in the grid")
        found[name] = market
    return found


def _again(paths: Sequence[Path]) -> list[Path]:
    """Those of paths that lead to a file that an earlier one leads to."""
    seen: set[Path] = set()
    again = []
    for path in paths:
        if path.resolve() in seen:
            again.append(path)
        seen.add(path.resolve())
    return again


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
    """Read a grid from TOML or JSON; paths are relative to its folder.

    ::

        strategies = ["strategies/min_variance.py", "strategies/markowitz.py"]

        [settings]
        upper = [0.1, 0.2]
        min_variance.turnover_penalty = [0.0, 0.05]

        [universes.large]
        prices = "prices.parquet"
        volume = "volume.parquet"
        top = 100

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a key is unknown, or a value of another type; see :func:`riskengine.schema.read`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "grid.json"
    ...     _ = path.write_text('{"strategies": ["mine.py"], "settings": {"upper": [0.1, 0.2]}}')
    ...     load_grid(path).settings
    {'upper': (0.1, 0.2)}
    """
    from riskengine.backtest.grid_file import GridFile  # pydantic is for who reads a file
    from riskengine.schema import read

    path = Path(path)
    found = read(path, GridFile)
    markets = {name: _beside(path, Market(**one.given())) for name, one in found.universes.items()}
    return Grid(tuple(path.parent / file for file in found.strategies), _flat(found.settings), markets)


def _beside(path: Path, market: Market) -> Market:
    """With files that lie relative to the folder of ``path``."""
    return market.with_files(lambda file: path.parent / file)


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = tuple(value) if isinstance(value, list) else (value,)
    return found
