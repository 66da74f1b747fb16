"""Dates given as text: one strict reading of them, and the closes around a date without one."""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd

from riskengine.errors import DataError

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMERIC = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})")
_YEAR_FIRST = re.compile(r"(\d{4})[./-]?(\d{1,2})[./-]?(\d{1,2})")
_MONTH = re.compile(r"\d{4}-?\d{2}")
_ZONE = re.compile(r".*\d{2}:\d{2}.*?(?:Z|[+-]\d{2}:?\d{2})")
_LIKE = "write it like 2024-01-31"


def parse_date(text: Any, what: str = "date") -> pd.Timestamp:
    """A date or time in ISO 8601, ``YYYY-MM-DD`` with an optional ``HH:MM[:SS]``, and nothing else.

    Nothing is guessed: 05/01/2022 is the fifth of January in one country and the first of May in another.

    Parameters
    ----------
    text : the date as text; dates and times of Python, NumPy and pandas are taken as they are
    what : name for it in the message, an option say

    Raises
    ------
    DataError
        If it is anything else, no day of the calendar, or carries a time zone. The message says how to write it.

    Examples
    --------
    >>> parse_date("2024-01-31"), parse_date("2024-01-31 16:00")
    (Timestamp('2024-01-31 00:00:00'), Timestamp('2024-01-31 16:00:00'))
    >>> parse_date("05/01/2022", "--asof")
    Traceback (most recent call last):
    ...
    riskengine.errors.DataError: --asof '05/01/2022' can be read day first or month first: write 2022-01-05 or
    2022-05-01, whichever is meant; dates are like 2024-01-31
    """
    if isinstance(text, datetime.date | np.datetime64):  # datetime and Timestamp among them
        when = pd.Timestamp(text)
        if pd.isna(when) or when.tz is not None:
            raise DataError(_message(str(text), what))
        return when
    plain = text.strip() if isinstance(text, str) else None
    if plain is not None and _ISO.fullmatch(plain):
        try:
            return pd.Timestamp(datetime.datetime.fromisoformat(plain))
        except ValueError as error:
            raise DataError(f"{what} {plain!r} is no day of the calendar: {error}; {_LIKE}") from error
    raise DataError(_message(str(text), what))


def _message(text: str, what: str) -> str:
    shown = f"{what} {text.strip()!r}"
    numeric, year_first = _NUMERIC.fullmatch(text.strip()), _YEAR_FIRST.fullmatch(text.strip())
    if numeric:
        readings = _readings(*numeric.groups())
        if len(readings) == 2:
            return (
                f"{shown} can be read day first or month first: write {readings[0]} or {readings[1]}, whichever is "
                "meant; dates are like 2024-01-31"
            )
        meant = f", {readings[0]} here" if readings else ""
        return f"{shown} is not in ISO order: write year, month and day{meant}, like 2024-01-31"
    if year_first and not _MONTH.fullmatch(text.strip()):
        year, month, day = (int(part) for part in year_first.groups())
        if _is_day(year, month, day):
            return f"{shown} is not written as ISO dates are: {_like(year, month, day)}, like 2024-01-31"
    if _ZONE.fullmatch(text.strip()):
        return (
            f"{shown} carries a time zone: write the date of the close, like 2024-01-31 without a time zone"
        )
    if _MONTH.fullmatch(text.strip()):
        return f"{shown} names a month, not a day: write the day of its last close, like 2024-01-31"
    return f"{shown} is not a date: {_LIKE} without a time zone"


def _readings(first: str, second: str, year: str) -> list[str]:
    """The days that two numbers and a year may mean, day first and month first."""
    y, a, b = int(year) + (2000 if len(year) == 2 else 0), int(first), int(second)
    found = [_iso(y, month, day) for month, day in ((b, a), (a, b)) if _is_day(y, month, day)]
    return list(dict.fromkeys(found))


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def _iso(year: int, month: int, day: int) -> str:
    return f"{year:04d}-{month:02d}-{day:02d}"


def _like(year: int, month: int, day: int) -> str:
    return f"write {_iso(year, month, day)}"


def last_moment(text: Any, what: str = "date") -> pd.Timestamp:
    """The end of what a date names: of the whole day where there is no time of day, else that time itself.

    Raises
    ------
    DataError
        As :func:`parse_date`.

    Examples
    --------
    >>> last_moment("2024-01-31")
    Timestamp('2024-01-31 23:59:59.999999999')
    >>> last_moment("2024-01-31 16:00")
    Timestamp('2024-01-31 16:00:00')
    """
    when = parse_date(text, what)
    dated = isinstance(text, datetime.date) and not isinstance(text, datetime.datetime)
    whole_day = dated or (isinstance(text, str) and _DAY.fullmatch(text.strip()))
    return when.as_unit("ns") + pd.Timedelta(1, "D") - pd.Timedelta(1, "ns") if whole_day else when


def closes_before(dates: pd.DatetimeIndex, when: pd.Timestamp, included: bool = False) -> int:
    """Closes before a moment, or up to and including it."""
    return int(dates.as_unit("ns").searchsorted(when.as_unit("ns"), side="right" if included else "left"))


def close_on(dates: pd.DatetimeIndex, text: Any, what: str = "date") -> pd.Timestamp:
    """The close of a date; of a day with several, the last.

    Parameters
    ----------
    dates : sorted closes
    text : date, as :func:`parse_date` reads it
    what : name for it in the message

    Raises
    ------
    DataError
        If there is no close on it. The message names the closes before and after it.

    Examples
    --------
    >>> dates = pd.bdate_range("2024-01-01", periods=10)
    >>> close_on(dates, "2024-01-05")
    Timestamp('2024-01-05 00:00:00')
    >>> close_on(dates, "2024-01-06", "--asof")
    Traceback (most recent call last):
    ...
    riskengine.errors.DataError: --asof 2024-01-06: the prices have no close on that date; the one before is 2024-01-05,
    the one after 2024-01-08
    """
    first, last = parse_date(text, what), last_moment(text, what)
    after = closes_before(dates, last, included=True)
    if after and dates[after - 1] >= first:
        return dates[after - 1]
    if not after:
        around = f"they begin on {_shown(dates[0])}"
    elif after == len(dates):
        around = f"they end before it, on {_shown(dates[-1])}"
    else:
        around = f"the one before is {_shown(dates[after - 1])}, the one after {_shown(dates[after])}"
    raise DataError(f"{what} {_shown(first)}: the prices have no close on that date; {around}")


def _shown(when: pd.Timestamp) -> str:
    return f"{when:%Y-%m-%d}" if when == when.normalize() else f"{when:%Y-%m-%d %H:%M}"
