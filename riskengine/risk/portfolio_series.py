"""Returns that portfolios would have had at today's weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskengine.market import as_weights

Array = np.ndarray


class PortfolioSeries(NamedTuple):
    """Portfolios at today's weights, and their largest holdings, as one series each.

    The holdings are company for the portfolios: whoever estimates a law of all series has more of them.

    Attributes
    ----------
    returns : (days, assets), NaN where there is none
    weights : (portfolios, assets) of today
    origin : (portfolios, assets) for which the series were last made
    company : positions of the largest holdings
    scale : (assets,) root mean square of their returns
    """

    returns: Array
    weights: Array
    origin: Array
    company: Array
    scale: Array

    @classmethod
    def of(cls, returns: Array, weights: Array, most: int) -> PortfolioSeries:
        """Portfolios, with at most so many of their holdings beside them.

        Examples
        --------
        >>> rows = np.array([[0.01, 0.03], [-0.02, 0.01]])
        >>> PortfolioSeries.of(rows, np.array([[0.5, 0.5]]), most=1).series()
        array([[ 0.02 ,  0.01 ],
               [-0.005, -0.02 ]])
        """
        weights = np.array([as_weights(one, returns.shape[1]) for one in np.atleast_2d(weights)])
        size = np.abs(weights).max(axis=0)
        order = np.argsort(-size, kind="stable")[:most]
        seen = ~np.isnan(returns)
        square = np.where(seen, returns, 0.0) ** 2
        scale = np.sqrt(square.sum(axis=0) / np.maximum(seen.sum(axis=0), 1))
        # What was never seen moves like the others.
        typical = np.median(scale[seen.any(axis=0)]) if seen.any() else 0.0
        scale = np.where(seen.any(axis=0), scale, typical)
        return cls(returns, weights, weights, order[size[order] > 0], scale)

    @property
    def columns(self) -> tuple[tuple[str, int], ...]:
        """What each series is of: a portfolio or an asset, and its position."""
        return (
            *(("portfolio", k) for k in range(len(self.weights))),
            *(("asset", int(k)) for k in self.company),
        )

    @property
    def strayed(self) -> float:
        """Largest sum of absolute changes of a portfolio's weights since the series were made."""
        return float(np.abs(self.weights - self.origin).sum(axis=1).max(initial=0.0))

    @property
    def gaps(self) -> bool:
        """Whether something that is held lacks a return: what fills it changes with what is seen of the asset."""
        return bool(np.isnan(self.returns[:, np.abs(self.weights).max(axis=0) > 0]).any())

    def series(self) -> Array:
        """Returns ``(days, portfolios + company)`` through the window; NaN for a portfolio that holds nothing."""
        return self._combined(self.returns)

    def row(self, row: Array) -> Array:
        """Returns of one more day ``(portfolios + company,)``."""
        return self._combined(row[None])[0]

    def moved(self, row: Array, weights: Array | None, size: int) -> PortfolioSeries:
        """After one more day, at the close of which these weights are held."""
        held = self.weights
        if weights is not None:
            held = np.array([as_weights(one, len(row)) for one in np.atleast_2d(weights)])
        return self._replace(returns=np.vstack([self.returns[-size + 1 :], row]), weights=held)

    def _combined(self, rows: Array) -> Array:
        # Where an asset has no return it did what its scale makes of the median of all others on that day.
        missing = np.isnan(rows)
        filled = rows
        if missing.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                scores = np.where(self.scale > 0, rows / self.scale, np.nan)
            median = np.zeros(len(rows))
            known = ~np.isnan(scores).all(axis=1)
            if known.any():
                median[known] = np.nanmedian(scores[known], axis=1)
            filled = np.where(missing, median[:, None] * self.scale, rows)
        holds = np.abs(self.weights).sum(axis=1) > 0
        earned = np.where(holds, filled @ self.weights.T, np.nan)
        return np.hstack([earned, rows[:, self.company]])
