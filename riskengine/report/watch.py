"""`riskengine watch`: rows in on standard input, risk out as JSON lines, exactly once by the key of a row.

What is kept in the folder of the state:

- ``snapshot-N.npz``: the engine after row N, written whole or not at all;
- ``rows-N.jsonl``: the rows taken since, one line each. A row counts once its line is there;
- ``output.jsonl``: every line of output, once;
- ``problems.json``: counts of what was not taken, and why.

After a kill the engine is restored from the last snapshot and takes the rows after it again, which gives the same
numbers; the line of output that may have been lost with the process is written then, unless it is there. Standard
output gets it once as well if it is a file; a reader of a pipe may see the last row of the killed process again, and
knows it by its number.
"""

from __future__ import annotations

import csv
import json
import math
import os
import stat
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from riskengine.calibration import Calibrator
from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.live import LiveEngine

Array = np.ndarray

_MISSING = {"", "nan", "na", "null", "none"}
OUTPUT, PROBLEMS = "output.jsonl", "problems.json"


class Row:
    """A row as it came: its key and a value an asset."""

    def __init__(self, key: str, values: Array) -> None:
        self.key, self.values = key, values


class RowReader:
    """Turns lines into rows; remembers the header of a CSV.

    Parameters
    ----------
    assets : names, in the order of a row without a header
    columns : of a header seen earlier

    Examples
    --------
    >>> reader = RowReader(("A", "B"))
    >>> reader.read("date,B,A")
    >>> reader.read("2024-01-02,0.02,0.01").values
    array([0.01, 0.02])
    >>> reader.read('{"key": "2024-01-03", "A": 0.03}').values
    array([0.03,  nan])
    """

    def __init__(self, assets: tuple[str, ...], columns: list[int] | None = None) -> None:
        self.assets = assets
        self.place = {name: j for j, name in enumerate(assets)}
        self.columns = columns

    def read(self, line: str) -> Row | None:
        """The row of a line; None for a header.

        Raises
        ------
        DataError
            If the line is malformed.
        """
        if line.lstrip()[:1] in ("{", "["):
            return self._from_json(line)
        try:
            cells = next(csv.reader([line], strict=True))
        except (csv.Error, StopIteration) as error:
            raise DataError(f"not comma-separated: {error}") from error
        names = [cell.strip() for cell in cells[1:]]
        if names and all(name in self.place for name in names):
            if len(set(names)) < len(names):
                raise DataError("a header names an asset twice")
            self.columns = [self.place[name] for name in names]
            return None
        columns = list(range(len(self.assets))) if self.columns is None else self.columns
        if len(names) != len(columns):
            raise DataError(f"{len(names)} values, not {len(columns)}")
        values = np.full(len(self.assets), np.nan)
        values[columns] = [_number(name) for name in names]
        return Row(_key(cells[0]), values)

    def _from_json(self, line: str) -> Row:
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"not JSON: {error}") from error
        values = np.full(len(self.assets), np.nan)
        if isinstance(content, list):
            if len(content) != len(self.assets) + 1:
                raise DataError(f"{len(content) - 1} values, not {len(self.assets)}")
            values[:] = [_number(value) for value in content[1:]]
            return Row(_key(content[0]), values)
        fields = list(content.items())
        if not fields:
            raise DataError("an empty object")
        for name, value in fields[1:]:
            if name not in self.place:
                raise DataError(f"unknown asset {name!r}")
            values[self.place[name]] = _number(value)
        return Row(_key(fields[0][1]), values)


