"""Time and memory of loading the same prices from files and databases, each in a process of its own, in one run.

python -m backtests.speed.loading [--assets 5000] [--days 5000] [--repeats 1]

The databases hold rows of date, asset and price: SQLite has at most 2,000 columns. PostgreSQL needs a server and is not
measured here; its rows come through the same reader as those of the others.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd

from backtests.arguments import study_parser
from backtests.record import Record

LOADED = """
import json, resource, sys, time
from riskengine import load_panel
from riskengine.files import sha256  # what every command imports
begun, used = time.perf_counter(), time.process_time()
panel = load_panel(sys.argv[1])
print(json.dumps([time.perf_counter() - begun, time.process_time() - used,
                  resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, list(panel.prices.shape)]))
"""


def laid_out(folder: Path, assets: int, days: int) -> dict[str, str]:
    """Sources by name, all of the same prices."""
    import duckdb

    steps = 0.01 * np.random.default_rng(0).standard_normal((days, assets))
    prices = pd.DataFrame(
        (100 * np.exp(np.cumsum(steps, axis=0))).round(4),
        pd.bdate_range("2000-01-03", periods=days, name="date"),
        [f"A{k:05d}" for k in range(assets)],
    )
    prices.to_parquet(folder / "prices.parquet")
    prices.to_csv(folder / "prices.csv")
    texts = prices.index.strftime("%Y-%m-%d")
    with closing(sqlite3.connect(folder / "prices.sqlite")) as base:
        base.execute("create table prices (date text, asset text, close real)")
        for name in prices:
            rows = zip(texts, [name] * days, prices[name].tolist(), strict=True)
            base.executemany("insert into prices values (?, ?, ?)", rows)
        base.commit()
    with duckdb.connect(str(folder / "prices.duckdb")) as base:
        file = str(folder / "prices.parquet").replace("'", "''")
        base.execute(
            f"create table prices as unpivot (select * from '{file}') on columns(* exclude (date)) "
            "into name asset value close"
        )
    return {
        "CSV, a column an asset": str(folder / "prices.csv"),
        "Parquet, a column an asset": str(folder / "prices.parquet"),
        "DuckDB, rows of date and asset": f"duckdb:///{folder}/prices.duckdb?table=prices",
        "SQLite, rows of date and asset": f"sqlite:///{folder}/prices.sqlite?table=prices",
    }


def loaded(source: str) -> tuple[float, float, float, list[int]]:
    """Seconds by the clock and of the processor, peak memory in GiB, and the shape of the panel."""
    done = subprocess.run([sys.executable, "-c", LOADED, source], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    seconds, used, peak, shape = json.loads(done.stdout)
    return seconds, used, peak, shape


def main() -> None:
    """Lay out, load, and write the table."""
    parser = study_parser(__doc__)
    parser.add_argument("--assets", type=int, default=5000)
    parser.add_argument("--days", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    assets, days = arguments.assets, arguments.days
    record = Record("loading_speed", f"Loading {assets:,} assets x {days:,} days")
    with tempfile.TemporaryDirectory() as name:
        sources = laid_out(Path(name), assets, days)
        found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in sources}
        for _ in range(arguments.repeats):
            for kind, source in sources.items():
                *measured, shape = loaded(source)
                assert shape == [days, assets], (kind, shape)
                found[kind].append((measured[0], measured[1], measured[2]))
                print(kind, *measured, flush=True)
    middle = {kind: [median(column) for column in zip(*rows, strict=True)] for kind, rows in found.items()}
    least = min(row[0] for row in middle.values())
    record.say("Medians of loads in turn; the last column is against the fastest of this run.")
    record.table(
        "loading",
        ["source", "seconds", "processor seconds", "peak memory, GiB", "times"],
        [
            [kind, round(s, 1), round(used, 1), round(peak, 2), round(s / least, 1)]
            for kind, (s, used, peak) in middle.items()
        ],
    )
    record.write()


if __name__ == "__main__":
    main()
