"""How time and memory of calibration, factor covariance, VaR and scenarios grow from 1,000 to 100,000 assets.

    python -m backtests.speed.scale [--only 1000 20000]

Every universe in a process of its own, twice over: the first time compiles, the second is measured. Simulated returns
of one market, Student-t, with clusters of volatility in common. Nothing here is ever ``(assets, assets)``. Ten minutes
on one core.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine.calibration import Calibration, NeuralCalibrator
from riskengine.covariance import FactorGarch
from riskengine.risk import FilteredHistory, ScenarioModel, Simulation, simulate_blocks
from riskengine.runtime import keep_compiled, use_cores

DAYS, HORIZON, PATHS, FACTORS = 1000, 21, 1000, 20
SIZES = {1000: DAYS, 2000: DAYS, 5000: DAYS, 20_000: DAYS, 100_000: 250}
"""Days of each number of assets: of 100,000 only a year, for the sake of a machine of 16 GB that others use too."""
STAGES = ("calibration", "factor covariance", "scenario model", "VaR", "scenarios")
Array = np.ndarray


def market(days: int, assets: int) -> Array:
    """Returns ``(days, assets)``: a market with slow volatility, and assets' own moves."""
    rng = np.random.default_rng(0)
    level = np.exp(np.convolve(0.15 * rng.standard_normal(days + 99), 0.97 ** np.arange(100), "valid"))
    common = 0.008 * level * rng.standard_normal(days)
    own = rng.standard_t(5, (days, assets)).astype(np.float32)
    own *= 0.012 * level[:, None].astype(np.float32) * rng.uniform(0.5, 1.5, assets).astype(np.float32)
    return own + common[:, None] * rng.uniform(0.5, 1.5, assets)


class Pipeline:
    """The stages, each from what the one before left."""

    def __init__(self, rows: Array) -> None:
        self.rows, assets = rows, rows.shape[1]
        self.weights = np.full(assets, 1 / assets)
        self.network = NeuralCalibrator.pretrained()
        self.model: Any = None
        self.fit: Any = None

    def calibrate(self) -> Calibration:
        """Parameters of every asset by the network."""
        self.fit = self.network(self.rows)
        return self.fit

    def covariance(self) -> float:
        """Volatility of the portfolio by one factor with GARCH, and residuals with theirs."""
        forecaster = FactorGarch(self.network, window=len(self.rows), residuals="diagonal")
        found = forecaster.forecast(forecaster.init(self.rows), HORIZON)
        return float(np.sqrt(found.variance(self.weights)))

    def scenario_model(self) -> ScenarioModel:
        """Residuals and their leading components."""
        self.model = ScenarioModel.fit(self.rows, self.network, len(self.rows), FACTORS, calibration=self.fit)
        return self.model

    def value_at_risk(self) -> float:
        """Of a day, filtered historical."""
        model = self.model
        history = FilteredHistory(model.residuals, model.params, model.variance)
        return float(history.portfolio_tail(self.weights, 0.99).value_at_risk)

    def scenarios(self) -> float:
        """99% loss of the portfolio after a month, over blocks of paths that are dropped as they come."""
        blocks = simulate_blocks(self.model, self.weights, Simulation(HORIZON, PATHS, "student-t"))
        return float(1 - np.quantile(np.concatenate([block.wealth[-1] for block in blocks]), 0.01))

    @property
    def stages(self) -> dict[str, Callable[[], Any]]:
        """By name, in their order."""
        works = (
            self.calibrate,
            self.covariance,
            self.scenario_model,
            self.value_at_risk,
            self.scenarios,
        )
        return dict(zip(STAGES, works, strict=True))


def peak() -> float:
    """Most memory that this process has held, in gigabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measured(assets: int, days: int) -> dict[str, Any]:
    """Processor seconds of every stage, and the peak of memory after it."""
    use_cores(1)
    keep_compiled()
    rows = market(days, assets)
    found: dict[str, Any] = {"assets": assets, "days": days, "begin, GB": round(peak(), 2)}
    pipeline = Pipeline(rows)
    for name, work in pipeline.stages.items():
        work()
        begin = time.process_time()
        work()
        found[name] = round(time.process_time() - begin, 2)
        found[f"{name}, GB"] = round(peak(), 2)
    return found


def exponent(rows: list[dict[str, Any]], name: str) -> str:
    """Slope of the logarithm of seconds against that of assets, over the runs of as many days."""
    same = [row for row in rows if row["days"] == DAYS and row[name] > 0]
    if len(same) < 2:
        return ""
    assets, seconds = np.log([row["assets"] for row in same]), np.log([row[name] for row in same])
    return f"{np.polyfit(assets, seconds, 1)[0]:.2f}"


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--only", nargs="*", type=int, default=list(SIZES), help="sizes; the others are kept")
    parser.add_argument("--measure", type=int, default=0, help="one size, in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure, SIZES[arguments.measure])))
        return
    record = Record("scale_speed", "How time and memory grow with the number of assets", cores=1)
    told = list(record.lines)
    runs = {row["assets"]: row for row in record.earlier().get("runs", [])}
    for size in arguments.only:
        load = os.getloadavg()[0]
        command = [sys.executable, "-m", "backtests.speed.scale", "--measure", str(size)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        runs[size] = json.loads(said.splitlines()[-1]) | {"load": round(load, 1)}
        record.clear()
        record.lines = list(told)
        _tables(record, [runs[one] for one in sorted(runs)])
        record.write()


def _tables(record: Record, runs: list[dict[str, Any]]) -> None:
    done = {run["assets"] for run in runs}
    missing = [f"{size:,} assets" for size in SIZES if size not in done]
    record.say(
        f"Processor seconds of one core, of the second of two runs in one process; {DAYS:,} days, of 100,000 assets "
        f"{SIZES[100_000]}. VaR of a day is filtered historical; scenarios are {PATHS:,} paths of {HORIZON} days, "
        f"Student-t with {FACTORS} factors, in blocks. The exponent is that of the assets over all runs of {DAYS:,} "
        f"days. Not measured: {', '.join((*missing, 'any of it on a GPU'))}."
    )
    rows = [
        [f"{run['assets']:,}", run["days"], *(f"{run[name]:.2f}" for name in STAGES), run["load"]]
        for run in runs
    ]
    rows.append(["exponent", "", *(exponent(runs, name) for name in STAGES), ""])
    record.table("seconds", ["assets", "days", *STAGES, "load before"], rows)
    record.say(
        "## Memory\n\nPeak of the process in GB after each stage, libraries and compiled programs included."
    )
    record.table(
        "memory",
        ["assets", "days", "returns, float64", "begin", *STAGES],
        [
            [
                f"{run['assets']:,}",
                run["days"],
                f"{8 * run['assets'] * run['days'] / 2**30:.2f}",
                run["begin, GB"],
                *(run[f"{name}, GB"] for name in STAGES),
            ]
            for run in runs
        ],
    )
    record.numbers["runs"] = runs


if __name__ == "__main__":
    main()
