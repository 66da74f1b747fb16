"""Plans over several periods: one period is the ordinary problem, planning beats not planning."""

import numpy as np
import pytest

from riskengine.covariance.base import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio import Constraints, Costs, MeanVariance, MinimumVariance, Optimizer
from riskengine.portfolio.multi_period import MultiPeriodOptimizer

N, PERIODS = 4, 5
NAMES = tuple("ABCD")
RNG = np.random.default_rng(8)
RISK = Covariance(0.01 * RNG.standard_normal((N, 2)), RNG.uniform(1e-4, 3e-4, N), 5)
FADING = np.array([[2e-3, 2e-4, 4e-4, 0.0]]) * 0.3 ** np.arange(PERIODS)[:, None]
HELD = np.full(N, 1 / N)
VOLUME = np.array([0.2, 1.0, 2.0, 4.0])
COSTS = Costs(0.002, 1.0, 0.01, 0.01)
AVERSION = 5.0
LIMITS = Constraints(upper=0.6, turnover=0.5)


def utility(weights):
    """Sum of the periods' utilities less costs, from the definitions."""
    total, before = 0.0, HELD
    for w, mu in zip(weights, FADING, strict=True):
        total += mu @ w - AVERSION / 2 * w @ RISK.matrix() @ w - COSTS.holding(w)
        total -= COSTS.trading(w - before, RISK.volatility, VOLUME) / RISK.horizon
        before = w
    return total


@pytest.fixture(scope="module")
def planner():
    return MultiPeriodOptimizer(NAMES, MeanVariance(AVERSION), LIMITS, COSTS, PERIODS)


@pytest.fixture(scope="module")
def plan(planner):
    return planner.solve(RISK, FADING, HELD, volume=VOLUME)


def test_limits_hold_in_every_period(plan):
    w = plan.path
    assert w.shape == (PERIODS, N)
    assert w.min() >= 0
    assert w.max() <= 0.6
    np.testing.assert_allclose(w.sum(axis=1), 1, atol=1e-12)
    assert (np.abs(np.diff(np.vstack([HELD, w]), axis=0)).sum(axis=1) <= 0.5 + 1e-6).all()


def test_no_feasible_neighbour_is_better(plan):
    rng, best = np.random.default_rng(1), utility(plan.path)
    tried = 0
    for _ in range(500):
        other = rng.dirichlet(np.ones(N), PERIODS)
        trial = plan.path + 10 ** rng.uniform(-4, -0.5) * (other - plan.path)
        if (
            trial.max() <= 0.6
            and (np.abs(np.diff(np.vstack([HELD, trial]), axis=0)).sum(axis=1) <= 0.5).all()
        ):
            tried += 1
            assert utility(trial) <= best + 1e-7 * abs(best)
    assert tried > 50


def test_planning_is_no_worse_than_one_period_after_the_other(plan):
    optimizer = Optimizer(NAMES, MeanVariance(AVERSION), LIMITS, COSTS)
    greedy, before = [], HELD
    for mu in FADING:
        before = optimizer.solve(RISK, mu, before, volume=VOLUME).weights
        greedy.append(before)
    assert utility(plan.path) > utility(np.array(greedy)) + 1e-8


def test_one_period_is_the_ordinary_problem():
    planner = MultiPeriodOptimizer(NAMES, MeanVariance(AVERSION), LIMITS, COSTS, 1)
    once = planner.solve(RISK, FADING[:1], HELD, volume=VOLUME).weights
    ordinary = Optimizer(NAMES, MeanVariance(AVERSION), LIMITS, COSTS).solve(
        RISK, FADING[0], HELD, volume=VOLUME
    )
    np.testing.assert_allclose(once, ordinary.weights, atol=1e-5)


def test_without_costs_every_period_is_a_problem_of_its_own():
    free = Constraints(upper=0.6)
    planner = MultiPeriodOptimizer(NAMES, MeanVariance(AVERSION), free, periods=3)
    calmer = Covariance(RISK.loadings / 2, RISK.specific / 4, 5)
    plan = planner.solve([RISK, calmer, RISK], FADING[:3], HELD)
    optimizer = Optimizer(NAMES, MeanVariance(AVERSION), free)
    for row, risk, mu in zip(plan.path, (RISK, calmer, RISK), FADING, strict=False):
        np.testing.assert_allclose(row, optimizer.solve(risk, mu).weights, atol=1e-5)


def test_clashing_limits_are_named():
    planner = MultiPeriodOptimizer(NAMES, MeanVariance(), Constraints(upper=0.2), periods=2)
    with pytest.raises(InfeasibleError) as caught:
        planner.solve(RISK, FADING[:2])
    assert set(caught.value.limits) == {"budget = 1", "upper bound 0.2"}


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: MultiPeriodOptimizer(NAMES, MeanVariance(), Constraints(), periods=0), "at least one"),
        (lambda: MultiPeriodOptimizer(NAMES, MinimumVariance(), Constraints()), "mean-variance"),
        (lambda: MultiPeriodOptimizer(NAMES, MeanVariance(), Constraints(min_holding=0.1)), "convex"),
        (lambda: MultiPeriodOptimizer(NAMES, MeanVariance(), LIMITS, COSTS, 2).solve(RISK, FADING), "2 periods"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(call, says):
    with pytest.raises(SettingsError, match=says):
        call()


def test_as_many_covariances_as_periods(planner):
    with pytest.raises(SettingsError, match="3 covariances"):
        planner.solve([RISK] * 3, FADING, volume=VOLUME)
