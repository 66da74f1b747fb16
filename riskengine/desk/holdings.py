"""Holdings of a desk on the assets of its prices: a book in one currency as vectors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from riskengine.book import read_positions
from riskengine.errors import DataError

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Holdings:
    """Holdings: units and cash.

    Attributes
    ----------
    assets : names, in the order of the panel
    quantity : (assets,) units; negative is held short
    cash : in the currency of the prices, of all currencies; negative is a debit balance, which sales pay back
    notes : what of a file was passed over, one line each
    multiplier : (assets,) what one unit moves for a move of one in the price; one if not given
    paid : (assets,) whether a unit costs its price, as all but futures do; everything if not given
    foreign : (assets,) money of other currencies, in their units, at the columns of their rates; part of ``cash``
    money_column : (assets,) column of the rate of each asset's currency, -1 for the base; all of them if not given
    other : value of what has no prices here, and of what is due and not paid; nothing of it is traded
    accounts : the same of each account, where there are several
    """

    assets: tuple[str, ...]
    quantity: Array
    cash: float
    notes: tuple[str, ...] = ()
    multiplier: Array | None = None
    paid: Array | None = None
    foreign: Array | None = None
    money_column: Array | None = None
    other: float = 0.0
    accounts: Mapping[str, Holdings] = field(default_factory=dict)

    def unit(self, prices: Array) -> Array:
        """Exposure of one unit ``(assets,)``: price times multiplier."""
        return prices if self.multiplier is None else prices * self.multiplier

    @property
    def cost_share(self) -> Array:
        """What one unit of exposure costs ``(assets,)``: one, and zero of a future."""
        return np.ones(len(self.assets)) if self.paid is None else self.paid.astype(np.float64)

    def exposures(self, prices: Array, quantity: Array | None = None) -> Array:
        """Quantity times price times multiplier ``(assets,)``; assets without a holding need no price."""
        held = self.quantity if quantity is None else quantity
        return np.where(held != 0, held * self.unit(prices), 0.0)

    def wealth(self, prices: Array) -> float:
        """Net asset value."""
        return float(self.cash + self.other + (self.exposures(prices) * self.cost_share).sum())

    def weights(self, prices: Array) -> Array:
        """Exposures as fractions of wealth ``(assets,)``."""
        return self.exposures(prices) / self.wealth(prices)

    def money(self, prices: Array) -> Array:
        """Money of other currencies as fractions of wealth, at the columns of their rates ``(assets,)``."""
        if self.foreign is None:
            return np.zeros(len(self.assets))
        return np.where(self.foreign != 0, self.foreign * prices, 0.0) / self.wealth(prices)


def read_holdings(path: Path, assets: tuple[str, ...], shorts: bool = False) -> Holdings:
    """Holdings in the one currency of the prices, from any file that :func:`riskengine.book.read_positions` reads.

    What of the file was passed over stands in :attr:`Holdings.notes`.

    Parameters
    ----------
    assets : of the prices
    shorts : whether quantities below zero are taken, as assets held short

    Raises
    ------
    DataError
        If the file is no table of positions, an asset has no prices, a quantity is below zero where no shorts are
        taken, or there are several currencies, or futures. The message names the row.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "holdings.csv"
    ...     _ = path.write_text("asset,quantity\\nKO,20\\nCASH,1000\\n")
    ...     held = read_holdings(path, ("KO", "PEP"))
    >>> held.quantity, held.cash
    (array([20.,  0.]), 1000.0)
    """
    book, rows = read_positions(path, assets)
    odd = [one.symbol for one in book.positions if one.multiplier != 1 or not one.paid]
    if len(book.currencies) > 1 or odd:
        what = f"{odd[0]!r} with a multiplier" if odd else f"positions in {', '.join(book.currencies)}"
        raise DataError(
            f"{path} has {what}: here holdings are in the one currency of the prices, and worth their price; "
            "`riskengine stress`, `risk` and `rebalance` take all others"
        )
    place = {name: j for j, name in enumerate(assets)}
    quantity = np.zeros(len(assets))
    for held in book.positions:
        where = f"{path}: row {rows[held.account, held.symbol]}"
        if held.symbol not in place:
            raise DataError(
                f"{where} holds {held.symbol!r}, which has no prices: {name_hint(held.symbol, assets)}"
            )
        if held.quantity < 0 and not shorts:
            raise DataError(
                f"{where}, {held.symbol!r}: {held.quantity:g} is not a quantity at or above zero; short holdings are "
                "not kept here: buy the position back, or leave it out; `riskengine stress` and `rebalance` take them"
            )
        quantity[place[held.symbol]] += held.quantity
    return Holdings(assets, quantity, sum(one.amount for one in book.cash), book.notes)


def name_hint(name: str, assets: tuple[str, ...]) -> str:
    """What may have been meant by a name without prices."""

    def plain(text: str) -> str:
        return "".join(letter for letter in text.casefold() if letter.isalnum())

    same = [asset for asset in assets if plain(asset) == plain(name)]
    near = same or difflib.get_close_matches(name, assets, 3, 0.6)
    if near:
        return f"is it {' or '.join(map(repr, near))} there? Else add its prices, or sell it"
    money = re.fullmatch(r"[A-Z]{3}", name) or "cash" in name.casefold() or name.endswith("**")
    return "add them or sell it" + ("; money is called CASH" if money else "")
