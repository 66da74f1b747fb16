"""Dates of a term sheet: business days, schedules, payment dates, and the years that a model counts."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.market import parse_date

FREQUENCIES = {
    "daily": None, "weekly": None, "monthly": 1, "quarterly": 3, "semiannual": 6, "annual": 12,
}  # fmt: skip
"""Names of regular schedules, and the months between their dates."""
DAY_COUNTS = {"act/365": 365.0, "act/360": 360.0, "act/365.25": 365.25, "bus/252": 252.0}
CONVENTIONS = ("following", "modified following", "preceding")
"""Where a date that is no business day goes."""


def calendar_of(names: tuple[str, ...], years: range) -> np.busdaycalendar:
    """Weekdays without the holidays of exchanges, by the names of the package ``holidays``: NYSE, XETR, ECB, ...

    Raises
    ------
    SettingsError
        If the package is not there, or knows no such calendar.
    """
    if not names:
        return np.busdaycalendar()
    try:
        import holidays
    except ImportError as error:
        raise SettingsError(
            'holiday calendars need a package: pip install "riskengine[calendars]"'
        ) from error
    days: set[datetime.date] = set()
    for name in names:
        try:
            days |= set(holidays.financial_holidays(name.upper(), years=years))
        except NotImplementedError as error:
            raise SettingsError(
                f"no calendar {name!r}: there are NYSE, XLON, XETR, XJPX, ECB and others"
            ) from error
    return np.busdaycalendar(holidays=sorted(np.datetime64(day) for day in days))


@dataclass(frozen=True, eq=False)
class TermClock:
    """Turns dates into years from the valuation date.

    Attributes
    ----------
    today : valuation date; None where a file counts in years alone
    calendar : business days
    day_count : see :data:`DAY_COUNTS`
    convention : see :data:`CONVENTIONS`
    payment_lag : business days from a date that decides a payment to the payment
    dates : by years, the date that they came from; filled on the way
    """

    today: datetime.date | None = None
    calendar: np.busdaycalendar = field(default_factory=np.busdaycalendar)
    day_count: str = "act/365"
    convention: str = "following"
    payment_lag: int = 0
    dates: dict[float, datetime.date] = field(default_factory=dict)

    def business_day(self, day: datetime.date) -> datetime.date:
        """The day itself, or the business day that the convention says."""
        roll = {"following": "following", "modified following": "modifiedfollowing", "preceding": "preceding"}
        moved = np.busday_offset(day, 0, roll=roll[self.convention], busdaycal=self.calendar)  # type: ignore[call-overload]
        return moved.astype(object)

    def years(self, day: datetime.date) -> float:
        """From today to a day."""
        today = self._today(day.isoformat())
        if self.day_count == "bus/252":
            count = float(np.busday_count(today, day, busdaycal=self.calendar))
        else:
            count = float((day - today).days)
        found = count / DAY_COUNTS[self.day_count]
        self.dates[found] = day
        return found

    def _today(self, what: str) -> datetime.date:
        if self.today is None:
            raise DataError(
                f'{what!r} is a date: give the date of valuation, [valuation] date = "2024-03-15"'
            )
        return self.today

    def time(self, value: Any, what: str) -> float:
        """Years of a number of years, or of a date."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        return self.years(self.business_day(parse_date(str(value), what).date()))

    def times(self, value: Any, maturity: float, what: str) -> Any:
        """Times of a count, which stays one, of times and dates, or of a name of a schedule up to maturity."""
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str):
            if value not in FREQUENCIES:
                raise DataError(
                    f"{value!r} is not a schedule: there are {', '.join(FREQUENCIES)}, dates, or a count"
                )
            return self.schedule(value, maturity)
        found = [self.time(one, what) for one in value]
        past = [one for one, t in zip(value, found, strict=True) if t <= 0]
        if past:
            raise DataError(f"{past[0]} lies before the valuation: give what was fixed then as past values")
        return tuple(found)

    def schedule(self, frequency: str, maturity: float) -> tuple[float, ...]:
        """Business days up to maturity, counted back from it by months, or forward by days and weeks."""
        end = self.dates.get(maturity)
        if end is None:
            steps = {"daily": 252, "weekly": 52, "monthly": 12, "quarterly": 4, "semiannual": 2, "annual": 1}
            count = max(1, round(maturity * steps[frequency]))
            return tuple(maturity * (k + 1) / count for k in range(count))
        today, months = self._today(frequency), FREQUENCIES[frequency]
        if frequency == "daily":
            days = np.arange(np.datetime64(today) + 1, np.datetime64(end) + 1)
            chosen = [day.astype(object) for day in days[np.is_busday(days, busdaycal=self.calendar)]]
        elif months is None:
            chosen = [end - datetime.timedelta(days=7 * k) for k in range((end - today).days // 7 + 1)][::-1]
        else:
            chosen = [_months_before(end, months * k) for k in range(12 * 60 // months)]
            chosen = [day for day in chosen if day > today][::-1]
        moved = sorted({self.business_day(day) for day in chosen if day > today} | {end})
        return tuple(self.years(day) for day in moved if today < day <= end)

    def payments(self, times: Any) -> tuple[tuple[float, float], ...]:
        """Times that decide payments and when these are made, for dates that are known."""
        if not self.payment_lag:
            return ()
        found = []
        for t in map(float, times):
            day = self.dates.get(t)
            if day is None:
                found.append((t, t + self.payment_lag / 252))
                continue
            paid = np.busday_offset(day, self.payment_lag, roll="following", busdaycal=self.calendar)
            found.append((t, self.years(paid.astype(object))))
        return tuple(found)


def _months_before(day: datetime.date, months: int) -> datetime.date:
    """The same day of an earlier month, or its last."""
    index = day.year * 12 + day.month - 1 - months
    year, month = divmod(index, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return datetime.date(year, month + 1, min(last, day.day))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
