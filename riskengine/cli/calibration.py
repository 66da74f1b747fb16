"""Calibration: `calibrate` and `pretrain`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from riskengine.cli.app import app
from riskengine.cli.arguments import (
    CalibrationWindow,
    CalibratorName,
    CsvOut,
    Json,
    Method,
    NetworkFolder,
    PageOut,
    PeriodsPerYear,
    Pooled,
    Prices,
    Restart,
    Robust,
    Steps,
    TrainingSeed,
)
from riskengine.cli.console import FLAGGED, bars, bundled_prices, new_table, plainly, screen, working, write
from riskengine.cli.findings import show_findings, within
from riskengine.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from riskengine.calibration import Calibration, Calibrator
    from riskengine.market import Finding, Panel


@app.command()
def calibrate(
    prices: Prices = None,
    window: CalibrationWindow = 1000,
    method: Method = CalibratorName.UNIVERSE,
    robust: Robust = None,
    pooled: Pooled = None,
    periods_per_year: PeriodsPerYear = None,
    out: CsvOut = None,
    page: PageOut = None,
    as_json: Json = False,
) -> None:
    """Calibrate a GARCH model for every asset at once.

    Exit status 3 if prices of the window look wrong, a split that they are not adjusted for, say, if the network was
    not trained for their frequency, or if an asset fell back on the universe's parameters: without prices, or with
    prices that do not move.
    """
    from riskengine.calibration import ranges_for
    from riskengine.market import load_panel

    if window < 0:
        raise SettingsError(f"a window is a number of days, or 0 for all, not {window}")
    calibrator = _calibrator(method, robust, pooled)
    panel = load_panel(prices or bundled_prices(), periods_per_year=periods_per_year)
    console = screen(as_json)
    returns = panel.session_returns.iloc[-window:]
    findings = within(panel.audit(), returns.index[0])
    show_findings(console, findings)
    with working(console, f"calibrating {len(panel.assets)} assets"):
        ranges = ranges_for(calibrator, panel, len(returns))
        fit = calibrator(returns, **ranges)
        frame = fit.to_frame()
    for note in fit.notes:
        console.print(f"! {note}", style="yellow", highlight=False, markup=False)
    if out is not None:
        write(out, frame.to_csv())
    rows = _rows(fit, frame, findings)
    by = f"{method.value} with ranges" if ranges else method.value
    title = _title(fit, by, f"{returns.index[-1]:%Y-%m-%d}")
    if page is not None:
        _write_page(page, rows, title, panel, len(returns))
    if as_json:
        print(json.dumps(rows))
    else:
        _show(console, fit, frame, title)
        if page is not None:
            console.print(f"[bold]{escape(str(page))}[/bold]")
    if fit.flags or any(finding.serious for finding in findings):
        raise typer.Exit(FLAGGED)


def _calibrator(method: CalibratorName, robust: bool | None, pooled: bool | None) -> Calibrator:
    """The calibrator of that name; a network with what is said of it otherwise."""
    from riskengine.calibration import NeuralCalibrator, standard_calibrator

    if robust is pooled is None:
        return standard_calibrator(method.value)
    if method not in (CalibratorName.UNIVERSE, CalibratorName.NETWORK, CalibratorName.PLAIN):
        raise SettingsError(f"--robust and --pooled are for the network, not for {method.value}")
    usual = method is not CalibratorName.PLAIN
    return NeuralCalibrator.pretrained(
        robust=usual if robust is None else robust, pooled=usual if pooled is None else pooled
    )


def _rows(fit: Calibration, frame: pd.DataFrame, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """An object an asset, for JSON: its parameters, and what concerns it or the whole file."""
    rows: list[dict[str, Any]] = json.loads(
        frame.reset_index().to_json(orient="records", double_precision=15)
    )
    names = [str(name) for name in frame.index]
    for row, name in zip(rows, names, strict=True):
        row["findings"] = [
            finding.to_dict() for finding in findings if finding.serious and finding.asset in (name, None)
        ]
        row["periods_per_year"] = fit.periods_per_year
        row["notes"] = [note for note in fit.notes if note.partition(":")[0] not in set(names) - {name}]
    return rows


def _title(fit: Calibration, by: str, date: str) -> str:
    """Model, method that was used in the end, and last day."""
    from riskengine.calibration import takes_over

    used = "maximum likelihood" if any(takes_over(note) for note in fit.notes) else by
    return f"GJR-GARCH(1,1), {used}, to {date}"


def _write_page(page: Path, rows: list[dict[str, Any]], title: str, panel: Panel, window: int) -> None:
    from riskengine.backtest import panel_provenance
    from riskengine.report import render_calibration

    write(page, render_calibration(rows, title, panel_provenance(panel, window=window)))


def _show(console: Console, fit: Calibration, frame: pd.DataFrame, title: str) -> None:
    """A row an asset."""
    table = new_table(f"{title}; volatilities a year of {fit.periods_per_year:g}", gap=0)
    formats = {
        "omega": "{:.1e}",
        "alpha": "{:.3f}",
        "gamma": "{:.3f}",
        "beta": "{:.3f}",
        "dof": "{:.1f}",
        "persistence": "{:.4f}",
        "long_run_volatility": "{:.1%}",
        "next_volatility": "{:.1%}",
    }
    table.add_column("asset", no_wrap=True)
    for name in (*formats, "status"):
        table.add_column(name.replace("_volatility", "").replace("_", " "), justify="right", no_wrap=True)
    for label, row in frame.iterrows():
        cells = (text.format(row[name]) for name, text in formats.items())
        table.add_row(escape(str(label)), *cells, row["status"].partition(":")[0])
    console.print(table)
    reasons = [f"{label}: {row['status']}" for label, row in frame.iterrows() if ":" in row["status"]]
    plainly(console, *(f"- {line}" for line in reasons))


@app.command()
def pretrain(
    out: NetworkFolder = Path("out/pretrained"),
    steps: Steps = None,
    seed: TrainingSeed = None,
    restart: Restart = False,
    as_json: Json = False,
) -> None:
    """Train the plain and the robust network from random weights, on simulated paths alone.

    Under 30 minutes on two cores with the defaults. Interrupted with Ctrl-C it resumes when
    called again. Use the weights with NeuralCalibrator.pretrained(FOLDER).
    """
    from riskengine.calibration.training import Training
    from riskengine.calibration.training import pretrain as run

    training = Training()
    training = replace(
        training,
        steps=training.steps if steps is None else steps,
        seed=training.seed if seed is None else seed,
    )
    console = screen(as_json)
    with bars(console) as report:
        cards = run(training, out, restart=restart, report=report)
    if as_json:
        print(json.dumps(cards))
        return
    for network, card in cards.items():
        table = new_table(f"RMSE of the {network} network's posterior means, fresh clean series")
        table.add_column("days", justify="right")
        names = list(next(iter(card["metrics"].values())))
        for name in names:
            table.add_column(name.replace("_", " "), justify="right")
        for days, row in card["metrics"].items():
            table.add_row(str(days), *(f"{row[name]:.4f}" for name in names))
        console.print(table)
    console.print(f"[bold]{out}[/bold]")
