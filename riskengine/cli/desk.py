"""The desk: `rebalance`, `stress`, `validate` and `watch`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from riskengine.cli.app import app
from riskengine.cli.console import FLAGGED, Json, PeriodsPerYear, Prices, bundled_prices, new_table, screen
from riskengine.cli.file_schema import Example, Schema

HoldingsFile = Annotated[
    Path, typer.Option("--holdings", help="CSV of asset,quantity; CASH is an amount of money.")
]
LimitsFile = Annotated[
    Path | None,
    typer.Option(
        "--limits",
        help="TOML or JSON: lots, cash, costs, groups, limits; see --example.",
    ),
]
AsOf = Annotated[str | None, typer.Option("--asof", help="Last date of the prices to use.")]


@app.command()
def rebalance(
    strategy: Annotated[
        Path, typer.Argument(help="Strategy file with build(), or the name of one of strategies/.")
    ],
    holdings: HoldingsFile,
    prices: Prices = None,
    limits: LimitsFile = None,
    asof: AsOf = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for trades.csv, report.json, report.html, history.jsonl and the strategy's state."
        ),
    ] = Path("out/desk"),
    window: Annotated[int, typer.Option(help="Closes that the risk figures rest on.")] = 1250,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew: pass over what the strategy learned on earlier days.")
    ] = False,
    history: Annotated[
        int | None,
        typer.Option(help="Returns that the strategy is shown, as --window of backtest; all if left out."),
    ] = None,
    membership: Annotated[
        Path | None,
        typer.Option(help="Who may be held when: rows of asset, start, end, or as wide as the prices."),
    ] = None,
    volume: Annotated[
        Path | None, typer.Option(help="Traded values, as wide as the prices; --top ranks by them.")
    ] = None,
    top: Annotated[int | None, typer.Option(help="Restrict to the N most liquid assets.")] = None,
    periods_per_year: PeriodsPerYear = None,
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Today's orders in whole lots, and the report of the day.

    The strategy is asked as a backtest asks it, and goes on from its state of the last morning, which is kept in the
    folder. Limits of the file on weights, groups, trades and cash are imposed on its targets.

    Exit status 0 is clean, 3 flagged, 1 failed.
    """
    from riskengine.cli.runs import run_rebalance
    from riskengine.report.rebalance_page import RISK, limit_label, state_line

    content = run_rebalance(
        strategy,
        prices or bundled_prices(),
        holdings,
        limits,
        asof,
        out,
        window,
        fresh,
        history,
        membership,
        volume,
        top,
        periods_per_year,
    )
    if as_json:
        print(json.dumps(content))
    else:
        console = screen(as_json)

        def say(text: str) -> None:
            console.print(text, highlight=False, markup=False)

        table = new_table(f"{content['strategy']}, {content['date']}: {content['status']}")
        for heading in ("asset", "side", "units", "value"):
            table.add_column(heading, justify="left" if heading == "asset" else "right")
        for row in content["trades"]:
            table.add_row(row["asset"], row["side"], f"{row['units']:,.0f}", f"{row['value']:,.0f}")
        console.print(table)
        say(
            f"wealth {content['wealth']:,.2f}, turnover {content['turnover']:.1%}, cost {content['cost']:,.2f}, "
            f"cash afterwards {content['cash']:,.2f}"
        )
        before, after = content["risk"]["before"], content["risk"]["after"]
        figures = [f"{shown} {before[name]:.2%} -> {after[name]:.2%}" for name, shown in RISK.items()]
        say(f"{', '.join(figures)} (volatility a year, the others to the next {content['period']}'s close)")
        for row in content["limits"]:
            say(
                f"{limit_label(row['name'])}: {row['after']:.2%} of at most {row['limit']:.2%}, {row['how']}, "
                f"{row['light']}"
            )
        say(state_line(content))
        for note in content["notes"]:
            say(f"note: {note}")
        for flag in content["flags"]:
            say(f"- {flag}")
        console.print(f"[bold]{out / 'report.html'}[/bold]")
    if content["flags"]:
        raise typer.Exit(FLAGGED)


