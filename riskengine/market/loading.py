"""Panels from files, and back. Nothing is sorted, filled or dropped silently."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.market.delisting import Delistings, load_delistings
from riskengine.market.membership import is_long, load_membership
from riskengine.market.panel import Panel

_MISSING = ("", "NaN", "nan", "NA", "N/A", "null")
_TRUTH = {"true": "1", "false": "0"}


def load_panel(
    path: str | Path,
    membership: str | Path | None = None,
    delistings: str | Path | None = None,
    default_delisting_return: float = 0.0,
) -> Panel:
    """Read wide prices: one row a date, one column an asset, from ``.csv`` or ``.parquet``.

    The first column of a CSV holds the dates (ISO format); a Parquet file has them as its index or in its
    first column. Empty cells and ``NaN`` mean that there is no price. Blank lines are passed over.

    Parameters
    ----------
    path : file of prices
    membership : file of the same shape with true (1) where an asset may be held and false (0) where not, or a
        table of intervals or snapshots, see :func:`~riskengine.market.membership.load_membership`
    delistings : table of assets, dates and returns, see :func:`~riskengine.market.delisting.load_delistings`
    default_delisting_return : of what vanishes without a word in that table

    Raises
    ------
    DataError
        If the file is missing, empty or not what its suffix says, if a cell is not a number, or if the
        table is not a valid :class:`Panel`. The message names row (the header of a CSV is row 1) and column.
    """
    prices = _read(Path(path))
    gone = (
        Delistings(default=default_delisting_return)
        if delistings is None
        else load_delistings(delistings, default_delisting_return)
    )
    if membership is None:
        return Panel(prices, delistings=gone)
    wide = not is_long(Path(membership))
    members = _read(Path(membership), truth=True) if wide else load_membership(membership, prices)
    return Panel(prices, members, gone)


def load_volume(path: str | Path) -> pd.DataFrame:
    """Read wide traded values for a :class:`~riskengine.market.universe.Universe`, a file like that of prices.

    Raises
    ------
    DataError
        As :func:`load_panel`.
    """
    return _read(Path(path))


def load_series(path: str | Path) -> pd.Series:
    """Read dates and one column of numbers, such as a cash rate, from ``.csv`` or ``.parquet``.

    Raises
    ------
    DataError
        As :func:`load_panel`, or if there is more than one column beside the dates.
    """
    frame = _read(Path(path))
    if frame.shape[1] != 1:
        raise DataError(f"{path} has {frame.shape[1]} columns beside the dates: one is wanted")
    return frame.iloc[:, 0]


def save_panel(panel: Panel, path: str | Path) -> Path:
    """Write the prices of a panel atomically, as ``.csv`` or ``.parquet`` by suffix; returns the path.

    Membership is not written: it is a table of its own.
    """
    path = Path(path)
    if path.suffix == ".csv":
        # Days alone when they say all; closes within a day keep their time, or two would share a date.
        days = bool((panel.dates == panel.dates.normalize()).all())
        text = panel.prices.to_csv(index_label="date", date_format="%Y-%m-%d" if days else None)
        content = text.encode()
    elif path.suffix == ".parquet":
        buffer = io.BytesIO()
        panel.prices.rename_axis("date").to_parquet(buffer, compression="zstd")
        content = buffer.getvalue()
    else:
        raise DataError(f"{path}: prices are written as .csv or .parquet")
    write_atomically(path, content)
    return path


def _read(path: Path, truth: bool = False) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"no file {path}")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty: a panel has a header, dates and prices")
    if path.suffix == ".csv":
        return _read_csv(path, truth)
    if path.suffix == ".parquet":
        return _read_parquet(path)
    raise DataError(
        f"{path}: prices are read from .csv or .parquet, not from {path.suffix or 'a file without suffix'}"
    )


def _read_csv(path: Path, truth: bool) -> pd.DataFrame:
    header, rows, lines = _cells(path)
    if len(header) < 2:
        raise DataError(f"{path} has one column: dates come first, then one column of prices an asset")
    _check_names(header, path)
    if not rows:
        raise DataError(f"{path} has a header but no rows")
    raw = pd.DataFrame(rows, columns=header, dtype=object)
    columns = {}
    for name in header[1:]:
        cells = raw[name].str.strip()
        missing = cells.isin(_MISSING)
        written = cells.mask(missing)
        if truth:
            written = written.str.lower().replace(_TRUTH)
        columns[name] = _numbers(written, name, path, lines)
    return pd.DataFrame(columns).set_axis(_dates(raw[header[0]], path, lines), axis=0)


def _cells(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, rows and the line of the file on which each row ends.

    A reader of tables would rename a repeated column, pad a row that was cut short and lose count of blank
    lines, all silently; so the cells are taken as they stand.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows, lines = [], []
            for row in reader:
                if not any(cell.strip() for cell in row) and len(row) < 2:
                    continue
                if len(row) != len(header):
                    raise DataError(
                        f"{path}: row {reader.line_num} has {len(row)} cells, the header {len(header)}: "
                        "leave cells empty rather than out"
                    )
                rows.append(row)
                lines.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}") from error
    except csv.Error as error:
        raise DataError(f"{path}: row {reader.line_num} is not comma-separated text: {error}") from error
    return header, rows, lines


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        names = pq.read_schema(path).names
        # The names come first: with two alike pyarrow cannot tell which one is meant.
        repeated = [name for name in names if names.count(name) > 1]
        frame = None if repeated else pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a Parquet file, or a damaged one: {error}") from error
    if frame is None:
        raise DataError(f"{path}: column {repeated[0]} appears more than once: rename or drop one")
    if not isinstance(frame.index, pd.DatetimeIndex):
        if frame.shape[1] == 0:
            raise DataError(f"{path} has no columns")
        lines = range(1, len(frame) + 1)
        frame = frame.set_axis(_dates(frame.iloc[:, 0], path, lines), axis=0).iloc[:, 1:]
    if frame.shape[1] == 0:
        raise DataError(f"{path} has dates but no column of prices: one column an asset is wanted")
    if frame.empty:
        raise DataError(f"{path} has columns but no rows")
    lines = range(1, len(frame) + 1)
    plain = pd.api.types
    for name in frame.columns:
        column = frame[name]
        if plain.is_object_dtype(column) or plain.is_string_dtype(column):
            frame[name] = _numbers(column, name, path, lines)
        elif not (plain.is_numeric_dtype(column) or plain.is_bool_dtype(column)):
            raise DataError(f"{path}: column {name} holds {column.dtype}, not prices: drop it")
    return frame


def _check_names(header: list[str], path: Path) -> None:
    for position, name in enumerate(header[1:], start=2):
        if not name:
            raise DataError(f"{path}: column {position} has no name: give it one or drop it")
        if header.count(name) > 1:
            raise DataError(f"{path}: column {name} appears more than once: rename or drop one")


def _numbers(cells: pd.Series, name: str, path: Path, lines: Sequence[int]) -> pd.Series:
    """The cells as float64; one that is there and not a number is an error that names its place."""
    numbers = pd.to_numeric(cells, errors="coerce")
    text = (numbers.isna() & cells.notna()).to_numpy()
    if text.any():
        row = int(text.argmax())
        raise DataError(
            f"{path}: row {lines[row]}, column {name}: {cells.iloc[row]!r} is not a price; "
            "leave the cell empty if there is none"
        )
    return numbers.astype("float64")


def _dates(cells: pd.Series, path: Path, lines: Sequence[int]) -> pd.DatetimeIndex:
    if pd.api.types.is_numeric_dtype(cells):
        raise DataError(f"{path}: the first column holds numbers, not dates: put ISO dates there")
    try:
        dates = pd.to_datetime(cells, errors="coerce", format="ISO8601")
    except ValueError as error:
        raise DataError(f"{path}: dates carry different time zones: write plain dates ({error})") from error
    bad = dates.isna()
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(f"{path}: row {lines[row]}: {cells.iloc[row]!r} is not a date like 2024-01-31")
    index = pd.DatetimeIndex(dates, name="date")
    backward = index.to_series().diff().dt.total_seconds().to_numpy() < 0
    if backward.any():
        row = int(backward.argmax())
        raise DataError(
            f"{path}: row {lines[row]}: {index[row]:%Y-%m-%d} comes after {index[row - 1]:%Y-%m-%d}: "
            "dates must be sorted, and are not sorted for you"
        )
    if index.has_duplicates:
        row = int(index.duplicated().argmax())
        raise DataError(f"{path}: row {lines[row]}: {index[row]:%Y-%m-%d} appears twice: keep one row a date")
    return index
