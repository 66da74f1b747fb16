"""Prices of a universe, checked once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError
from riskengine.market.audit import Finding, audit_prices
from riskengine.market.bars import BARS, Bars, checked_bars, log_ranges, session_bars
from riskengine.market.calendars import Calendars, session_prices
from riskengine.market.dates import closes_before, last_moment, parse_date
from riskengine.market.delisting import Delistings
from riskengine.market.frames_as_given import plain_frame
from riskengine.market.frequency import STATED, Frequency
from riskengine.market.panel_checks import check_closes, checked_membership, checked_prices
from riskengine.market.spans import STALE_AFTER, spanning_returns
from riskengine.market.times import time_findings
from riskengine.market.view import MarketView, Times


@dataclass(frozen=True, eq=False)
class Panel:
    """Prices, dates x assets, who may be held when, and what was left of those that were delisted.

    Attributes
    ----------
    prices : positive, NaN where there is no price; sorted unique dates, unique column names
    membership : bool, same shape, True where an asset may be held; everything if not given
    delistings : what a holding returned when its asset was delisted; for the books, no view shows it
    notes : how the file was read, where that is not plain
    staleness : closes of its own market for which the last known price of an asset is good: for a decision, and as the
        start of the return after a gap
    periods_per_year : closes a year; measured from the dates if not given, see
        :class:`~riskengine.market.frequency.Frequency`. State it where the dates are irregular.
    closes : asset to the time of its close, such as ``"15:00 Asia/Tokyo"``; those that differ by more than an hour
        have correlations estimated with lags
    open, high, low : beside the closes and adjusted alike, NaN where there is none, or None; what is out of order is
        taken for missing, see :func:`~riskengine.market.bars.checked_bars`, and :meth:`audit` says so
    frequency : unit and periods a year of the closes, and what is doubtful about them

    Raises
    ------
    DataError
        If dates or columns are unsorted or repeated, a price is not a positive number, there are fewer than two dates,
        an asset has prices after its delisting, open, high or low have other dates or columns than the prices, or a
        close is not a time and a time zone, or of an unknown asset. The message names row and column of the first
        offence.
    SettingsError
        If the staleness is below one, or ``periods_per_year`` not positive.

    Examples
    --------
    >>> panel = Panel(pd.DataFrame({"A": [100.0, 102.0, 101.0]}, pd.bdate_range("2024-01-01", periods=3)))
    >>> panel.returns.round(4)["A"].tolist()
    [0.02, -0.0098]
    """

    prices: pd.DataFrame
    membership: pd.DataFrame | None = None
    delistings: Delistings = field(default_factory=Delistings)
    notes: tuple[str, ...] = ()
    staleness: int = STALE_AFTER
    periods_per_year: float = None  # type: ignore[assignment]  # a number once it is made
    closes: Mapping[str, str] | None = None
    open: pd.DataFrame | None = field(default=None, repr=False)
    high: pd.DataFrame | None = field(default=None, repr=False)
    low: pd.DataFrame | None = field(default=None, repr=False)
    frequency: Frequency = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prices", checked_prices(self.prices))
        if self.membership is not None:
            object.__setattr__(self, "membership", checked_membership(self.membership, self.prices))
        self.delistings.check(self.prices)
        self._check_bars()
        if self.staleness < 1:
            raise SettingsError(
                f"a price is good for its own close at least: staleness=1, not {self.staleness}"
            )
        stated, dates = self.periods_per_year, self.dates
        frequency = Frequency.measured(dates) if stated is None else Frequency.of(stated, dates)
        object.__setattr__(self, "frequency", frequency)
        object.__setattr__(self, "periods_per_year", frequency.periods_per_year)
        check_closes(self.closes or {}, self.assets)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, **settings: Any) -> Panel:
        """A panel of a table of prices as it comes, from a vendor's package say; what was done is in its notes.

        Dates may be text, unsorted, or carry a time zone; of several fields by ticker (two rows of names, as yfinance
        has them) the adjusted close is taken, else the close. Nothing is filled.

        Parameters
        ----------
        frame : dates x assets
        settings : of the panel

        Raises
        ------
        DataError
            As :class:`Panel`.

        Examples
        --------
        >>> table = pd.DataFrame({"A": [101.0, 100.0]}, ["2024-01-03", "2024-01-02"])
        >>> panel = Panel.from_frame(table)
        >>> panel.prices["A"].tolist(), panel.notes
        ([100.0, 101.0], ('rows were sorted by date',))
        """
        prices, notes = plain_frame(frame)
        return cls(prices, notes=(*settings.pop("notes", ()), *notes), **settings)

    def _check_bars(self) -> None:
        bars, findings = checked_bars({name: getattr(self, name) for name in BARS}, self.prices)
        for name, values in zip(BARS, bars, strict=True):
            frame = None if values is None else pd.DataFrame(values, self.prices.index, self.prices.columns)
            object.__setattr__(self, name, frame)
        object.__setattr__(self, "_disordered", findings)

    def __getstate__(self) -> dict[str, object]:
        """A copy: what is cached may grow while a helper process is being sent the panel."""
        return self.__dict__.copy()

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, in the order of the columns."""
        return tuple(self.prices.columns)

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Dates of the closes."""
        return pd.DatetimeIndex(self.prices.index)

    @cached_property
    def calendars(self) -> Calendars:
        """When each asset's market is open; see :class:`~riskengine.market.calendars.Calendars`."""
        return Calendars.measured(self.prices, self.closes)

    @cached_property
    def session_frequency(self) -> Frequency:
        """Of the sessions that all markets have in common, which views show; see :class:`MarketView`."""
        sessions = self.calendars.sessions
        if sessions is None:
            return self.frequency
        found = Frequency.measured(self.dates[sessions])
        if not self.frequency.stated:
            return found
        return replace(found, periods_per_year=self.frequency.periods_per_year * float(np.mean(sessions)))

    @cached_property
    def returns(self) -> pd.DataFrame:
        """Simple returns close to close, one row fewer than prices.

        NaN where there is no price. The first return after a gap spans it, if the last price is no older than the
        staleness of the panel, in closes of the asset's own market.
        """
        found = spanning_returns(self.prices.to_numpy(), self._times.limit, self._times.clock)
        return self._stated(pd.DataFrame(found, self.dates[1:], self.prices.columns), self.frequency)

    @staticmethod
    def _stated(returns: pd.DataFrame, frequency: Frequency) -> pd.DataFrame:
        """The same, with the periods a year if they were stated."""
        if frequency.stated:
            returns.attrs[STATED] = frequency.periods_per_year
        return returns

    @cached_property
    def session_returns(self) -> pd.DataFrame:
        """Returns from session to session: what a :class:`MarketView` shows, and what covariances are made of.

        The same as :attr:`returns` where all assets have the same trading days.
        """
        times = self._times
        if times.sessions is None:
            return self.returns
        values = session_prices(self.prices.to_numpy(), times.sessions)
        clock = None if times.clock is None else times.clock[times.sessions]
        found = spanning_returns(values, times.limit, clock)
        returns = pd.DataFrame(found, self.dates[times.sessions][1:], self.prices.columns)
        return self._stated(returns, self.session_frequency)

    @cached_property
    def session_ranges(self) -> pd.DataFrame | None:
        """Logarithms of high over low beside :attr:`session_returns`; None without ranges.

        Examples
        --------
        >>> close = pd.DataFrame({"A": [100.0, 102.0, 101.0]}, pd.bdate_range("2024-01-01", periods=3))
        >>> Panel(close, high=close + 1, low=close - 1).session_ranges.round(4)["A"].tolist()
        [0.0196, 0.0198]
        """
        bars, times = self._bars, self._times
        dates = self.dates
        if times.sessions is not None:
            bars, dates = session_bars(bars, self.prices.to_numpy(), times.sessions), dates[times.sessions]
        found = log_ranges(bars)
        return None if found is None else pd.DataFrame(found, dates[1:], self.prices.columns)

    @property
    def _bars(self) -> Bars:
        return Bars(
            *(None if frame is None else frame.to_numpy() for frame in (self.open, self.high, self.low))
        )

    @cached_property
    def _times(self) -> Times:
        found = self.calendars
        return Times(found.sessions, found.clock, found.spacing, found.own, found.closes, self.staleness)

    @cached_property
    def hash(self) -> str:
        """sha256 of dates, names, prices, bars, membership, delistings and what is stated, on every platform alike."""
        digest = hashlib.sha256()
        digest.update("\n".join(f"{date:%Y-%m-%dT%H:%M:%S}" for date in self.dates).encode())
        digest.update("\x1f".join(self.assets).encode())
        values = np.where(np.isnan(self.prices.to_numpy()), np.nan, self.prices.to_numpy())
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        if self.membership is not None:
            digest.update(np.packbits(self.membership.to_numpy()).tobytes())
        if self.delistings != Delistings():
            digest.update(self.delistings.text().encode())
        stated = self.periods_per_year if self.frequency.stated else None
        if (self.staleness, stated, self.closes) != (STALE_AFTER, None, None):
            closes = sorted((self.closes or {}).items())
            digest.update(f"\x1e{self.staleness} {stated} {closes}".encode())
        for name, bar in zip(BARS, self._bars, strict=True):
            if bar is not None:
                digest.update(f"\x1d{name}".encode())
                digest.update(np.ascontiguousarray(np.where(np.isnan(bar), np.nan, bar), "<f8").tobytes())
        return digest.hexdigest()

    def audit(self) -> tuple[Finding, ...]:
        """How the file was read, and what looks wrong.

        See :func:`riskengine.market.audit.audit_prices` and :func:`riskengine.market.times.time_findings`.
        """
        return self._findings

    @cached_property
    def _findings(self) -> tuple[Finding, ...]:
        read = tuple(Finding("reading", None, None, note) for note in self.notes)
        disordered: tuple[Finding, ...] = self.__dict__["_disordered"]
        return read + audit_prices(self.prices, self.calendars.shut) + disordered + time_findings(self)

    def view(self, when: int | str | pd.Timestamp, window: int | None = None) -> MarketView:
        """Everything up to and including a close, by position or date (the last one at or before it).

        Parameters
        ----------
        when : position or date
        window : closes before this one that are shown; all if not given

        Raises
        ------
        DataError
            If the panel has no such close.
        """
        if isinstance(when, int | np.integer):
            position = int(when)
        else:
            position = closes_before(self.dates, last_moment(when), included=True) - 1
        if not 0 <= position < len(self.dates):
            raise DataError(
                f"no close at {when}: the panel runs from {self.dates[0]:%F} to {self.dates[-1]:%F}"
            )
        everything = np.ones(len(self.assets), bool)
        member = everything if self.membership is None else self.membership.to_numpy()[position]
        first = 0 if window is None else max(0, position - window)
        past = self.prices.to_numpy()[first : position + 1]
        times, day = self._times, position
        if times.sessions is not None:
            day = int(times.sessions[: position + 1].sum()) - 1
            times = replace(times, sessions=times.sessions[first : position + 1].copy())
        if times.clock is not None:
            times = replace(times, clock=times.clock[first : position + 1].copy())
        periods = self.session_frequency.periods_per_year
        bars = self._bars.rows(slice(first, position + 1))
        return MarketView(self.dates[position], self.assets, past, member, day, periods, times, bars)

    def between(
        self, start: str | pd.Timestamp | None = None, end: str | pd.Timestamp | None = None
    ) -> Panel:
        """The panel from ``start`` to ``end``, both included.

        Raises
        ------
        DataError
            If one is not a date, or fewer than two closes are left.
        """
        first = 0 if start is None else closes_before(self.dates, parse_date(start, "start"))
        after = len(self.dates)
        if end is not None:
            after = closes_before(self.dates, last_moment(end, "end"), included=True)
        if after - first < 2:
            asked = " ".join(
                f"{word} {text}" for word, text in (("from", start), ("to", end)) if text is not None
            )
            raise DataError(
                f"{max(after - first, 0)} close(s) {asked}: the panel runs from {self.dates[0]:%F} to "
                f"{self.dates[-1]:%F}, and at least two are needed"
            )
        member = None if self.membership is None else self.membership.iloc[first:after]
        bars = (None if bar is None else bar.iloc[first:after] for bar in self._frames)
        return self._with(self.prices.iloc[first:after], member, bars)

    def select(self, assets: list[str] | tuple[str, ...]) -> Panel:
        """The panel of some assets.

        Raises
        ------
        DataError
            If an asset is unknown.
        """
        unknown = [name for name in assets if name not in self.prices.columns]
        if unknown:
            raise DataError(f"unknown asset {unknown[0]}: the panel has {', '.join(self.assets[:8])}, ...")
        names = list(assets)
        member = None if self.membership is None else self.membership[names]
        bars = (None if bar is None else bar[names] for bar in self._frames)
        return self._with(self.prices[names], member, bars)

    def at_sessions(self) -> Panel:
        """The panel of the sessions that all markets have in common, for figures that stand beside each other.

        Itself where every close is a session. Prices between two sessions are at the later one what is known then.
        """
        sessions = self._times.sessions
        if sessions is None or sessions.sum() < 2:
            return self
        prices = session_prices(self.prices.to_numpy(), sessions)
        member = None if self.membership is None else self.membership[sessions]
        dates = self.dates[sessions]
        bars = (
            None if bar is None else pd.DataFrame(bar, dates, self.prices.columns)
            for bar in session_bars(self._bars, self.prices.to_numpy(), sessions)
        )
        found = self._with(pd.DataFrame(prices, dates, self.prices.columns), member, bars)
        stated = self.session_frequency.periods_per_year if self.frequency.stated else None
        return found if stated is None else replace(found, periods_per_year=stated)

    @property
    def _frames(self) -> tuple[pd.DataFrame | None, ...]:
        return self.open, self.high, self.low

    def _with(
        self, prices: pd.DataFrame, membership: pd.DataFrame | None, bars: Iterable[pd.DataFrame | None]
    ) -> Panel:
        """Another panel with the same settings."""
        stated: float = self.periods_per_year if self.frequency.stated else None  # type: ignore[assignment]
        closes = (
            None if self.closes is None else {k: v for k, v in self.closes.items() if k in prices.columns}
        )
        return Panel(prices, membership, self.delistings, self.notes, self.staleness, stated, closes, *bars)


def audit_table(prices: pd.DataFrame) -> tuple[Finding, ...]:
    """Audit of a table of prices, as :meth:`Panel.audit`; without calendars where the table is no valid panel.

    Examples
    --------
    >>> table = pd.DataFrame({"A": [100.0, 101.0, -1.0]}, pd.bdate_range("2024-01-01", periods=3))
    >>> [finding.kind for finding in audit_table(table)]
    ['non_positive_price']
    """
    try:
        return Panel(prices).audit()
    except DataError:
        return audit_prices(prices)
