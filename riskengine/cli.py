"""The command line: backtest, sweep, calibrate, pretrain, report, smile; and the desk's rebalance, stress, validate,
watch.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from riskengine.errors import DataError, RiskEngineError, SettingsError

app = typer.Typer(
    name="riskengine",
    help="Portfolio risk and rebalancing: neural GARCH calibration, covariance forecasts, walk-forward backtests.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

BUNDLED = Path("data/us_equities_20/prices.parquet")

Prices = Annotated[
    Path | None,
    typer.Option(
        "--prices", help="Wide prices, .csv or .parquet: dates down, assets across. Bundled ones if left out."
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")
]


class CalibratorName(StrEnum):
    """Choices of `calibrate --method`."""

    NETWORK = "network"
    MAXIMUM_LIKELIHOOD = "mle"
    ARCH = "arch"


def main() -> None:
    """Entry point: errors that a user can mend are one line on standard error and exit status 1."""
    from riskengine.runtime import keep_compiled, use_cores

    try:
        use_cores()
        keep_compiled()
        app()
    except RiskEngineError as error:
        message = " ".join(str(error).split())
        print(f"riskengine: {message}", file=sys.stderr)
        sys.exit(1)


def bundled_prices() -> Path:
    """The bundled prices: in the folder where one stands, or in the checkout.

    Raises
    ------
    DataError
        If they are in neither.
    """
    for root in (Path.cwd(), Path(__file__).parents[1]):
        if (root / BUNDLED).is_file():
            return root / BUNDLED
    raise DataError(f"the bundled prices are not here ({BUNDLED}): name a file with --prices")


def _table(title: str | None, gap: int = 1) -> Table:
    """A table that fits eighty columns, with ``gap`` more spaces between columns than the one it needs."""
    return Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False
    )


def _console(as_json: bool) -> Console:
    """Where people read: standard output, or standard error when that is kept for JSON."""
    return Console(stderr=as_json)


@contextmanager
def _bars(console: Console) -> Iterator[Any]:
    """Progress bars by stage; calls take a stage, steps done and steps in all."""
    columns = (
        TextColumn("{task.description:32}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report


Train = Annotated[
    int, typer.Option(help="Returns seen before the first decision, and window of the benchmarks.")
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


def _walk_forward(train: int, step: str, delay: int, window: int | None, band: float) -> Any:
    """The schedule that the options ask for."""
    from riskengine.backtest import NoTradeBand, WalkForward

    days: Any = int(step) if step.lstrip("-").isdigit() else step
    return WalkForward(train, days, delay, window, band=NoTradeBand(band / 100) if band else None)


def _cash(text: str) -> Any:
    """A rate, or a series of rates from a file."""
    from riskengine.market import load_series

    try:
        return float(text)
    except ValueError:
        return load_series(Path(text))


@app.command()
def backtest(
    strategy: Annotated[Path, typer.Argument(help="Strategy file with build(), as in strategies/.")],
    prices: Prices = None,
    out: Annotated[
        Path, typer.Option(help="Folder for report.html, result.json, tables as .parquet and .csv.")
    ] = Path("out"),
    train: Train = 1250,
    step: Step = "21",
    delay: Delay = 1,
    costs: CostRate = 5.0,
    cash: Cash = "0",
    band: Band = 0.0,
    window: Window = None,
    membership: Membership = None,
    delistings: DelistingFile = None,
    volume: Volume = None,
    top: Annotated[int | None, typer.Option(help="Hold only the so many most liquid of the day.")] = None,
    start: Start = None,
    end: End = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder to keep every decision in, for --resume.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that is in the checkpoint, if there is one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Walk a strategy through history beside four benchmarks, and write the report.

    The benchmarks are equal weight, static sample covariance, static Ledoit-Wolf and the legacy pipeline
    (per-asset maximum likelihood GARCH with sample correlation), under the strategy's own limits. About a
    minute for 20 assets and 27 years of monthly decisions.
    """
    from riskengine.backtest import (
        Market,
        RiskMonitor,
        load_strategy,
        run_backtest,
        save_result,
        standard_benchmarks,
    )
    from riskengine.backtest.checkpoint import is_begun
    from riskengine.calibration import NeuralCalibrator
    from riskengine.portfolio import ProportionalCosts
    from riskengine.report import headline, write_report

    if resume and checkpoint is None:
        raise SettingsError("--resume needs the folder to go on from: --checkpoint DIR")
    if checkpoint is not None and not resume and is_begun(checkpoint):
        raise SettingsError(
            f"{checkpoint} holds a run: add --resume to go on with it, or name another folder"
        )
    console = _console(as_json)
    candidate = load_strategy(strategy)
    market = Market(prices or bundled_prices(), membership, delistings, volume, top, start=start, end=end)
    schedule = replace(_walk_forward(train, step, delay, window, band), universe=market.universe())
    limits = getattr(candidate, "constraints", None)
    rivals = [
        rival
        for rival in standard_benchmarks(limits, window=train, horizon=schedule.days)
        if rival.name != candidate.name
    ]
    with _bars(console) as report:
        result = run_backtest(
            candidate,
            market.panel(),
            schedule,
            ProportionalCosts(costs / 1e4),
            rivals,
            RiskMonitor(NeuralCalibrator.pretrained(), window=train),
            report,
            _cash(cash),
            checkpoint,
        )
    save_result(result, out)
    page = write_report(result, out / "report.html")
    _write(out / "returns.csv", result.returns.to_csv())
    _write(out / "weights.csv", result.weights.to_csv())
    if as_json:
        print(result.to_json())
        return
    _show_result(console, result)
    console.print(headline(result), highlight=False)
    console.print(f"[bold]{page}[/bold]")


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
        Path | None, typer.Option(help="TOML file with strategies, settings and universes.")
    ] = None,
    prices: Annotated[
        list[Path] | None,
        typer.Option(help="Prices of a universe; more than once for more. Bundled if left out."),
    ] = None,
    top: Annotated[
        list[int] | None,
        typer.Option(help="The so many most liquid of each universe; more than once for more."),
    ] = None,
    membership: Membership = None,
    delistings: DelistingFile = None,
    volume: Volume = None,
    train: Train = 1250,
    step: Step = "21",
    delay: Delay = 1,
    costs: CostRate = 5.0,
    cash: Cash = "0",
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
    as_json: Json = False,
) -> None:
    """Backtest strategies x settings x universes, and say how much of the best record is luck.

    Equal weight runs beside them in every universe. Stopped, or bereft of a worker, a sweep goes on with what is
    missing when it is called again.
    """
    from riskengine.backtest import Grid, Market, load_grid, parse_settings, plan, run_sweep
    from riskengine.portfolio import ProportionalCosts

    read = load_grid(grid) if grid is not None else Grid((), {}, {})
    markets = dict(read.markets)
    if prices or not markets:
        for path in prices or [bundled_prices()]:
            for count in (*(top or ()),) or (None,):
                name = path.parent.name if path.stem == "prices" else path.stem
                markets[name if count is None else f"{name}, top {count}"] = Market(
                    path, membership, delistings, volume, count, start=start, end=end
                )
    asked = Grid(
        (*read.strategies, *(strategies or ())), {**read.settings, **parse_settings(settings or ())}, markets
    )
    schedule = _walk_forward(train, step, delay, window, band)
    console = _console(as_json)
    cells = plan(asked, schedule, ProportionalCosts(costs / 1e4), _cash(cash))
    with _bars(console) as report:
        found = run_sweep(cells, out, jobs, scheduler, report)
    content = found.to_json()
    _write(out / "sweep.json", content)
    if as_json:
        print(content)
    else:
        _show_sweep(console, found)
    if len(found.failures) == len(cells):
        raise DataError(f"not one backtest ran to its end: {next(iter(found.failures.values()))}")


