"""The limits that clash are named, all of them are needed, and no other is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.covariance.base import Covariance
from riskengine.errors import InfeasibleError
from riskengine.portfolio import Constraints, Group, MinimumVariance, NamedConstraint, Optimizer
from riskengine.portfolio.feasibility import clashing_limits, feasible

ASSETS = ("A", "B", "C", "D")
HELD = np.array([0.7, 0.1, 0.1, 0.1])
CASES = [
    (Constraints(upper=0.2), {}, {"budget = 1", "upper bound 0.2"}),
    (
        Constraints(groups=(Group("tech", ("A", "B"), lower=0.8), Group("big", ("A", "B"), upper=0.3))),
        {},
        {"group tech >= 0.8", "group big <= 0.3"},
    ),
    (
        Constraints(upper={"A": 0.2}, turnover=0.1),
        {"previous": HELD},
        {"upper bound 0.2 of A", "turnover <= 0.1"},
    ),
    (
        Constraints(groups=(Group("tech", ("A", "B"), lower=0.5),)),
        {"tradable": np.array([False, False, True, True])},
        {"group tech >= 0.5", "not tradable: A, B"},
    ),
    (Constraints(lower={"A": 0.6, "B": 0.5}), {}, {"budget = 1", "lower bound 0.6 of A", "lower bound 0.5 of B",
                                                   "lower bound 0 of C, D"}),
]  # fmt: skip


@pytest.mark.parametrize(("constraints", "today", "names"), CASES)
def test_infeasible_limits_are_named(constraints, today, names):
    optimizer = Optimizer(ASSETS, MinimumVariance(), constraints)
    with pytest.raises(InfeasibleError) as caught:
        optimizer.solve(Covariance.dense(np.diag([0.04, 0.03, 0.02, 0.01])), **today)
    assert set(caught.value.limits) == names
    assert all(name in str(caught.value) for name in names)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_named_clashes_and_without_any_one_of_it_does_not(seed):
    rng = np.random.default_rng(seed)
    groups = tuple(
        Group(f"g{k}", tuple(rng.choice(ASSETS, 2, replace=False)), *np.sort(rng.uniform(0, 1, 2)))
        for k in range(3)
    )
    previous = rng.dirichlet(np.ones(4))
    constraints = Constraints(upper=float(rng.uniform(0.2, 0.7)), groups=groups, turnover=0.2)
    limits = Optimizer(ASSETS, MinimumVariance(), constraints).limits(previous)
    names = clashing_limits(4, limits)
    assert (not names) == feasible(4, limits)
    named = [limit for limit in limits if limit.name in names]
    if names:
        assert not feasible(4, named)
    for limit in named:
        assert feasible(4, [other for other in named if other is not limit])


def test_feasible_limits_do_not_clash():
    limits = [
        NamedConstraint.equal("budget = 1", np.ones(3), 1.0),
        NamedConstraint.below("cap", np.eye(3), np.full(3, 0.34)),
    ]
    assert clashing_limits(3, limits) == ()
