"""`riskengine watch`: rows in on standard input, risk out as JSON lines, exactly once by the key of a row.

What is kept in the folder of the state:

- ``snapshot-N.npz``: the engine after row N, written whole or not at all;
- ``rows-N.jsonl``: the rows taken since, one line each. A row counts once its line is there;
- ``output.jsonl``: every line of output, once;
- ``problems.json``: counts of what was not taken, and why;
- ``state.json``: settings, units, where the history ended, and what is to be looked at.

After a kill the engine is restored from the last snapshot and takes the rows after it again, which gives the same
numbers; the line of output that may have been lost with the process is written then, unless it is there. Standard
output gets it once as well if it is a file; a reader of a pipe may see the last row of the killed process again, and
knows it by its number.

Keys go on from the last date of the history. A row that comes again is a duplicate if its values are the same; with
other values it is called corrected, reported, and not applied, as the rows after it would have to be taken anew: begin
in another folder with a history that holds the correction.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

import numpy as np
import pandas as pd

from riskengine.calibration import Calibrator
from riskengine.desk.live import LiveEngine
from riskengine.desk.stream_rows import HeaderError, Key, Row, RowReader, later
from riskengine.errors import DataError, ImplausibleError
from riskengine.files import write_atomically
from riskengine.market import audit_prices
from riskengine.market.period_names import period_name

__all__ = ["HISTORY", "OUTPUT", "PROBLEMS", "STATE", "Row", "RowReader", "Start", "Watch", "later"]

Array = np.ndarray

OUTPUT, PROBLEMS, STATE = "output.jsonl", "problems.json", "state.json"

_REMEMBERED = 1000
"""Rows whose content is remembered, to tell one that comes again from one that is corrected or late."""

_GAP = 5.5
"""Periods between two keys from which on what lies between counts as missed."""

_FURTHEST = 3660.0
"""Days between two dates above which the later one is a slip of the pen."""

_OTHER_UNIT = 50.0
"""Ratio of two prices in a row from which on they are of different units: pence and pounds, say."""


@dataclass(frozen=True)
class History:
    """What came before the stream.

    Attributes
    ----------
    end : date of the last row, if known
    values : (assets,) of the last row, prices or returns as the stream's; NaN where there was none
    periods_per_year : of the rows
    facts : where it came from, for the record
    findings : of its audit that concern holdings, as text
    """

    end: str | None = None
    values: tuple[float | None, ...] = ()
    periods_per_year: float = 252.0
    facts: dict[str, Any] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


HISTORY = History()
"""Of a stream that nothing is known about."""


class Start(NamedTuple):
    """What a watch begins with.

    Attributes
    ----------
    engine : after the history
    prices : (assets,) last known ones
    history : what else is known of it
    """

    engine: LiveEngine
    prices: Array
    history: History = HISTORY


class Watch:
    """A live engine with its memory on disk.

    Parameters
    ----------
    folder : of the state; an engine is restored from it if it holds one
    start : gives what it begins with where there is no state yet: a :class:`Start`, or its first fields
    calibrator : of the engine
    prices : whether rows are prices instead of returns; None for what the state says, returns where there is none
    snapshot_every : rows

    Attributes
    ----------
    last_prices : (assets,) last known ones; where rows are returns, those of the history moved on by them
    flagged : whether there is something that a person should look at

    Raises
    ------
    DataError
        If the state is damaged, or of rows of the other kind.
    """

    def __init__(
        self,
        folder: Path,
        start: Any,
        calibrator: Calibrator,
        prices: bool | None = False,
        snapshot_every: int = 100,
    ) -> None:
        self.folder, self.every = folder, snapshot_every
        self.counts: Counter[str] = Counter()  # since the beginning
        self.now: Counter[str] = Counter()  # of this run
        self.last: Key | None = None
        self.marks: Counter[str] = Counter()
        self._known: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(folder.glob("snapshot-*.npz"), key=lambda path: int(path.stem.split("-")[1]))
        self._line: str | None = None
        self.fresh = not found
        if self.fresh:
            self.prices = bool(prices)
            self.engine, known, self.history = Start(*start())
            self.last_prices = np.asarray(known, dtype=np.float64)
            self.reader = RowReader(self.engine.assets)
            if self.history.end is not None:
                self.last = Key.parse(self.history.end)
            self._save()
        else:
            self._restore(found[-1], calibrator, prices)
        self._log = self._log_path().open("a", encoding="utf-8")
        self._output = (folder / OUTPUT).open("a", encoding="utf-8")

    def _log_path(self) -> Path:
        return self.folder / f"rows-{self._saved}.jsonl"

    @property
    def flagged(self) -> bool:
        """Whether something happened that a person should look at."""
        quiet = {"taken", "duplicate", "late"}
        return bool(
            self.history.findings or self.marks or any(n for k, n in self.now.items() if k not in quiet)
        )

    @property
    def period(self) -> str:
        """What a row stands for: a day, a week."""
        return period_name(self.history.periods_per_year)

    def close(self) -> None:
        """Let go of the files; a run does so at its end."""
        self._log.close()
        self._output.close()

    def save(self) -> None:
        """Write the state as it is now, after settings have been changed."""
        self._log.close()
        self._save()
        self._log = self._log_path().open("a", encoding="utf-8")

    def _save(self) -> None:
        """A snapshot; the files before it are then of no use."""
        self._saved = self.engine.rows
        facts = {
            "last_key": None if self.last is None else self.last.text,
            "columns": self.reader.columns,
            "refused": self.reader.refused,
            "prices": self.last_prices.tolist(),
            "rows_are_prices": self.prices,
            "known": self._known,
            "counts": dict(self.counts),
            "history": {
                "end": self.history.end,
                "values": list(self.history.values),
                "periods_per_year": self.history.periods_per_year,
                "facts": self.history.facts,
                "findings": list(self.history.findings),
            },
        }
        head = json.dumps(facts).encode()
        content = len(head).to_bytes(8, "little") + head + self.engine.snapshot()
        write_atomically(self.folder / f"snapshot-{self._saved}.npz", content)
        for path in (*self.folder.glob("snapshot-*.npz"), *self.folder.glob("rows-*.jsonl")):
            if int(path.stem.split("-")[1]) < self._saved:
                path.unlink(missing_ok=True)

    def _restore(self, path: Path, calibrator: Calibrator, prices: bool | None) -> None:
        content = path.read_bytes()
        size = int.from_bytes(content[:8], "little")
        try:
            facts = json.loads(content[8 : 8 + size])
            last_key, columns, refused = facts["last_key"], facts["columns"], facts["refused"]
            self.prices, self._known = bool(facts["rows_are_prices"]), dict(facts["known"])
            self.last_prices = np.array(facts["prices"], dtype=np.float64)
            self.counts = Counter(facts["counts"])
            past = facts["history"]
            self.history = History(
                past["end"],
                tuple(past["values"]),
                past["periods_per_year"],
                past["facts"],
                tuple(past["findings"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is damaged, or of an earlier version ({error}): move the folder away to begin anew"
            ) from error
        if prices is not None and prices != self.prices:
            kinds = ("returns", "prices")
            raise DataError(
                f"the rows of this state are {kinds[self.prices]}, not {kinds[prices]}: hand in the same "
                "kind, or begin anew in another folder"
            )
        self.last = None if last_key is None else Key.parse(last_key)
        self.engine = LiveEngine.restore(content[8 + size :], calibrator)
        self.reader = RowReader(self.engine.assets, columns, refused)
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
        self.marks.clear()  # they were shown when the rows came
        output = self.folder / OUTPUT
        if output.is_file():
            text = output.read_bytes()
            if not text.endswith(b"\n"):
                os.truncate(output, text.rfind(b"\n") + 1)

    def _returns(self, values: Array) -> Array:
        """Returns of a row; those of prices reach back to the last known price."""
        return values / self.last_prices - 1 if self.prices else values

    def _take(self, row: Row) -> str:
        """Update the engine; the line of output."""
        key = Key.parse(row.key)
        returns, skipped = self._returns(row.values), self._skipped(key)
        splits = self._splits(returns)
        moved = row.values if self.prices else self.last_prices * (1 + row.values)
        self.last_prices = np.where(np.isnan(row.values), self.last_prices, moved)
        risk = self.engine.update(returns, spanning=self.prices, skipped=skipped)
        self.last = key
        self._known[key.text] = _digest(row.values)
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        marks: dict[str, Any] = {}
        if splits:
            marks["possible_splits"] = splits
        if skipped:
            marks["skipped"] = skipped
        for name in (*marks, *(n for n in ("stale", "implausible", "unsupported") if getattr(risk, n))):
            self.marks[name] += 1
        units = {"horizon": f"1 {self.period}", "unit": "fraction of wealth"}
        return json.dumps({"key": key.text, **risk.to_dict(), **marks, **units})

    def _skipped(self, key: Key) -> int:
        """Periods between the last key and this one in which no row came, if there are more than a holiday has."""
        if self.last is None or not (key.of_date and self.last.of_date):
            return 0
        periods = (key.value - self.last.value) * self.history.periods_per_year / 365.25
        return round(periods) - 1 if periods > _GAP else 0

    def _splits(self, returns: Array) -> dict[str, str]:
        """Returns of holdings that look like splits."""
        held = np.flatnonzero((self.engine.weights != 0) & (np.abs(returns) > 0.25))
        found = {}
        for k in held:
            name = self.engine.assets[k]
            pair = pd.DataFrame({name: [1.0, 1 + returns[k]]}, pd.bdate_range("2000-01-03", periods=2))
            said = [finding.detail for finding in audit_prices(pair) if finding.serious]
            if said:
                found[name] = said[0]
        return found

    def run(self, lines: Iterable[str], out: TextIO, problems: TextIO) -> Counter[str]:
        """Take all rows; counts of taken, duplicate, corrected, late, implausible, malformed ones, and so on.

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
                except HeaderError as error:
                    kind, detail = "no valid header", str(error)
                except ImplausibleError as error:
                    kind, detail = "implausible", str(error)
                except DataError as error:
                    kind, detail = "malformed", str(error)
                self.counts[kind] += 1
                self.now[kind] += 1
                if kind != "taken":
                    report = {"line": number, "problem": kind, "detail": detail}
                    print(json.dumps(report), file=problems, flush=True)
            self._save()
        finally:
            self.close()
        write_atomically(self.folder / PROBLEMS, (json.dumps(dict(self.counts)) + "\n").encode())
        write_atomically(self.folder / STATE, (json.dumps(self.facts(), indent=1) + "\n").encode())
        return self.counts

    def facts(self) -> dict[str, Any]:
        """Settings, units, and what is to be looked at."""
        engine, period = self.engine, self.period
        risk = engine.risk()
        idle = {
            engine.assets[k]: int(engine.idle[k]) for k in np.flatnonzero(engine.weights) if engine.idle[k]
        }
        return {
            "rows": engine.rows,
            "last_key": None if self.last is None else self.last.text,
            "rows_are": "prices" if self.prices else "returns",
            "window": engine.settings.window,
            "recalibrate": engine.settings.recalibrate,
            "stale_after": engine.settings.stale_after,
            "history": {"end": self.history.end, **self.history.facts},
            "weights": {engine.assets[k]: float(engine.weights[k]) for k in np.flatnonzero(engine.weights)},
            "units": {
                "volatility": f"fraction of wealth, standard deviation per {period}",
                **{
                    f"{name}_{100 * level:g}": f"loss as a fraction of wealth, {100 * level:g}%, over 1 {period}"
                    for name in ("var", "cvar")
                    for level in engine.settings.levels
                },
                "missing": "number of assets without a value in the row",
                "spans": f"number of {period}s that a return reaches over",
                "skipped": f"number of {period}s between this row and the one before",
            },
            "findings": list(self.history.findings),
            "stale": list(risk.stale),
            "rows_without_a_value": idle,
            "counts": dict(self.counts),
            "marks": dict(self.marks),
            "flagged": self.flagged,
        }

    def _one(self, row: Row, out: TextIO) -> tuple[str, str]:
        """What became of a row, and why."""
        key = Key.parse(row.key)
        again = self._again(key, row)
        if again is not None:
            return again
        if self.prices:
            self._check_prices(row.values)
        self.engine.check(self._returns(row.values), spanning=self.prices)
        values = [None if math.isnan(value) else value for value in row.values.tolist()]
        entry = {"key": key.text, "columns": self.reader.columns, "values": values}
        self._log.write(json.dumps(entry) + "\n")
        self._log.flush()  # from here on the row counts
        text = self._take(row)
        for sink in (self._output, out):
            sink.write(text + "\n")
            sink.flush()
        if self.engine.rows - self._saved >= self.every:
            self.save()
        return "taken", key.text

    def _again(self, key: Key, row: Row) -> tuple[str, str] | None:
        """Why a row is not new; None if it is."""
        last, end = self.last, self.history.end
        if last is None:
            return None
        if key.of_date != last.of_date:
            if self.engine.rows or not self._is_history(row.values):
                self._same_kind(key, last)
                return None
            return "duplicate", f"{key.text}: these are the values of the last row of the history, {end}"
        if key.value > last.value:
            if key.of_date and key.value - last.value > _FURTHEST:
                raise DataError(
                    f"{key.text} is {(key.value - last.value) / 365.25:.0f} years after {last.text}: a slip of "
                    "the pen? All rows after it would be late"
                )
            return None
        before = self._known.get(key.text)
        if before is not None:
            if before == _digest(row.values):
                return "duplicate", key.text
            return (
                "corrected",
                f"{key.text} comes again with other values; not applied: begin anew with them in the history",
            )
        if end is not None and key.of_date and key.value <= Key.parse(end).value:
            if key.value < Key.parse(end).value:
                return "late", f"{key.text} lies within the history, which ends on {end}"
            if self._is_history(row.values):
                return "duplicate", f"{key.text} is the last row of the history"
            return "corrected", (
                f"{key.text} is the last row of the history, with other values; not applied: begin anew with them"
            )
        return "late", f"{key.text} after {last.text}"

    def _same_kind(self, key: Key, last: Key) -> None:
        """Whole numbers may follow the dates of a history, and nothing else."""
        if self.engine.rows or (key.of_date and not last.of_date):
            raise DataError(f"{key.text} after {last.text}: keys are all dates, or all whole numbers")

    def _is_history(self, values: Array) -> bool:
        """Whether these are the values of the last row of the history, up to their rounding."""
        past = np.array([math.nan if x is None else x for x in self.history.values], dtype=np.float64)
        if past.shape != values.shape:
            return False
        both = ~np.isnan(values) & ~np.isnan(past)
        return bool(both.any() and np.allclose(values[both], past[both], rtol=1e-6, atol=1e-9))

    def _check_prices(self, values: Array) -> None:
        with np.errstate(invalid="ignore"):
            low, ratio = values <= 0, values / self.last_prices
            odd = (ratio > _OTHER_UNIT) | (ratio < 1 / _OTHER_UNIT)
        if low.any():
            k = int(np.argmax(low))
            raise DataError(
                f"{values[k]:g} for {self.engine.assets[k]}: a price that is not above zero; are these returns? Then "
                "leave out --rows-are-prices"
            )
        if odd.any():
            k = int(np.argmax(odd))
            raise ImplausibleError(
                f"{values[k]:g} for {self.engine.assets[k]} is {ratio[k]:.3g} times its last price of "
                f"{self.last_prices[k]:g}: another unit (pence for pounds), or a return?"
            )

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


def _digest(values: Array) -> str:
    return hashlib.sha256(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()).hexdigest()[:16]


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
