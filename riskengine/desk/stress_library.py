"""The library of stress scenarios: episodes of the past by name, shocks by asset class, multiples of liquidity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from riskengine.errors import SettingsError
from riskengine.market import parse_date
from riskengine.schema import Table, read, table

Array = np.ndarray

DEFAULT_CLASS = "equity"
"""Class of an asset that has no label."""

EVERYTHING = "*"


@dataclass(frozen=True)
class Scenario:
    """One scenario of the library.

    Attributes
    ----------
    first, last : days of an episode, 2008-09-15 say, which is replayed where the prices reach it; both or none
    source : where it is described
    shocks : return by asset or by class; "*" for all others. Used where nothing is replayed
    volatility : factor on implied volatilities
    volume : factor on what trades on a day
    spread : factor on the cost of trading
    """

    first: str = ""
    last: str = ""
    source: str = ""
    shocks: Mapping[str, float] = field(default_factory=dict)
    volatility: float = 1.0
    volume: float = 1.0
    spread: float = 1.0

    def moves(self, assets: tuple[str, ...], classes: Mapping[str, str]) -> tuple[Array, list[str]]:
        """Returns of assets ``(assets,)`` by the shocks, and the assets that none is stated for: they do not move.

        Parameters
        ----------
        assets : names
        classes : of assets; :data:`DEFAULT_CLASS` for those without

        Examples
        --------
        >>> Scenario(shocks={"equity": -0.3, "GOLD": 0.05}).moves(("A", "GOLD", "B"), {"B": "Art"})
        (array([-0.3 ,  0.05,  0.  ]), ['B'])
        """
        known = {name.casefold(): move for name, move in self.shocks.items()}
        rest, moved, missing = known.get(EVERYTHING), np.zeros(len(assets)), []
        for j, asset in enumerate(assets):
            move = known.get(asset.casefold(), known.get(classes.get(asset, DEFAULT_CLASS).casefold(), rest))
            if move is None:
                missing.append(asset)
            else:
                moved[j] = move
        return moved, missing

    def days(self, dates: pd.DatetimeIndex) -> Array | None:
        """Which rows of returns on these dates the episode spans; None if they do not reach it, or it has no days."""
        if not self.first or not len(dates):
            return None
        first, last = np.datetime64(self.first), np.datetime64(self.last)
        if dates[0] > first or dates[-1] < last:
            return None
        inside = np.asarray((dates >= first) & (dates <= last))
        return inside if inside.any() else None


_Return = Annotated[float, Field(gt=-1.0, le=10.0)]
_Factor = Annotated[float, Field(gt=0, le=100)]

_ScenarioTable: Any = table(
    Scenario,
    shocks=Annotated[dict[str, _Return], Field(examples=[{"equity": -0.3, "government bond": 0.05}])],
    first=Annotated[str, Field(examples=["2008-09-15"])],
    last=Annotated[str, Field(examples=["2008-11-20"])],
    source=Annotated[str, Field(examples=["risk committee of 2024-03-01"])],
    volatility=_Factor,
    volume=_Factor,
    spread=_Factor,
)


class LibraryFile(Table):
    """Scenarios by name."""

    scenarios: dict[str, _ScenarioTable] = Field(description="Scenarios by name.")


def read_library(path: Path | None = None) -> dict[str, Scenario]:
    """Scenarios by name: those that ship, and those of a file, which take the place of others of the same name.

    Raises
    ------
    DataError
        If the file is missing, or no TOML or JSON.
    SettingsError
        If a key is unknown, a number out of range, or a scenario has neither days nor shocks.

    Examples
    --------
    >>> sorted(read_library())[:2]
    ['1987 October', '1998 Russia and LTCM']
    """
    with resources.as_file(resources.files("riskengine.desk") / "stress_library.toml") as shipped:
        found = _scenarios(shipped)
    return found if path is None else found | _scenarios(path)


def _scenarios(path: Path) -> dict[str, Scenario]:
    found = {name: Scenario(**one.given()) for name, one in read(path, LibraryFile).scenarios.items()}
    for name, one in found.items():
        where = f"{path}: scenario {name!r}"
        if bool(one.first) != bool(one.last):
            raise SettingsError(f"{where} has one day of an episode: give first and last, or neither")
        if not one.first and not one.shocks:
            raise SettingsError(
                f"{where} has neither days nor shocks: add first and last, or shocks by class"
            )
        if one.first and parse_date(one.first, f"{where}, first") > parse_date(one.last, f"{where}, last"):
            raise SettingsError(f"{where} ends before it begins")
    return found
