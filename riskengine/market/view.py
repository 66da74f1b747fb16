"""The information barrier: what a strategy may see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from riskengine.errors import SettingsError
from riskengine.market.bars import Bars, log_ranges, session_bars
from riskengine.market.calendars import lags_of, session_prices
from riskengine.market.spans import STALE_AFTER, ages, spanning_returns

Array = np.ndarray

__all__ = ["STALE_AFTER", "MarketView", "Times"]


@dataclass(frozen=True, eq=False)
class Times:
    """When the assets of a view are priced; the rows are those of its prices.

    Attributes
    ----------
    sessions : (t + 1,) whether a row is a session of all markets; None where every row is one
    clock : (t + 1, assets) closes of each asset's own market so far; None where every row is one
    spacing : (assets,) sessions a price
    own : (assets,) closes of its own market a price
    closes : (assets,) time of the close as a fraction of a day in UTC, NaN if not known
    staleness : closes that a price is good for
    """

    sessions: Array | None
    clock: Array | None
    spacing: Array
    own: Array
    closes: Array
    staleness: int = STALE_AFTER

    @classmethod
    def plain(cls, assets: int, staleness: int = STALE_AFTER) -> Times:
        """Every row is a close of every asset."""
        one = np.ones(assets, int)
        return cls(None, None, one, one, np.full(assets, np.nan), staleness)

    @property
    def limit(self) -> Array:
        """Closes of its own market that a price of each asset is good for, ``(assets,)``."""
        return self.staleness * self.own


class MarketView:
    """View of the past: everything known at one close, and nothing after it.

    All arrays are read-only and own their memory, so no slice leads back to the future.

    Returns run from session to session, and the first after a gap spans it, if the last price is no older than the
    staleness of the panel. Where all assets have the same trading days every close is a session. In a panel
    of stocks and coins the sessions are the weekdays, and a coin's return from Friday to Monday stands beside the
    stocks'; what has moved since the last session is in no return yet.

    Attributes
    ----------
    date : of the close
    assets : names, one a column
    prices : (t + 1, assets) up to and including the close, NaN where there was no price
    member : (assets,) whether each asset may be held on that date
    day : sessions of the panel before the last one, also those that are not shown
    periods_per_year : sessions a year
    bars : open, high and low, each like ``prices``, or None
    """

    def __init__(
        self,
        date: pd.Timestamp,
        assets: tuple[str, ...],
        prices: Array,
        member: Array,
        day: int | None = None,
        periods_per_year: float = 252.0,
        times: Times | None = None,
        bars: Bars = Bars(),  # noqa: B008 -- immutable
    ) -> None:
        self.date = date
        self.periods_per_year = periods_per_year
        self.assets = assets
        self.prices = _frozen(prices)
        self.member = _frozen(member)
        self.bars = Bars(*(None if bar is None else _frozen(bar) for bar in bars))
        self._times = Times.plain(len(assets)) if times is None else times
        shown = len(prices) if self._times.sessions is None else int(self._times.sessions.sum())
        self.day = shown - 1 if day is None else day
        self._windows: dict[int, Array] = {}

    @cached_property
    def returns(self) -> Array:
        """Simple returns ``(t, assets)`` of the sessions; NaN where there is no price at either end."""
        return _sealed(self._returns(len(self.prices)))

    @cached_property
    def ranges(self) -> Array | None:
        """Logarithms of high over low of the sessions, ``(t, assets)`` beside :attr:`returns`; None without ranges."""
        bars, times = self.bars, self._times
        if times.sessions is not None:
            bars = session_bars(bars, self.prices, times.sessions)
        found = log_ranges(bars)
        return None if found is None else _sealed(found)

    @cached_property
    def history(self) -> Array:
        """Number of observed returns of each asset, ``(assets,)``."""
        times, gaps = self._times, np.isnan(self.prices).any(axis=0)
        if times.sessions is not None or times.clock is not None:
            return _sealed(np.sum(~np.isnan(self.returns), axis=0))
        limit = int(times.limit.max())
        if (times.limit == limit).all():
            seen = ~np.isnan(self.prices)
            known = np.zeros_like(
                seen[1:]
            )  # whether there is a price at one of the closes that a return may span
            for back in range(min(limit, len(known))):
                known[back:] |= seen[: len(known) - back]
            return _sealed(np.sum(seen[1:] & known, axis=0))
        found = np.full(len(self.assets), len(self.prices) - 1)
        returns = spanning_returns(self.prices[:, gaps], times.limit[gaps])
        found[gaps] = np.sum(~np.isnan(returns), axis=0)
        return _sealed(found)

    @cached_property
    def tradable(self) -> Array:
        """Whether each asset is a member and has a price at this close, ``(assets,)``."""
        return _sealed(self.member & ~np.isnan(self.prices[-1]))

    @cached_property
    def fresh(self) -> Array:
        """Whether each asset is a member and has had a price lately: it may be decided on, ``(assets,)``.

        Lately counts the closes of the asset's own market: on a Sunday a stock is as fresh as on Friday. What is
        fresh and not tradable today is neither sold nor missing: an order for it waits.
        """
        return _sealed(self.member & (self.age < self._times.limit))

    @cached_property
    def age(self) -> Array:
        """Closes of its own market since each asset's last price, ``(assets,)``; inf without any."""
        return _sealed(ages(self.prices, self._times.clock))

    @property
    def spacing(self) -> Array:
        """Sessions a price of each asset, ``(assets,)``: one for daily prices, five for a fund priced on Fridays."""
        return self._times.spacing

    def lags(self, chosen: Array) -> Array:
        """Sessions by which the news of one chosen asset may come before another's, ``(chosen, chosen)``.

        See :meth:`~riskengine.market.calendars.Calendars.lags`.
        """
        return lags_of(self._times.spacing[chosen], self._times.closes[chosen])

    def window(self, days: int) -> Array:
        """The last ``days`` rows of returns, or all if there are fewer: sessions.

        Raises
        ------
        SettingsError
            If ``days`` is below one.
        """
        if days < 1:
            raise SettingsError(f"a window has at least one day, not {days}")
        if days not in self._windows:
            self._windows[days] = _sealed(self._returns(days))
        return self._windows[days]

    def _returns(self, days: int) -> Array:
        """From the prices of these days alone: a wide and long past need not be divided again each time."""
        times = self._times
        if times.sessions is None:
            rows = self.prices[-(days + 1) :]
            if times.clock is None and not np.isnan(rows).any():
                return rows[1:] / rows[:-1] - 1
            # The last known price of what has none on the first of these days.
            rows = self.prices[-(days + 1 + self._reach) :]
            clock = None if times.clock is None else times.clock[-len(rows) :]
            return spanning_returns(rows, times.limit, clock)[-days:]
        where = np.flatnonzero(times.sessions)
        first = max(0, len(where) - (days + 1 + self._reach))
        begin = 0 if first == 0 else int(where[first - 1]) + 1
        if len(where) < 2:
            return np.empty((0, len(self.assets)))
        rows = session_prices(self.prices[begin:], times.sessions[begin:])
        clock = None if times.clock is None else times.clock[where[first:]]
        return spanning_returns(rows, times.limit, clock)[-days:]

    @cached_property
    def _reach(self) -> int:
        """Rows before a window in which the last price before it may lie."""
        return int(2 * self._times.limit.max())

    def restricted(self, member: Array) -> MarketView:
        """The same past, with only those of its members ``(assets,)`` that are marked."""
        return MarketView(
            self.date,
            self.assets,
            self.prices,
            self.member & member,
            self.day,
            self.periods_per_year,
            self._times,
            self.bars,
        )


def _frozen(array: Array) -> Array:
    """A read-only array that owns its memory: the array itself if it is one, otherwise a copy."""
    return array if array.base is None and not array.flags.writeable else _sealed(np.array(array))


def _sealed(array: Array) -> Array:
    """A new array that nobody else holds, made read-only."""
    array = array if array.base is None else array.copy()
    array.flags.writeable = False
    return array
