"""Solutions satisfy their limits, and no feasible neighbour is better."""

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.covariance.base import Covariance
from riskengine.errors import DataError, InfeasibleError, SettingsError
from riskengine.portfolio import (
    Constraints,
    Group,
    MeanVariance,
    MinimumVariance,
    Optimizer,
    ProportionalCosts,
)
from riskengine.portfolio.polish import trimmed
from riskengine.portfolio.solver_data import SOLVERS


def covariance(rng: np.random.Generator, n: int, factors: int | None = None) -> Covariance:
    """A random covariance of 21-day returns, of the size that equities have."""
    loadings = 0.03 * rng.standard_normal((n, factors or n))
    return Covariance(loadings, rng.uniform(0.001, 0.004, n), 21)


def names(n: int) -> tuple[str, ...]:
    return tuple(f"S{k}" for k in range(n))


def test_without_bounds_minimum_variance_is_the_closed_form():
    rng = np.random.default_rng(1)
    c = covariance(rng, 8)
    ones = np.linalg.solve(c.matrix(), np.ones(8))
    found = Optimizer(names(8), MinimumVariance(), Constraints(lower=-10, upper=10)).solve(c)
    np.testing.assert_allclose(found.weights, ones / ones.sum(), atol=1e-6)


def test_without_bounds_mean_variance_is_the_closed_form():
    rng = np.random.default_rng(2)
    c, mu, aversion = covariance(rng, 6), rng.normal(0.01, 0.01, 6), 4.0
    inverse = np.linalg.inv(c.matrix())
    level = (np.ones(6) @ inverse @ mu - aversion) / (np.ones(6) @ inverse @ np.ones(6))
    optimizer = Optimizer(names(6), MeanVariance(aversion), Constraints(lower=-50, upper=50))
    np.testing.assert_allclose(optimizer.solve(c, mu).weights, inverse @ (mu - level) / aversion, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.floats(0.0, 1.0))
