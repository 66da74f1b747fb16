"""Panels from files, and back. Nothing is sorted, filled or dropped silently."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.market.panel import Panel

_MISSING = ("", "NaN", "nan", "NA", "N/A", "null")


def load_panel(path: str | Path, membership: str | Path | None = None) -> Panel:
    """Read wide prices: one row a date, one column an asset, from ``.csv`` or ``.parquet``.

    The first column of a CSV holds the dates (ISO format); a Parquet file has them as its index or in its
    first column. Empty cells and ``NaN`` mean that there is no price.

    Parameters
    ----------
    path : file of prices
    membership : file of the same shape with true (1) where an asset may be held

    Raises
    ------
    DataError
        If the file is missing, empty or not what its suffix says, if a cell is not a number, or if the
        table is not a valid :class:`Panel`. The message names row and column.
    """
    prices = _read(Path(path))
    return Panel(prices, None if membership is None else _read(Path(membership)).astype(bool))


def save_panel(panel: Panel, path: str | Path) -> Path:
    """Write the prices of a panel atomically, as ``.csv`` or ``.parquet`` by suffix; returns the path."""
    path = Path(path)
    if path.suffix == ".csv":
        content = panel.prices.to_csv(index_label="date", date_format="%Y-%m-%d").encode()
    elif path.suffix == ".parquet":
        buffer = io.BytesIO()
        panel.prices.rename_axis("date").to_parquet(buffer, compression="zstd")
        content = buffer.getvalue()
    else:
        raise DataError(f"{path}: prices are written as .csv or .parquet")
    write_atomically(path, content)
    return path


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"no file {path}")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: a panel has a header, dates and prices")
    if path.suffix == ".csv":
        return _read_csv(path)
    if path.suffix == ".parquet":
        return _read_parquet(path)
    raise DataError(
        f"{path}: prices are read from .csv or .parquet, not from {path.suffix or 'a file without suffix'}"
    )


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
        raw = pd.read_csv(
            path, header=0, dtype=str, keep_default_na=False, na_values=[], encoding="utf-8-sig", names=None
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path} is not a table: {error}") from error
    if len(header) < 2:
        raise DataError(f"{path} has one column: dates come first, then one column of prices an asset")
    repeated = {name for name in header[1:] if header[1:].count(name) > 1}
    if repeated:
        raise DataError(f"{path}: column {sorted(repeated)[0]} appears more than once: rename or drop one")
    if raw.empty:
        raise DataError(f"{path} has a header but no rows")
    columns = {}
    for name in raw.columns[1:]:
        cells = raw[name].str.strip()
        missing = cells.isin(_MISSING)
        numbers = pd.to_numeric(cells.mask(missing), errors="coerce")
        text = numbers.isna() & ~missing
        if text.any():
            row = int(text.to_numpy().argmax())
            raise DataError(
                f"{path}: row {row + 2}, column {name}: {cells[row]!r} is not a price; "
                "leave the cell empty if there is none"
            )
        columns[name] = numbers.astype("float64")
    return pd.DataFrame(columns).set_axis(_dates(raw.iloc[:, 0], path, first_row=2), axis=0)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pq.read_table(path).to_pandas()
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is not a Parquet file: {error}") from error
    if not isinstance(frame.index, pd.DatetimeIndex):
        if frame.shape[1] == 0:
            raise DataError(f"{path} has no columns")
        frame = frame.set_axis(_dates(frame.iloc[:, 0], path, first_row=1), axis=0).iloc[:, 1:]
    if frame.shape[1] == 0:
        raise DataError(f"{path} has dates but no column of prices: one column an asset is wanted")
    if frame.empty:
        raise DataError(f"{path} has columns but no rows")
    for name in frame.columns:
        if not (pd.api.types.is_numeric_dtype(frame[name]) or pd.api.types.is_bool_dtype(frame[name])):
            numbers = pd.to_numeric(frame[name], errors="coerce")
            row = int((numbers.isna() & frame[name].notna()).to_numpy().argmax())
            raise DataError(f"{path}: row {row + 1}, column {name}: {frame[name].iloc[row]!r} is not a price")
    return frame


def _dates(cells: pd.Series, path: Path, first_row: int) -> pd.DatetimeIndex:
    if pd.api.types.is_numeric_dtype(cells):
        raise DataError(f"{path}: the first column holds numbers, not dates: put ISO dates there")
    dates = pd.to_datetime(cells, errors="coerce", format="ISO8601")
    bad = dates.isna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(f"{path}: row {row + first_row}: {cells.iloc[row]!r} is not a date like 2024-01-31")
    index = pd.DatetimeIndex(dates, name="date")
    backward = index.to_series().diff().dt.total_seconds().to_numpy() < 0
    if backward.any():
        row = int(backward.argmax())
        raise DataError(
            f"{path}: row {row + first_row}: {index[row]:%Y-%m-%d} comes after {index[row - 1]:%Y-%m-%d}: "
            "dates must be sorted, and are not sorted for you"
        )
    if index.has_duplicates:
        row = int(index.duplicated().argmax())
        raise DataError(
            f"{path}: row {row + first_row}: {index[row]:%Y-%m-%d} appears twice: keep one row a date"
        )
    return index
