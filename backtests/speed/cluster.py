"""What a sweep on a Dask cluster costs: a task, the bytes it moves, from one to two workers, and on paper to 64.

python -m backtests.speed.cluster [--cells 16] [--nap 0.4] [--repeats 3]

Cells of the timed sweeps wait instead of computing, as long as they are told: what is left of the clock is the
cluster's, also on a machine whose cores are busy. Processor time is counted in the process that runs the sweep, which
serialises cells and writes results one after the other: it is what limits the number of workers.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cloudpickle
import distributed
import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import ProportionalCosts, WalkForward
from riskengine.backtest import Grid, Market, plan, run_sweep

NAP = """
import time
from dataclasses import dataclass
from riskengine import EqualWeight

@dataclass(frozen=True)
class Napping(EqualWeight):
    nap: float = 0.0
    turn: int = 0

    def decide(self, state, view, holdings):
        time.sleep(self.nap)
        return super().decide(state, view, holdings)

def build(*, nap=0.0, turn=0):
    return Napping("napping", 100, nap, turn)
"""
SCHEDULE = WalkForward(train=440, step=100)  # two decisions on 640 rows
SIZES = ((20, 2500), (500, 2500))
WORKERS = (1, 2, 4, 8, 16, 32, 64)
LASTING = (1.0, 10.0, 60.0, 600.0)


def panel(assets: int, days: int) -> pd.DataFrame:
    """Prices of a random walk."""
    steps = 0.01 * np.random.default_rng(0).standard_normal((days, assets))
    dates = pd.bdate_range("2000-01-03", periods=days)
    return pd.DataFrame(100 * np.exp(np.cumsum(steps, axis=0)), dates, [f"A{k}" for k in range(assets)])


@contextmanager
def workers(count: int, folder: Path) -> Iterator[tuple[str, list[Any]]]:
    """A scheduler and workers of one thread, each a process; address and processes."""
    described = folder / f"scheduler{time.monotonic_ns()}.json"
    started: list[Any] = []

    def start(*arguments: str) -> None:
        command = [
            sys.executable,
            "-m",
            "dask",
            *arguments,
            "--no-dashboard",
            "--scheduler-file",
            str(described),
        ]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, **quiet))

    start("scheduler", "--host", "127.0.0.1", "--port", "0")
    for _ in range(count):
        start("worker", "--no-nanny", "--nthreads", "1")
    while not described.exists() or not described.read_text().strip():
        time.sleep(0.05)
    try:
        yield json.loads(described.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def moved(assets: int, days: int, folder: Path) -> list[Any]:
    """Megabytes of a cell and of its result, and seconds to make bytes of the cell."""
    path = folder / f"{assets}x{days}.parquet"
    panel(assets, days).rename_axis("date").to_parquet(path)
    grid = Grid((folder / "nap.py",), {}, {"one": Market(path)})
    cell, _ = plan(grid, WalkForward(days // 2, 250), ProportionalCosts())  # equal weight, and the file
    begun = time.process_time()
    sent = len(cloudpickle.dumps(cell))
    spent = time.process_time() - begun
    back = len(cloudpickle.dumps(cell.run()))
    return [assets, days, f"{sent / 1e6:.2f}", f"{back / 1e6:.2f}", f"{1e3 * spent:.0f}"]


def empty(address: str, count: int) -> float:
    """Seconds of a task that does nothing."""
    with distributed.Client(address, set_as_default=False) as client:
        client.gather([client.submit(int, k, pure=False) for k in range(4)])
        begun = time.perf_counter()
        client.gather([client.submit(int, k, pure=False) for k in range(count)])
        return (time.perf_counter() - begun) / count


def swept(address: str | None, folder: Path, cells: list[Any], report: Any = None) -> tuple[float, float]:
    """Seconds of a sweep by the clock, and of the processor in this process."""
    begun = time.perf_counter(), time.process_time()
    more = {} if report is None else {"report": report}
    found = run_sweep(cells, folder, scheduler=address, **more)
    assert not found.failures, found.failures
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--nap", type=float, default=0.4, help="seconds of a decision; a cell has two")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    record = Record("cluster_speed", "A sweep on a Dask cluster")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nap.py").write_text(NAP)
        sizes = [moved(*size, folder) for size in SIZES]
        panel(20, 640).rename_axis("date").to_parquet(folder / "prices.parquet")
        turns = tuple(range(arguments.cells))
        grid = Grid(
            (folder / "nap.py",),
            {"nap": (arguments.nap,), "turn": turns},
            {"one": Market(folder / "prices.parquet")},
        )
        cells = plan(grid, SCHEDULE, ProportionalCosts())
        rows: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
        with workers(1, folder) as (one, _), workers(2, folder) as (two, _):
            for k in range(arguments.repeats + 1):
                for count, address in ((1, one), (2, two)):
                    timed = swept(address, folder / f"out{k}-{count}", cells)
                    if k:  # the first one loads the engine in the workers
                        rows[count].append(timed)
            tasks = [empty(address, 200) for _ in range(arguments.repeats) for address in (one, two)]
        with workers(2, folder) as (address, processes):
            swept(address, folder / "warm", cells)
            killed: list[int] = []

            def report(stage: str, done: int, total: int) -> None:
                if done == 4 and not killed:
                    processes[0].send_signal(signal.SIGKILL)
                    killed.append(processes[0].wait())

            lost, _ = swept(address, folder / "killed", cells, report)
    write(record, arguments, sizes, rows, tasks, lost, len(cells))


def write(
    record: Record,
    arguments: argparse.Namespace,
    sizes: list[list[Any]],
    rows: dict[int, list[tuple[float, float]]],
    tasks: list[float],
    lost: float,
    count: int,
) -> None:
    """Tables and what follows from them."""
    clock = {k: float(np.median([wall for wall, _ in timed])) for k, timed in rows.items()}
    own = float(np.median([work for timed in rows.values() for _, work in timed])) / count
    efficiency = float(np.median([a[0] / (2 * b[0]) for a, b in zip(rows[1], rows[2], strict=True)]))
    record.say(
        f"{count} backtests that wait {2 * arguments.nap:g} s each, alternately on one worker and on two, "
        f"{arguments.repeats} times. Load of the machine (processes that want one of its {os.cpu_count()} cores): "
        f"{os.getloadavg()[0]:.0f}."
    )
    record.table(
        "measured",
        ["what", "value"],
        [
            ["one worker, median s", f"{clock[1]:.1f}"],
            ["two workers, median s", f"{clock[2]:.1f}"],
            ["efficiency of two, median of pairs", f"{efficiency:.2f}"],
            ["two workers, one of them killed after 4 results, s", f"{lost:.1f}"],
            ["a task that does nothing, median ms", f"{1e3 * float(np.median(tasks)):.1f}"],
            ["processor time of the sweep's own process a backtest, ms", f"{1e3 * own:.0f}"],
        ],
    )
    record.say(
        "A backtest that a killed worker held is run again by another; its results are those of one process to the "
        "byte (`tests/backtest/test_sweep.py`)."
    )
    record.table("bytes", ["assets", "days", "cell, MB", "result, MB", "to make bytes of it, ms"], sizes)
    record.say(
        "On paper: the sweep's own process serialises every cell with its prices and writes every result, one after "
        "the other, so a sweep lasts the longer of the workers' share and of that. Efficiency of W workers, "
        "min(1, t / (W c)), for backtests of t seconds and c = the processor time above:"
    )
    record.table(
        "paper",
        ["workers", *(f"{seconds:g} s" for seconds in LASTING)],
        [[k, *(f"{min(1.0, seconds / (k * own)):.2f}" for seconds in LASTING)] for k in WORKERS],
    )
    record.write()


if __name__ == "__main__":
    main()
