"""Columns of dates as files have them: one notation a column, and none that can be read in two ways."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.dates import parse_date

_TIME = r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?"
_OFFSET = re.compile(r"\s?(Z|UTC|[+-]\d{2}:?\d{2})$")
_MONTHS = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_NOTATIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("iso", re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}{_TIME}")),
    ("year first", re.compile(rf"\d{{4}}[/.]\d{{1,2}}[/.]\d{{1,2}}{_TIME}")),
    ("compact", re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")),
    (
        "month name",
        re.compile(rf"{_MONTHS}\.?[ -]\d{{1,2}},?[ -]\d{{4}}|\d{{1,2}}[ -]{_MONTHS}\.?,?[ -]\d{{4}}", re.I),
    ),
    ("unix time", re.compile(r"\d{10}(?:\.0+)?|\d{13}(?:\.0+)?|\d{16}|\d{19}")),
    ("Excel serial", re.compile(r"[23456]\d{4}(?:\.\d+)?")),
)
_UNITS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
_NOTES = {
    "year first": "dates written with other marks than hyphens",
    "month name": "dates with names of months",
    "unix time": "dates as seconds (or parts of them) since 1970, taken as UTC",
    "Excel serial": "dates as days since 1900, as Excel counts them",
}
_NUMERIC = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*")


def notation(cell: str) -> str | None:
    """How a date is written; None if it is none, or can be read in two ways.

    Examples
    --------
    >>> [notation(cell) for cell in ("2024-01-31", "20240131", "Jan 31, 2024", "45292", "31/01/2024")]
    ['iso', 'compact', 'month name', 'Excel serial', None]
    """
    bare = _OFFSET.sub("", cell) if ":" in cell else cell
    return next((name for name, pattern in _NOTATIONS if pattern.fullmatch(bare)), None)


def looks_like_date(cell: str) -> bool:
    """Whether a cell is meant as a date, also one that will be refused."""
    found = notation(cell)
    return found not in (None, "Excel serial", "unix time") or bool(_NUMERIC.fullmatch(cell))


def dates_of(
    cells: pd.Series, path: Path, lines: Sequence[int], notes: list[str], column: str = ""
) -> pd.Series:
    """A column of dates, without time zones.

    ISO 8601, also without hyphens; year first with other marks; names of months in English; seconds since 1970;
    days as Excel counts them. All cells of a column are written alike.

    Parameters
    ----------
    cells : text, numbers or dates
    lines : line of each row
    notes : gets a line for whatever is not plain ISO
    column : its name, for messages; the first column if empty

    Raises
    ------
    DataError
        If a cell is no date, may be read day first or month first, or carries another time zone than the others.
    """
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        notes.append(f"dates carried the time zone {cells.dt.tz}, dropped: they are local there")
        return cells.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(cells):
        if cells.isna().any():
            row = int(cells.isna().to_numpy().argmax())
            raise DataError(f"{path}: row {lines[row]} has no date: give it one or drop it")
        return cells
    where, named = (f"column {column}", f", column {column}") if column else ("the first column", "")
    numeric = pd.api.types.is_numeric_dtype(cells)
    codes, unique = pd.factorize(cells, use_na_sentinel=False)
    texts = [_text(cell) for cell in unique]
    kinds = [notation(text) for text in texts]
    if numeric and any(kind is None for kind in kinds):
        raise DataError(f"{path}: {where} holds numbers, not dates: put ISO dates there")
    usual = next((kind for kind in kinds if kind), None)
    for k, (text, kind) in enumerate(zip(texts, kinds, strict=True)):
        if kind is None or kind != usual:
            raise DataError(
                _refusal(text, kind, usual, texts, f"{path}: row {lines[int(np.argmax(codes == k))]}{named}")
            )
    stamps = _stamps(texts, usual or "iso", path, lines, codes, notes)
    if usual in _NOTES:
        notes.append(_NOTES[usual])
    return pd.Series(stamps.to_numpy()[codes], cells.index)


def _text(cell: object) -> str:
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    return "" if cell is None or cell != cell else str(cell).strip()


def _refusal(text: str, kind: str | None, usual: str | None, texts: list[str], place: str) -> str:
    place = f"{place}: {text!r} is not a date like 2024-01-31"
    if kind is not None:
        return f"{place} as the rows above it are written ({usual}; this one {kind}): write all alike"
    if _NUMERIC.fullmatch(text):
        return f"{place}: {_order(texts)}"
    try:
        parse_date(text)
    except DataError as error:
        remedy = str(error).removeprefix(f"date {text!r} ")
        plain = not text or remedy.startswith("is not a date")
        return f"{place}{'' if text else ': the cell is empty'}" if plain else f"{place}: it {remedy}"
    return place


def _order(texts: list[str]) -> str:
    """Which order numeric dates seem to have, from those that only one order allows."""
    pairs = [re.findall(r"\d+", text)[:2] for text in texts if _NUMERIC.fullmatch(text)]
    first, second = (max((int(pair[k]) for pair in pairs), default=0) for k in (0, 1))
    if first > 12 >= second:
        seems, code = "the file seems to have the day first", "%d/%m/%Y"
    elif second > 12 >= first:
        seems, code = "the file seems to have the month first", "%m/%d/%Y"
    else:
        seems, code = "day first and month first are both possible", "%d/%m/%Y"
    return (
        f"{seems}: format the column as yyyy-mm-dd in the spreadsheet, or with "
        f"pandas.to_datetime(column, format={code!r}), as you know it to be meant"
    )


def _stamps(
    texts: list[str], kind: str, path: Path, lines: Sequence[int], codes: np.ndarray, notes: list[str]
) -> pd.Series:
    def bad(k: int, why: str) -> DataError:
        line = lines[int(np.argmax(codes == k))]
        return DataError(f"{path}: row {line}: {texts[k]!r} is not a date like 2024-01-31: {why}")

    if kind == "unix time":
        unit = _UNITS[len(texts[0].split(".")[0])]
        counts = np.array([int(float(text)) if "." in text else int(text) for text in texts], np.int64)
        stamps = pd.Series(counts.astype(f"datetime64[{unit}]"))
        for k, text in enumerate(texts):
            if len(text.split(".")[0]) not in _UNITS or _UNITS[len(text.split(".")[0])] != unit:
                raise bad(k, "the rows above it count in other units")
        return stamps
    if kind == "Excel serial":
        stamps = pd.Timestamp("1899-12-30") + pd.to_timedelta(
            pd.Series([float(text) for text in texts]), unit="D"
        )
        stamps = stamps.dt.round("s")
        days = set(stamps.dt.day_of_week)
        # A workbook that counts from 1904 is a day of the week off, and four years.
        if 5 in days and 0 not in days:
            raise bad(0, "these days counted from 1900 fall on Saturdays and never on Mondays, so they seem to be "
                         "counted from 1904: format the column as yyyy-mm-dd in the spreadsheet")  # fmt: skip
        return stamps
    if kind == "month name":
        tidy = pd.Series([re.sub(r"[ ,.-]+", " ", text.lower()) for text in texts])
        short = tidy.str.replace(rf"{_MONTHS}", lambda m: m.group(1), regex=True)
        first = short.str[0].str.isdigit()
        found = pd.to_datetime(short, format="%d %b %Y", errors="coerce").where(
            first, pd.to_datetime(short, format="%b %d %Y", errors="coerce")
        )
        if found.isna().any():
            raise bad(int(found.isna().to_numpy().argmax()), "there is no such day")
        return found
    bare = [
        re.sub(r"[/.](?=\d{1,2}(?:\D|$))", "-", text[:10]) + text[10:] if kind == "year first" else text
        for text in texts
    ]
    offsets = [(_OFFSET.search(text) if ":" in text else None) for text in bare]
    zones = sorted({match.group(1) if match else "" for match in offsets})
    walls = [text[: match.start()] if match else text for text, match in zip(bare, offsets, strict=True)]
    if kind == "year first":
        walls = [_padded(wall) for wall in walls]
    elif kind == "compact":
        walls = [f"{wall[:4]}-{wall[4:6]}-{wall[6:8]}" for wall in walls]
    series = pd.Series(walls)
    found = pd.to_datetime(series, format="ISO8601", errors="coerce")
    if found.isna().any():
        raise bad(int(found.isna().to_numpy().argmax()), "there is no such day")
    if zones != [""]:
        _check_zones(zones, found, path, notes)
    return found


def _padded(wall: str) -> str:
    day, _, rest = wall.partition(" ")
    year, month, date = day.split("-")
    return f"{year}-{int(month):02d}-{int(date):02d}{' ' + rest if rest else ''}"


def _check_zones(zones: list[str], walls: pd.Series, path: Path, notes: list[str]) -> None:
    """One zone for all, or summer and winter time of one market whose days begin at one time of day."""
    if len(zones) == 1:
        notes.append(f"dates carried the time zone {zones[0]}, dropped: they are local there")
        return
    minutes = [_minutes(zone) for zone in zones if zone]
    clock = walls - walls.dt.normalize()
    same_time = bool((clock == clock.iloc[0]).all())
    if len(zones) == 2 and len(minutes) == 2 and abs(minutes[0] - minutes[1]) == 60 and same_time:
        notes.append(
            f"dates carried summer and winter time ({zones[0]}, {zones[1]}), dropped: they are local there"
        )
        return
    raise DataError(f"{path}: dates carry different time zones ({', '.join(zones[:3])}): write plain dates")


def _minutes(zone: str) -> int:
    if zone in ("Z", "UTC"):
        return 0
    digits = zone[1:].replace(":", "")
    return (-1 if zone[0] == "-" else 1) * (60 * int(digits[:2]) + int(digits[2:]))
