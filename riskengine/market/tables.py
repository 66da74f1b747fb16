"""Long tables from files: one row a fact, columns by name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from riskengine.errors import DataError
from riskengine.market.date_cells import dates_of
from riskengine.market.number_cells import numbers_of
from riskengine.market.sheet_files import read_sheet

_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")
_ASSETS = ("ticker", "symbol")
"""Other words for a column ``asset``."""


def read_table(path: Path) -> pd.DataFrame:
    """A table from any file that prices are read from; names of columns in lower case.

    Raises
    ------
    DataError
        If the file is missing, empty, damaged or of another kind.
    """
    sheet = read_sheet(path, facts=True)
    names = [name.strip().lower() for name in sheet.names]
    if "asset" not in names:
        names = ["asset" if name in _ASSETS else name for name in names]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise DataError(f"{path}: column {repeated[0]} appears more than once: rename or drop one")
    frame = pd.DataFrame(dict(zip(names, sheet.columns, strict=True)))
    frame.attrs["lines"] = list(sheet.lines)
    frame.attrs["delimiter"] = sheet.delimiter
    return frame


def text(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column of names; none may be missing."""
    cells = frame[column].astype(object).where(frame[column].notna(), "").map(str).str.strip()
    _refuse(cells == "", cells, column, path, "a name")
    return cells


def dates(frame: pd.DataFrame, column: str, path: Path, optional: bool = False) -> pd.Series:
    """A column of dates; missing ones are NaT where that is allowed."""
    cells = frame[column]
    if pd.api.types.is_numeric_dtype(cells) and not cells.isna().all():
        raise DataError(f"{path}: column {column} holds numbers, not dates like 2024-01-31")
    blank = cells.isna() | (cells.astype(object).map(str).str.strip() == "")
    if blank.any() and not optional:
        _refuse(blank, cells, column, path, "a date like 2024-01-31")
    found = pd.Series(pd.NaT, frame.index, dtype="datetime64[ns]")
    if not blank.all():
        lines = [line for line, empty in zip(_lines(frame), blank, strict=True) if not empty]
        found[~blank] = dates_of(cells[~blank], path, lines, [], column).astype("datetime64[ns]")
    return found


def numbers(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column of finite numbers."""
    delimiter = frame.attrs.get("delimiter", "")
    (found,) = numbers_of([frame[column]], [column], path, _lines(frame), delimiter, [], "number")
    _refuse(found.isna() | found.abs().eq(float("inf")), frame[column], column, path, "a number")
    return found


def truths(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column of true (1) and false (0)."""
    cells = frame[column].astype(object).map(str).str.strip().str.lower()
    _refuse(~cells.isin((*_TRUE, *_FALSE)), frame[column], column, path, "true (1) or false (0)")
    return cells.isin(_TRUE)


def _lines(frame: pd.DataFrame) -> list[int]:
    return frame.attrs.get("lines") or list(range(2, len(frame) + 2))


def _refuse(bad: pd.Series, cells: pd.Series, column: str, path: Path, wanted: str) -> None:
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(f"{path}: row {row + 2}, column {column}: {cells.iloc[row]!r} is not {wanted}")
