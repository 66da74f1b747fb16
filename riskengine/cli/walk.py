"""What `backtest` and `sweep` do: the rules of a walk-forward as options state them, and the steps of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskengine.cli.console import bars, bundled_prices, write
from riskengine.cli.findings import in_lines, show_findings
from riskengine.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from riskengine.backtest import BacktestResult, Grid, Market, Sweep, WalkForward
    from riskengine.market import Panel, Source
    from riskengine.portfolio import ProportionalCosts


@dataclass(frozen=True)
class WalkRules:
    """When is decided and traded, and what it costs, in the words of the options.

    Attributes
    ----------
    train, step, delay, window : see :class:`riskengine.WalkForward`; ``train`` None chooses by the prices
    costs : basis points of the value traded
    cash, borrow : a rate a year, or a file of rates
    band : percent of wealth
    """

    train: int | None
    step: str
    delay: int
    costs: float
    cash: str
    borrow: str | None
    band: float
    window: int | None

    def schedule(self, panel: Panel) -> tuple[WalkForward, str | None]:
        """The schedule for the prices, and a sentence on ``train`` where it is neither asked for nor the usual one."""
        from riskengine.backtest import NoTradeBand, WalkForward, usual_train

        count = len(panel.dates)
        train = usual_train(count, panel.periods_per_year) if self.train is None else self.train
        chosen = None
        if self.train is None and train != usual_train():
            chosen = (
                f"{train} returns, chosen for the {count} closes of the prices; --train sets another number"
            )
        days: Any = int(self.step) if self.step.lstrip("-").isdigit() else self.step
        band = NoTradeBand(self.band / 100) if self.band else None
        return WalkForward(train, days, self.delay, self.window, band=band), chosen

    def charges(self) -> ProportionalCosts:
        """The costs of trading."""
        from riskengine.portfolio import ProportionalCosts

        return ProportionalCosts(self.costs / 1e4)

    def cash_rate(self) -> float | pd.Series:
        """What cash earns a year."""
        return _rate(self.cash)

    def borrow_rate(self) -> float | pd.Series | None:
        """What borrowed cash costs a year; None where that is the rate of cash."""
        return None if self.borrow is None else _rate(self.borrow)


def _rate(text: str) -> float | pd.Series:
    """A rate, or a series of rates from a file."""
    from riskengine.market import load_series

    try:
        return float(text)
    except ValueError:
        return load_series(Path(text))


def check_checkpoint(checkpoint: Path | None, resume: bool) -> None:
    """Refuse to resume from nowhere, and to run over a run."""
    from riskengine.backtest import is_begun

    if resume and checkpoint is None:
        raise SettingsError("--resume needs the folder to go on from: --checkpoint DIR")
    if checkpoint is not None and not resume and is_begun(checkpoint):
        raise SettingsError(
            f"{checkpoint} holds a run: add --resume to go on with it, or name another folder"
        )


def run_beside_benchmarks(
    strategy: Path, market: Market, rules: WalkRules, console: Console, checkpoint: Path | None, jobs: int
) -> BacktestResult:
    """Run a strategy file, its benchmarks and the risk monitor; the files that decided the numbers are recorded."""
    from riskengine.backtest import (
        RiskMonitor,
        files_read,
        load_strategy,
        recorded_reads,
        rivals_of,
        run_backtest,
        standard_benchmarks,
    )
    from riskengine.calibration import standard_calibrator

    candidate = load_strategy(strategy)
    panel = market.panel()
    schedule, chosen = rules.schedule(panel)
    schedule = replace(schedule, universe=market.universe())
    schedule.folds(panel.dates)  # what cannot be run is an error before anything else is said
    show_findings(console, panel.audit())
    limits = getattr(candidate, "constraints", None)
    rivals = rivals_of(candidate, standard_benchmarks(limits, window=schedule.train, horizon=schedule.step))
    with bars(console) as report, recorded_reads() as read:
        result = run_backtest(
            candidate,
            panel,
            schedule,
            rules.charges(),
            rivals,
            RiskMonitor(standard_calibrator(), window=schedule.train),
            report,
            rules.cash_rate(),
            checkpoint,
            jobs,
            rules.borrow_rate(),
        )
    more: dict[str, Any] = {} if chosen is None else {"train": chosen}
    files = files_read(candidate, read, checkpoint)
    return replace(result, provenance=result.provenance | more | ({"files read": files} if files else {}))


def write_backtest(result: BacktestResult, out: Path) -> Path:
    """Write the result, its page and two tables; the page's path."""
    from riskengine.backtest import save_result
    from riskengine.report import write_report

    save_result(result, out)
    page = write_report(result, out / "report.html")
    write(out / "returns.csv", result.returns.to_csv())
    write(out / "weights.csv", result.weights.to_csv())
    return page


def asked_grid(
    strategies: list[Path],
    settings: list[str],
    grid: Path | None,
    market: Callable[[Source, int | None], Market],
    prices: list[Source] | None,
    top: list[int] | None,
) -> tuple[Grid, list[str]]:
    """The grid of a file with what options add to it, and notes on what was asked for twice."""
    from riskengine.backtest import Grid, load_grid, named_markets, parse_settings, strategy_file

    read = load_grid(grid) if grid is not None else Grid((), {}, {})
    given = [
        market(path, count)
        for path in (prices if prices else [] if read.markets else [bundled_prices()])
        for count in (*(top or ()),) or (None,)
    ]
    asked = Grid(
        (*read.strategies, *map(strategy_file, strategies)),
        {**read.settings, **parse_settings(settings)},
        named_markets(given, read.markets),
    )
    notes = list(asked.repeated)
    if len({market.resolved() for market in given}) < len(given):
        notes.append("a universe was asked for more than once: it runs once")
    return asked, notes


def run_cells(
    asked: Grid,
    rules: WalkRules,
    notes: list[str],
    console: Console,
    out: Path,
    jobs: int,
    scheduler: str | None,
) -> Sweep:
    """Run the cells of a grid that the folder does not hold yet, and write ``sweep.json``."""
    from riskengine.backtest import plan, run_sweep

    def schedule(panel: Panel) -> WalkForward:
        walk, chosen = rules.schedule(panel)
        if chosen is not None and f"train: {chosen}" not in notes:
            notes.append(f"train: {chosen}")
        notes.extend(line for line in in_lines(panel.audit()) if line not in notes)
        return walk

    cells = plan(asked, schedule, rules.charges(), rules.cash_rate(), rules.borrow_rate())
    with bars(console) as report:
        found = run_sweep(cells, out, jobs, scheduler, report, notes)
    write(out / "sweep.json", found.to_json())
    return found
