"""The desk: `holdings`, `rebalance`, `stress`, `validate` and `watch`."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from riskengine.cli.app import app
from riskengine.cli.arguments import (
    AsOf,
    BaseCurrency,
    Benchmark,
    BookOfHoldings,
    DeskFolder,
    Draws,
    Factors,
    FilteredDays,
    ForecastFile,
    Fresh,
    HeldOrEqual,
    HistoryOfPrices,
    HoldingsFile,
    Horizon,
    Json,
    Labels,
    Level,
    Library,
    LimitsFile,
    LivePage,
    MarketShock,
    Membership,
    Options,
    Paths,
    PeriodsPerYear,
    PositionsFile,
    Prices,
    Recalibrate,
    RiskJobs,
    RiskWindow,
    RowsArePrices,
    Scheduler,
    Seed,
    ShockedCorrelation,
    ShownHistory,
    Snapshot,
    StatedExposures,
    StateFolder,
    StrategyFile,
    StreamHoldings,
    StreamSource,
    StreamTarget,
    StreamWindow,
    StressFolder,
    Top,
    Uncertain,
    ValueFolder,
    VolatilityFactor,
    Volume,
    WritePaths,
)
from riskengine.cli.console import FLAGGED, bundled_prices, screen, show_files, working
from riskengine.cli.desk_tables import show_holdings, show_rebalance, show_stress, show_validation
from riskengine.cli.file_schema import Example, Schema
from riskengine.cli.form_options import ArchiveFolder, AsPdf, AsSummary, AsWorkbook


@app.command()
def holdings(
    file: PositionsFile,
    prices: HistoryOfPrices = None,
    asof: AsOf = None,
    book: BookOfHoldings = None,
    base: BaseCurrency = "",
    out: ValueFolder = Path("out/holdings"),
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Value, exposure and leverage of the positions in a broker's file, by account and currency.

    Exit status 3 if something needs a look: a position without a price, a stale one, a price of the file that is far
    from the history's. A currency without an exchange rate is an error that says what to add.
    """
    from riskengine.cli.runs import run_holdings

    content, flagged = run_holdings(file, prices, asof, book, base, out)
    if as_json:
        print(json.dumps(content))
    else:
        show_holdings(screen(as_json), content, out / "holdings.html")
    if flagged:
        raise typer.Exit(FLAGGED)


