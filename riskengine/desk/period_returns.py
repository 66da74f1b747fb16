"""Returns of assets that are priced more seldom than the rows of a panel, as returns of one period."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskengine.calibration.dated import PER_ROW
from riskengine.market import STALE_AFTER, Panel

Array = np.ndarray

_JUMP = 4.0
"""Standard deviations above which a move over a gap is taken to have happened in one period of it."""

_RARE = 2
"""Times the usual distance between two prices up to which a return may span a gap."""


def period_returns(panel: Panel) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns from price to price in the row of the second, and the same as returns of one period.

    A fund that is priced on Fridays has a return of five days each Friday. Taken as one of a day, its volatility would
    be that of a week: it is divided by the root of the periods that it spans. What is larger than four standard
    deviations is not shared out, as heavy tails have such moves in a single period.

    Returns
    -------
    Two tables of the rows and columns of ``panel.returns``; equal to it where there are no gaps. The second says so in
    its ``attrs``, so that a calibrator does not scale it again.

    Examples
    --------
    >>> prices = pd.DataFrame({"A": [100.0, np.nan, np.nan, np.nan, 102.0]}, pd.bdate_range("2024-01-01", periods=5))
    >>> [table["A"].iloc[-1].round(4) for table in period_returns(Panel(prices))]
    [np.float64(0.02), np.float64(0.01)]
    """
    plain = panel.returns
    rows = plain.index.insert(0, panel.dates[0]) if plain.index[0] != panel.dates[0] else plain.index
    prices = panel.prices.loc[rows].to_numpy()
    whole = plain.to_numpy().copy()
    single = whole.copy()
    for j in np.flatnonzero(np.isnan(prices).any(axis=0)):
        where = np.flatnonzero(~np.isnan(prices[:, j]))
        if len(where) < 2:
            continue
        steps = np.diff(where)
        known = steps <= max(STALE_AFTER, _RARE * int(np.median(steps)))
        move = prices[where[1:], j] / prices[where[:-1], j] - 1
        at = where[1:] - (len(prices) - len(whole))
        spread = np.where(known, move, np.nan) / np.sqrt(steps)
        variance = float(np.nanmean(spread**2)) if known.any() else 0.0
        jump = move**2 > _JUMP**2 * steps * variance
        alone = np.sign(move) * np.sqrt(np.maximum(move**2 - (steps - 1) * variance, 0))
        whole[at, j] = np.where(known, move, np.nan)
        single[at, j] = np.where(known & jump, alone, spread)
    found = [pd.DataFrame(table, plain.index, plain.columns) for table in (whole, single)]
    found[1].attrs[PER_ROW] = True
    return found[0], found[1]
