"""Panels from files, and back. Nothing is filled; nothing is turned round or left out without a note."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.market.addresses import Address, Source, as_source
from riskengine.market.audit import looks_like_returns
from riskengine.market.delisting import Delistings, load_delistings
from riskengine.market.frames_as_given import plain_frame
from riskengine.market.membership import is_long, load_membership
from riskengine.market.panel import Panel
from riskengine.market.shapes import Prices, is_wide, read_prices, wide_numbers


def load_panel(
    path: str | Source | pd.DataFrame,
    membership: str | Path | None = None,
    delistings: str | Path | None = None,
    default_delisting_return: float = 0.0,
    periods_per_year: float | None = None,
) -> Panel:
    """Read prices from a file, from a folder of one file an asset, or from a database by its URL.

    Read as they are: wide tables (one row a date, one column an asset), rows of date, asset and price, fields by
    ticker in two rows of names, open to close of one asset, and a folder of such files; ``.csv`` (also with
    semicolons, tabs or decimal commas), ``.parquet`` and ``.xlsx``, see ``docs/your-own-data.md``. Of several fields
    the adjusted close is taken, else the close; open, high and low come along, adjusted alike, where every asset has
    them. Rows of date and asset give assets by name. Dates are ISO. Empty cells and ``NaN`` mean that there is no
    price.
    What was recognised, left out or turned round stands in ``notes`` of the panel; nothing is filled.

    Parameters
    ----------
    path : file or folder of prices; URL of a table, ``sqlite:///file.db?table=prices``, also of DuckDB and PostgreSQL,
        see :func:`~riskengine.market.addresses.as_source`; or a DataFrame, see :meth:`Panel.from_frame`
    membership : file of the same shape with true (1) where an asset may be held and false (0) where not, or a
        table of intervals or snapshots, see :func:`~riskengine.market.membership.load_membership`
    delistings : table of assets, dates and returns, see :func:`~riskengine.market.delisting.load_delistings`
    default_delisting_return : of an asset whose prices end and that is not in that table
    periods_per_year : prices a year, by which figures are annualised; measured from the dates if not given

    Raises
    ------
    DataError
        If the file is missing, empty or not what its suffix says, if its shape is not known or a cell can be read
        in two ways, if it holds returns, or if the table is not a valid :class:`Panel`. The message names row (the
        header of a CSV is row 1) and column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "prices.csv"
    ...     _ = path.write_text("date,KO,PEP\\n2024-01-02,60,170\\n2024-01-03,61,\\n2024-01-04,60.5,169\\n")
    ...     panel = load_panel(path, periods_per_year=252)
    >>> panel.assets, panel.returns.iloc[-1].round(4).tolist()
    (('KO', 'PEP'), [-0.0082, -0.0059])
    """
    more: dict[str, Any]
    if isinstance(path, pd.DataFrame):
        (prices, notes), more = plain_frame(path), {}
    else:
        read = load_prices(path)
        prices = read.close
        more, notes = _bars(read)
    if periods_per_year is not None:
        more["periods_per_year"] = periods_per_year
    gone = (
        Delistings(default=default_delisting_return)
        if delistings is None
        else load_delistings(delistings, default_delisting_return)
    )
    if membership is None:
        return Panel(prices, delistings=gone, notes=notes, **more)
    wide = not is_long(Path(membership))
    members = wide_numbers(Path(membership), truth=True) if wide else load_membership(membership, prices)
    return Panel(prices, members, gone, notes, **more)


def _bars(read: Prices) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Open, high and low on the dates and columns of the closes, and the notes."""
    bars: dict[str, Any] = {
        name: frame.reindex(index=read.close.index, columns=read.close.columns)
        for name, frame in (("open", read.open), ("high", read.high), ("low", read.low))
        if frame is not None
    }
    if ("high" in bars) == ("low" in bars):
        return bars, read.notes
    alone = "high" if "high" in bars else "low"
    del bars[alone]
    return bars, (*read.notes, f"{alone} left out: it says nothing without the other end of the day's range")


def load_prices(path: str | Source) -> Prices:
    """Read prices as :func:`load_panel` does, with open, high, low and volume where a file has them.

    Raises
    ------
    DataError
        As :func:`load_panel`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "KO.csv"
    ...     _ = path.write_text("date,close,volume\\n2024-01-02,60,1000\\n2024-01-03,61,900\\n")
    ...     found = load_prices(path)
    >>> found.close["KO"].tolist(), found.volume["KO"].tolist()
    ([60.0, 61.0], [1000.0, 900.0])
    """
    found = read_prices(as_source(path))
    why = looks_like_returns(found.close)
    if why:
        raise DataError(
            f"{path}: these look like returns, not prices ({why}): give prices, or make an index of them, "
            "100 * (1 + returns).cumprod()"
        )
    return found


def load_volume(path: str | Source) -> pd.DataFrame:
    """Read traded values for a :class:`~riskengine.market.universe.Universe`: a wide file, or volumes beside prices.

    Where a file or folder has prices and volumes, the value is the close, as it was traded, times the volume.

    Raises
    ------
    DataError
        As :func:`load_panel`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "KO.csv"
    ...     _ = path.write_text("date,close,volume\\n2024-01-02,60,1000\\n2024-01-03,61,900\\n")
    ...     load_volume(path)["KO"].tolist()
    [60000.0, 54900.0]
    """
    source = as_source(path)
    if (isinstance(source, Address) or not source.is_dir()) and is_wide(source):
        return wide_numbers(source)
    found = read_prices(source)
    if found.volume is None:
        raise DataError(f"{path} has prices but no volumes: bring traded values, one column an asset")
    traded = found.close if found.unadjusted is None else found.unadjusted
    return traded * found.volume


def load_series(path: str | Path) -> pd.Series:
    """Read dates and one column of numbers, such as a cash rate, from ``.csv`` or ``.parquet``.

    Raises
    ------
    DataError
        As :func:`load_panel`, or if there is more than one column beside the dates.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "cash.csv"
    ...     _ = path.write_text("date,rate\\n2024-01-02,0.05\\n2024-01-03,0.05\\n")
    ...     load_series(path).tolist()
    [0.05, 0.05]
    """
    frame = wide_numbers(Path(path))
    if frame.shape[1] != 1:
        raise DataError(f"{path} has {frame.shape[1]} columns beside the dates: one is wanted")
    return frame.iloc[:, 0]


def save_prices(prices: pd.DataFrame, path: str | Path) -> Path:
    """Write dates x assets atomically, as ``.csv`` or ``.parquet`` by suffix; returns the path.

    Examples
    --------
    >>> import tempfile
    >>> prices = pd.DataFrame({"KO": [60.0, 61.0]}, pd.bdate_range("2024-01-02", periods=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save_prices(prices, Path(folder) / "prices.csv").read_text().strip())
    date,KO
    2024-01-02,60.0
    2024-01-03,61.0
    """
    path = Path(path)
    if path.suffix == ".csv":
        # Days alone when they say all; closes within a day keep their time, or two would share a date.
        dates = pd.DatetimeIndex(prices.index)
        days = bool((dates == dates.normalize()).all())
        content = prices.to_csv(index_label="date", date_format="%Y-%m-%d" if days else None).encode()
    elif path.suffix == ".parquet":
        buffer = io.BytesIO()
        prices.rename_axis("date").to_parquet(buffer, compression="zstd")
        content = buffer.getvalue()
    else:
        raise DataError(f"{path}: prices are written as .csv or .parquet")
    write_atomically(path, content)
    return path
