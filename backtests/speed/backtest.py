"""How long a whole backtest of 1,000 assets takes, and a rebalancing of 500 against skfolio.

    python -m backtests.speed.backtest [--data DIR] [--only whole rebalance steps daily] [--decisions 2500]

The whole run is the command `riskengine backtest strategies/min_variance.py` in a process of its own: prices read, the
ensemble long only with trades priced, four benchmarks beside it, risk of every portfolio on every day, report and
tables written. Daily is a decision at every close, calibrated every 21st, whose correlations serve as long.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import Constraints, Ensemble, LedoitWolf, MinimumVariance, OptimizedStrategy, Panel
from riskengine.backtest import WalkForward, run_backtest
from riskengine.runtime import keep_compiled, use_cores

ROOT = Path(__file__).parents[2]
PANEL, META = "equities/us_equities_2005_2017.parquet", "meta/us_equities_meta.csv"
WINDOW, STEP, CAP, FOLDS = 1250, 21, 0.1, 7
PARTS = ("whole", "rebalance", "steps", "daily")
DECISIONS = 2500
Array = np.ndarray


def most_traded(folder: Path, count: int) -> pd.DataFrame:
    """Prices of the most traded US stocks."""
    ranked = pd.read_csv(folder / META).sort_values("median_dollar_volume", ascending=False).ticker
    return pd.read_parquet(folder / PANEL)[list(ranked[:count])]


def whole(prices: pd.DataFrame) -> list[dict[str, Any]]:
    """Wall seconds, processor seconds and gigabytes of the command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prices.to_parquet(folder / "prices.parquet")
        command = [
            sys.executable, "-c", "from riskengine.cli import main; main()", "backtest",
            "strategies/min_variance.py", "--step", "month",
            "--prices", str(folder / "prices.parquet"), "--out", str(folder / "out"), "--json", "--jobs", "-1",
        ]  # fmt: skip
        load = os.getloadavg()[0]
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return [
        {
            "wall, s": f"{wall:.0f}",
            "processor, s": f"{used:.0f}",
            "memory, GB": f"{after.ru_maxrss / 2**20:.1f}",
            "load before": f"{load:.1f}",
        }
    ]


class Rebalancing:
    """One strategy's decisions on growing pasts, timed."""

    def __init__(self, strategy: OptimizedStrategy, panel: Panel) -> None:
        self.strategy, self.panel = strategy, panel
        self.state: Any = None
        self.held = np.zeros(len(panel.assets))

    def __call__(self, position: int) -> Array:
        """Weights decided at this close."""
        view = self.panel.view(position)
        if self.state is None:
            self.state = self.strategy.init(view)
        decision, self.state = self.strategy.decide(self.state, view, self.held)
        self.held = decision.weights
        return decision.weights


def skfolio_peer(panel: Panel) -> Callable[[int], Array]:
    """Minimum variance of Ledoit-Wolf in skfolio: what its walk-forward does at each of its windows."""
    from skfolio.moments import LedoitWolf as Shrunk
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    model = MeanRisk(prior_estimator=EmpiricalPrior(covariance_estimator=Shrunk()), max_weights=CAP)
    returns = panel.returns

    def work(position: int) -> Array:
        return np.asarray(model.fit(returns.iloc[position - WINDOW : position]).weights_)

    return work


def rebalance(panel: Panel, count: int = FOLDS) -> list[dict[str, Any]]:
    """Median seconds a decision, all in turns; the first decision of each, which compiles, is left out."""
    limits = Constraints(upper=CAP)
    works: dict[str, Callable[[int], Array]] = {
        "skfolio: Ledoit-Wolf": skfolio_peer(panel),
        "Ledoit-Wolf": Rebalancing(OptimizedStrategy("static", LedoitWolf(), constraints=limits), panel),
        "ensemble, trades priced": Rebalancing(
            OptimizedStrategy("ensemble", Ensemble(), MinimumVariance(turnover_penalty=0.05), limits), panel
        ),
    }
    folds = WalkForward(WINDOW, STEP).folds(panel.dates)[-count - 1 :]
    wall: dict[str, list[float]] = {name: [] for name in works}
    own: dict[str, list[float]] = {name: [] for name in works}
    weights: dict[str, Array] = {}
    for fold in folds:
        for name, work in works.items():
            begin, cpu = time.perf_counter(), time.process_time()
            weights[name] = work(fold.decide)
            wall[name].append(time.perf_counter() - begin)
            own[name].append(time.process_time() - cpu)
    first = next(iter(works))
    gap = np.abs(weights["Ledoit-Wolf"] - weights[first]).max()
    rows = []
    for name in works:
        clock, used = (float(np.median(times[name][1:])) for times in (wall, own))
        slower = [float(np.median(times[first][1:])) / one for times, one in ((wall, clock), (own, used))]
        rows.append(
            {
                "forecast": name,
                "wall, s": f"{clock:.2f}",
                "processor, s": f"{used:.2f}",
                "skfolio, wall": f"{slower[0]:.1f}",
                "skfolio, processor": f"{slower[1]:.1f}",
                "difference": f"{gap:.1e}" if name == "Ledoit-Wolf" else "",
            }
        )
    return rows


