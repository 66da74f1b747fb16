"""The tables of a store, and what was known in it at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from riskengine.errors import DataError
from riskengine.market.dates import last_moment
from riskengine.market.raw_rows import kind_of_file

FIELDS = ("close", "open", "high", "low", "volume")

TABLES = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY, known TIMESTAMP NOT NULL, source VARCHAR NOT NULL, hash VARCHAR NOT NULL,
    kind VARCHAR NOT NULL, added BIGINT NOT NULL, corrected BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS prices (
    batch INTEGER NOT NULL, date TIMESTAMP NOT NULL, asset VARCHAR NOT NULL,
    close DOUBLE, open DOUBLE, high DOUBLE, low DOUBLE, volume DOUBLE);
"""
"""A row of ``prices`` holds from its batch on until a later batch has one of the same date and asset; without a close
the price is withdrawn."""

LATEST = """
SELECT date, asset, close, open, high, low, volume FROM prices JOIN batches ON batch = id
WHERE known <= coalesce(CAST(? AS TIMESTAMP), CAST('infinity' AS TIMESTAMP))
QUALIFY row_number() OVER (PARTITION BY date, asset ORDER BY batch DESC) = 1
"""


@contextmanager
def opened(path: Path, writing: bool = False) -> Iterator[Any]:
    """A connection to a store; what is written within is kept as a whole or not at all.

    Raises
    ------
    DataError
        If DuckDB is not installed, the file is no store or not there, or another process writes to it.
    """
    try:
        import duckdb
    except ImportError as error:
        raise DataError(
            f'{path}: a store needs duckdb, which is not installed: pip install "riskengine[database]"'
        ) from error
    if not writing and not path.is_file():
        raise DataError(f"no store {path}: `riskengine store add FILE --store {path}` begins one")
    began = not path.exists()
    _check_place(path)
    try:
        if writing:
            path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(path), read_only=not writing) as connection:
            found = {
                name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            }
            if found - {"batches", "prices"} or (not writing and not found):
                raise DataError(f"{path} is a DuckDB database but no store: name another file")
            connection.begin()
            if writing:
                connection.execute(TABLES)
            yield connection
            connection.commit()
            began = False
    except duckdb.Error as error:
        said = " ".join(str(error).split())
        if "lock" in said or "different configuration" in said or "Conflict" in said:
            raise DataError(
                f"{path} is being written to by another process: one writes at a time, and nobody reads meanwhile; "
                "try again when it is done"
            ) from error
        raise DataError(f"{path} is no store, or a damaged one: {said[:200]}") from error
    finally:
        if began:  # and nothing came of it
            path.unlink(missing_ok=True)


def _check_place(path: Path) -> None:
    """Refuse what DuckDB would open as a table of text, in memory, and forget."""
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as file:
            genuine = file.read(12)[8:] == b"DUCK"
    else:
        genuine = not path.is_dir() and not kind_of_file(path)
    if not genuine:
        raise DataError(f"{path} is no store: name a file that a store began, or a new one, prices.store say")


def known_at(path: Path, asof: str | None) -> tuple[pd.DataFrame, str | None]:
    """Rows of date, asset and fields as they were known at a moment; and that moment, for people.

    Parameters
    ----------
    asof : moment in UTC, like 2024-05-01T18:00; a day alone is meant to its end; None for all that is known

    Raises
    ------
    DataError
        As :func:`opened`, or if nothing was known then.
    """
    moment = None if asof is None else last_moment(asof, "asof")
    with opened(path) as connection:
        rows = connection.execute(LATEST, [moment]).fetch_df()
        first = connection.execute("SELECT min(known) FROM batches").fetchone()[0]
    rows = rows[rows["close"].notna()]
    if rows.empty:
        since = f": the first batch is known from {first:%Y-%m-%dT%H:%M:%S} UTC" if first is not None else ""
        raise DataError(f"{path} knew no prices{'' if asof is None else f' at {asof}'}{since}")
    told = [name for name in FIELDS if rows[name].notna().any()]
    said = None if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
    return rows[["date", "asset", *told]].reset_index(drop=True), said
