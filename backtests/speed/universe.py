"""What the universe costs on top of the network: 5,000 assets of 2,000 days, processor time as a ratio.

    python -m backtests.speed.universe [--assets 5000] [--days 2000]

Runs are taken in turns (A B A B) and medians of processor time compared; compile time is left out. A minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import NeuralCalibrator, UniverseCalibrator
from riskengine.calibration import TrainingPrior
from riskengine.garch import from_unconstrained, simulate
from riskengine.runtime import keep_compiled

ROUNDS, SEED, LARGEST = 3, 5, 0.9


def processor_seconds(work: Callable[[], object]) -> float:
    """Of all cores, one run."""
    begin = time.process_time()
    jax.block_until_ready(work())
    return time.process_time() - begin


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--assets", type=int, default=5000)
    parser.add_argument("--days", type=int, default=2000)
    arguments = parser.parse_args()
    title = f"Cost of the universe, {arguments.assets:,} assets x {arguments.days:,} days"
    keep_compiled()
    record = Record("universe_speed", title, seed=SEED)
    drawn, path = jax.random.split(jax.random.key(SEED))
    params = from_unconstrained(TrainingPrior().sample(drawn, arguments.assets))
    run = jax.jit(simulate, static_argnames="days")
    moves = 0.01 * np.asarray(run(path, params, days=arguments.days).returns, dtype=np.float64)
    returns = np.clip(moves, -LARGEST, LARGEST)  # a few tails lose more than everything
    universe = UniverseCalibrator.pretrained()
    ranges = np.abs(returns) + 0.5 * returns.std(axis=0)  # of the right size; their law does not matter here
    works: dict[str, Callable[[], object]] = {
        "robust network": lambda: NeuralCalibrator.pretrained(robust=True)(returns).next_variance,
        "robust, pooled network": lambda: universe.network(returns).next_variance,
        "universe, closes": lambda: universe(returns).next_variance,
        "universe, ranges": lambda: universe(returns, ranges).next_variance,
    }
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            times[name].append(processor_seconds(work))
    median = {name: float(np.median(values)) for name, values in times.items()}
    record.say(f"Medians of {ROUNDS} runs of each, taken in turns, by processor time of all cores.")
    headings = [
        "calibrator",
        "processor seconds",
        "over the robust network",
        "over the robust, pooled network",
    ]
    whole, pooled = median["robust network"], median["robust, pooled network"]
    rows = [
        [name, f"{mine:.2f}", f"{mine / whole:.2f}", f"{mine / pooled:.2f}"] for name, mine in median.items()
    ]
    record.table("speed", headings, rows)
    record.write()


if __name__ == "__main__":
    main()
