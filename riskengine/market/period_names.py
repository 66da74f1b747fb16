"""What the time between two closes is called."""

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
    """Name of one period.

    Examples
    --------
    >>> period_name(252.0), period_name(52.0), period_name(1764.0)
    ('day', 'week', 'period of 1/1764 year')
    """
    for periods, tolerance, name in _NAMES:
        if abs(periods_per_year / periods - 1) <= tolerance:
            return name
    return f"period of 1/{periods_per_year:.0f} year"


def plural(name: str) -> str:
    """Plural of the name of a period.

    Examples
    --------
    >>> plural("month"), plural("period of 1/1764 year")
    ('months', 'periods of 1/1764 year')
    """
    return name.replace("period", "periods", 1) if name.startswith("period") else f"{name}s"


def periods(count: int, periods_per_year: float) -> str:
    """A number of periods in words.

    Examples
    --------
    >>> periods(21, 252.0), periods(1, 52.0), periods(3, 1764.0)
    ('21 days', '1 week', '3 periods of 1/1764 year')
    """
    name = period_name(periods_per_year)
    return f"{count} {name if count == 1 else plural(name)}"
