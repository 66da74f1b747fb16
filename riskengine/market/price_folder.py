"""Prices of a folder of one file an asset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.fields import BARS
from riskengine.market.prices import Prices
from riskengine.market.raw_rows import kind_of_file
from riskengine.market.sheet_files import stem_of


def folder_prices(path: Path, read: Callable[[Path], Prices]) -> Prices:
    """Prices of all files of a folder, an asset each; what is none of prices is named in the notes.

    Raises
    ------
    DataError
        If there is no file of prices, a file has several assets, or two have the same one; if times of the day
        differ, or some have adjusted closes alone and others none.
    """
    files = sorted(file for file in path.iterdir() if file.is_file() and kind_of_file(file))
    if not files:
        raise DataError(
            f"no file of prices in the folder {path}: it should hold one .csv or .parquet file an asset"
        )
    found = _an_asset_each(files, path, read)
    _same_time_of_day(found, path)
    adjusted = [name for name, prices in found.items() if prices.adjusted]
    kind = "adjusted close" if adjusted else "close"
    if adjusted and len(adjusted) < len(found):
        found, kind = _none_adjusted(found, path), "close, as not all have adjusted ones"
    notes = [f"read as: a folder of one file an asset; {kind}; {len(found)} asset(s)"]
    ignored = [
        file.name for file in sorted(path.iterdir())
        if file not in files and not file.name.startswith((".", "_"))
    ]  # fmt: skip
    if ignored:
        notes.append(f"not read: {listed(ignored)}")
    bars = {
        kind: _joined({name: getattr(prices, kind) for name, prices in found.items()})
        for kind in (*BARS, "volume", "unadjusted")
    }
    close = _joined({name: prices.close for name, prices in found.items()})
    assert close is not None
    return Prices(
        close,
        **bars,
        shape="folder",
        adjusted=len(adjusted) == len(found),
        notes=(*notes, *_notes_of_files(found)),
    )


def _an_asset_each(files: Sequence[Path], path: Path, read: Callable[[Path], Prices]) -> dict[str, Prices]:
    """Prices by asset."""
    found: dict[str, Prices] = {}
    for file in files:
        prices = read(file)
        if prices.close.shape[1] != 1:
            raise DataError(
                f"{file} holds {prices.close.shape[1]} assets: a folder of prices has one file an asset; name the file "
                "itself to read it alone"
            )
        name = stem_of(file) if prices.shape == "wide" else str(prices.close.columns[0])
        if name in found:
            raise DataError(f"{file}: {name} is the asset of another file in {path} too: keep one")
        found[name] = prices
    return found


def _none_adjusted(found: dict[str, Prices], path: Path) -> dict[str, Prices]:
    """Closes as they were traded, for all; ranges of assets with adjusted ones are on another scale, and left out."""
    plain = next(name for name, prices in found.items() if not prices.adjusted)
    alike = dict(found)
    for name, prices in found.items():
        if prices.adjusted:
            if prices.unadjusted is None:
                raise DataError(
                    f"{path}: {name} has adjusted closes alone, and {plain} has none: bring one kind for all"
                )
            alike[name] = replace(
                prices, close=prices.unadjusted, open=None, high=None, low=None, unadjusted=None
            )
    return alike


def _notes_of_files(found: dict[str, Prices]) -> list[str]:
    """Each note once, with the assets that it is of."""
    assets: dict[str, list[str]] = {}
    for name, prices in found.items():
        for note in prices.notes:
            if not note.startswith("read as"):
                assets.setdefault(note, []).append(name)
    return [
        f"{note} ({listed(names) if len(names) < len(found) else 'all files'})"
        for note, names in assets.items()
    ]


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
