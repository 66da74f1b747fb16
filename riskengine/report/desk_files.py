"""What a desk brings to the daily commands: holdings as CSV, limits as JSON. Nothing in them is guessed."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.errors import DataError, SettingsError

Array = np.ndarray

CASH = "CASH"
LIMITS = ("volatility", "var_95", "var_99", "cvar_97.5", "drawdown", "weight", "participation")
"""Names of limits that may be set, beside ``group:NAME``."""


@dataclass(frozen=True, eq=False)
class Holdings:
    """What is held.

    Attributes
    ----------
    assets : names, in the order of the panel
    quantity : (assets,) units, none negative
    cash : in the currency of the prices
    """

    assets: tuple[str, ...]
    quantity: Array
    cash: float

    def wealth(self, prices: Array) -> float:
        """Value of everything; assets without a holding need no price."""
        return float(self.cash + np.where(self.quantity > 0, self.quantity * prices, 0.0).sum())

    def weights(self, prices: Array) -> Array:
        """Fractions of wealth ``(assets,)``."""
        return np.where(self.quantity > 0, self.quantity * prices, 0.0) / self.wealth(prices)


@dataclass(frozen=True)
class Desk:
    """Rules of trading, and limits, of a desk.

    Attributes
    ----------
    lot : units that an asset trades in; by asset, with ``"*"`` for all others
    minimum_trade : value below which a trade is left undone
    cash : share of wealth that stays in cash
    cost_rate : of the value traded, one way
    volume : units that trade on a day, by asset, for participation
    groups : group of an asset, a sector say
    limits : upper limits by name, see :data:`LIMITS`, and ``group:NAME`` on a group's weight
    """

    lot: Mapping[str, int] = field(default_factory=lambda: {"*": 1})
    minimum_trade: float = 0.0
    cash: float = 0.0
    cost_rate: float = 0.0005
    volume: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)

    def lots(self, assets: tuple[str, ...]) -> Array:
        """Lot of every asset ``(assets,)``."""
        return np.array([self.lot.get(name, self.lot.get("*", 1)) for name in assets], dtype=np.float64)

    def volumes(self, assets: tuple[str, ...]) -> Array:
        """Daily volume of every asset ``(assets,)``, NaN where it is not known."""
        return np.array([self.volume.get(name, np.nan) for name in assets], dtype=np.float64)


def read_holdings(path: Path, assets: tuple[str, ...]) -> Holdings:
    """Read ``asset,quantity`` rows; the asset ``CASH`` is an amount of money.

    Raises
    ------
    DataError
        If the file is missing or not such a table, an asset is unknown or repeated, or a quantity is not a number at
        or above zero. The message names the row.
    """
    rows = _rows(path)
    if not rows or [cell.strip().lower() for cell in rows[0]] != ["asset", "quantity"]:
        raise DataError(f"{path}: the first row of holdings is `asset,quantity`")
    place = {name: j for j, name in enumerate(assets)}
    quantity, cash, seen = np.zeros(len(assets)), 0.0, set()
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 2:
            raise DataError(f"{path}: row {number} has {len(row)} cells, not an asset and a quantity")
        name, amount = row[0].strip(), _amount(row[1], f"{path}: row {number}, {row[0].strip()!r}")
        if name in seen:
            raise DataError(f"{path}: row {number} holds {name!r} again: add the two up")
        seen.add(name)
        if name == CASH:
            cash = amount
        elif name not in place:
            raise DataError(f"{path}: row {number} holds {name!r}, which has no prices: add them or sell it")
        else:
            quantity[place[name]] = amount
    return Holdings(assets, quantity, cash)


def _rows(path: Path) -> list[list[str]]:
    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [row for row in csv.reader(file, strict=True) if any(cell.strip() for cell in row)]
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from error
    except csv.Error as error:
        raise DataError(f"{path} is not comma-separated text: {error}") from error


def _amount(cell: str, where: str) -> float:
    try:
        amount = float(cell)
    except ValueError as error:
        raise DataError(f"{where}: {cell.strip()!r} is not a number") from error
    if not (math.isfinite(amount) and amount >= 0):
        raise DataError(
            f"{where}: {amount:g} is not a quantity at or above zero; short holdings are not kept here"
        )
    return amount


def read_desk(path: Path | None, assets: tuple[str, ...]) -> Desk:
    """Read the rules of a desk from JSON; the defaults of :class:`Desk` where there is no file.

    Raises
    ------
    DataError
        If the file is missing or no JSON object.
    SettingsError
        If a key, an asset or a limit is unknown, or a number is out of range.
    """
    if path is None:
        return Desk()
    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, not JSON, or a number of thousands of digits
        raise DataError(f"{path} is not JSON: {error}") from error
    except RecursionError as error:
        raise DataError(f"{path} is nested too deeply to be a file of limits") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds no JSON object: write {{...}} with the keys of a desk")
    known = {f.name for f in fields(Desk)}
    unknown = sorted(set(content) - known)
    if unknown:
        raise SettingsError(f"{path}: unknown key {unknown[0]!r}; there are {', '.join(sorted(known))}")
    settings: dict[str, Any] = {}
    for name, value in content.items():
        where = f"{path}: {name}"
        if name in ("minimum_trade", "cash", "cost_rate"):
            settings[name] = _number(value, where, 0.0, math.inf if name == "minimum_trade" else 0.5)
        elif name == "lot":
            table = value if isinstance(value, dict) else {"*": value}
            settings[name] = {key: _lot(lot, where) for key, lot in _table(table, where, assets, "*").items()}
        elif name == "groups":
            table = _table(value, where, assets)
            if not all(isinstance(group, str) and group and group.isprintable() for group in table.values()):
                raise SettingsError(f"{where}: a group is a name of printable letters")
            settings[name] = table
        elif name == "volume":
            table = _table(value, where, assets)
            settings[name] = {key: _number(v, f"{where}: {key}", 0.0, math.inf) for key, v in table.items()}
        else:
            settings[name] = _limits(value, where)
    desk = Desk(**settings)
    missing = [
        name for name in desk.limits if name.startswith("group:") and name[6:] not in desk.groups.values()
    ]
    if missing:
        raise SettingsError(f"{path}: limit {missing[0]!r} is on a group without assets")
    return desk


def _table(value: Any, where: str, assets: tuple[str, ...], *others: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(f"{where} is a table from asset to value, not {value!r}")
    unknown = sorted(set(value) - set(assets) - set(others))
    if unknown:
        raise SettingsError(f"{where}: {unknown[0]!r} is not an asset of the prices")
    return value


def _limits(value: Any, where: str) -> dict[str, float]:
    if not isinstance(value, dict):
        raise SettingsError(f"{where} is a table from name to number, not {value!r}")
    for name in value:
        if name not in LIMITS and not name.startswith("group:"):
            raise SettingsError(
                f"{where}: unknown limit {name!r}; there are {', '.join(LIMITS)} and group:NAME"
            )
    return {name: _limit(name, limit, f"{where}: {name}") for name, limit in value.items()}


def _limit(name: str, value: Any, where: str) -> float:
    """A limit as a fraction; one that nothing can break is a slip, most often a percentage."""
    limit = _number(value, where, 0.0, math.inf)
    most = 3.0 if name == "volatility" else 1.0
    free = (
        limit == 1
        and name != "volatility"
        and name not in ("weight", "participation")
        and not name.startswith("group:")
    )
    if limit > most or free:
        meant = (
            f"did you mean {limit / 100:g}?" if limit <= 100 * most else "limits are fractions, 0.05 for 5%"
        )
        raise SettingsError(f"{where}: {limit:g} means {100 * limit:g}%, which nothing breaks: {meant}")
    return limit


def _number(value: Any, where: str, low: float, high: float) -> float:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not (plain and low <= value <= high and value < 1e300):  # NaN fails every comparison
        raise SettingsError(f"{where} is a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


def _lot(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10**9:
        raise SettingsError(f"{where}: a lot is a whole number of units, at least one, not {value!r}")
    return value
