"""The shapes in which prices come, and how each is told from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.addresses import Address
from riskengine.market.databases import read_database
from riskengine.market.date_cells import dates_of, notation
from riskengine.market.fields import BARS, PRICES, TICKERS_TOO, in_camel, kind_of, plain_name, rank_of
from riskengine.market.number_cells import numbers_of
from riskengine.market.raw_rows import kind_of_file
from riskengine.market.sheets import Sheet, read_sheet, stem_of, tuple_name

_REMEDY = (
    "prices are read as one row a date and one column an asset, as rows of date, asset and price, as fields by "
    "ticker, or as a folder of one file an asset"
)
_NUMBERS = {"", "index", "#", "row", "no", "nr", "id", "level 0", "unnamed: 0"}


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices of a file, with the range of the day where it has one.

    Attributes
    ----------
    close : dates x assets, adjusted where the file has adjusted closes; NaN where there is none
    open, high, low : likewise, adjusted by the same factor as the close; None if the file lacks them
    volume : units traded, as the file has them, or None
    unadjusted : closes as they were traded, where the file has both kinds, or None
    shape : ``wide``, ``long``, ``fields by ticker``, ``one asset`` or ``folder``
    adjusted : whether ``close`` is an adjusted one by its name; nothing is known of the others
    notes : what was recognised, left out or changed; empty for a plain wide table
    """

    close: pd.DataFrame
    open: pd.DataFrame | None = None
    high: pd.DataFrame | None = None
    low: pd.DataFrame | None = None
    volume: pd.DataFrame | None = None
    unadjusted: pd.DataFrame | None = None
    shape: str = "wide"
    adjusted: bool = False
    notes: tuple[str, ...] = ()


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
        return _folder(path)
    return _recognised(read_sheet(path))


def _sheet(path: Path | Address) -> Sheet:
    return read_database(path) if isinstance(path, Address) else read_sheet(path)


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
    sheet = _in_time_order(_tidied(_sheet(path)))
    if len(sheet.labels[0]) > 1:
        raise DataError(f"{path} has several fields an asset: write one column an asset")
    if truth:
        sheet.columns = [sheet.columns[0], *(_truths(column) for column in sheet.columns[1:])]
    return _wide(sheet, 0, range(1, len(sheet.labels)), "price" if not truth else "number").close


