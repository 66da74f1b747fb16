"""Options and arguments of the commands, each with its help text; a command's signature lists their names."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from riskengine.cli.console import prices_source
from riskengine.market import Source, as_source


class CalibratorName(StrEnum):
    """Choices of `calibrate --method`."""

    UNIVERSE = "universe"
    NETWORK = "network"
    PLAIN = "plain"
    MAXIMUM_LIKELIHOOD = "mle"
    ARCH = "arch"


# Of many commands
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")
]
Prices = Annotated[
    Source | None,
    typer.Option(
        "--prices",
        help="File of prices, folder of one file an asset, or URL of a table in SQLite, DuckDB or PostgreSQL, "
        "sqlite:///file.db?table=prices; see docs/your-own-data.md. Bundled, by name: us_equities_20 (if left out), "
        "us_equities_100, etf18_2006_2022.",
        parser=prices_source,
        metavar="FILE|URL",
    ),
]
PeriodsPerYear = Annotated[
    float | None,
    typer.Option(
        "--periods-per-year",
        help="Prices a year, 252 or 52 say, by which figures are annualised; measured from the dates if left out.",
    ),
]
StrategyFile = Annotated[
    Path, typer.Argument(help="Strategy file with build(), or the name of a bundled one.")
]
Membership = Annotated[
    Path | None,
    typer.Option(help="Who may be held when: rows of asset, start, end, or as wide as the prices."),
]
Volume = Annotated[
    Source | None,
    typer.Option(
        help="Traded values, as wide as the prices; --top ranks by them.",
        parser=as_source,
        metavar="FILE|URL",
    ),
]

# `backtest` and `sweep`
Train = Annotated[
    int | None,
    typer.Option(
        help="Number of returns before the first decision, and window of the benchmarks. If left out 1250, or fewer "
        "where the prices do not leave a year to test on."
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
    float,
    typer.Option(
        help="No-trade band: percent of wealth that a weight may differ from its target without being traded."
    ),
]
Window = Annotated[
    int | None, typer.Option(help="Number of past returns that a strategy sees; all if left out.")
]
DelistingFile = Annotated[Path | None, typer.Option("--delistings", help="Rows of asset, date, return.")]
Start = Annotated[str | None, typer.Option(help="First date of the prices to use.")]
End = Annotated[str | None, typer.Option(help="Last date of the prices to use.")]
TopOfDay = Annotated[int | None, typer.Option(help="Restrict to the N most liquid assets of the day.")]
BacktestFolder = Annotated[
    Path, typer.Option(help="Folder for report.html, result.json, tables as .parquet and .csv.")
]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Folder in which every decision is saved, for --resume.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the run in the checkpoint, if there is one.")]
BenchmarkJobs = Annotated[
    int, typer.Option(help="Processes: benchmarks run beside the strategy; -1 for all cores.")
]
StrategyFiles = Annotated[
    list[Path] | None, typer.Argument(help="Strategy files with build(), or names of bundled ones.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Values of a setting, name=value,value, of every build() that takes it; file.name=... for one.",
    ),
]
GridOfRuns = Annotated[
    Path | None,
    typer.Option(help="TOML or JSON with strategies, settings and universes; --example prints one."),
]
UniversePrices = Annotated[
    list[Source] | None,
    typer.Option(
        help="Prices of a universe, a file, a URL or a bundled name; repeat for several. us_equities_20 if left out.",
        parser=prices_source,
        metavar="FILE|URL",
    ),
]
Tops = Annotated[
    list[int] | None,
    typer.Option(help="Restrict each universe to its N most liquid assets; repeat for several N."),
]
SweepJobs = Annotated[int, typer.Option(help="Processes on this machine; -1 for all cores.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask cluster to use instead, tcp://host:8786.")
]
RiskJobs = Annotated[
    int, typer.Option(help="Processes that calibrate a wide universe and simulate; -1 for all cores.")
]
SweepFolder = Annotated[Path, typer.Option(help="Folder of finished backtests, which are not run again.")]

# `demo` and `init`
NewFolder = Annotated[Path, typer.Argument(help="Folder to make.")]
DemoFolder = Annotated[Path, typer.Option(help="Folder for the page and the tables.")]

# `report` and `audit`
FinishedFolder = Annotated[Path, typer.Argument(help="Folder that `riskengine backtest --out` wrote.")]
PricesToAudit = Annotated[
    Source,
    typer.Argument(
        help="File of prices, folder of one file an asset, or URL of a table.",
        parser=as_source,
        metavar="PRICES",
    ),
]
AuditFolder = Annotated[Path, typer.Option(help="Folder for audit.json and audit.html.")]
RepairedCopy = Annotated[
    Path | None,
    typer.Option(
        "--repair",
        help="Write a repaired copy, .csv or .parquet, and beside it a log of each change. Splits and changes of "
        "unit are adjusted back, wrong prints emptied; nothing is filled.",
    ),
]

# `calibrate` and `pretrain`
CalibrationWindow = Annotated[int, typer.Option(help="Number of last returns to use; 0 for all.")]
Method = Annotated[
    CalibratorName,
    typer.Option(
        help="universe: each asset by its own past and that of all others, with the day's ranges where there are any; "
        "network: robust, pooled network; plain: plain network; mle: batched maximum likelihood; arch: package arch."
    ),
]
Robust = Annotated[
    bool | None,
    typer.Option(
        "--robust/--no-robust",
        help="Use the network that was trained on bad prints, breaks and stale prices.",
        show_default="robust",
    ),
]
Pooled = Annotated[
    bool | None,
    typer.Option(
        "--pooled/--no-pooled",
        help="Shrink every asset's parameters towards those of the universe (empirical Bayes).",
        show_default="pooled",
    ),
]
CsvOut = Annotated[Path | None, typer.Option(help="CSV file to write.")]
PageOut = Annotated[Path | None, typer.Option("--page", help="HTML page to write.")]
NetworkFolder = Annotated[Path, typer.Option(help="Folder for the plain and the robust network.")]
Steps = Annotated[
    int | None, typer.Option(help="Number of simulated batches; the default makes the shipped weights.")
]
TrainingSeed = Annotated[int | None, typer.Option(help="Seed of the simulation and of the initial weights.")]
Restart = Annotated[bool, typer.Option(help="Start from scratch instead of resuming from a checkpoint.")]

# `rebalance`, `stress`, `validate` and `watch`
HoldingsFile = Annotated[
    Path,
    typer.Option(
        "--holdings",
        help="CSV of asset,quantity, CASH being money, or a position file of a broker: docs/portfolios.md.",
    ),
]
BookOfHoldings = Annotated[
    Path | None,
    typer.Option(
        "--book",
        help="TOML or JSON with what the file of holdings leaves unsaid: base currency, currencies and multipliers of "
        "assets, hedges, tax lots; `riskengine holdings --example` prints one.",
    ),
]
BaseCurrency = Annotated[
    str,
    typer.Option(
        "--base",
        help="Currency in which all is valued, EUR say; that of the holdings if left out. Rates are columns of the "
        "prices, EURUSD the price of one euro in dollars.",
        show_default=False,
    ),
]
PositionsFile = Annotated[
    Path, typer.Argument(help="CSV of asset,quantity, or a position file of a broker.", metavar="FILE")
]
HistoryOfPrices = Annotated[
    Source | None,
    typer.Option(
        "--prices",
        help="Prices to value at, with exchange rates, as other commands take them; those of the file if left out.",
        parser=prices_source,
        metavar="FILE|URL",
    ),
]
ValueFolder = Annotated[Path, typer.Option("--out", help="Folder for holdings.json and holdings.html.")]
LimitsFile = Annotated[
    Path | None,
    typer.Option("--limits", help="TOML or JSON: lots, cash, costs, groups, limits; see --example."),
]
AsOf = Annotated[str | None, typer.Option("--asof", help="Last date of the prices to use.")]
DeskFolder = Annotated[
    Path,
    typer.Option(
        help="Folder for trades.csv, report.json, report.html, history.jsonl and the strategy's state."
    ),
]
RiskWindow = Annotated[int, typer.Option(help="Number of closes from which risk is estimated.")]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Start the strategy without the state saved on earlier days.")
]
ShownHistory = Annotated[
    int | None,
    typer.Option(
        help="Number of past returns that the strategy sees, as --window of backtest; all if left out."
    ),
]
Top = Annotated[int | None, typer.Option(help="Restrict to the N most liquid assets.")]
HeldOrEqual = Annotated[
    Path | None,
    typer.Option(
        "--holdings",
        help="CSV of asset,quantity, or a position file of a broker; equal weights if left out.",
    ),
]
Horizon = Annotated[
    int | None,
    typer.Option(help="Periods of the prices: days, weeks, ...; a month if left out, 21 trading days."),
]
Paths = Annotated[int, typer.Option(help="Number of simulated paths per scenario.")]
FilteredDays = Annotated[
    bool,
    typer.Option(
        "--filtered", help="Filtered historical simulation: draw past days of residuals, not Student-t ones."
    ),
]
Uncertain = Annotated[
    bool, typer.Option("--uncertain", help="Draw GARCH parameters from their posterior, anew for each path.")
]
VolatilityFactor = Annotated[float, typer.Option(help="Factor on all volatilities.")]
ShockedCorrelation = Annotated[float, typer.Option(help="Mean correlation in the correlation shock.")]
MarketShock = Annotated[
    float, typer.Option(help="Return of the market on the first day of the market shock.")
]
Seed = Annotated[int, typer.Option(help="Seed of the random draws.")]
WritePaths = Annotated[bool, typer.Option("--write-paths", help="Write all daily returns as Parquet.")]
StressFolder = Annotated[Path, typer.Option(help="Folder for stress.json, stress.html, paths.parquet.")]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", help="Table of asset and labels: sector, country, currency, class, ..."),
]
Benchmark = Annotated[
    str | None,
    typer.Option(
        "--benchmark", help="Table of asset and weight, or an asset of the prices.", metavar="FILE|ASSET"
    ),
]
Factors = Annotated[
    Path | None,
    typer.Option(
        "--factors", help="Returns of factors by date; Kenneth French's files as they are downloaded."
    ),
]
StatedExposures = Annotated[
    Path | None, typer.Option("--exposures", help="Table of asset and a column a factor, your own model.")
]
Options = Annotated[
    Path | None,
    typer.Option(
        "--options", help="Table of options held: underlying, kind, strike, expiry, quantity, volatility."
    ),
]
Trades = Annotated[
    Path | None, typer.Option("--trades", help="Proposed trades, asset and units: before and after.")
]
Library = Annotated[
    Path | None,
    typer.Option("--library", help="Stress scenarios of your own, TOML; `riskengine scenarios --example`."),
]
ForecastFile = Annotated[
    Path,
    typer.Argument(help="CSV with columns date, return (or pnl, loss), var and, if known, cvar (or es)."),
]
Level = Annotated[float, typer.Option(help="Confidence level of VaR and CVaR.")]
Draws = Annotated[int, typer.Option(help="Number of simulated series for the p-values.")]
StateFolder = Annotated[Path, typer.Option("--state", help="Folder of the state; made on the first call.")]
StreamHoldings = Annotated[
    Path | None,
    typer.Option(
        "--holdings",
        help="CSV of asset,quantity; if left out, equal weights on the first call, then those of the state.",
    ),
]
RowsArePrices = Annotated[
    bool | None,
    typer.Option(
        "--rows-are-prices/--rows-are-returns",
        help="What rows hold; returns on the first call, then as before.",
    ),
]
StreamWindow = Annotated[
    int | None,
    typer.Option(help="Number of rows for calibration and history; 1000 on the first call, then as before."),
]
Recalibrate = Annotated[
    int | None,
    typer.Option(help="Rows between calibrations; 0 for none; 21 on the first call, then as before."),
]
Snapshot = Annotated[int, typer.Option(help="Rows between snapshots of the state.")]
StreamSource = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Redis stream to read instead of standard input, redis://host:6379/0?stream=prices&group=riskengine; "
        "idle=30 ends after 30 seconds without a row.",
        metavar="URL",
    ),
]
StreamTarget = Annotated[
    str | None,
    typer.Option(
        "--to",
        help="Redis stream to write instead of standard output, redis://host:6379/0?stream=risk.",
        metavar="URL",
    ),
]
LivePage = Annotated[
    str | None,
    typer.Option(
        "--page",
        help="Serve a live page; on this machine alone if no host is named. Its address, with its token, goes to "
        "standard error.",
        metavar="[HOST:]PORT",
    ),
]

# `smile`
QuoteFile = Annotated[Path, typer.Argument(help="CSV of quotes: see riskengine.options.read_quotes.")]
UnderlyingPrices = Annotated[
    Source | None,
    typer.Option(
        help="Wide prices that hold the underlying; for the GARCH start and state.",
        parser=as_source,
        metavar="FILE|URL",
    ),
]
Underlying = Annotated[str | None, typer.Option(help="Column of the underlying in the prices.")]
QuoteDate = Annotated[str | None, typer.Option(help="Date of the quotes; last date of the prices to use.")]
Spot = Annotated[float | None, typer.Option(help="Spot price, where the file has neither spot nor forward.")]
ZeroRate = Annotated[
    str | None,
    typer.Option(
        help="Zero rate, continuously compounded, or a file of years and rates; in place of that of put-call parity."
    ),
]
DividendYield = Annotated[
    str | None,
    typer.Option(help="Dividend yield, or a file of years and yields; in place of that of parity."),
]
Forward = Annotated[
    str | None, typer.Option(help="Forward, or a file of years and forwards; in place of that of parity.")
]
Expiry = Annotated[str | None, typer.Option(help="Expiry of all quotes, where the file has none.")]
American = Annotated[
    bool | None,
    typer.Option("--american/--european", help="How options are exercised, where the file does not say."),
]
Percent = Annotated[
    bool | None,
    typer.Option("--percent/--decimal", help="Unit of volatilities, where the file leaves it open."),
]
Shift = Annotated[
    float, typer.Option(help="Added to forwards and strikes, which may then be negative; SABR alone.")
]
Normal = Annotated[
    bool,
    typer.Option(
        "--normal", help="Volatilities are normal ones (Bachelier), strikes may have any sign; SABR alone."
    ),
]
DayCount = Annotated[
    str, typer.Option(help="Day count of times to expiry: act/365, act/360, act/365.25 or bus/252.")
]
UnderlyingName = Annotated[
    str, typer.Option(help="Name of the underlying; selects one in a file of several.")
]
Feller = Annotated[bool, typer.Option("--feller", help="Keep Heston's variance from reaching zero.")]
ErrorWeights = Annotated[str, typer.Option(help="Weights of the errors: volatility, vega or spread.")]
Jumps = Annotated[
    bool | None,
    typer.Option(
        "--jumps/--no-jumps", help="Fit Bates's model too; where Heston's fit is not ok if left out."
    ),
]
Beta = Annotated[float, typer.Option(help="SABR's exponent beta, 0 to 1.")]
GarchWindow = Annotated[int, typer.Option(help="Number of returns for the GARCH calibration.")]
SmileFolder = Annotated[Path, typer.Option(help="Folder for smile.json and smile.html.")]