def _number(value: Any) -> float:
    """A finite number, or NaN for nothing."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return math.nan
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"{value!r} is not a number")
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{str(value)[:40]!r} is not a number") from error
    if math.isinf(number):
        raise DataError("an infinite value")
    return number


def _key(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise DataError(f"{value!r} is no key: the first field of a row is a date or a whole number")
    return str(value).strip()


def later(key: str, last: str | None) -> bool:
    """Whether a key comes after the last one: as whole numbers where both are, as text otherwise.

    Examples
    --------
    >>> later("10", "9"), later("2024-01-02", "2024-01-10"), later("a", None)
    (True, False, True)
    """
    if last is None:
        return True
    try:
        return int(key) > int(last)
    except ValueError:
        return key > last


class Watch:
    """A live engine with its memory on disk.

    Parameters
    ----------
    folder : of the state; an engine is restored from it if it holds one
    start : makes the engine, and gives the last prices, where there is no state yet
    calibrator : of the engine
    prices : whether rows are prices instead of returns
    snapshot_every : rows
    """

    def __init__(
        self,
        folder: Path,
        start: Any,
        calibrator: Calibrator,
        prices: bool = False,
        snapshot_every: int = 100,
    ) -> None:
        self.folder, self.prices, self.every = folder, prices, snapshot_every
        self.counts: Counter[str] = Counter()
        self.last_key: str | None = None
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.glob("snapshot-*.npz"), key=lambda path: int(path.stem.split("-")[1]))
        self._line: str | None = None
        if not found:
            self.engine, self._last_prices = start()
            self.reader = RowReader(self.engine.assets)
            self._save()
        else:
            self._restore(found[-1], calibrator)
        self._log = self._log_path().open("a", encoding="utf-8")
        self._output = (folder / OUTPUT).open("a", encoding="utf-8")

    def _log_path(self) -> Path:
        return self.folder / f"rows-{self._saved}.jsonl"

    def _save(self) -> None:
        """A snapshot; the files before it are then of no use."""
        self._saved = self.engine.rows
        facts = {
            "last_key": self.last_key,
            "columns": self.reader.columns,
            "prices": self._last_prices.tolist(),
            "counts": dict(self.counts),
        }
        head = json.dumps(facts).encode()
        content = len(head).to_bytes(8, "little") + head + self.engine.snapshot()
        write_atomically(self.folder / f"snapshot-{self._saved}.npz", content)
        for path in (*self.folder.glob("snapshot-*.npz"), *self.folder.glob("rows-*.jsonl")):
            if int(path.stem.split("-")[1]) < self._saved:
                path.unlink(missing_ok=True)

    def _restore(self, path: Path, calibrator: Calibrator) -> None:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        try:
            facts = json.loads(content[8 : 8 + size])
            self.last_key, columns = facts["last_key"], facts["columns"]
            self._last_prices = np.array(facts["prices"], dtype=np.float64)
            self.counts = Counter(facts["counts"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged ({error}): move the folder away to begin anew") from error
        self.engine = LiveEngine.restore(content[8 + size :], calibrator)
        self.reader = RowReader(self.engine.assets, columns)
        self._saved = self.engine.rows
        log = self._log_path()
        if log.is_file():
            whole = log.read_bytes()
            whole = whole[: whole.rfind(b"\n") + 1]  # the last line may have been cut short
            if len(whole) < log.stat().st_size:
                os.truncate(log, len(whole))
            for line in whole.decode().splitlines():
                entry = json.loads(line)
                self.reader.columns = entry["columns"]
                values = [math.nan if value is None else value for value in entry["values"]]
                self._line = self._take(Row(entry["key"], np.array(values, dtype=np.float64)))
        output = self.folder / OUTPUT
        if output.is_file():
            text = output.read_bytes()
            if not text.endswith(b"\n"):
                os.truncate(output, text.rfind(b"\n") + 1)

    def _take(self, row: Row) -> str:
        """Update the engine; the line of output."""
        values = row.values
        if self.prices:
            values = row.values / self._last_prices - 1
            self._last_prices = row.values
        risk = self.engine.update(values)
        self.last_key = row.key
        return json.dumps({"key": row.key, **risk.to_dict()})

    def run(self, lines: Iterable[str], out: TextIO, problems: TextIO) -> Counter[str]:
        """Take all rows; counts of taken, duplicate, late and malformed ones.

        Rows that are not taken are reported on ``problems`` as JSON lines and never end the stream.
        """
        if self._line is not None:
            self._emit_once(self._line, out)
        try:
            for number, line in enumerate(lines, start=1):
                try:
                    row = self.reader.read(line.strip()) if line.strip() else None
                    if row is None:  # a header, or an empty line
                        continue
                    kind, detail = self._one(row, out)
                except DataError as error:
                    kind, detail = "malformed", str(error)
                self.counts[kind] += 1
                if kind != "taken":
                    report = {"line": number, "problem": kind, "detail": detail}
                    print(json.dumps(report), file=problems, flush=True)
            self._save()
        finally:
            self._log.close()
            self._output.close()
        write_atomically(self.folder / PROBLEMS, (json.dumps(dict(self.counts)) + "\n").encode())
        return self.counts

    def _one(self, row: Row, out: TextIO) -> tuple[str, str]:
        """What became of a row, and why."""
        if self.prices and np.any(row.values <= 0):
            raise DataError("a price that is not above zero")
        if row.key == self.last_key:
            return "duplicate", row.key
        if not later(row.key, self.last_key):
            return "late", f"{row.key} after {self.last_key}"
        values = [None if math.isnan(value) else value for value in row.values.tolist()]
        entry = {"key": row.key, "columns": self.reader.columns, "values": values}
        self._log.write(json.dumps(entry) + "\n")
        self._log.flush()  # from here on the row counts
        text = self._take(row)
        for sink in (self._output, out):
            sink.write(text + "\n")
            sink.flush()
        if self.engine.rows - self._saved >= self.every:
            self._log.close()
            self._save()
            self._log = self._log_path().open("a", encoding="utf-8")
        return "taken", row.key

    def _emit_once(self, line: str, out: TextIO) -> None:
        """Write the line that may have been lost with the last process, where it is not."""
        text = (line + "\n").encode()
        with (self.folder / OUTPUT).open("rb") as file:
            written = _end(file, len(text)) == text
        if not written:
            self._output.write(text.decode())
            self._output.flush()
        if _tail(out, len(text)) != text:
            out.write(text.decode())
            out.flush()


def _tail(out: TextIO, size: int) -> bytes | None:
    """The last bytes of a stream that is a file; None if it is none."""
    try:
        handle = out.fileno()
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        with open(f"/dev/fd/{handle}", "rb") as file:
            return _end(file, size)
    except OSError:
        return None


def _end(file: BinaryIO, size: int) -> bytes:
    file.seek(max(0, os.fstat(file.fileno()).st_size - size))
    return file.read()
