"""Solving over some of the assets and pricing the others gives what solving over all of them gives."""

import numpy as np
import pytest

from riskengine.covariance.contract import Covariance
from riskengine.errors import InfeasibleError
from riskengine.portfolio import (
    Constraints,
    Costs,
    Exposure,
    Group,
    MaximumDiversification,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Optimizer,
    TargetVolatility,
    TrackingError,
    problem,
    sifting,
)

N = 60
NAMES = tuple(f"S{k}" for k in range(N))
OBJECTIVES = [
    MinimumVariance(),
    MeanVariance(5.0),
    MaximumSharpe(),
    TargetVolatility(0.12),
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
        budget=(0.2, 1.0) if isinstance(objective, TargetVolatility) else 1.0,
        turnover=1.8,
        leverage=1.1,
        groups=(Group("odd", NAMES[1::2], lower=0.1, upper=0.45),),
        exposures=(Exposure("size", {name: k / N for k, name in enumerate(NAMES)}, upper=0.4),),
        soft={"turnover": 1e-3},
    )


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_sifting_finds_the_optimum_of_the_whole(objective, market, monkeypatch):
    optimizer = Optimizer(NAMES, objective, limits(objective), Costs(0.0005))
    whole = optimizer.solve(**market)
    assert next(iter(optimizer._programs))[0] == N
    monkeypatch.setattr(sifting, "SIZES", (20, 30))
    sifted = optimizer.solve(**market)
    if not isinstance(objective, TrackingError):  # ten assets and their hedges may need more than 30 slots
        assert {key[0] for key in optimizer._programs} & {20, 30}
        assert next(reversed(optimizer._programs))[0] < N
    np.testing.assert_allclose(sifted.weights, whole.weights, atol=2e-5)
    assert sifted.value == pytest.approx(whole.value, rel=1e-6)


def test_clashing_limits_are_named_without_the_whole_problem(market, monkeypatch):
    monkeypatch.setattr(sifting, "SIZES", (16, 24))
    optimizer = Optimizer(NAMES, MinimumVariance(), Constraints(upper=0.01))
    with pytest.raises(InfeasibleError) as caught:
        optimizer.solve(market["covariance"], tradable=market["tradable"])
    assert {"budget = 1", "upper bound 0.01"} <= set(caught.value.limits)
    assert all(key[0] < N for key in optimizer._programs)


def test_what_is_feasible_only_with_more_assets_than_a_small_problem_has_is_solved(market, monkeypatch):
    monkeypatch.setattr(sifting, "SIZES", (16, 24))
    optimizer = Optimizer(NAMES, MinimumVariance(), Constraints(upper=0.03))
    found = optimizer.solve(market["covariance"])
    monkeypatch.setattr(problem, "sifts", lambda *given: False)
    np.testing.assert_allclose(optimizer.solve(market["covariance"]).weights, found.weights, atol=1e-6)
