"""A Dask cluster of processes, for the tests marked `cluster`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest


@pytest.fixture
def cluster(tmp_path):
    """A Dask scheduler and two workers, each a process of its own; address and workers."""
    pytest.importorskip("distributed", reason="this test runs a Dask cluster: install the extra distributed")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    described = tmp_path / "scheduler.json"
    started = []

    def start(*arguments):
        log = (tmp_path / f"log{len(started)}").open("w")
        command = [
            sys.executable,
            "-m",
            "dask",
            *arguments,
            "--no-dashboard",
            "--scheduler-file",
            str(described),
        ]
        started.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
        log.close()
        return started[-1]

    start("scheduler", "--host", "127.0.0.1", "--port", "0")
    workers = [start("worker", "--no-nanny", "--nthreads", "1") for _ in range(2)]
    deadline = time.monotonic() + 120
    while not described.exists() or not described.read_text().strip():
        assert time.monotonic() < deadline, (tmp_path / "log0").read_text()
        time.sleep(0.1)
    yield json.loads(described.read_text())["address"], workers
    for process in started:
        process.kill()
        process.wait()
