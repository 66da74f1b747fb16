"""Which days each asset's market is open, and the sessions that all markets of a panel have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.holes import missing_closes

Array = np.ndarray

_OPEN = 0.25
"""Share of an asset's busiest slot of the week below which it has no prices in a slot: the market is shut then."""

_MOVES = 0.1
"""The same of prices that move: a market that is shut repeats its last price in many files."""

_ROWS = 4
"""Rows of a slot in an asset's life below which nothing is said about it."""

_DAILY = 4
"""Open weekdays below which an asset is priced too seldom to have a say in what a session is."""

SYNCHRONOUS = 1 / 24
"""Days between two closes up to which they count as one."""


@dataclass(frozen=True, eq=False)
class Calendars:
    """What is known of the assets' markets. Calendars are public in advance: they are measured from all rows.

    A session is a row at which the markets of all daily assets are open by their weekdays; in a panel of stocks
    and coins every weekday. Rows in between, as weekends, belong to the session that comes after them, so that over
    it a coin's return runs from Friday to Monday like a stock's. Holidays of single markets are gaps, whose
    next return spans them.

    Attributes
    ----------
    sessions : (rows,) whether a row is a session; None where every row is one
    kinds : of each asset ``"five-day"``, ``"seven-day"``, ``"every 5"`` (sessions a price), ...
    spacing : (assets,) sessions a price, one for daily prices
    own : (assets,) closes of its own market a price
    shut : (rows, assets) rows at which an asset's market is shut; None if it never is
    closes : (assets,) time of the close as a fraction of a day in UTC, NaN if not stated
    missing : (rows,) closes that the table lacks before each row; see :func:`~riskengine.market.holes.missing_closes`
    """

    sessions: Array | None
    kinds: tuple[str, ...]
    spacing: Array
    own: Array
    shut: Array | None
    closes: Array
    missing: Array

    @classmethod
    def measured(cls, prices: pd.DataFrame, closes: Mapping[str, str] | None = None) -> Calendars:
        """From where prices are, and where they move.

        Parameters
        ----------
        prices : dates x assets
        closes : asset to the time of its close, see :func:`close_of_day`; assets of one time zone and close that
            have no price on the same day have a holiday together
        """
        dates, values = pd.DatetimeIndex(prices.index), prices.to_numpy()
        known = closes or {}
        stated = np.array([close_of_day(known[str(a)]) if a in known else np.nan for a in prices.columns])
        seen = ~np.isnan(values)
        slots, open_ = _open_slots(dates, values, seen)
        weekly = open_.shape[0] == 1  # prices of weeks and months: every row is a close of everything
        sessions = None if weekly else _sessions(slots, open_, dates, seen)
        whole = values if sessions is None else session_prices(values, sessions)
        spacing = _spacing(whole, None)
        shut = None if weekly else ~open_[slots]
        markets = {name: text for name, text in (closes or {}).items() if name in prices.columns}
        shut = _with_holidays(shut, seen, list(prices.columns), markets)
        if shut is not None:
            shut &= ~seen
            shut = shut if shut.any() else None
        kinds = tuple(_kind(slots, open_[:, k], dates, int(n)) for k, n in enumerate(spacing))
        own = _spacing(values, None if shut is None else np.cumsum(~shut, axis=0))
        return cls(sessions, kinds, spacing, own, shut, stated, missing_closes(dates))

    @cached_property
    def clock(self) -> Array | None:
        """Closes of each asset's own market so far ``(rows, assets)``, those that the table lacks among them.

        None where every row is a close of all, and none is missing.
        """
        if self.shut is None and not self.missing.any():
            return None
        rows, assets = len(self.missing), len(self.spacing)
        passed = np.ones((rows, assets), int) if self.shut is None else (~self.shut).astype(int)
        return np.cumsum(passed + self.missing[:, None], axis=0)

    @property
    def mixed(self) -> bool:
        """Whether markets of the panel are open on different days."""
        return self.sessions is not None

    def lags(self) -> Array:
        """Sessions by which the news of the column's asset may come before that of the row's ``(assets, assets)``.

        What closes first learns on its next session what the other knew on this one; what is priced every fifth
        session has returns that go with those of the other four as well.
        """
        return lags_of(self.spacing, self.closes)


def lags_of(spacing: Array, closes: Array) -> Array:
    """See :meth:`Calendars.lags`.

    Parameters
    ----------
    spacing : (assets,) sessions a price
    closes : (assets,) fraction of a day in UTC, NaN if not stated

    Examples
    --------
    >>> lags_of(np.array([1, 1]), np.array([6 / 24, 21 / 24]))  # Tokyo closes before New York
    array([[0, 1],
           [0, 0]])
    """
    with np.errstate(invalid="ignore"):
        earlier = closes[None, :] - closes[:, None] > SYNCHRONOUS
    lags = earlier.astype(np.int64) + (spacing[:, None] - 1)
    np.fill_diagonal(lags, 0)
    return lags


def session_prices(values: Array, sessions: Array) -> Array:
    """Last known price of each session ``(sessions, assets)``: at its row, or at one since the session before.

    Examples
    --------
    >>> session_prices(np.array([[1.0], [2.0], [np.nan], [4.0]]), np.array([True, False, True, False])).ravel()
    array([1., 2.])
    """
    where = np.flatnonzero(sessions)
    found = values[where]
    if np.isnan(found).any():
        starts = np.concatenate([[0], where[:-1] + 1])
        for back in range(1, int((where - starts).max(initial=0)) + 1):
            rows = where - back
            earlier = values[np.maximum(rows, 0)]
            inside = (rows >= starts)[:, None]
            found = np.where(np.isnan(found) & inside, earlier, found)
    return found


