"""Backtests: `backtest` and `sweep`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from riskengine.cli.app import app
from riskengine.cli.console import (
    FLAGGED,
    Json,
    PeriodsPerYear,
    Prices,
    bars,
    bundled_prices,
    prices_file,
    screen,
    write,
)
from riskengine.cli.file_schema import Example, Schema
from riskengine.cli.findings import in_lines, show_findings
from riskengine.cli.result_tables import show_result, show_sweep
from riskengine.errors import DataError, SettingsError

Train = Annotated[
    int | None,
    typer.Option(
        help="Returns seen before the first decision, and window of the benchmarks. If left out 1250, or fewer where "
        "the prices do not leave a year to test on."
    ),
]
Step = Annotated[
    str,
    typer.Option(
        help="Days between decisions, or their calendar: week, month or quarter.", metavar="DAYS|WORD"
    ),
]
Delay = Annotated[int, typer.Option(help="Days between decision and trade.")]
CostRate = Annotated[float, typer.Option(help="Cost of trading, basis points of the value traded.")]
Cash = Annotated[
    str,
    typer.Option(
        help="Rate a year that cash earns, 0.03, or a file of dates and rates.", metavar="RATE|FILE"
    ),
]
Borrow = Annotated[
    str | None,
    typer.Option(
        help="Rate a year that borrowed cash costs, or a file; the rate of cash if left out.",
        metavar="RATE|FILE",
    ),
]
Band = Annotated[
    float, typer.Option(help="Percent of wealth that a weight may stray from its target before it is traded.")
]
Window = Annotated[
    int | None, typer.Option(help="Returns that a strategy is shown; the whole past if left out.")
]
Membership = Annotated[
    Path | None,
    typer.Option(help="Who may be held when: rows of asset, start, end, or as wide as the prices."),
]
DelistingFile = Annotated[Path | None, typer.Option("--delistings", help="Rows of asset, date, return.")]
Volume = Annotated[
    Path | None, typer.Option(help="Traded values, as wide as the prices; --top ranks by them.")
]
Start = Annotated[str | None, typer.Option(help="First date of the prices to use.")]
End = Annotated[str | None, typer.Option(help="Last date of the prices to use.")]


def _train(asked: int | None, panel: Any) -> tuple[int, str | None]:
    """Returns before the first decision, and a sentence on it where it is neither asked for nor the usual one."""
    from riskengine.backtest.schedule import usual_train

    if asked is not None:
        return asked, None
    count = len(panel.dates)
    train = usual_train(count, panel.periods_per_year)
    if train == usual_train():
        return train, None
    return train, f"{train} returns, chosen for the {count} closes of the prices; --train sets another number"


def _walk_forward(train: int, step: str, delay: int, window: int | None, band: float) -> Any:
    """The schedule that the options ask for."""
    from riskengine.backtest import NoTradeBand, WalkForward

    days: Any = int(step) if step.lstrip("-").isdigit() else step
    return WalkForward(train, days, delay, window, band=NoTradeBand(band / 100) if band else None)


def _files_read(strategy: Any, read: set[Path], checkpoint: Path | None) -> dict[str, str]:
    """Hashes of the files that a strategy was loaded from and read, by path; also in an earlier process."""
    from riskengine.backtest.checkpoint import reads_of
    from riskengine.backtest.reads import files_of, hashes

    if checkpoint is None:
        return files_of(strategy) | hashes(read)
    own = checkpoint.resolve()
    later = {path for path in read if not path.is_relative_to(own)}
    return dict(sorted((reads_of(checkpoint) | files_of(strategy) | hashes(later)).items()))


def _cash(text: str) -> Any:
    """A rate, or a series of rates from a file."""
    from riskengine.market import load_series

    try:
        return float(text)
    except ValueError:
        return load_series(Path(text))


@app.command()
def backtest(
    strategy: Annotated[
        Path, typer.Argument(help="Strategy file with build(), or the name of one of strategies/.")
    ],
    prices: Prices = None,
    out: Annotated[
        Path, typer.Option(help="Folder for report.html, result.json, tables as .parquet and .csv.")
    ] = Path("out"),
    train: Train = None,
    step: Step = "21",
    delay: Delay = 1,
    costs: CostRate = 5.0,
    cash: Cash = "0",
    borrow: Borrow = None,
    band: Band = 0.0,
    window: Window = None,
    membership: Membership = None,
    delistings: DelistingFile = None,
    volume: Volume = None,
    top: Annotated[int | None, typer.Option(help="Restrict to the N most liquid assets of the day.")] = None,
    start: Start = None,
    end: End = None,
    periods_per_year: PeriodsPerYear = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder to keep every decision in, for --resume.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that is in the checkpoint, if there is one.")
    ] = False,
    jobs: Annotated[
        int, typer.Option(help="Processes: benchmarks run beside the strategy; -1 for all cores.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Walk a strategy through history beside four benchmarks, and write the report.

    The benchmarks are equal weight, static sample covariance, static Ledoit-Wolf and the legacy pipeline
    (per-asset maximum likelihood GARCH with sample correlation), under the strategy's own limits. About a
    minute for 20 assets and 27 years of monthly decisions.

    Exit status 3 if decisions of the strategy fell back, a limit that it states was broken, or the prices of what it
    held look wrong: a split that they are not adjusted for, say.
    """
    from riskengine.backtest import (
        Market,
        RiskMonitor,
        load_strategy,
        run_backtest,
        save_result,
        standard_benchmarks,
    )
    from riskengine.backtest.benchmarks import rivals_of
    from riskengine.backtest.checkpoint import is_begun
    from riskengine.backtest.reads import recorded_reads
    from riskengine.calibration import NeuralCalibrator
    from riskengine.portfolio import ProportionalCosts
    from riskengine.report import headline, write_report

    if resume and checkpoint is None:
        raise SettingsError("--resume needs the folder to go on from: --checkpoint DIR")
    if checkpoint is not None and not resume and is_begun(checkpoint):
        raise SettingsError(
            f"{checkpoint} holds a run: add --resume to go on with it, or name another folder"
        )
    console = screen(as_json)
    candidate = load_strategy(strategy)
    market = Market(
        prices or bundled_prices(),
        membership,
        delistings,
        volume,
        top,
        start=start,
        end=end,
        periods_per_year=periods_per_year,
    )
    panel = market.panel()
    length, chosen = _train(train, panel)
    schedule = replace(_walk_forward(length, step, delay, window, band), universe=market.universe())
    schedule.folds(panel.dates)  # what cannot be run is an error before anything else is said
    show_findings(console, panel.audit())
    limits = getattr(candidate, "constraints", None)
    rivals = rivals_of(candidate, standard_benchmarks(limits, window=length, horizon=schedule.step))
    with bars(console) as report, recorded_reads() as read:
        result = run_backtest(
            candidate,
            panel,
            schedule,
            ProportionalCosts(costs / 1e4),
            rivals,
            RiskMonitor(NeuralCalibrator.pretrained(), window=length),
            report,
            _cash(cash),
            checkpoint,
            jobs,
            None if borrow is None else _cash(borrow),
        )
    more: dict[str, Any] = {} if chosen is None else {"train": chosen}
    files = _files_read(candidate, read, checkpoint)
    result = replace(result, provenance=result.provenance | more | ({"files read": files} if files else {}))
    save_result(result, out)
    page = write_report(result, out / "report.html")
    write(out / "returns.csv", result.returns.to_csv())
    write(out / "weights.csv", result.weights.to_csv())
    if as_json:
        print(result.to_json())
    else:
        show_result(console, result)
        console.print(headline(result), highlight=False, markup=False)
        console.print(f"[bold]{page}[/bold]")
    if result.flagged:
        raise typer.Exit(FLAGGED)


