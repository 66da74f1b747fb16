"""How long 5,000 assets of 2,000 days take, as ratios to rivals on some of the same series.

    python -m backtests.speed.calibration

Runs are taken in turns (A B A B) and medians compared; compile time is left out. About three minutes.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from backtests.arguments import study_parser
from backtests.peers import Multigarch, Scivol
from backtests.record import Record
from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.calibration import CalibrationStream, TrainingPrior
from riskengine.garch import filter_variance, from_unconstrained, simulate
from riskengine.runtime import use_cores

ASSETS, DAYS, SAMPLE, ROUNDS, WINDOW = 5000, 2000, 20, 7, 1000
WIDTHS, WIDE_DAYS = (500, 1000, 2000, 5000, 10_000, 20_000), 500
ML_ASSETS = 500


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one run."""
    begin = time.perf_counter()
    jax.block_until_ready(work())
    return time.perf_counter() - begin


def turns(works: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median wall times of runs taken in turns, after one of each that warms up."""
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: float(np.median(values)) for name, values in times.items()}


def gigabytes() -> float:
    """Peak resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def bare(cores: int) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The variance filter alone, its assets split over the devices as the network's are."""
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:cores]), "assets")
    split = jax.sharding.PartitionSpec
    return jax.jit(
        jax.shard_map(
            lambda params, returns: filter_variance(params, returns).next_variance,
            mesh=mesh,
            in_specs=(split("assets"), split(None, "assets")),
            out_specs=split("assets"),
            check_vma=False,
        )
    )


def main() -> None:
    """Run and record."""
    study_parser(__doc__).parse_args()
    use_cores()
    cores = len(jax.devices())
    record = Record("calibration_speed", f"Speed of calibration, {ASSETS:,} assets x {DAYS:,} days")
    keys = jax.random.split(jax.random.key(5), 2)
    params = from_unconstrained(TrainingPrior().sample(keys[0], WIDTHS[-1]))
    run = jax.jit(simulate, static_argnames="days")
    some = jax.tree.map(lambda leaf: leaf[:ASSETS], params)
    before = gigabytes()
    # A few tails of so many series lose more than everything.
    returns = np.clip(0.01 * np.asarray(run(keys[1], some, days=DAYS).returns, dtype=np.float64), -0.9, 0.9)
    drawn = gigabytes()
    network, robust = NeuralCalibrator.pretrained(), NeuralCalibrator.pretrained(robust=True)
    first = seconds(lambda: network(returns))
    peak = gigabytes()

    filtered, data, sample = bare(cores), jnp.asarray(returns, jnp.float32), returns[:, :SAMPLE]
    stream = CalibrationStream(network, WINDOW)
    state, row, recent = stream.init(returns), returns[0], returns[-WINDOW:]
    median = turns(
        {
            "network": lambda: network(returns),
            "robust": lambda: robust(returns),
            "filter": lambda: filtered(some, data),
            "arch": lambda: ArchReference()(sample),
            "scivol": lambda: Scivol()(sample),
            "multigarch": lambda: Multigarch()(sample),
            "stream": lambda: stream.update(state, row),
            "window": lambda: network(recent),
        }
    )
    each = median["network"] / ASSETS
    several = returns[:WINDOW, :ML_ASSETS]
    refined = NeuralCalibrator.pretrained(refine="likelihood")
    slow = turns(
        {"refined": lambda: refined(several), "maximum": lambda: MaximumLikelihood()(several)}, rounds=3
    )
    record.say(
        f"Medians of runs taken in turns on {cores} cores; ratios count, absolute times depend on the machine. Rivals "
        f"fit {SAMPLE} of the same series, and use one core."
    )
    rows = [
        *(
            [f"{name}, one series, over network, one series", f"{median[name] / SAMPLE / each:.0f}"]
            for name in ("arch", "scivol", "multigarch")
        ),
        [
            "network over the bare variance filter, whole universe",
            f"{median['network'] / median['filter']:.1f}",
        ],
        ["robust over plain network", f"{median['robust'] / median['network']:.2f}"],
        ["network, whole universe, seconds", f"{median['network']:.2f}"],
        ["network, first call with compilation, seconds", f"{first:.1f}"],
        ["arch, one series, milliseconds", f"{1e3 * median['arch'] / SAMPLE:.1f}"],
        [f"streaming update, window {WINDOW}, seconds", f"{median['stream']:.3f}"],
        ["streaming update over calibrating the window", f"{median['stream'] / median['window']:.2f}"],
        [
            f'maximum likelihood over refine="likelihood", {ML_ASSETS} x {WINDOW}',
            f"{slow['maximum'] / slow['refined']:.1f}",
        ],
        ["memory: libraries, GiB", f"{before:.2f}"],
        ["memory: peak while the returns are simulated, GiB", f"{drawn:.2f}"],
        ["memory: peak after the first call, all of this included, GiB", f"{peak:.2f}"],
    ]
    record.table("speed", ["what", "value"], rows)

    wide = np.clip(0.01 * np.asarray(run(keys[1], params, days=WIDE_DAYS).returns, np.float64), -0.9, 0.9)
    found = turns({str(width): lambda w=width: network(wide[:, :w]) for width in WIDTHS})  # type: ignore[misc]
    slope = np.polyfit(np.log(WIDTHS), np.log([found[str(width)] for width in WIDTHS]), 1)[0]
    record.say(
        f"Cost against width, {WIDE_DAYS} days: exponent {slope:.2f} of a power law through the medians."
    )
    record.table(
        "width",
        ["assets", "microseconds an asset"],
        [[f"{width:,}", f"{1e6 * found[str(width)] / width:.1f}"] for width in WIDTHS],
    )
    record.write()


if __name__ == "__main__":
    main()