def _truths(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column
    lower = column.map(lambda cell: str(cell).strip().lower() if cell is not None and cell == cell else "")
    return lower.replace({"true": "1", "false": "0"})


def _recognised(sheet: Sheet) -> Prices:
    sheet = _in_time_order(_split_names(_tidied(sheet)))
    if len(sheet.labels[0]) > 1:
        return _fields_by_ticker(sheet)
    names = [label[0] for label in sheet.labels]
    if _across(sheet):
        return _recognised_across(sheet)
    date = _date_column(sheet)
    kinds = _kinds(sheet, date)
    asset = _asset_column(sheet, kinds)
    values = [k for k, kind in enumerate(kinds) if kind in PRICES]
    if asset is not None and (values or "field" in kinds):
        return _long(sheet, date, asset, kinds)
    if asset is not None and len(names) == 3:
        (value,) = set(range(3)) - {date, asset}
        if kinds[value] is not None:
            raise DataError(
                f"{sheet.path} has rows of date and asset, and beside them {names[value]}, no price: bring closes"
            )
        kinds[value] = "close"
        return _long(sheet, date, asset, kinds)
    if asset is not None:
        raise DataError(
            f"{sheet.path} has the names of assets in column {names[asset]} but no column of prices: add one, close say"
        )
    bars = [kind for kind in BARS if kind in kinds]
    unknown = [names[k] for k, kind in enumerate(kinds) if kind is None]
    if values and (len(bars) == len(BARS) or not unknown):
        if len(values) + len(bars) == 1 and len(names) == 2:
            return _one_series(sheet, date, values[0])
        if unknown:
            sheet.notes.append(f"column(s) left out that are no field of prices: {_listed(unknown)}")
        return _one_asset(sheet, date, kinds)
    if not values and len(bars) == len(BARS):
        raise DataError(f"{sheet.path} has open, high and low of an asset but no close: add the column Close")
    columns = [k for k in range(len(names)) if k != date]
    _refuse_fields(sheet, kinds, columns)
    return _wide(sheet, date, columns)


def _across(sheet: Sheet) -> bool:
    """Whether there is one row an asset, dates being names of columns."""
    names = [label[0] for label in sheet.labels]
    return len(names) > 2 and all(notation(name) in ("iso", "compact") for name in names[1:])


def _in_time_order(sheet: Sheet) -> Sheet:
    """Rows whose order says nothing, by date; those of a table across by asset. Dates that repeat are refused later."""
    if sheet.ordered:
        return sheet
    date = 0 if len(sheet.labels[0]) > 1 else _date_column(sheet)
    if len(sheet.labels[0]) == 1 and _across(sheet):
        order = np.argsort(sheet.columns[0].map(str).to_numpy(), kind="stable")
    else:
        dates = dates_of(sheet.columns[date], sheet.path, sheet.lines, [], sheet.labels[date][0])
        order = np.argsort(dates.to_numpy(), kind="stable")
    sheet.columns = [column.iloc[order].reset_index(drop=True) for column in sheet.columns]
    return sheet


def _tidied(sheet: Sheet) -> Sheet:
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


def _split_names(sheet: Sheet) -> Sheet:
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
            raise DataError(f"{sheet.path}: column {names[1]!r} is named by several words at once: {_REMEDY}")
        sheet.labels = split
        return sheet
    if any(_kind(name) in (*PRICES, *BARS, "volume") for name in names[1:]):
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
        known = kind_of(what) or kind_of(in_camel(what))
        if asset and known in (*PRICES, *BARS, "volume") and kind_of(asset) is None:
            return what, asset
    return None


def _date_column(sheet: Sheet) -> int:
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


def _kinds(sheet: Sheet, date: int) -> list[str | None]:
    """What each column holds; of several columns of one kind only the best named keeps it."""
    kinds: list[str | None] = []
    for k, label in enumerate(sheet.labels):
        kind = kind_of(label[0]) or kind_of(in_camel(label[0]))
        kinds.append("date" if k == date else "other" if kind == "date" else kind)
    for kind in ("asset", *PRICES, *BARS, "volume"):
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


def _asset_column(sheet: Sheet, kinds: Sequence[str | None]) -> int | None:
    return next((k for k, kind in enumerate(kinds) if kind == "asset"), None)


def _index(sheet: Sheet, date: int) -> pd.DatetimeIndex:
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


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[::-1] if len(frame) > 1 and frame.index[0] > frame.index[-1] else frame


def _numeric(
    sheet: Sheet, places: Sequence[int], names: Sequence[str], what: str = "price"
) -> list[pd.Series]:
    columns = [sheet.columns[k] for k in places]
    return numbers_of(columns, names, sheet.path, sheet.lines, sheet.delimiter, sheet.notes, what)


def _wide(sheet: Sheet, date: int, places: Sequence[int], what: str = "price") -> Prices:
    if not places:
        raise DataError(f"{sheet.path} has dates but no column of prices: one column an asset is wanted")
    names = [sheet.labels[k][0] for k in places]
    index = _index(sheet, date)
    columns = _numeric(sheet, places, names, what)
    frame = pd.DataFrame(dict(zip(names, columns, strict=True)), columns=names).set_axis(index, axis=0)
    return Prices(_ordered(frame), shape="wide", notes=_said(sheet, None))


def _one_series(sheet: Sheet, date: int, place: int) -> Prices:
    found = _wide(sheet, date, [place])
    name = stem_of(sheet.path)
    said = f"read as: one asset, {name}; {_which(sheet.labels[place][0])}"
    return Prices(found.close.set_axis([name], axis=1), shape="one asset", notes=(said, *found.notes))


def _refuse_fields(sheet: Sheet, kinds: Sequence[str | None], places: Sequence[int]) -> None:
    """Fields of one asset beside names of assets: neither can be meant alone."""
    names = [sheet.labels[k][0] for k in places]
    fields = [
        sheet.labels[k][0] for k in places
        if kinds[k] in (*PRICES, *BARS, "volume") and sheet.labels[k][0] not in TICKERS_TOO
    ]  # fmt: skip
    if fields:
        others = [name for name in names if name not in fields]
        raise DataError(
            f"{sheet.path}: column {fields[0]} is a field of prices, not an asset"
            f"{f', and stands beside {_listed(others)}' if others else ''}: drop or rename it; {_REMEDY}"
        )


def _one_asset(sheet: Sheet, date: int, kinds: Sequence[str | None]) -> Prices:
    """Open, high, low, close and volume of one asset, which the file is named after."""
    name = stem_of(sheet.path)
    places = {(kind, name): k for k, kind in enumerate(kinds) if kind in (*PRICES, *BARS, "volume")}
    frames = _in_time(_field_frames(sheet, _index(sheet, date), places))
    chosen = _choose(frames, sheet.notes)
    said = f"read as: fields of one asset, {name}; {_which(sheet.labels[places[chosen, name]][0])}"
    return _assembled(frames, chosen, "one asset", _said(sheet, said))


def _fields_by_ticker(sheet: Sheet) -> Prices:
    upper, lower = ([label[level] for label in sheet.labels[1:]] for level in (0, 1))
    known = [sum(_kind(name) is not None for name in level) for level in (upper, lower)]
    if not max(known) or (known[0] == known[1]):
        raise DataError(
            f"{sheet.path}: the columns have two names each, {' and '.join(filter(None, sheet.labels[1]))} first, and "
            f"it is not plain which is the field and which the asset: {_REMEDY}"
        )
    what, whose = (upper, lower) if known[0] > known[1] else (lower, upper)
    places: dict[tuple[str, str], int] = {}
    left: list[str] = []
    taken: dict[str, str] = {}
    for k, (name, asset) in enumerate(zip(what, whose, strict=True), start=1):
        kind = _kind(name)
        if not asset:
            raise DataError(f"{sheet.path}: column {k + 1}, {name}, is of no asset: give it a name")
        if kind in (*PRICES, *BARS, "volume"):
            better = (kind, asset) in places and rank_of(what[places[kind, asset] - 1]) < rank_of(name)
            if not better:
                places[kind, asset] = k
                taken[kind] = name
        else:
            left.append(name)
    if left:
        sheet.notes.append(f"field(s) left out: {_listed(dict.fromkeys(left))}")
    if not any(kind in PRICES for kind, _ in places):
        raise DataError(f"{sheet.path} has {_listed(dict.fromkeys(what))} by ticker but no close: add it")
    frames = _in_time(_field_frames(sheet, _index(sheet, 0), places))
    count = len({asset for _, asset in places})
    chosen = _choose(frames, sheet.notes)
    said = f"read as: fields by ticker; {_which(taken[chosen])}; {count} asset(s)"
    return _assembled(frames, chosen, "fields by ticker", _said(sheet, said))


def _kind(name: str) -> str | None:
    return kind_of(name) or kind_of(in_camel(name))


def _field_frames(
    sheet: Sheet, index: pd.DatetimeIndex, places: dict[tuple[str, str], int]
) -> dict[str, pd.DataFrame]:
    """Kind of field to dates x assets."""
    prices = {key: k for key, k in places.items() if key[0] in (*PRICES, *BARS)}
    names = [sheet.names[k] for k in prices.values()]
    numbers = dict(zip(prices, _numeric(sheet, list(prices.values()), names), strict=True))
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


def _choose(frames: dict[str, pd.DataFrame], notes: list[str]) -> str:
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
            f"closes as they are, not adjusted ones: {_listed(lacking)} has none; dividends, and perhaps splits, are "
            "not in"
        )
        return "close"
    return "adjusted"