def _write(path: Path, text: str) -> None:
    from riskengine.files import write_atomically

    write_atomically(path, text.encode())


def _show_result(console: Console, result: Any) -> None:
    from riskengine.report import summary_rows

    headings, rows = summary_rows(result)
    first, last = result.returns.index[0], result.returns.index[-1]
    cut = headings.index("p-value") + 1
    titles = (f"{result.name}, {first:%Y-%m-%d} to {last:%Y-%m-%d}, net of costs", None)
    for title, columns in zip(titles, (range(1, cut), range(cut, len(headings))), strict=True):
        table = _table(title, gap=0 if title is None else 1)
        table.add_column(headings[0], no_wrap=True)
        for k in columns:
            table.add_column(headings[k], justify="right", no_wrap=True)
        for row in rows:
            table.add_row(row[0], *(row[k] for k in columns), style="bold" if row is rows[0] else None)
        console.print(table)
    if not result.risk_table().empty:
        risk = _table("VaR exceptions, one day")
        for heading in ("method", "level", "expected", "exceptions", "Kupiec p", "Christoffersen p"):
            risk.add_column(heading, justify="right")
        for _, row in result.risk_table().iterrows():
            risk.add_row(
                str(row["method"]),
                f"{row['level']:.0%}",
                f"{row['expected']:.1f}",
                f"{row['exceptions']:.0f}",
                f"{row['kupiec_p']:.3f}",
                f"{row['christoffersen_p']:.3f}",
            )
        console.print(risk)


