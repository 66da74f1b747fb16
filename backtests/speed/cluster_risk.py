"""What wide universes and many scenarios cost on a Dask cluster: a task, its bytes, one worker and two, a killed one.

python -m backtests.speed.cluster_risk [--blocks 4] [--paths 40000] [--repeats 2]

Times are processor time, of the workers and of the process that asks, so that other work on the machine does not show:
what one task takes of a worker, and of the process that hands tasks out one after the other and that limits how many
workers are kept busy.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import distributed
import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record
from backtests.speed.cluster import WORKERS, workers
from riskengine.backtest import workers as run_on
from riskengine.calibration import standard_calibrator
from riskengine.garch import GarchParams
from riskengine.risk import ScenarioModel, Simulation, fit_universe, simulate
from riskengine.risk.path_blocks import PathBlocks
from riskengine.risk.universe_blocks import WIDEST, _block

DAYS, FACTORS, ASSETS = 1250, 20, 5000


def universe(assets: int) -> pd.DataFrame:
    """Returns with one common factor."""
    rng = np.random.default_rng(0)
    rows = 0.01 * rng.standard_normal((DAYS, assets)) + 0.01 * rng.standard_normal((DAYS, 1))
    return pd.DataFrame(rows, columns=[f"A{k}" for k in range(assets)])


def scenario_model(assets: int) -> ScenarioModel:
    """Of the same kind, without a calibration."""
    params = GarchParams(*(np.full(assets, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    loadings = np.zeros((assets, FACTORS))
    loadings[:, 0] = np.sqrt(0.5)
    names = tuple(f"A{k}" for k in range(assets))
    return ScenarioModel(
        names, params, np.full(assets, 2e-4), np.zeros((1, assets)), loadings, np.full(assets, 0.5)
    )


def worked(address: str, call: Callable[..., Any]) -> tuple[float, float, float, Any]:
    """Processor seconds of all workers and of this process, seconds by the clock, and the result of a call."""
    with distributed.Client(address, set_as_default=False) as client:
        before, own, clock = (
            sum(client.run(time.process_time).values()),
            time.process_time(),
            time.perf_counter(),
        )
        with run_on(scheduler=address) as run:
            found = call(run=run)
        own, clock = time.process_time() - own, time.perf_counter() - clock
        return sum(client.run(time.process_time).values()) - before, own, clock, found


def megabytes(call: Any, result: Any) -> tuple[float, float]:
    """Sent and brought back."""
    return len(cloudpickle.dumps(call)) / 1e6, len(cloudpickle.dumps(result)) / 1e6


def same(one: Any, other: Any) -> bool:
    """Whether two results are the same to the bit."""
    if isinstance(one, tuple):  # calibration and model
        pairs = [
            (getattr(one[1], name), getattr(other[1], name)) for name in ("variance", "residuals", "loadings")
        ]
    else:
        pairs = [(one.losses, other.losses), (one.drivers(), other.drivers())]
    return all(np.array_equal(a, b) for a, b in pairs)


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--paths", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args()
    record = Record("cluster_risk", "Wide universes and many scenarios on a Dask cluster")
    calibrator, table = standard_calibrator(), universe(arguments.blocks * WIDEST)
    model, how = scenario_model(ASSETS), Simulation(paths=arguments.paths)
    weights = np.full(ASSETS, 1 / ASSETS)
    paths = PathBlocks(model, weights, how).light()
    jobs: dict[str, tuple[Callable[..., Any], int]] = {
        f"a block of {WIDEST:,} assets": (partial(fit_universe, table, calibrator, DAYS), arguments.blocks),
        f"{paths.size * 64:,} paths of {ASSETS:,} assets": (
            partial(simulate, model, weights, how),
            len(paths.parts),
        ),
    }
    moved = [
        megabytes(partial(_block, calibrator, block := table.iloc[:, :WIDEST]), _block(calibrator, block)),
        megabytes(partial(paths.values, paths.parts[0], False), paths.values(range(1), False)),
    ]
    rows, paper = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for (what, (call, tasks)), (sent, back) in zip(jobs.items(), moved, strict=True):
            spent: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
            with workers(1, folder) as (one, _), workers(2, folder) as (two, processes):
                results = []
                for k in range(arguments.repeats + 1):
                    for count, address in ((1, one), (2, two)):
                        *seconds, found = worked(address, call)
                        if k:  # the first one compiles in the workers
                            spent[count].append(tuple(seconds))
                            results.append(found)
                assert all(same(found, results[0]) for found in results)

                def killing(calls: Any, ordered: bool = False, run: Any = None) -> Any:
                    for turn, result in enumerate(run(calls, ordered=ordered)):
                        if turn == 0 and processes[0].poll() is None:
                            processes[0].send_signal(signal.SIGKILL)
                            processes[0].wait()
                        yield result

                with run_on(scheduler=two) as run:
                    assert same(call(run=partial(killing, run=run)), results[0])
            work = {count: float(np.median([one[0] for one in found])) for count, found in spent.items()}
            clock = {count: float(np.median([one[2] for one in found])) for count, found in spent.items()}
            own = float(np.median([one[1] for found in spent.values() for one in found]))
            task, each = work[1] / tasks, own / tasks
            rows.append(
                [what, tasks, f"{sent:.1f}", f"{back:.1f}", f"{task:.2f}", f"{work[2] / tasks:.2f}", f"{each:.2f}",
                 f"{clock[1]:.0f}", f"{clock[2]:.0f}", "same"]
            )  # fmt: skip
            paper.append([what, *(f"{min(1.0, task / (count * each)):.2f}" for count in WORKERS),
                          *(f"{count * (sent + back) / task:.0f}" for count in (8, 64))])  # fmt: skip
    write(record, rows, paper)


def write(record: Record, rows: list[list[Any]], paper: list[list[Any]]) -> None:
    """Tables and what follows from them."""
    record.say(
        f"Processor seconds a task; load of the machine {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores, so "
        "that the clock says little. Results of one worker, of two, and of two of which one is killed after the "
        "first task are the same to the bit."
    )
    record.table(
        "measured",
        ["task", "tasks", "sent, MB", "back, MB", "worker, s", "of two workers, s", "asking process, s",
         "clock, one worker, s", "clock, two, s", "a killed worker"],
        rows,
    )  # fmt: skip
    record.say(
        "On paper: tasks are handed out and taken back by one process, so that W workers are kept busy to the share "
        "min(1, t / (W c)), t a worker's and c the asking process's seconds; the network carries W (sent + back) / t."
    )
    record.table(
        "paper",
        ["task", *(f"{count} workers" for count in WORKERS), "MB/s at 8", "MB/s at 64"],
        paper,
    )
    record.write()


if __name__ == "__main__":
    main()
