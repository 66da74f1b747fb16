"""Time to a standard error of one basis point of spot, against QuantLib, and memory at ten million paths.

    python -m backtests.speed.exotics [--paths 65536] [--peer-paths 2000] [--repeats 3]

Both sides are run in turns; the time of a run is multiplied by (its standard error / 1 bp)^2. QuantLib has one
thread; this engine uses the cores of the machine, and processor time is given beside wall time. QuantLib's Asian
engine is shown with and without its control variate and antithetic paths; the headline takes its best. It has no
Monte Carlo engine for barriers under Heston, so its path generator's paths go to NumPy, with antithetic paths.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813

from backtests.arguments import study_parser
from backtests.options.exotics_quantlib import COUNT, TODAY, YEAR, heston_process
from backtests.record import Record
from riskengine import options
from riskengine.runtime import keep_compiled

P = options.HestonParams(v0=0.04, kappa=2.5, theta=0.04, sigma=0.66, rho=-0.8)
SPOT, RATE, STRIKE, BARRIER, STEPS = 100.0, 0.05, 100.0, 135.0, 252
POINT = 1e-4 * SPOT


def ours(product: Any, paths: int, seed: int) -> tuple[float, float]:
    """Price and standard error."""
    found = options.monte_carlo(P, product, paths, seed, rate=RATE, steps=STEPS, greeks=())
    return found.price, found.error


def quantlib_asian(samples: int, seed: int, antithetic: bool, control: bool) -> tuple[float, float]:
    """Price and standard error of the engine that QuantLib has, 252 fixings."""
    dates = [TODAY + round((k + 1) * YEAR / STEPS) for k in range(STEPS)]
    option = ql.DiscreteAveragingAsianOption(
        ql.Average.Arithmetic, 0.0, 0, dates, ql.PlainVanillaPayoff(ql.Option.Call, STRIKE),
        ql.EuropeanExercise(dates[-1]),
    )  # fmt: skip
    option.setPricingEngine(
        ql.MCPRDiscreteArithmeticAPHestonEngine(
            heston_process(P, SPOT, RATE, COUNT), antitheticVariate=antithetic, controlVariate=control,
            requiredSamples=samples, seed=seed + 1,
        )
    )  # fmt: skip
    return option.NPV(), option.errorEstimate()


def quantlib_barrier(samples: int, seed: int) -> tuple[float, float]:
    """Its paths in pairs, the payoff in NumPy; the standard error over the pairs."""
    uniform = ql.UniformRandomSequenceGenerator(2 * STEPS, ql.UniformRandomGenerator(seed=seed + 1))
    generator = ql.GaussianMultiPathGenerator(
        heston_process(P, SPOT, RATE, COUNT), list(ql.TimeGrid(1.0, STEPS)),
        ql.GaussianRandomSequenceGenerator(uniform), False,
    )  # fmt: skip
    pairs = np.empty((samples // 2, 2, STEPS + 1))
    for pair in pairs:
        pair[0] = generator.next().value()[0]
        pair[1] = generator.antithetic().value()[0]
    paid = np.exp(-RATE) * np.maximum(pairs[..., -1] - STRIKE, 0) * (pairs.max(axis=-1) < BARRIER)
    each = paid.mean(axis=1)
    return float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each)))


def timed(work: Callable[[], tuple[float, float]]) -> tuple[float, float, float, float]:
    """Price, standard error, wall and processor time."""
    wall, processor = time.perf_counter(), time.process_time()
    price, error = work()
    return price, error, time.perf_counter() - wall, time.process_time() - processor


def race(record: Record, key: str, title: str, rivals: dict[str, Callable[[int], Any]], repeats: int) -> None:
    """In turns; a row a rival with medians, the first is ours."""
    runs: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in rivals}
    next(iter(rivals.values()))(99)  # compiles
    for repeat in range(repeats):
        for name, work in rivals.items():
            runs[name].append(timed(lambda work=work, seed=repeat: work(seed)))  # type: ignore[misc]
    scaled = {
        name: [(w * (e / POINT) ** 2, c * (e / POINT) ** 2) for _, e, w, c in found]
        for name, found in runs.items()
    }
    mine = np.array(next(iter(scaled.values())))
    rows, ratios = [], []
    for name, found in runs.items():
        price, error, wall, processor = np.median(found, axis=0)
        ratio = np.median(np.array(scaled[name]) / mine, axis=0)
        to_point = np.median(scaled[name], axis=0)
        rows.append([
            name, f"{price:.4f}", f"{error:.5f}", f"{wall:.2f}", f"{processor:.2f}",
            f"{to_point[0]:.4g}", f"{to_point[1]:.4g}", f"{ratio[0]:,.1f}", f"{ratio[1]:,.1f}",
        ])  # fmt: skip
        ratios.append(ratio)
        print(rows[-1], file=sys.stderr, flush=True)
    best = np.min(ratios[1:], axis=0)
    record.say(
        f"{title}: QuantLib's best takes {best[0]:,.1f} times as long as this engine to one basis point of spot by "
        f"wall time, {best[1]:,.1f} times by processor time ({'met' if best[0] >= 20 else 'missed'}: at least 20)."
    )
    headings = ["", "price", "s.e.", "wall, s", "processor, s", "wall to 1 bp, s", "processor to 1 bp, s"]
    record.table(key, [*headings, "times ours, wall", "times ours, processor"], rows)


def peak_memory() -> float:
    """Most that this process has held, in MiB. Linux's own count: that of getrusage starts with the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--paths", type=int, default=2**16)
    parser.add_argument("--peer-paths", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--memory", type=int, default=0, help="only: so many paths of the Asian with 12 fixings"
    )
    arguments = parser.parse_args()
    if arguments.memory:
        before = peak_memory()
        product = options.Asian(STRIKE, 1.0, 12)
        found = options.monte_carlo(P, product, arguments.memory, rate=RATE, steps=12, greeks=())
        print(found.paths, before, peak_memory())
        return
    keep_compiled()
    record = Record("exotics_speed", "Exotics under Heston: time to one basis point, and memory")
    record.say((__doc__ or "").split("\n\n", 2)[2].replace("\n", " ").strip())
    n, m = arguments.paths, arguments.peer_paths
    asian, barrier = options.Asian(STRIKE, 1.0, STEPS), options.Barrier(STRIKE, BARRIER, 1.0, fixings=STEPS)
    rivals: dict[str, Callable[[int], Any]] = {f"this engine, {n:,} paths": lambda seed: ours(asian, n, seed)}
    for name, antithetic, control in (
        ("plain", False, False), ("antithetic", True, False), ("control", False, True), ("both", True, True),
    ):  # fmt: skip
        rivals[f"QuantLib, {name}, {m:,} samples"] = lambda seed, a=antithetic, c=control: quantlib_asian(  # type: ignore[misc]
            m, seed, a, c
        )
    race(record, "asian", f"Arithmetic Asian call, {STEPS} fixings", rivals, arguments.repeats)
    rivals = {
        f"this engine, {n:,} paths": lambda seed: ours(barrier, n, seed),
        f"QuantLib's paths, {m:,}": lambda seed: quantlib_barrier(m, seed),
    }
    race(record, "barrier", f"Up-and-out call watched at {STEPS} fixings", rivals, arguments.repeats)
    rows = []
    for paths in (10**5, 10**7):
        command = [sys.executable, "-m", "backtests.speed.exotics", "--memory", str(paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        count, before, after = map(float, done.stdout.split())
        rows.append([f"{count:,.0f}", f"{before:.0f}", f"{after:.0f}", f"{after - before:.0f}"])
    record.say(
        "Memory of a process that prices an Asian with 12 fixings, each number of paths in one of its own; what is "
        "there before is Python with its libraries, and what is added holds the compiler and the blocks."
    )
    record.table("memory", ["paths", "before, MiB", "at most, MiB", "added, MiB"], rows)
    record.write()


if __name__ == "__main__":
    main()
