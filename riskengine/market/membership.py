"""Who belonged to the universe when: tables of intervals or of snapshots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.tables import dates, read_table, text, truths


def load_membership(path: str | Path, prices: pd.DataFrame) -> pd.DataFrame:
    """Read who may be held when, as a table of true and false with the dates and columns of the prices.

    Two kinds of table are read, ``.csv`` or ``.parquet``; ``ticker`` is another name for ``asset``.

    - Intervals: ``asset, start, end``, both days included, an empty ``end`` for what goes on; an asset may come
      and go in several rows.
    - Snapshots: ``date, asset`` and perhaps ``member``; each holds from its date until the next one, so that
      nothing is known before it was published. Without ``member`` whoever is listed belongs.

    Assets that the prices do not have are passed over; those that the table does not have never belong.

    Raises
    ------
    DataError
        If columns are missing, a cell is not what it should be, an interval ends before it starts, or table and
        prices have no asset in common.
    """
    path = Path(path)
    frame = read_table(path)
    if {"asset", "start", "end"} <= set(frame.columns):
        table = _from_intervals(frame, path, prices)
    elif {"asset", "date"} <= set(frame.columns):
        table = _from_snapshots(frame, path, prices)
    else:
        raise DataError(
            f"{path} has the columns {', '.join(frame.columns[:6])}: membership is asset, start, end, or "
            "date, asset, member"
        )
    return pd.DataFrame(table, prices.index, prices.columns)


def is_long(path: Path) -> bool:
    """Whether a file looks like a membership table of rows rather than like one as wide as the prices."""
    columns = set(read_table(path).columns)
    return "asset" in columns and bool(columns & {"start", "date"})


def _columns(frame: pd.DataFrame, path: Path, prices: pd.DataFrame) -> np.ndarray:
    """Column of the prices for each row, -1 where they have none."""
    columns = prices.columns.map(str).get_indexer(pd.Index(text(frame, "asset", path)))
    if (columns < 0).all():
        raise DataError(f"{path} names no asset of the prices: check the spelling of both")
    return columns


def _from_intervals(frame: pd.DataFrame, path: Path, prices: pd.DataFrame) -> np.ndarray:
    columns = _columns(frame, path, prices)
    start, end = dates(frame, "start", path), dates(frame, "end", path, optional=True)
    backward = (end < start).to_numpy()
    if backward.any():
        row = int(backward.argmax())
        raise DataError(f"{path}: row {row + 2} ends on {end.iloc[row]:%Y-%m-%d}, before it starts")
    index = pd.DatetimeIndex(prices.index)
    first = index.searchsorted(start.to_numpy(), side="left")
    after = np.where(
        end.isna(), len(index), index.searchsorted(end.fillna(index[-1]).to_numpy(), side="right")
    )
    table = np.zeros(prices.shape, bool)
    for column, begin, stop in zip(columns, first, after, strict=True):
        if column >= 0:
            table[begin:stop, column] = True
    return table


def _from_snapshots(frame: pd.DataFrame, path: Path, prices: pd.DataFrame) -> np.ndarray:
    columns, when = _columns(frame, path, prices), dates(frame, "date", path)
    belongs = truths(frame, "member", path) if "member" in frame else pd.Series(True, frame.index)
    published = pd.DatetimeIndex(np.sort(when.unique()))
    snapshots = np.zeros((len(published) + 1, prices.shape[1]), bool)  # the first is before any was published
    rows = published.get_indexer(pd.Index(when)) + 1
    chosen = (columns >= 0) & belongs.to_numpy()
    snapshots[rows[chosen], columns[chosen]] = True
    return snapshots[published.searchsorted(prices.index, side="right")]
