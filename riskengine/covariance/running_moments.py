"""Sums of products of returns that move on by a day at the cost of a day.

A state is never computed again from its rows: days are put aside and folded in together, which costs one rank-one
update a day, and as many more at a forecast as are still aside. Nothing missing, nothing stored for it: counts of days
are one number until the first gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from riskengine.covariance.moments import Moments, Products, moments_of, products_of
from riskengine.covariance.window import BLOCK, Window, as_scores

Array = np.ndarray


class ExponentialSums(NamedTuple):
    """Sums whose days fade.

    Attributes
    ----------
    sums : of all days but the recent ones
    total, squares : sum of these days' weights, and of the squares of these
    recent : (days, assets) not yet folded in
    """

    sums: Products
    total: float
    squares: float
    recent: Array


@dataclass(frozen=True)
class ExponentialMoments:
    """Weighs a day by ``decay`` to the power of its age.

    Attributes
    ----------
    decay : between 0 and 1; 1 weighs all days alike

    Examples
    --------
    >>> fading = ExponentialMoments(0.5)
    >>> state = fading.update(fading.init(np.array([[2.0], [4.0]])), np.array([1.0]))
    >>> fading.settled(state).sums.matrix  # 2^2 / 4 + 4^2 / 2 + 1
    array([[10.]])
    """

    decay: float

    def init(self, rows: Array) -> ExponentialSums:
        """State after ``(time, assets)`` rows."""
        empty = ExponentialSums(Products.none(rows.shape[1]), 0.0, 0.0, rows)
        return self.settled(empty)

    def update(self, state: ExponentialSums, row: Array) -> ExponentialSums:
        """State after one more day ``(assets,)``."""
        state = state._replace(recent=np.vstack([state.recent, as_scores(row, state.recent.shape[1])]))
        return state if len(state.recent) < BLOCK else self.settled(state)

    def settled(self, state: ExponentialSums) -> ExponentialSums:
        """The same state with all its days folded in."""
        recent = state.recent
        if not len(recent):
            return state
        weights = self.decay ** np.arange(len(recent) - 1, -1, -1.0)
        faded = self.decay ** len(recent)
        return ExponentialSums(
            state.sums.scaled(faded).plus(products_of(recent, weights)),
            faded * state.total + float(weights.sum()),
            faded**2 * state.squares + float(np.sum(weights**2)),
            recent[:0].copy(),
        )

    def moments(self, state: ExponentialSums, centred: bool = False) -> Moments:
        """Weighted means of the products, and the effective number of days that they rest on (Kish)."""
        state = self.settled(state)
        days = state.total**2 / state.squares
        return moments_of(state.sums, centred, days / state.total)

    def variances(self, state: ExponentialSums) -> Array:
        """Diagonal ``(assets,)`` of :meth:`moments` without centring, at the cost of the days still aside."""
        age = np.arange(len(state.recent) - 1, -1, -1.0)
        weights, faded = self.decay**age, self.decay ** len(state.recent)
        seen = ~np.isnan(state.recent)
        counts = np.diagonal(state.sums.counts) if state.sums.counts.size > 1 else state.sums.counts[0]
        squares = weights @ np.where(seen, state.recent, 0.0) ** 2 + faded * np.diagonal(state.sums.matrix)
        total = weights @ seen + faded * counts
        return np.divide(squares, total, out=np.zeros_like(squares), where=total > 0)


class RollingSums(NamedTuple):
    """Sums over the last days, all alike.

    Attributes
    ----------
    window : the days
    sums : of its settled days
    folds : how often days were folded in since these were last summed anew
    """

    window: Window
    sums: Products
    folds: int


@dataclass(frozen=True)
class RollingMoments:
    """Weighs the last ``window`` days alike: a new day is added, and the one that leaves is subtracted.

    Rounding errors of that are swept out by summing anew once the window has been replaced.
    """

    window: int

    def init(self, rows: Array) -> RollingSums:
        """State after ``(time, assets)`` rows."""
        return self._anew(Window.of(rows, self.window))

    @staticmethod
    def _anew(window: Window) -> RollingSums:
        return RollingSums(window, products_of(window.settled), 0)

    def update(self, state: RollingSums, row: Array) -> RollingSums:
        """State after one more day ``(assets,)``."""
        row = as_scores(row, state.window.recent.shape[1])
        window = state.window.moved(row)
        if len(window.recent):
            return state._replace(window=window)
        if (state.folds + 1) * BLOCK > self.window:
            return self._anew(window)
        moved = state.window._replace(recent=np.vstack([state.window.recent, row]))
        return RollingSums(window, state.sums.plus(_change(moved)), state.folds + 1)

    def moments(self, state: RollingSums, centred: bool = False) -> Moments:
        """Means of the products, and the number of days that they rest on."""
        return moments_of(state.sums.plus(_change(state.window)), centred)


def _change(window: Window) -> Products:
    """What the recent days bring, less what the days take away that left for them."""
    rows = np.vstack([window.settled[: window.gone], window.recent])
    return products_of(rows, np.where(np.arange(len(rows)) < window.gone, -1.0, 1.0))
