from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import (
    ConstantCorrelation,
    Constraints,
    Ensemble,
    EqualWeight,
    Ewma,
    LedoitWolf,
    MaximumLikelihood,
    NeuralCalibrator,
    OptimizedStrategy,
    Panel,
    ProportionalCosts,
    WalkForward,
    load_strategy,
    run_backtest,
)
from riskengine.backtest.encoding import fingerprint, pack, unpack
from riskengine.backtest.storage import load_result
from riskengine.errors import DataError, SettingsError

ROOT = Path(__file__).parents[2]
SCHEDULE = WalkForward(train=300, step=100, window=300)  # one length compiles once


class Colour(StrEnum):
    RED = "red"


class Pair(NamedTuple):
    first: object
    second: object


@dataclass(frozen=True)
class Record:
    values: object
    colour: Colour = Colour.RED


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.builds(Pair, inner, inner)
        | st.builds(Record, inner)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read_again(value):
    again = unpack(pack(value), (__name__,))
    assert again == value
    assert repr(again) == repr(value)  # 1, 1.0 and True are equal, but not the same
    assert fingerprint(again) == fingerprint(value)


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "?", "<U3", "M8[ns]"])
def test_arrays_keep_every_bit_and_their_order_in_memory(dtype):
    base = np.arange(12).reshape(3, 4).astype(dtype)
    for array in (base, np.asfortranarray(base), base[::2], base[:0], base[0, 0]):
        again = unpack(pack((array,)))[0]
        assert type(again) is type(array)
        assert again.dtype == array.dtype
        assert again.tobytes() == array.tobytes()
        if isinstance(array, np.ndarray) and array.flags.f_contiguous:
            assert again.flags.f_contiguous
    odd = np.array([np.nan, -0.0, np.inf, 5e-324])
    assert unpack(pack(odd)).tobytes() == odd.tobytes()
    device = unpack(pack(jnp.arange(3.0)))
    assert isinstance(device, jax.Array)
    assert device.dtype == jnp.float64


def test_what_cannot_be_written_down_is_not_kept_silently():
    with pytest.raises(SettingsError, match=r"state\.first, a builtins:object"):
        pack(Pair(object(), 1))
    with pytest.raises(SettingsError, match="state, a numpy:ndarray"):
        pack(np.array([object()]))


def test_a_file_makes_no_class_but_those_of_the_package_and_the_strategy():
    with pytest.raises(DataError, match="neither of riskengine"):
        unpack(pack(Record(1)))
    for bad in ("os:system", "riskengine.files:write_atomically", "riskengine.nothing.here:X"):
        text = json.dumps({"type": bad, "fields": {}}).encode()
        import io

        buffer = io.BytesIO()
        np.savez(buffer, text=np.frombuffer(text, np.uint8))
        with pytest.raises(DataError, match=r"begin anew|neither of"):
            unpack(buffer.getvalue())
    with pytest.raises(DataError, match="damaged"):
        unpack(pack(np.ones(500))[:-300])


def test_fingerprints_tell_settings_apart():
    def strategy(**settings):
        return OptimizedStrategy("x", Ensemble((Ewma(63.0), LedoitWolf())), **settings)

    same = {fingerprint(strategy()), fingerprint(strategy())}
    assert len(same) == 1
    others = [strategy(horizon=5), strategy(constraints=Constraints(upper=0.3)), EqualWeight()]
    others += [
        OptimizedStrategy("x", ConstantCorrelation(NeuralCalibrator.pretrained(robust=r))) for r in (0, 1)
    ]
    assert len(same | {fingerprint(one) for one in others}) == 6
    assert fingerprint(lambda x: x + 1) != fingerprint(lambda x: x + 2)
    frame = pd.DataFrame({"A": [1.0, 2.0]})
    assert fingerprint(frame) != fingerprint(frame + 1)


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
