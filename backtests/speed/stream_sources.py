"""From a row to its risk through Redis and through a pipe, in one run: the same rows, alternately.

python -m backtests.speed.stream_sources [--assets 5000] [--rows 12] [--repeats 3]

Needs redis-server and the extra `streams`. A row waits until the last one is answered; its time is that from the moment
it is handed over until its line of output can be read.
"""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from backtests.arguments import study_parser
from backtests.record import Record
from riskengine import NeuralCalibrator
from riskengine.desk import LiveEngine, LiveSettings, RedisAddress, RedisLink, RedisRows, RedisSink, Watch
from riskengine.runtime import keep_compiled, use_cores

PORT = 17399


def piped(watch: Watch, rows: list[str]) -> list[float]:
    """Seconds a row through the pipes of the operating system."""
    source, feed = os.pipe()
    answer, out = os.pipe()
    spent: list[float] = []

    def send() -> None:
        with os.fdopen(feed, "w") as pipe, os.fdopen(answer) as answers:
            for row in rows:
                begun = time.perf_counter()
                pipe.write(row + "\n")
                pipe.flush()
                answers.readline()
                spent.append(time.perf_counter() - begun)

    thread = threading.Thread(target=send)
    thread.start()
    with os.fdopen(source) as lines, os.fdopen(out, "w") as sink:
        watch.run(lines, sink, io.StringIO())
    thread.join()
    return spent


def streamed(watch: Watch, rows: list[str], name: str) -> list[float]:
    """Seconds a row through two Redis streams."""
    import redis

    stop, spent = threading.Event(), list[float]()
    url = f"redis://127.0.0.1:{PORT}/0?stream={name}"

    def send() -> None:
        with redis.Redis(port=PORT) as client:
            last = "0"
            for row in rows:
                begun = time.perf_counter()
                client.xadd(name, {"row": row})
                found = client.xread({f"{name} risk": last}, block=0)
                entries = next(iter(found.values() if isinstance(found, dict) else (one for _, one in found)))
                entries = entries[0] if isinstance(entries[0], list) else entries
                last = entries[-1][0]
                spent.append(time.perf_counter() - begun)
        stop.set()

    thread = threading.Thread(target=send)
    thread.start()
    link = RedisLink(RedisAddress.parse(url), print, stop)
    sink = RedisSink(RedisLink(RedisAddress.parse(url.replace(name, f"{name} risk"), writing=True), print))
    watch.run(RedisRows(link), sink, io.StringIO())
    thread.join()
    return spent


def as_lines(values: np.ndarray, first: int) -> Iterator[str]:
    """Rows of the stream."""
    for k, row in enumerate(values, start=first):
        yield f"{k}," + ",".join(map(repr, row.tolist()))


def main() -> None:
    """Run and record."""
    parser = study_parser(__doc__)
    parser.add_argument("--assets", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=12, help="of a turn")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    cores = use_cores()
    keep_compiled()
    record = Record("stream_sources", "From a row to the risk, through a pipe and through Redis", cores=cores)
    rng, n = np.random.default_rng(0), arguments.assets
    history = 0.01 * rng.standard_t(5, (1000, n))
    calibrator = NeuralCalibrator.pretrained()
    engine = LiveEngine(
        calibrator, history, tuple(map(str, range(n))), np.full(n, 1 / n), LiveSettings(1000, recalibrate=0)
    )
    content, spent = engine.snapshot(), {"pipe": list[float](), "redis": list[float]()}
    work = {"pipe": list[float](), "redis": list[float]()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = subprocess.Popen(
            [
                "redis-server",
                "--port",
                str(PORT),
                "--dir",
                name,
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            time.sleep(1)
            for turn in range(arguments.repeats):
                rows = list(as_lines(0.01 * rng.standard_t(5, (arguments.rows, n)), 1))
                for kind in ("pipe", "redis"):

                    def start() -> tuple[LiveEngine, np.ndarray]:
                        return LiveEngine.restore(content, calibrator), np.ones(n)

                    watch = Watch(folder / f"{kind}{turn}", start, calibrator, durable=kind == "redis")
                    begun = time.process_time()
                    timed = piped(watch, rows) if kind == "pipe" else streamed(watch, rows, f"rows{turn}")
                    work[kind].append((time.process_time() - begun) / len(rows))
                    spent[kind] += timed[1:]
        finally:
            server.terminate()
            server.wait()
    own = {kind: 1e3 * float(np.median(timed)) for kind, timed in work.items()}
    median = {kind: 1e3 * float(np.median(timed)) for kind, timed in spent.items()}
    record.say(
        f"{n:,} assets, all of them held, a window of 1,000 days, no calibration in between; turns alternate. Redis "
        "writes every entry to its disk before it answers, and the watch every row. Load of the machine (processes "
        f"that want one of its {os.cpu_count()} cores): {os.getloadavg()[0]:.0f}."
    )
    record.table(
        "times",
        ["through", "median, ms", "fastest, ms", "processor time, ms", "rows"],
        [
            [kind, f"{median[kind]:.1f}", f"{1e3 * min(timed):.1f}", f"{own[kind]:.1f}", len(timed)]
            for kind, timed in spent.items()
        ],
    )
    record.say(
        f"Redis over pipe: {median['redis'] / median['pipe']:.2f} by the clock, {own['redis'] / own['pipe']:.2f} in "
        "processor time of this process, which sends the rows too; that of the server is not in it. On a busy machine "
        "the clock shows mostly the wait for a core."
    )
    record.write()


if __name__ == "__main__":
    main()
