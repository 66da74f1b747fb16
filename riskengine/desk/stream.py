"""`riskengine watch`: rows in on standard input, risk out as JSON lines, exactly once by the key of a row.

What is kept in the folder of the state:

- ``stream.sqlite``: every row taken, with its key and its output, and the engine after one of the last rows
  (:class:`~riskengine.desk.stream_store.StreamStore`). A row counts once its transaction is through;
- ``output.jsonl``: every line of output, once;
- ``problems.json``: counts of what was not taken, and why;
- ``state.json``: settings, units, where the history ended, and what is to be looked at.

After a kill the engine takes the rows after its state again, which gives the same numbers; the line of output that may
have been lost with the process is written then, unless it is there. Standard output gets it once as well if it is a
file; a reader of a pipe may see the last row of the killed process again, and knows it by its number.

Keys go on from the last date of the history. A row that comes again is a duplicate if its values are the same; with
other values it is called corrected, reported, and not applied, as the rows after it would have to be taken anew: begin
in another folder with a history that holds the correction.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd

from riskengine.calibration import Calibrator
from riskengine.desk.live import LiveEngine
from riskengine.desk.live_limits import broken, judge_live
from riskengine.desk.rules import Desk
from riskengine.desk.stream_rows import HeaderError, Key, Row, RowReader, later
from riskengine.desk.stream_sinks import Sink, TextSink
from riskengine.desk.stream_start import Start
from riskengine.desk.stream_store import StreamStore
from riskengine.errors import DataError, ImplausibleError, RiskEngineError
from riskengine.files import write_atomically
from riskengine.market import audit_prices, period_name
from riskengine.serialization import pack, unpack

__all__ = ["OUTPUT", "PROBLEMS", "STATE", "Row", "RowReader", "Watch", "later"]

Array = np.ndarray

STORE, OUTPUT, PROBLEMS, STATE = "stream.sqlite", "output.jsonl", "problems.json", "state.json"

_GAP = 5.5
"""Periods between two keys from which on what lies between counts as missed."""

_FURTHEST = 3660.0
"""Days between two dates above which the later one is a slip of the pen."""

_OTHER_UNIT = 50.0
"""Ratio of two prices in a row from which on they are of different units: pence and pounds, say."""


class Watch:
    """Live engine of a stream of rows, with its state on disk.

    Parameters
    ----------
    folder : of the state; an engine is restored from it if it holds one
    start : gives what it begins with where there is no state yet: a :class:`Start`, or its first fields
    calibrator : of the engine
    prices : whether rows are prices instead of returns; None for what the state says, returns where there is none
    snapshot_every : rows
    durable : whether a row outlives a loss of power, as it must where its source forgets it

    Attributes
    ----------
    last_prices : (assets,) last known ones; where rows are returns, those of the history moved on by them
    desk : its limits are judged after every row
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
        durable: bool = False,
    ) -> None:
        self.folder, self.every, self.desk = folder, snapshot_every, Desk()
        self.exceptions: Counter[str] = (
            Counter()
        )  # losses beyond the VaR of the row before, since the beginning
        self.counts: Counter[str] = Counter()  # since the beginning
        self.now: Counter[str] = Counter()  # of this run
        self.last: Key | None = None
        self.marks: Counter[str] = Counter()
        if next(folder.glob("snapshot-*.npz"), None) is not None:
            raise DataError(f"{folder} is of an earlier version: move the folder away to begin anew")
        self._store = StreamStore(folder / STORE, durable)
        self._output = (folder / OUTPUT).open("a+", encoding="utf-8")
        try:
            kept = self._store.kept("watch")
            self.fresh = kept is None
            if kept is None:
                self.prices = bool(prices)
                self.engine, known, self.history = Start(*start())
                self._risk = self.engine.risk()
                self.last_prices = np.asarray(known, dtype=np.float64)
                self.reader = RowReader(self.engine.assets)
                if self.history.end is not None:
                    self.last = Key.parse(self.history.end)
                self.save()
            else:
                self._restore(unpack(kept), calibrator, prices)
        except RiskEngineError:
            self.close()
            raise

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
        self._store.close()
        self._output.close()

    def save(self, clean: bool = False) -> None:
        """Keep the state as it is now; ``clean`` if every line of output is written."""
        self._saved = self.engine.rows
        watch = {
            "last": None if self.last is None else self.last.text,
            "last_prices": self.last_prices,
            "prices": self.prices,
            "history": self.history,
            "counts": dict(self.counts),
            "exceptions": dict(self.exceptions),
        }
        self._store.keep(
            rows_taken=True, watch=pack(watch), engine=self.engine.snapshot(), clean=b"1" if clean else b""
        )
        self._keep_header()

    def _keep_header(self) -> None:
        header = json.dumps([self.reader.columns, self.reader.refused])
        self._store.keep(header=header.encode())

    def _restore(self, kept: dict[str, Any], calibrator: Calibrator, prices: bool | None) -> None:
        """The state of an earlier process, and the rows that it took since."""
        self.prices, self.last_prices, self.history = (kept[k] for k in ("prices", "last_prices", "history"))
        self.counts, self.last = Counter(kept["counts"]), kept["last"] and Key.parse(kept["last"])
        if prices is not None and prices != self.prices:
            kinds = ("returns", "prices")
            raise DataError(
                f"the rows of this state are {kinds[self.prices]}, not {kinds[prices]}: hand in the same "
                "kind, or begin anew in another folder"
            )
        self.engine = LiveEngine.restore(self._store.kept("engine") or b"", calibrator)
        self.reader = RowReader(self.engine.assets, *json.loads(self._store.kept("header") or b"[]"))
        self.exceptions = Counter(kept.get("exceptions", {}))
        self._saved, self._risk = self.engine.rows, self.engine.risk()
        for key, values in self._store.pending():
            self._take(Row(key, values))
            self.counts["taken"] += 1
        self.marks.clear()  # they were shown when the rows came

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
        outcome = float(self.engine.weights @ np.nan_to_num(returns))
        exceptions = [] if skipped else self._risk.exceeded(outcome)
        risk = self._risk = self.engine.update(returns, spanning=self.prices, skipped=skipped)
        self.last = key
        self.exceptions.update(exceptions)
        rows = judge_live(self.desk, self.engine, risk, self.history.periods_per_year)
        marks: dict[str, Any] = {}
        if broken(rows):
            marks["limits_broken"] = broken(rows)
        if splits:
            marks["possible_splits"] = splits
        if skipped:
            marks["skipped"] = skipped
        for name in (*marks, *(n for n in ("stale", "implausible", "unsupported") if getattr(risk, n))):
            self.marks[name] += 1
        said: dict[str, Any] = {"limits": rows} if rows else {}
        said |= {"exceptions": exceptions} if exceptions else {}
        units = {"horizon": f"1 {self.period}", "unit": "fraction of wealth"}
        return json.dumps({"key": key.text, **risk.to_dict(), "return": outcome, **marks, **said, **units})

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

    def reweigh(self, weights: Array) -> None:
        """Hold other weights ``(assets,)`` from now on."""
        self.engine.reweigh(weights)
        self._risk = self.engine.risk()

    def run(
        self, lines: Iterable[str], out: TextIO | Sink, problems: TextIO, more: Sequence[Sink] = ()
    ) -> Counter[str]:
        """Take all rows; counts of taken, duplicate, corrected, late, implausible, malformed ones, and so on.

        Rows that are not taken are reported on ``problems`` as JSON lines and never end the stream.

        Parameters
        ----------
        lines : of rows
        out, more : take the lines of output
        problems : takes reports
        """
        first = out if isinstance(out, Sink) else TextSink(out)
        self._sinks = (TextSink(self._output), first, *more)
        try:
            for sink in self._sinks:
                sink.catch_up(self._store)
            self._store.keep(clean=b"")
            for number, line in enumerate(lines, start=1):
                try:
                    row = self.reader.read(line.strip()) if line.strip() else None
                    if row is None:  # a header, or an empty line
                        self._keep_header()
                        continue
                    kind, detail = self._one(row)
                except HeaderError as error:
                    self._keep_header()
                    kind, detail = "no valid header", str(error)
                except ImplausibleError as error:
                    kind, detail = "implausible", str(error)
                except DataError as error:
                    kind, detail = "malformed", str(error)
                self.counts[kind] += 1
                self.now[kind] += 1
                if kind != "taken":
                    report = json.dumps({"line": number, "problem": kind, "detail": detail})
                    print(report, file=problems, flush=True)
                    for sink in self._sinks:
                        sink.problem(report)
            self.save(clean=True)
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
                "return": "of the holdings over the row, fraction of wealth",
                "exceptions": "levels whose VaR of the row before was exceeded",
            },
            "findings": list(self.history.findings),
            "stale": list(risk.stale),
            "short_history": risk.short_history,
            "rows_without_a_value": idle,
            "counts": dict(self.counts),
            "exceptions": dict(self.exceptions),
            "limits": judge_live(self.desk, engine, risk, self.history.periods_per_year),
            "marks": dict(self.marks),
            "flagged": self.flagged,
        }

    def _one(self, row: Row) -> tuple[str, str]:
        """What became of a row, and why."""
        key = Key.parse(row.key)
        again = self._again(key, row)
        if again is not None:
            return again
        if self.prices:
            self._check_prices(row.values)
        self.engine.check(self._returns(row.values), spanning=self.prices)
        text = self._take(row)
        self._store.add(key.text, _digest(row.values), row.values, text)
        for sink in self._sinks:
            sink.write(text)
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
        before = self._store.digest(key.text)
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


def _digest(values: Array) -> str:
    return hashlib.sha256(np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()).hexdigest()[:16]
