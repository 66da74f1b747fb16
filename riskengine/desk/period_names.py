"""Words for the time between two closes, and for what figures are measured in."""

from __future__ import annotations

_NAMES = (
    (252.0, 0.04, "day"),
    (365.0, 0.04, "day"),
    (52.0, 0.06, "week"),
    (12.0, 0.06, "month"),
    (4.0, 0.1, "quarter"),
    (1.0, 0.1, "year"),
)
"""Periods a year, how near to them, and what they are called."""


def period_name(periods_per_year: float) -> str:
    """What one period is called, in the singular.

    Examples
    --------
    >>> period_name(252.0), period_name(52.0), period_name(1764.0)
    ('day', 'week', 'period of 1/1764 year')
    """
    for periods, tolerance, name in _NAMES:
        if abs(periods_per_year / periods - 1) <= tolerance:
            return name
    return f"period of 1/{periods_per_year:.0f} year"


def span(periods: int, periods_per_year: float) -> str:
    """A number of periods in words.

    Examples
    --------
    >>> span(21, 252.0), span(1, 52.0), span(3, 1764.0)
    ('21 days', '1 week', '3 periods of 1/1764 year')
    """
    name = period_name(periods_per_year)
    if periods == 1:
        return f"1 {name}"
    return f"{periods} {name.replace('period', 'periods', 1) if name.startswith('period') else name + 's'}"
