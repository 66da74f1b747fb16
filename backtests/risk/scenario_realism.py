"""Whether simulated universes look like the data: kurtosis, clustering, leverage and tail dependence, asset by asset.

python -m backtests.risk.scenario_realism [--data DIR] [--paths 100]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import NeuralCalibrator
from riskengine.risk import ScenarioModel, Simulation, simulate_blocks
from riskengine.runtime import keep_compiled, use_cores

WINDOW = 1250
PANELS = {
    "bundled 20": "data/us_equities_20/prices.parquet",
    "18 ETFs": "multiasset/etf18_2006_2022.parquet",
    "25 US": "equities/cov_pred_25_returns.parquet",
}
STATISTICS = ("kurtosis", "autocorrelation of |r|", "leverage", "tail dependence")
LAWS: dict[str, dict[str, Any]] = {
    "student-t": {},
    "student-t, parameters drawn": {"uncertain": True},
    "filtered, day by day": {"law": "filtered", "block": 1},
    "filtered, stretches of 10 days": {"law": "filtered"},
    "filtered, stretches of 63 days": {"law": "filtered", "block": 63},
}
Array = np.ndarray


def statistics(rows: Array) -> Array:
    """``(statistics, assets)`` of returns ``(days, assets)``.

    Kurtosis; mean autocorrelation of absolute returns at lags 1 to 20; correlation of a return with the next day's
    squared return; share of the assets' own worst 5% of days that fall on the market's worst 5%.
    """
    z = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    size = np.abs(z) - np.abs(z).mean(axis=0)
    memory = np.mean([np.mean(size[k:] * size[:-k], axis=0) for k in range(1, 21)], axis=0) / size.var(axis=0)
    square = z**2 - 1
    leverage = np.mean(z[:-1] * square[1:], axis=0) / square.std(axis=0)
    market = rows.mean(axis=1)
    bad = market <= np.quantile(market, 0.05)
    own = rows <= np.quantile(rows, 0.05, axis=0)
    return np.stack([np.mean(z**4, axis=0), memory, leverage, own[bad].mean(axis=0)])


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--paths", type=int, default=100)
    parser.add_argument("--panels", nargs="*", default=list(PANELS))
    arguments = parser.parse_args()
    use_cores()
    keep_compiled()
    record = Record("scenario_realism", "Simulated universes against the data")
    rows = []
    for name in arguments.panels:
        path = Path(PANELS[name]) if name == "bundled 20" else arguments.data / PANELS[name]
        table = pd.read_parquet(path)
        returns = table if "returns" in path.stem else table.pct_change(fill_method=None).iloc[1:]
        returns = returns.iloc[-WINDOW:]
        fit = NeuralCalibrator.pretrained(robust=True, pooled=True)(returns)
        model = ScenarioModel.fit(returns, NeuralCalibrator.pretrained(), WINDOW, calibration=fit)
        model = replace(model, variance=np.asarray(fit.presample))  # the paths begin where the data do
        data = statistics(returns.to_numpy(np.float64))
        n = len(model.assets)
        for kind, change in LAWS.items():
            how = replace(Simulation(WINDOW, arguments.paths), **change)
            blocks = simulate_blocks(model, np.full(n, 1 / n), how, keep=True)
            found = np.array([
                statistics(block.returns[:, k].astype(np.float64))
                for block in blocks for k in range(block.returns.shape[1])
            ])  # fmt: skip
            low, high = np.nanquantile(found, [0.05, 0.95], axis=0)
            inside = ((data >= low) & (data <= high)).mean(axis=1)
            rows.append([name, kind, *(f"{share:.0%}" for share in inside)])
            print(rows[-1], file=sys.stderr, flush=True)
        record.clear()
        record.say(
            f"Share of assets whose statistic over the last {WINDOW:,} days lies inside the 5% to 95% band of "
            f"{arguments.paths} simulated universes of as many days. The parameters are those of the same days, by the "
            "robust, pooled network; paths begin at the variance of the day before. Past days that are drawn are those "
            "of the same days too: the question is what a simulation loses of them. Drawn one by one they lose that "
            "residual correlations last for weeks; drawn in stretches of a quarter the universe is the past in another "
            "order, which proves little."
        )
        record.table("inside", ["panel", "law of a day", *STATISTICS], rows)
        record.write()


if __name__ == "__main__":
    main()
