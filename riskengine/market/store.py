"""Prices that grow by the day and are corrected: nothing is overwritten, so that a past report can be made again."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.market.addresses import Source
from riskengine.market.dates import parse_date
from riskengine.market.loading import load_prices
from riskengine.market.shapes import Prices
from riskengine.market.store_rows import FIELDS, LATEST, opened


@dataclass(frozen=True)
class Added:
    """Outcome of adding a file to a store.

    Attributes
    ----------
    batch : its number; 0 where it brought nothing and none was made
    known : moment from which on it is known, UTC
    added : prices of dates and assets that had none
    corrected : prices that were known otherwise
    same : prices that were known already
    corrections : rows of date, asset, before, after: the largest ones by their ratio, twenty at most
    """

    batch: int
    known: str
    added: int
    corrected: int
    same: int
    corrections: tuple[dict[str, Any], ...] = ()


def add_prices(store: str | Path, source: str | Source, known: str | None = None) -> Added:
    """Append a file of prices to a store, begun if it is not there.

    What the store knows already is passed over; what it knows otherwise is kept beside it as a correction, which holds
    from ``known`` on. An empty cell says nothing: :func:`withdraw` takes a price back. All of it or nothing is written.

    Parameters
    ----------
    store : file of the store
    source : file or address in any shape that :func:`~riskengine.market.load_panel` reads
    known : moment from which on it is known, in UTC like 2024-05-01T18:00; now if left out

    Raises
    ------
    DataError
        If the prices cannot be read, are adjusted where those of the store are not or the reverse, if ``known`` is not
        after what the store holds, or if another process writes to the store. The store is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, store = Path(folder) / "prices.csv", Path(folder) / "prices.store"
    ...     _ = file.write_text("date,KO,PEP\\n2024-01-02,60,170\\n2024-01-03,61,171\\n")
    ...     added = add_prices(store, file, known="2024-01-03T22:00")
    >>> added
    Added(batch=1, known='2024-01-03T22:00:00', added=4, corrected=0, same=0, corrections=())
    """
    read = load_prices(source)
    rows = _rows(read)
    _check_values(read.close, source)
    with opened(Path(store), writing=True) as connection:
        _check_kind(connection, _kind_of(read), store, source)
        connection.register("given", rows)
        connection.execute(f"CREATE TEMP TABLE latest AS {LATEST}", [None])
        told = [name for name in FIELDS if name in rows]
        differs = " OR ".join(f"given.{name} IS DISTINCT FROM latest.{name}" for name in told)
        joined = "FROM given LEFT JOIN latest USING (date, asset)"
        connection.execute(
            f"CREATE TEMP TABLE fresh AS SELECT given.*, latest.date IS NULL AS new, latest.close AS before {joined} "
            f"WHERE latest.date IS NULL OR ({differs})"
        )
        added, corrected = connection.execute(
            "SELECT count(*) FILTER (new), count(*) FILTER (NOT new) FROM fresh"
        ).fetchone()
        same = len(rows) - added - corrected
        if added + corrected == 0:
            return Added(0, "", 0, 0, same)
        batch, since = _new_batch(
            connection, known, (str(source), _hash(rows), _kind_of(read)), added, corrected
        )
        connection.execute(
            f"INSERT INTO prices (batch, date, asset, {', '.join(told)}) "
            f"SELECT ?, date, asset, {', '.join(told)} FROM fresh ORDER BY asset, date",
            [batch],
        )
        return Added(batch, since, added, corrected, same, _largest(connection))


def withdraw(store: str | Path, asset: str, date: str, known: str | None = None) -> str:
    """Withdraw a price: from ``known`` on there is none of that asset and date. Returns the moment as text.

    Parameters
    ----------
    store : its file
    asset, date : of the price; the date in ISO 8601
    known : moment in UTC from which on it is withdrawn; now if not given

    Raises
    ------
    DataError
        If the store knows no such price, or as :func:`add_prices`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, store = Path(folder) / "prices.csv", Path(folder) / "prices.store"
    ...     _ = file.write_text("date,KO,PEP\\n2024-01-02,60,170\\n2024-01-03,61,171\\n")
    ...     _ = add_prices(store, file, known="2024-01-03T22:00")
    ...     _ = withdraw(store, "KO", "2024-01-02", known="2024-01-05T09:00")
    ...     [row["close"] for row in history(store, "KO", "2024-01-02")]
    [60.0, None]
    """
    when = parse_date(date)
    with opened(Path(store), writing=True) as connection:
        held = connection.execute(
            f"SELECT close FROM ({LATEST}) WHERE date = ? AND asset = ?", [None, when, asset]
        ).fetchone()
        if held is None or held[0] is None:
            raise DataError(f"{store} has no price of {asset!r} on {date}")
        kind = connection.execute("SELECT kind FROM batches ORDER BY id DESC LIMIT 1").fetchone()[0]
        batch, since = _new_batch(connection, known, (f"{asset} on {date} withdrawn", "", kind), 0, 1)
        connection.execute("INSERT INTO prices (batch, date, asset) VALUES (?, ?, ?)", [batch, when, asset])
    return since


def batches(store: str | Path) -> list[dict[str, Any]]:
    """Batches of a store: number, moment in UTC, source, hash of the rows, prices added and corrected.

    Raises
    ------
    DataError
        If there is no such store, or another process writes to it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, store = Path(folder) / "prices.csv", Path(folder) / "prices.store"
    ...     _ = file.write_text("date,KO,PEP\\n2024-01-02,60,170\\n2024-01-03,61,171\\n")
    ...     _ = add_prices(store, file, known="2024-01-03T22:00")
    ...     [(row["batch"], row["known"], row["added"], row["corrected"]) for row in batches(store)]
    [(1, '2024-01-03T22:00:00', 4, 0)]
    """
    return _table(
        store, "SELECT id AS batch, known, source, hash, added, corrected FROM batches ORDER BY id", []
    )


def history(store: str | Path, asset: str, date: str) -> list[dict[str, Any]]:
    """Every close of an asset and date that was ever known, oldest first; None where it was withdrawn.

    Parameters
    ----------
    store : its file
    asset, date : of the closes; the date in ISO 8601

    Raises
    ------
    DataError
        As :func:`batches`, or if there never was one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file, store = Path(folder) / "prices.csv", Path(folder) / "prices.store"
    ...     for day, price in ((3, 60), (4, 59.5)):
    ...         _ = file.write_text(f"date,KO,PEP\\n2024-01-02,{price},170\\n2024-01-03,61,171\\n")
    ...         _ = add_prices(store, file, known=f"2024-01-0{day}T22:00")
    ...     [row["close"] for row in history(store, "KO", "2024-01-02")]
    [60.0, 59.5]
    """
    found = _table(
        store,
        "SELECT id AS batch, known, close, source FROM prices JOIN batches ON batch = id WHERE asset = ? AND date = ? "
        "ORDER BY id",
        [asset, parse_date(date)],
    )
    if not found:
        raise DataError(f"{store} never had a price of {asset!r} on {date}")
    return found


def _table(store: str | Path, statement: str, given: list[Any]) -> list[dict[str, Any]]:
    with opened(Path(store)) as connection:
        cursor = connection.execute(statement, given)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [row | {"known": row["known"].isoformat()} for row in rows]


def _rows(read: Prices) -> pd.DataFrame:
    """A row a price, with the other fields that the file has."""
    frames = {
        "close": read.close,
        "open": read.open,
        "high": read.high,
        "low": read.low,
        "volume": read.volume,
    }
    stacked = {
        name: frame.reindex(index=read.close.index, columns=read.close.columns).to_numpy().ravel()
        for name, frame in frames.items()
        if frame is not None
    }
    index = pd.MultiIndex.from_product([read.close.index, read.close.columns], names=["date", "asset"])
    rows = pd.DataFrame(stacked, index).reset_index()
    # NaN is a number to a database, and a missing one is none.
    return rows[rows["close"].notna()].astype(dict.fromkeys(stacked, "Float64"))


def _check_values(close: pd.DataFrame, source: str | Source) -> None:
    """Refuse what no panel would take; a single day is one here."""
    values = close.to_numpy()
    bad = np.argwhere(~np.isnan(values) & ~((values > 0) & np.isfinite(values)))
    if len(bad):
        row, column = bad[0]
        raise DataError(
            f"{source}: price {values[row, column]:g} of {close.columns[column]} on {close.index[row]:%Y-%m-%d} is not "
            f"a positive number ({len(bad)} such): leave the cell empty if there was no price"
        )


def _hash(rows: pd.DataFrame) -> str:
    """sha256 of the rows of a batch."""
    digest = hashlib.sha256("\x1f".join(rows["asset"]).encode())
    digest.update(rows["date"].to_numpy("datetime64[ns]").astype("<i8").tobytes())
    for name in rows.columns[2:]:
        digest.update(name.encode())
        digest.update(rows[name].to_numpy("<f8", na_value=np.nan).tobytes())
    return digest.hexdigest()


def _kind_of(read: Prices) -> str:
    """Whether closes are adjusted, where their name tells it."""
    return "adjusted" if read.adjusted else "unknown" if read.shape == "wide" else "traded"


def _check_kind(connection: Any, kind: str, store: str | Path, source: str | Source) -> None:
    """Refuse closes as they were traded beside adjusted ones."""
    held = {name for (name,) in connection.execute("SELECT DISTINCT kind FROM batches").fetchall()}
    other = {"adjusted": "traded", "traded": "adjusted"}.get(kind)
    if other in held:
        words = {"adjusted": "adjusted closes", "traded": "closes as they were traded"}
        raise DataError(
            f"{source} has {words[kind]}, {store} {words[str(other)]}: bring one kind, or keep two stores"
        )


def _new_batch(
    connection: Any, known: str | None, facts: tuple[str, str, str], added: int, corrected: int
) -> tuple[int, str]:
    """Enter a batch that is known later than all others; its number and moment."""
    now = pd.Timestamp(datetime.datetime.now(datetime.UTC).replace(tzinfo=None))
    since = now if known is None else parse_date(known, "known")
    last, number = connection.execute("SELECT max(known), coalesce(max(id), 0) + 1 FROM batches").fetchone()
    if last is not None and not since > last:
        raise DataError(
            f"known {since} is not after the last batch, {last}: what was known then must not change; give a later "
            "moment, or leave it out"
        )
    if since > now:
        raise DataError(
            f"known {since} lies in the future, it is {now:%Y-%m-%dT%H:%M:%S} UTC: give a past moment"
        )
    connection.execute(
        "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?)", [number, since, *facts, added, corrected]
    )
    return number, since.isoformat()


def _largest(connection: Any) -> tuple[dict[str, Any], ...]:
    """The corrections that move a close most."""
    rows = connection.execute(
        "SELECT date, asset, before, close FROM fresh WHERE NOT new "
        "ORDER BY abs(ln(close / coalesce(before, close))) DESC, date, asset LIMIT 20"
    ).fetchall()
    return tuple(
        {"date": f"{date:%Y-%m-%d}", "asset": asset, "before": before, "after": close}
        for date, asset, before, close in rows
    )
