from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskengine import (
    ConstantCorrelation,
    Constraints,
    EqualWeight,
    MaximumLikelihood,
    NeuralCalibrator,
    OptimizedStrategy,
    Panel,
    ProportionalCosts,
    WalkForward,
    load_strategy,
    run_backtest,
)
from riskengine.backtest.storage import load_result
from riskengine.errors import DataError

ROOT = Path(__file__).parents[2]
SCHEDULE = WalkForward(train=300, step=100, window=300)  # one length compiles once


class StopError(RuntimeError):
    """Stands for a process that ends."""


def stopped_at(fold):
    def report(stage, done, total):
        if done == fold:
            raise StopError

    return report


def same(mine, theirs):
    for name in ("gross", "costs", "turnover", "weights", "targets", "contributions", "predicted_volatility"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))
    assert mine.notes == theirs.notes
    assert mine.status.tolist() == theirs.status.tolist()


QUICK = MaximumLikelihood(tolerance=1e-3, iterations=30)


@pytest.mark.parametrize(
    "forecaster",
    [
        ConstantCorrelation(QUICK, window=300),  # carries its last calibration to the next
        ConstantCorrelation(NeuralCalibrator.pretrained(robust=True), window=300, half_life=100.0),
    ],
    ids=["likelihood", "robust network"],
)
@pytest.mark.slow
def test_a_stopped_run_goes_on_and_ends_bit_by_bit_the_same(forecaster, prices, tmp_path):
    """Also where the state holds calibrations and arrays of jax; with and without checkpoint."""
    strategy = OptimizedStrategy(
        "garch", forecaster, constraints=Constraints(upper=0.4), window=300, min_history=100
    )
    whole = run_backtest(strategy, Panel(prices), SCHEDULE, benchmarks=(EqualWeight(),))
    for fold in (1, 4):
        with pytest.raises(StopError):
            run_backtest(
                strategy, Panel(prices), SCHEDULE, report=stopped_at(fold), checkpoint=tmp_path / str(fold),
                benchmarks=(EqualWeight(),),
            )  # fmt: skip
        resumed = run_backtest(
            strategy,
            Panel(prices),
            SCHEDULE,
            checkpoint=tmp_path / str(fold),
            benchmarks=(EqualWeight(),),
        )
        same(resumed, whole)
        same(resumed.benchmarks[0], whole.benchmarks[0])
    finished = run_backtest(
        strategy, Panel(prices), SCHEDULE, checkpoint=tmp_path / "1", benchmarks=(EqualWeight(),)
    )
    same(finished, whole)


def test_a_checkpoint_is_of_one_run_alone(prices, tmp_path):
    def run(strategy=EqualWeight(min_history=100), panel=Panel(prices), schedule=SCHEDULE, **more):  # noqa: B008
        return run_backtest(strategy, panel, schedule, checkpoint=tmp_path / "run", **more)

    run()
    run()
    other = prices.copy()
    other.iloc[-1, 0] = np.nextafter(other.iloc[-1, 0], 1e9)
    for changed, named in (
        ({"strategy": EqualWeight(min_history=101)}, "strategy equal weight"),
        ({"panel": Panel(other)}, "prices"),
        ({"schedule": WalkForward(300, 99)}, "schedule"),
        ({"costs": ProportionalCosts(0.001)}, "costs"),
        ({"cash": 0.01}, "cash"),
        ({"benchmarks": (EqualWeight("another"),)}, "strategy another"),
    ):
        with pytest.raises(DataError, match=f"another run .{named} differs"):
            run(**changed)
    path = tmp_path / "run" / "run.json"
    identity = json.loads(path.read_text())
    for key in ("code", "jax", "numpy"):
        path.write_text(json.dumps(identity | {key: "0"}))
        with pytest.raises(DataError, match=f"{key} differs"):
            run()
    path.write_text("{")
    with pytest.raises(DataError, match="damaged"):
        run()
    path.write_text(json.dumps(identity))
    (tmp_path / "run" / "00" / "decision_00002.npz").unlink()
    with pytest.raises(DataError, match="is gone"):
        run()


