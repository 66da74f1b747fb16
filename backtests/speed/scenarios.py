"""Time and memory of simulated universes, against plain NumPy.

    python -m backtests.speed.scenarios [--assets 500] [--paths 10000] [--days 250]

The same paths per second are taken from fewer of them where a full run would take too long; A B A B in one process,
medians.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine.garch import GarchParams
from riskengine.risk import ScenarioModel, Simulation, simulate_blocks
from riskengine.runtime import use_cores

FACTORS, HISTORY = 20, 1250
YEAR, WIDE, WIDE_PATHS = 250, 5000, (500, 2000, 10_000)
Array = np.ndarray


def universe(assets: int) -> ScenarioModel:
    """A one-market universe with 20 factors."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(0, 0.08, (assets, FACTORS))
    loadings[:, 0] = rng.uniform(0.3, 0.7, assets)
    specific = 1 - (loadings**2).sum(axis=1)
    z = rng.standard_normal((HISTORY, FACTORS)) @ loadings.T
    residuals = z + np.sqrt(specific) * rng.standard_t(5, (HISTORY, assets)) * np.sqrt(3 / 5)
    one = np.ones(assets)
    params = GarchParams(2e-6 * one, 0.04 * one, 0.08 * one, 0.90 * one, rng.uniform(4, 9, assets))
    return ScenarioModel(tuple(map(str, range(assets))), params, 1e-4 * one, residuals, loadings, specific)


def plain(model: ScenarioModel, weights: Array, settings: Simulation) -> Array:
    """Wealth ``(days, paths)`` as one would write it: float64, one operation after the other."""
    rng = np.random.default_rng(settings.seed)
    p, paths, n = model.params, settings.paths, len(weights)
    factor = np.linalg.cholesky(model.loadings @ model.loadings.T + np.diag(model.specific))
    variance, growth, wealth = np.broadcast_to(model.variance, (paths, n)), np.ones((paths, n)), []
    for _ in range(settings.horizon):
        if settings.law == "filtered":
            z = model.residuals[rng.integers(len(model.residuals), size=paths)]
        else:
            z = rng.standard_normal((paths, n)) @ factor.T
            z = z * np.sqrt((p.dof - 2) / rng.chisquare(p.dof, (paths, n)))
        row = z * np.sqrt(variance)
        growth = growth * np.maximum(1 + row, 0)
        variance = p.omega + (p.alpha + p.gamma * (row < 0)) * row**2 + p.beta * variance
        wealth.append(growth @ weights)
    return np.array(wealth)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor time of one call."""
    begin = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--assets", type=int, default=500)
    parser.add_argument("--paths", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=250)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--wide", type=int, default=0, help="only: one run of so many assets, and its memory")
    arguments = parser.parse_args()
    cores = use_cores()
    if arguments.wide:
        model = universe(arguments.wide)
        settings = Simulation(arguments.days, arguments.paths, "filtered")
        weights = np.full(arguments.wide, 1 / arguments.wide)
        spent, _ = seconds(lambda: [block.wealth[-1] for block in simulate_blocks(model, weights, settings)])
        print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    record = Record("scenario_speed", "Speed and memory of simulated universes", cores=cores)
    model, rows = universe(arguments.assets), []
    weights = np.full(arguments.assets, 1 / arguments.assets)
    for law in ("filtered", "student-t"):
        settings = Simulation(arguments.days, arguments.paths, law)  # type: ignore[arg-type]

        def ours(settings: Simulation = settings) -> list[object]:
            return [block.wealth for block in simulate_blocks(model, weights, settings)]

        def theirs(settings: Simulation = settings) -> Array:
            return plain(model, weights, settings)

        first, _ = seconds(ours)
        pairs = np.array([(*seconds(ours), *seconds(theirs)) for _ in range(arguments.repeats)])
        mine, work, other, their_work = np.median(pairs, axis=0)
        rows.append([
            law, f"{mine:.1f}", f"{other:.1f}", f"{np.median(pairs[:, 2] / pairs[:, 0]):.1f}",
            f"{their_work / work:.1f}", f"{arguments.paths / mine:,.0f}", f"{max(first - mine, 0):.1f}",
        ])  # fmt: skip
        print(rows[-1], file=sys.stderr, flush=True)
    record.say(
        f"{arguments.paths:,} paths of {arguments.days} days and {arguments.assets} assets with the wealth of a "
        f"portfolio every day, {cores} cores; medians of {arguments.repeats} runs taken in turn. Ours works on all "
        "cores, plain NumPy on one but for its matrix products: the ratio of processor times is what is "
        "left where others take the second core."
    )
    record.table(
        "speed",
        [
            "law of a day",
            "ours, s",
            "plain NumPy, s",
            "ratio",
            "ratio of processor time",
            "paths a second",
            "compiling, s",
        ],
        rows,
    )
    command = [sys.executable, "-m", "backtests.speed.scenarios", "--wide", str(WIDE), "--days", str(YEAR)]
    memory = []
    for paths in WIDE_PATHS:
        done = subprocess.run([*command, "--paths", str(paths)], capture_output=True, text=True, check=True)
        spent, used = map(float, done.stdout.split())
        memory.append([f"{paths:,}", f"{spent:.0f}", f"{used:.2f}"])
    record.say(
        f"{WIDE:,} assets and {YEAR} days, filtered, each in a process of its own, compiling included. Paths come in "
        "blocks of 250,000 cells, of which one a core is held, and leave their losses:"
    )
    record.table("memory", ["paths", "seconds", "memory at most, GiB"], memory)
    record.write()


if __name__ == "__main__":
    main()
