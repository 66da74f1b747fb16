"""Rows of databases as sheets, for the reader of shapes. Identifiers are looked up and quoted, never pasted in."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from riskengine.errors import DataError, listed
from riskengine.market.addresses import Address
from riskengine.market.sheets import Sheet, sheet_of_frame
from riskengine.market.store_rows import known_at

_EXTRA = 'pip install "riskengine[database]"'

Rows = tuple[list[str], pd.DataFrame]
"""Names of the columns, some perhaps alike, and their values under positions."""


def read_database(address: Address) -> Sheet:
    """The rows of a table or of a query, in no order: the reader of shapes orders them by date.

    The database is opened to be read only, also by a query.

    Raises
    ------
    DataError
        If the driver is not installed, the database, the table or a column is not there, the query fails, or there
        are no rows. No message holds a password.
    """
    read: dict[str, Callable[[Address], Rows]] = {
        "sqlite": _sqlite,
        "duckdb": _duckdb,
        "postgresql": _postgresql,
    }
    if address.kind == "store":
        rows, moment = known_at(Path(address.place), address.asof)
        sheet = sheet_of_frame(Path(address.name), rows)
        sheet.ordered = False
        sheet.notes += [] if moment is None else [f"as it was known at {moment} UTC"]
        return sheet
    names, frame = _without_row_numbers(*read[address.kind](address))
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise DataError(f"{address}: column {repeated[0]} appears more than once: rename or drop one")
    if frame.empty:
        raise DataError(f"{address} has columns ({listed(names)}) but no rows")
    sheet = sheet_of_frame(Path(address.name), frame.set_axis(names, axis=1))
    sheet.ordered = False
    return sheet


def _without_row_numbers(names: list[str], frame: pd.DataFrame) -> Rows:
    """An index that pandas wrote into Parquet without a name: dates under their name, numbers of rows left out."""
    hidden = "__index_level_0__"
    if hidden not in names:
        return names, frame
    place = names.index(hidden)
    if not pd.api.types.is_integer_dtype(frame.iloc[:, place]):
        return ["date" if name == hidden else name for name in names], frame
    kept = [k for k in range(len(names)) if k != place]
    return [names[k] for k in kept], frame.iloc[:, kept]


def quoted(identifier: str) -> str:
    """An identifier that SQL takes as a name, whatever it holds.

    Examples
    --------
    >>> print(quoted('prices"; drop table prices; --'))
    "prices""; drop table prices; --"
    """
    return '"' + identifier.replace('"', '""') + '"'


def _statement(address: Address, tables: Sequence[tuple[str, str]]) -> str:
    """The query, or that of all rows of the table that is meant.

    Parameters
    ----------
    tables : schema, empty where a database has none, and name of each that exists
    """
    if address.query is not None:
        return address.query
    names = [name for _, name in tables]
    if address.table is None:
        if len(tables) != 1:
            found = f"has {len(tables)} tables ({listed(names)})" if tables else "has no table"
            raise DataError(f"{address} {found}: name one, ?table=..., or ask for rows, ?query=...")
        return f"SELECT * FROM {_whole(*tables[0])}"
    same = [pair for pair in tables if address.table in (pair[1], ".".join(pair))]
    if len(same) > 1:
        which = " or ".join(".".join(pair) for pair in same)
        raise DataError(f"{address}: several schemas have a table {address.table!r}: write {which}")
    if not same:
        near = difflib.get_close_matches(address.table, names, 1)
        hint = f"is it {near[0]!r}? " if near else ""
        there = f"it has {listed(names, 10)}" if names else "it has none"
        raise DataError(f"{address}: no table {address.table!r} in this database: {hint}{there}")
    return f"SELECT * FROM {_whole(*same[0])}"


def _whole(schema: str, name: str) -> str:
    return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


def _failure(address: Address, error: Exception) -> DataError:
    """What a driver says, on one line and without the password."""
    said = " ".join(str(error).split())
    for secret in address.secrets:
        said = said.replace(secret, "***")
    return DataError(f"{address}: {said[:300]}")


def _existing(address: Address) -> Path:
    path = Path(address.place)
    if not path.exists():
        raise DataError(f"{address}: no file {path}")
    return path


def _sqlite(address: Address) -> Rows:
    path = _existing(address)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute(
                "SELECT '', name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' "
                "ESCAPE '~' ORDER BY name"
            )
            cursor = connection.execute(_statement(address, found.fetchall()))
            names = [column[0] for column in cursor.description or ()]
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise _failure(address, error) from error
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return names, pd.DataFrame({k: pd.Series(list(cells)) for k, cells in enumerate(columns)})


def _arrow(table: Any) -> Rows:
    positions = [str(k) for k in range(len(table.column_names))]
    return list(table.column_names), table.rename_columns(positions).to_pandas()


def _duckdb(address: Address) -> Rows:
    try:
        import duckdb
    except ImportError as error:
        raise DataError(f"{address} needs duckdb, which is not installed: {_EXTRA}") from error
    path = _existing(address) if address.place else None
    parts = path is not None and (path.is_dir() or path.suffix in (".parquet", ".csv"))
    try:
        alone = path is None or parts
        with duckdb.connect(":memory:" if alone else str(path), read_only=not alone) as connection:
            if path is not None and parts:
                _view_of_files(connection, path, address)
            found = connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL"
            ).fetchall()
            rows = connection.sql(_statement(address, found))
            if rows is None:
                raise DataError(f"{address}: the query gives no rows: ask with SELECT")
            return _arrow(rows.to_arrow_table())
    except duckdb.Error as error:
        raise _failure(address, error) from error


def _view_of_files(connection: Any, folder: Path, address: Address) -> None:
    """Files that are parts of one table as the view ``files``; cells of text are left to the engine's own reading."""
    inside = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    kinds = [kind for kind in ("parquet", "csv") if any(file.suffix == f".{kind}" for file in inside)]
    if len(kinds) != 1:
        what = "both .parquet and .csv files" if kinds else "no .parquet or .csv file"
        raise DataError(f"{address}: {folder} holds {what}: one kind is read, all parts of one table")
    files = [str(file) for file in inside if file.suffix == f".{kinds[0]}"]
    reader = (
        connection.from_parquet(files, union_by_name=True, hive_partitioning=False)
        if kinds[0] == "parquet"
        else connection.from_csv_auto(files, header=True, all_varchar=True, union_by_name=True)
    )
    reader.create_view("files")


_TABLES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg_toast%' ORDER BY 1, 2
"""


def _postgresql(address: Address) -> Rows:
    try:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise DataError(
            f"{address} needs adbc-driver-postgresql, which is not installed: {_EXTRA}"
        ) from error
    try:
        with dbapi.connect(address.place) as connection, connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(_TABLES)
            cursor.execute(_statement(address, cursor.fetchall()))
            return _arrow(cursor.fetch_arrow_table())
    except Error as error:
        raise _failure(address, error) from error
