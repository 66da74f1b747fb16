"""How long 5,000 assets of 2,000 days take, as a ratio to arch on some of the same series.

    python -m backtests.calibration_speed

Runs are taken in turns (A B A B) and medians compared; compile time is left out. About a minute.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from backtests.record import Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.calibration import TrainingPrior
from riskengine.garch import filter_variance, from_unconstrained, simulate

ASSETS, DAYS, SAMPLE, ROUNDS = 5000, 2000, 20, 5


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    begin = time.perf_counter()
    jax.block_until_ready(work())
    return time.perf_counter() - begin


def main() -> None:
    """Run and record."""
    record = Record("calibration_speed", f"Speed of calibration, {ASSETS:,} assets x {DAYS:,} days")
    keys = jax.random.split(jax.random.key(5), 2)
    params = from_unconstrained(TrainingPrior().sample(keys[0], ASSETS))
    run = jax.jit(simulate, static_argnames="days")
    returns = 0.01 * np.asarray(run(keys[1], params, days=DAYS).returns, dtype=np.float64)
    network, reference, maximum = NeuralCalibrator.pretrained(), ArchReference(), MaximumLikelihood()
    bare = jax.jit(lambda p, r: filter_variance(p, r).next_variance)
    data = jnp.asarray(returns, jnp.float32)
    sample = returns[:, :SAMPLE]
    first = seconds(lambda: network(returns))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    bare(params, data)
    maximum(sample)
    times: dict[str, list[float]] = {"network": [], "filter": [], "arch": [], "maximum likelihood": []}
    for _ in range(ROUNDS):
        times["network"].append(seconds(lambda: network(returns)))
        times["filter"].append(seconds(lambda: bare(params, data)))
        times["arch"].append(seconds(lambda: reference(sample)) / SAMPLE)
        times["maximum likelihood"].append(seconds(lambda: maximum(sample)) / SAMPLE)
    median = {name: float(np.median(values)) for name, values in times.items()}
    each = median["network"] / ASSETS
    record.say(
        "Medians of runs taken in turns on two cores; ratios count, absolute times depend on the machine. "
        f"arch and maximum likelihood run on {SAMPLE} of the same series, so the latter is far from its best: "
        "it gains from a wide universe."
    )
    rows = [
        ["arch, one series, over network, one series", f"{median['arch'] / each:.0f}"],
        [
            "maximum likelihood, one series, over network, one series",
            f"{median['maximum likelihood'] / each:.0f}",
        ],
        [
            "network over the bare variance filter, whole universe",
            f"{median['network'] / median['filter']:.1f}",
        ],
        ["network, whole universe, seconds", f"{median['network']:.2f}"],
        ["network, first call with compilation, seconds", f"{first:.1f}"],
        ["arch, one series, milliseconds", f"{1e3 * median['arch']:.0f}"],
        ["peak memory of the process after one call, GiB, the data included", f"{peak:.2f}"],
    ]
    record.table("speed", ["what", "value"], rows)
    record.write()


if __name__ == "__main__":
    main()
