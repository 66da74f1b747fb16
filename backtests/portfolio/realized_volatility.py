"""By how much each strategy lowers realized volatility on the bundled prices.

    python -m backtests.portfolio.realized_volatility

Monthly decisions since 1994 on 1,250 days, five basis points a trade; every strategy of strategies/ beside
the four benchmarks. About five minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import (
    ConstantCorrelation,
    Constraints,
    Dcc,
    NeuralCalibrator,
    OptimizedStrategy,
    QuadraticInverseShrinkage,
    RiskMonitor,
    Strategy,
    WalkForward,
    load_panel,
    load_strategy,
    run_backtest,
    standard_benchmarks,
)
from riskengine.cli import bundled_prices
from riskengine.report import summary_rows

ROOT = Path(__file__).parents[2]
LONG_ONLY = Constraints(upper=0.2)
FREE = Constraints(lower=-1.0, upper=1.0)


def variants(constraints: Constraints, label: str) -> tuple[Strategy, ...]:
    """Every forecast that was tried, under one set of limits."""
    network = NeuralCalibrator.pretrained()
    forecasters = {
        "halfway to static": ConstantCorrelation(network, static_share=0.5),
        "GARCH-CCC": ConstantCorrelation(network),
        "GARCH-DCC": Dcc(network),
        "quadratic inverse": QuadraticInverseShrinkage(),
    }
    return tuple(
        OptimizedStrategy(f"{name}, {label}", forecaster, constraints=constraints)
        for name, forecaster in forecasters.items()
    )


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    panel = load_panel(bundled_prices())
    schedule = WalkForward(train=1250, step=21)
    record = Record(
        "realized_volatility", "Realized volatility on 20 US stocks", data=panel.hash, schedule=repr(schedule)
    )
    record.say(
        "Net of five basis points a trade. Reduction, interval (stationary bootstrap) and p-value (Ledoit and Wolf "
        "2011) are those of the first row against each other row; positive means that the first row was calmer."
    )
    main_strategy = load_strategy(ROOT / "strategies" / "network_garch.py")
    others = [load_strategy(ROOT / "strategies" / f"{name}.py") for name in ("markowitz", "black_litterman")]
    monitor = RiskMonitor(NeuralCalibrator.pretrained())
    rivals = (*standard_benchmarks(LONG_ONLY), *variants(LONG_ONLY, "capped")[1:], *others)
    capped = run_backtest(main_strategy, panel, schedule, benchmarks=rivals, monitor=monitor)
    record.say(
        "## Long only, at most 20% an asset\n\nThe limits do most of the work: the forecasts differ little."
    )
    record.table("capped", *summary_rows(capped))
    record.say("VaR of the first row, one day ahead:")
    risk = capped.risk_table()
    record.table(
        "value_at_risk",
        ["forecast", *risk.columns],
        [[k, *row] for k, row in zip(risk.index, risk.to_numpy().tolist(), strict=True)],
    )
    first, *rest = variants(FREE, "free")
    rivals = (*standard_benchmarks(FREE), *rest)
    free = run_backtest(first, panel, schedule, benchmarks=rivals)
    record.say("## Weights from -100% to 100%\n\nHere the forecast decides.")
    record.table("free", *summary_rows(free))
    record.write()


if __name__ == "__main__":
    main()
