"""What a backtest is made of: `brinson`, its return by groups; `reduction`, its calm by causes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskengine.cli.app import app
from riskengine.cli.arguments import (
    BenchmarkJobs,
    CostRate,
    Delay,
    End,
    FinishedFolder,
    Json,
    Labels,
    PeriodsPerYear,
    Prices,
    Start,
    Step,
    StrategyFile,
    Train,
)
from riskengine.cli.console import FLAGGED, bars, bundled_prices, new_table, plainly, screen
from riskengine.cli.walk import WalkRules
from riskengine.errors import DataError, SettingsError

if TYPE_CHECKING:
    from riskengine.backtest import BacktestResult, BrinsonAttribution
    from riskengine.market import Panel
    from riskengine.portfolio import Strategy


@app.command()
def brinson(
    folder: FinishedFolder = Path("out"),
    labels: Labels = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Label to group by; the first of the table if left out.")
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            help="Benchmark of the backtest by name, or a table of asset and weight; the first benchmark if left out.",
            metavar="NAME|FILE",
        ),
    ] = None,
    prices: Prices = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for brinson.json and brinson.html; that of the backtest if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Attribute a finished backtest's return to allocation, selection and interaction by groups of assets.

    Brinson and Fachler, linked over the periods by Carino: the effects add up. Exit status 3 if assets that were held
    have no label.
    """
    from riskengine.backtest import attribute_result, load_result
    from riskengine.cli.runs import write_page
    from riskengine.market import load_benchmark, load_labels, load_panel
    from riskengine.report import render_brinson

    if labels is None:
        raise SettingsError("a return is attributed to groups of assets: name a table of them with --labels")
    result, panel = load_result(folder), load_panel(prices or bundled_prices())
    known = load_labels(labels)
    kind = by or next(iter(known))
    if kind not in known:
        raise SettingsError(
            f"{labels} has no column {kind!r} that groups assets: there are {', '.join(known)}"
        )
    named = {one.name: one for one in result.benchmarks}
    if against is None and not named:
        raise DataError("the backtest has no benchmark: name a table of weights with --against")
    chosen = against or next(iter(named))
    notes: list[str] = []
    if chosen in named:
        found = attribute_result(result, named[chosen], panel.prices, known[kind])
    elif Path(chosen).is_file():
        weights, notes = load_benchmark(chosen, panel.assets)
        found = attribute_result(result, weights, panel.prices, known[kind])
    else:
        raise SettingsError(
            f"the backtest has no benchmark {chosen!r}: there are {', '.join(named)}, or name a file"
        )
    content = brinson_content(result, found, kind, chosen, notes)
    write_page(out or folder, "brinson", content, render_brinson(content))
    if as_json:
        print(json.dumps(content))
    else:
        _show_brinson(content, (out or folder) / "brinson.html")
    if content["notes"]:
        raise typer.Exit(FLAGGED)


def brinson_content(
    result: BacktestResult, found: BrinsonAttribution, by: str, against: str, notes: list[str]
) -> dict[str, Any]:
    """For JSON and the page."""
    rows = [
        {
            "name": name,
            "weight": float(found.weight[k]),
            "benchmark_weight": float(found.benchmark_weight[k]),
            "allocation": float(found.allocation[k]),
            "selection": float(found.selection[k]),
            "interaction": float(found.interaction[k]),
            "total": float(found.total[k]),
        }
        for k, name in enumerate(found.names)
    ]
    if found.unlabelled:
        notes = [
            *notes,
            f"{found.unlabelled:.1%} of wealth, on average, has no label {by!r}: add rows to the table",
        ]
    return {
        "strategy": result.name,
        "against": against,
        "by": by,
        "first": f"{result.gross.index[0]:%Y-%m-%d}",
        "last": f"{result.gross.index[-1]:%Y-%m-%d}",
        "portfolio": found.portfolio,
        "benchmark": found.benchmark,
        "active": found.active,
        **{effect: sum(row[effect] for row in rows) for effect in ("allocation", "selection", "interaction")},
        "other": found.other,
        "groups": sorted(rows, key=lambda row: -abs(row["total"])),
        "notes": notes,
        "provenance": {k: str(v) for k, v in result.provenance.items()} | {"periods": str(found.periods)},
    }