def steps(prices: pd.DataFrame) -> list[dict[str, Any]]:
    """Full-size decompositions and processor seconds of one forecast of the ensemble."""
    rows = prices.iloc[-WINDOW - 1 :].pct_change(fill_method=None).iloc[1:].to_numpy(np.float64)
    model, made = Ensemble(), []
    decompose = np.linalg.eigh

    def counted(matrix: Array, *rest: Any) -> Any:
        if matrix.shape[-1] >= rows.shape[1]:
            made.append(matrix.shape)
        return decompose(matrix, *rest)

    model.forecast(model.init(rows), STEP)  # compiles
    parts = []
    with patch("numpy.linalg.eigh", counted):
        begin = time.process_time()
        state = model.init(rows)
        parts.append(time.process_time() - begin)
        covariance = model.forecast(state, STEP)
        parts.append(time.process_time() - begin - parts[0])
    begin = time.process_time()
    decompose(covariance.matrix())
    single = time.process_time() - begin
    return [
        {
            "decompositions": len(made),
            "init (calibrates)": f"{parts[0]:.2f}",
            "forecast": f"{parts[1]:.2f}",
            "forecast over one decomposition": f"{parts[1] / single:.1f}",
        }
    ]


def daily(panel: Panel, decisions: int) -> list[dict[str, Any]]:
    """Decisions at the last closes of a panel: seconds, and the memory that the process holds on the way."""
    strategy = OptimizedStrategy(
        "daily",
        Ensemble(correlation_days=STEP),
        MinimumVariance(turnover_penalty=0.05),
        Constraints(upper=CAP),
        refit=STEP,
    )
    held: list[float] = []

    def watch(stage: str, done: int, of: int) -> None:
        held.append(_resident())

    run_backtest(strategy, panel, WalkForward(len(panel.dates) - 3, 1))  # compiles
    load, begin, cpu = os.getloadavg()[0], time.perf_counter(), time.process_time()
    schedule = WalkForward(len(panel.dates) - decisions, 1)
    run_backtest(strategy, panel, schedule, report=watch)
    wall, used = time.perf_counter() - begin, time.process_time() - cpu
    made = len(schedule.folds(panel.dates))
    return [
        {
            "decisions": made,
            "wall, s": f"{wall:.0f}",
            "processor, s": f"{used:.0f}",
            "processor a decision, s": f"{used / made:.3f}",
            "of 2,500, s": f"{used / made * DECISIONS:.0f}",
            "memory at a third, GB": f"{max(held[: made // 3 + 1]):.2f}",
            "memory at the end, GB": f"{max(held):.2f}",
            "load before": f"{load:.1f}",
        }
    ]


def _resident() -> float:
    """Gigabytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**30


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the panels")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=PARTS, help="the others are kept")
    parser.add_argument("--folds", type=int, default=FOLDS, help="decisions of a rebalancing that are timed")
    parser.add_argument("--decisions", type=int, default=DECISIONS, help="of the daily run")
    arguments = parser.parse_args()
    use_cores()
    keep_compiled()
    record = Record(
        "backtest_speed",
        "Speed of whole backtests",
        cores=len(os.sched_getaffinity(0)),
        blas_threads=os.environ.get("OPENBLAS_NUM_THREADS", "all cores"),
    )
    record.say(
        "Ratios are of runs in turns. Processor time is what the process itself used; the load before is what others "
        "did on as many cores. A part that was not run this time keeps its last figures."
    )
    prices = most_traded(arguments.data, 1000)
    years = (prices.index[-1] - prices.index[0]).days / 365.25
    about = {
        "rebalance": f"## A rebalancing of 500 stocks\n\nLong only, at most {CAP:.0%}, {WINDOW} days: forecast and "
        f"optimisation, medians of {arguments.folds}. The last column is the largest difference of weights from "
        "skfolio's, whose Ledoit-Wolf is the same estimator.",
        "steps": "## The ensemble's covariance of 1,000 stocks\n\nProcessor seconds.",
        "daily": f"## Daily decisions\n\n{prices.shape[1]:,} stocks, a decision a day, refit={STEP}, "
        f"correlation_days={STEP}, in this process. The processor time of 2,500 is that of a decision times 2,500.",
        "whole": f"## The whole run\n\n{prices.shape[1]:,} stocks, {years:.1f} years, monthly; what was not compiled "
        "before is compiled too.",
    }
    works: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "rebalance": lambda: rebalance(Panel(prices.iloc[:, :500]), arguments.folds),
        "steps": lambda: steps(prices),
        "whole": lambda: whole(prices),
        "daily": lambda: daily(Panel(prices), arguments.decisions),
    }
    told, tables = list(record.lines), record.earlier()
    for part in arguments.only:
        tables[part] = works[part]()
        record.clear()
        record.lines = list(told)
        for name in (one for one in PARTS if one in tables):
            record.say(about[name])
            record.table(name, list(tables[name][0]), [list(row.values()) for row in tables[name]])
        record.write()


if __name__ == "__main__":
    main()
