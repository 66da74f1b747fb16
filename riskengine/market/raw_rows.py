"""Rows of cells as a file has them, from text of any separator, archives and workbooks."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from riskengine.errors import DataError
from riskengine.market.text_cells import decoded, delimiter_of, refuse_messages, split_cells, unpacked
from riskengine.market.workbooks import read_workbook

KINDS = (".csv", ".parquet", ".xlsx", ".tsv", ".csv.gz", ".csv.zip")
"""Files that tables are read from."""


class RawRows(NamedTuple):
    """Rows that are not blank, as text.

    Attributes
    ----------
    rows : cells without spaces around them; rows may differ in length
    lines : line of the file on which each ends
    delimiter : of a text file; empty for a workbook
    """

    rows: list[list[str]]
    lines: list[int]
    delimiter: str


def kind_of_file(path: Path) -> str:
    """The suffix that says how to read a file, in lower case; empty for what is not read."""
    name = path.name.lower()
    if name.endswith(".zip"):
        return ".csv.zip"
    return next((kind for kind in KINDS if name.endswith(kind)), "")


def check_file(path: Path) -> str:
    """The kind of a file that is there, is not empty, and can be read.

    Raises
    ------
    DataError
        If it is not.
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
    return kind


def read_rows(path: Path) -> RawRows:
    """Rows of a file of text or of the one filled sheet of a workbook.

    Raises
    ------
    DataError
        If the file is missing, empty, damaged, or of a kind that is not read. The message names the row.
    """
    kind = check_file(path)
    if kind == ".xlsx":
        return RawRows(*read_workbook(path), "")
    content = decoded(unpacked(path, kind), path)
    refuse_messages(content, path)
    delimiter = "\t" if kind == ".tsv" else delimiter_of(content)
    return RawRows(*split_cells(content, delimiter, path), delimiter)
