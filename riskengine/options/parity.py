"""Forward and discount of each maturity from put-call parity, by regression that outliers do not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
CUT = 3.5
"""Scaled median absolute deviations from which on a pair is an outlier."""
RATE_ERROR = 0.005
"""Standard error of a maturity's own rate above which the rate of all maturities is taken."""
LEAST_PAIRS = 4
"""Pairs below which the slope of a maturity is not its own."""
RATES = (-0.05, 0.3)
"""Zero rates that are believed of a regression."""


@dataclass(frozen=True)
class Parity:
    """What the pairs of one maturity say.

    Attributes
    ----------
    forward, discount : of the maturity
    error : standard error of the forward, from the scatter of the pairs
    pairs, rejected : used, and left out as outliers
    own_rate : whether the discount is the maturity's own, and not that of all or one that was given
    """

    forward: float
    discount: float
    error: float
    pairs: int
    rejected: int
    own_rate: bool


def parity(
    strike: Array, maturity: Array, difference: Array, width: Array, discount: Array | None = None
) -> dict[float, Parity]:
    """Fit ``call - put = discount (forward - strike)`` for each maturity.

    Parameters
    ----------
    strike, maturity : (pairs,)
    difference : (pairs,) call less put, of the middles
    width : (pairs,) half-spreads of both together, positive: pairs weigh by its inverse square
    discount : (pairs,) where it is known; only forwards are then fitted

    Returns
    -------
    by maturity, those with a pair

    Examples
    --------
    >>> k = np.array([80.0, 90.0, 100.0, 110.0, 120.0])
    >>> off = np.array([0.0, 0.0, 5.0, 0.0, 0.0])
    >>> found = parity(k, np.full(5, 2.0), 0.94 * (101.0 - k) + off, np.full(5, 0.05))[2.0]
    >>> round(found.forward, 6), round(found.discount, 6), found.rejected
    (101.0, 0.94, 1)
    """
    slopes = {}
    maturities = np.unique(maturity)
    if discount is None:
        for t in maturities:
            rows = maturity == t
            slopes[float(t)] = _rate(strike[rows], difference[rows], width[rows], float(t))
    known = {t: one for t, one in slopes.items() if np.isfinite(one[1])}
    pooled = _pooled(known)
    found = {}
    for t in maturities:
        rows = maturity == t
        rate, error = slopes.get(float(t), (np.nan, np.inf))
        own = discount is None and error <= RATE_ERROR
        factor = discount[rows][0] if discount is not None else np.exp(-(rate if own else pooled) * t)
        found[float(t)] = _forward(strike[rows], difference[rows], width[rows], float(factor), own)
    return found


def _pooled(known: dict[float, tuple[float, float]]) -> float:
    """Mean rate of the maturities, by precision; zero where nothing is known to a few percent."""
    good = [(rate, error) for rate, error in known.values() if error <= 20 * RATE_ERROR]
    if not good:
        return 0.0
    rate, error = np.array(good).T
    weight = 1 / np.maximum(error, 1e-4) ** 2
    return float(np.sum(weight * rate) / np.sum(weight))


def _rate(strike: Array, difference: Array, width: Array, t: float) -> tuple[float, float]:
    """Zero rate of a maturity and its standard error, infinite where pairs are few or the rate is not believed."""
    if len(np.unique(strike)) < LEAST_PAIRS:
        return np.nan, np.inf
    keep = np.ones(len(strike), bool)
    slope, level = _median_line(strike, difference)
    for _ in range(10):
        off = difference - level - slope * strike
        scale = 1.4826 * np.median(np.abs(off[keep] - np.median(off[keep])))
        new = np.abs(off) <= np.maximum(CUT * scale, width)
        if new.sum() < LEAST_PAIRS:
            return np.nan, np.inf
        w = 1 / width[new]
        x, y = strike[new], difference[new]
        design = np.column_stack([np.ones(len(x)), x])
        (level, slope), *_ = np.linalg.lstsq(design * w[:, None], y * w, rcond=None)
        if np.array_equal(new, keep):
            break
        keep = new
    rest = (y - level - slope * x) * w
    noise = np.sum(rest**2) / max(len(x) - 2, 1)
    variance = noise * np.linalg.inv(design.T @ (design * (w**2)[:, None]))[1, 1]
    if not -slope > 0:
        return np.nan, np.inf
    rate, error = -np.log(-slope) / t, np.sqrt(variance) / -slope / t
    return (float(rate), float(error)) if RATES[0] <= rate <= RATES[1] else (np.nan, np.inf)


def _median_line(x: Array, y: Array) -> tuple[float, float]:
    """Slope and level of Theil and Sen: the median slope of all pairs of points, at most 300 of them."""
    take = np.unique(np.round(np.linspace(0, len(x) - 1, min(len(x), 300))).astype(int))
    order = np.argsort(x)[take]
    a, b = np.triu_indices(len(order), 1)
    run = x[order][b] - x[order][a]
    slope = float(np.median(((y[order][b] - y[order][a])[run > 0]) / run[run > 0]))
    return slope, float(np.median(y - slope * x))


def _forward(strike: Array, difference: Array, width: Array, discount: float, own: bool) -> Parity:
    """Forward of a maturity given its discount: the weighted mean over the pairs that agree."""
    each, spread = strike + difference / discount, width / discount
    near = np.argsort(np.abs(difference), kind="stable")[: max(5, len(each) // 3)]
    centre = np.median(each[near])
    scale = 1.4826 * np.median(np.abs(each[near] - centre))
    keep = np.abs(each - centre) <= np.maximum(CUT * scale, spread)
    keep[near[0]] |= not keep.any()
    w = 1 / spread[keep] ** 2
    forward = float(np.sum(w * each[keep]) / np.sum(w))
    scatter = np.sum(w * (each[keep] - forward) ** 2) / max(keep.sum() - 1, 1) / np.sum(w)
    return Parity(forward, discount, float(np.sqrt(scatter)), int(keep.sum()), int((~keep).sum()), own)