@app.command()
def rebalance(
    strategy: StrategyFile,
    holdings: HoldingsFile,
    prices: Prices = None,
    limits: LimitsFile = None,
    book: BookOfHoldings = None,
    base: BaseCurrency = "",
    labels: Labels = None,
    benchmark: Benchmark = None,
    factors: Factors = None,
    exposures: StatedExposures = None,
    library: Library = None,
    asof: AsOf = None,
    out: DeskFolder = Path("out/desk"),
    window: RiskWindow = 1250,
    fresh: Fresh = False,
    history: ShownHistory = None,
    membership: Membership = None,
    volume: Volume = None,
    top: Top = None,
    periods_per_year: PeriodsPerYear = None,
    pdf: AsPdf = False,
    xlsx: AsWorkbook = False,
    summary: AsSummary = False,
    archive: ArchiveFolder = None,
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Orders of the day in whole lots, and the daily report.

    The strategy decides as in a backtest, from its state of the last run, which is kept in the folder. Limits of the
    file on weights, groups, trades and cash are imposed on its targets.

    Exit status 0 is clean, 3 flagged, 1 failed.
    """
    from riskengine.cli.runs import run_rebalance
    from riskengine.desk import RiskFiles
    from riskengine.report import Document, Forms, write_forms

    forms = Forms(pdf, xlsx, summary, archive).checked()
    files = RiskFiles(holdings, labels, benchmark, factors, exposures, library=library, book=book, base=base)
    console, source = screen(as_json), prices or bundled_prices()
    shown = (fresh, history, membership, volume, top, periods_per_year, files)
    with working(console, "prices, targets, risk and orders"):
        content = run_rebalance(strategy, source, holdings, limits, asof, out, window, *shown)
    written = write_forms(lambda: Document.of("report", content), forms, out)
    if as_json:
        print(json.dumps(content))
    else:
        show_rebalance(console, content, out / "report.html")
        show_files(console, written)
    if content["flags"]:
        raise typer.Exit(FLAGGED)


@app.command()
def stress(
    prices: Prices = None,
    holdings: HeldOrEqual = None,
    limits: LimitsFile = None,
    book: BookOfHoldings = None,
    base: BaseCurrency = "",
    labels: Labels = None,
    options: Options = None,
    library: Library = None,
    asof: AsOf = None,
    horizon: Horizon = None,
    paths: Paths = 10_000,
    filtered: FilteredDays = False,
    uncertain: Uncertain = False,
    volatility: VolatilityFactor = 3.0,
    correlation: ShockedCorrelation = 0.8,
    market: MarketShock = -0.2,
    seed: Seed = 0,
    periods_per_year: PeriodsPerYear = None,
    jobs: RiskJobs = 1,
    scheduler: Scheduler = None,
    write_paths: WritePaths = False,
    out: StressFolder = Path("out/stress"),
    pdf: AsPdf = False,
    xlsx: AsWorkbook = False,
    summary: AsSummary = False,
    archive: ArchiveFolder = None,
    schema: Schema = False,
    example: Example = False,
    as_json: Json = False,
) -> None:
    """Stress tests of today's portfolio, of its options too: simulated, shocked, replayed and reverse scenarios.

    Exit status 3 if a limit is broken or a holding is flagged: without recent prices, with a possible split in its
    prices, with borrowed parameters.
    """
    from riskengine.cli.runs import run_stress
    from riskengine.desk import RiskFiles, StressSettings
    from riskengine.report import Document, Forms, write_forms
    from riskengine.risk import Simulation

    forms = Forms(pdf, xlsx, summary, archive).checked()
    periods = 21 if horizon is None else horizon
    how = Simulation(periods, paths, "filtered" if filtered else "student-t", uncertain, seed)
    settings, console = StressSettings(how, volatility, correlation, market), screen(as_json)
    files = RiskFiles(holdings, labels, options=options, library=library, book=book, base=base)
    shown = (horizon is None, periods_per_year, (jobs, scheduler))
    with working(console, "prices and scenarios"):
        content, flagged = run_stress(
            prices or bundled_prices(), files, limits, asof, settings, write_paths, out, *shown
        )
    made = write_forms(lambda: Document.of("stress", content), forms, out)
    if as_json:
        print(json.dumps(content))
    else:
        show_stress(console, content, out / "stress.html")
        show_files(console, made)
    if flagged:
        raise typer.Exit(FLAGGED)


@app.command()
def validate(
    forecasts: ForecastFile,
    level: Level = 0.99,
    draws: Draws = 1999,
    as_json: Json = False,
) -> None:
    """Test VaR and CVaR forecasts against realised losses. Exit status 3 if a test rejects."""
    from riskengine.desk import validate_file

    console = screen(as_json)
    with working(console, "simulated critical values"):
        found, content = validate_file(forecasts, level, draws)
    if as_json:
        print(json.dumps(content))
    else:
        show_validation(console, str(found), content)
    if not found.holds:
        raise typer.Exit(FLAGGED)


@app.command()
def watch(
    state: StateFolder,
    prices: Prices = None,
    holdings: StreamHoldings = None,
    of_prices: RowsArePrices = None,
    window: StreamWindow = None,
    recalibrate: Recalibrate = None,
    snapshot: Snapshot = 100,
    limits: LimitsFile = None,
    source: StreamSource = None,
    target: StreamTarget = None,
    page: LivePage = None,
    schema: Schema = False,
    example: Example = False,
) -> None:
    """Read rows from standard input, write the risk after each as a line of JSON, exactly once by key.

    A row is CSV (key,return,...; a header may name the assets) or JSON; its first field is its key, a date like
    2024-01-31 or a whole number, that grows and goes on from the history. Rows that cannot be taken are reported on
    standard error. --from and --to read and write Redis streams instead; --page shows it all in a browser.

    Exit status 3 if there is something to look at: rows that were refused or corrected, a holding without prices, a
    possible split, a limit broken.
    """
    from riskengine.cli.stream_runs import Ends, run_watch
    from riskengine.desk import StreamSettings

    settings = StreamSettings(prices, holdings, window, recalibrate, limits)
    if run_watch(state, settings, bundled_prices, of_prices, snapshot, Ends(source, target, page)):
        raise typer.Exit(FLAGGED)
