"""What is held, line by line, as exposures to assets of the prices: what every figure of a risk report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from riskengine.desk.holdings import Holdings
from riskengine.desk.option_positions import OptionPositions
from riskengine.errors import DataError, SettingsError
from riskengine.market import load_rows

Array = np.ndarray

UNLABELLED = "without label"


@dataclass(frozen=True, eq=False)
class Exposures:
    """Lines of a book as fractions of wealth; options, if there are any, are the last lines.

    Attributes
    ----------
    names : (lines,) for people
    assets : (lines,) of the prices, that each line moves with
    weights : (lines,) exposures, negative is short; of an option its delta times the spot
    wealth : that they are fractions of, in money
    labels : (lines,) by kind: sector, country, account, ...
    options : the last lines; None if there are none
    """

    names: tuple[str, ...]
    assets: tuple[str, ...]
    weights: Array
    wealth: float
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: OptionPositions | None = None

    def on(self, assets: tuple[str, ...]) -> Array:
        """Exposures by asset ``(assets,)``; lines on other assets are in none of them."""
        place = {name: j for j, name in enumerate(assets)}
        found = np.zeros(len(assets))
        for name, weight in zip(self.assets, self.weights, strict=True):
            if name in place:
                found[place[name]] += weight
        return found

    def gains(
        self, moves: Array, assets: tuple[str, ...], volatility: float = 1.0, years: float = 0.0
    ) -> Array:
        """Gain of every line as a fraction of wealth ``(..., lines)``, options valued anew.

        Parameters
        ----------
        moves : (..., assets) returns
        assets : that they are of; lines on others do not move
        volatility, years : of options, see :meth:`OptionPositions.value`
        """
        place = {name: j for j, name in enumerate(assets)}
        where = np.array([place.get(name, len(assets)) for name in self.assets], dtype=int)
        still = np.concatenate([moves, np.zeros((*moves.shape[:-1], 1))], axis=-1)
        found: Array = still[..., where] * self.weights
        if self.options is not None:
            first = len(self.names) - len(self.options.names)
            found[..., first:] = (
                self.options.gains(still[..., where[first:]], volatility, years) / self.wealth
            )
        return found

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of labels."""
        return tuple(self.labels)


def exposures_of(
    holdings: Holdings,
    prices: Array,
    labels: Mapping[str, Mapping[str, str]],
    options: OptionPositions | None = None,
) -> Exposures:
    """Lines of holdings and of foreign money at prices ``(assets,)``; the wealth counts the value of options.

    Raises
    ------
    DataError
        If there is no wealth, or something is held that has no price.
    """
    bare = [holdings.assets[j] for j in np.flatnonzero(holdings.quantity) if not prices[j] > 0]
    if bare:
        raise DataError(f"{bare[0]} is held but has no price: add one, or write it off")
    wealth = holdings.wealth(prices) + (0.0 if options is None else float(options.value().sum()))
    if not wealth > 0:
        raise DataError(
            f"a wealth of {wealth:,.2f} is nothing that risk could be a fraction of: look at CASH"
        )
    exposures = holdings.exposures(prices) + holdings.money(prices) * holdings.wealth(prices)
    held = np.flatnonzero(exposures)
    assets = [holdings.assets[j] for j in held]
    names, weights = list(assets), exposures[held]
    if options is not None:
        assets, names = [*assets, *options.underlying], [*names, *options.names]
        weights = np.concatenate([weights, options.deltas()])
    found = {
        kind: tuple(by_asset.get(asset, UNLABELLED) for asset in assets) for kind, by_asset in labels.items()
    }
    return Exposures(tuple(names), tuple(assets), weights / wealth, wealth, found, options)


def read_trades(path: Path, assets: tuple[str, ...]) -> dict[str, float]:
    """Units to trade by asset, negative is a sale, of a table of proposed trades.

    Columns asset and units (or quantity); with a column side, buy or sell, units have no sign, as in the trades.csv of
    `riskengine rebalance`.

    Raises
    ------
    DataError
        If the file is no such table, or an asset has no prices or stands twice.
    SettingsError
        If a side is neither buy nor sell, or a sale has negative units.
    """
    optional = {"units": "number", "quantity": "number", "side": "text"}
    table = load_rows(path, {"asset": "text"}, optional)
    column = next((name for name in ("units", "quantity") if name in table), None)
    if column is None or table[column].isna().any():
        raise DataError(f"{path}: every trade has units: name the column units or quantity")
    found: dict[str, float] = {}
    for row in table.to_dict("records"):
        asset, units = str(row["asset"]), float(row[column])
        if asset not in assets:
            raise DataError(f"{path} trades {asset!r}, which has no prices: add them, or leave the trade out")
        if asset in found:
            raise DataError(f"{path} trades {asset} twice: add the two up")
        side = str(row.get("side") or "").lower()
        if side not in ("", "buy", "sell", "b", "s") or (side and units < 0):
            raise SettingsError(f"{path}: {asset}: side is buy or sell, and units with a side have no sign")
        found[asset] = -units if side in ("sell", "s") else units
    return found


def after_trades(
    holdings: Holdings, trades: Mapping[str, float], prices: Array, cost_rate: float
) -> Holdings:
    """Holdings once trades are done at these prices ``(assets,)``, and their cost is paid.

    Raises
    ------
    DataError
        If something is traded that has no price.

    Examples
    --------
    >>> before = Holdings(("A", "B"), np.array([10.0, 0.0]), cash=50.0)
    >>> done = after_trades(before, {"A": -4, "B": 2}, np.array([10.0, 20.0]), 0.001)
    >>> done.quantity, round(done.cash, 2)
    (array([6., 2.]), 49.92)
    """
    units = np.array([trades.get(name, 0.0) for name in holdings.assets])
    bare = [holdings.assets[j] for j in np.flatnonzero(units) if not prices[j] > 0]
    if bare:
        raise DataError(f"{bare[0]} is traded but has no price: leave the trade out")
    value = holdings.exposures(prices, units)
    cash = holdings.cash - float(value @ holdings.cost_share) - cost_rate * float(np.abs(value).sum())
    return replace(holdings, quantity=holdings.quantity + units, cash=cash)
