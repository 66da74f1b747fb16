"""The last days of a universe, and how returns come in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from riskengine.market import as_returns, as_row
from riskengine.market.checks import as_scores

__all__ = ["BLOCK", "Window", "as_row", "as_scores", "last_days"]

Array = np.ndarray

BLOCK = 32
"""Days that are kept aside before they are folded in: one product of matrices is faster than 32 of vectors."""


def last_days(returns: Any, window: int) -> Array:
    """The last ``window`` rows, as an array of their own.

    Raises
    ------
    DataError
        If there are fewer than two rows, or as :func:`riskengine.market.checks.as_returns`.

    Examples
    --------
    >>> last_days(np.array([[0.01], [0.02], [-0.01]]), 2)
    array([[ 0.02],
           [-0.01]])
    """
    return as_returns(returns, shortest=2)[0][-window:].copy()


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
