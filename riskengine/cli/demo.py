"""The demo: one mandate, one page, and what the same forecast is worth under narrower limits."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from riskengine.cli.app import app
from riskengine.cli.arguments import DemoFolder, Json
from riskengine.cli.console import bars, new_table, plainly, screen
from riskengine.cli.result_tables import add_var_rows
from riskengine.progress import ProgressReport, no_progress

if TYPE_CHECKING:
    from rich.console import Console

    from riskengine.backtest import BacktestResult
    from riskengine.market import Panel
    from riskengine.portfolio import Strategy

STUDY = "backtests/results/demo_mandate.md"
RATE = 0.001  # of what is traded


@app.command()
def demo(out: DemoFolder = Path("out/demo"), as_json: Json = False) -> None:
    """Backtest of a 130/30 mandate on 100 bundled US stocks, decided monthly, and its page.

    Weights from -5% to 10%, fully invested, gross exposure at most 160%; decided monthly, traded a day later, net of
    ten basis points. The mandate was chosen on other stocks and ETFs. The same forecast long only stands below it.
    """
    from riskengine.backtest import RiskMonitor, load_strategy, run_all, save_result, standard_benchmarks
    from riskengine.calibration import standard_calibrator
    from riskengine.datasets import us_equities_100
    from riskengine.report import write_report

    console, panel = screen(as_json), us_equities_100()
    wide, narrow = load_strategy("long_short"), load_strategy("min_variance", upper=0.10)
    rivals = zip(
        *(standard_benchmarks(getattr(one, "constraints", None)) for one in (wide, narrow)), strict=True
    )
    with bars(console) as report:
        here = partial(_under_both, panel, (wide, narrow), report=report)
        runs = []
        for pair in run_all(here, [partial(_under_both, panel, pair) for pair in rivals], jobs=-1):
            runs.append(pair)
            report(pair[0].name, 1, 1)
        result, long_only = (run.beside(tuple(others)) for run, *others in zip(*runs, strict=True))
        result = RiskMonitor(standard_calibrator(), beside=()).watch(result, panel, report)
    chosen = f"The mandate and its settings were chosen on other stocks and ETFs: {STUDY}"
    result = replace(result, provenance=result.provenance | {"mandate": chosen})
    save_result(result, out)
    save_result(long_only, out / "long_only")
    page = write_report(result, out / "report.html")
    if as_json:
        print(
            json.dumps(
                {"mandate": json.loads(result.to_json()), "long_only": json.loads(long_only.to_json())}
            )
        )
        return
    first, last = (f"{result.returns.index[k]:%B %Y}" for k in (0, -1))
    plainly(
        console,
        f"100 US stocks, {first} to {last}: minimum variance, decided monthly, traded a day later, net of costs.",
        f"{chosen}. Fees for borrowed stocks are not counted, for anyone.",
        "",
    )
    _reductions(console, result, "130/30: each weight from -5% to 10%, gross at most 160%")
    _tails(console, result)
    _reductions(console, long_only, "The same forecast long only, at most 10% each: limits decide most of it")
    console.print(f"[bold]{page}[/bold]")


def _under_both(
    panel: Panel, mandates: tuple[Strategy, Strategy], report: ProgressReport = no_progress
) -> list[BacktestResult]:
    """One portfolio under the limits of both mandates; its forecasts, which know no limits, are made once."""
    from riskengine.backtest import WalkForward, run_backtest
    from riskengine.covariance import Remembered
    from riskengine.portfolio import OptimizedStrategy

    found: list[BacktestResult] = []
    known: Remembered | None = None
    for one in mandates:
        if isinstance(one, OptimizedStrategy):
            known = known or Remembered(one.forecaster)
            one = replace(one, forecaster=known)
        found.append(run_backtest(one, panel, WalkForward(step=21), RATE, report=report))
    return found


def _reductions(console: Console, result: BacktestResult, title: str) -> None:
    table = new_table(title)
    for heading in ("", "volatility", "lower by", "95% interval", "turnover\na year"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    table.add_row(
        result.name,
        f"{result.volatility:.2%}",
        "",
        "",
        f"{result.statistics()['turnover']:.1f}",
        style="bold",
    )
    for run, one in zip(result.benchmarks, result.comparisons, strict=True):
        low, high = one.interval
        table.add_row(
            one.other,
            f"{one.other_volatility:.2%}",
            f"{one.reduction:.1%}",
            f"{low:.1%} to {high:.1%}",
            f"{run.statistics()['turnover']:.1f}",
        )
    console.print(table)


def _tails(console: Console, result: BacktestResult) -> None:
    from riskengine.covariance import bias_band

    table = new_table("Its value at risk of one day, and the size of its forecasts")
    for heading in ("method", "level", "expected", "beyond", "Kupiec\np", "Christof-\nfersen p", ""):
        table.add_column(heading, justify="right" if heading != "method" else "left", no_wrap=True)
    add_var_rows(table, result)
    console.print(table)
    low, high = bias_band(max(len(result.targets) - 1, 1))
    bias = result.bias_statistic()
    if not math.isnan(bias):
        word = "inside" if low <= bias <= high else "outside"
        console.print(
            f"Bias {bias:.2f}: realized over forecast risk of a month, {word} the {low:.2f} to {high:.2f} of right "
            "forecasts.\n",
            highlight=False,
        )