def _in_time(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {kind: _ordered(frame) for kind, frame in frames.items()}


def _assembled(frames: dict[str, pd.DataFrame], chosen: str, shape: str, notes: tuple[str, ...]) -> Prices:
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
        outside = (close < bars["low"] * (1 - 1e-4)) | (close > bars["high"] * (1 + 1e-4))
        count = int(outside.to_numpy().sum())
        priced = int((close.notna() & bars["low"].notna() & bars["high"].notna()).to_numpy().sum())
        if count:
            row, column = np.argwhere(outside.to_numpy())[0]
            first = f"{close.columns[column]} on {close.index[row]:%Y-%m-%d}"
            if count > max(priced / 4, 1):
                raise DataError(
                    f"{count} of {priced} closes lie outside the low and high of their day, first {first}: the columns "
                    "are not what they are called; check the order of the header"
                )
            extra.append(f"{count} close(s) outside the low and high of the day, first {first}")
    volume = frames.get("volume")
    return Prices(
        close, bars["open"], bars["high"], bars["low"],
        None if volume is None else volume.reindex(columns=close.columns), raw, shape,
        chosen == "adjusted", tuple(extra),
    )  # fmt: skip


def _long(sheet: Sheet, date: int, asset: int, kinds: list[str | None]) -> Prices:
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
        notes.append(f"column(s) left out: {_listed(unknown)}")
    places = {kind: k for k, kind in enumerate(kinds) if kind in (*PRICES, *BARS, "volume")}
    stacked = _field_frames(
        sheet, pd.DatetimeIndex(when.to_numpy()), {(kind, kind): k for kind, k in places.items()}
    )
    frames = {}
    order = sorted(set(who))
    for kind, frame in stacked.items():
        frames[kind] = _spread(frame.iloc[:, 0].to_numpy(), index, order)
    chosen = _choose(frames, notes)
    said = f"read as: rows of date and asset; {_which(names[places[chosen]])}; {len(order)} asset(s)"
    return _assembled(frames, chosen, "long", _said(sheet, said))


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
        kind = _kind(name)
        if kind not in (*PRICES, *BARS, "volume"):
            sheet.notes.append(f"field left out: {name}")
            continue
        rows = np.flatnonzero((fields == name).to_numpy())
        part = Sheet(path, [(name,)], [sheet.columns[values[0]].iloc[rows].reset_index(drop=True)],
                     [sheet.lines[int(k)] for k in rows], sheet.delimiter, sheet.notes)  # fmt: skip
        (numbers,) = _numeric(part, [0], [name])
        frames[kind] = _spread(numbers.to_numpy(), index[rows], order)
        named[kind] = name
    if not set(frames) & set(PRICES):
        raise DataError(f"{path} has the fields {_listed(dict.fromkeys(fields))} but no close: add it")
    dates = frames[min(frames)].index
    for frame in frames.values():
        dates = dates.union(frame.index)
    frames = {kind: frame.reindex(dates) for kind, frame in frames.items()}
    chosen = _choose(frames, sheet.notes)
    said = f"read as: rows of date, asset and field; {_which(named[chosen])}; {len(order)} asset(s)"
    return _assembled(frames, chosen, "long", _said(sheet, said))


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
            f"{sheet.path}: prices are in several currencies or units ({_listed(found)}): convert them to one first"
        )