def _show_sweep(console: Console, found: Any) -> None:
    """A table a universe, and below it what failed."""
    ability = found.superior_ability()
    formats = {
        "volatility": ("vol", "{:.2%}"),
        "return": ("return", "{:.1%}"),
        "sharpe": ("Sharpe", "{:.2f}"),
        "deflated_sharpe": ("DSR", "{:.3f}"),
        "mcs_p": ("MCS", "{:.3f}"),
        "turnover": ("trades", "{:.2f}"),
        "sharpe_dear": ("50 bp", "{:.2f}"),
        "break_even": ("even", ""),
    }
    for market, rows in found.table().groupby("universe", sort=False):
        table = _table(f"{market}, net of costs", gap=0)
        table.add_column("strategy", overflow="fold")
        for heading, _ in formats.values():
            table.add_column(heading, justify="right", no_wrap=True)
        values = rows["settings"].map(dict.items).explode().dropna()
        varied = {name for name, _ in values if len({repr(v) for n, v in values if n == name}) > 1}
        calmest = rows["volatility"].idxmin()
        for index, row in rows.iterrows():
            shown = {name: value for name, value in row["settings"].items() if name in varied}
            label = " ".join([row["strategy"], *(f"{name}={value}" for name, value in shown.items())])
            cells = [text.format(row[key]) for key, (_, text) in formats.items() if text]
            table.add_row(
                label, *cells, _break_even(row["break_even"]), style="bold" if index == calmest else None
            )
        console.print(table)
        if market in ability:
            console.print(
                f"Superior ability: p = {ability[market].p_value:.3f} that the calmest of {len(rows) - 1} is no "
                "calmer than equal weight.",
                highlight=False,
            )
    console.print(
        "DSR: probability of any skill after so many trials. MCS: p-value of being among the calmest. trades: "
        "turnover a year. 50 bp: Sharpe at such costs. even: cost at which the return is that of equal weight.",
        style="dim",
        highlight=False,
    )
    for k, message in found.failures.items():
        console.print(f"- {found.cells[k].label}, {found.cells[k].market}: {message}", markup=False)


def _break_even(rate: float) -> str:
    """A cost rate in basis points; a word where no cost makes returns equal."""
    if math.isnan(rate):
        return ""
    return "never" if rate < 0 else "always" if math.isinf(rate) else f"{1e4 * rate:.0f} bp"


