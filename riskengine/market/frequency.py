"""How often prices come: unit and periods a year, measured from the dates and compared with what they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskengine.errors import SettingsError
from riskengine.market.holes import OPEN, missing_closes

Array = np.ndarray

_CONVENTIONS = ((7.0, 52.0, "week"), (30.5, 12.0, "month"), (91.3, 4.0, "quarter"), (365.25, 1.0, "year"))
"""Days between closes, and the periods a year and the word that go with them."""

_WORDS = {"day": 252.0, "week": 52.0, "month": 12.0, "quarter": 4.0, "year": 1.0}

_ENOUGH = 30
"""Dates below which nothing is said about how regular they are."""

_DENSITY = (0.8, 1.1)
"""Dates over those that the convention expects: fewer, rows are missing; more, it is another frequency."""

_FEW = 0.01
"""Share of distances between two closes up to which long ones are holes in the table; more, the dates are irregular."""


@dataclass(frozen=True)
class Frequency:
    """Frequency of prices: the unit of a period, and periods a year.

    Attributes
    ----------
    unit : what a period is called: ``"day"``, ``"week"``, ``"month"``, ``"hour"``, ``"5 minutes"``, ``"period"``
    periods_per_year : by which variances of a period are annualised
    doubt : why the dates contradict any one frequency; empty if they do not
    stated : whether it was stated and not measured

    Examples
    --------
    >>> Frequency.measured(pd.bdate_range("2024-01-01", periods=300))
    Frequency(unit='day', periods_per_year=252.0, doubt='', stated=False)
    >>> hours = pd.date_range("2024-01-01", periods=24 * 60, freq="h")
    >>> Frequency.measured(hours).periods_per_year, Frequency.measured(hours[hours.hour.isin(range(9, 16))]).unit
    (8760.0, 'hour')
    """

    unit: str
    periods_per_year: float
    doubt: str = ""
    stated: bool = False

    @classmethod
    def measured(cls, dates: pd.DatetimeIndex) -> Frequency:
        """From sorted closes.

        252 for five-day closes, with holidays or without, and 365 for seven-day ones; 52, 12, 4 or 1 for weeks,
        months, quarters and years; bars a day times days a year within a day; else as many as there are. Dates that
        follow no convention, or two of them one after the other, are doubtful: state the frequency then.
        """
        found = _conventional(dates)
        doubt = _doubt(dates, found)
        if not doubt:
            return found
        return cls(found.unit, _density(dates), doubt)

    @classmethod
    def of(cls, periods_per_year: float, dates: pd.DatetimeIndex) -> Frequency:
        """A stated number of periods a year; the unit is that of the dates if it goes with the number.

        Raises
        ------
        SettingsError
            If it is not a positive number.
        """
        periods = float(periods_per_year)
        if not 0 < periods < np.inf:
            raise SettingsError(f"periods_per_year is a positive number like 252, not {periods_per_year!r}")
        found = _conventional(dates)
        near = abs(found.periods_per_year / periods - 1) < 0.25
        return cls(found.unit if near else "period", periods, stated=True)

    @property
    def plural(self) -> str:
        """The unit for more than one: ``days``, ``5-minute bars``."""
        return (
            f"{self.unit.removesuffix(' minutes')}-minute bars" if "minutes" in self.unit else f"{self.unit}s"
        )

    def __str__(self) -> str:
        return f"a {self.unit}, {self.periods_per_year:g} a year"


STATED = "riskengine: stated periods a year"
"""Key in the ``attrs`` of a DataFrame for the number of its rows a year, where a panel states it."""


def frequency_of(table: Any) -> Frequency | None:
    """Frequency of the rows of a DataFrame with sorted dates; None of anything else, or of fewer than three.

    What the table's panel states goes before what its dates say.

    Examples
    --------
    >>> frequency_of(pd.DataFrame({"A": 1.0}, pd.date_range("2020-01-31", periods=36, freq="ME"))).unit
    'month'
    """
    index = getattr(table, "index", None)
    if not isinstance(index, pd.DatetimeIndex) or len(index) < 3 or not index.is_monotonic_increasing:
        return None
    stated = table.attrs.get(STATED)
    return Frequency.measured(index) if stated is None else Frequency.of(stated, index)


def periods_per_year(dates: pd.DatetimeIndex) -> float:
    """Periods a year of sorted closes; see :meth:`Frequency.measured`.

    Examples
    --------
    >>> periods_per_year(pd.bdate_range("2024-01-01", periods=300))
    252.0
    >>> periods_per_year(pd.date_range("2024-01-01", periods=300))
    365.0
    >>> periods_per_year(pd.date_range("2020-01-03", periods=100, freq="W-FRI"))
    52.0
    """
    return Frequency.measured(dates).periods_per_year


def periods_in(length: int | str, periods_per_year: float) -> int:
    """Periods in a stretch of time: a number of periods as it is, ``"week"``, ``"month"``, ... by the frequency.

    Raises
    ------
    SettingsError
        If it is neither a whole number above zero nor a known word.

    Examples
    --------
    >>> periods_in("month", 252.0), periods_in("month", 52.0), periods_in("month", 365.0), periods_in(10, 52.0)
    (21, 4, 30, 10)
    """
    if isinstance(length, str):
        if length not in _WORDS:
            raise SettingsError(f"a length of time is a number or one of {', '.join(_WORDS)}, not {length!r}")
        a_year = _WORDS[length]
        if length == "day" and periods_per_year >= 300:
            a_year = 365.0 if periods_per_year % 365 == 0 else 252.0
        return max(1, round(periods_per_year / a_year))
    if isinstance(length, bool) or length < 1:
        raise SettingsError(f"a length of time is at least one period, not {length!r}")
    return int(length)


def _days(dates: pd.DatetimeIndex) -> Array:
    return np.diff(dates.to_numpy()).astype("timedelta64[s]").astype(np.float64) / 86400


def _density(dates: pd.DatetimeIndex) -> float:
    """Periods a year that there are, between holes."""
    steps, whole = _days(dates), missing_closes(dates)[1:] == 0
    if np.mean(whole) >= 1 - _FEW:
        steps = steps[whole]
    return float(365.25 * len(steps) / steps.sum())


def _trading_days(dates: pd.DatetimeIndex) -> float:
    """Trading days a year: 252 fifths of the weekdays on which there are closes, 365 if on all seven."""
    counts = np.bincount(dates.day_of_week, minlength=7)
    open_ = int(np.sum(counts > OPEN * counts.max()))
    if len(dates) < 7:  # too few to tell weekdays apart
        open_ = 7 if (dates.day_of_week >= 5).any() else 5
    return 365.0 if open_ == 7 else 252.0 * open_ / 5


def _conventional(dates: pd.DatetimeIndex) -> Frequency:
    steps = _days(dates)
    typical = float(np.median(steps))
    if typical < 0.5:
        days = dates.normalize()
        bars = float(np.median(np.unique(days.asi8, return_counts=True)[1]))
        minutes = round(typical * 1440)
        unit = "hour" if minutes == 60 else "minute" if minutes == 1 else f"{minutes} minutes"
        return Frequency(unit, bars * _trading_days(days.unique()))
    if 0.9 <= typical <= 1.5:
        return Frequency("day", _trading_days(dates))
    for length, periods, unit in _CONVENTIONS:
        if abs(typical / length - 1) < 0.15:
            return Frequency(unit, periods)
    return Frequency("period", _density(dates))


def _doubt(dates: pd.DatetimeIndex, found: Frequency) -> str:
    if len(dates) < _ENOUGH:
        return ""
    first, second = (_conventional(part) for part in (dates[: len(dates) // 2], dates[len(dates) // 2 :]))
    if not 0.7 < first.periods_per_year / second.periods_per_year < 1.4:
        return f"the first half has {first}, the second {second}"
    ratio = _density(dates) / found.periods_per_year
    if found.unit == "period":
        steps = _days(dates)
        if steps.std() > 0.2 * steps.mean():
            return f"from {steps.min():g} to {steps.max():g} days between two closes"
    elif not _DENSITY[0] < ratio < _DENSITY[1]:
        return f"{_density(dates):.0f} closes a year where {found} is expected"
    return ""
