"""Quantities and amounts as brokers write them: separators of thousands, parentheses, signs of currency."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from riskengine.errors import DataError
from riskengine.market.number_cells import convention, looks_like_number

NOTHING = ("", "-", "--", "n/a", "na", "none", "\u2013", "\u2014")
"""Cells that say that there is no number."""

_GROUPED = re.compile(r"\d{1,3}([,'\u2019 \u00a0\u202f]\d{3})+(\.\d+)?")
_GROUPED_POINTS = re.compile(r"\d{1,3}(\.\d{3})+(,\d+)?")
_PLAIN = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_MONEY = re.compile(r"^(?:[$\u20ac\u00a3\u00a5]|[A-Z]{3}\b)\s*|\s*(?:[$\u20ac\u00a3\u00a5]|\b[A-Z]{3})$")


def decimal_mark(cells: Iterable[str], delimiter: str) -> str:
    """The decimal mark of a file, ``.`` or ``,``; empty where its cells leave it open.

    Between commas a lone comma in a cell separates thousands.

    Examples
    --------
    >>> decimal_mark(["1.234,5", "12"], ";"), decimal_mark(["1,234"], ","), decimal_mark(["1,234"], ";")
    (',', '.', '')
    """
    bare = [re.sub(r"[$\u20ac\u00a3\u00a5()+\u2212-]", "", cell).strip() for cell in cells]
    marked = [cell for cell in bare if looks_like_number(cell) and re.fullmatch(r"[\d.,]+", cell)]
    mark, doubt = convention(marked, delimiter)
    if delimiter in (",", ""):
        return "." if mark == "." else mark
    return "" if doubt is not None or not mark else mark


def amount_in(cell: str, where: str, mark: str = ".", money: bool = False, what: str = "quantity") -> float:
    """The number that a cell plainly is.

    Parameters
    ----------
    cell : text
    where : for messages
    mark : the decimal mark of the file; empty where it is open
    money : whether a sign of currency may stand beside it
    what : is meant, for messages

    Raises
    ------
    DataError
        If it is none, or could be more than one.

    Examples
    --------
    >>> amount_in("(1,234.50)", "row 2"), amount_in("1.234,5", "row 3", ","), amount_in("$12", "row 4", money=True)
    (-1234.5, 1234.5, 12.0)
    """
    text = cell.strip().replace("\u2212", "-")
    if text.casefold() in NOTHING:
        raise DataError(f"{where} has no {'amount' if money else what}: write 0 if nothing is held")
    if text.endswith("%"):
        raise DataError(f"{where}: {cell!r} is a percentage: give the number of units that are held")
    bare = _MONEY.sub("", text.replace("-$", "$-").replace("($", "$(").replace("-\u20ac", "\u20ac-"))
    if bare != text and not money:
        raise DataError(f"{where}: {cell!r} is an amount of money: give the number of units that are held")
    sign, bare = _signed(bare)
    # 1,234 and 1.234 are a thousand and more to some and little more than one to others.
    if mark == "" and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", bare):
        raise DataError(
            f"{where}: {cell!r} may be a thousand or a fraction: leave the mark out, or write more digits"
        )
    if mark == "," and re.fullmatch(r"\d{1,3}(\.\d{3})+", bare):
        bare = bare.replace(".", "")
    elif mark != "." and re.fullmatch(r"\d+,\d+", bare):
        bare = bare.replace(",", ".")
    elif _GROUPED.fullmatch(bare):
        bare = re.sub(r"[,'\u2019 \u00a0\u202f]", "", bare)
    elif _GROUPED_POINTS.fullmatch(bare) and ("," in bare or bare.count(".") > 1):
        bare = bare.replace(".", "").replace(",", ".")
    if not _PLAIN.fullmatch(bare):
        comma = ": write a decimal point" if re.fullmatch(r"\d+,\d+", bare) else ""
        means = "" if money else "; a quantity is the number of units held"
        raise DataError(f"{where}: {cell!r} is not a number{comma or means}")
    amount = sign * float(bare)
    if not math.isfinite(amount):
        raise DataError(f"{where}: {cell!r} is too large to be a {what}")
    return amount


def _signed(bare: str) -> tuple[float, str]:
    """The sign of a number, and its digits; parentheses and a minus behind are those of accountants."""
    if bare.startswith("(") and bare.endswith(")"):
        return -1.0, bare[1:-1].strip()
    if bare[:1] in ("-", "+"):
        return (-1.0 if bare[0] == "-" else 1.0), bare[1:].strip()
    if bare.endswith("-"):
        return -1.0, bare[:-1].strip()
    return 1.0, bare
