"""What is refused of a panel: prices, membership and times of closes that cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.calendars import close_of_day


def checked_prices(prices: pd.DataFrame) -> pd.DataFrame:
    """Prices as float64, their columns named by text.

    Raises
    ------
    DataError
        As :class:`~riskengine.market.Panel`.
    """
    if not isinstance(prices, pd.DataFrame):
        raise DataError(f"prices are a pandas DataFrame, dates x assets, not {type(prices).__name__}")
    _check_index(prices.index)
    if prices.shape[0] < 2 or prices.shape[1] < 1:
        raise DataError(
            f"a panel needs at least two dates and one asset, not {prices.shape[0]} x {prices.shape[1]}: "
            "bring more history"
        )
    if prices.columns.nlevels > 1 or any(isinstance(name, tuple) for name in prices.columns):
        raise DataError(
            f"the columns have several names each, {prices.columns[0]} first: take one field of them, "
            "prices['Close'] say, or read the file with load_panel"
        )
    names = prices.columns.map(str)
    if names.has_duplicates:
        raise DataError(
            f"asset {names[names.duplicated()][0]} names more than one column: rename or drop one"
        )
    return _numbers(prices.set_axis(names, axis=1))


def checked_membership(membership: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Membership as bools, dates x assets as the prices."""
    membership = membership.set_axis(membership.columns.map(str), axis=1)
    if not (membership.index.equals(prices.index) and membership.columns.equals(prices.columns)):
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


def check_closes(closes: Mapping[str, str], assets: Sequence[str]) -> None:
    """Refuse times of closes that are none, or of unknown assets."""
    for name, text in closes.items():
        if name not in assets:
            raise DataError(f"closes name {name}, which is no asset of the panel")
        close_of_day(text)


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
        many = np.mean(values[~np.isnan(values)] <= 0) > 0.2
        returns = (
            "; hand in prices, not returns: 100 * (1 + returns).cumprod() is an index of them" if many else ""
        )
        raise DataError(
            f"price {values[row, column]:g} of {prices.columns[column]} on {prices.index[row]:%Y-%m-%d} is not a "
            f"positive number ({len(bad)} such): leave the cell empty if there was no price{returns}"
        )
    return pd.DataFrame(values, prices.index, prices.columns)
