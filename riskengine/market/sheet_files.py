"""Sheets read from files: text, Parquet, Excel, packed or not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.errors import DataError
from riskengine.market.header_rows import sheet_of_rows
from riskengine.market.raw_rows import check_file, kind_of_file, read_rows
from riskengine.market.sheets import Sheet, sheet_of_frame


def stem_of(path: Path) -> str:
    """Name of a file without its suffix: that of the asset whose prices it holds."""
    kind = kind_of_file(path)
    name = path.name
    for ending in (kind, kind.removeprefix(".csv"), ".csv"):
        if ending and name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name or path.name


def read_sheet(path: Path, facts: bool = False) -> Sheet:
    """The table of a file.

    Parameters
    ----------
    facts : whether the file is one of facts under a single row of names, and not one of prices by date

    Raises
    ------
    DataError
        If the file is missing, empty, damaged, or of a kind that is not read. The message names row and column.
    """
    if check_file(path) == ".parquet":
        return _parquet(path)
    found = read_rows(path)
    return sheet_of_rows(path, found.rows, found.lines, found.delimiter, facts)


def _parquet(path: Path) -> Sheet:
    try:
        names = pq.read_schema(path).names
        # The names come first: with two alike pyarrow cannot tell which one is meant.
        repeated = [name for name in names if names.count(name) > 1]
        frame = None if repeated else pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a Parquet file, or a damaged one: {error}") from error
    if frame is None:
        raise DataError(f"{path}: column {repeated[0]} appears more than once: rename or drop one")
    if frame.shape[1] == 0 and isinstance(frame.index, pd.DatetimeIndex):
        raise DataError(f"{path} has dates but no column of prices: one column an asset is wanted")
    if frame.shape[1] == 0:
        raise DataError(f"{path} has no columns")
    if frame.empty:
        raise DataError(f"{path} has columns but no rows")
    return sheet_of_frame(path, frame)
