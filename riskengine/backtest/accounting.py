"""The books: weights drift with prices, trades cost, cash earns, what is delisted becomes cash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError, StrategyError

Array = np.ndarray
YEAR = 252

VANISHED_AFTER = 5
"""Days without a price after which a holding of which nothing is known is taken as delisted and becomes cash."""


def daily_cash(cash: float | pd.Series, dates: pd.DatetimeIndex) -> Array:
    """Return of cash over the day after each date but the last, ``(days - 1,)``.

    Parameters
    ----------
    cash : rate a year, earned by 252nds; a series holds the rate from each of its dates on, as known then

    Raises
    ------
    SettingsError
        If a rate is not a small fraction.
    DataError
        If a series has no dates, or none at or before the first.
    """
    if not isinstance(cash, pd.Series):
        rates = np.full(len(dates) - 1, float(cash))
    else:
        series = cash.dropna()
        if not isinstance(series.index, pd.DatetimeIndex) or not series.index.is_monotonic_increasing:
            raise DataError("a series of cash rates needs sorted dates as its index")
        last = series.index.searchsorted(dates[:-1], side="right") - 1
        if len(last) and last.min() < 0:
            raise DataError(
                f"there is no cash rate on {dates[0]:%Y-%m-%d} or before: begin the series earlier"
            )
        rates = series.to_numpy(np.float64)[last]
    if not np.all(np.abs(rates) < 1):
        raise SettingsError("a cash rate is a fraction a year like 0.03")
    return rates / YEAR


@dataclass
class Book:
    """Weights of one portfolio, moved through time day by day. Cash is what the weights leave of one.

    Attributes
    ----------
    weights : (assets,) fractions of wealth at the last close
    silent : (assets,) days since the last price
    awaited : (assets,) whether a delisting return is stated for a day to come, until when a holding is kept
    default_delisting : return of a holding that vanishes and for which none is stated
    flags : what had to be done without being asked, one line each
    """

    assets: tuple[str, ...]
    weights: Array
    silent: Array
    awaited: Array
    default_delisting: float = 0.0
    flags: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, assets: tuple[str, ...], awaited: Array, default_delisting: float = 0.0) -> Book:
        """All in cash."""
        count = len(assets)
        return cls(assets, np.zeros(count), np.zeros(count, int), awaited, default_delisting)

    def pass_day(
        self, growth: Array, priced: Array, date: str, cash: float, delisted: Mapping[int, float]
    ) -> float:
        """Let prices move and return the portfolio's gross return.

        Parameters
        ----------
        growth : (assets,) price over the last known price; one where there is no price today
        priced : (assets,) whether there is a price today
        date : for flags
        cash : return of cash over the day
        delisted : column to its delisting return today

        Raises
        ------
        StrategyError
            If nothing is left of the wealth.
        """
        growth, sold = growth.copy(), []
        self.silent = np.where(priced, 0, self.silent + 1)
        for asset, loss in delisted.items():
            growth[asset] = 1 + loss
            self.awaited[asset] = False
            if self.weights[asset] != 0:
                sold.append(asset)
                self.flags.append(f"{date}: {self.assets[asset]} delisted, return {loss:+.1%}")
        vanished = (self.silent == VANISHED_AFTER) & (self.weights != 0) & ~self.awaited
        for asset in map(int, np.flatnonzero(vanished)):
            growth[asset] = 1 + self.default_delisting
            sold.append(asset)
            how = (
                f"{self.default_delisting:+.1%} from its last one"
                if self.default_delisting
                else "its last one"
            )
            self.flags.append(f"{date}: {self.assets[asset]} has no price any more, sold at {how}")
        value = self.weights * growth
        wealth = (1 - self.weights.sum()) * (1 + cash) + value.sum()
        if not wealth > 0:
            raise StrategyError(f"all wealth is lost on {date}: limit the leverage of the strategy")
        self.weights = value / wealth
        self.weights[sold] = 0.0
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
