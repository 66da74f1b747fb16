"""Prices of rows of date and asset, one field a column or one field a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.date_cells import dates_of
from riskengine.market.field_prices import chosen_close, field_frames, prices_of_fields
from riskengine.market.fields import FIELDS_OF_PRICES, PRICES, price_kind
from riskengine.market.prices import Prices, close_label, notes_of
from riskengine.market.sheets import Sheet
from riskengine.market.wide_prices import numeric_columns


def long_prices(sheet: Sheet, date: int, asset: int, kinds: list[str | None]) -> Prices:
    """Rows of date, asset and price. Their order says nothing: assets come by name."""
    path, notes = sheet.path, sheet.notes
    names = [label[0] for label in sheet.labels]
    _one_currency(sheet, kinds)
    who = sheet.columns[asset].map(lambda cell: "" if cell is None or cell != cell else str(cell).strip())
    if (who == "").any():
        row = int((who == "").to_numpy().argmax())
        raise DataError(
            f"{path}: row {sheet.lines[row]}: no name in column {names[asset]}: give it one or drop the row"
        )
    when = dates_of(sheet.columns[date], path, sheet.lines, notes, names[date])
    index = pd.MultiIndex.from_arrays([pd.DatetimeIndex(when.to_numpy()), who.to_numpy()])
    if "field" in kinds:
        return _long_fields(sheet, index, kinds)
    if index.has_duplicates:
        row = int(index.duplicated().argmax())
        raise DataError(
            f"{path}: row {sheet.lines[row]}: {who.iloc[row]} on {when.iloc[row]:%Y-%m-%d} appears twice: keep one row "
            "a date and asset"
        )
    unknown = [names[k] for k, kind in enumerate(kinds) if kind in (None, "other", "currency")]
    if unknown:
        notes.append(f"column(s) left out: {listed(unknown)}")
    places = {kind: k for k, kind in enumerate(kinds) if kind in FIELDS_OF_PRICES}
    stacked = field_frames(
        sheet, pd.DatetimeIndex(when.to_numpy()), {(kind, kind): k for kind, k in places.items()}
    )
    frames = {}
    order = sorted(set(who))
    for kind, frame in stacked.items():
        frames[kind] = _spread(frame.iloc[:, 0].to_numpy(), index, order)
    chosen = chosen_close(frames, notes)
    said = f"read as: rows of date and asset; {close_label(names[places[chosen]])}; {len(order)} asset(s)"
    return prices_of_fields(frames, chosen, "long", notes_of(sheet, said))


def _spread(values: np.ndarray, index: pd.MultiIndex, order: list[str]) -> pd.DataFrame:
    """Rows of date and asset as dates x assets."""
    days, assets = pd.DatetimeIndex(np.sort(index.get_level_values(0).unique())), pd.Index(order)
    table = np.full((len(days), len(assets)), np.nan)
    table[days.get_indexer(index.get_level_values(0)), assets.get_indexer(index.get_level_values(1))] = values
    return pd.DataFrame(table, days.rename("date"), order)


def _long_fields(sheet: Sheet, index: pd.MultiIndex, kinds: list[str | None]) -> Prices:
    """Rows of date, asset, field and value."""
    path = sheet.path
    names = [label[0] for label in sheet.labels]
    what = kinds.index("field")
    values = [k for k, kind in enumerate(kinds) if kind in (None, "close")]
    if len(values) != 1:
        raise DataError(
            f"{path} has a column {names[what]} and {len(values)} columns of values beside it: one is wanted"
        )
    fields = sheet.columns[what].map(lambda cell: str(cell).strip())
    full = pd.MultiIndex.from_arrays(
        [index.get_level_values(0), index.get_level_values(1), fields.to_numpy()]
    )
    if full.has_duplicates:
        row = int(full.duplicated().argmax())
        raise DataError(f"{path}: row {sheet.lines[row]} repeats date, asset and field: keep one")
    frames: dict[str, pd.DataFrame] = {}
    order = sorted(set(index.get_level_values(1)))
    named: dict[str, str] = {}
    for name in dict.fromkeys(fields):
        kind = price_kind(name)
        if kind not in FIELDS_OF_PRICES:
            sheet.notes.append(f"field left out: {name}")
            continue
        rows = np.flatnonzero((fields == name).to_numpy())
        part = Sheet(path, [(name,)], [sheet.columns[values[0]].iloc[rows].reset_index(drop=True)],
                     [sheet.lines[int(k)] for k in rows], sheet.delimiter, sheet.notes)  # fmt: skip
        (numbers,) = numeric_columns(part, [0], [name])
        frames[kind] = _spread(numbers.to_numpy(), index[rows], order)
        named[kind] = name
    if not set(frames) & set(PRICES):
        raise DataError(f"{path} has the fields {listed([*dict.fromkeys(fields)])} but no close: add it")
    dates = frames[min(frames)].index
    for frame in frames.values():
        dates = dates.union(frame.index)
    frames = {kind: frame.reindex(dates) for kind, frame in frames.items()}
    chosen = chosen_close(frames, sheet.notes)
    said = f"read as: rows of date, asset and field; {close_label(named[chosen])}; {len(order)} asset(s)"
    return prices_of_fields(frames, chosen, "long", notes_of(sheet, said))


def _one_currency(sheet: Sheet, kinds: Sequence[str | None]) -> None:
    """Refuse an asset whose prices are in two currencies, or pence among pounds."""
    if "currency" not in kinds:
        return
    asset = kinds.index("asset")
    pairs = pd.DataFrame(
        {"asset": sheet.columns[asset], "currency": sheet.columns[list(kinds).index("currency")]}
    )
    found = [str(name).strip() for name in pairs["currency"].dropna().unique() if str(name).strip()]
    if len(found) > 1:
        raise DataError(
            f"{sheet.path}: prices are in several currencies or units ({listed(found)}): convert them to one first"
        )
