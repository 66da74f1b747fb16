"""Closes that a table of dates lacks altogether: a return over such a hole is no return of one period."""

from __future__ import annotations

import numpy as np
import pandas as pd

Array = np.ndarray

OPEN = 0.25
"""Share of its busiest weekday's closes below which a weekday is no trading day."""

_LONGEST_HOLIDAY = 8
"""Trading days in a row without a close that may be a holiday: spring festivals and golden weeks have six or seven."""


def missing_closes(dates: pd.DatetimeIndex) -> Array:
    """Closes missing between each date and the one before it ``(rows,)``; zero where the calendar explains it.

    Of days, weekdays on which others have closes, if more than a holiday has; of bars within a day, as many as such
    days have; of weeks and longer periods, whole periods.

    Parameters
    ----------
    dates : sorted closes

    Examples
    --------
    >>> days = pd.bdate_range("2024-01-01", periods=300)
    >>> missing_closes(days[:100].append(days[160:]))[[99, 100]]
    array([ 0, 60])
    >>> missing_closes(pd.date_range("2020-01-31", periods=9, freq="ME").delete(4)).tolist()
    [0, 0, 0, 0, 1, 0, 0, 0]
    """
    if len(dates) < 3:
        return np.zeros(len(dates), np.int64)
    steps = np.diff(dates.to_numpy()).astype("timedelta64[s]").astype(np.float64) / 86400
    typical = float(np.median(steps))
    if typical > 1.5:
        return np.concatenate([[0], np.maximum(np.rint(steps / typical).astype(np.int64) - 1, 0)])
    days = dates.tz_localize(None).normalize()
    counts = np.bincount(days.day_of_week, minlength=7)
    mask = (counts > OPEN * counts.max()).tolist()
    numbers = days.to_numpy().astype("datetime64[D]")
    absent = np.busday_count(numbers[:-1], numbers[1:], weekmask=mask) - 1
    bars = int(np.median(np.unique(numbers, return_counts=True)[1]))
    return np.concatenate([[0], np.where(absent > _LONGEST_HOLIDAY, absent * bars, 0)])
