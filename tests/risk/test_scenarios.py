"""Streamed scenarios against plain loops, brute force and the laws they should have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from riskengine.errors import DataError, SettingsError
from riskengine.garch.params import GarchParams
from riskengine.risk import FilteredHistory
from riskengine.risk.path_blocks import Shock, Simulation, conditional_day
from riskengine.risk.scenario_model import ScenarioModel, mixing_table
from riskengine.risk.scenarios import simulate, simulate_blocks
from riskengine.risk.stress import replay, replay_returns, reverse_stress

N = 3
WEIGHTS = np.array([0.5, 0.4, -0.2])


def margins(dof=5.0):
    leaves = (
        np.linspace(2e-6, 4e-6, N),
        np.full(N, 0.04),
        np.full(N, 0.08),
        np.full(N, 0.88),
        np.full(N, dof),
    )
    return GarchParams(*leaves)


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(3)
    residuals = rng.standard_t(5, (800, N)) * np.sqrt(3 / 5)
    loadings = np.array([[0.8, 0.0], [0.6, 0.3], [0.5, -0.4]])
    specific = 1 - (loadings**2).sum(axis=1)
    return ScenarioModel(tuple("ABC"), margins(), np.array([1e-4, 2e-4, 3e-4]), residuals, loadings, specific)


@pytest.fixture(scope="module")
def outcome(model):
    return simulate(model, WEIGHTS, Simulation(horizon=10, paths=300_000))


def brute_force(model, horizon, paths, rng):
    """Compounded returns of every asset, in float64 and one day after the other, with scipy's chi-squared."""
    p, variance = model.params, np.broadcast_to(model.variance, (paths, N))
    growth = np.ones((paths, N))
    for _ in range(horizon):
        g = rng.standard_normal((paths, 2)) @ model.loadings.T
        g = g + np.sqrt(model.specific) * rng.standard_normal((paths, N))
        row = g * np.sqrt(3 / rng.chisquare(5, (paths, 1))) * np.sqrt(variance)
        growth = growth * np.maximum(1 + row, 0)
        variance = p.omega + (p.alpha + p.gamma * (row < 0)) * row**2 + p.beta * variance
    return growth - 1


def tail_error(losses, level):
    """Standard error of an empirical quantile, from the density about it."""
    n = len(losses)
    low, high = np.quantile(losses, [level - 2 * (1 - level) / 5, level + 2 * (1 - level) / 5])
    density = 4 * (1 - level) / 5 / (high - low)
    return np.sqrt(level * (1 - level) / n) / density


@pytest.mark.parametrize("level", [0.99, 0.999])
def test_monte_carlo_agrees_with_brute_force(model, outcome, level):
    """VaR and CVaR over ten days within two standard errors, of as many paths in a plain loop."""
    brute = -brute_force(model, 10, 300_000, np.random.default_rng(11)) @ WEIGHTS
    found = outcome.tail(level)
    error = np.hypot(tail_error(brute, level), tail_error(outcome.losses, level))
    exact = np.quantile(brute, level)
    assert abs(found.value_at_risk - exact) < 2 * error
    beyond = brute[brute >= exact]
    spread = beyond.std() * np.sqrt(2 / len(beyond))
    assert abs(found.conditional_value_at_risk - beyond.mean()) < 2 * np.hypot(spread, error)


def test_filtered_scenarios_agree_with_brute_force(model):
    settings = Simulation(horizon=5, paths=60_000, law="filtered", block=1)
    found = simulate(model, WEIGHTS, settings).losses
    history = FilteredHistory(model.residuals, model.params, model.variance)
    brute = -history.simulate(5, 300_000, seed=9) @ WEIGHTS
    for level in (0.99, 0.999):
        error = np.hypot(tail_error(found, level), tail_error(brute, level))
        assert abs(np.quantile(found, level) - np.quantile(brute, level)) < 2 * error


