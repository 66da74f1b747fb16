"""How often prices come: periods a year, measured from the dates."""

from __future__ import annotations

import numpy as np
import pandas as pd

_CONVENTIONS = ((7.0, 52.0), (30.5, 12.0), (91.3, 4.0), (365.25, 1.0))
"""Days between closes, and the periods a year that go with them."""


def periods_per_year(dates: pd.DatetimeIndex) -> float:
    """Periods a year: 252 for five-day closes, 365 for seven-day ones, 52, 12, 4 or 1, else as many as there are.

    Parameters
    ----------
    dates : sorted closes

    Examples
    --------
    >>> periods_per_year(pd.bdate_range("2024-01-01", periods=300))
    252.0
    >>> periods_per_year(pd.date_range("2024-01-01", periods=300))
    365.0
    >>> periods_per_year(pd.date_range("2020-01-03", periods=100, freq="W-FRI"))
    52.0
    """
    steps = np.diff(dates.to_numpy()).astype("timedelta64[s]").astype(np.float64) / 86400
    typical = float(np.median(steps))
    if 0.9 <= typical <= 1.5:
        weekend = float(np.mean(dates.day_of_week >= 5))
        return 365.0 if weekend > 0.15 else 252.0
    for days, periods in _CONVENTIONS:
        if abs(typical / days - 1) < 0.15:
            return periods
    return float(365.25 * len(steps) / steps.sum())