def _recognised_across(sheet: Sheet) -> Prices:
    """One row an asset, dates across: turned round."""
    names = [str(cell).strip() for cell in sheet.columns[0]]
    if len(set(names)) < len(names) or "" in names:
        raise DataError(
            f"{sheet.path} has one row an asset, and a name is missing or repeated: give each row its own"
        )
    headers = pd.Series([label[0] for label in sheet.labels[1:]])
    lines = [1] * len(headers)
    places = range(1, len(sheet.labels))
    numbers = _numeric(sheet, places, list(headers))
    turned = pd.DataFrame(np.column_stack([column.to_numpy() for column in numbers]).T, columns=names)
    cells = Sheet(sheet.path, [("date",)], [headers], lines, sheet.delimiter, sheet.notes)
    frame = _ordered(turned.set_axis(_index(cells, 0), axis=0))
    return Prices(
        frame,
        shape="wide",
        notes=_said(sheet, f"read as: one row an asset, turned round; {len(names)} asset(s)"),
    )


def _folder(path: Path) -> Prices:
    """One file an asset."""
    files = sorted(file for file in path.iterdir() if file.is_file() and kind_of_file(file))
    ignored = [
        file.name for file in sorted(path.iterdir())
        if file not in files and not file.name.startswith((".", "_"))
    ]  # fmt: skip
    if not files:
        raise DataError(
            f"no file of prices in the folder {path}: it should hold one .csv or .parquet file an asset"
        )
    found: dict[str, Prices] = {}
    for file in files:
        prices = read_prices(file)
        if prices.close.shape[1] != 1:
            raise DataError(
                f"{file} holds {prices.close.shape[1]} assets: a folder of prices has one file an asset; name the file "
                "itself to read it alone"
            )
        name = stem_of(file) if prices.shape == "wide" else str(prices.close.columns[0])
        if name in found:
            raise DataError(f"{file}: {name} is the asset of another file in {path} too: keep one")
        found[name] = prices
    _same_time_of_day(found, path)
    adjusted = [name for name, prices in found.items() if prices.adjusted]
    notes = [
        f"read as: a folder of one file an asset; {'adjusted close' if adjusted else 'close'}; {len(found)} asset(s)"
    ]
    if adjusted and len(adjusted) < len(found):
        for name in adjusted:
            raw = found[name].unadjusted
            if raw is None:
                plain = next(other for other in found if other not in adjusted)
                raise DataError(
                    f"{path}: {name} has adjusted closes alone, and {plain} has none: bring one kind for all"
                )
            found[name] = replace(found[name], close=raw, open=None, high=None, low=None, unadjusted=None)
        notes = [
            f"read as: a folder of one file an asset; close, as not all have adjusted ones; {len(found)} asset(s)"
        ]
    if ignored:
        notes.append(f"not read: {_listed(ignored)}")
    said: dict[str, list[str]] = {}
    for name, prices in found.items():
        for note in prices.notes:
            if not note.startswith("read as"):
                said.setdefault(note, []).append(name)
    notes += [
        f"{note} ({_listed(names) if len(names) < len(found) else 'all files'})"
        for note, names in said.items()
    ]
    bars = {
        kind: _joined({name: getattr(prices, kind) for name, prices in found.items()})
        for kind in (*BARS, "volume")
    }
    close = _joined({name: prices.close for name, prices in found.items()})
    assert close is not None
    unadjusted = _joined({name: prices.unadjusted for name, prices in found.items()})
    return Prices(
        close,
        bars["open"],
        bars["high"],
        bars["low"],
        bars["volume"],
        unadjusted,
        "folder",
        len(adjusted) == len(found),
        tuple(notes),
    )


