"""Rows of cells as a sheet: which of them name the columns, and what stands around the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from riskengine.errors import DataError
from riskengine.market.date_cells import looks_like_date
from riskengine.market.fields import KLINES, kind_of
from riskengine.market.number_cells import MISSING, looks_like_number
from riskengine.market.sheets import Sheet


def sheet_of_rows(path: Path, rows: list[list[str]], lines: list[int], delimiter: str, facts: bool) -> Sheet:
    """Columns with their names, without what stands around the table; ``lines`` of the file, a row each."""
    notes: list[str] = []
    if not facts:
        rows, lines = _without_prose(rows, lines, notes)
    if not rows:
        raise DataError(f"{path} is empty or damaged: a table has a header and rows")
    if max(map(len, rows)) < 2:
        raise DataError(
            f"{path} has one column ({rows[0][0][:60]!r} comes first): dates come first, then one column of prices an "
            "asset, separated by commas"
        )
    heads = 1 if facts else _header_rows(rows, path)
    width = len(rows[0])
    for row, place in zip(rows[1:], lines[1:], strict=True):
        if len(row) != width:
            hint = ""
            if delimiter == "," and len(row) > width:
                hint = "; if commas are decimals, separate the cells with semicolons"
            raise DataError(
                f"{path}: row {place} has {len(row)} cells, the header {width}: leave cells empty rather than out{hint}"
            )
    if heads == 0:
        labels: list[tuple[str, ...]] = [(name,) for name in KLINES]
        notes.append("no header: read as a Binance file of candles")
    else:
        labels = _labels(rows[:heads], path)
    body, places = rows[heads:], lines[heads:]
    if not body:
        raise DataError(f"{path} has a header but no rows")
    columns = [pd.Series(list(cells), dtype=object) for cells in zip(*body, strict=True)]
    return _without_empty(Sheet(path, labels, columns, places, delimiter, notes))


def _without_prose(
    rows: list[list[str]], lines: list[int], notes: list[str]
) -> tuple[list[list[str]], list[int]]:
    """Without comments, titles above the header and remarks below the last row; each is noted."""
    kept = []
    for k, row in enumerate(rows):
        if row[0].startswith("#") and not (len(row) > 1 and k == 0):
            notes.append(f"row {lines[k]} left out, a comment: {_short(row)}")
        else:
            kept.append(k)
    first, last = 0, len(kept)
    wide = any(sum(map(bool, rows[k])) > 1 for k in kept)
    while wide and first < last and rows[kept[first]][0] and not any(rows[kept[first]][1:]):
        notes.append(f"row {lines[kept[first]]} left out, above the header: {_short(rows[kept[first]])}")
        first += 1
    while last - first > 1:
        row = rows[kept[last - 1]]
        if (
            sum(map(bool, row)) > 1
            or not any(row)
            or looks_like_date(row[0])
            or looks_like_number("".join(row))
        ):
            break
        notes.append(f"row {lines[kept[last - 1]]} left out, below the table: {_short(row)}")
        last -= 1
    return [rows[k] for k in kept[first:last]], [lines[k] for k in kept[first:last]]


def _short(row: Sequence[str]) -> str:
    text = " ".join(cell for cell in row if cell)
    return repr(text if len(text) < 60 else f"{text[:57]}...")


def _header_rows(rows: list[list[str]], path: Path) -> int:
    """How many of the first rows name the columns; none for a file of candles without names."""
    first = rows[0]
    if looks_like_date(first[0]) or looks_like_number(first[0]):
        values = [cell for cell in first[1:] if cell]
        if values and all(looks_like_number(cell) for cell in values):
            if len(first) == len(KLINES) and looks_like_number(first[0]) and looks_like_number(first[6]):
                return 0
            raise DataError(
                f"{path}: the first row, {_short(first)}, is data, not names: put a header above it, date and then one "
                "name an asset"
            )
    count = 1
    while count < min(3, len(rows)):
        row = rows[count]
        others = [cell for cell in row[1:] if cell]
        if looks_like_date(row[0]) or any(looks_like_number(cell) for cell in others):
            break
        if not others and kind_of(row[0]) != "date":
            break
        if all(cell in MISSING for cell in others) and kind_of(row[0]) != "date":
            break
        # A second row of names goes with a first one that repeats itself or leaves cells out.
        if count == 1 and others and not _grouped(rows[0], row):
            if kind_of(row[0]) == "date":
                raise DataError(
                    f"{path} has two rows of names, {_short(first)} and {_short(row)}, and neither is one of "
                    "fields such as Close: keep the row of the assets"
                )
            break
        count += 1
    return count


def _grouped(upper: list[str], lower: list[str]) -> bool:
    fields = [sum(kind_of(cell) is not None for cell in row[1:] if cell) for row in (upper, lower)]
    return max(fields) > 0 and len(upper) == len(lower)


def _labels(heads: list[list[str]], path: Path) -> list[tuple[str, ...]]:
    heads = [list(row) for row in heads]
    index = heads[0][0]
    if len(heads) > 1 and not any(heads[-1][1:]):
        index = heads.pop()[0]
    heads[0][0] = heads[0][0].removeprefix("#").strip()
    if len(heads) == 1:
        return [(name,) for name in [index.removeprefix("#").strip(), *heads[0][1:]]]
    if len(heads) > 2:
        raise DataError(
            f"{path} has {len(heads)} rows of names above its dates: keep one of fields and one of assets"
        )
    if sum(kind_of(cell) == "date" for cell in heads[1]) > 1:
        raise DataError(f"{path} has a column of dates beside each asset: keep one for all, the first")
    for row in heads:  # a merged cell stands over all columns up to the next
        for k in range(2, len(row)):
            row[k] = row[k] or row[k - 1]
    return [(index, ""), *zip(heads[0][1:], heads[1][1:], strict=True)]


def _without_empty(sheet: Sheet) -> Sheet:
    """Without columns that have neither name nor cells."""
    kept = [
        k for k, (label, cells) in enumerate(zip(sheet.labels, sheet.columns, strict=True))
        if any(label) or (cells != "").any()
    ]  # fmt: skip
    left = len(sheet.labels) - len(kept)
    if left:
        sheet.notes.append(f"{left} empty column(s) without a name left out")
    return Sheet(
        sheet.path, [sheet.labels[k] for k in kept], [sheet.columns[k] for k in kept], sheet.lines, sheet.delimiter,
        sheet.notes,
    )  # fmt: skip
