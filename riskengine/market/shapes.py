"""The shapes in which prices come, and how each is told from the others."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.addresses import Address
from riskengine.market.column_kinds import date_column, in_time_order, is_across, kinds_of
from riskengine.market.column_names import split_names, tidied
from riskengine.market.databases import read_database
from riskengine.market.field_prices import fields_by_ticker, one_asset
from riskengine.market.fields import BARS, FIELDS_OF_PRICES, PRICES
from riskengine.market.long_prices import long_prices
from riskengine.market.price_folder import folder_prices
from riskengine.market.prices import Prices
from riskengine.market.sheet_files import read_sheet
from riskengine.market.sheets import Sheet
from riskengine.market.wide_prices import one_series, refuse_fields, turned_prices, wide_prices


def read_prices(path: Path | Address) -> Prices:
    """Prices of a file, of a folder of files, or of a database, in any shape that is known.

    Raises
    ------
    DataError
        If the shape is not known or a cell cannot be read in one way; the message says what to do.
    """
    if isinstance(path, Address):
        return _recognised(read_database(path))
    if path.is_dir():
        return folder_prices(path, read_prices)
    return _recognised(read_sheet(path))


def wide_numbers(path: Path | Address, truth: bool = False) -> pd.DataFrame:
    """A wide table of numbers that are no prices: volumes, rates, membership.

    Parameters
    ----------
    truth : whether ``true`` and ``false`` are read as 1 and 0

    Raises
    ------
    DataError
        As :func:`read_prices`.
    """
    sheet = in_time_order(tidied(_sheet(path)))
    if len(sheet.labels[0]) > 1:
        raise DataError(f"{path} has several fields an asset: write one column an asset")
    if truth:
        sheet.columns = [sheet.columns[0], *(_truths(column) for column in sheet.columns[1:])]
    return wide_prices(sheet, 0, range(1, len(sheet.labels)), "price" if not truth else "number").close


def is_wide(path: Path | Address) -> bool:
    """Whether a table has one column an asset and nothing that a vendor calls a field of prices."""
    sheet = split_names(tidied(_sheet(path)))
    if len(sheet.labels[0]) > 1:
        return False
    kinds = kinds_of(sheet, date_column(sheet))
    return not any(kind in (*FIELDS_OF_PRICES, "asset", "field") for kind in kinds) or len(kinds) == 2


def _sheet(path: Path | Address) -> Sheet:
    return read_database(path) if isinstance(path, Address) else read_sheet(path)


def _truths(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column
    lower = column.map(lambda cell: str(cell).strip().lower() if cell is not None and cell == cell else "")
    return lower.replace({"true": "1", "false": "0"})


def _recognised(sheet: Sheet) -> Prices:
    """The first of the shapes that fits, the most particular first."""
    sheet = in_time_order(split_names(tidied(sheet)))
    if len(sheet.labels[0]) > 1:
        return fields_by_ticker(sheet)
    names = [label[0] for label in sheet.labels]
    if is_across(sheet):
        return turned_prices(sheet)
    date = date_column(sheet)
    kinds = kinds_of(sheet, date)
    asset = kinds.index("asset") if "asset" in kinds else None
    values = [k for k, kind in enumerate(kinds) if kind in PRICES]
    if asset is not None and (values or "field" in kinds):
        return long_prices(sheet, date, asset, kinds)
    if asset is not None and len(names) == 3:
        (value,) = set(range(3)) - {date, asset}
        if kinds[value] is not None:
            raise DataError(
                f"{sheet.path} has rows of date and asset, and beside them {names[value]}, no price: bring closes"
            )
        kinds[value] = "close"
        return long_prices(sheet, date, asset, kinds)
    if asset is not None:
        raise DataError(
            f"{sheet.path} has the names of assets in column {names[asset]} but no column of prices: add one, close say"
        )
    bars = [kind for kind in BARS if kind in kinds]
    unknown = [names[k] for k, kind in enumerate(kinds) if kind is None]
    if values and (len(bars) == len(BARS) or not unknown):
        if len(values) + len(bars) == 1 and len(names) == 2:
            return one_series(sheet, date, values[0])
        if unknown:
            sheet.notes.append(f"column(s) left out that are no field of prices: {listed(unknown)}")
        return one_asset(sheet, date, kinds)
    if not values and len(bars) == len(BARS):
        raise DataError(f"{sheet.path} has open, high and low of an asset but no close: add the column Close")
    columns = [k for k in range(len(names)) if k != date]
    refuse_fields(sheet, kinds, columns)
    return wide_prices(sheet, date, columns)
