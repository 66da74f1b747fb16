"""Static arbitrage between quotes: vertical spreads, butterflies and calendars, sold at the bid, bought at the ask."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

Array = np.ndarray
TOLERANCE = 1e-9
"""Gain over forward, or of total variance, below which a violation is rounding."""


def vertical(strike: Array, bid: Array, ask: Array) -> Array:
    """Vertical-spread arbitrage: mask of the calls of one maturity in such a spread.

    Undiscounted calls over forward fall with the strike, by no more than the strike rises:
    ``0 <= C(K1) - C(K2) <= K2 - K1``.

    Parameters
    ----------
    strike : (n,) over forward, ascending
    bid, ask : (n,) undiscounted calls over forward
    """
    flagged = np.zeros(len(strike), bool)
    rise = bid[1:] - ask[:-1]  # buy the lower strike, sell the higher
    fall = bid[:-1] - ask[1:] - np.diff(strike)  # the reverse, with the strikes' difference set aside
    for gain in (rise, fall):
        pairs = np.flatnonzero((gain > TOLERANCE) & (np.diff(strike) > 0))
        flagged[pairs] = flagged[pairs + 1] = True
    return flagged


def butterfly(strike: Array, bid: Array, ask: Array) -> Array:
    """Butterfly arbitrage: mask of the calls above the chord of their neighbours' prices; as :func:`vertical`."""
    flagged = np.zeros(len(strike), bool)
    if len(strike) < 3:
        return flagged
    left, right = np.diff(strike)[:-1], np.diff(strike)[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        chord = (ask[:-2] * right + ask[2:] * left) / (left + right)
    middle = np.flatnonzero((left > 0) & (right > 0) & (bid[1:-1] - chord > TOLERANCE)) + 1
    flagged[middle] = True
    return flagged


def calendar(slices: Sequence[Array], x: Array, bid: Array, ask: Array) -> Array:
    """Calendar arbitrage: mask of the quotes whose total variance is above that of a later maturity.

    At the same strike over forward, ``volatility^2 * maturity`` rises with the maturity (Gatheral 2006).

    The later one's is read between its strikes on a straight line, which lies above a convex smile: only sure
    violations are found.

    Parameters
    ----------
    slices : positions of the quotes of each maturity, in order of maturity, each in order of strike
    x : (quotes,) log of strike over forward
    bid, ask : (quotes,) total variance
    """
    flagged = np.zeros(len(x), bool)
    for early, late in pairwise(slices):
        inside = early[(x[early] >= x[late[0]]) & (x[early] <= x[late[-1]])]
        later = np.interp(x[inside], x[late], ask[late])
        flagged[inside[bid[inside] - later > TOLERANCE]] = True
    return flagged