def test_limits_hold_and_no_feasible_neighbour_is_better(seed, n, looseness):
    rng = np.random.default_rng(seed)
    c = covariance(rng, n, factors=int(rng.integers(1, n + 1)))
    cap = 1 / n + looseness * (1 - 1 / n) + 1e-3
    group = Group("half", names(n)[: n // 2], upper=0.9)
    w = Optimizer(names(n), MinimumVariance(), Constraints(upper=cap, groups=(group,))).solve(c).weights
    assert w.min() >= -1e-9
    assert w.max() <= cap + 1e-9
    assert w.sum() == pytest.approx(1, abs=1e-12)
    assert w[: n // 2].sum() <= 0.9 + 1e-6
    best = c.variance(w)
    for _ in range(40):
        trial = rng.dirichlet(np.ones(n))
        trial = w + rng.uniform(0.001, 1) * (trial - w)
        if trial.max() <= cap and trial[: n // 2].sum() <= 0.9:
            assert c.variance(trial) >= best * (1 - 1e-6)


def test_permuting_the_assets_permutes_the_weights():
    rng = np.random.default_rng(3)
    c, order = covariance(rng, 10), rng.permutation(10)
    optimizer = Optimizer(names(10), MinimumVariance(), Constraints(upper=0.2))
    np.testing.assert_allclose(
        optimizer.solve(c.select(order)).weights, optimizer.solve(c).weights[order], atol=1e-6
    )


def test_the_scale_of_the_covariance_does_not_matter():
    rng = np.random.default_rng(4)
    c = covariance(rng, 10)
    tiny = Covariance(c.loadings * 1e-4, c.specific * 1e-8, 21)
    optimizer = Optimizer(names(10), MinimumVariance(), Constraints())
    np.testing.assert_allclose(optimizer.solve(tiny).weights, optimizer.solve(c).weights, atol=1e-6)


def test_fifty_solves_are_compiled_once_whatever_changes_from_day_to_day():
    rng = np.random.default_rng(5)
    optimizer = Optimizer(names(12), MeanVariance(3.0), Constraints(turnover=0.5), ProportionalCosts(0.001))
    programs = []
    for day in range(50):
        tradable = np.ones(12, bool)
        tradable[day % 12] = False
        previous = tradable / tradable.sum()
        optimizer.solve(covariance(rng, 12), rng.normal(0, 0.01, 12), previous, tradable)
        programs.append(optimizer.compiled[-1].problem._cache.param_prog)
    assert optimizer.compiled[-1].problem.is_dcp(dpp=True)
    assert programs[0] is not None
    assert all(program is programs[0] for program in programs)


def test_the_turnover_limit_counts_both_sides():
    rng = np.random.default_rng(6)
    c, held = covariance(rng, 6), np.eye(6)[0]
    found = Optimizer(names(6), MinimumVariance(), Constraints(turnover=0.4)).solve(c, previous=held)
    assert np.abs(found.weights - held).sum() == pytest.approx(0.4, abs=1e-6)
    assert "turnover" in " ".join(found.binding)


def test_the_turnover_limit_does_not_apply_to_a_first_portfolio():
    c = covariance(np.random.default_rng(6), 6)
    found = Optimizer(names(6), MinimumVariance(), Constraints(turnover=0.01)).solve(c)
    free = Optimizer(names(6), MinimumVariance(), Constraints()).solve(c)
    np.testing.assert_allclose(found.weights, free.weights, atol=1e-6)


def test_costs_shrink_trades():
    rng = np.random.default_rng(7)
    c, mu, held = covariance(rng, 6), rng.normal(0.005, 0.005, 6), np.full(6, 1 / 6)
    mu /= c.horizon
    traded = [
        np.abs(Optimizer(names(6), MeanVariance(), Constraints(), ProportionalCosts(rate))
               .solve(c, mu, held).weights - held).sum()
        for rate in (0.0, 0.001, 0.003, 0.2)
    ]  # fmt: skip
    assert traded[0] > traded[1] > traded[2] > traded[3]
    assert traded[3] == pytest.approx(0, abs=1e-6)


def test_what_cannot_be_traded_is_not_held():
    c = covariance(np.random.default_rng(8), 5)
    mask = np.array([True, False, True, True, False])
    w = Optimizer(names(5), MinimumVariance(), Constraints(lower=0.05)).solve(c, tradable=mask).weights
    assert (w[~mask] == 0).all()
    assert w[mask].min() >= 0.05 - 1e-9
    rest = Covariance.dense(c.matrix()[np.ix_(mask, mask)], 21)
    alone = Optimizer(names(3), MinimumVariance(), Constraints(lower=0.05)).solve(rest).weights
    np.testing.assert_allclose(w[mask], alone, atol=1e-6)


def test_binding_limits_are_named():
    c = Covariance.dense(np.diag([0.01, 0.04, 0.09]))
    limits = Constraints(upper={"S0": 0.4}, groups=(Group("risky", ("S2",), lower=0.3),))
    found = Optimizer(names(3), MinimumVariance(), limits).solve(c)
    assert set(found.binding) == {"upper bound of S0", "group risky >= 0.3"}


def test_a_second_solver_takes_over():
    c = covariance(np.random.default_rng(9), 5)
    first = Optimizer(names(5), MinimumVariance(), Constraints()).solve(c)
    second = Optimizer(names(5), MinimumVariance(), Constraints(), solvers=SOLVERS[1:]).solve(c)
    assert first.solver == cp.CLARABEL
    assert second.solver != first.solver
    np.testing.assert_allclose(second.weights, first.weights, atol=1e-4)


def test_mean_variance_wants_expected_returns():
    c = covariance(np.random.default_rng(9), 3)
    with pytest.raises(SettingsError, match="expected returns"):
        Optimizer(names(3), MeanVariance(), Constraints()).solve(c)


def test_shapes_must_agree():
    with pytest.raises(SettingsError, match="3 assets"):
        Optimizer(names(4), MinimumVariance(), Constraints()).solve(covariance(np.random.default_rng(9), 3))


def test_nothing_tradable_is_infeasible():
    with pytest.raises(InfeasibleError):
        Optimizer(names(3), MinimumVariance(), Constraints()).solve(
            covariance(np.random.default_rng(9), 3), tradable=np.zeros(3, bool)
        )


@pytest.mark.parametrize("name", ["expected_returns", "previous", "tradable"])
def test_vectors_of_another_length_are_refused(name):
    optimizer = Optimizer(names(4), MeanVariance(), Constraints())
    today = {"expected_returns": np.zeros(4)} | {name: np.ones(3, bool)}
    with pytest.raises(SettingsError, match="4 assets"):
        optimizer.solve(covariance(np.random.default_rng(9), 4), **today)


def test_what_is_not_finite_is_refused_by_the_name_of_the_asset():
    c, hole = covariance(np.random.default_rng(9), 3), np.array([0.0, np.nan, 0.0])
    optimizer = Optimizer(names(3), MeanVariance(), Constraints())
    with pytest.raises(DataError, match=r"expected returns.*S1"):
        optimizer.solve(c, hole)
    with pytest.raises(DataError, match=r"previous weights.*S1"):
        optimizer.solve(c, np.zeros(3), hole)
    with pytest.raises(DataError, match=r"covariance.*S1"):
        optimizer.solve(Covariance(c.loadings, c.specific + hole), np.zeros(3))


def test_the_budget_is_exact_even_if_only_dust_can_fill_it():
    cap = (1 - 5e-8) / 3  # three assets at their caps leave less than the polish takes for dust
    c = Covariance.dense(np.diag([4.0, 0.01, 0.01, 0.01]))
    optimizer = Optimizer(names(4), MinimumVariance(), Constraints(upper={"S0": 1.0, "*": cap}))
    found = optimizer.solve(c)
    assert found.status == cp.OPTIMAL
    # The solver stops a hair below the caps, so its own answer would not show the corner: hand it in.
    bounds = np.zeros(4), np.array([1.0, cap, cap, cap])
    for w in (found.weights, trimmed(np.array([5e-8, cap, cap, cap]), *bounds, (1.0, 1.0))):
        assert abs(w.sum() - 1) < 1e-14
        assert w[1:].max() <= cap


def test_a_forced_sale_does_not_use_up_the_turnover():
    optimizer = Optimizer(("A", "B", "C"), MinimumVariance(), Constraints(turnover=0.6))
    held, open_ = np.array([0.3, 0.3, 0.4]), np.array([True, True, False])
    found = optimizer.solve(Covariance.dense(np.diag([0.01, 0.02, 0.01])), previous=held, tradable=open_)
    assert found.weights[2] == 0
    assert np.abs(found.weights - held)[open_].sum() <= 0.6 + 1e-6


def test_a_selection_of_a_dense_covariance_has_more_factors_than_assets():
    x = np.random.default_rng(0).standard_normal((100, 5))
    part = Covariance.dense(np.cov(x.T)).select(np.array([0, 2]))
    optimizer = Optimizer(("A", "B"), MinimumVariance(), Constraints())
    same = optimizer.solve(Covariance.dense(part.matrix())).weights
    np.testing.assert_allclose(optimizer.solve(part).weights, same, atol=1e-6)


def test_priced_trades_stop_short_and_no_neighbour_is_better():
    rng = np.random.default_rng(5)
    c, held, wide = covariance(rng, 6), np.full(6, 1 / 6), Constraints(lower=-5, upper=5)
    price = 0.1 * c.variance(held)

    def goal(w: np.ndarray) -> float:
        return c.variance(w) + price * np.abs(w - held).sum()

    best = Optimizer(names(6), MinimumVariance(turnover_penalty=0.1), wide).solve(c, previous=held).weights
    free = Optimizer(names(6), MinimumVariance(), wide).solve(c, previous=held).weights
    assert 0 < np.abs(best - held).sum() < np.abs(free - held).sum()
    for _ in range(200):
        step = rng.standard_normal(6) * 10 ** rng.uniform(-6, -1)
        assert goal(best + step - step.mean()) > goal(best) - 1e-12
    still = Optimizer(names(6), MinimumVariance(turnover_penalty=10.0), wide).solve(c, previous=held).weights
    np.testing.assert_allclose(still, held, atol=1e-6)
