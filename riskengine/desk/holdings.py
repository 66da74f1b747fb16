"""Holdings of a desk on the assets of its prices: a book in one currency as vectors."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
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
    cash : in the currency of the prices; negative is a debit balance, which sales pay back
    notes : what of a file was passed over, one line each
    """

    assets: tuple[str, ...]
    quantity: Array
    cash: float
    notes: tuple[str, ...] = ()

    def wealth(self, prices: Array) -> float:
        """Value of everything; assets without a holding need no price."""
        return float(self.cash + np.where(self.quantity != 0, self.quantity * prices, 0.0).sum())

    def weights(self, prices: Array) -> Array:
        """Fractions of wealth ``(assets,)``."""
        return np.where(self.quantity != 0, self.quantity * prices, 0.0) / self.wealth(prices)


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
        If the file is no table of positions, an asset has no prices, or a quantity is below zero where no shorts are
        taken. The message names the row.
    """
    book, rows = read_positions(path, assets)
    place = {name: j for j, name in enumerate(assets)}
    quantity = np.zeros(len(assets))
    for held in book.positions:
        where = f"{path}: row {rows[held.account, held.symbol]}"
        if held.symbol not in place:
            raise DataError(
                f"{where} holds {held.symbol!r}, which has no prices: {_hint(held.symbol, assets)}"
            )
        if held.quantity < 0 and not shorts:
            raise DataError(
                f"{where}, {held.symbol!r}: {held.quantity:g} is not a quantity at or above zero; short holdings are "
                "not kept here: buy the position back, or leave it out; `riskengine stress` takes them"
            )
        quantity[place[held.symbol]] += held.quantity
    return Holdings(assets, quantity, sum(one.amount for one in book.cash), book.notes)


def _hint(name: str, assets: tuple[str, ...]) -> str:
    """What may have been meant by a name without prices."""

    def plain(text: str) -> str:
        return "".join(letter for letter in text.casefold() if letter.isalnum())

    same = [asset for asset in assets if plain(asset) == plain(name)]
    near = same or difflib.get_close_matches(name, assets, 3, 0.6)
    if near:
        return f"is it {' or '.join(map(repr, near))} there? Else add its prices, or sell it"
    money = re.fullmatch(r"[A-Z]{3}", name) or "cash" in name.casefold() or name.endswith("**")
    return "add them or sell it" + ("; money is called CASH" if money else "")
