"""Round numbers and dates for axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def round_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round ticks of an axis, at most ``most`` and evenly spaced, that span an interval.

    Examples
    --------
    >>> round_ticks(-0.37, 0.02), round_ticks(0.011, 0.093)
    ([-0.4, -0.3, -0.2, -0.1, 0.0, 0.1], [0.0, 0.02, 0.04, 0.06, 0.08, 0.1])
    """
    if not high - low > 1e-9:  # less is rounding, and the ticks are rounded too
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (scale * power for power in (size, 10 * size) for scale in _STEPS):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            break
    return [round(k * step, 12) for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers inside an interval of positive ones, for a logarithmic axis; its ends stay where they are.

    Examples
    --------
    >>> log_ticks(0.85, 2.6), log_ticks(0.9, 130.0)
    ([1.0, 1.5, 2.0], [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for marks in ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [float(f"{mark * 10.0**power:.6g}") for power in powers for mark in marks]
        inside = [value for value in found if low <= value <= high]
        if len(inside) <= most:
            break
    return inside if len(inside) > 1 else [float(f"{value:.2g}") for value in (low, high)]


def written(ticks: Sequence[float], percent: bool = True) -> list[str]:
    """Ticks with as many decimals as tell them apart.

    Examples
    --------
    >>> written([0.0, 0.025, 0.05]), written([-0.1, 0.0]), written([1.0, 1.5], percent=False)
    (['0.0%', '2.5%', '5.0%'], ['-10%', '0%'], ['1.0', '1.5'])
    """
    scaled = [100 * tick if percent else tick for tick in ticks]
    decimals = next(
        (d for d in range(6) if all(abs(round(x, d) - x) < 1e-9 * max(1, abs(x)) for x in scaled)), 6
    )
    return [f"{x:.{decimals}f}" + "%" * percent for x in scaled]


def date_ticks(first: pd.Timestamp, last: pd.Timestamp, most: int = 7) -> list[tuple[pd.Timestamp, str]]:
    """Beginnings of years, quarters, months or days within a span, with what to write below them.

    Examples
    --------
    >>> [text for _, text in date_ticks(pd.Timestamp("2010-03-01"), pd.Timestamp("2017-11-10"))]
    ['2011', '2012', '2013', '2014', '2015', '2016', '2017']
    >>> [text for _, text in date_ticks(pd.Timestamp("2024-01-15"), pd.Timestamp("2024-06-20"))]
    ['Feb 2024', 'Mar', 'Apr', 'May', 'Jun']
    """
    years = range(first.year, last.year + 2)
    for step in (1, 2, 5, 10, 20, 50):
        found = [pd.Timestamp(year, 1, 1) for year in years if year % step == 0]
        inside = [date for date in found if first <= date <= last]
        if len(inside) <= most:
            break
    if len(inside) >= 3:
        return [(date, str(date.year)) for date in inside]
    for months in (1, 3, 6):
        found = [date for date in pd.date_range(first, last, freq="MS") if (date.month - 1) % months == 0]
        inside = [date.normalize() for date in found if first <= date.normalize() <= last]
        if len(inside) <= most:
            break
    if len(inside) >= 2:
        shown = [f"{date:%b}" for date in inside]
        return [
            (date, f"{text} {date.year}" if k == 0 or date.month == 1 else text)
            for k, (date, text) in enumerate(zip(inside, shown, strict=True))
        ]
    return [(date, f"{date:%Y-%m-%d}") for date in (first, last)]