def _show_brinson(content: dict[str, Any], page: Path) -> None:
    from rich.markup import escape

    console = screen(False)
    title = f"{content['strategy']} against {content['against']}, {content['first']} to {content['last']}"
    table = new_table(escape(title))
    for heading in (content["by"], "allocation", "selection", "interaction", "sum"):
        table.add_column(escape(heading), justify="left" if heading == content["by"] else "right")
    effects = ("allocation", "selection", "interaction", "total")
    for row in content["groups"]:
        table.add_row(escape(row["name"]), *(f"{row[effect]:+.2%}" for effect in effects))
    table.add_row("costs and interest", "", "", "", f"{content['other']:+.2%}")
    table.add_row(
        "sum", *(f"{content[effect]:+.2%}" for effect in ("allocation", "selection", "interaction", "active"))
    )
    console.print(table)
    plainly(console, f"{content['portfolio']:.2%} against {content['benchmark']:.2%}, net of costs")
    plainly(console, *(f"- {note}" for note in content["notes"]))
    console.print(f"[bold]{page}[/bold]")


@app.command()
def reduction(
    strategy: StrategyFile,
    prices: Prices = None,
    out: Annotated[Path, typer.Option(help="Folder for reduction.json and reduction.html.")] = Path(
        "out/reduction"
    ),
    train: Train = None,
    step: Step = "21",
    delay: Delay = 1,
    costs: CostRate = 5.0,
    start: Start = None,
    end: End = None,
    periods_per_year: PeriodsPerYear = None,
    jobs: BenchmarkJobs = 1,
    as_json: Json = False,
) -> None:
    """Attribute a strategy's reduction of volatility: the sample, timing of variances, of correlations, limits.

    Five backtests beside the strategy's own and equal weight: parts of the covariance are held at those of the window's
    sample, and limits are left out. Exit status 3 if decisions fell back.
    """
    from riskengine.backtest import Market
    from riskengine.cli.runs import write_page
    from riskengine.report import render_reduction

    rules = WalkRules(train, step, delay, costs, "0", None, 0.0, None)
    panel = Market(
        prices or bundled_prices(), start=start, end=end, periods_per_year=periods_per_year
    ).panel()
    content = reduction_content(strategy, panel, rules, jobs, as_json)
    write_page(out, "reduction", content, render_reduction(content))
    if as_json:
        print(json.dumps(content))
    else:
        console = screen(as_json)
        table = new_table(f"{content['first']} to {content['last']}: volatility points a year")
        for heading in ("part", "points", "95% interval"):
            table.add_column(heading, justify="left" if heading == "part" else "right")
        for part in content["parts"]:
            interval = f"{100 * part['low']:+.2f} to {100 * part['high']:+.2f}"
            table.add_row(part["name"], f"{100 * part['points']:+.2f}", interval)
        table.add_row("sum", f"{100 * content['points']:+.2f}", "")
        console.print(table)
        plainly(console, *(f"{name}: {value:.2%}" for name, value in content["volatility"].items()))
        plainly(console, *(f"- {note}" for note in content["notes"]))
        console.print(f"[bold]{out / 'reduction.html'}[/bold]")
    if content["status"] == "flagged":
        raise typer.Exit(FLAGGED)


def reduction_content(
    strategy: Path, panel: Panel, rules: WalkRules, jobs: int, as_json: bool
) -> dict[str, Any]:
    """Run the strategy, equal weight and the variants, and take the reduction apart."""
    from riskengine.backtest import load_strategy, reduction_parts, reduction_variants, run_backtest
    from riskengine.portfolio import EqualWeight

    candidate = load_strategy(strategy)
    schedule, chosen = rules.schedule(panel)
    equal = EqualWeight("equal weight (benchmark)", min_history=min(250, schedule.train))
    rivals: list[Strategy] = [equal, *reduction_variants(candidate, schedule.train)]
    with bars(screen(as_json)) as report:
        result = run_backtest(candidate, panel, schedule, rules.charges(), rivals, report=report, jobs=jobs)
    found = reduction_parts(result, equal.name)
    notes = [flag.message for flag in result.flags] + ([] if chosen is None else [f"train: {chosen}"])
    return found.to_dict() | {
        "first": f"{result.gross.index[0]:%Y-%m-%d}",
        "last": f"{result.gross.index[-1]:%Y-%m-%d}",
        "status": "flagged" if result.flagged else "clean",
        "notes": notes,
        "provenance": {key: str(value) for key, value in result.provenance.items()},
    }
