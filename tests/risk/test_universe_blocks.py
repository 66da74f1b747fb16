"""Universes and scenarios in blocks: the numbers do not depend on who makes the blocks, nor on how many there are."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor

import numpy as np
import pandas as pd
import pytest

from riskengine.errors import SettingsError
from riskengine.risk import ScenarioModel, Simulation, empirical_tail, fit_universe, simulate
from riskengine.workers import run_whole


def dying(calls, ordered=False):
    """The processes die after the first result."""
    yield calls[0]()
    raise BrokenExecutor("killed")


@pytest.fixture(scope="module")
def table(returns):
    rows = returns[:, :6].copy()
    rows[:400, 4] = np.nan  # listed later
    rows[100, :3] = np.nan  # a holiday of one block alone
    return pd.DataFrame(rows, columns=list("ABCDEF"))


@pytest.fixture(scope="module")
def model(table, fixed_shape):
    return fit_universe(table, fixed_shape, 900)[1]


def test_blocks_of_assets_are_the_universe_where_assets_borrow_nothing(
    table, model, fixed_shape, monkeypatch
):
    """A calibrator of each asset by itself: gaps are filled by the medians of all, whatever the blocks."""
    monkeypatch.setattr("riskengine.risk.universe_blocks.WIDEST", 3)
    fit, blocked = fit_universe(table, fixed_shape, 900, run=dying)
    assert fit.assets == tuple("ABCDEF")
    for name in ("variance", "residuals", "loadings", "specific"):
        np.testing.assert_allclose(getattr(blocked, name), getattr(model, name), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(fit.observations, (~table.isna()).sum())
    assert any("2 blocks" in note for note in blocked.notes)
    weights = np.arange(6) / 15
    assert empirical_tail(blocked.history().one_day() @ weights, 0.99).value_at_risk == pytest.approx(
        empirical_tail(model.history().one_day() @ weights, 0.99).value_at_risk, rel=1e-12
    )


def test_paths_too_many_to_keep_have_the_same_losses_and_drivers(model: ScenarioModel, monkeypatch):
    monkeypatch.setattr("riskengine.risk.path_blocks._BLOCK_CELLS", 3000)
    weights, how = np.arange(6) / 15, Simulation(horizon=3, paths=2300)
    kept = simulate(model, weights, how)
    assert kept.returns is not None
    monkeypatch.setattr("riskengine.risk.scenarios.KEPT_BYTES", 0)
    for blocks in (1, 3, 64):
        monkeypatch.setattr("riskengine.risk.path_blocks._PART_BLOCKS", blocks)
        found = simulate(model, weights, how, run=dying if blocks == 1 else run_whole_of_all)
        np.testing.assert_array_equal(found.losses, kept.losses)
        np.testing.assert_array_equal(found.drawdowns, kept.drawdowns)
        np.testing.assert_allclose(found.drivers(), kept.drivers(), atol=1e-12)
        assert found.returns is None
    with pytest.raises(SettingsError, match="drivers are known at"):
        found.drivers(0.95)


def run_whole_of_all(calls, ordered=False):
    """Everything is made before the first result is asked for, the last first."""
    made = [call() for call in reversed(calls)]
    return reversed(made)


def test_watched_paths_are_those_that_nobody_watches(model: ScenarioModel):
    weights, how, seen = np.arange(6) / 15, Simulation(horizon=3, paths=500), []
    watched = simulate(model, weights, how, watch=seen.append)
    np.testing.assert_array_equal(watched.losses, simulate(model, weights, how).losses)
    assert sum(block.returns.shape[1] for block in seen) == 500


def test_what_a_killed_process_held_is_computed_here():
    assert list(run_whole(dying, [lambda: 1, lambda: 2, lambda: 3])) == [1, 2, 3]
