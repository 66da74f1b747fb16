"""Numbers written as text: decimal points and commas, separators of thousands, signs of currency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    tidy: dict[int, pd.Series] = {}
    for k, column in enumerate(columns):
        plain = pd.api.types
        if plain.is_bool_dtype(column) or plain.is_numeric_dtype(column):
            found[k] = column.astype("float64")
        elif plain.is_object_dtype(column) or plain.is_string_dtype(column):
            tidy[k] = _tidied(column)
        else:
            raise DataError(f"{path}: column {names[k]} holds {column.dtype}, not {what}s: drop it")
    bare = [_bare(cell) for cell in _telling(tidy.values(), delimiter)]
    numeric = [cell for cell in bare if re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*", cell)]
    reading = _Reading(*convention(numeric, delimiter), what, suffixes)
    for k, cells in tidy.items():
        quick = pd.to_numeric(cells, errors="coerce")
        values = _exactly(cells, quick)
        for row in np.flatnonzero(reading.needed(cells, quick)):
            place = f"{path}: row {lines[int(row)]}, column {names[k]}: {cells.iloc[row]!r}"
            values[row] = reading.number(cells.iloc[row], place)
        found[k] = pd.Series(values, cells.index)
    notes += reading.notes()
    return [column for column in found if column is not None]


def _exactly(cells: pd.Series, quick: pd.Series) -> np.ndarray:
    """The float64 nearest to each plain number ``(rows,)``: pandas' own reading may be one bit beside it."""
    values = quick.astype("float64").to_numpy(copy=True)
    finite = np.isfinite(values)
    values[finite] = [float(cell) for cell in cells[finite]]
    return values


def _tidied(column: pd.Series) -> pd.Series:
    """Cells as text without spaces around it, missing where they say that there is nothing."""
    if column.dtype == object:
        cells = column.map(
            lambda cell: "" if cell is None or cell is pd.NA or cell != cell else str(cell).strip()
        )
    else:
        cells = column.where(column.notna(), "").map(str).str.strip()
    return cells.mask(cells.isin(MISSING))


def _telling(columns: Iterable[pd.Series], delimiter: str) -> dict[str, None]:
    """Cells, in their order, that tell which mark is the decimal one."""
    marked: dict[str, None] = {}
    for cells in columns:
        seen = cells.dropna()
        if delimiter not in (",", ""):
            marked.update(dict.fromkeys(seen[seen.str.contains(r"[.,\s'\u2019]")]))
            continue
        odd = seen[pd.to_numeric(cells, errors="coerce")[seen.index].isna()]
        marked.update(dict.fromkeys(odd))
        if not odd.empty:
            marked.update(dict.fromkeys(seen[seen.str.contains(".", regex=False)]))
    return marked


@dataclass
class _Reading:
    """How the cells of a table are read, and what was met on the way.

    Attributes
    ----------
    mark : the decimal mark; empty where the cells leave it open
    doubt : a cell that can be read in two ways
    what : the cells should be
    suffixes : whether 1.2M is a number
    thousands, signed : whether separators, and signs of currency or spaces, were passed over
    """

    mark: str
    doubt: str | None
    what: str
    suffixes: bool
    thousands: bool = False
    signed: bool = False

    def needed(self, cells: pd.Series, quick: pd.Series) -> np.ndarray:
        """Where a cell is more than a plain number ``(rows,)``."""
        points = cells.str.contains(".", regex=False) & (self.mark != "." or self.doubt is not None)
        return (cells.notna() & (quick.isna() | points)).to_numpy()

    def number(self, cell: str, place: str) -> float:
        """The number in a cell at a place that messages name."""
        text, factor = _bare(cell), 1.0
        if self.suffixes and text[-1:].upper() in _SUFFIX:
            text, factor = text[:-1].strip(), _SUFFIX[text[-1:].upper()]
        if not re.fullmatch(r"[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?", text):
            raise DataError(f"{place} {_reason(cell, self.what)}")
        mark, doubt = self.mark, self.doubt
        if ("," in text or "." in text) and (not mark or doubt == text or (doubt and doubt[-4] in text)):
            raise DataError(f"{place} is not a {self.what} that can be read in one way: {_ways(text, mark)}")
        other = "," if mark == "." else "."
        if not _well_formed(text, mark, other):
            raise DataError(f"{place} is not a {self.what}: its separators do not fit the others of the file")
        self.thousands |= other in text
        self.signed |= text != cell
        return float(text.replace(other, "").replace(mark, ".")) * factor

    def notes(self) -> list[str]:
        """A line for what was passed over."""
        lines = ["decimal commas"] if self.mark == "," else []
        if self.thousands:
            lines.append(f"thousands separated by {'commas' if self.mark == '.' else 'points'}")
        if self.signed and not self.suffixes:
            lines.append("signs of currency and spaces within numbers passed over")
        return lines


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
