"""Tables of options as text files have them: the header among other lines, cells as numbers, footers left out."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from riskengine.errors import DataError
from riskengine.options.chain_layouts import COLUMNS, sided, tidy

Array = np.ndarray
EMPTY = frozenset(
    {"", "-", "--", "n/a", "na", "nan", "null", "none", "unch", "#n/a", ".", "\u2014", "\u2013"}
)
_HEADER_LINES = 12
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?")


@dataclass
class ChainTable:
    """A table of text.

    Attributes
    ----------
    path : the file
    names : tidied names of the columns
    rows : cells of each row, as many as names
    lines : line of the file of each row
    above : lines before the header, cells joined by commas
    notes : what was left out
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    above: list[str]
    notes: list[str] = field(default_factory=list)

    def column(self, k: int) -> list[str]:
        """Cells of a column."""
        return [row[k].strip() for row in self.rows]


def read_table(path: Path) -> ChainTable:
    """The table of a CSV file, ``.gz`` or not: commas, semicolons, tabs or bars between cells.

    Raises
    ------
    DataError
        If the file is missing, is no text, or has no line that names a strike.
    """
    if not path.is_file():
        raise DataError(f"no file {path}")
    text = _text(path)
    found = None
    for delimiter in _delimiters(text):
        rows = [(n, row) for n, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1)]
        found = _header(rows)
        if found is not None:
            break
    if found is None:
        raise DataError(f"{path} needs a line of names with a column strike, or symbols of options: add it")
    place, names = found
    table = ChainTable(path, names, [], [], [", ".join(row) for _, row in rows[:place]])
    below = 0
    for line, row in rows[place + 1 :]:
        if not any(cell.strip() for cell in row):
            continue
        if len([cell for cell in row if cell.strip()]) < 2 or len(row) > len(names) + 1:
            below += 1
            continue
        table.rows.append((row + [""] * len(names))[: len(names)])
        table.lines.append(line)
    if below:
        table.notes.append(f"{below} line(s) that are no rows of the table left out")
    if not table.rows:
        raise DataError(f"{path} needs a column strike and at least one row")
    return table


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError) as error:
        raise DataError(f"{path} is not a CSV of quotes: {error}") from error
    for encoding in ("utf-8-sig", "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise DataError(f"{path} is not a CSV of quotes: it is no text")


def _delimiters(text: str) -> list[str]:
    head = "\n".join(text.splitlines()[:_HEADER_LINES])
    return sorted(",;\t|", key=lambda mark: -head.count(mark))


def _header(rows: Sequence[tuple[int, list[str]]]) -> tuple[int, list[str]] | None:
    """Position and names of the line that names a strike or symbols of options."""
    for place, (_, row) in enumerate(rows[:_HEADER_LINES]):
        names = [tidy(cell) for cell in row]
        if len(names) > 1 and any(name in (*COLUMNS["strike"], *COLUMNS["symbol"]) for name in names):
            return place, sided(names)
    return None


def numbers(cells: Sequence[str], comma: bool = False) -> tuple[Array, Array]:
    """Cells as numbers, NaN where there is none; and which were percentages.

    Signs of currency, separators of thousands and brackets for minus are passed over; percentages are divided.

    Parameters
    ----------
    cells : text
    comma : whether commas are decimal

    Examples
    --------
    >>> values, percent = numbers(["1,234.50", "21.5%", "$3", "(2)", "", "n/a"])
    >>> values.tolist(), percent.tolist()
    ([1234.5, 0.215, 3.0, -2.0, nan, nan], [False, True, False, False, False, False])
    """
    values, percent = np.full(len(cells), np.nan), np.zeros(len(cells), bool)
    for k, cell in enumerate(cells):
        bare = cell.strip().lower()
        if bare in EMPTY:
            continue
        percent[k] = bare.endswith("%")
        bare = re.sub(r"[$€£¥₹\s\u00a0\u202f'\u2019%]", "", bare)
        sign = -1.0 if bare.startswith("(") and bare.endswith(")") else 1.0
        bare = bare.strip("()").replace("\u2212", "-")
        bare = bare.replace(".", "").replace(",", ".") if comma else bare.replace(",", "")
        if _NUMBER.fullmatch(bare):
            values[k] = sign * float(bare) / (100 if percent[k] else 1)
    return values, percent


def decimal_comma(columns: Sequence[Sequence[str]], path: Path) -> bool:
    """Whether commas are the decimal marks of these columns.

    Raises
    ------
    DataError
        If both marks are used as such.
    """

    def seen(pattern: str) -> bool:
        return any(re.search(pattern, cell) for column in columns for cell in column)

    comma = seen(r"^[^.]*\d,\d{1,2}%?$|^[^.]*\d,\d{4,}%?$|\.\d{3},\d")
    point = seen(r"\d\.\d{1,2}%?$|\d\.\d{4,}%?$|,\d{3}\.\d|^0?\.\d")
    if comma and point:
        raise DataError(
            f"{path}: points and commas are both used for decimals: write all with a decimal point"
        )
    return comma
