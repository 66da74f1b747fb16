"""The last days of a universe, and how returns come in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray

BLOCK = 32
"""Days that are kept aside before they are folded in: one product of matrices is faster than 32 of vectors."""


def last_days(returns: Array, window: int) -> Array:
    """The last ``window`` rows, as an array of their own.

    Raises
    ------
    DataError
        If there are fewer than two rows or no asset, a return is infinite, or these are prices.

    Examples
    --------
    >>> last_days(np.array([[101.0], [99.0], [100.0]]), 2)
    Traceback (most recent call last):
    riskengine.errors.DataError: all values are positive and half of them above 0.5: hand in returns, not prices
    """
    returns = np.asarray(returns, dtype=np.float64)
    if returns.ndim != 2 or returns.shape[0] < 2 or returns.shape[1] < 1:
        raise DataError(
            f"a covariance needs (time, assets) returns of at least two days, not {returns.shape}"
        )
    if np.isinf(returns).any():
        day, asset = np.argwhere(np.isinf(returns))[0]
        raise DataError(f"the return of day {day}, asset {asset} is infinite: use NaN where there is none")
    if not (returns <= 0).any() and (returns > 0).any() and np.nanmedian(returns) > 0.5:
        raise DataError("all values are positive and half of them above 0.5: hand in returns, not prices")
    return returns[-window:].copy()


def as_row(row: Array, assets: int) -> Array:
    """One day's returns ``(assets,)`` in float64.

    Raises
    ------
    DataError
        If they are of another number of assets, or infinite.
    """
    row = np.asarray(row, dtype=np.float64)
    if row.shape != (assets,):
        raise DataError(f"a day of shape {row.shape} for a state of {assets} assets: one return an asset")
    if np.isinf(row).any():
        raise DataError(f"the return of asset {int(np.argmax(np.isinf(row)))} is infinite: use NaN")
    return row


class Window(NamedTuple):
    """Rolling window of rows; moving it on shares what does not change with the old one.

    Attributes
    ----------
    size : days
    settled : (days, assets) full window of some days ago, up to ``size`` rows
    recent : (days, assets) the days since, fewer than :data:`BLOCK`

    Examples
    --------
    >>> window = Window.of(np.array([[1.0], [2.0], [3.0]]), size=2)
    >>> window.moved(np.array([4.0])).rows.ravel()
    array([3., 4.])
    """

    size: int
    settled: Array
    recent: Array

    @classmethod
    def of(cls, rows: Array, size: int) -> Window:
        """The last ``size`` of ``(time, assets)`` rows."""
        return cls(size, rows[-size:].copy(), np.empty((0, rows.shape[1])))

    def moved(self, row: Array) -> Window:
        """The window after one more day; the oldest leaves a full one."""
        recent = np.vstack([self.recent, row])
        if len(recent) < min(BLOCK, self.size):
            return self._replace(recent=recent)
        return Window.of(np.vstack([self.settled, recent]), self.size)

    @property
    def rows(self) -> Array:
        """The window ``(days, assets)``."""
        return np.vstack([self.settled[self.gone :], self.recent])

    @property
    def gone(self) -> int:
        """How many of the settled days have left."""
        return max(0, len(self.settled) + len(self.recent) - self.size)
