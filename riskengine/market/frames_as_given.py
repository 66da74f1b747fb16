"""Tables of prices as packages hand them out, made plain: dates as the index, one column an asset."""

from __future__ import annotations

import pandas as pd

from riskengine.errors import DataError

_CLOSES = ("adj close", "adjclose", "adjusted close", "adj_close", "close")


def plain_frame(frame: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Prices with sorted dates without a time zone and one row of names, and what was done to get there.

    Raises
    ------
    DataError
        If it is no table, its index holds no dates, or none of several fields is a close.
    """
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"prices are a pandas DataFrame, dates x assets, not {type(frame).__name__}")
    notes: list[str] = []
    prices = _one_field(frame, notes)
    if not isinstance(prices.index, pd.DatetimeIndex):
        prices = prices.set_axis(_dates(prices.index), axis=0)
    dates = pd.DatetimeIndex(prices.index)
    if dates.tz is not None:
        notes.append(f"the time zone of the dates, {dates.tz}, was dropped")
        prices = prices.set_axis(dates.tz_localize(None), axis=0)
    if not prices.index.is_monotonic_increasing:
        notes.append("rows were sorted by date")
        prices = prices.sort_index()
    return prices, tuple(notes)


def _dates(index: pd.Index) -> pd.DatetimeIndex:
    if pd.api.types.is_numeric_dtype(index):
        raise DataError("prices need dates as their index, not numbers: set_index the column of dates")
    try:
        return pd.DatetimeIndex(pd.to_datetime(index, format="ISO8601"))
    except (TypeError, ValueError) as error:
        raise DataError(
            f"prices need ISO dates as their index ({error}): set_index the column of dates, use pandas.to_datetime"
        ) from error


def _one_field(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Of columns with a field and a ticker each, those of the adjusted close, else of the close."""
    if frame.columns.nlevels == 1:
        return frame
    if frame.columns.nlevels == 2:
        for level in (0, 1):
            fields = {str(name).lower(): name for name in frame.columns.get_level_values(level)}
            for wanted in _CLOSES:
                if wanted in fields:
                    notes.append(f"of several fields, {fields[wanted]} was taken")
                    return pd.DataFrame(frame.xs(fields[wanted], axis=1, level=level))
    raise DataError(
        f"the columns have several names each, {frame.columns[0]} first, and none is a close: take one field of them"
    )
