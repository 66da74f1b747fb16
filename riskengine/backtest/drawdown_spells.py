"""Falls from a peak to the day on which it was reached again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Drawdown(NamedTuple):
    """Drawdown: the fall of wealth below its running maximum, to its recovery.

    Attributes
    ----------
    peak, trough : dates
    recovered : the day on which the peak was reached again; None if it was not
    depth : fraction lost at the trough, negative
    periods : from the peak to the recovery, or to the end
    """

    peak: pd.Timestamp
    trough: pd.Timestamp
    recovered: pd.Timestamp | None
    depth: float
    periods: int


def below_peak(returns: pd.Series) -> pd.Series:
    """Fraction of wealth below its highest value so far, the one before the first return included; zero or negative.

    Examples
    --------
    >>> below_peak(pd.Series([-0.1, 0.2, -0.5])).round(3).tolist()
    [-0.1, 0.0, -0.5]
    """
    wealth = (1 + returns).cumprod()
    below = wealth.to_numpy() / np.maximum(wealth.cummax().to_numpy(), 1.0) - 1
    return pd.Series(below, wealth.index, name="drawdown")


def drawdown_spells(below: pd.Series) -> list[Drawdown]:
    """Every fall from a peak, in the order of time.

    Parameters
    ----------
    below : of :func:`below_peak`
    """
    under, dates = below.to_numpy() < 0, pd.DatetimeIndex(below.index)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], under.astype(int), [0]])))
    found = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        trough = begin + int(below.iloc[begin:end].to_numpy().argmin())
        peak = max(begin - 1, 0)
        found.append(
            Drawdown(
                dates[peak],
                dates[trough],
                dates[end] if end < len(dates) else None,
                float(below.iloc[trough]),
                int(end - peak),
            )
        )
    return found
