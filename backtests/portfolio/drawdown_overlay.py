"""What holding less in a drawdown does to drawdowns, and what it costs.

    python -m backtests.portfolio.drawdown_overlay [--data DIR]

`strategies/drawdown_overlay.py` against the strategy inside it, and against that strategy with a fixed share in cash,
the overlay's own average. A few minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import Panel, ProportionalCosts, WalkForward, run_backtest
from riskengine.cli import bundled_prices
from riskengine.runtime import keep_compiled, use_cores
from strategies.drawdown_overlay import build

YEAR, RATE, STEP, TRAIN = 252, 0.0005, 21, 1250
PANELS = {
    "20 US stocks since 1995": None,
    "18 ETFs": "multiasset/etf18_2006_2022.parquet",
    "54 assets of five classes": "multiasset/global_2013_2023.parquet",
}


def figures(returns: pd.Series) -> list[str]:
    """Return and volatility a year, their ratio, deepest drawdown, and return over drawdown."""
    wealth = (1 + returns).cumprod()
    gain, deviation = YEAR * returns.mean(), np.sqrt(YEAR) * returns.std()
    deepest = float((1 - wealth / wealth.cummax().clip(lower=1)).max())
    return [
        f"{gain:.1%}",
        f"{deviation:.1%}",
        f"{gain / deviation:.2f}",
        f"{deepest:.1%}",
        f"{gain / deepest:.2f}",
    ]


def rows(prices: pd.DataFrame) -> list[list[Any]]:
    """A row a portfolio."""
    overlay = build()
    held = run_backtest(
        overlay, Panel(prices), WalkForward(TRAIN, STEP), ProportionalCosts(RATE), [overlay.strategy]
    )
    alone = held.benchmarks[0].returns
    share = float(held.weights.sum(axis=1).mean())
    return [
        ["overlay", f"{share:.0%}", *figures(held.returns)],
        ["strategy alone", "100%", *figures(alone)],
        ["strategy, the same share at all times", f"{share:.0%}", *figures(share * alone)],
    ]


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    arguments = parser.parse_args()
    use_cores()
    keep_compiled()
    record = Record("drawdown_overlay", "Less of a strategy in its drawdowns")
    record.say(
        f"Minimum variance, at most 20% an asset, every {STEP} days, {RATE:.2%} a trade; cash earns nothing. The "
        "overlay holds less the deeper today's portfolio stands below its peak of the last year. Settings as they "
        "come, tried on no panel. The last row of each has the overlay's average share, fixed: what is left of the "
        "difference is the timing."
    )
    headings = [
        "portfolio",
        "share",
        "return",
        "volatility",
        "ratio",
        "deepest drawdown",
        "return over drawdown",
    ]
    for name, file in PANELS.items():
        path = bundled_prices() if file is None else arguments.data / file
        if not path.is_file():
            record.say(f"{name}: not there.")
            continue
        record.say(f"## {name}")
        record.table(name, headings, rows(pd.read_parquet(path).astype(np.float64)))
    record.write()


if __name__ == "__main__":
    main()
