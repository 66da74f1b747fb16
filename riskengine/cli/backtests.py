"""Backtests: `backtest` and `sweep`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from riskengine.cli.app import app
from riskengine.cli.arguments import (
    BacktestFolder,
    Band,
    BenchmarkJobs,
    Borrow,
    Cash,
    Checkpoint,
    CostRate,
    Delay,
    DelistingFile,
    End,
    GridOfRuns,
    Json,
    Membership,
    PeriodsPerYear,
    Prices,
    Resume,
    Scheduler,
    Set,
    Start,
    Step,
    StrategyFile,
    StrategyFiles,
    SweepFolder,
    SweepJobs,
    TopOfDay,
    Tops,
    Train,
    UniversePrices,
    Volume,
    Window,
)
from riskengine.cli.console import FLAGGED, bundled_prices, screen, show_files
from riskengine.cli.file_schema import Example, Schema
from riskengine.cli.form_options import ArchiveFolder, AsPdf, AsSummary, AsWorkbook
from riskengine.cli.result_tables import show_sweep, show_with_page
from riskengine.cli.walk import (
    WalkRules,
    asked_grid,
    check_checkpoint,
    run_beside_benchmarks,
    run_cells,
    write_backtest,
)
from riskengine.errors import DataError


@app.command()
def backtest(
    strategy: StrategyFile,
    prices: Prices = None,
    out: BacktestFolder = Path("out"),
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
    top: TopOfDay = None,
    start: Start = None,
    end: End = None,
    periods_per_year: PeriodsPerYear = None,
    checkpoint: Checkpoint = None,
    resume: Resume = False,
    jobs: BenchmarkJobs = 1,
    pdf: AsPdf = False,
    xlsx: AsWorkbook = False,
    summary: AsSummary = False,
    archive: ArchiveFolder = None,
    as_json: Json = False,
) -> None:
    """Walk-forward backtest of a strategy beside four benchmarks; writes the report.

    The benchmarks are equal weight, static sample covariance, static Ledoit-Wolf and the legacy pipeline
    (per-asset maximum likelihood GARCH with sample correlation), under the strategy's own limits. About a
    minute for 20 assets and 27 years of monthly decisions.

    Exit status 3 if decisions of the strategy fell back, a limit that it states was broken, or the prices of what it
    held look wrong: a split that they are not adjusted for, say.
    """
    from riskengine.backtest import Market
    from riskengine.report import Document, Forms, write_forms

    forms = Forms(pdf, xlsx, summary, archive).checked()
    check_checkpoint(checkpoint, resume)
    console = screen(as_json)
    rules = WalkRules(train, step, delay, costs, cash, borrow, band, window)
    source = prices or bundled_prices()
    market = Market(source, membership, delistings, volume, top, start=start, end=end)
    market = replace(market, periods_per_year=periods_per_year)
    result = run_beside_benchmarks(strategy, market, rules, console, checkpoint, jobs)
    page = write_backtest(result, out)
    files = write_forms(lambda: Document.of_result(result), forms, out)
    if as_json:
        print(result.to_json())
    else:
        show_with_page(console, result, page)
        show_files(console, files)
    if result.flagged:
        raise typer.Exit(FLAGGED)


@app.command()
def sweep(
    strategies: StrategyFiles = None,
    settings: Set = None,
    grid: GridOfRuns = None,
    prices: UniversePrices = None,
    top: Tops = None,
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
    jobs: SweepJobs = -1,
    scheduler: Scheduler = None,
    out: SweepFolder = Path("out/sweep"),
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Walk-forward backtests of strategies x settings x universes, with tests of the best one for selection bias.

    Equal weight runs beside them in every universe. A sweep that was interrupted, or lost a worker, runs only what is
    missing when it is called again. A strategy runs again once its file, or a file that it reads, has changed.

    Exit status 3 if a backtest failed, or decisions of one fell back, or a limit was broken; 1 if all failed.
    """
    from riskengine.backtest import Market
    from riskengine.market import Source

    def market(path: Source, count: int | None) -> Market:
        return Market(path, membership, delistings, volume, count, start=start, end=end)

    rules = WalkRules(train, step, delay, costs, cash, borrow, band, window)
    asked, notes = asked_grid(strategies or [], settings or [], grid, market, prices, top)
    console = screen(as_json)
    found = run_cells(asked, rules, notes, console, out, jobs, scheduler)
    if as_json:
        print(found.to_json())
    else:
        show_sweep(console, found)
    if len(found.failures) == len(found.cells):
        raise DataError(f"not one backtest ran to its end: {next(iter(found.failures.values()))}")
    if found.flagged:
        raise typer.Exit(FLAGGED)
