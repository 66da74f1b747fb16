"""Holdings of a desk, from the tables that brokers export. Nothing in them is guessed."""

from __future__ import annotations

import csv
import difflib
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray

CASH = "CASH"


@dataclass(frozen=True, eq=False)
class Holdings:
    """What is held.

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
    """Read a table of holdings: a column of assets and one of quantities, under the names that brokers give them.

    The table may follow some lines of text, end in totals, and have other columns; they are passed over, and
    :attr:`Holdings.notes` says so. The asset ``CASH``, in any case, is an amount of money, negative if it is owed.
    Commas, semicolons or tabs separate cells. ``1,234.5`` and ``1.234,5`` are read as what they plainly are;
    what could be either is refused.

    Parameters
    ----------
    assets : of the prices
    shorts : whether quantities below zero are taken, as assets held short

    Raises
    ------
    DataError
        If the file is missing or not such a table, an asset is unknown or repeated, or a quantity is not a number, or
        below zero where no shorts are taken. The message names the row.
    """
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path} is empty: the first row of holdings is `asset,quantity`")
    head, columns = _columns(rows, path)
    comma, notes = _separator(path) == ";", []
    if head:
        notes.append(f"{path.name}: {head} line(s) above the table are passed over")
    others = [
        cell.strip() for k, cell in enumerate(rows[head][1]) if k not in columns.values() and cell.strip()
    ]
    if others:
        notes.append(f"{path.name}: columns {', '.join(map(repr, others[:6]))} are not used")
    place = {name: j for j, name in enumerate(assets)}
    quantity, cash = np.zeros(len(assets)), 0.0
    seen: dict[str, int] = {}
    for number, row in rows[head + 1 :]:
        name, where = _cell(row, columns["asset"]), f"{path}: row {number}"
        text = _cell(row, columns["quantity"])
        if name not in place and _is_text(row, name, text):
            notes.append(f"{path.name}: row {number} is passed over: {', '.join(filter(None, row))[:60]!r}")
            continue
        if not name:
            raise DataError(f"{where} has a quantity, {text!r}, and no asset: name it, or drop the row")
        if len(row) > len(rows[head][1]):
            raise DataError(
                f"{where} has {len(row)} cells, the first row {len(rows[head][1])}: put a number with commas in "
                "quotes, or leave the commas out"
            )
        money = name.casefold() in _CASH and (name not in place or name == CASH)
        key = CASH if money else name
        if key in seen:
            raise DataError(f"{where} holds {name!r} again, after row {seen[key]}: add the two up")
        seen[key] = number
        if money and name in place:
            raise DataError(f"{where}: {name!r} is money here and an asset of the prices: rename that column")
        if money:
            if text in _NOTHING:
                text = _cell(row, columns["value"]) if "value" in columns else text
            cash = _number_in(text, f"{where}, cash", comma, money=True)
        elif name not in place:
            raise DataError(f"{where} holds {name!r}, which has no prices: {_hint(name, assets)}")
        else:
            amount = _number_in(text, f"{where}, {name!r}", comma)
            if amount < 0 and not shorts:
                raise DataError(
                    f"{where}, {name!r}: {amount:g} is not a quantity at or above zero; short holdings are not kept "
                    "here: buy the position back, or leave it out; `riskengine stress` takes them"
                )
            quantity[place[name]] = amount
    return Holdings(assets, quantity, cash, tuple(notes))


_ASSET = ("asset", "symbol", "ticker", "instrument", "security", "security id", "isin", "ric")
_QUANTITY = (
    "quantity",
    "qty",
    "qty (quantity)",
    "shares",
    "units",
    "position",
    "holding",
    "quantity held",
    "number of shares",
)
_VALUE = (
    "market value",
    "mkt val (market value)",
    "mkt value",
    "current value",
    "value",
    "amount",
    "total value",
)
_CASH = (
    "cash",
    "$cash",
    "cash & cash investments",
    "cash and cash investments",
    "cash balance",
    "cash & equivalents",
)
_TOTALS = ("total", "totals", "account total", "grand total", "subtotal", "sum", "pending activity")
_NOTHING = ("", "-", "--", "n/a", "na", "none")


def _columns(rows: list[tuple[int, list[str]]], path: Path) -> tuple[int, dict[str, int]]:
    """Position of the row of headings, and the columns of asset, quantity and, if there is one, value."""
    for k, (_, row) in enumerate(rows[:15]):
        cells = [" ".join(cell.strip().casefold().split()) for cell in row]
        found = {}
        for name, known in (("asset", _ASSET), ("quantity", _QUANTITY), ("value", _VALUE)):
            places = [j for j, cell in enumerate(cells) if cell in known]
            if len(places) > 1 and name != "value":
                raise DataError(
                    f"{path}: both {row[places[0]].strip()!r} and {row[places[1]].strip()!r} could be the column "
                    f"of the {name}: keep one"
                )
            if places:
                found[name] = places[0]
        if {"asset", "quantity"} <= found.keys():
            return k, found
    raise DataError(
        f"{path}: the first row of holdings is `asset,quantity`; it is {','.join(rows[0][1])[:60]!r}, and no column "
        "of assets (asset, symbol, ticker) and one of quantities (quantity, qty, shares, units) are named"
    )


def _is_text(row: list[str], name: str, text: str) -> bool:
    """Whether a row below the table is a total or a sentence, and no holding."""
    filled = [cell for cell in row if cell.strip()]
    if name.casefold() in _TOTALS:
        return True
    alone = len(filled) == 1 and not text
    return alone and len(filled[0].split()) > 2


def _cell(row: list[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


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


_GROUPED = re.compile(r"\d{1,3}([,'\u2019 \u00a0\u202f]\d{3})+(\.\d+)?")
_GROUPED_POINTS = re.compile(r"\d{1,3}(\.\d{3})+(,\d+)?")
_PLAIN = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MONEY = re.compile(r"^(?:[$\u20ac\u00a3\u00a5]|[A-Z]{3}\b)\s*|\s*(?:[$\u20ac\u00a3\u00a5]|\b[A-Z]{3})$")


def _number_in(cell: str, where: str, decimal_comma: bool, money: bool = False) -> float:
    """The number that a cell plainly is.

    Raises
    ------
    DataError
        If it is none, or could be more than one.
    """
    text = cell.strip().replace("\u2212", "-")
    if text.casefold() in _NOTHING:
        raise DataError(f"{where} has no {'amount' if money else 'quantity'}: write 0 if nothing is held")
    if text.endswith("%"):
        raise DataError(f"{where}: {cell!r} is a percentage: give the number of units that are held")
    bare = _MONEY.sub("", text.replace("-$", "$-").replace("($", "$(").replace("-\u20ac", "\u20ac-"))
    if bare != text and not money:
        raise DataError(f"{where}: {cell!r} is an amount of money: give the number of units that are held")
    sign = 1.0
    if bare.startswith("(") and bare.endswith(")"):  # as accountants write what is owed
        bare, sign = bare[1:-1].strip(), -1.0
    elif bare[:1] in ("-", "+"):
        sign, bare = (-1.0 if bare[0] == "-" else 1.0), bare[1:].strip()
    # 1,234 and 1.234 are a thousand and more to some and little more than one to others.
    if decimal_comma:
        if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", bare):
            raise DataError(
                f"{where}: {cell!r} may be a thousand or a fraction: leave the mark out, or write more digits"
            )
        if re.fullmatch(r"\d+,\d+", bare):
            bare = bare.replace(",", ".")
    if _GROUPED.fullmatch(bare):
        bare = re.sub(r"[,'\u2019 \u00a0\u202f]", "", bare)
    elif _GROUPED_POINTS.fullmatch(bare) and ("," in bare or bare.count(".") > 1):
        bare = bare.replace(".", "").replace(",", ".")
    if not _PLAIN.fullmatch(bare):
        comma = ": write a decimal point" if re.fullmatch(r"\d+,\d+", bare) else ""
        what = "" if money else "; a quantity is the number of units held"
        raise DataError(f"{where}: {cell!r} is not a number{comma or what}")
    amount = sign * float(bare)
    if not math.isfinite(amount):
        raise DataError(f"{where}: {cell!r} is too large to be a quantity")
    return amount


def _separator(path: Path) -> str:
    """What separates the cells: semicolons or tabs where the first line has more of them than commas."""
    with path.open(encoding="utf-8-sig") as file:
        lines = [line for line, _ in zip(file, range(15), strict=False)]
    counts = {mark: sum(line.count(mark) for line in lines) for mark in (";", "\t", ",")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Number and cells of every row that is not empty."""
    if not path.is_file():
        raise DataError(f"no file {path}")
    if path.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise DataError(f"{path} is a spreadsheet: save the sheet of holdings as CSV")
    try:
        mark = _separator(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True, delimiter=mark)
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except UnicodeError as error:
        raise DataError(f"{path} is not UTF-8 text: save it as CSV in UTF-8 ({error})") from error
    except csv.Error as error:
        raise DataError(f"{path} is not comma-separated text: {error}") from error
