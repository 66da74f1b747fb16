from __future__ import annotations

import os
import signal

import joblib
import numpy as np
import pandas as pd
import pytest

from riskengine import ProportionalCosts, WalkForward
from riskengine.backtest import Grid, Market, load_grid, parse_settings, plan, run_sweep
from riskengine.backtest import sweep as module
from riskengine.backtest.parallel import cluster as cluster_of
from riskengine.errors import RiskEngineError, SettingsError, StrategyError

CALM = """
from riskengine import Constraints, OptimizedStrategy, SampleCovariance

def build(*, window=100, upper=0.5):
    return OptimizedStrategy(
        "calm", SampleCovariance(window), constraints=Constraints(upper=upper), window=window, min_history=50
    )
"""
SLOW = """
import time
from dataclasses import dataclass
from riskengine import EqualWeight

@dataclass(frozen=True)
class Slow(EqualWeight):
    nap: float = 0.0

    def decide(self, state, view, holdings):
        time.sleep(self.nap)
        return super().decide(state, view, holdings)

def build(*, nap=0.0, min_history=100):
    return Slow("slow", min_history, nap)
"""
SCHEDULE = WalkForward(train=120, step=30)


@pytest.fixture(scope="module")
def files(tmp_path_factory, prices):
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "calm.py").write_text(CALM)
    (folder / "slow.py").write_text(SLOW)
    prices.iloc[:400].to_csv(folder / "prices.csv")
    return folder


def grid(files, **settings):
    paths = (files / "calm.py", files / "slow.py")
    return Grid(
        paths, settings, {"few": Market(files / "prices.csv"), "two": Market(files / "prices.csv", top=2)}
    )


def cells(files, **settings):
    return plan(grid(files, **settings), SCHEDULE, ProportionalCosts())


@pytest.fixture(scope="module")
def serial(files, tmp_path_factory):
    wanted = cells(files, window=(60, 120), nap=(0.1, 0.11))
    folder = tmp_path_factory.mktemp("serial")
    return run_sweep(wanted, folder), folder


def assert_same(mine, theirs):
    assert [cell.key for cell in mine.cells] == [cell.key for cell in theirs.cells]
    assert not mine.failures
    assert not theirs.failures
    for one, other in zip(mine.results, theirs.results, strict=True):
        pd.testing.assert_series_equal(one.returns, other.returns, check_exact=True, check_freq=False)
        np.testing.assert_array_equal(one.weights, other.weights)


def test_a_grid_is_every_strategy_with_the_settings_it_takes_in_every_universe(files):
    found = grid(files, window=(60, 120), nap=(0.0,), **{"calm.upper": (0.4, 0.6)}).combinations()
    assert len(found) == 2 * (2 * 2 + 1)
    assert found[0] == ("few", files / "calm.py", {"window": 60, "upper": 0.4})
    assert found[4] == ("few", files / "slow.py", {"nap": 0.0})
    assert {name for name, _, _ in found[5:]} == {"two"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"nothing": (1,)}, "no build.. takes the setting nothing"), ({"slow.window": (1,)}, "slow.window")],
)
def test_a_setting_that_no_strategy_takes_is_refused(settings, message, files):
    with pytest.raises(SettingsError, match=message):
        grid(files, **settings).combinations()


def test_settings_are_read_as_they_are_meant():
    with pytest.raises(SettingsError, match="name=value"):
        parse_settings(["upper"])
    with pytest.raises(SettingsError, match="twice"):
        parse_settings(["a=1", "a=2"])
    assert parse_settings(["a=1,2.5,x,true,none"]) == {"a": (1, 2.5, "x", True, None)}


def test_a_grid_is_read_from_toml(files):
    path = files / "sweep.toml"
    path.write_text(
        'strategies = ["calm.py", "slow.py"]\n[settings]\nwindow = [60, 120]\nslow.nap = 0.0\n'
        '[universes.few]\nprices = "prices.csv"\n[universes.two]\nprices = "prices.csv"\ntop = 2\n'
    )
    found = load_grid(path)
    assert found.settings == {"window": (60, 120), "slow.nap": (0.0,)}
    assert found.markets["two"] == Market(files / "prices.csv", top=2)
    assert len(found.combinations()) == 6
    for text, message in (
        ("strategies = [", "TOML"),
        ("strategy = []", "unknown key"),
        ('[universes.a]\ntop = 1\nprices = "p"\nwrong = 2', "universes.a: unknown key 'wrong'"),
        ("strategies = 3", "3 is not a list"),
    ):
        path.write_text(text)
        with pytest.raises(RiskEngineError, match=message):
            load_grid(path)


def test_every_universe_gets_its_benchmark_and_its_members(serial):
    sweep, _ = serial
    assert [cell.label for cell in sweep.cells[:5]] == [
        "equal weight",
        "calm window=60",
        "calm window=120",
        "slow nap=0.1",
        "slow nap=0.11",
    ]
    held = [(result.targets > 0).sum(axis=1) for result in sweep.results if result is not None]
    assert (held[0] == 6).all()
    assert (held[5] == 2).all()  # equal weight of the two that moved most often