def test_past_days_come_in_stretches_of_the_length_asked_for(model):
    """Each past day is its own number, so that paths show which days they took; one in ``block`` is drawn anew."""
    days = np.arange(400)
    still = GarchParams(np.full(N, 1e-4), *np.zeros((3, N)), np.full(N, 8.0))
    numbered = replace(
        model,
        params=still,
        variance=np.full(N, 1e-4),
        residuals=np.repeat(days[:, None] / 100.0, N, axis=1),
    )
    settings = Simulation(horizon=40, paths=500, law="filtered", block=8)
    (block,) = simulate_blocks(numbered, WEIGHTS, settings, keep=True)
    place = np.rint(block.returns[..., 0].astype(np.float64) * 1e4).astype(int)
    assert (np.ptp(block.returns, axis=2) == 0).all()
    anew = np.mean((place[1:] - place[:-1]) % len(days) != 1)
    assert anew == pytest.approx(1 / 8, abs=4 * np.sqrt(1 / 8 * 7 / 8 / place.size))
    # Every day is as likely as any other: the mean of the days, whose draws depend on each other along a path.
    error = days.std() / np.sqrt(place.size / (2 * 8))
    assert place.mean() == pytest.approx(days.mean(), abs=4 * error)


def test_contributions_add_up_to_ten_digits(outcome):
    for level in (0.95, 0.99):
        total = outcome.tail(level).conditional_value_at_risk
        assert outcome.drivers(level).sum() == pytest.approx(total, abs=1e-10)


def test_the_same_seed_gives_the_same_paths_however_many(model, monkeypatch):
    """A block depends on the seed and its place: more paths leave the earlier ones as they were."""
    monkeypatch.setattr("riskengine.risk.path_blocks._BLOCK_CELLS", 3000)
    few = simulate(model, WEIGHTS, Simulation(horizon=3, paths=2500))
    many = simulate(model, WEIGHTS, Simulation(horizon=3, paths=4000))
    np.testing.assert_array_equal(few.losses, many.losses[:2500])
    other = simulate(model, WEIGHTS, Simulation(horizon=3, paths=2500, seed=1))
    assert not np.array_equal(few.losses, other.losses)
    assert len(np.unique(many.losses)) > 3990


def test_daily_returns_compound_to_what_is_reported(model):
    blocks = list(simulate_blocks(model, WEIGHTS, Simulation(horizon=4, paths=500), keep=True))
    for block in blocks:
        grown = np.prod(1 + block.returns.astype(np.float64), axis=0)
        np.testing.assert_allclose(block.growth, grown, rtol=1e-5)
        wealth = 1 + (np.cumprod(1 + block.returns.astype(np.float64), axis=0) - 1) @ WEIGHTS
        np.testing.assert_allclose(block.wealth, wealth, rtol=1e-5)


def test_a_day_has_the_law_of_the_model(model):
    day = np.concatenate(
        [b.returns[0] for b in simulate_blocks(model, WEIGHTS, Simulation(1, 200_000), keep=True)]
    ).astype(np.float64)
    z = day / np.sqrt(model.variance)
    assert z.std(axis=0) == pytest.approx(np.ones(N), abs=0.015)
    correlation = model.loadings @ model.loadings.T + np.diag(model.specific)
    np.testing.assert_allclose(np.corrcoef(z.T), correlation, atol=0.02)
    # Exceedances of a Student-t with five degrees of freedom, both tails; four standard errors.
    for cut, share in ((2.0, 0.0490), (4.0, 0.00357)):
        assert np.mean(np.abs(z) > cut) == pytest.approx(share, abs=4 * np.sqrt(share / z.size))


def test_mixing_has_unit_variance_for_every_tail():
    dof = np.array([2.3, 3.0, 4.5, 8.0, 60.0, np.inf])
    table = mixing_table(dof)
    points = len(table)
    mass = (2 * np.arange(points) + 1) / points**2
    np.testing.assert_allclose(mass @ table**2, 1, rtol=1e-6)
    assert np.ptp(table[:, -1]) < 1e-12
    assert (np.diff(table[:, :3], axis=0) <= 1e-12).all()


def test_parameter_draws_widen_the_tail_and_need_a_posterior(model):
    from dataclasses import replace

    from riskengine.calibration.posterior import Posterior

    with pytest.raises(DataError, match="posterior"):
        simulate(model, WEIGHTS, Simulation(3, 10, uncertain=True))
    mean = np.stack([np.log(model.variance), *np.array([[3.5], [-2.5], [0.8], [-0.4]]).repeat(3, 1)], axis=-1)
    wide = Posterior(mean, np.broadcast_to(0.5 * np.eye(5), (N, 5, 5)).copy())
    uncertain = replace(model, posterior=wide)
    found = simulate(uncertain, WEIGHTS, Simulation(3, 4000, uncertain=True))
    assert np.isfinite(found.losses).all()
    assert len(np.unique(found.losses)) > 3990  # but for coincidences in float32


