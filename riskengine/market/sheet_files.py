"""Sheets read from files: text, Parquet, Excel, packed or not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from riskengine.errors import DataError
from riskengine.market.header_rows import sheet_of_rows
from riskengine.market.sheets import Sheet, sheet_of_frame
from riskengine.market.text_cells import decoded, delimiter_of, refuse_messages, split_cells, unpacked
from riskengine.market.workbooks import read_workbook

KINDS = (".csv", ".parquet", ".xlsx", ".tsv", ".csv.gz", ".csv.zip")
"""Files that tables are read from."""


def kind_of_file(path: Path) -> str:
    """The suffix that says how to read a file, in lower case; empty for what is not read."""
    name = path.name.lower()
    if name.endswith(".zip"):
        return ".csv.zip"
    return next((kind for kind in KINDS if name.endswith(kind)), "")


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
    if not path.is_file():
        raise DataError(f"no file {path}")
    kind = kind_of_file(path)
    if not kind:
        raise DataError(
            f"{path}: prices are read from .csv or .parquet (or .xlsx, .tsv, .csv.gz, .zip), not from "
            f"{path.suffix or 'a file without suffix'}: save it as one of these"
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty or damaged: a table has a header and rows")
    if kind == ".parquet":
        return _parquet(path)
    if kind == ".xlsx":
        return sheet_of_rows(path, *read_workbook(path), "", facts)
    content = decoded(unpacked(path, kind), path)
    refuse_messages(content, path)
    delimiter = "\t" if kind == ".tsv" else delimiter_of(content)
    return sheet_of_rows(path, *split_cells(content, delimiter, path), delimiter, facts)


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