def test_the_table_shows_what_is_left_of_a_record(serial):
    sweep, _ = serial
    table = sweep.table()
    assert len(table) == len(sweep.cells)
    assert table["deflated_sharpe"].between(0, 1).all()
    assert table["mcs_p"].between(0, 1).all()
    assert (table["sharpe_free"] >= table["sharpe"]).all()
    assert (table["sharpe"] >= table["sharpe_dear"]).all()
    few = table[table["universe"] == "few"].set_index(["strategy"])
    assert few.loc["calm", "mcs_p"].max() == 1  # the calmest is always in the set
    assert few.loc["calm", "volatility"].max() < few.loc["equal weight", "volatility"]
    assert set(sweep.superior_ability()) == {"few", "two"}
    assert sweep.superior_ability()["few"].p_value < 0.2


def test_what_is_finished_is_read_again(serial, monkeypatch):
    sweep, folder = serial
    monkeypatch.setattr(module, "_run", lambda *task: pytest.fail("it was run again"))
    assert_same(run_sweep(list(sweep.cells), folder), sweep)


def test_a_damaged_cell_is_run_again_and_workers_have_the_same_code(serial, files, tmp_path):
    sweep, _ = serial
    few = list(sweep.cells[:2])
    run_sweep(few, tmp_path)
    (tmp_path / few[0].key / "daily.parquet").write_bytes(b"")
    again = run_sweep(few, tmp_path)
    pd.testing.assert_series_equal(again.results[0].gross, sweep.results[0].gross, check_exact=True)
    assert "install the same one everywhere" in module._run(0, few[0], {"code": "another"})[1]


def test_a_changed_setting_source_or_schedule_is_another_cell(files, serial):
    sweep, _ = serial
    other = [
        *cells(files, window=(61, 121), nap=(0.3, 0.31)),
        *plan(grid(files, window=(60, 120), nap=(0.1, 0.11)), SCHEDULE, ProportionalCosts(0.001)),
        *plan(grid(files, window=(60, 120), nap=(0.1, 0.11)), WalkForward(120, 31), ProportionalCosts()),
    ]
    benchmark = sweep.cells[0].key
    keys = [cell.key for cell in other]
    assert keys.count(benchmark) == 1  # equal weight does not know the settings
    assert not {cell.key for cell in sweep.cells if cell.path} & set(keys)


@pytest.mark.slow
def test_a_cell_that_fails_is_named_and_tried_again(files, tmp_path):
    wanted = cells(files, window=(120,), upper=(0.1, 0.5))
    wanted[1].settings["window"] = 20  # below the minimum history: the strategy refuses it
    sweep = run_sweep(wanted, tmp_path)
    assert list(sweep.failures) == [1]
    assert "min_history" in sweep.failures[1]
    assert len(sweep.table()) == len(wanted) - 1
    assert len(list(tmp_path.iterdir())) == len(wanted) - 1


@pytest.mark.slow
def test_processes_on_this_machine_give_the_same_numbers(serial, tmp_path):
    sweep, _ = serial
    assert_same(run_sweep(list(sweep.cells), tmp_path, jobs=2), sweep)


@pytest.mark.cluster
def test_a_cluster_gives_the_same_numbers_though_a_worker_is_killed(cluster, serial, tmp_path):
    address, workers = cluster
    sweep, _ = serial
    killed = []

    def report(stage, done, total):
        if done == 3 and not killed:  # both workers are at work, and most of it is still to come
            workers[0].send_signal(signal.SIGKILL)
            killed.append(workers[0].wait())

    again = run_sweep(list(sweep.cells), tmp_path / "cells", scheduler=address, report=report)
    assert killed == [-signal.SIGKILL]
    assert_same(again, sweep)
    with cluster_of(address) as run:  # of one thread now: the work is its all the same
        assert list(run([os.getpid] * 3, ordered=True)) == [workers[1].pid] * 3


def test_a_scheduler_that_is_not_there_is_one_clear_error(files, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="this test asks for a Dask cluster")
    real = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda *a, **k: real(*a, **{**k, "timeout": "200ms"}))
    with pytest.raises(SettingsError, match="no Dask scheduler"):
        run_sweep(cells(files), tmp_path, scheduler="tcp://127.0.0.1:9")


def test_a_scheduler_without_workers_is_one_clear_error(files, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="this test asks for a Dask cluster")

    class Deserted:
        def __init__(self, *args, **kwargs):
            pass

        __enter__ = __exit__ = lambda self, *error: None

        def wait_for_workers(self, count, timeout):
            raise TimeoutError

    monkeypatch.setattr(distributed, "Client", Deserted)
    monkeypatch.setattr(joblib, "parallel_config", Deserted)
    with pytest.raises(SettingsError, match="no worker has joined"):
        run_sweep(cells(files), tmp_path, scheduler="tcp://127.0.0.1:9")


def test_missing_files_are_named(files):
    with pytest.raises(StrategyError, match="no strategy file"):
        plan(
            Grid((files / "none.py",), {}, {"few": Market(files / "prices.csv")}),
            SCHEDULE,
            ProportionalCosts(),
        )
    with pytest.raises(RiskEngineError, match="at least one"):
        Grid((), {}, {}).combinations()
