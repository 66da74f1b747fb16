"""Rows of a stream with their outputs, each once, and the state that they go on from: one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, digest TEXT NOT NULL,
                                 content BLOB, output TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Stored(NamedTuple):
    """A row as it was taken."""

    key: str
    values: Array


class StreamStore:
    """What a stream keeps, one transaction a row: a row is there with its output, or it was never taken.

    The values of a row stay until a state is kept that has taken it; its key, a digest and its output stay for good.
    The file is of one process at a time. What a kill leaves open is rolled back by SQLite; a loss of power may cost
    the last rows, which then come again with the stream. Where they would not, as they are acknowledged, every row is
    to be ``durable``: on the disk before it counts.

    Parameters
    ----------
    path : of the file
    durable : whether a row outlives a loss of power

    Raises
    ------
    DataError
        From every method, if the file is no database, damaged, or in use by another process.
    """

    def __init__(self, path: Path, durable: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=1.0)
        try:
            with self._named():
                self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._db.executescript(_SCHEMA)
        except DataError:
            self._db.close()
            raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """A transaction whose errors name the file."""
        try:
            with self._db:
                yield
        except sqlite3.OperationalError as error:
            raise DataError(
                f"{self.path} cannot be used ({error}): end the process that holds it, or make room on the disk"
            ) from error
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{self.path} is damaged ({error}): move the folder away to begin anew"
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def add(self, key: str, digest: str, values: Array, output: str) -> None:
        """One more row with its output. From here on it counts."""
        content = values.astype("<f8").tobytes()
        with self._named():
            self._db.execute(
                "INSERT INTO rows (key, digest, content, output) VALUES (?, ?, ?, ?)",
                (key, digest, content, output),
            )

    def keep(self, rows_taken: bool = False, **contents: bytes) -> None:
        """Replace what is kept by name; with ``rows_taken`` it has taken all rows, whose values may then go."""
        with self._named():
            self._db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", contents.items())
            if rows_taken:
                self._db.execute("UPDATE rows SET content = NULL WHERE content IS NOT NULL")

    def kept(self, name: str) -> bytes | None:
        """What was kept under a name."""
        return self._one("SELECT content FROM kept WHERE name = ?", name)

    def digest(self, key: str) -> str | None:
        """Of the row with a key, if there is one."""
        return self._one("SELECT digest FROM rows WHERE key = ?", key)

    def last_output(self) -> str | None:
        """Output of the last row."""
        return self._one("SELECT output FROM rows ORDER BY number DESC LIMIT 1")

    def count(self) -> int:
        """Rows taken, which is the number of the last one."""
        return int(self._one("SELECT COALESCE(MAX(number), 0) FROM rows"))

    def output(self, number: int) -> str | None:
        """Output of the row with a number, if there is one."""
        return self._one("SELECT output FROM rows WHERE number = ?", number)

    def outputs(self, after: int = 0) -> Iterator[tuple[int, str]]:
        """Number and output of every row after one, in their order."""
        while True:
            with self._named():
                found = self._db.execute(
                    "SELECT number, output FROM rows WHERE number > ? ORDER BY number LIMIT 500", (after,)
                ).fetchall()
            if not found:
                return
            yield from found
            after = found[-1][0]

    def pending(self) -> list[Stored]:
        """Rows taken since the state was kept, in their order."""
        with self._named():
            found = self._db.execute(
                "SELECT key, content FROM rows WHERE content IS NOT NULL ORDER BY number"
            ).fetchall()
        return [Stored(key, np.frombuffer(content, "<f8").astype(np.float64)) for key, content in found]

    def _one(self, query: str, *values: str | int) -> Any:
        with self._named():
            found = self._db.execute(query, values).fetchone()
        return None if found is None else found[0]