STREAMING = '''
"""Its state, of a class of this file, is streamed from decision to decision, and so is all that it has seen."""
from dataclasses import dataclass, replace
import numpy as np
from riskengine import Constraints, Covariance, Decision, Ewma, MinimumVariance
from riskengine.portfolio import Optimizer

MODEL = Ewma(63.0)

@dataclass(frozen=True)
class Memory:
    optimizer: Optimizer
    moments: object
    seen: int
    sums: tuple

@dataclass(frozen=True)
class Streaming:
    name: str = "streaming"

    def init(self, view):
        optimizer = Optimizer(view.assets, MinimumVariance(), Constraints(upper=0.4))
        return Memory(optimizer, MODEL.init(view.returns), len(view.returns), ())

    def decide(self, state, view, holdings):
        moments = state.moments
        for row in view.returns[state.seen:]:
            moments = MODEL.update(moments, row)
        sums = (*state.sums, float(view.returns[state.seen:].sum()))
        covariance = MODEL.forecast(moments, 5)
        weights = state.optimizer.solve(covariance, previous=holdings if holdings.any() else None).weights
        return Decision(weights, "ok", covariance, (f"sums {sums!r}",)), Memory(
            state.optimizer, moments, len(view.returns), sums)

def build():
    return Streaming()
'''

# One process imports the engine, and a copy of it is made for every run: what is killed is a whole process.
FORKING = """
import os, sys
from pathlib import Path
import riskengine as rk
from riskengine.backtest import save_result

strategy, prices, checkpoint, out = map(Path, sys.argv[1:])
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        result = rk.run_backtest(
            rk.load_strategy(strategy), rk.load_panel(prices), rk.WalkForward(train=100, step=25),
            checkpoint=None if line.strip() == "whole" else checkpoint)
        save_result(result, out / line.strip())
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.slow
def test_killed_ten_times_a_run_ends_bit_by_bit_the_same(prices, tmp_path):
    """SIGKILL from outside, at random folds and at a random moment after the fold was written."""
    strategy, panel, checkpoint = tmp_path / "streaming.py", tmp_path / "prices.parquet", tmp_path / "run"
    strategy.write_text(STREAMING)
    prices.iloc[:500].to_parquet(panel)
    command = [sys.executable, "-c", FORKING, strategy, panel, checkpoint, tmp_path / "out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    rng = np.random.default_rng(0)
    folds = np.sort(rng.choice(np.arange(1, 14), 10, replace=False))
    with subprocess.Popen(
        list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:

        def begin(name):
            parent.stdin.write(name + "\n")
            parent.stdin.flush()
            return int(parent.stdout.readline())

        begin("whole")
        assert int(parent.stdout.readline()) == 0
        for fold in folds:
            child = begin("killed")
            deadline = time.monotonic() + 60
            while not (checkpoint / "00" / f"decision_{fold:05d}.npz").exists():
                assert time.monotonic() < deadline
                time.sleep(0.001)
            time.sleep(float(rng.uniform(0, 0.01)))
            os.kill(child, signal.SIGKILL)
            assert int(parent.stdout.readline()) == -signal.SIGKILL
        begin("resumed")
        assert int(parent.stdout.readline()) == 0
        parent.stdin.close()
    whole, resumed = (load_result(tmp_path / "out" / name) for name in ("whole", "resumed"))
    assert len(whole.targets) == 16
    assert not (tmp_path / "out" / "killed").exists()
    same(resumed, whole)
    assert resumed.provenance == whole.provenance


STRATEGIES = sorted(path for path in (ROOT / "strategies").glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
@pytest.mark.slow
def test_no_decision_of_any_strategy_changes_when_the_future_does(path, bundled):
    """Prices, members, delistings and volumes after a date are others; every decision up to it is bit-identical."""
    panel = Panel(bundled.between("2018-01-01", "2020-06-30").prices.iloc[:, -16:])
    strategy = load_strategy(path)
    schedule = WalkForward(train=300, step=100, window=300)  # one length, compiled once
    folds = schedule.folds(panel.dates)
    cut = folds[2].decide
    other = panel.prices.copy()
    other.iloc[cut + 1 :] *= np.random.default_rng(1).uniform(0.5, 1.5, other.iloc[cut + 1 :].shape)
    other.iloc[cut + 1 :, 0] = np.nan
    member = pd.DataFrame(True, other.index, other.columns)
    member.iloc[cut + 1 :, 1] = False
    mine, theirs = (
        run_backtest(strategy, Panel(p, m), schedule) for p, m in ((panel.prices, None), (other, member))
    )
    np.testing.assert_array_equal(mine.targets.iloc[:3], theirs.targets.iloc[:3])
    np.testing.assert_array_equal(mine.predicted_volatility.iloc[:3], theirs.predicted_volatility.iloc[:3])
    np.testing.assert_array_equal(
        mine.returns.loc[: other.index[cut]], theirs.returns.loc[: other.index[cut]]
    )
    assert not np.array_equal(mine.targets.iloc[3:], theirs.targets.iloc[3:])