def _same_time_of_day(found: dict[str, Prices], path: Path) -> None:
    """Refuse files whose closes never meet because their times of day differ."""
    times: dict[str, str] = {}
    for name, prices in found.items():
        index = pd.DatetimeIndex(prices.close.index)
        clock = index - index.normalize()
        if (clock == clock[0]).all():
            times.setdefault(str(clock[0]).split()[-1], name)
    if len(times) > 1:
        (one, first), (two, second) = list(times.items())[:2]
        raise DataError(
            f"{path}: closes of {first} are at {one}, of {second} at {two}: write days alone, or one time for all"
        )


def _joined(frames: dict[str, pd.DataFrame | None]) -> pd.DataFrame | None:
    """One column an asset over the dates of all; None if not all have it."""
    columns = {name: frame.iloc[:, 0] for name, frame in frames.items() if frame is not None}
    return pd.DataFrame(columns).sort_index().rename_axis("date") if len(columns) == len(frames) else None


def _which(name: str) -> str:
    """How the chosen column is called in a note."""
    kind = _kind(name)
    if kind == "adjusted":
        return "adjusted close"
    return f"close (column {name})" if plain_name(name) != "close" else "close"


def _said(sheet: Sheet, recognised: str | None) -> tuple[str, ...]:
    notes = list(dict.fromkeys(sheet.notes))
    return tuple(notes if recognised is None else [recognised, *notes])


def _listed(names: Sequence[str] | dict[str, None], most: int = 5) -> str:
    names = list(names)
    more = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")


def is_wide(path: Path | Address) -> bool:
    """Whether a table has one column an asset and nothing that a vendor calls a field of prices."""
    sheet = _split_names(_tidied(_sheet(path)))
    if len(sheet.labels[0]) > 1:
        return False
    kinds = _kinds(sheet, _date_column(sheet))
    return not any(kind in (*PRICES, *BARS, "volume", "asset", "field") for kind in kinds) or len(kinds) == 2
