"""Past days of holdings that were not listed yet: what a filtered history shows in their place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


def medians(residuals: Array) -> Array:
    """Median over the assets of each day's standardised residuals ``(days, assets)``; NaN where there are none.

    Examples
    --------
    >>> medians(np.array([[1.0, np.nan, 3.0, 8.0], [np.nan, np.nan, np.nan, np.nan]]))
    array([ 3., nan])
    """
    ordered = np.sort(residuals, axis=1)  # NaN last
    last = np.maximum((~np.isnan(residuals)).sum(axis=1) - 1, 0)
    days = np.arange(len(ordered))
    middle: Array = (ordered[days, last // 2] + ordered[days, (last + 1) // 2]) / 2
    return middle


@dataclass(frozen=True, eq=False)
class ShortHistory:
    """Days of a window on which a holding was not listed yet, filled by what the others did.

    Counted as no move, such days show less risk than the holding has: a month after its listing, 0.95 of a window says
    that it never moves. In their place stands the median standardised residual of the others on that day, over the root
    mean square of these medians in the window, so that a filled past has the variance of a real one and falls on
    the days on which the market fell. A gap between two returns is not filled: the return after it has its move.

    The arrays are rings in the order of the engine's, written in place by :meth:`take`.

    Attributes
    ----------
    residuals : (window, assets) standardised, the engine's own ring
    held : places of the holdings
    leading : (window, held) days before the first return of a holding in the window
    unlisted : those of them with returns of others, which are filled
    unseen : (held,) without any return in the window; nothing is filled for them
    filled : (held,) days that are filled
    market : (window,) medians of the days, NaN where there are none
    """

    residuals: Array
    held: Array
    leading: Array
    unlisted: Array
    unseen: Array
    filled: Array
    market: Array

    @classmethod
    def of(cls, residuals: Array, held: Array, oldest: int) -> ShortHistory:
        """Of a ring of standardised residuals ``(window, assets)`` whose oldest day stands at ``oldest``.

        Examples
        --------
        >>> z = np.array([[1.0, -1.0, np.nan], [2.0, 0.5, np.nan], [0.5, 1.0, -0.5]])
        >>> ShortHistory.of(z, np.array([1, 2]), oldest=0).filled
        array([0, 2])
        """
        missing = np.isnan(residuals[:, held])
        before = np.logical_and.accumulate(np.roll(missing, -oldest, axis=0), axis=0)
        unseen = missing.all(axis=0)
        leading = np.roll(before, oldest, axis=0) & ~unseen
        unlisted = leading & ~np.isnan(residuals).all(axis=1)[:, None]
        filled = unlisted.sum(axis=0)
        market = medians(residuals) if filled.any() else np.full(len(residuals), np.nan)
        return cls(residuals, held, leading, unlisted, unseen, filled, market)

    def take(self, place: int) -> bool:
        """A new day stands in the ring in place of the oldest; whether holdings now begin on another day of it.

        They do with the first return of one that had none, and where a gap is now the oldest that is known of one.
        """
        np.subtract(self.filled, self.unlisted[place], out=self.filled)
        self.leading[place] = self.unlisted[place] = False
        if self.filled.any():
            self.market[place] = medians(self.residuals[None, place])[0]
        oldest = (place + 1) % len(self.market)
        new, old = (np.isnan(self.residuals[k, self.held]) for k in (place, oldest))
        return bool((np.where(self.unseen, ~new, old & ~self.leading[oldest])).any())

    def outcome(self, scale: Array) -> Array:
        """Returns ``(window,)`` of the holdings on their filled days, at ``(held,)`` weights times deviations."""
        short = np.flatnonzero(self.filled)
        if not len(short):
            return np.zeros(len(self.market))
        known = ~np.isnan(self.market)
        size = np.sqrt(np.mean(self.market[known] ** 2))
        filled = np.where(known, self.market / size, 0.0) if size > 0 else np.zeros(len(known))
        moved: Array = filled * (self.unlisted[:, short] @ scale[short])
        return moved
