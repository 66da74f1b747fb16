"""Years to expiry: dates of quotes and expiries, the time of day, morning and afternoon settlement, day counts."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.market import parse_date

Array = np.ndarray
DAY_COUNTS = ("act/365", "act/360", "act/365.25", "bus/252")
"""How days become years: all days, or weekdays over 252."""
OPEN = "09:30"
"""Time of day of a settlement in the morning."""
_TIMES = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(am|pm)?", re.I)


def stamp(text: str, formats: Sequence[str], what: str) -> tuple[datetime.datetime, bool]:
    """A date with its time of day, and whether there was one.

    Parameters
    ----------
    text : ISO, compact, one of the formats, or microseconds, milliseconds or seconds since 1970
    formats : of :meth:`datetime.datetime.strptime`, that the vendor is known for
    what : it is, for messages

    Raises
    ------
    DataError
        If it is none of these, or may be read day first or month first.

    Examples
    --------
    >>> stamp("2022-04-01 16:15", (), "date"), stamp("04/14/22", ("%m/%d/%y",), "expiry")[0].isoformat()
    ((datetime.datetime(2022, 4, 1, 16, 15), True), '2022-04-14T00:00:00')
    """
    bare = " ".join(text.split())
    if re.fullmatch(r"1\d{9}|1\d{12}|1\d{15}", bare):
        seconds = int(bare) / 10.0 ** (len(bare) - 10)
        at = datetime.datetime.fromtimestamp(seconds, datetime.UTC).replace(tzinfo=None)
        return at, at.time() != datetime.time()
    clock = re.search(r"(?:[ T]|\bat )" + _TIMES.pattern, bare, re.I)
    day = (bare[: clock.start()] if clock else bare).strip(" ,")
    time = _time(clock.group(0)) if clock else datetime.time()
    for form in (*formats, "%B %d, %Y", "%b %d, %Y", "%b %d %Y", "%d-%b-%Y", "%d-%b-%y", "%d%b%y", "%Y%m%d"):
        try:
            return datetime.datetime.combine(
                datetime.datetime.strptime(day, form).date(), time
            ), clock is not None
        except ValueError:
            continue
    return datetime.datetime.combine(parse_date(day, what).date(), time), clock is not None


def _time(text: str) -> datetime.time:
    found = _TIMES.search(text)
    assert found is not None
    hour, minute, second, half = int(found[1]), int(found[2]), int(found[3] or 0), (found[4] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return datetime.time(hour, minute, second)
    except ValueError as error:
        raise DataError(f"{text.strip()!r} is no time of day: write 16:15") from error


def year_fractions(
    now: datetime.datetime,
    timed: bool,
    expiry: Sequence[datetime.datetime],
    morning: Array,
    close: str = "16:00",
    day_count: str = "act/365",
) -> Array:
    """Years from the quotes to each expiry.

    Without a time of the quotes they are of the close, so that whole days count, less what a settlement in the morning
    takes off the last one.

    Parameters
    ----------
    now, timed : of the quotes, and whether the time of day is known
    expiry : days, or moments
    morning : (quotes,) whether settled at the open
    close : time of day of the other expiries
    day_count : one of :data:`DAY_COUNTS`

    Examples
    --------
    >>> now, third_friday = datetime.datetime(2022, 4, 1), [datetime.datetime(2022, 4, 14)] * 2
    >>> (year_fractions(now, False, third_friday, np.array([False, True])) * 365).round(3)
    array([13.   , 12.729])
    """
    if day_count not in DAY_COUNTS:
        raise SettingsError(f"a day count is one of {', '.join(DAY_COUNTS)}, not {day_count!r}")
    start = now if timed else datetime.datetime.combine(now.date(), _time(close))
    days = np.empty(len(expiry))
    for k, moment in enumerate(expiry):
        at = moment.time() if moment.time() != datetime.time() else _time(OPEN if morning[k] else close)
        end = datetime.datetime.combine(moment.date(), at)
        days[k] = _days(start, end, day_count == "bus/252")
    return days / float(day_count.partition("/")[2])


def _days(start: datetime.datetime, end: datetime.datetime, weekdays: bool) -> float:
    part = (end - start).total_seconds() / 86400
    if not weekdays:
        return part
    clock = part - (end.date() - start.date()).days
    return float(np.busday_count(start.date(), end.date())) + clock
