"""What is drawn of a long series, and over how long a rolling figure runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from riskengine.backtest import BacktestResult

MOST_POINTS = 2000
"""Points of a drawn line: more than a screen has columns."""


def thinned(series: pd.Series, most: int = MOST_POINTS) -> pd.Series:
    """First, last, lowest and highest value of each of equal stretches of a series, and nothing of what lies between.

    A line through these points cannot be told from the whole one on a screen with a column a stretch (the M4
    aggregation of Jugel et al. 2014); in particular it has the same extremes and ends at the same value. A series of
    at most ``most`` values stays whole; NaN are dropped.

    Examples
    --------
    >>> values = pd.Series(np.sin(np.arange(10_000) / 700))
    >>> kept = thinned(values, most=400)
    >>> len(kept) <= 400, bool(kept.min() == values.min()), bool(kept.max() == values.max()), int(kept.index[-1])
    (True, True, True, 9999)
    """
    series = series.dropna()
    count = len(series)
    if count <= most:
        return series
    values = series.to_numpy(float)
    kept: set[int] = set()
    edges = np.linspace(0, count, max(1, most // 4) + 1).astype(int)
    for begin, end in pairwise(edges):
        part = values[begin:end]
        kept |= {int(begin), int(end) - 1, int(begin + part.argmin()), int(begin + part.argmax())}
    return series.iloc[sorted(kept)]


def quarter(result: BacktestResult) -> int:
    """Periods of the rolling volatility: a quarter of a year, but twelve at least."""
    return max(12, round(result.periods_per_year / 4))