@app.command()
def calibrate(
    prices: Prices = None,
    window: Annotated[int, typer.Option(help="Last days to use; 0 for all.")] = 1000,
    method: Annotated[
        CalibratorName, typer.Option(help="The network, batched maximum likelihood, or arch.")
    ] = CalibratorName.NETWORK,
    robust: Annotated[
        bool, typer.Option("--robust", help="The network trained on bad prints, breaks and stale prices.")
    ] = False,
    pooled: Annotated[
        bool, typer.Option("--pooled", help="Shrink every asset towards the universe (empirical Bayes).")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="CSV file to write.")] = None,
    as_json: Json = False,
) -> None:
    """Calibrate a GARCH model for every asset at once."""
    from riskengine.calibration import ArchReference, Calibrator, MaximumLikelihood, NeuralCalibrator
    from riskengine.market import load_panel

    if window < 0:
        raise SettingsError(f"a window is a number of days, or 0 for all, not {window}")
    if (robust or pooled) and method is not CalibratorName.NETWORK:
        raise SettingsError(f"--robust and --pooled are for the network, not for {method.value}")
    panel = load_panel(prices or bundled_prices())
    calibrator: Calibrator
    if method is CalibratorName.NETWORK:
        calibrator = NeuralCalibrator.pretrained(robust=robust, pooled=pooled)
    else:
        calibrator = MaximumLikelihood() if method is CalibratorName.MAXIMUM_LIKELIHOOD else ArchReference()
    console = _console(as_json)
    with console.status(f"calibrating {len(panel.assets)} assets"):
        frame = calibrator(panel.returns.iloc[-window:]).to_frame()
    if out is not None:
        _write(out, frame.to_csv())
    if as_json:
        print(frame.reset_index().to_json(orient="records", double_precision=15))
        return
    table = _table(f"GJR-GARCH(1,1), {method.value}, to {panel.dates[-1]:%Y-%m-%d}")
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
    for asset, row in frame.iterrows():
        table.add_row(
            str(asset), *(text.format(row[name]) for name, text in formats.items()), str(row["status"])
        )
    console.print(table)


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
    from riskengine.calibration.pretraining import pretrain as run
    from riskengine.calibration.training import Training

    training = Training()
    training = replace(
        training,
        steps=training.steps if steps is None else steps,
        seed=training.seed if seed is None else seed,
    )
    console = _console(as_json)
    with _bars(console) as report:
        cards = run(training, out, restart=restart, report=report)
    if as_json:
        print(json.dumps(cards))
        return
    for network, card in cards.items():
        table = _table(f"RMSE of the {network} network's posterior means, fresh clean series")
        table.add_column("days", justify="right")
        names = list(next(iter(card["metrics"].values())))
        for name in names:
            table.add_column(name.replace("_", " "), justify="right")
        for days, row in card["metrics"].items():
            table.add_row(str(days), *(f"{row[name]:.4f}" for name in names))
        console.print(table)
    console.print(f"[bold]{out}[/bold]")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that `riskengine backtest --out` wrote.")] = Path(
        "out"
    ),
    as_json: Json = False,
) -> None:
    """Show a finished backtest again: its table, flags and provenance."""
    path = folder / "result.json"
    if not path.is_file():
        raise DataError(
            f"no result.json in {folder}: make it with `riskengine backtest STRATEGY --out {folder}`"
        )
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is damaged ({error}): run the backtest again") from error
    if as_json:
        print(json.dumps(content))
        return
    console = _console(as_json)
    table = _table(f"{content['strategy']}, {content['first']} to {content['last']}", gap=0)
    formats = {
        "volatility": "{:.2%}",
        "reduction": "{:+.1%}",
        "reduction_low": "{:+.1%}",
        "reduction_high": "{:+.1%}",
        "p_value": "{:.3f}",
        "sharpe": "{:.2f}",
        "bias": "{:.2f}",
    }
    table.add_column("portfolio", no_wrap=True)
    for name in formats:
        table.add_column(name.removeprefix("reduction_").replace("_", " "), justify="right", no_wrap=True)
    for name, row in content["summary"].items():
        cells = ("" if row.get(key) is None else text.format(row[key]) for key, text in formats.items())
        table.add_row(name, *cells)
    console.print(table)
    for note in content["notes"]:
        console.print(f"- {note}", highlight=False, markup=False)
    for key, value in content["provenance"].items():
        console.print(f"{key:12} {value}", highlight=False, markup=False)
    page = folder / "report.html"
    if page.is_file():
        console.print(f"[bold]{page}[/bold]")


HoldingsFile = Annotated[
    Path, typer.Option("--holdings", help="CSV of asset,quantity; CASH is an amount of money.")
]
LimitsFile = Annotated[
    Path | None, typer.Option("--limits", help="JSON with lots, cash, costs, volumes, groups and limits.")
]
AsOf = Annotated[str | None, typer.Option("--asof", help="Last date of the prices to use.")]
FLAGGED = 3
"""Exit status of a command of the desk that worked and found something to look at."""


