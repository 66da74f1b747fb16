"""A strategy's state kept from morning to morning, so that the desk goes on where it was, as a backtest does.

``OUT/state/YYYY-MM-DD.npz`` is the state after the decision at that close. A decision starts from the newest state
before its own close: asked twice on the same day, a strategy answers the same. Each file says which settings and which
prices it rests on; a state of others is refused with the reason.
"""

from __future__ import annotations

import hashlib
import sys
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically
from riskengine.market import MarketView, Panel, Universe
from riskengine.portfolio import Decision, Strategy, ask, begin
from riskengine.serialization import fingerprint, load, pack

Array = np.ndarray

FOLDER = "state"
FORMAT = 1
KEPT = 60  # states of mornings, for reports that are made again
_SAME_RETURN = 1e-7


@dataclass(frozen=True)
class Shown:
    """Visible history of a strategy at the desk, as :class:`~riskengine.backtest.WalkForward` has it for a backtest.

    Attributes
    ----------
    window : returns that it is shown; all of the past if not given
    universe : who may be held; every member with a price if not given
    """

    window: int | None = None
    universe: Universe | None = None

    def view(self, panel: Panel) -> MarketView:
        """The last close of the panel."""
        view = panel.view(len(panel.dates) - 1, self.window)
        return view if self.universe is None else self.universe.restrict(view)


@dataclass(frozen=True, eq=False)
class Morning:
    """A decision, where its state came from, and the state after it, to be written once all is well.

    Attributes
    ----------
    decision : targets
    view : that it rests on
    since : date of the state that it started from; None if it began anew
    forgotten : date of a state that was there and not used, by request; None if there was none
    notes : one line each
    content : of the state's file
    """

    decision: Decision
    view: MarketView
    since: str | None
    forgotten: str | None
    notes: tuple[str, ...]
    content: bytes


def decide(
    strategy: Strategy,
    panel: Panel,
    holdings: Array,
    out: Path | None,
    shown: Shown | None = None,
    fresh: bool = False,
    asked: Strategy | None = None,
) -> Morning:
    """Decision of a strategy at the last close of a panel, from its last state in ``out/state``.

    Nothing is written: see :func:`keep`.

    Parameters
    ----------
    strategy : the object that a backtest takes; its settings identify the state
    panel : prices up to today
    holdings : (assets,) weights held now
    out : folder of the desk; no state is looked for without one
    shown : what the strategy is shown; the whole past of every member if not given
    fresh : whether to begin anew whatever is there
    asked : the strategy under limits that others set, which change from day to day and are no part of the state

    Raises
    ------
    StrategyError
        If the strategy fails or breaks its contract.
    DataError
        If the state is damaged, or of other settings, assets or prices, or only later ones are there.

    Examples
    --------
    >>> from riskengine import EqualWeight, datasets
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> morning = decide(EqualWeight(), panel, np.zeros(20), out=None)
    >>> morning.decision.weights[:3]
    array([0.05, 0.05, 0.05])
    """
    shown, asked = shown or Shown(), asked or strategy
    settings = _settings(strategy, shown)
    view = shown.view(panel)
    date = close_name(panel.dates[-1])
    states = _states(out)
    earlier = [day for day in states if day < _file(date)]
    start = begin(asked, view)
    since: str | None = None
    forgotten: str | None = None
    notes: tuple[str, ...] = ()
    state = start
    if fresh or start is None:  # a strategy that remembers nothing needs no state
        forgotten = earlier[-1] if fresh and earlier and start is not None else None
    elif earlier:
        kept = _read(states[earlier[-1]], strategy)
        later, notes = _reconciled(kept, states[earlier[-1]], strategy.name, settings, panel)
        if (
            later
        ):  # a file of prices that now begins later counts its closes from another day: count as before
            view = copy(view)
            view.day += later
        state, since = kept["state"], str(kept["date"])
    elif any(day > _file(date) for day in states):
        first = min(day for day in states if day > _file(date))
        raise DataError(
            f"{out}: the states kept here begin on {first}, after the close of {date}, and a decision must not rest on "
            "later ones: begin anew with --fresh, or name another folder with --out"
        )
    decision, state = ask(asked, state, view, holdings)
    marks = _marks(panel)
    content = pack(
        {
            "format": FORMAT,
            "date": date,
            "strategy": strategy.name,
            "settings": settings,
            "assets": panel.assets,
            "day": int(view.day),
            "closes": marks.closes,
            "columns": marks.columns,
            "rows": marks.rows,
            "sums": marks.sums,
            "state": state,
        }
    )
    return Morning(decision, view, since, forgotten, notes, content)


