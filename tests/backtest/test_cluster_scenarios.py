"""Wide universes and many paths on the workers of a Dask cluster: the numbers of one process, whoever dies."""

from __future__ import annotations

import signal

import numpy as np
import pandas as pd
import pytest

from riskengine.backtest import workers
from riskengine.calibration import MaximumLikelihood
from riskengine.risk import Simulation, fit_universe, simulate


@pytest.mark.cluster
def test_universe_and_scenarios_of_a_cluster_are_those_of_one_process(cluster, returns, monkeypatch):
    """Calibration in blocks, then paths whose returns are not kept, while a worker is killed."""
    address, processes = cluster
    monkeypatch.setattr("riskengine.risk.universe_blocks.WIDEST", 3)
    monkeypatch.setattr("riskengine.risk.path_blocks._BLOCK_CELLS", 6000)
    monkeypatch.setattr("riskengine.risk.path_blocks._PART_BLOCKS", 2)
    monkeypatch.setattr("riskengine.risk.scenarios.KEPT_BYTES", 0)
    table = pd.DataFrame(returns[:, :6], columns=list("ABCDEF"))
    weights, how = np.full(6, 1 / 6), Simulation(horizon=3, paths=12_000)
    _, here = fit_universe(table, MaximumLikelihood(), 900)
    wanted = simulate(here, weights, how)
    with workers(scheduler=address) as run:
        _, there = fit_universe(table, MaximumLikelihood(), 900, run=run)

        def killing(calls, ordered=False):
            for k, result in enumerate(run(calls, ordered=ordered)):
                if k == 1 and processes[0].poll() is None:
                    processes[0].send_signal(signal.SIGKILL)
                    processes[0].wait()
                yield result

        found = simulate(there, weights, how, run=killing)
    assert processes[0].returncode == -signal.SIGKILL
    for name in ("variance", "residuals", "loadings", "specific"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    np.testing.assert_array_equal(found.losses, wanted.losses)
    np.testing.assert_array_equal(found.drawdowns, wanted.drawdowns)
    np.testing.assert_array_equal(found.drivers(), wanted.drivers())
    assert found.returns is None
