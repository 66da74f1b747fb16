"""Long tables from files: one row a fact, columns by name."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.errors import DataError

_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def read_table(path: Path) -> pd.DataFrame:
    """A ``.csv`` file, every cell as text, or a ``.parquet`` file; names of columns in lower case.

    Raises
    ------
    DataError
        If the file is missing, empty, damaged or of another kind.
    """
    if not path.is_file():
        raise DataError(f"no file {path}")
    try:
        if path.suffix == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
        elif path.suffix == ".parquet":
            frame = pq.read_table(path).to_pandas()
        else:
            raise DataError(f"{path}: tables are read from .csv or .parquet")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{path} is empty or damaged: {error}") from error
    frame = frame.rename(columns=lambda name: str(name).strip().lower())
    frame = frame.rename(columns={"ticker": "asset"})
    if frame.empty:
        raise DataError(f"{path} has no rows")
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
    found = pd.to_datetime(cells.mask(blank), errors="coerce", format="ISO8601")
    _refuse(
        found.isna() & ~blank if optional else found.isna(), cells, column, path, "a date like 2024-01-31"
    )
    return found


def numbers(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column of finite numbers."""
    found = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    _refuse(found.isna() | found.abs().eq(float("inf")), frame[column], column, path, "a number")
    return found


def truths(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """A column of true (1) and false (0)."""
    cells = frame[column].astype(object).map(str).str.strip().str.lower()
    _refuse(~cells.isin((*_TRUE, *_FALSE)), frame[column], column, path, "true (1) or false (0)")
    return cells.isin(_TRUE)


def _refuse(bad: pd.Series, cells: pd.Series, column: str, path: Path, wanted: str) -> None:
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(f"{path}: row {row + 2}, column {column}: {cells.iloc[row]!r} is not {wanted}")
