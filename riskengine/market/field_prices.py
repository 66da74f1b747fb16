"""Prices of fields: open, high, low, close and volume of one asset, or by ticker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.column_names import SHAPES
from riskengine.market.fields import BARS, FIELDS_OF_PRICES, PRICES, price_kind, rank_of
from riskengine.market.number_cells import numbers_of
from riskengine.market.prices import Prices, close_label, notes_of
from riskengine.market.sheet_files import stem_of
from riskengine.market.sheets import Sheet
from riskengine.market.wide_prices import numeric_columns, oldest_first, row_dates


def one_asset(sheet: Sheet, date: int, kinds: Sequence[str | None]) -> Prices:
    """Open, high, low, close and volume of one asset, which the file is named after."""
    name = stem_of(sheet.path)
    places = {(kind, name): k for k, kind in enumerate(kinds) if kind in FIELDS_OF_PRICES}
    frames = _in_time(field_frames(sheet, row_dates(sheet, date), places))
    chosen = chosen_close(frames, sheet.notes)
    said = f"read as: fields of one asset, {name}; {close_label(sheet.labels[places[chosen, name]][0])}"
    return prices_of_fields(frames, chosen, "one asset", notes_of(sheet, said))


def fields_by_ticker(sheet: Sheet) -> Prices:
    """Columns of two names, field and asset in either order."""
    upper, lower = ([label[level] for label in sheet.labels[1:]] for level in (0, 1))
    known = [sum(price_kind(name) is not None for name in level) for level in (upper, lower)]
    if not max(known) or (known[0] == known[1]):
        raise DataError(
            f"{sheet.path}: the columns have two names each, {' and '.join(filter(None, sheet.labels[1]))} first, and "
            f"it is not plain which is the field and which the asset: {SHAPES}"
        )
    what, whose = (upper, lower) if known[0] > known[1] else (lower, upper)
    places: dict[tuple[str, str], int] = {}
    left: list[str] = []
    taken: dict[str, str] = {}
    for k, (name, asset) in enumerate(zip(what, whose, strict=True), start=1):
        kind = price_kind(name)
        if not asset:
            raise DataError(f"{sheet.path}: column {k + 1}, {name}, is of no asset: give it a name")
        if kind in FIELDS_OF_PRICES:
            better = (kind, asset) in places and rank_of(what[places[kind, asset] - 1]) < rank_of(name)
            if not better:
                places[kind, asset] = k
                taken[kind] = name
        else:
            left.append(name)
    if left:
        sheet.notes.append(f"field(s) left out: {listed([*dict.fromkeys(left)])}")
    if not any(kind in PRICES for kind, _ in places):
        raise DataError(f"{sheet.path} has {listed([*dict.fromkeys(what)])} by ticker but no close: add it")
    frames = _in_time(field_frames(sheet, row_dates(sheet, 0), places))
    count = len({asset for _, asset in places})
    chosen = chosen_close(frames, sheet.notes)
    said = f"read as: fields by ticker; {close_label(taken[chosen])}; {count} asset(s)"
    return prices_of_fields(frames, chosen, "fields by ticker", notes_of(sheet, said))


def field_frames(
    sheet: Sheet, index: pd.DatetimeIndex, places: dict[tuple[str, str], int]
) -> dict[str, pd.DataFrame]:
    """Kind of field to dates x assets."""
    prices = {key: k for key, k in places.items() if key[0] in (*PRICES, *BARS)}
    names = [sheet.names[k] for k in prices.values()]
    numbers = dict(zip(prices, numeric_columns(sheet, list(prices.values()), names), strict=True))
    volumes = {key: k for key, k in places.items() if key[0] == "volume"}
    for key, k in volumes.items():
        try:
            (numbers[key],) = numbers_of(
                [sheet.columns[k]],
                [sheet.names[k]],
                sheet.path,
                sheet.lines,
                sheet.delimiter,
                [],
                "volume",
                True,
            )
        except DataError as error:
            sheet.notes.append(f"volume left out: {str(error).removeprefix(f'{sheet.path}: ')}")
    frames: dict[str, pd.DataFrame] = {}
    for kind in dict.fromkeys(kind for kind, _ in numbers):
        columns = {asset: values.to_numpy() for (found, asset), values in numbers.items() if found == kind}
        frames[kind] = pd.DataFrame(columns, index)
    return frames


def chosen_close(frames: dict[str, pd.DataFrame], notes: list[str]) -> str:
    """Adjusted closes if every asset has them, else closes."""
    if "adjusted" not in frames:
        return "close"
    if "close" not in frames:
        return "adjusted"
    lacking = frames["close"].columns.difference(frames["adjusted"].columns).tolist()
    lacking += [
        name for name in frames["adjusted"].columns
        if frames["adjusted"][name].isna().all() and name in frames["close"] and frames["close"][name].notna().any()
    ]  # fmt: skip
    if lacking:
        notes.append(
            f"closes as they are, not adjusted ones: {listed(lacking)} has none; dividends, and perhaps splits, are "
            "not in"
        )
        return "close"
    return "adjusted"


def _in_time(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {kind: oldest_first(frame) for kind, frame in frames.items()}


def prices_of_fields(
    frames: dict[str, pd.DataFrame], chosen: str, shape: str, notes: tuple[str, ...]
) -> Prices:
    """Prices from fields: the close that was chosen, and the range on its scale."""
    extra = list(notes)
    close = frames[chosen]
    raw = frames.get("close") if chosen == "adjusted" else None
    if chosen == "adjusted" and raw is None and any(kind in frames for kind in BARS):
        frames = {kind: frame for kind, frame in frames.items() if kind not in BARS}
        extra.append(
            "open, high and low left out: without a close they cannot be put on the scale of the adjusted one"
        )
    bars: dict[str, pd.DataFrame | None] = {}
    for kind in BARS:
        bar = frames.get(kind)
        if bar is None:
            bars[kind] = None
            continue
        bar = bar.reindex(columns=close.columns)
        bars[kind] = bar if raw is None else bar * (close / raw.reindex(columns=close.columns))
    if bars["low"] is not None and bars["high"] is not None:
        extra += _outside_range(close, bars["low"], bars["high"])
    volume = frames.get("volume")
    return Prices(
        close, bars["open"], bars["high"], bars["low"],
        None if volume is None else volume.reindex(columns=close.columns), raw, shape,
        chosen == "adjusted", tuple(extra),
    )  # fmt: skip


def _outside_range(close: pd.DataFrame, low: pd.DataFrame, high: pd.DataFrame) -> list[str]:
    """A note on closes beyond the range of their day; an error if they are many, as columns are then misnamed."""
    outside = (close < low * (1 - 1e-4)) | (close > high * (1 + 1e-4))
    count = int(outside.to_numpy().sum())
    priced = int((close.notna() & low.notna() & high.notna()).to_numpy().sum())
    if not count:
        return []
    row, column = np.argwhere(outside.to_numpy())[0]
    first = f"{close.columns[column]} on {close.index[row]:%Y-%m-%d}"
    if count > max(priced / 4, 1):
        raise DataError(
            f"{count} of {priced} closes lie outside the low and high of their day, first {first}: the columns "
            "are not what they are called; check the order of the header"
        )
    return [f"{count} close(s) outside the low and high of the day, first {first}"]
