"""What is held, line by line, as exposures to assets of the prices: what every figure of a risk report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from riskengine.book import Position, is_money
from riskengine.desk.holdings import Holdings
from riskengine.desk.option_positions import OptionPositions
from riskengine.errors import DataError, SettingsError
from riskengine.market import load_rows

Array = np.ndarray

UNLABELLED, MONEY = "without label", "money"
"""Labels of what the file of labels does not know: an asset, and money of a foreign currency."""


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
            underlying, money = (still[..., places] for places in self.options.places(assets))
            found[..., first:] = self.options.gains(underlying, volatility, years, money) / self.wealth
        return found

    @property
    def invested(self) -> Array:
        """Whether a line is a position ``(lines,)``, and not money of another currency."""
        return np.array([not is_money(name) for name in self.assets], dtype=bool)


def exposures_of(
    holdings: Holdings,
    prices: Array,
    labels: Mapping[str, Mapping[str, str]],
    options: OptionPositions | None = None,
    terms: Mapping[str, Position] | None = None,
) -> Exposures:
    """Lines of holdings at prices ``(assets,)``, by account where there are several; the wealth counts options.

    Foreign money is a line of its own on the column of its rate.

    Parameters
    ----------
    holdings : in one currency, that of the prices
    prices : (assets,) of today
    labels : by kind, of assets
    options : that are held beside
    terms : of the assets of a book, whose kinds become labels where they are not all alike

    Raises
    ------
    DataError
        If there is no wealth, or something is held that has no price.
    """
    assets, accounts, money = [], [], []
    for account, part in (holdings.accounts or {"": holdings}).items():
        exposed = part.exposures(prices)
        foreign = np.zeros(len(prices)) if part.foreign is None else part.foreign
        exposed = exposed + np.where(foreign != 0, foreign * prices, 0.0)
        held = np.flatnonzero((part.quantity != 0) | (foreign != 0))
        bare = [holdings.assets[j] for j in held if not prices[j] > 0]
        if bare:
            raise DataError(f"{bare[0]} is held but has no price: add one, or write it off")
        assets += [holdings.assets[j] for j in held]
        accounts += [account] * len(held)
        money += [float(exposed[j]) for j in held]
    wealth = holdings.wealth(prices) + (0.0 if options is None else float(options.value().sum()))
    if not wealth > 0:
        raise DataError(
            f"a wealth of {wealth:,.2f} is nothing that risk could be a fraction of: look at CASH"
        )
    several = bool(holdings.accounts)
    names = [
        f"{asset}, {account}" if several else asset for asset, account in zip(assets, accounts, strict=True)
    ]
    if options is not None:
        assets, names = [*assets, *options.underlying], [*names, *options.names]
        accounts += ["options"] * len(options.names)
        money += list(options.deltas())
    kinds = _kinds(assets, terms or {})
    by_kind = {"account": accounts} if several else {}
    by_kind |= {"kind": kinds} if len(set(kinds)) > 1 else {}
    by_kind |= {
        kind: [by_asset.get(asset, MONEY if is_money(asset) else UNLABELLED) for asset in assets]
        for kind, by_asset in labels.items()
    }
    found = {kind: tuple(values) for kind, values in by_kind.items()}
    return Exposures(tuple(names), tuple(assets), np.array(money) / wealth, wealth, found, options)


def _kinds(assets: list[str], terms: Mapping[str, Position]) -> list[str]:
    """Kind of every line: money of a foreign currency, or that of the asset's position."""
    return [
        MONEY if is_money(asset) else str(terms[asset].kind) if asset in terms else "equity"
        for asset in assets
    ]


