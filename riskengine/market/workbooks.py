"""Cells of Excel workbooks."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path
from typing import Any

from riskengine.errors import DataError


def read_workbook(path: Path) -> tuple[list[list[str]], list[int]]:
    """Rows of the one sheet of a workbook that is not empty, every cell as text."""
    try:
        import openpyxl
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
