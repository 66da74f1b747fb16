"""Rows of cells as a file has them, from text of any separator, archives and workbooks."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from riskengine.errors import DataError

KINDS = (".csv", ".parquet", ".xlsx", ".tsv", ".csv.gz", ".csv.zip")
"""Files that tables are read from."""

_DELIMITERS = ("\t", ";", "|", ",")
_WORDS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}


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
        return RawRows(*_workbook(path), "")
    content = _decoded(_unpacked(path, kind), path)
    _refuse_messages(content, path)
    delimiter = "\t" if kind == ".tsv" else _delimiter(content)
    return RawRows(*_split(content, delimiter, path), delimiter)


def _unpacked(path: Path, kind: str) -> bytes:
    try:
        if kind == ".csv.gz":
            return gzip.decompress(path.read_bytes())
        if kind == ".csv.zip":
            with zipfile.ZipFile(path) as archive:
                inside = [
                    name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name
                ]
                if len(inside) != 1 or not inside[0].lower().endswith((".csv", ".tsv")):
                    raise DataError(
                        f"{path} holds {', '.join(inside[:3]) or 'nothing'}: one .csv file is wanted; unpack it and "
                        "name the file, or the folder of one file an asset"
                    )
                return archive.read(inside[0])
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is no archive, or a damaged one: {error}") from error
    return path.read_bytes()


def _decoded(content: bytes, path: Path) -> str:
    wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}; save it as CSV UTF-8") from error


def _refuse_messages(content: str, path: Path) -> None:
    """Where a server's answer was saved in place of a table."""
    start = content.lstrip()[:300]
    if start.startswith("{") or start.lower().startswith(("<!doctype", "<html", "<?xml")):
        raise DataError(
            f"{path} holds no table but the answer of a server, {' '.join(start.split())[:80]!r}: download it again"
        )


def _delimiter(content: str) -> str:
    """What separates the cells: the mark that most lines have equally often."""
    head = [line for line in content.splitlines()[:200] if line.strip()][:40]
    bare = [re.sub(r'"[^"]*"', "", line) for line in head]
    best, share = ",", 0.0
    if not bare:
        return best
    for mark in _DELIMITERS:
        counts = Counter(line.count(mark) for line in bare)
        usual, often = max(counts.items(), key=lambda item: (item[0] > 0, item[1], item[0]))
        agreed = often / max(len(bare), 1) if usual else 0.0
        header = bare[0].count(mark) if bare else 0
        if agreed > share and (header or len(bare) > 2):
            best, share = mark, agreed
    return best


def _split(content: str, delimiter: str, path: Path) -> tuple[list[list[str]], list[int]]:
    """Rows of cells and the line on which each ends, without blank lines.

    A reader of tables would rename a repeated column, pad a row that was cut short and lose count of blank
    lines, all silently; so the cells are taken as they stand.
    """
    rows, lines = [], []
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(
            f"{path}: row {reader.line_num} is not {_WORDS[delimiter]}-separated text: {error}"
        ) from error
    return rows, lines


def _workbook(path: Path) -> tuple[list[list[str]], list[int]]:
    """Rows of the one sheet of a workbook that is not empty, every cell as text."""
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError as error:
        raise DataError(
            f'{path}: Excel files need openpyxl, which is not installed: pip install "riskengine[excel]", or save the '
            "sheet as .csv"
        ) from error
    try:
        values = openpyxl.load_workbook(path, data_only=True)
        formulas = openpyxl.load_workbook(path)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise DataError(f"{path} is not an Excel file (.xlsx), or a damaged one: {error}") from error
    filled = [
        sheet
        for sheet in values.worksheets
        if any(cell for row in sheet.iter_rows(values_only=True) for cell in row)
    ]
    if len(filled) != 1:
        names = ", ".join(sheet.title for sheet in filled)
        raise DataError(
            f"{path} has {len(filled) or 'no'} sheets with cells{f' ({names})' if names else ''}: save the one of the "
            "prices as a file of its own"
        )
    rows, lines = [], []
    written = formulas[filled[0].title].iter_rows(values_only=True)
    for number, (row, source) in enumerate(
        zip(filled[0].iter_rows(values_only=True), written, strict=True), start=1
    ):
        for k, (value, text) in enumerate(zip(row, source, strict=True), start=1):
            if value is None and isinstance(text, str) and text.startswith("="):
                raise DataError(
                    f"{path}: row {number}, column {k} is a formula without a value: open the file in Excel and save "
                    "it, or paste the values"
                )
        if any(value is not None and str(value).strip() for value in row):
            rows.append([_as_text(value) for value in row])
            lines.append(number)
    width = max(len(row) for row in rows)
    while width and all(not row[width - 1] for row in rows):
        width -= 1
    return [row[:width] for row in rows], lines


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return f"{value:%Y-%m-%d}" if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return repr(value) if isinstance(value, int | float) else str(value).strip()
