"""Numbers written as text: decimal points and commas, separators of thousands, signs of currency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError

MISSING = frozenset(
    {"", "NaN", "nan", "NA", "N/A", "n/a", "null", "NULL", "None", "<NA>", "-", "--", "#N/A", "#N/A N/A", "#NA", ".",
     "NaT"}
)  # fmt: skip
"""Cells that say that there is no number."""

_SIGNS = re.compile(r"^[$€£¥]\s*|\s*[$€£¥]$")
_SPACES = re.compile(r"(?<=\d)[\s\u00a0\u202f\u2009'\u2019](?=\d{3}(?:\D|$))")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_SUFFIX = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def looks_like_number(cell: str) -> bool:
    """Whether a cell is a number in some notation.

    Examples
    --------
    >>> [looks_like_number(cell) for cell in ("1.234,5", "$12", "45.3M", "AAPL", "")]
    [True, True, True, False, False]
    """
    bare = _SPACES.sub("", _SIGNS.sub("", cell.strip())).rstrip("%KMBTkmbt").strip()
    return bool(bare) and bool(re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?", bare))


def convention(cells: Sequence[str], delimiter: str) -> tuple[str, str | None]:
    """The decimal mark of a file, and the cell that leaves it open.

    A mark that is followed by other than three digits, that comes last of two, or that follows a leading zero is
    the decimal one; a mark that comes twice separates thousands. Where every mark is followed by three digits and
    nothing else decides, 1,234 may be a thousand or one and a bit.

    Parameters
    ----------
    cells : distinct numbers as text
    delimiter : of the cells of the file; with commas between cells a lone point is a decimal one

    Returns
    -------
    mark : ``"."``, ``","``, or ``""`` where cells contradict each other
    cell : one that can be read both ways or contradicts the others; None if there is none

    Examples
    --------
    >>> convention(["1.234,5", "12"], ";"), convention(["1,234.5", "1,200"], ","), convention(["1,234"], ",")
    ((',', None), ('.', None), ('.', '1,234'))
    """
    point, comma, doubtful_comma, doubtful_point = None, None, None, None
    for cell in cells:
        has_point, has_comma = "." in cell, "," in cell
        if has_point and has_comma:
            if cell.rfind(".") > cell.rfind(","):
                point = point or cell
            else:
                comma = comma or cell
        elif has_point or has_comma:
            mark = "." if has_point else ","
            whole, *rest = cell.lstrip("+-").split(mark)
            groups = all(len(part) == 3 and part.isdigit() for part in rest)
            if len(rest) > 1:
                verdict = "other" if groups else "bad"
            elif groups and 1 <= len(whole) <= 3 and not whole.startswith("0"):
                verdict = "open"
            else:
                verdict = "decimal"
            if verdict == "bad":
                return "", cell
            if verdict == "open":
                if has_point:
                    doubtful_point = doubtful_point or cell
                else:
                    doubtful_comma = doubtful_comma or cell
            elif (verdict == "decimal") == has_point:
                point = point or cell
            else:
                comma = comma or cell
    if point and comma:
        return "", comma
    if point:
        return ".", None
    if comma:
        return ",", None
    if doubtful_comma:
        return ".", doubtful_comma
    return ".", doubtful_point if delimiter not in (",", "") else None


def numbers_of(
    columns: Sequence[pd.Series],
    names: Sequence[str],
    path: Path,
    lines: Sequence[int],
    delimiter: str,
    notes: list[str],
    what: str = "price",
    suffixes: bool = False,
) -> list[pd.Series]:
    """Columns as float64, NaN where a cell says that there is none.

    Parameters
    ----------
    columns : of one table; those that are numbers already are only cast
    names : of the columns, for messages
    lines : line of each row
    delimiter : of the cells, empty where the file is no text
    notes : gets a line for signs and separators that were passed over
    what : the cells should be, for messages
    suffixes : whether 1.2M is a number, as in volumes

    Raises
    ------
    DataError
        If a cell is something else, or can be read in two ways. The message names row and column.
    """
    found: list[pd.Series | None] = [None] * len(columns)
    texts: dict[int, pd.Series] = {}
    for k, column in enumerate(columns):
        plain = pd.api.types
        if plain.is_bool_dtype(column) or plain.is_numeric_dtype(column):
            found[k] = column.astype("float64")
        elif plain.is_object_dtype(column) or plain.is_string_dtype(column):
            texts[k] = column
        else:
            raise DataError(f"{path}: column {names[k]} holds {column.dtype}, not {what}s: drop it")
    tidy: dict[int, pd.Series] = {}
    marked: dict[str, None] = {}
    for k, column in texts.items():
        cells = column.where(column.notna(), "").map(str).str.strip() if column.dtype != object else column
        if column.dtype == object:
            cells = column.map(
                lambda cell: "" if cell is None or cell is pd.NA or cell != cell else str(cell).strip()
            )
        tidy[k] = cells.mask(cells.isin(MISSING))
        quick = pd.to_numeric(tidy[k], errors="coerce")
        seen = tidy[k].dropna()
        odd = (
            seen[quick[seen.index].isna()]
            if delimiter in (",", "")
            else seen[seen.str.contains(r"[.,\s'\u2019]")]
        )
        marked.update(dict.fromkeys(odd))
        if delimiter in (",", "") and not odd.empty:
            marked.update(dict.fromkeys(seen[seen.str.contains(".", regex=False)]))
    bare = [_bare(cell) for cell in marked]
    numeric = [cell for cell in bare if re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*", cell)]
    mark, doubt = convention(numeric, delimiter)
    thousands = signed = False
    for k, cells in tidy.items():
        quick = pd.to_numeric(cells, errors="coerce")
        needs = cells.notna() & (
            quick.isna() | (cells.str.contains(".", regex=False) & (mark != "." or doubt is not None))
        )
        if not needs.any():
            found[k] = quick.astype("float64")
            continue
        values = quick.astype("float64").to_numpy(copy=True)
        for row in np.flatnonzero(needs.to_numpy()):
            cell = cells.iloc[row]
            place = f"{path}: row {lines[int(row)]}, column {names[k]}: {cell!r}"
            text = _bare(cell)
            factor = 1.0
            if suffixes and text[-1:].upper() in _SUFFIX:
                text, factor = text[:-1].strip(), _SUFFIX[text[-1:].upper()]
            if not re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?", text):
                raise DataError(f"{place} {_reason(cell, what)}")
            if ("," in text or "." in text) and (not mark or doubt == text or (doubt and doubt[-4] in text)):
                raise DataError(f"{place} is not a {what} that can be read in one way: {_ways(text, mark)}")
            other = "," if mark == "." else "."
            if not _well_formed(text, mark, other):
                raise DataError(f"{place} is not a {what}: its separators do not fit the others of the file")
            thousands |= other in text
            signed |= text != cell
            values[row] = float(text.replace(other, "").replace(mark, ".")) * factor
        found[k] = pd.Series(values, cells.index)
    if mark == ",":
        notes.append("decimal commas")
    if thousands:
        notes.append(f"thousands separated by {'commas' if mark == '.' else 'points'}")
    if signed and not suffixes:
        notes.append("signs of currency and spaces within numbers passed over")
    return [column for column in found if column is not None]


def _bare(cell: str) -> str:
    return _SPACES.sub("", _SIGNS.sub("", cell)).replace("\u2212", "-")


def _well_formed(text: str, mark: str, other: str) -> bool:
    """Whether separators of thousands stand at thousands, and the decimal mark once."""
    whole, *rest = re.split(r"[eE]", text)[0].lstrip("+-").split(mark)
    if len(rest) > 1 or (rest and other in rest[0]):
        return False
    groups = whole.split(other)
    return len(groups) == 1 or (1 <= len(groups[0]) <= 3 and all(len(part) == 3 for part in groups[1:]))


def _ways(text: str, mark: str) -> str:
    if not mark:
        return "points and commas are both used for decimals in this file: write all with a decimal point"
    digits = text.replace(",", "").replace(".", "")
    return (
        f"{digits} or {text.replace(',', '.')}, and no other cell of the file decides: write it without separators of "
        "thousands and with a decimal point"
    )


def _reason(cell: str, what: str) -> str:
    if cell.rstrip().endswith("%"):
        return f"is not a {what} but a percentage: give prices, or write a rate as a fraction, 0.05 for 5%"
    if re.match(r"\d{4}-\d{2}-\d{2}", cell):
        return f"is not a {what} but a date: keep one column of dates, the first"
    if cell.startswith("#") or cell.startswith("="):
        return f"is not a {what} but a formula that failed: mend it, or leave the cell empty"
    return f"is not a {what}; leave the cell empty if there is none"