@app.command()
def rebalance(
    strategy: Annotated[Path, typer.Argument(help="Strategy file with build(), as in strategies/.")],
    holdings: HoldingsFile,
    prices: Prices = None,
    limits: LimitsFile = None,
    asof: AsOf = None,
    out: Annotated[
        Path, typer.Option(help="Folder for trades.csv, report.json, report.html and history.jsonl.")
    ] = Path("out/desk"),
    window: Annotated[int, typer.Option(help="Days that the risk figures rest on.")] = 1250,
    as_json: Json = False,
) -> None:
    """Today's orders in whole lots, and the report of the day.

    Exit status 0 is clean, 3 flagged, 1 failed.
    """
    from riskengine.report.commands import run_rebalance

    content = run_rebalance(strategy, prices or bundled_prices(), holdings, limits, asof, out, window)
    if as_json:
        print(json.dumps(content))
    else:
        console = _console(as_json)
        table = _table(f"{content['strategy']}, {content['date']}: {content['status']}")
        for heading in ("asset", "side", "units", "value"):
            table.add_column(heading, justify="left" if heading == "asset" else "right")
        for row in content["trades"]:
            table.add_row(row["asset"], row["side"], f"{row['units']:,.0f}", f"{row['value']:,.0f}")
        console.print(table)
        for flag in content["flags"]:
            console.print(f"- {flag}", highlight=False, markup=False)
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
    horizon: Annotated[int, typer.Option(help="Days.")] = 21,
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
    write_paths: Annotated[
        bool, typer.Option("--write-paths", help="Write all daily returns as Parquet.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for stress.json, stress.html, paths.parquet.")] = Path(
        "out/stress"
    ),
    as_json: Json = False,
) -> None:
    """Simulated, shocked, replayed and likeliest scenarios of today's portfolio.

    Exit status 3 if a limit is broken.
    """
    from riskengine.report.commands import run_stress
    from riskengine.report.stress import StressSettings
    from riskengine.risk.scenarios import Simulation

    how = Simulation(horizon, paths, "filtered" if filtered else "student-t", uncertain, seed)
    settings = StressSettings(how, volatility, correlation, market)
    content, broken = run_stress(
        prices or bundled_prices(), holdings, limits, asof, settings, write_paths, out
    )
    if as_json:
        print(json.dumps(content))
    else:
        console = _console(as_json)
        table = _table(f"Stress, {content['date']}, {horizon} days")
        for heading in ("scenario", "VaR 99%", "CVaR 99%", "drawdown"):
            table.add_column(heading, justify="left" if heading == "scenario" else "right")
        for row in content["scenarios"]:
            single = "loss" in row
            cells = [row["loss"], None] if single else [row["var_99"], row["cvar_99"]]
            table.add_row(row["name"], *("" if x is None else f"{x:.1%}" for x in (*cells, row["drawdown"])))
        console.print(table)
        console.print(f"[bold]{out / 'stress.html'}[/bold]")
    if broken:
        raise typer.Exit(FLAGGED)


