"""What the commands of the desk do, from files to files: content from `desk`, its page from `report`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.backtest import load_strategy
from riskengine.backtest.provenance import software
from riskengine.backtest.result import finite
from riskengine.calibration import NeuralCalibrator
from riskengine.desk.holdings import read_holdings
from riskengine.desk.portfolio_stress import StressSettings, stress_content, stress_test
from riskengine.desk.price import price
from riskengine.desk.price_inputs import read_terms
from riskengine.desk.rebalance import read_history, rebalance
from riskengine.desk.rebalance_files import write_rebalance
from riskengine.desk.rules import read_desk
from riskengine.desk.smile import Smile, fit_smile, smile_content
from riskengine.desk.smile_curves import smile_curves
from riskengine.desk.strategy_state import Shown, close_name
from riskengine.desk.stream import Start, Watch
from riskengine.desk.stream_settings import Wanted, begin, reconcile, weights_of
from riskengine.errors import DataError, RiskEngineError, SettingsError
from riskengine.files import sha256, write_atomically
from riskengine.market import Panel, Universe, load_panel, load_volume
from riskengine.market.dates import close_on
from riskengine.options import read_quotes
from riskengine.report.price_page import render_price
from riskengine.report.rebalance_page import render_rebalance
from riskengine.report.smile_page import render_smile
from riskengine.report.stress_page import render_stress

Array = np.ndarray


def _panel(
    prices: Path, asof: str | None, membership: Path | None = None, periods_per_year: float | None = None
) -> Panel:
    panel = load_panel(prices, membership, periods_per_year=periods_per_year)
    return panel if asof is None else panel.between(end=close_on(panel.dates, asof, "--asof"))


def _weights(panel: Panel, holdings: Path | None) -> Array:
    """Weights of a file of holdings at the last known prices; equal ones without it."""
    return weights_of(panel.assets, panel.prices.ffill().to_numpy()[-1], holdings)[0]


def _write(out: Path, name: str, content: dict[str, Any], page: str) -> None:
    """Content as JSON, and its page."""
    write_atomically(out / f"{name}.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(out / f"{name}.html", page.encode())


def run_rebalance(
    strategy: Path,
    prices: Path,
    holdings: Path,
    limits: Path | None,
    asof: str | None,
    out: Path,
    window: int,
    fresh: bool = False,
    history: int | None = None,
    membership: Path | None = None,
    volume: Path | None = None,
    top: int | None = None,
    periods_per_year: float | None = None,
) -> dict[str, Any]:
    """Write the daily report and the strategy's state; the report's content.

    Raises
    ------
    SettingsError
        If there are traded values and no number of assets to choose by them.
    """
    if volume is not None and top is None:
        raise SettingsError(
            "traded values (--volume) serve to choose the most liquid: say how many with --top"
        )
    panel = _panel(prices, asof, membership, periods_per_year)
    universe = None if top is None else Universe(top, volume=None if volume is None else load_volume(volume))
    held, desk = read_holdings(holdings, panel.assets), read_desk(limits, panel.assets)
    _, last = read_history(out, close_name(panel.dates[-1]))
    found = rebalance(
        load_strategy(strategy),
        panel,
        held,
        desk,
        NeuralCalibrator.pretrained(),
        window,
        last,
        out,
        Shown(history, universe),
        fresh,
    )
    write_rebalance(found, render_rebalance(found.content), out)
    return found.content


def run_stress(
    prices: Path,
    holdings: Path | None,
    limits: Path | None,
    asof: str | None,
    settings: StressSettings,
    write_paths: bool,
    out: Path,
    month: bool = False,
    periods_per_year: float | None = None,
) -> tuple[dict[str, Any], bool]:
    """Write the stress test; its content, and whether a limit is broken or a holding flagged.

    With ``month`` the horizon is as many periods as the prices have in a month.
    """
    panel = _panel(prices, asof, periods_per_year=periods_per_year)
    if month:
        periods = max(1, round(panel.periods_per_year / 12))
        settings = replace(settings, simulation=replace(settings.simulation, horizon=periods))
    desk = read_desk(limits, panel.assets)
    file = out / "paths.parquet" if write_paths else None
    found = stress_test(panel, _weights(panel, holdings), NeuralCalibrator.pretrained(), settings, file)
    content = stress_content(found, panel, desk, settings)
    _write(out, "stress", content, render_stress(content))
    return content, content["status"] == "flagged"


def run_price(terms: Path, out: Path, progress: Any) -> dict[str, Any]:
    """Price a terms file and write its page; its content."""
    content = price(read_terms(terms), terms.name, progress)
    _write(out, "price", content, render_price(content))
    return content


def run_smile(
    quotes: Path,
    prices: Path | None,
    asset: str | None,
    asof: str | None,
    feller: bool,
    weights: str,
    beta: float,
    window: int,
    out: Path,
    reading: Mapping[str, Any],
) -> dict[str, Any]:
    """Fit both models to a file of quotes and write the page; its content.

    Parameters
    ----------
    reading : further keywords of :func:`riskengine.options.read_quotes`

    Raises
    ------
    SettingsError
        If there are prices without an asset, or the reverse.
    """
    if (prices is None) != (asset is None):
        raise SettingsError("a smile with its GARCH state needs both --prices and --asset")
    read = read_quotes(quotes, asof=asof, **reading)
    if prices is None or asset is None:
        return _write_smile(fit_smile(read, feller=feller, weights=weights, beta=beta), quotes, out, {})
    panel = _panel(prices, None if asof is None else asof.split()[0])
    if asset not in panel.assets:
        raise DataError(f"{prices} has no asset {asset!r}")
    returns = panel.returns[[asset]].iloc[-window:]
    fit = NeuralCalibrator.pretrained()(returns)
    found = fit_smile(read, returns.to_numpy(), fit, feller, weights, beta)
    doubts = [
        str(one) for one in panel.audit()
        if one.serious and one.asset in (asset, None) and (one.date is None or one.date >= returns.index[0])
    ]  # fmt: skip
    origin = {"prices": panel.hash, "asset": asset, "last price": f"{panel.dates[-1]:%Y-%m-%d}"}
    origin |= {"read": "; ".join(panel.notes)} if panel.notes else {}
    origin |= {"prices look wrong": "; ".join(doubts)} if doubts else {}
    return _write_smile(found, quotes, out, origin, doubts)


def _write_smile(
    smile: Smile, quotes: Path, out: Path, origin: dict[str, Any], doubts: list[str] | None = None
) -> dict[str, Any]:
    numbers = smile_content(smile, software() | {"quotes": sha256(quotes)} | origin)
    if doubts is not None:
        numbers |= {"findings": doubts, "flagged": numbers["flagged"] or bool(doubts)}
    content: dict[str, Any] = finite(numbers)  # JSON has no NaN
    _write(out, "smile", content, render_smile(numbers, smile_curves(smile)))
    return content


def run_watch(
    state: Path,
    prices: Path | None,
    default: Callable[[], Path],
    holdings: Path | None,
    of_prices: bool | None,
    window: int | None,
    recalibrate: int | None,
    snapshot: int,
) -> bool:
    """Follow standard input until it ends; whether there is something to look at."""
    if snapshot < 1:
        raise SettingsError(f"there is at least one row between snapshots, not {snapshot}")
    calibrator = NeuralCalibrator.pretrained()
    wanted = Wanted(prices, holdings, window, recalibrate)

    def start() -> Start:
        return begin(wanted, prices or default(), calibrator, bool(of_prices))

    follower = Watch(state, start, calibrator, of_prices, snapshot)
    try:
        done = [] if follower.fresh else reconcile(follower, wanted)
    except RiskEngineError:
        follower.close()
        raise
    for line in done:
        print(json.dumps({"setting": line}), file=sys.stderr)
    for finding in follower.history.findings:
        print(json.dumps({"finding": finding}), file=sys.stderr)
    counts = follower.run(sys.stdin, sys.stdout, sys.stderr)
    said = [f"{count} {kind}" for kind, count in sorted(counts.items())]
    said += [
        f"{count} row(s) with {name.replace('_', ' ')}" for name, count in sorted(follower.marks.items())
    ]
    print(", ".join(said), file=sys.stderr)
    return follower.flagged
