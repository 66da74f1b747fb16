"""Risk as it is asked for: `risk`, `limits`, `scenarios`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from riskengine.cli.app import app
from riskengine.cli.arguments import (
    AsOf,
    BaseCurrency,
    Benchmark,
    BookOfHoldings,
    Factors,
    HeldOrEqual,
    Json,
    Labels,
    Library,
    LimitsFile,
    Options,
    PeriodsPerYear,
    Prices,
    RiskJobs,
    RiskWindow,
    Scheduler,
    StatedExposures,
    Trades,
    Volume,
)
from riskengine.cli.console import FLAGGED, bundled_prices, new_table, plainly, screen, show_files, working
from riskengine.cli.file_schema import Example, Schema
from riskengine.cli.form_options import ArchiveFolder, AsPdf, AsSummary, AsWorkbook

RiskFolder = Annotated[Path, typer.Option("--out", help="Folder for risk.json and risk.html.")]


@app.command()
def risk(
    prices: Prices = None,
    holdings: HeldOrEqual = None,
    book: BookOfHoldings = None,
    base: BaseCurrency = "",
    labels: Labels = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Labels to attribute risk to, sector,country say; all if left out."),
    ] = None,
    benchmark: Benchmark = None,
    factors: Factors = None,
    exposures: StatedExposures = None,
    volume: Volume = None,
    options: Options = None,
    trades: Trades = None,
    limits: LimitsFile = None,
    library: Library = None,
    asof: AsOf = None,
    window: RiskWindow = 1250,
    periods_per_year: PeriodsPerYear = None,
    jobs: RiskJobs = 1,
    scheduler: Scheduler = None,
    out: RiskFolder = Path("out/risk"),
    pdf: AsPdf = False,
    xlsx: AsWorkbook = False,
    summary: AsSummary = False,
    archive: ArchiveFolder = None,
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Risk of a book by asset, sector, country and factor; active risk, liquidity, stress, limits; trades as a what-if.

    Contributions to volatility, VaR and CVaR add up. Exit status 3 if a limit is broken or cannot be judged, or a
    holding is flagged.
    """
    from riskengine.cli.runs import run_risk
    from riskengine.desk import RiskFiles
    from riskengine.report import Document, Forms, write_forms

    kinds = tuple(name.strip().lower() for name in by.split(",")) if by else ()
    files = RiskFiles(
        holdings, labels, benchmark, factors, exposures, volume, options, trades, library, book, base, kinds
    )
    forms, console = Forms(pdf, xlsx, summary, archive).checked(), screen(as_json)
    with working(console, "prices, risk, stress and limits"):
        content = run_risk(
            prices or bundled_prices(), files, limits, asof, window, periods_per_year, out, (jobs, scheduler)
        )
    made = write_forms(lambda: Document.of("risk", content), forms, out)
    if as_json:
        print(json.dumps(content))
    else:
        show_risk(console, content, out / "risk.html")
        show_files(console, made)
    if content["flags"]:
        raise typer.Exit(FLAGGED)


@app.command()
def limits(
    file: Annotated[Path | None, typer.Argument(help="Limits file to read and show.")] = None,
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Read a limits file and show what it sets; --schema and --example say what one may hold."""
    from dataclasses import asdict

    from riskengine.desk import Desk, read_desk

    desk = Desk() if file is None else read_desk(file, None)
    if as_json:
        print(json.dumps(asdict(desk)))
        return
    console = screen(as_json)
    if file is None:
        plainly(
            console,
            "no file is named: `riskengine limits --example` prints one, --schema all that it may hold",
        )
    sides = (("at most", desk.limits), ("at least", desk.at_least))
    for side, given in sides:
        plainly(console, *(f"{name}: {side} {limit:g}" for name, limit in given.items()))


@app.command()
def scenarios(
    library: Library = None, schema: Schema = False, example: Example = False, as_json: Json = False
) -> None:
    """The library of stress scenarios, with dates, sources and shocks; --example and --schema for one of your own."""
    from dataclasses import asdict

    from riskengine.desk import read_library

    found = read_library(library)
    if as_json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}))
        return
    console = screen(as_json)
    table = new_table("Stress library")
    for heading in ("scenario", "days", "equity", "implied vol", "volume"):
        table.add_column(heading, justify="left" if heading in ("scenario", "days") else "right")
    for name, one in found.items():
        days = f"{one.first} to {one.last}" if one.first else ""
        equity = one.shocks.get("equity", one.shocks.get("*"))
        moved = "" if equity is None else f"{equity:+.1%}"
        table.add_row(escape(name), days, moved, f"x {one.volatility:g}", f"x {one.volume:g}")
    console.print(table)
    plainly(console, *(f"{name}: {one.source}" for name, one in found.items() if one.source))


def show_risk(console: Console, content: dict[str, Any], page: Path) -> None:
    """Figures, attributions by label, the worst scenarios, limits, notes and flags."""
    from riskengine.report import limit_label, risk_cell

    traded = any("before" in row for row in content["figures"])
    table = new_table(f"{'What-if' if traded else 'Risk'}, {content['date']}: {content['status']}")
    for heading in ("", *(("before",) if traded else ()), "now", *(("change",) if traded else ())):
        table.add_column(heading, justify="left" if not heading else "right")
    for row in content["figures"]:
        cells = [risk_cell(row)]
        if traded:
            cells = [risk_cell(row, "before"), risk_cell(row), risk_cell(row, "change", sign=True)]
        table.add_row(limit_label(row["name"]), *cells)
    console.print(table)
    for kind, rows in content["attribution"].items():
        show_attribution(console, kind, rows)
    for how, rows in content["factors"].items():
        specific = rows[-1]["share"]
        largest = sorted(rows[:-1], key=lambda row: -abs(row["share"]))[:3]
        said = ", ".join(f"{row['name']} {row['share']:.0%}" for row in largest)
        plainly(
            console, f"factors, {how}: {1 - specific:.0%} of the variance ({said}), specific {specific:.0%}"
        )
    for row in content["stress"][:3]:
        plainly(console, f"{row['name']}: {row['loss']:.1%} lost ({row['how']})")
    for row in content["limits"]:
        plainly(
            console,
            f"limit {limit_label(row['name'])} {row['side']} {risk_cell(row, 'limit')}: "
            f"{risk_cell(row) or 'not judged'}, {row['light'] or row['reason']}",
        )
    plainly(
        console, *(f"note: {note}" for note in content["notes"]), *(f"- {flag}" for flag in content["flags"])
    )
    console.print(f"[bold]{page}[/bold]")


def show_attribution(console: Console, kind: str, rows: list[dict[str, Any]]) -> None:
    """The largest contributions by one label."""
    most = 8
    table = new_table(
        f"Risk by {kind}" + (f", the largest {most} of {len(rows)}" if len(rows) > most else "")
    )
    for heading in (kind, "weight", "volatility", "VaR 99%", "CVaR 97.5%"):
        table.add_column(escape(heading), justify="left" if heading == kind else "right")
    for row in rows[:most]:
        figures = (row[name] for name in ("volatility", "var_99", "cvar_97.5"))
        table.add_row(escape(row["name"]), f"{row['weight']:.1%}", *(f"{x:.2%}" for x in figures))
    console.print(table)
