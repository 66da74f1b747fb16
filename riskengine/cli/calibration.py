"""Calibration: `calibrate` and `pretrain`."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from riskengine.cli.app import app
from riskengine.cli.console import (
    FLAGGED,
    Json,
    PeriodsPerYear,
    Prices,
    bars,
    bundled_prices,
    new_table,
    screen,
    write,
)
from riskengine.cli.findings import show_findings, within
from riskengine.errors import SettingsError


class CalibratorName(StrEnum):
    """Choices of `calibrate --method`."""

    NETWORK = "network"
    PLAIN = "plain"
    MAXIMUM_LIKELIHOOD = "mle"
    ARCH = "arch"


@app.command()
def calibrate(
    prices: Prices = None,
    window: Annotated[int, typer.Option(help="Last days to use; 0 for all.")] = 1000,
    method: Annotated[
        CalibratorName,
        typer.Option(
            help="The network, robust and pooled; the plain one; batched maximum likelihood; or arch."
        ),
    ] = CalibratorName.NETWORK,
    robust: Annotated[
        bool | None,
        typer.Option(
            "--robust/--no-robust",
            help="Whether the network is the one trained on bad prints, breaks and stale prices.",
            show_default="robust",
        ),
    ] = None,
    pooled: Annotated[
        bool | None,
        typer.Option(
            "--pooled/--no-pooled",
            help="Whether every asset is shrunk towards the universe (empirical Bayes).",
            show_default="pooled",
        ),
    ] = None,
    periods_per_year: PeriodsPerYear = None,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.")] = None,
    as_json: Json = False,
) -> None:
    """Calibrate a GARCH model for every asset at once.

    Exit status 3 if prices of the window look wrong, a split that they are not adjusted for, say, or if something had
    to be done in another way: prices that stand still, or of a frequency that the network was not trained for.
    """
    from riskengine.calibration import NeuralCalibrator, standard_calibrator
    from riskengine.calibration.neural import takes_over
    from riskengine.market import load_panel

    if window < 0:
        raise SettingsError(f"a window is a number of days, or 0 for all, not {window}")
    if not (robust is pooled is None) and method not in (CalibratorName.NETWORK, CalibratorName.PLAIN):
        raise SettingsError(f"--robust and --pooled are for the network, not for {method.value}")
    panel = load_panel(prices or bundled_prices(), periods_per_year=periods_per_year)
    if robust is pooled is None:
        calibrator = standard_calibrator(method.value)
    else:
        usual = method is CalibratorName.NETWORK
        calibrator = NeuralCalibrator.pretrained(
            robust=usual if robust is None else robust, pooled=usual if pooled is None else pooled
        )
    console = screen(as_json)
    returns = panel.session_returns.iloc[-window:]
    findings = within(panel.audit(), returns.index[0])
    show_findings(console, findings)
    with console.status(f"calibrating {len(panel.assets)} assets"):
        fit = calibrator(returns)
        frame = fit.to_frame()
    for note in fit.notes:
        console.print(f"! {note}", style="yellow", highlight=False, markup=False)
    doubtful = bool(fit.notes) or any(finding.serious for finding in findings)
    if out is not None:
        write(out, frame.to_csv())
    if as_json:
        rows = json.loads(frame.reset_index().to_json(orient="records", double_precision=15))
        for one, name in zip(rows, panel.assets, strict=True):
            one["findings"] = [
                told.to_dict() for told in findings if told.serious and told.asset in (name, None)
            ]
            one["periods_per_year"] = fit.periods_per_year
            one["notes"] = [
                note for note in fit.notes if note.partition(":")[0] not in set(panel.assets) - {name}
            ]
        print(json.dumps(rows))
        if doubtful:
            raise typer.Exit(FLAGGED)
        return
    used = "maximum likelihood" if any(takes_over(note) for note in fit.notes) else method.value
    title = f"GJR-GARCH(1,1), {used}, to {panel.dates[-1]:%Y-%m-%d}"
    table = new_table(f"{title}; volatilities a year of {fit.periods_per_year:g}")
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
        table.add_row(
            escape(str(label)),
            *(text.format(row[name]) for name, text in formats.items()),
            str(row["status"]),
        )
    console.print(table)
    if doubtful:
        raise typer.Exit(FLAGGED)


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(help="Folder for the plain and the robust network.")] = Path(
        "out/pretrained"
    ),
    steps: Annotated[
        int | None, typer.Option(help="Simulated batches; the default makes the shipped weights.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of simulation and initial weights.")] = None,
    restart: Annotated[bool, typer.Option(help="Begin anew instead of going on from a checkpoint.")] = False,
    as_json: Json = False,
) -> None:
    """Train the plain and the robust network again from nothing, on simulated paths alone.

    Under 30 minutes on two cores with the defaults. Stopped with Ctrl-C it goes on where it was when
    called again. Use the weights with NeuralCalibrator.pretrained(FOLDER).
    """
    from riskengine.calibration.training.loop import Training
    from riskengine.calibration.training.pretraining import pretrain as run

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
