"""The information barrier: what a strategy may see."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from riskengine.errors import SettingsError

Array = np.ndarray

STALE_AFTER = 5
"""Closes after which the last known price of an asset is no longer good for a decision."""


class MarketView:
    """Everything known at one close, and nothing after it.

    All arrays are read-only and own their memory, so no slice leads back to the future.

    Attributes
    ----------
    date : of the close
    assets : names, one a column
    prices : (t + 1, assets) up to and including the close, NaN where there was no price
    member : (assets,) whether each asset may be held on that date
    day : closes of the panel before this one, also those that are not shown
    periods_per_year : closes a year
    """

    def __init__(
        self,
        date: pd.Timestamp,
        assets: tuple[str, ...],
        prices: Array,
        member: Array,
        day: int | None = None,
        periods_per_year: float = 252.0,
    ) -> None:
        self.date = date
        self.periods_per_year = periods_per_year
        self.day = len(prices) - 1 if day is None else day
        self.assets = assets
        self.prices = _frozen(prices)
        self.member = _frozen(member)

    @cached_property
    def returns(self) -> Array:
        """Simple returns ``(t, assets)``; NaN where either price is missing."""
        return _sealed(self.prices[1:] / self.prices[:-1] - 1)

    @cached_property
    def history(self) -> Array:
        """Number of observed returns of each asset, ``(assets,)``."""
        seen = ~np.isnan(self.prices)
        return _sealed(np.sum(seen[1:] & seen[:-1], axis=0))

    @cached_property
    def tradable(self) -> Array:
        """Whether each asset is a member and has a price at this close, ``(assets,)``."""
        return _sealed(self.member & ~np.isnan(self.prices[-1]))

    @cached_property
    def fresh(self) -> Array:
        """Whether each asset is a member and has had a price lately: it may be decided on, ``(assets,)``.

        What is fresh and not tradable today is neither sold nor missing: an order for it waits.
        """
        return _sealed(self.member & (~np.isnan(self.prices[-STALE_AFTER:])).any(axis=0))

    def window(self, days: int) -> Array:
        """The last ``days`` rows of returns, or all if there are fewer.

        Raises
        ------
        SettingsError
            If ``days`` is below one.
        """
        if days < 1:
            raise SettingsError(f"a window has at least one day, not {days}")
        # From the prices of these days alone: a wide and long past need not be divided again each time.
        rows = self.prices[-(days + 1) :]
        return _sealed(rows[1:] / rows[:-1] - 1)

    def restricted(self, member: Array) -> MarketView:
        """The same past, with only those of its members ``(assets,)`` that are marked."""
        return MarketView(
            self.date, self.assets, self.prices, self.member & member, self.day, self.periods_per_year
        )


def _frozen(array: Array) -> Array:
    """A read-only array that owns its memory: the array itself if it is one, otherwise a copy."""
    return array if array.base is None and not array.flags.writeable else _sealed(np.array(array))


def _sealed(array: Array) -> Array:
    """A new array that nobody else holds, made read-only."""
    array.flags.writeable = False
    return array
