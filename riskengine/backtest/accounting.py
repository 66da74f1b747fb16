"""The books: weights drift with prices, trades cost, assets that vanish are sold at their last price."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray

VANISHED_AFTER = 5
"""Days without a price after which a holding is taken as delisted and turned into cash at its last price."""


@dataclass
class Book:
    """Weights of one portfolio, moved through time day by day. Cash is what the weights leave of one.

    Attributes
    ----------
    weights : (assets,) fractions of wealth at the last close
    silent : (assets,) days since the last price
    flags : what had to be done without being asked, one line each
    """

    assets: tuple[str, ...]
    weights: Array
    silent: Array
    flags: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, assets: tuple[str, ...]) -> Book:
        """All in cash."""
        return cls(assets, np.zeros(len(assets)), np.zeros(len(assets), int))

    def pass_day(self, growth: Array, priced: Array, date: str) -> float:
        """Let prices move and return the portfolio's gross return.

        Parameters
        ----------
        growth : (assets,) price over the last known price; one where there is no price today
        priced : (assets,) whether there is a price today
        """
        value = self.weights * growth
        wealth = 1 - self.weights.sum() + value.sum()
        self.weights = value / wealth
        self.silent = np.where(priced, 0, self.silent + 1)
        for asset in np.flatnonzero((self.silent == VANISHED_AFTER) & (self.weights != 0)):
            self.flags.append(f"{date}: {self.assets[asset]} has no price any more, sold at its last one")
            self.weights[asset] = 0.0
        return float(wealth - 1)

    def trade(self, target: Array, priced: Array, date: str) -> Array:
        """Move to the target weights and return the trades ``(assets,)``; what has no price stays as it is."""
        stuck = ~priced & (np.abs(target - self.weights) > 1e-12)
        for asset in np.flatnonzero(stuck):
            self.flags.append(f"{date}: {self.assets[asset]} has no price, not traded")
        goal = np.where(stuck, self.weights, target)
        trades = goal - self.weights
        self.weights = goal
        return trades
