"""Names of columns: row numbers left out, repeated names refused, field and asset told apart within one name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.fields import FIELDS_OF_PRICES, kind_of, plain_name, price_kind
from riskengine.market.sheets import Sheet, tuple_name

SHAPES = (
    "prices are read as one row a date and one column an asset, as rows of date, asset and price, as fields by "
    "ticker, or as a folder of one file an asset"
)
"""Of errors: what a file may look like."""

_NUMBERS = {"", "index", "#", "row", "no", "nr", "id", "level 0", "unnamed: 0"}


def tidied(sheet: Sheet) -> Sheet:
    """Without a first column of row numbers."""
    names = [plain_name(label[0]) for label in sheet.labels]
    first = sheet.columns[0]
    if len(names) > 2 and (names[0] in _NUMBERS or names[0].startswith("unnamed")):
        count = pd.to_numeric(first, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        counted = len(count) > 0 and count[0] in (0, 1) and bool(np.all(np.diff(count) == 1))
        if counted:
            sheet.notes.append("a first column of row numbers left out")
            sheet.labels, sheet.columns = sheet.labels[1:], sheet.columns[1:]
    _check_names(sheet)
    return sheet


def _check_names(sheet: Sheet) -> None:
    seen: set[tuple[str, ...]] = set()
    names = sheet.names
    for position, (label, name) in enumerate(zip(sheet.labels, names, strict=True), start=1):
        if position > 1 and not name:
            raise DataError(f"{sheet.path}: column {position} has no name: give it one or drop it")
        if label in seen and name:
            raise DataError(f"{sheet.path}: column {name} appears more than once: rename or drop one")
        seen.add(label)


def split_names(sheet: Sheet) -> Sheet:
    """Names that hold field and asset in one, as two levels: tuples as text, AAPL.Close, Close_AAPL."""
    if len(sheet.labels[0]) > 1 or len(sheet.labels) < 2:
        return sheet
    names = [label[0] for label in sheet.labels]
    tuples = [tuple_name(name) for name in names]
    if any(tuples):
        split: list[tuple[str, ...]] = [
            parts or (name, "") for parts, name in zip(tuples, names, strict=True)
        ]
        if not all(len(parts) == 2 for parts in split) or not all(tuples[1:]):
            raise DataError(f"{sheet.path}: column {names[1]!r} is named by several words at once: {SHAPES}")
        sheet.labels = split
        return sheet
    if any(price_kind(name) in FIELDS_OF_PRICES for name in names[1:]):
        return sheet  # fields as they are, "4. close" say
    for mark in (".", "_", " ", "-", "|", ":"):
        for end in (True, False):
            parts = [_parted(name, mark, end) for name in names[1:]]
            if all(parts) and len(parts) > 1:
                found = [part for part in parts if part]
                fields = {kind_of(what) for what, _ in found}
                if len(fields) > 1 or len({asset for _, asset in found}) == len(found):
                    sheet.labels = [(names[0], ""), *found]
                    return sheet
    return sheet


def _parted(name: str, mark: str, end: bool) -> tuple[str, str] | None:
    """Field and asset of a name that joins them."""
    places = [k for k, letter in enumerate(name) if letter == mark]
    for k in places if end else reversed(places):
        asset, what = (name[:k], name[k + 1 :]) if end else (name[k + 1 :], name[:k])
        known = price_kind(what)
        if asset and known in FIELDS_OF_PRICES and kind_of(asset) is None:
            return what, asset
    return None