def keep(morning: Morning, out: Path, date: str) -> None:
    """Save the strategy's state of a date; states beyond the last :data:`KEPT` are deleted. Idempotent.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine import EqualWeight, datasets
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> morning = decide(EqualWeight(), panel, np.zeros(20), out=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keep(morning, Path(folder), close_name(panel.dates[-1]))
    ...     [path.name for path in Path(folder, FOLDER).iterdir()]
    ['2019-12-31.npz']
    """
    folder = out / FOLDER
    write_atomically(folder / f"{_file(date)}.npz", morning.content)
    for path in folder.glob("*.part"):  # of a write that a kill cut short
        path.unlink(missing_ok=True)
    states = _states(out)
    for day in sorted(states)[:-KEPT]:
        states[day].unlink(missing_ok=True)


def _states(out: Path | None) -> dict[str, Path]:
    """Files of states by date, the oldest first."""
    if out is None:
        return {}
    return {path.stem: path for path in sorted((out / FOLDER).glob("*.npz"))}


def close_name(date: pd.Timestamp) -> str:
    """A close as text that sorts: its date, with the time of day if it has one.

    Examples
    --------
    >>> close_name(pd.Timestamp("2024-01-02")), close_name(pd.Timestamp("2024-01-02 16:00"))
    ('2024-01-02', '2024-01-02 16:00:00')
    """
    return f"{date:%Y-%m-%d}" if date == date.normalize() else f"{date:%Y-%m-%d %H:%M:%S}"


def _file(close: str) -> str:
    return close.replace(" ", "T").replace(":", "-")


def _read(path: Path, strategy: Strategy) -> dict[str, Any]:
    remedy = "begin anew with --fresh"
    try:
        kept = load(path, (type(strategy).__module__,))
    except DataError as error:
        raise DataError(f"{remedy}: {error}") from error
    if not isinstance(kept, dict) or kept.get("format") != FORMAT:
        raise DataError(f"{path} was written by another version of riskengine: {remedy}")
    return kept


def _settings(strategy: Strategy, shown: Shown) -> str:
    """Fingerprint of what decides the targets beside prices and holdings."""
    file = getattr(sys.modules.get(type(strategy).__module__), "__file__", None)
    own = type(strategy).__module__.partition(".")[0] != "riskengine"
    source = sha256(Path(file)) if own and file and Path(file).is_file() else None
    universe = None if shown.universe is None else vars(shown.universe)
    return fingerprint((strategy, source, shown.window, universe))


@dataclass(frozen=True, eq=False)
class _Marks:
    """Checksums of prices up to a close: small, and enough to say where others differ.

    ``closes`` are the dates as nanoseconds; ``columns`` and ``rows`` one hash an asset and a date; ``sums`` one random
    projection of an asset's log returns, which a new adjustment of all of its prices by one factor leaves as it is.
    """

    closes: Array
    columns: Array
    rows: Array
    sums: Array