@app.command()
def sweep(
    strategies: Annotated[
        list[Path] | None, typer.Argument(help="Strategy files with build(), as in strategies/.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="name=value,value for every build() that takes it; file.name=... for one."
        ),
    ] = None,
    grid: Annotated[
        Path | None,
        typer.Option(help="TOML or JSON with strategies, settings and universes; --example prints one."),
    ] = None,
    prices: Annotated[
        list[Path] | None,
        typer.Option(help="Prices of a universe; repeat for several. The bundled prices if left out."),
    ] = None,
    top: Annotated[
        list[int] | None,
        typer.Option(help="Restrict each universe to its N most liquid assets; repeat for several N."),
    ] = None,
    membership: Membership = None,
    delistings: DelistingFile = None,
    volume: Volume = None,
    train: Train = None,
    step: Step = "21",
    delay: Delay = 1,
    costs: CostRate = 5.0,
    cash: Cash = "0",
    borrow: Borrow = None,
    band: Band = 0.0,
    window: Window = None,
    start: Start = None,
    end: End = None,
    jobs: Annotated[int, typer.Option(help="Processes on this machine; -1 for all cores.")] = -1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask cluster to use instead, tcp://host:8786.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of finished backtests, which are not run again.")] = Path(
        "out/sweep"
    ),
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Backtest strategies x settings x universes, and say how much of the best record is luck.

    Equal weight runs beside them in every universe. A sweep that was interrupted, or lost a worker, runs only what is
    missing when it is called again. Strategies run where they lie, and what they read decides what runs again.

    Exit status 3 if a backtest failed, or decisions of one fell back, or a limit was broken; 1 if all failed.
    """
    from riskengine.backtest import Grid, Market, load_grid, parse_settings, plan, run_sweep, strategy_file
    from riskengine.backtest.grid import named_markets
    from riskengine.portfolio import ProportionalCosts

    read = load_grid(grid) if grid is not None else Grid((), {}, {})
    given = [
        Market(path, membership, delistings, volume, count, start=start, end=end)
        for path in (map(prices_file, prices) if prices else [] if read.markets else [bundled_prices()])
        for count in (*(top or ()),) or (None,)
    ]
    asked = Grid(
        (*read.strategies, *map(strategy_file, strategies or ())),
        {**read.settings, **parse_settings(settings or ())},
        named_markets(given, read.markets),
    )
    notes = list(asked.repeated)
    if len({market.resolved() for market in given}) < len(given):
        notes.append("a universe was asked for more than once: it runs once")

    def schedule(panel: Any) -> Any:
        length, chosen = _train(train, panel)
        if chosen is not None and f"train: {chosen}" not in notes:
            notes.append(f"train: {chosen}")
        notes.extend(line for line in in_lines(panel.audit()) if line not in notes)
        return _walk_forward(length, step, delay, window, band)

    console = screen(as_json)
    cells = plan(
        asked,
        schedule,
        ProportionalCosts(costs / 1e4),
        _cash(cash),
        None if borrow is None else _cash(borrow),
    )
    with bars(console) as report:
        found = run_sweep(cells, out, jobs, scheduler, report, notes)
    content = found.to_json()
    write(out / "sweep.json", content)
    if as_json:
        print(content)
    else:
        show_sweep(console, found)
    if len(found.failures) == len(cells):
        raise DataError(f"not one backtest ran to its end: {next(iter(found.failures.values()))}")
    if found.flagged:
        raise typer.Exit(FLAGGED)
