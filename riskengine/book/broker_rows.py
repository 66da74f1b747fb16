"""A row of a broker's file as a position, a lot or an amount of money."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from riskengine.book.amounts import NOTHING, amount_in
from riskengine.book.broker_columns import CASH, MONEY_KINDS, TOTALS, column_name, kind_named
from riskengine.book.currencies import CODES, currency_unit, pair_of
from riskengine.book.positions import Kind
from riskengine.errors import DataError

_DEFAULT_CASH = "CASH"


class Amounts(NamedTuple):
    """How the numbers of a file are written, and the names that its assets may have.

    Attributes
    ----------
    mark : the decimal mark; empty where it is open
    known : assets of the prices; nothing among them is taken for money
    """

    mark: str
    known: Collection[str]

    def optional(self, cells: dict[str, str], kind: str, where: str, what: str) -> float | None:
        """A number that may be missing; a broker's word for that is none."""
        text = cells.get(kind, "")
        if text.casefold() in (*NOTHING, "unknown", "incomplete", "not available", "#n/a"):
            return None
        return amount_in(text, f"{where}, {what}", self.mark, money=True, what=what)


def is_remark(row: Sequence[str], name: str, quantity: str, known: Collection[str]) -> bool:
    """Whether a row below a table is a total or a sentence, and no holding."""
    if name in known:
        return False
    filled = [cell for cell in row if cell.strip()]
    first = column_name(filled[0]) if filled else ""
    if column_name(name) in TOTALS or first in TOTALS or first.startswith(("total ", "subtotal ", "summe ")):
        return True
    if len(filled) == 1 and not quantity:
        return len(filled[0].split()) > 2 or filled[0].startswith("*")
    return False


def money_of(name: str, cells: dict[str, str], known: Collection[str]) -> str | None:
    """The currency of a row that is money, empty for that of the file; None for a row that is none.

    Examples
    --------
    >>> money_of("Cash & Cash Investments", {}, ()), money_of("EUR", {"kind": "CASH"}, ()), money_of("KO", {}, ())
    ('', 'EUR', None)
    >>> money_of("CASH", {}, ("CASH",)) is money_of("cash", {}, ("cash",))
    False
    """
    if name in known and name != _DEFAULT_CASH:
        return None
    plain = column_name(name)
    of_money = column_name(cells.get("kind", "")) in MONEY_KINDS
    if plain in CASH:
        return ""
    words = [word.upper() for word in re.findall(r"[A-Za-z]+", name)]
    codes = [word for word in words if word in CODES and word not in ("ALL", "TOP")]
    if len(codes) == 1 and ("CASH" in words or "BALANCE" in words) and len(words) <= 4:
        return codes[0]
    stated = bool(cells.get("currency"))
    if name.upper() in CODES and (of_money or (stated and cells["currency"].upper() == name.upper())):
        return name.upper()
    if of_money and pair_of(name):
        return pair_of(name)[0]  # type: ignore[index]  # as it is one
    core = name.endswith("**") and cells.get("quantity", "").casefold() in NOTHING
    return "" if core or (of_money and "cash" in plain) else None


class RowTerms(NamedTuple):
    """What a row says of its asset beside the quantity.

    Attributes
    ----------
    currency : ISO code, empty where the row names none
    multiplier : of the contract, times a hundredth where prices are in pence
    kind, price, accrued : see :class:`~riskengine.book.positions.Position`
    rate : of the currency into the base, None where the row has none
    hundredths : whether prices are in pence
    """

    currency: str
    multiplier: float
    kind: Kind
    price: float | None
    accrued: float
    rate: float | None
    hundredths: bool


def terms_of(cells: dict[str, str], read: Amounts, where: str, name: str = "") -> RowTerms:
    """Read them; an option is known by its name too, ``AAPL  230120C00130000`` of the Options Clearing Corporation.

    Raises
    ------
    DataError
        If the currency is none, or a number is none.
    """
    code, unit = ("", 1.0)
    if cells.get("currency"):
        try:
            code, unit = currency_unit(cells["currency"])
        except DataError as error:
            raise DataError(f"{where}: {error}") from error
    multiplier = read.optional(cells, "multiplier", where, "multiplier")
    kind = kind_named(cells.get("kind", "")) or (Kind.OPTION if _OPTION.match(name) else Kind.EQUITY)
    price = read.optional(cells, "price", where, "price")
    accrued = read.optional(cells, "accrued", where, "accrual") or 0.0
    rate = read.optional(cells, "rate", where, "rate")
    local, base = (read.optional(cells, name, where, "value") for name in ("value", "base value"))
    if rate is None and local and base:
        rate = base / local
    return RowTerms(code, (multiplier or 1.0) * unit, kind, price, accrued, rate, unit != 1.0)


def quantity_of(name: str, cells: dict[str, str], read: Amounts, where: str) -> float:
    """Units held, negative where the row says that they are short.

    Raises
    ------
    DataError
        If it is no number.
    """
    amount = amount_in(cells["quantity"], f"{where}, {name!r}", read.mark)
    short = column_name(cells.get("side", "")) in ("short", "s", "sell", "verkauf")
    return -abs(amount) if short else amount


def unit_cost(
    cells: dict[str, str], read: Amounts, where: str, units: float, multiplier: float
) -> float | None:
    """Cost of one unit, from that column or from the total; None where the row has neither."""
    one = read.optional(cells, "unit cost", where, "cost")
    if one is not None:
        return abs(one)
    total = read.optional(cells, "total cost", where, "cost")
    return None if total is None or not units else abs(total / (units * multiplier))


_OPTION = re.compile(r"[A-Z][A-Z0-9.]{0,5} *\d{6}[CP]\d{8}$")

_USUAL = {Kind.BOND: (0.01,), Kind.OPTION: (100.0, 10.0)}
"""Multipliers that go without saying: bonds are priced in percent, options are on a hundred shares."""


def usual_multiplier(units: float, terms: RowTerms, value: float | None) -> float | None:
    """The multiplier that the value of a bond or an option implies, where it is a usual one; None otherwise.

    Examples
    --------
    >>> terms = RowTerms("USD", 1.0, Kind.OPTION, 14.2, 0.0, None, False)
    >>> usual_multiplier(5, terms, 7100.0), usual_multiplier(5, terms, 71.0)
    (100.0, None)
    """
    if value is None or not terms.price or not units or terms.multiplier != 1:
        return None
    implied = abs(value / (units * terms.price))
    return next((one for one in _USUAL.get(terms.kind, ()) if abs(implied / one - 1) < 0.01), None)


def value_doubt(name: str, units: float, terms: RowTerms, value: float | None) -> str | None:
    """What is wrong where quantity times price is not the value that the row states."""
    if value is None or terms.price is None or not units or not terms.price or not value:
        return None
    ours = units * terms.price * terms.multiplier
    if abs(abs(value / ours) - 1) < 0.01 or abs(value - ours) < 1:
        return None
    return (
        f"{name}: quantity times price is {ours:,.2f} and the file's value {value:,.2f}: state its multiplier, or look "
        "at its currency"
    )
