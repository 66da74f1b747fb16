"""The demo: one mandate, one page, and what the same forecast is worth under narrower limits."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from riskengine.cli.app import app
from riskengine.cli.console import Json, bars, new_table, screen

STUDY = "backtests/results/demo_mandate.md"
RATE = 0.001


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the page and the tables.")] = Path("out/demo"),
    as_json: Json = False,
) -> None:
    """Show what the engine is for: a 130/30 mandate on 100 bundled US stocks, month by month, and its page.

    Weights from -5% to 10%, fully invested, gross exposure at most 160%; decided monthly, traded a day later, net of
    ten basis points. The mandate was chosen on other stocks and ETFs. The same forecast long only stands below it.
    """
    from riskengine import datasets
    from riskengine.backtest import (
        RiskMonitor,
        WalkForward,
        load_strategy,
        run_backtest,
        save_result,
        standard_benchmarks,
    )
    from riskengine.calibration import NeuralCalibrator
    from riskengine.covariance import Remembered
    from riskengine.portfolio import OptimizedStrategy
    from riskengine.report import write_report

    console = screen(as_json)
    panel, schedule, known = datasets.us_equities_100(), WalkForward(step=21), {}

    def shared(strategy: Any) -> Any:
        """The same strategy; forecasts of one kind are made once for both mandates."""
        if not isinstance(strategy, OptimizedStrategy):
            return strategy
        kind = repr(strategy.forecaster)
        return replace(strategy, forecaster=known.setdefault(kind, Remembered(strategy.forecaster)))

    def run(name: str, monitor: RiskMonitor | None, report: Any) -> Any:
        strategy = load_strategy(name)
        rivals = [shared(one) for one in standard_benchmarks(strategy.constraints)]
        return run_backtest(shared(strategy), panel, schedule, RATE, rivals, monitor, report)

    with bars(console) as report:
        result = run("long_short", RiskMonitor(NeuralCalibrator.pretrained()), report)
        narrow = run("min_variance", None, report)
    chosen = f"130/30, and every setting of it, was chosen on other panels ({STUDY})"
    result = replace(result, provenance=result.provenance | {"mandate": chosen})
    save_result(result, out)
    page = write_report(result, out / "report.html")
    if as_json:
        print(
            json.dumps({"mandate": json.loads(result.to_json()), "long_only": json.loads(narrow.to_json())})
        )
        return
    first, last = (f"{result.returns.index[k]:%B %Y}" for k in (0, -1))
    console.print(
        f"100 US stocks, {first} to {last}: minimum variance, decided monthly, traded a day later, net of costs. "
        f"{chosen}.\n",
        highlight=False,
    )
    _reductions(console, result, "130/30: each weight from -5% to 10%, gross at most 160%")
    _tails(console, result)
    _reductions(
        console, narrow, "The same forecast long only, at most 10% each: limits decide, forecasts hardly"
    )
    console.print(f"[bold]{page}[/bold]")
    console.print(
        "Next: riskengine init mine, then riskengine backtest min_variance --prices YOUR.csv",
        style="dim",
        highlight=False,
    )


def _reductions(console: Any, result: Any, title: str) -> None:
    table = new_table(title)
    for heading in ("", "volatility", "lower by", "95% interval", "turnover a year"):
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


def _tails(console: Any, result: Any) -> None:
    from riskengine.covariance import bias_band

    table = new_table("Its value at risk of one day, and the size of its forecasts")
    for heading in ("method", "level", "expected", "beyond", "Kupiec p", "Christoffersen p", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    for _, row in result.risk_table().iterrows():
        passes = min(row["kupiec_p"], row["christoffersen_p"]) >= 0.05
        table.add_row(
            str(row["method"]),
            f"{row['level']:.0%}",
            f"{row['expected']:.1f}",
            f"{row['exceptions']:.0f}",
            f"{row['kupiec_p']:.3f}",
            f"{row['christoffersen_p']:.3f}",
            "passes" if passes else "[red]rejected[/red]",
        )
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
