"""Column generation: solving over some of the assets and pricing the others gives what solving over all gives."""

import numpy as np
import pytest

from riskengine.covariance.base import Covariance
from riskengine.errors import InfeasibleError
from riskengine.portfolio import (
    Constraints,
    Costs,
    Exposure,
    Group,
    MaximumDiversification,
    MaximumReturn,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Optimizer,
    TrackingError,
)
from riskengine.portfolio.compiled_problem import PROBLEMS

N = 60
NAMES = tuple(f"S{k}" for k in range(N))
OBJECTIVES = [
    MinimumVariance(),
    MeanVariance(5.0),
    MaximumSharpe(),
    MaximumReturn(0.12),
    MinimumCvar(0.9),
    MaximumDiversification(),
    TrackingError(),
]


@pytest.fixture(scope="module")
def market():
    """Sixty assets, dense covariance, half a year of scenarios."""
    rng = np.random.default_rng(2)
    returns = 0.01 * rng.standard_normal((120, N)) * rng.uniform(0.5, 2, N)
    returns += 0.01 * rng.standard_normal((120, 1)) * rng.uniform(0.3, 1.5, N)
    held = np.zeros(N)
    held[:4] = 0.25
    return {
        "covariance": Covariance.dense(0.7 * np.cov(returns.T) + 0.3 * np.diag(returns.var(axis=0)), 21),
        "expected_returns": rng.uniform(-2e-4, 8e-4, N),
        "previous": held,
        "tradable": np.arange(N) % 9 != 5,
        "scenarios": returns,
        "benchmark": np.where(np.arange(N) < 10, 0.1, 0.0),
    }


def limits(objective):
    return Constraints(
        upper=0.25,
        budget=(0.2, 1.0) if isinstance(objective, MaximumReturn) else 1.0,
        turnover=1.8,
        leverage=1.1,
        groups=(Group("odd", NAMES[1::2], lower=0.1, upper=0.45),),
        exposures=(Exposure("size", {name: k / N for k, name in enumerate(NAMES)}, upper=0.4),),
        soft={"turnover": 1e-3},
    )


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_small_problems_find_the_optimum_of_the_whole(objective, market):
    whole, parts = (
        Optimizer(NAMES, objective, limits(objective), Costs(0.0005), sizes=sizes) for sizes in ((), (20, 30))
    )
    PROBLEMS.clear()
    best = whole.solve(**market)
    assert [problem.size for problem in whole.compiled] == [N]
    found = parts.solve(**market)
    if not isinstance(objective, TrackingError):  # ten assets and their hedges may need more than 30
        assert parts.compiled[-1].size in (20, 30)
    np.testing.assert_allclose(found.weights, best.weights, atol=2e-5)
    assert found.value == pytest.approx(best.value, rel=1e-6)


def test_clashing_limits_are_named_without_the_whole_problem(market):
    PROBLEMS.clear()
    optimizer = Optimizer(NAMES, MinimumVariance(), Constraints(upper=0.01), sizes=(16, 24))
    with pytest.raises(InfeasibleError) as caught:
        optimizer.solve(market["covariance"], tradable=market["tradable"])
    assert {"budget = 1", "upper bound 0.01"} <= set(caught.value.limits)
    assert all(problem.size < N for problem in optimizer.compiled)


def test_what_is_feasible_only_with_more_assets_than_a_small_problem_has_is_solved(market):
    parts, whole = (
        Optimizer(NAMES, MinimumVariance(), Constraints(upper=0.03), sizes=sizes).solve(market["covariance"])
        for sizes in ((16, 24), ())
    )
    np.testing.assert_allclose(parts.weights, whole.weights, atol=1e-6)
