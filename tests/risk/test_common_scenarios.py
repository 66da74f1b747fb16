"""Scenarios whose variances move together: against a plain loop, and the law they are for."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from riskengine.calibration import UniverseCalibrator
from riskengine.calibration.joined_variance import joined
from riskengine.calibration.universe_calibrator import CommonMargin
from riskengine.garch import step
from riskengine.garch.common_variance import (
    start_universe,
    universe_term_structure,
    universe_variance,
    with_variance,
)
from riskengine.garch.params import GarchParams
from riskengine.risk import Simulation, simulate_blocks
from riskengine.risk.scenario_model import ScenarioModel
from riskengine.risk.scenarios import simulate
from riskengine.risk.stress import replay, reverse_stress

N, WEIGHT = 6, 0.6
PARAMS = UniverseCalibrator.pretrained().params(N, False)


@pytest.fixture(scope="module")
def model():
    """Six assets that are as correlated as stocks are."""
    leaves = (np.full(N, x) for x in (2e-6, 0.03, 0.08, 0.91, 6.0))
    variance = np.linspace(1e-4, 3e-4, N)
    with jax.enable_x64(True):
        state = jax.tree.map(np.asarray, start_universe(PARAMS, variance))
    margin = CommonMargin(PARAMS, state, variance, np.zeros(N), np.zeros(N, bool), WEIGHT, False)
    residuals = np.random.default_rng(1).standard_normal((1, N)) + 0.5
    loadings, specific = np.full((N, 1), np.sqrt(0.3)), np.full(N, 0.7)
    return ScenarioModel(
        tuple("ABCDEF"), GarchParams(*leaves), variance, residuals, loadings, specific, common=margin
    )


def returns_of(model, settings):
    blocks = simulate_blocks(model, np.full(N, 1 / N), settings, keep=True)
    return np.concatenate([np.asarray(one.returns, float) for one in blocks], axis=1)


def test_paths_follow_both_recursions(model):
    """A past of one day is drawn every day, so that a loop knows every return; begun at volatilities of any size."""
    settings = Simulation(horizon=8, paths=4, law="filtered")
    for shocked in (model, model.with_volatility(3.0), model.with_volatility(0.3)):
        found = returns_of(shocked, settings)
        with jax.enable_x64(True):
            state = with_variance(PARAMS, model.common.state, shocked.variance)
            np.testing.assert_allclose(universe_variance(PARAMS, state), shocked.variance, rtol=1e-9)
        margin = model.common._replace(
            state=jax.tree.map(np.asarray, state), variance=np.array(shocked.variance)
        )
        own = np.array(shocked.variance)
        for day in range(settings.horizon):
            row = model.residuals[0] * np.sqrt(joined(margin.variance, own, WEIGHT))
            np.testing.assert_allclose(found[day], np.tile(row, (4, 1)), rtol=1e-3)  # of float32
            own, margin = step(model.params, own, row), margin.moved(row)


def test_stress_in_the_market_is_stress_everywhere_at_once(model):
    """Log variances of two assets' months, simulated, are more correlated than where each variance goes its own way."""
    settings = Simulation(horizon=63, paths=300)

    def togetherness(model):
        months = returns_of(model, settings)[21:].reshape(2, 21, -1, N)
        logs = np.log((months**2).mean(axis=1)).reshape(-1, N)
        return np.corrcoef(logs.T)[np.triu_indices(N, 1)].mean()

    alone, together = togetherness(replace(model, common=None)), togetherness(model)
    assert together > alone + 0.05


def test_some_of_the_assets_move_as_they_would_among_all(model):
    part = model.take([4, 1])
    np.testing.assert_array_equal(part.common.variance, part.variance)
    np.testing.assert_array_equal(
        part.common.state.own.components, model.common.state.own.components[:, [4, 1]]
    )
    assert part.common.state.fast == model.common.state.fast


def test_a_replay_goes_the_way_of_simulated_paths(model):
    """A past of one day, drawn every day, is an episode of that day again and again."""
    weights, days = np.full(N, 1 / N), 8
    drawn = simulate(model, weights, Simulation(days, 2, "filtered"))
    found = replay(model, weights, np.tile(model.residuals, (days, 1)))
    np.testing.assert_allclose(found.returns[0], drawn.returns[0], rtol=1e-3)  # of float32
    alone = replay(replace(model, common=None), weights, np.tile(model.residuals, (days, 1)))
    assert abs(alone.losses[0] / found.losses[0] - 1) > 0.01


def test_the_likeliest_loss_of_some_days_is_by_the_variances_of_both(model):
    weights, horizon = np.full(N, 1 / N), 10
    path = model.term_structure(horizon)
    np.testing.assert_allclose(path[0], model.variance, rtol=1e-9)
    with jax.enable_x64(True):
        state = with_variance(PARAMS, model.common.state, model.variance)
        universe = np.asarray(universe_term_structure(PARAMS, state, horizon))
    own = replace(model, common=None).term_structure(horizon)
    np.testing.assert_allclose(path, joined(universe, own, WEIGHT))
    deviation = np.sqrt(path.sum(axis=0)) / N
    size = np.sqrt(deviation @ (0.7 * np.eye(N) + 0.3) @ deviation)
    assert reverse_stress(model, weights, 0.05, horizon).distance == pytest.approx(0.05 / size)