@app.command()
def stress(
    prices: Prices = None,
    holdings: Annotated[
        Path | None, typer.Option(help="CSV of asset,quantity; equal weights if left out.")
    ] = None,
    limits: LimitsFile = None,
    asof: AsOf = None,
    horizon: Annotated[
        int | None,
        typer.Option(help="Periods of the prices: days, weeks, ...; a month if left out, 21 trading days."),
    ] = None,
    paths: Annotated[int, typer.Option(help="Simulated paths a scenario.")] = 10_000,
    filtered: Annotated[
        bool, typer.Option("--filtered", help="Draw whole past days instead of Student-t.")
    ] = False,
    uncertain: Annotated[
        bool, typer.Option("--uncertain", help="Draw parameters from their posterior.")
    ] = False,
    volatility: Annotated[float, typer.Option(help="Factor on all volatilities.")] = 3.0,
    correlation: Annotated[float, typer.Option(help="Mean correlation of the shocked state.")] = 0.8,
    market: Annotated[float, typer.Option(help="Return of the market on the day of its shock.")] = -0.2,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    periods_per_year: PeriodsPerYear = None,
    write_paths: Annotated[
        bool, typer.Option("--write-paths", help="Write all daily returns as Parquet.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for stress.json, stress.html, paths.parquet.")] = Path(
        "out/stress"
    ),
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Simulated, shocked, replayed and likeliest scenarios of today's portfolio.

    Exit status 3 if a limit is broken or a holding is flagged: without recent prices, with a possible split in its
    prices, with borrowed parameters.
    """
    from riskengine.cli.runs import run_stress
    from riskengine.desk.portfolio_stress import StressSettings
    from riskengine.report.stress_page import cell, loss_horizon
    from riskengine.risk.scenarios import Simulation

    how = Simulation(
        21 if horizon is None else horizon, paths, "filtered" if filtered else "student-t", uncertain, seed
    )
    settings = StressSettings(how, volatility, correlation, market)
    content, flagged = run_stress(
        prices or bundled_prices(),
        holdings,
        limits,
        asof,
        settings,
        write_paths,
        out,
        horizon is None,
        periods_per_year,
    )
    if as_json:
        print(json.dumps(content))
    else:
        console = screen(as_json)
        over = loss_horizon(content)
        table = new_table(f"Stress, {content['date']}: losses over {over}, % of wealth, ± standard error")
        for heading in ("scenario", "VaR 99%", "CVaR 99%", "drawdown"):
            table.add_column(heading, justify="left" if heading == "scenario" else "right")
        for row in content["scenarios"]:
            single = "loss" in row
            cells = [cell(row, "loss"), ""] if single else [cell(row, "var_99"), cell(row, "cvar_99")]
            table.add_row(escape(row["name"]), *cells, cell(row, "drawdown"))
        console.print(table)
        for row in content["limits"]:
            said = "not judged" if row["value"] is None else f"{row['value']:.2%}, {row['light']}"
            text = f"limit {row['name']} at most {row['limit']:.2%}: {said} ({row['on']})"
            console.print(text, highlight=False, markup=False)
        for kind in ("flags", "notes"):
            for line in content[kind]:
                console.print(f"{kind[:-1]}: {line}", highlight=False, markup=False)
        console.print(f"[bold]{out / 'stress.html'}[/bold]")
    if flagged:
        raise typer.Exit(FLAGGED)


@app.command()
def validate(
    forecasts: Annotated[
        Path,
        typer.Argument(help="CSV with columns date, return (or pnl, loss), var and, if known, cvar (or es)."),
    ],
    level: Annotated[float, typer.Option(help="Confidence of VaR and CVaR.")] = 0.99,
    draws: Annotated[int, typer.Option(help="Simulated series behind the p-values.")] = 1999,
    as_json: Json = False,
) -> None:
    """Test VaR and CVaR forecasts against what happened. Exit status 3 if a test rejects."""
    from riskengine.desk.forecast_file import validate_file

    found, content = validate_file(forecasts, level, draws)
    if as_json:
        print(json.dumps(content))
    else:
        console = screen(as_json)
        console.print(str(found), highlight=False, markup=False)
        for note in content["notes"]:
            console.print(f"note: {note}", highlight=False, markup=False)
    if not found.holds:
        raise typer.Exit(FLAGGED)


@app.command()
def watch(
    state: Annotated[Path, typer.Option("--state", help="Folder of the state; made on the first call.")],
    prices: Prices = None,
    holdings: Annotated[
        Path | None,
        typer.Option(
            help="CSV of asset,quantity; left out, equal weights at first and then those of the state."
        ),
    ] = None,
    of_prices: Annotated[
        bool | None,
        typer.Option(
            "--rows-are-prices/--rows-are-returns", help="What rows hold; returns at first, then as before."
        ),
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Rows of calibration and history; 1000 at first, then as before.")
    ] = None,
    recalibrate: Annotated[
        int | None, typer.Option(help="Rows between calibrations; 0 for none; 21 at first, then as before.")
    ] = None,
    snapshot: Annotated[int, typer.Option(help="Rows between snapshots.")] = 100,
) -> None:
    """Read rows from standard input, write the risk after each as a line of JSON, exactly once by key.

    A row is CSV (key,return,...; a header may name the assets) or JSON; its first field is its key, a date like
    2024-01-31 or a whole number, that grows and goes on from the history. Rows that cannot be taken are reported on
    standard error. Exit status 3 if there is something to look at: rows that were refused or corrected, a holding
    without prices, a possible split.
    """
    from riskengine.cli.runs import run_watch

    if run_watch(state, prices, bundled_prices, holdings, of_prices, window, recalibrate, snapshot):
        raise typer.Exit(FLAGGED)