def _marks(panel: Panel) -> _Marks:
    table = panel.prices.to_numpy()
    prices: Array = np.where(np.isnan(table), np.nan, table)  # one bit pattern for all that is missing
    closes: Array = np.asarray(panel.dates.as_unit("ns").asi8)
    # A weight by the date alone, so that a file that begins later gives the same sums from its first date on.
    angle: Array = (closes // 10**9).astype(np.float64) * 0.6180339887498949
    moves = np.zeros(prices.shape)
    moves[1:] = np.log(prices[1:] / prices[:-1])
    weighted = np.nan_to_num(moves) * (2 * (angle % 1.0) - 1)[:, None]
    gaps = np.isnan(prices)
    return _Marks(
        closes,
        np.array([_hash(column) for column in prices.T], dtype=np.uint64),
        np.array([_hash(row) for row in prices], dtype=np.uint64),
        weighted.sum(axis=0) + 1e3 * (gaps * (angle % 1.0)[:, None]).sum(axis=0),
    )


def _hash(values: Array) -> int:
    return int.from_bytes(
        hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=8).digest(), "big"
    )


def _reconciled(
    kept: dict[str, Any], path: Path, name: str, settings: str, panel: Panel
) -> tuple[int, tuple[str, ...]]:
    """By how many days the count of the state is ahead of the panel's, and notes.

    Raises
    ------
    DataError
        If the state is of another strategy, or of other settings, assets or prices.
    """
    remedy = f"begin anew with --fresh, which forgets what was learned up to {kept['date']}"
    if kept["settings"] != settings:
        other = f"strategy {kept['strategy']!r}" if kept["strategy"] != name else "other settings"
        raise DataError(
            f"{path} is the state of {other}, not of strategy {name!r} as it is now: put that back, name "
            f"another folder with --out, or {remedy}"
        )
    if kept["assets"] != panel.assets:
        odd = [
            asset
            for asset in (*panel.assets, *kept["assets"])
            if (asset in kept["assets"]) != (asset in panel.assets)
        ]
        what = f"{odd[0]} is in one and not in the other" if odd else "their order differs"
        raise DataError(f"{path} is the state of prices of other assets: {what}; {remedy}")
    then = int(kept["closes"][-1])
    closes = panel.dates.as_unit("ns").asi8
    position = int(np.searchsorted(closes, then))
    if position >= len(closes) or closes[position] != then:
        raise DataError(
            f"{path} rests on a close of {kept['date']}, which the prices do not have any more: {remedy}"
        )
    earlier = Panel(panel.prices.iloc[: position + 1]) if position >= 1 else panel
    marks = _marks(earlier)
    first = int(np.searchsorted(kept["closes"], closes[0]))
    old = kept["closes"][first:]
    if not np.array_equal(old, marks.closes):
        mine, theirs = set(marks.closes.tolist()), set(old.tolist())
        first_odd = min(mine ^ theirs)
        gone = "is not there any more" if first_odd in theirs else "was not there before"
        raise DataError(
            f"{path} rests on other dates of prices: {pd.Timestamp(first_odd):%Y-%m-%d} {gone}; {remedy}"
        )
    day = int(kept["day"]) - panel.view(position).day
    differ = np.flatnonzero(marks.rows != kept["rows"][first:])
    if not len(differ):
        return day, ()
    if first:  # hashes of whole columns are of other rows: only the dates can be compared
        date = pd.Timestamp(int(old[differ[0]]))
        raise DataError(f"{path} rests on other prices: those of {date:%Y-%m-%d} were revised; {remedy}")
    changed = [int(j) for j in np.flatnonzero(marks.columns != kept["columns"])]
    revised = [j for j in changed if not abs(marks.sums[j] - kept["sums"][j]) <= _SAME_RETURN]
    if revised:
        date = pd.Timestamp(int(old[differ[0]]))
        raise DataError(
            f"{path} rests on other prices: {panel.assets[revised[0]]} was revised, the first difference is on "
            f"{date:%Y-%m-%d} ({len(differ)} dates and {len(changed)} assets differ); {remedy}"
        )
    names = ", ".join(panel.assets[j] for j in changed[:8])
    return day, (f"prices of {names} were adjusted since {kept['date']}; their returns are the same",)
