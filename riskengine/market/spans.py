"""Returns of prices with gaps: the first return after a gap spans it."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

STALE_AFTER = 5
"""Closes after which the last known price of an asset is no longer good for a decision, nor for a return."""


def spanning_returns(prices: Array, limit: Array | int = STALE_AFTER, clock: Array | None = None) -> Array:
    """Simple returns ``(t, assets)`` of ``(t + 1, assets)`` prices, each from the last known price before it.

    NaN where there is no price, or none within ``limit`` closes before it: prices that are missing, and closes of the
    clock that have no row. Without gaps this is ``prices[1:] / prices[:-1] - 1`` to the bit.

    Parameters
    ----------
    prices : (t + 1, assets), NaN where there is none
    limit : closes that a return may span, one number or one an asset
    clock : (t + 1, assets) closes of each asset's own market so far; the rows if not given

    Examples
    --------
    >>> spanning_returns(np.array([[100.0], [np.nan], [110.0], [99.0]])).ravel().round(3)
    array([  nan,  0.1, -0.1])
    """
    returns = prices[1:] / prices[:-1] - 1
    if len(prices) < 2:
        return returns
    apart = np.isnan(prices).any(axis=0)
    if clock is not None:
        apart |= (np.diff(clock, axis=0) > 1).any(axis=0)
    gaps = np.flatnonzero(apart)
    if not len(gaps):
        return returns
    part = prices[:, gaps]
    before, spans = _before(part, None if clock is None else clock[:, gaps])
    most = np.broadcast_to(limit, prices.shape[1])[gaps]
    known = spans <= most
    columns = np.broadcast_to(np.arange(len(gaps)), before.shape)
    last = part[np.maximum(before, 0), columns]
    returns[:, gaps] = np.where(known, part[1:] / last - 1, np.nan)
    return returns


def ages(prices: Array, clock: Array | None = None) -> Array:
    """Closes since the last known price of each asset ``(assets,)``: zero with one at the last row, inf without any.

    Examples
    --------
    >>> ages(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    array([ 1., inf])
    """
    if not np.isnan(prices[-1]).any():
        return np.zeros(prices.shape[1])
    seen = ~np.isnan(prices)
    last = len(prices) - 1 - np.argmax(seen[::-1], axis=0)
    now = np.full(prices.shape[1], len(prices) - 1) if clock is None else clock[-1]
    then = last if clock is None else clock[last, np.arange(prices.shape[1])]
    return np.where(seen.any(axis=0), (now - then).astype(np.float64), np.inf)


def _before(prices: Array, clock: Array | None) -> tuple[Array, Array]:
    """Row of the last known price before each row but the first ``(t, assets)``, and the closes from it to the row."""
    rows = np.arange(len(prices), dtype=np.int32)[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(prices), np.int32(-1), rows), axis=0)[:-1]
    if clock is None:
        spans = (rows[1:] - last).astype(np.float64)
    else:
        columns = np.broadcast_to(np.arange(prices.shape[1]), last.shape)
        # An asset that trades while its market is thought shut has moved on by a close all the same.
        spans = np.maximum(clock[1:] - clock[np.maximum(last, 0), columns], 1).astype(np.float64)
    return last, np.where(last < 0, np.inf, spans)
