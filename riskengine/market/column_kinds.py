"""What the columns of a sheet hold: dates, names of assets, fields of prices."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskengine.market.date_cells import dates_of, notation
from riskengine.market.fields import FIELDS_OF_PRICES, kind_of, price_kind, rank_of
from riskengine.market.sheets import Sheet


def is_across(sheet: Sheet) -> bool:
    """Whether there is one row an asset, dates being names of columns."""
    names = [label[0] for label in sheet.labels]
    return len(names) > 2 and all(notation(name) in ("iso", "compact") for name in names[1:])


def in_time_order(sheet: Sheet) -> Sheet:
    """Rows whose order says nothing, by date; those of a table across by asset. Dates that repeat are refused later."""
    if sheet.ordered:
        return sheet
    date = 0 if len(sheet.labels[0]) > 1 else date_column(sheet)
    if len(sheet.labels[0]) == 1 and is_across(sheet):
        order = np.argsort(sheet.columns[0].map(str).to_numpy(), kind="stable")
    else:
        dates = dates_of(sheet.columns[date], sheet.path, sheet.lines, [], sheet.labels[date][0])
        order = np.argsort(dates.to_numpy(), kind="stable")
    sheet.columns = [column.iloc[order].reset_index(drop=True) for column in sheet.columns]
    return sheet


def date_column(sheet: Sheet) -> int:
    """The column of dates: the best named one that holds dates, else the first."""
    named = sorted(
        (rank_of(label[0]), k) for k, label in enumerate(sheet.labels) if kind_of(label[0]) == "date"
    )
    for _, k in named:
        column = sheet.columns[k]
        if pd.api.types.is_datetime64_any_dtype(column):
            return k
        cell = next((str(cell).strip() for cell in column if str(cell).strip()), "")
        if k == 0 or notation(cell.removesuffix(".0")) is not None:
            return k
    return 0


def kinds_of(sheet: Sheet, date: int) -> list[str | None]:
    """What each column holds; of several columns of one kind only the best named keeps it."""
    kinds: list[str | None] = []
    for k, label in enumerate(sheet.labels):
        kind = price_kind(label[0])
        kinds.append("date" if k == date else "other" if kind == "date" else kind)
    for kind in ("asset", *FIELDS_OF_PRICES):
        places = [k for k, found in enumerate(kinds) if found == kind]
        if kind == "asset":
            places = [k for k in places if _holds_names(sheet.columns[k])]
            for k in set(range(len(kinds))) - set(places):
                if kinds[k] == "asset":
                    kinds[k] = None
        best = min(places, key=lambda k: rank_of(sheet.labels[k][0]), default=None)
        for k in places:
            if k != best:
                kinds[k] = "other"
    return kinds


def _holds_names(column: pd.Series) -> bool:
    """Whether cells are names of assets: text, or whole numbers as identifiers."""
    if pd.api.types.is_integer_dtype(column):
        return True
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    seen = column.dropna().astype(str).str.strip()
    seen = seen[seen != ""]
    numeric = pd.to_numeric(seen, errors="coerce")
    return bool(len(seen)) and bool(numeric.isna().mean() > 0.5 or (numeric % 1 == 0).all())