@app.command("price")
def price_(
    terms: Annotated[
        Path,
        typer.Argument(help="TOML file of underlying, model, product and simulation, as docs/terms.toml."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for price.json and price.html.")] = Path("out/price"),
    as_json: Json = False,
) -> None:
    """Price an exotic by Monte Carlo: standard error, Greeks, and how the price depends on a term."""
    from riskengine.report.commands import run_price

    console = _console(as_json)
    with _bars(console) as report:
        content = run_price(terms, out, report)
    if as_json:
        print(json.dumps(content))
        return
    table = _table(f"{content['product']} under {content['model']}, {content['paths']:,} paths")
    for heading in ("", "value", "standard error"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_row("price", f"{content['price']:.4f}", f"{content['error']:.4f}", style="bold")
    for name, greek in content["greeks"].items():
        table.add_row(name, f"{greek['value']:.5f}", f"{greek['error']:.5f}")
    console.print(table)
    console.print(f"[bold]{out / 'price.html'}[/bold]")


@app.command()
def validate(
    forecasts: Annotated[
        Path, typer.Argument(help="CSV with columns return (or loss), var and, if known, cvar.")
    ],
    level: Annotated[float, typer.Option(help="Confidence of VaR and CVaR.")] = 0.99,
    draws: Annotated[int, typer.Option(help="Simulated series behind the p-values.")] = 1999,
    as_json: Json = False,
) -> None:
    """Test VaR and CVaR forecasts against what happened. Exit status 3 if a test rejects."""
    from riskengine.report.commands import run_validate

    found = run_validate(forecasts, level, draws)
    if as_json:
        print(json.dumps(found.to_dict()))
    else:
        _console(as_json).print(str(found), highlight=False, markup=False)
    if not found.holds:
        raise typer.Exit(FLAGGED)


@app.command()
def smile(
    quotes: Annotated[Path, typer.Argument(help="CSV of quotes: see riskengine.options.read_quotes.")],
    prices: Annotated[
        Path | None, typer.Option(help="Wide prices that hold the underlying; for the GARCH start and state.")
    ] = None,
    asset: Annotated[str | None, typer.Option(help="Column of the underlying in the prices.")] = None,
    asof: Annotated[
        str | None, typer.Option(help="Date of the quotes; last date of the prices to use.")
    ] = None,
    spot: Annotated[float | None, typer.Option(help="Where the file has neither spot nor forward.")] = None,
    feller: Annotated[
        bool, typer.Option("--feller", help="Keep Heston's variance from reaching zero.")
    ] = False,
    weights: Annotated[str, typer.Option(help="Of the errors: volatility, vega or spread.")] = "volatility",
    beta: Annotated[float, typer.Option(help="Of SABR, 0 to 1.")] = 1.0,
    window: Annotated[int, typer.Option(help="Days of prices that the GARCH model sees.")] = 1000,
    out: Annotated[Path, typer.Option(help="Folder for smile.json and smile.html.")] = Path("out/smile"),
    as_json: Json = False,
) -> None:
    """Fit Heston and SABR to quotes; with prices, from a GARCH start, and against stressed GARCH states.

    Exit status 3 if a fit is not to be trusted.
    """
    from riskengine.report.commands import run_smile

    content = run_smile(quotes, prices, asset, asof, spot, feller, weights, beta, window, out)
    if as_json:
        print(json.dumps(content))
    else:
        console = _console(as_json)
        for table in smile_tables(content):
            console.print(table)
        for flag, count in content["flags"].items():
            console.print(f"- {count} of {content['quotes']} quotes: {flag}", highlight=False, markup=False)
        console.print(f"[bold]{out / 'smile.html'}[/bold]")
    if content["flagged"]:
        raise typer.Exit(FLAGGED)


def smile_tables(content: dict[str, Any]) -> list[Table]:
    """Parameters of both models, and the states."""
    heston = content["heston"]
    names = ("v0", "kappa", "theta", "sigma", "rho")
    first = _table(f"{content['name']}: Heston, error {heston['rmse']:.2f} points, {heston['status']}")
    for heading in ("", *names):
        first.add_column(heading, justify="right" if heading else "left")
    first.add_row("fitted", *(f"{heston[name]:.4f}" for name in names))
    if "start" in content:
        first.add_row("GARCH start", *(f"{content['start']['params'][name]:.4f}" for name in names))
    second = _table("SABR")
    for heading in ("maturity", "alpha", "nu", "rho", "error", "status"):
        second.add_column(heading, justify="left" if heading == "status" else "right")
    for row in content["sabr"]:
        cells = (f"{row[name]:.4f}" for name in ("maturity", "alpha", "nu", "rho"))
        second.add_row(*cells, f"{row['rmse']:.2f}", row["status"])
    if "states" not in content:
        return [first, second]
    third = _table("Heston at the money in other GARCH states")
    third.add_column("state")
    third.add_column("GARCH", justify="right")
    for t in content["states"][0]["maturities"]:
        third.add_column(f"{t:.2f} years", justify="right")
    for row in content["states"]:
        third.add_row(row["state"], *(f"{x:.1%}" for x in (row["garch_volatility"], *row["at_the_money"])))
    return [first, second, third]


@app.command()
def watch(
    state: Annotated[Path, typer.Option("--state", help="Folder of the state; made on the first call.")],
    prices: Prices = None,
    holdings: Annotated[
        Path | None, typer.Option(help="CSV of asset,quantity; equal weights if left out.")
    ] = None,
    of_prices: Annotated[
        bool, typer.Option("--rows-are-prices", help="Rows hold prices, not returns.")
    ] = False,
    window: Annotated[int, typer.Option(help="Days of calibration and history.")] = 1000,
    recalibrate: Annotated[int, typer.Option(help="Rows between calibrations; 0 for none.")] = 21,
    snapshot: Annotated[int, typer.Option(help="Rows between snapshots.")] = 100,
) -> None:
    """Read rows from standard input, write the risk after each as a line of JSON, exactly once by key.

    A row is CSV (key,return,...; a header may name the assets) or JSON; its first field is its key, a date or a whole
    number that grows. Rows that cannot be taken are reported on standard error.
    """
    from riskengine.report.commands import run_watch

    run_watch(state, prices or bundled_prices(), holdings, of_prices, window, recalibrate, snapshot)
