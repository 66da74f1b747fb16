"""Open, high and low beside the closes: checked against each other, and joined over sessions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.audit import Finding
from riskengine.market.calendars import session_prices

Array = np.ndarray

BARS = ("open", "high", "low")
ROUNDING = 1e-3
"""Relative breach of low <= open, close <= high that the rounding of adjusted prices explains."""


class Bars(NamedTuple):
    """Open, high and low, each ``(t + 1, assets)``, NaN where there is none, or None where no asset has it."""

    open: Array | None = None
    high: Array | None = None
    low: Array | None = None

    def __bool__(self) -> bool:
        """Whether there is any of them."""
        return any(bar is not None for bar in self)

    def rows(self, chosen: slice | Array) -> Bars:
        """Those of some rows, copied."""
        return Bars(*(None if bar is None else bar[chosen].copy() for bar in self))


def checked_bars(
    frames: dict[str, pd.DataFrame | None], close: pd.DataFrame
) -> tuple[Bars, tuple[Finding, ...]]:
    """Bars in order, ``low <= open, close <= high``, and what was out of order.

    A breach within :data:`ROUNDING` is mended: the high is raised, or the low lowered, to the open and close. Where one
    is larger, or a number is not a positive one, the bar of that cell is taken for missing, all three of it.

    Parameters
    ----------
    frames : open, high and low by name, with the dates and columns of the closes, or None
    close : dates x assets

    Raises
    ------
    DataError
        If dates or columns differ, a cell is no number, or there is a high without a low or the reverse.

    Examples
    --------
    >>> dates = pd.bdate_range("2024-01-01", periods=2)
    >>> close = pd.DataFrame({"A": [10.0, 11.0]}, dates)
    >>> high = pd.DataFrame({"A": [10.2, 9.9]}, dates)
    >>> bars, findings = checked_bars({"high": high, "low": close * 0.98}, close)
    >>> bars.high.ravel().tolist(), str(findings[0])
    ([10.2, nan], 'disordered_bar: A 2024-01-02: 1 day(s) with a close or open outside low and high: no range taken')
    """
    known = {name: _aligned(name, frame, close) for name, frame in frames.items() if frame is not None}
    if ("high" in known) != ("low" in known):
        raise DataError("high and low come together: give both, or neither")
    if not known:
        return Bars(), ()
    closes = close.to_numpy(np.float64)
    with np.errstate(invalid="ignore"):
        wrong = np.zeros(closes.shape, bool)
        for values in known.values():
            wrong |= ~np.isnan(values) & ~((values > 0) & np.isfinite(values))
        if "high" in known:
            open_ = known.get("open", closes)
            top, bottom = np.fmax(open_, closes), np.fmin(open_, closes)
            high, low = known["high"], known["low"]
            wrong |= (high < top * (1 - ROUNDING)) | (low > bottom * (1 + ROUNDING)) | (high < low)
            none = np.isnan(high) | np.isnan(low)
            known["high"] = np.where(none, np.nan, np.fmax(high, top))
            known["low"] = np.where(none, np.nan, np.fmin(low, bottom))
    for name, values in known.items():
        known[name] = np.where(wrong | np.isnan(closes), np.nan, values)
    findings = tuple(
        Finding(
            "disordered_bar",
            str(close.columns[column]),
            close.index[int(np.argmax(wrong[:, column]))],
            f"{int(wrong[:, column].sum())} day(s) with a close or open outside low and high: no range taken",
        )
        for column in map(int, np.flatnonzero(wrong.any(axis=0)))
    )
    return Bars(*(known.get(name) for name in BARS)), findings


def _aligned(name: str, frame: pd.DataFrame, close: pd.DataFrame) -> Array:
    named = frame.set_axis(frame.columns.map(str), axis=1)
    if not (named.index.equals(close.index) and named.columns.equals(close.columns)):
        raise DataError(f"{name} needs the dates and columns of the prices: reindex it to them")
    try:
        return named.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be numbers: {error}") from error


def session_bars(bars: Bars, closes: Array, sessions: Array) -> Bars:
    """Bars of sessions ``(sessions, assets)``: from the first open to the last close since the session before.

    The range of a session covers every priced row in it; where one of them lacks its range, so does the session.

    Examples
    --------
    >>> high, low = np.array([[2.0], [5.0], [3.0]]), np.array([[1.0], [2.0], [2.5]])
    >>> found = session_bars(Bars(None, high, low), np.full((3, 1), 2.5), np.array([True, False, True]))
    >>> found.high.ravel().tolist(), found.low.ravel().tolist()
    ([2.0, 5.0], [1.0, 2.0])
    """
    where = np.flatnonzero(sessions)
    if not len(where):
        return Bars(*(None if bar is None else bar[:0] for bar in bars))
    starts, last = np.concatenate([[0], where[:-1] + 1]), where[-1] + 1
    open_ = None if bars.open is None else session_prices(bars.open[:last][::-1], _turned(starts, last))[::-1]
    if bars.high is None or bars.low is None:
        return Bars(open_)
    lacking = ~np.isnan(closes) & (np.isnan(bars.high) | np.isnan(bars.low))
    lost = np.logical_or.reduceat(lacking[:last], starts, axis=0)
    high = np.fmax.reduceat(bars.high[:last], starts, axis=0)
    low = np.fmin.reduceat(bars.low[:last], starts, axis=0)
    return Bars(open_, np.where(lost, np.nan, high), np.where(lost, np.nan, low))


def _turned(starts: Array, rows: int) -> Array:
    """Where sessions begin, seen from the end, so that the first open of one is found as the last price is."""
    marks = np.zeros(rows, bool)
    marks[starts] = True
    return marks[::-1]


def log_ranges(bars: Bars) -> Array | None:
    """``log(high / low)`` of the days after the first, ``(t, assets)``, beside the returns; None without ranges."""
    if bars.high is None or bars.low is None:
        return None
    return np.log(bars.high[1:] / bars.low[1:])