def close_of_day(text: str) -> float:
    """Time of a close like ``15:00 Asia/Tokyo`` as a fraction of a day in UTC; ``24:00 UTC`` ends the day.

    Raises
    ------
    DataError
        If it is not a time and a time zone.

    Examples
    --------
    >>> close_of_day("15:00 Asia/Tokyo") * 24, close_of_day("16:00 America/New_York") * 24
    (6.0, 21.0)
    """
    found = re.fullmatch(r"(\d{1,2}):(\d{2})\s+(\S+)", str(text).strip())
    if found is None or not (int(found[1]) < 24 or (int(found[1]), int(found[2])) == (24, 0)):
        raise DataError(f"a close is a time and a time zone like '16:00 America/New_York', not {text!r}")
    if int(found[2]) > 59:
        raise DataError(f"a close is a time of day like 16:00, not {found[1]}:{found[2]}")
    try:
        zone = ZoneInfo(found[3])
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise DataError(f"{found[3]!r} is no time zone: use a name like Europe/London or UTC") from error
    # In January: summer time moves closes by less than what counts as another close.
    moment = pd.Timestamp("2024-01-10", tz=zone)
    offset = moment.utcoffset()
    assert offset is not None
    return (int(found[1]) + int(found[2]) / 60) / 24 - offset.total_seconds() / 86400


def _open_slots(dates: pd.DatetimeIndex, values: Array, seen: Array) -> tuple[Array, Array]:
    """Slot of the week of each row ``(rows,)``, and whether each asset's market is open in it ``(slots, assets)``.

    A slot is a weekday, or a weekday and a time of day. One slot only where closes are further apart than a day.
    """
    steps = np.diff(dates.to_numpy()).astype("timedelta64[s]").astype(np.float64) / 86400
    assets = values.shape[1]
    if np.median(steps) > 1.5:
        return np.zeros(len(dates), int), np.ones((1, assets), bool)
    keys = dates.day_of_week.to_numpy() * 86400
    if np.median(steps) < 0.5:
        keys = keys + ((dates - dates.normalize()).total_seconds()).to_numpy().astype(int)
    _, slots = np.unique(keys, return_inverse=True)
    count = int(slots.max()) + 1
    weeks = np.zeros((count, len(dates)), np.float32)
    weeks[slots, np.arange(len(dates))] = 1.0
    first = np.argmax(seen, axis=0)
    last = len(dates) - 1 - np.argmax(seen[::-1], axis=0)
    rows = np.arange(len(dates))[:, None]
    alive = (rows >= first) & (rows <= last) & seen.any(axis=0)
    moved = seen.copy()
    moved[1:] &= values[1:] != values[:-1]  # a price after none has moved
    lives, priced, moves = (weeks @ part.astype(np.float32) for part in (alive, seen, moved))
    shares = [np.divide(part, lives, out=np.zeros_like(part), where=lives > 0) for part in (priced, moves)]
    known = lives >= _ROWS
    open_ = shares[0] >= _OPEN * np.where(known, shares[0], 0).max(axis=0)
    open_ &= shares[1] >= _MOVES * np.where(known, shares[1], 0).max(axis=0)
    return slots, open_ | ~known


def _sessions(slots: Array, open_: Array, dates: pd.DatetimeIndex, seen: Array) -> Array | None:
    """Rows at which every daily asset's market is open; None if that is every row."""
    weekday = np.zeros(open_.shape[0], int)
    weekday[slots] = dates.day_of_week
    days = np.stack([open_[weekday == day].any(axis=0) for day in range(7)])
    # What is priced once a week or a month has no say in what a session is.
    daily: Array = (days.sum(axis=0) >= _DAILY) & (_spacing(np.where(seen, 1.0, np.nan), None) < _DAILY)
    if not daily.any():
        return None
    common: Array = np.asarray(open_[:, daily].all(axis=1))
    if len(np.unique(weekday[common])) < _DAILY - 1:  # markets with hardly a day in common: that of most rows
        busiest = np.argmax((open_[slots][:, daily]).sum(axis=0))
        common = open_[:, np.flatnonzero(daily)[busiest]]
    return None if common.all() else common[slots]


def _spacing(values: Array, clock: Array | None) -> Array:
    """Median number of rows, or of closes by a clock, from a price to the next, one an asset."""
    found = np.ones(values.shape[1], int)
    for asset in np.flatnonzero(np.isnan(values).any(axis=0)):
        rows = np.flatnonzero(~np.isnan(values[:, asset]))
        if len(rows) > 2:
            times = rows if clock is None else clock[rows, asset]
            found[asset] = max(1, int(np.median(np.diff(times))))
    return found


def _with_holidays(
    shut: Array | None, seen: Array, assets: list[str], closes: Mapping[str, str]
) -> Array | None:
    """Marks the days on which no asset of a stated market has a price; it takes three assets to know."""
    for market in sorted(set(closes.values())):
        members: Array = np.array([closes.get(name) == market for name in assets])
        alive = seen[:, members].any()
        if members.sum() < 3 or not alive:
            continue
        holiday: Array = ~np.asarray(seen[:, members].any(axis=1))
        if holiday.any():
            shut = np.zeros(seen.shape, bool) if shut is None else shut
            shut[:, members] |= holiday[:, None]
    return shut


def _kind(slots: Array, open_: Array, dates: pd.DatetimeIndex, spacing: int) -> str:
    if spacing > 1:
        return f"every {spacing}"
    if len(open_) == 1:
        return "every close"
    weekday = np.zeros(len(open_), int)
    weekday[slots] = dates.day_of_week
    words = ("no", "one", "two", "three", "four", "five", "six", "seven")
    return f"{words[len(np.unique(weekday[open_]))]}-day"
