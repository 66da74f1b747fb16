"""Prices of one row a date and one column an asset, or turned round, one row an asset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.column_names import SHAPES
from riskengine.market.date_cells import dates_of
from riskengine.market.fields import FIELDS_OF_PRICES, TICKERS_TOO
from riskengine.market.number_cells import numbers_of
from riskengine.market.prices import Prices, close_label, notes_of
from riskengine.market.sheet_files import stem_of
from riskengine.market.sheets import Sheet


def wide_prices(sheet: Sheet, date: int, places: Sequence[int], what: str = "price") -> Prices:
    """One row a date, and the columns at ``places`` as assets."""
    if not places:
        raise DataError(f"{sheet.path} has dates but no column of prices: one column an asset is wanted")
    names = [sheet.labels[k][0] for k in places]
    index = row_dates(sheet, date)
    columns = numeric_columns(sheet, places, names, what)
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)), columns=names).set_axis(index, axis=0)
    return Prices(oldest_first(frame), shape="wide", notes=notes_of(sheet, None))


def one_series(sheet: Sheet, date: int, place: int) -> Prices:
    """Dates and closes of one asset, which the file is named after."""
    found = wide_prices(sheet, date, [place])
    name = stem_of(sheet.path)
    said = f"read as: one asset, {name}; {close_label(sheet.labels[place][0])}"
    return Prices(found.close.set_axis([name], axis=1), shape="one asset", notes=(said, *found.notes))


def refuse_fields(sheet: Sheet, kinds: Sequence[str | None], places: Sequence[int]) -> None:
    """Fields of one asset beside names of assets: neither can be meant alone."""
    names = [sheet.labels[k][0] for k in places]
    fields = [
        sheet.labels[k][0] for k in places
        if kinds[k] in FIELDS_OF_PRICES and sheet.labels[k][0] not in TICKERS_TOO
    ]  # fmt: skip
    if fields:
        others = [name for name in names if name not in fields]
        raise DataError(
            f"{sheet.path}: column {fields[0]} is a field of prices, not an asset"
            f"{f', and stands beside {listed(others)}' if others else ''}: drop or rename it; {SHAPES}"
        )


def turned_prices(sheet: Sheet) -> Prices:
    """One row an asset, dates across: turned round."""
    names = [str(cell).strip() for cell in sheet.columns[0]]
    if len(set(names)) < len(names) or "" in names:
        raise DataError(
            f"{sheet.path} has one row an asset, and a name is missing or repeated: give each row its own"
        )
    headers = pd.Series([label[0] for label in sheet.labels[1:]])
    lines = [1] * len(headers)
    places = range(1, len(sheet.labels))
    numbers = numeric_columns(sheet, places, list(headers))
    turned = pd.DataFrame(np.column_stack([column.to_numpy() for column in numbers]).T, columns=names)
    cells = Sheet(sheet.path, [("date",)], [headers], lines, sheet.delimiter, sheet.notes)
    frame = oldest_first(turned.set_axis(row_dates(cells, 0), axis=0))
    return Prices(
        frame,
        shape="wide",
        notes=notes_of(sheet, f"read as: one row an asset, turned round; {len(names)} asset(s)"),
    )


def row_dates(sheet: Sheet, date: int) -> pd.DatetimeIndex:
    """Dates of the rows of a table with one row a date, newest last."""
    name = "" if date == 0 else sheet.labels[date][0]
    dates = dates_of(sheet.columns[date], sheet.path, sheet.lines, sheet.notes, name)
    index = pd.DatetimeIndex(dates.to_numpy(), name="date")
    steps = np.diff(index.to_numpy()) / np.timedelta64(1, "ns")
    if len(index) > 1 and (steps < 0).all():
        sheet.notes.append("newest row first: read in the order of time")
        return index
    backward = np.flatnonzero(steps < 0)
    if len(backward):
        row = int(backward[0]) + 1
        mark = ":" if sheet.delimiter else ","
        raise DataError(
            f"{sheet.path}: row {sheet.lines[row]}{mark} {index[row]:%Y-%m-%d} comes after {index[row - 1]:%Y-%m-%d}: "
            "dates must be sorted, and are not sorted for you"
        )
    if index.has_duplicates:
        row = int(index.duplicated().argmax())
        raise DataError(
            f"{sheet.path}: row {sheet.lines[row]}: {index[row]:%Y-%m-%d} appears "
            f"{'twice' if sheet.delimiter else 'more than once'}: keep one row a date"
        )
    return index


def oldest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of time, of a frame that is in this or in the reverse order."""
    return frame.iloc[::-1] if len(frame) > 1 and frame.index[0] > frame.index[-1] else frame


def numeric_columns(
    sheet: Sheet, places: Sequence[int], names: Sequence[str], what: str = "price"
) -> list[pd.Series]:
    """The columns at ``places`` as numbers, by the way of writing that all of them share."""
    columns = [sheet.columns[k] for k in places]
    return numbers_of(columns, names, sheet.path, sheet.lines, sheet.delimiter, sheet.notes, what)
