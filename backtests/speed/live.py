"""Time from a row to the risk of a live engine.

python -m backtests.speed.live [--assets 5000] [--rows 30]
"""

from __future__ import annotations

import os
import time

import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import NeuralCalibrator
from riskengine.desk import LiveEngine, LiveSettings
from riskengine.runtime import keep_compiled, use_cores


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--assets", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=30, help="without calibration; a third as many with it")
    arguments = parser.parse_args()
    cores = use_cores()
    keep_compiled()
    record = Record("live_speed", "From a row to the risk", cores=cores)
    rng = np.random.default_rng(0)
    n = arguments.assets
    history = 0.01 * rng.standard_t(5, (1000, n))
    rows = 0.01 * rng.standard_t(5, (arguments.rows, n))
    table = []
    for every, taken in ((0, rows), (1, rows[: max(3, arguments.rows // 3)])):
        settings = LiveSettings(window=1000, recalibrate=every)
        engine = LiveEngine(
            NeuralCalibrator.pretrained(), history, tuple(map(str, range(n))), np.full(n, 1 / n), settings
        )
        engine.update(rows[0])  # compiles
        spent = []
        for row in taken:
            begin = time.perf_counter(), time.process_time()
            engine.update(row)
            spent.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
        wall, work = 1e3 * np.median(spent, axis=0)
        kind = "calibrated at every row" if every else "filter only"
        fastest = 1e3 * min(one for one, _ in spent)
        table.append([kind, f"{wall:.1f}", f"{fastest:.1f}", f"{work:.1f}", f"{len(spent)}"])
    record.say(
        f"{n:,} assets, all of them held, a window of 1,000 days, {cores} cores. The processor time is what a "
        "machine with nothing else to do would need at most, and half of it on two cores where all of them work. "
        f"Load of the machine (processes that want a core): {os.getloadavg()[0]:.1f}."
    )
    record.table(
        "times", ["row", "median, ms", "fastest, ms", "processor time, all cores, ms", "rows"], table
    )
    record.write()


if __name__ == "__main__":
    main()
