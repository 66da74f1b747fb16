"""What a watch begins with, and what becomes of settings that are given when it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.calibration import Calibrator
from riskengine.covariance import for_frequency
from riskengine.desk.held_findings import held_findings
from riskengine.desk.holdings import Holdings, read_holdings
from riskengine.desk.live import LiveEngine, LiveSettings
from riskengine.desk.live_limits import add_level, not_judged
from riskengine.desk.rules import read_desk
from riskengine.desk.stream import Watch
from riskengine.desk.stream_start import History, Start
from riskengine.errors import DataError, RiskEngineError, SettingsError
from riskengine.market import Panel, Source, load_panel

Array = np.ndarray

EQUAL = "equal weights"


@dataclass(frozen=True)
class StreamSettings:
    """Settings of a call; None for what is not said.

    Attributes
    ----------
    prices : file of the history
    holdings : file of quantities
    window, recalibrate : see :class:`riskengine.desk.live.LiveSettings`
    limits : file of limits
    durable : see :class:`riskengine.desk.Watch`
    """

    prices: Source | None = None
    holdings: Path | None = None
    window: int | None = None
    recalibrate: int | None = None
    limits: Path | None = None
    durable: bool = False


def equal_weights(known: Array) -> Array:
    """Of everything that has a price ``(assets,)``."""
    alive = ~np.isnan(known)
    return alive / alive.sum()


def weights_of(assets: tuple[str, ...], known: Array, holdings: Path | None) -> tuple[Array, Any]:
    """Weights at the last known prices, and what they are of; equal ones without a file.

    Raises
    ------
    DataError
        If something is held that has no price at all, or nothing is held.
    """
    if holdings is None:
        return equal_weights(known), EQUAL
    held = read_holdings(holdings, assets)
    bare = (held.quantity != 0) & np.isnan(known)
    if bare.any():
        raise DataError(f"{assets[int(np.argmax(bare))]} is held but has no price: add one, or write it off")
    if not held.wealth(known) > 0:
        raise DataError(f"{holdings}: there is nothing in these holdings")
    return held.weights(known), _named(held)


def _named(held: Holdings) -> dict[str, float]:
    table = {held.assets[k]: float(held.quantity[k]) for k in np.flatnonzero(held.quantity)}
    return table | {"CASH": held.cash}


def open_stream(
    folder: Path,
    wanted: StreamSettings,
    usual_prices: Callable[[], Path],
    calibrator: Calibrator,
    rows_are_prices: bool | None = None,
    snapshot_every: int = 100,
) -> tuple[Watch, list[str]]:
    """The watch of a folder, begun there or gone on with; and what the settings changed, one line each.

    Parameters
    ----------
    folder : of the state
    wanted : settings of the call
    usual_prices : gives the file of the history where none is named and there is no state yet
    calibrator, rows_are_prices, snapshot_every : see :class:`riskengine.desk.Watch`

    Raises
    ------
    SettingsError, DataError
        As :class:`riskengine.desk.Watch` and :func:`reconcile` do, or without a row between snapshots.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine.calibration import ArchReference
    >>> from riskengine import datasets
    >>> from riskengine.market import save_prices
    >>> prices = datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = save_prices(prices, Path(folder) / "prices.csv")
    ...     wanted = StreamSettings(window=250, recalibrate=21)
    ...     watch, changed = open_stream(Path(folder) / "state", wanted, lambda: file, ArchReference())
    ...     watch.close()
    >>> watch.fresh, changed
    (True, [])
    """
    if snapshot_every < 1:
        raise SettingsError(f"there is at least one row between snapshots, not {snapshot_every}")

    def start() -> Start:
        return begin(wanted, wanted.prices or usual_prices(), calibrator, bool(rows_are_prices))

    watch = Watch(folder, start, calibrator, rows_are_prices, snapshot_every, wanted.durable)
    try:
        done = [] if watch.fresh else reconcile(watch, wanted)
        watch.desk = read_desk(wanted.limits, watch.engine.assets)
        add_level(watch.engine, watch.desk)
        return watch, done + not_judged(watch.desk, watch.engine)
    except RiskEngineError:
        watch.close()
        raise


def begin(wanted: StreamSettings, prices: Source, calibrator: Calibrator, rows_are_prices: bool) -> Start:
    """The engine after the history in a file of prices."""
    panel = load_panel(prices)
    known = panel.prices.ffill().to_numpy()[-1]
    weights, held = weights_of(panel.assets, known, wanted.holdings)
    chosen = {
        name: getattr(wanted, name) for name in ("window", "recalibrate") if getattr(wanted, name) is not None
    }
    settings = LiveSettings(**chosen)
    calibrator, _ = for_frequency(calibrator, panel.periods_per_year)
    engine = LiveEngine(calibrator, panel.returns.to_numpy(), panel.assets, weights, settings)
    last = (panel.prices if rows_are_prices else panel.returns).to_numpy()[-1]
    recent, _ = held_findings(panel, weights != 0, settings.window)
    history = History(
        _date(panel),
        tuple(None if np.isnan(x) else float(x) for x in last),
        panel.periods_per_year,
        {"prices": prices.name, "data": panel.hash, "closes": len(panel.dates), "holdings": held},
        recent,
    )
    return Start(engine, known, history)


def _date(panel: Panel) -> str:
    last = panel.dates[-1]
    return f"{last:%Y-%m-%d}" if last == last.normalize() else f"{last:%Y-%m-%dT%H:%M:%S}"


def reconcile(watch: Watch, wanted: StreamSettings) -> list[str]:
    """Apply the settings of a call to a state that goes on; what was done, one line each.

    Other holdings and another rhythm of calibrations are applied from the next row on. What is not said stays.

    Raises
    ------
    SettingsError
        If the window is another one: what lies before it is not kept.
    DataError
        If the prices are not those that the state began with.
    """
    engine, facts, done = watch.engine, watch.history.facts, []
    if wanted.window is not None and wanted.window != engine.settings.window:
        raise SettingsError(
            f"this state has a window of {engine.settings.window} rows, not {wanted.window}: what lies before it is "
            "not kept; begin anew in another folder, or leave --window out"
        )
    if wanted.prices is not None:
        done += _same_prices(watch, wanted.prices)
    if wanted.recalibrate is not None and wanted.recalibrate != engine.settings.recalibrate:
        before = engine.settings.recalibrate
        engine.settings = replace(engine.settings, recalibrate=wanted.recalibrate)
        done.append(f"recalibrate: {before} before, {wanted.recalibrate} rows from here on")
    if wanted.holdings is not None:
        weights, held = weights_of(engine.assets, watch.last_prices, wanted.holdings)
        if held != facts.get("holdings"):
            watch.reweigh(weights)
            watch.history = replace(watch.history, facts=facts | {"holdings": held})
            done.append("holdings: those of the file from here on, at the last known prices")
    elif facts.get("holdings", EQUAL) != EQUAL:
        done.append("holdings: those of the state, as no file is given")
    if done:
        watch.save()
    return done


def _same_prices(watch: Watch, prices: Source) -> list[str]:
    """Whether a file holds the history that the state began with; it may have grown since."""
    panel = load_panel(prices)
    history, data = watch.history, watch.history.facts.get("data")
    if panel.assets != watch.engine.assets:
        mine, theirs = set(watch.engine.assets), set(panel.assets)
        odd = sorted(mine ^ theirs)[:5] or ["their order"]
        raise DataError(
            f"{prices} has other assets than this state ({', '.join(odd)}): begin anew in another folder, or leave "
            "--prices out"
        )
    if data is None or panel.hash == data:
        return []
    if history.end is None or _date(panel) <= history.end or panel.between(end=history.end).hash != data:
        raise DataError(
            f"the prices of {prices} are not those that this state began with ({history.facts.get('prices')}, "
            f"{history.facts.get('closes')} closes to {history.end}): begin anew in another folder, or leave "
            "--prices out"
        )
    return [
        f"prices: the file has grown to {_date(panel)}; this state goes on with the rows of the stream alone"
    ]