def read_trades(path: Path, assets: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """Units to trade by account and asset, negative is a sale, of a table of proposed trades.

    Columns asset and units (or quantity); with a column side, buy or sell, units have no sign, as in the trades.csv of
    `riskengine rebalance`; a column account where there are several.

    Raises
    ------
    DataError
        If the file is no such table, or an asset has no prices or stands twice.
    SettingsError
        If a side is neither buy nor sell, or a sale has negative units.
    """
    optional = {"units": "number", "quantity": "number", "side": "text", "account": "text"}
    table = load_rows(path, {"asset": "text"}, optional)
    column = next((name for name in ("units", "quantity") if name in table), None)
    if column is None or table[column].isna().any():
        raise DataError(f"{path}: every trade has units: name the column units or quantity")
    found: dict[tuple[str, str], float] = {}
    for row in table.to_dict("records"):
        asset, units = str(row["asset"]), float(row[column])
        key = (str(row.get("account") or ""), asset)
        if asset not in assets:
            raise DataError(f"{path} trades {asset!r}, which has no prices: add them, or leave the trade out")
        if key in found:
            raise DataError(f"{path} trades {asset} twice: add the two up")
        side = str(row.get("side") or "").lower()
        if side not in ("", "buy", "sell", "b", "s") or (side and units < 0):
            raise SettingsError(f"{path}: {asset}: side is buy or sell, and units with a side have no sign")
        found[key] = -units if side in ("sell", "s") else units
    return found


def after_trades(
    holdings: Holdings, trades: Mapping[tuple[str, str], float], prices: Array, cost_rate: float
) -> Holdings:
    """Holdings once trades are done at these prices ``(assets,)``, and their cost is paid.

    Each is paid in the currency of its asset; a future costs nothing but its cost of trading.

    Raises
    ------
    DataError
        If something is traded that has no price, or in an account that there is not.

    Examples
    --------
    >>> before = Holdings(("A", "B"), np.array([10.0, 0.0]), cash=50.0)
    >>> done = after_trades(before, {("", "A"): -4, ("", "B"): 2}, np.array([10.0, 20.0]), 0.001)
    >>> done.quantity, round(done.cash, 2)
    (array([6., 2.]), 49.92)
    """
    strange = {account for account, _ in trades} - {*holdings.accounts, *(() if holdings.accounts else ("",))}
    if holdings.accounts and strange:
        raise DataError(
            f"the book has the accounts {', '.join(holdings.accounts)}: name one for each trade, in a column account"
        )
    if not holdings.accounts:
        return _traded(holdings, {asset: units for (_, asset), units in trades.items()}, prices, cost_rate)
    parts = {
        name: _traded(
            part,
            {asset: units for (account, asset), units in trades.items() if account == name},
            prices,
            cost_rate,
        )
        for name, part in holdings.accounts.items()
    }
    several = list(parts.values())
    foreign = [part.foreign for part in several if part.foreign is not None]
    return replace(
        holdings,
        quantity=np.sum([part.quantity for part in several], axis=0),
        cash=sum(part.cash for part in several),
        foreign=np.sum(foreign, axis=0) if foreign else None,
        accounts=parts,
    )


def _traded(holdings: Holdings, trades: Mapping[str, float], prices: Array, cost_rate: float) -> Holdings:
    """One account after its trades."""
    units = np.array([trades.get(name, 0.0) for name in holdings.assets])
    bare = [holdings.assets[j] for j in np.flatnonzero(units) if not prices[j] > 0]
    if bare:
        raise DataError(f"{bare[0]} is traded but has no price: leave the trade out")
    exposed = holdings.exposures(prices, units)
    paid = exposed * holdings.cost_share + cost_rate * np.abs(exposed)
    foreign = holdings.foreign
    if foreign is not None and holdings.money_column is not None:
        foreign = foreign.copy()
        for j in np.flatnonzero((paid != 0) & (holdings.money_column >= 0)):
            column = holdings.money_column[j]
            foreign[column] -= paid[j] / prices[column]
    return replace(
        holdings, quantity=holdings.quantity + units, cash=holdings.cash - float(paid.sum()), foreign=foreign
    )
