"""What the commands of the desk do, from files to files; the command line only names the options."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.backtest import load_strategy
from riskengine.calibration import NeuralCalibrator
from riskengine.desk.forecast_file import read_forecasts
from riskengine.desk.inputs import read_desk, read_holdings
from riskengine.desk.portfolio_stress import StressSettings, stress_test, write_stress
from riskengine.desk.price import price, write_price
from riskengine.desk.price_inputs import read_terms
from riskengine.desk.rebalance import read_history, rebalance
from riskengine.desk.smile import fit_smile
from riskengine.desk.strategy_state import Shown, close_name
from riskengine.desk.stream import Start, Watch
from riskengine.desk.stream_settings import Wanted, begin, reconcile, weights_of
from riskengine.errors import DataError, RiskEngineError, SettingsError
from riskengine.market import Panel, Universe, load_panel, load_volume
from riskengine.market.dates import close_on
from riskengine.options import read_quotes
from riskengine.report.rebalance_page import write_rebalance
from riskengine.report.smile_page import write_smile
from riskengine.risk import Validation
from riskengine.risk import validate as validate_forecasts

Array = np.ndarray


def _panel(prices: Path, asof: str | None, membership: Path | None = None) -> Panel:
    panel = load_panel(prices, membership)
    return panel if asof is None else panel.between(end=close_on(panel.dates, asof, "--asof"))


def _weights(panel: Panel, holdings: Path | None) -> Array:
    """Weights of a file of holdings at the last known prices; equal ones without it."""
    return weights_of(panel.assets, panel.prices.ffill().to_numpy()[-1], holdings)[0]


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
    panel = _panel(prices, asof, membership)
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
    write_rebalance(found, desk, out)
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
) -> tuple[dict[str, Any], bool]:
    """Write the stress test; its content, and whether a limit is broken or a holding flagged.

    With ``month`` the horizon is as many periods as the prices have in a month.
    """
    panel = _panel(prices, asof)
    if month:
        periods = max(1, round(panel.periods_per_year / 12))
        settings = replace(settings, simulation=replace(settings.simulation, horizon=periods))
    desk = read_desk(limits, panel.assets)
    file = out / "paths.parquet" if write_paths else None
    found = stress_test(panel, _weights(panel, holdings), NeuralCalibrator.pretrained(), settings, file)
    return write_stress(found, panel, desk, settings, out)


def run_price(terms: Path, out: Path, progress: Any) -> dict[str, Any]:
    """Price a terms file and write its page; its content."""
    content = price(read_terms(terms), terms.name, progress)
    write_price(content, out)
    return content


def run_validate(forecasts: Path, level: float, draws: int) -> tuple[Validation, dict[str, Any]]:
    """Test the forecasts of a CSV; what was found, and the same with units and how the file was read, for JSON.

    Raises
    ------
    DataError
        As :func:`riskengine.desk.forecast_file.read_forecasts` and :func:`riskengine.risk.validate`.
    """
    read = read_forecasts(forecasts, level)
    found = validate_forecasts(read.losses, read.value_at_risk, read.cvar, level, draws=draws)
    percent = f"{100 * level:g}%"
    units = {
        "var": f"loss in the unit of the file over one row of it, {percent}",
        "cvar": f"mean loss in the unit of the file beyond VaR, {percent}",
        "exceptions": "number of rows with a loss beyond VaR",
        "expected": f"number of rows, {1 - level:.4g} of them",
        "zone": "of the last 250 rows, or of all if there are fewer",
        "p_value": "mid-p by simulation; p_low and p_high with ties counted one way and the other",
    }
    return found, found.to_dict() | {"notes": list(read.notes), "units": units}


def run_smile(
    quotes: Path,
    prices: Path | None,
    asset: str | None,
    asof: str | None,
    spot: float | None,
    feller: bool,
    weights: str,
    beta: float,
    window: int,
    out: Path,
) -> dict[str, Any]:
    """Fit both models to a file of quotes and write the page; its content.

    Raises
    ------
    SettingsError
        If there are prices without an asset, or the reverse.
    """
    if (prices is None) != (asset is None):
        raise SettingsError("a smile with its GARCH state needs both --prices and --asset")
    read = read_quotes(quotes, spot, asof)
    if prices is None or asset is None:
        return write_smile(fit_smile(read, feller=feller, weights=weights, beta=beta), quotes, out, {})
    panel = _panel(prices, asof)
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
    numbers = write_smile(found, quotes, out, origin)
    return numbers | {"findings": doubts, "flagged": numbers["flagged"] or bool(doubts)}


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
