"""Prices of a universe, checked once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.audit import Finding, audit_prices
from riskengine.market.delisting import Delistings
from riskengine.market.frequency import periods_per_year
from riskengine.market.view import MarketView


@dataclass(frozen=True, eq=False)
class Panel:
    """Prices, dates x assets, who may be held when, and what was left of those that were delisted.

    Attributes
    ----------
    prices : positive, NaN where there is no price; sorted unique dates, unique column names
    membership : bool, same shape, True where an asset may be held; everything if not given
    delistings : what a holding returned when its asset was delisted; for the books, no view shows it

    Raises
    ------
    DataError
        If dates or columns are unsorted or repeated, a price is not a positive number, there are fewer
        than two dates, or an asset has prices after its delisting. The message names row and column of the
        first offence.

    Examples
    --------
    >>> panel = Panel(pd.DataFrame({"A": [100.0, 102.0, 101.0]}, pd.bdate_range("2024-01-01", periods=3)))
    >>> panel.returns.round(4)["A"].tolist()
    [0.02, -0.0098]
    """

    prices: pd.DataFrame
    membership: pd.DataFrame | None = None
    delistings: Delistings = field(default_factory=Delistings)

    def __post_init__(self) -> None:
        prices = self.prices
        if not isinstance(prices, pd.DataFrame):
            raise DataError(f"prices are a pandas DataFrame, dates x assets, not {type(prices).__name__}")
        _check_index(prices.index)
        if prices.shape[0] < 2 or prices.shape[1] < 1:
            raise DataError(
                f"a panel needs at least two dates and one asset, not {prices.shape[0]} x {prices.shape[1]}: "
                "bring more history"
            )
        names = prices.columns.map(str)
        if names.has_duplicates:
            raise DataError(
                f"asset {names[names.duplicated()][0]} names more than one column: rename or drop one"
            )
        object.__setattr__(self, "prices", _numbers(prices.set_axis(names, axis=1)))
        if self.membership is not None:
            object.__setattr__(self, "membership", self._aligned(self.membership))
        self.delistings.check(self.prices)

    def _aligned(self, membership: pd.DataFrame) -> pd.DataFrame:
        membership = membership.set_axis(membership.columns.map(str), axis=1)
        if not (
            membership.index.equals(self.prices.index) and membership.columns.equals(self.prices.columns)
        ):
            raise DataError("membership needs the dates and columns of the prices: reindex it to them")
        if membership.isna().any(axis=None):
            raise DataError("membership holds missing entries: fill them with False")
        # Only what is plainly true or false: astype(bool) would make a member of the text "False" and of 0.3.
        odd = np.argwhere(~membership.isin([True, False]).to_numpy())
        if len(odd):
            row, column = odd[0]
            raise DataError(
                f"membership {membership.to_numpy(object)[row, column]!r} of {membership.columns[column]} on "
                f"{membership.index[row]:%Y-%m-%d} is neither true (1) nor false (0) ({len(odd)} such)"
            )
        return membership.astype(bool)

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets, in the order of the columns."""
        return tuple(self.prices.columns)

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Dates of the closes."""
        return pd.DatetimeIndex(self.prices.index)

    @cached_property
    def periods_per_year(self) -> float:
        """Closes a year; see :func:`riskengine.market.frequency.periods_per_year`."""
        return periods_per_year(self.dates)

    @cached_property
    def returns(self) -> pd.DataFrame:
        """Simple returns close to close, one row fewer than prices; NaN when either price is missing."""
        values = self.prices.to_numpy()
        return pd.DataFrame(values[1:] / values[:-1] - 1, self.dates[1:], self.prices.columns)

    @cached_property
    def hash(self) -> str:
        """sha256 of dates, names, prices, membership and delistings; the same on every platform."""
        digest = hashlib.sha256()
        digest.update("\n".join(f"{date:%Y-%m-%dT%H:%M:%S}" for date in self.dates).encode())
        digest.update("\x1f".join(self.assets).encode())
        values = np.where(np.isnan(self.prices.to_numpy()), np.nan, self.prices.to_numpy())
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        if self.membership is not None:
            digest.update(np.packbits(self.membership.to_numpy()).tobytes())
        if self.delistings != Delistings():
            digest.update(self.delistings.text().encode())
        return digest.hexdigest()

    def audit(self) -> tuple[Finding, ...]:
        """What looks wrong; see :func:`riskengine.market.audit.audit_prices`."""
        return audit_prices(self.prices)

    def view(self, when: int | str | pd.Timestamp, window: int | None = None) -> MarketView:
        """Everything up to and including a close, by position or date (the last one at or before it).

        Parameters
        ----------
        when : position or date
        window : returns before the close that are shown; all if not given

        Raises
        ------
        DataError
            If the panel has no such close.
        """
        if isinstance(when, int | np.integer):
            position = int(when)
        else:
            try:
                position = int(self.dates.searchsorted(pd.Timestamp(when), side="right")) - 1
            except (TypeError, ValueError) as error:
                raise DataError(f"{when!r} is not a date like 2024-01-31 without a time zone") from error
        if not 0 <= position < len(self.dates):
            raise DataError(
                f"no close at {when}: the panel runs from {self.dates[0]:%F} to {self.dates[-1]:%F}"
            )
        everything = np.ones(len(self.assets), bool)
        member = everything if self.membership is None else self.membership.to_numpy()[position]
        first = 0 if window is None else max(0, position - window)
        past = self.prices.to_numpy()[first : position + 1]
        return MarketView(self.dates[position], self.assets, past, member, position, self.periods_per_year)

    def between(self, start: str | None = None, end: str | None = None) -> Panel:
        """The panel from ``start`` to ``end``, both included.

        Raises
        ------
        DataError
            If one is not a date, or fewer than two closes are left.
        """
        try:
            rows = self.dates.slice_indexer(start, end)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{start!r} to {end!r} are not dates like 2024-01-31 without a time zone"
            ) from error
        member = None if self.membership is None else self.membership.iloc[rows]
        return Panel(self.prices.iloc[rows], member, self.delistings)

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
        return Panel(self.prices[names], member, self.delistings)


def _check_index(index: pd.Index) -> None:
    if not isinstance(index, pd.DatetimeIndex):
        raise DataError(f"prices need dates as their index, not {index.dtype}: use pandas.to_datetime")
    if index.tz is not None:
        raise DataError("dates carry a time zone: drop it with tz_localize(None)")
    if index.hasnans:
        raise DataError(f"row {int(np.argmax(index.isna())) + 1} has no date: give it one or drop it")
    if index.has_duplicates:
        date = index[index.duplicated()][0]
        raise DataError(f"date {date:%Y-%m-%d} appears more than once: keep one row a date")
    if not index.is_monotonic_increasing:
        row = int(np.argmax(np.diff(index.to_numpy()) < np.timedelta64(0))) + 1
        raise DataError(
            f"dates are not sorted: row {row + 1}, {index[row]:%Y-%m-%d}, comes after {index[row - 1]:%Y-%m-%d}; "
            "sort the file if that is what you mean"
        )


def _numbers(prices: pd.DataFrame) -> pd.DataFrame:
    try:
        values = prices.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"prices must be numbers: {error}") from error
    bad = np.argwhere(~np.isnan(values) & ~((values > 0) & np.isfinite(values)))
    if len(bad):
        row, column = bad[0]
        if np.mean(values[~np.isnan(values)] <= 0) > 0.2:
            raise DataError("a fifth of the values or more are not above zero: hand in prices, not returns")
        raise DataError(
            f"price {values[row, column]:g} of {prices.columns[column]} on {prices.index[row]:%Y-%m-%d} is not a "
            f"positive number ({len(bad)} such): leave the cell empty if there was no price"
        )
    return pd.DataFrame(values, prices.index, prices.columns)