def test_shocked_states():
    rng = np.random.default_rng(0)
    loadings = rng.uniform(0.2, 0.6, (N, 1))
    model = ScenarioModel(
        tuple("ABC"), margins(), np.full(N, 1e-4), np.ones((1, N)), loadings, 1 - loadings[:, 0] ** 2
    )
    for target in (0.05, 0.8):
        moved = model.with_correlation(target)
        correlation = moved.loadings @ moved.loadings.T + np.diag(moved.specific)
        np.testing.assert_allclose(np.diag(correlation), 1, rtol=1e-12)
        off = correlation[~np.eye(N, dtype=bool)]
        assert off.mean() == pytest.approx(target)
        assert np.linalg.eigvalsh(correlation).min() > -1e-12
    np.testing.assert_allclose(model.with_volatility(3).covariance(), 9 * model.covariance())
    for wrong in (-0.1, 1.0):
        with pytest.raises(SettingsError, match="correlation"):
            model.with_correlation(wrong)
    with pytest.raises(SettingsError, match="volatility"):
        model.with_volatility(0)


@pytest.mark.parametrize("law", ["student-t", "filtered"])
def test_a_shocked_day_hits_its_size_and_moves_the_others_by_their_beta(model, law):
    f = np.array([0.6, 0.4, 0.0])
    rows = conditional_day(model, Shock(f, -0.05), law, 40_000, np.random.default_rng(5)).astype(np.float64)
    np.testing.assert_allclose(rows @ f, -0.05, atol=1e-7)
    covariance = model.covariance()
    beta = covariance @ f / (f @ covariance @ f)
    error = rows.std(axis=0) / np.sqrt(40_000)
    middle = rows.mean(axis=0)
    if law == "student-t":
        assert (np.abs(middle + 0.05 * beta) < 5 * error + 1e-9).all()
    wealth = simulate(model, f, Simulation(5, 3000, law), Shock(f, -0.05)).losses
    assert np.median(wealth) == pytest.approx(0.05, abs=0.01)


def test_replay_equals_a_plain_loop(model):
    rng = np.random.default_rng(8)
    z = rng.standard_normal((6, N))
    z[2, 1] = np.nan
    found = replay(model, WEIGHTS, z)
    growth, worst, peak = np.ones(N), 0.0, 1.0
    variance = model.variance.copy()
    for row in z:
        for i in range(N):
            p = [leaf[i] for leaf in model.params]
            if np.isnan(row[i]):
                variance[i] = p[0] + (p[1] + p[2] / 2 + p[3]) * variance[i]
                continue
            r = row[i] * variance[i] ** 0.5
            growth[i] *= 1 + r
            variance[i] = p[0] + (p[1] + p[2] * (r < 0)) * r * r + p[3] * variance[i]
        wealth = 1 + WEIGHTS @ (growth - 1)
        peak = max(peak, wealth)
        worst = max(worst, 1 - wealth / peak)
    assert found.losses[0] == pytest.approx(-(WEIGHTS @ (growth - 1)))
    assert found.drawdowns[0] == pytest.approx(worst)
    raw = replay_returns(model.assets, WEIGHTS, np.array([[0.1, np.nan, 0.0], [-0.1, 0.2, 0.0]]))
    assert raw.losses[0] == pytest.approx(-(0.5 * (1.1 * 0.9 - 1) + 0.4 * 0.2))
    with pytest.raises(DataError, match="episode"):
        replay(model, WEIGHTS, np.zeros((0, N)))


def test_reverse_stress_is_the_nearest_scenario_that_loses_so_much(model):
    found = reverse_stress(model, WEIGHTS, 0.04)
    assert found.contributions.sum() == pytest.approx(0.04, abs=1e-12)
    precision = np.linalg.inv(model.covariance())
    assert np.sqrt(found.returns @ precision @ found.returns) == pytest.approx(found.distance)
    rng = np.random.default_rng(1)
    for _ in range(50):  # others that lose as much lie further out
        move = rng.standard_normal(N)
        move -= WEIGHTS * (move @ WEIGHTS) / (WEIGHTS @ WEIGHTS)
        other = found.returns + 0.01 * move
        assert other @ precision @ other > found.distance**2
    longer = reverse_stress(model, WEIGHTS, 0.04, horizon=10)
    assert longer.distance < found.distance
    with pytest.raises(SettingsError, match="loss"):
        reverse_stress(model, WEIGHTS, 0.0)
    with pytest.raises(DataError, match="no risk"):
        reverse_stress(model, np.zeros(N), 0.1)
