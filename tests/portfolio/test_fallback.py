"""What is held when the limits clash: the declared order, and the reason beside it."""

import numpy as np
import pytest

from riskengine.covariance.base import Covariance
from riskengine.errors import StrategyError
from riskengine.portfolio import Constraints, Decision, MinimumVariance, Optimizer, Solution
from riskengine.portfolio.fallback import solve_or_fall_back

ASSETS = ("A", "B", "C", "D")
RISK = Covariance.dense(np.diag([0.04, 0.03, 0.02, 0.01]))
IMPOSSIBLE = Constraints(upper=0.2)


def decide(constraints, **today) -> Decision:
    return solve_or_fall_back(Optimizer(ASSETS, MinimumVariance(), constraints), RISK, **today)


def test_as_asked():
    decision = decide(Constraints(), notes=("kept",))
    assert (decision.status, decision.notes, decision.covariance) == ("ok", ("kept",), RISK)


def test_first_the_turnover_limit_is_exceeded_by_as_little_as_possible():
    limits = Constraints(upper=0.4, turnover=0.1)
    decision = decide(limits, previous=np.array([1.0, 0, 0, 0]))
    assert decision.status == "beyond turnover limit"
    assert decision.weights.max() <= 0.4 + 1e-9
    assert np.abs(decision.weights - [1.0, 0, 0, 0]).sum() == pytest.approx(1.2, abs=2e-5)
    assert decision.notes[1].startswith("turnover of 120.0% instead of at most 10.0%")
    assert any("turnover <= 0.1" in note for note in decision.notes)


def test_then_the_previous_weights_of_what_can_be_traded():
    held, open_ = np.array([0.5, 0.3, 0.2, 0.0]), np.array([True, True, False, True])
    decision = decide(IMPOSSIBLE, previous=held, tradable=open_)
    assert decision.status == "previous weights"
    np.testing.assert_allclose(decision.weights, [0.625, 0.375, 0, 0])
    assert any("upper bound 0.2" in note for note in decision.notes)


@pytest.mark.parametrize("held", [None, np.zeros(4), np.array([0, 0, 1.0, 0])])
def test_then_equal_weight(held):
    decision = decide(IMPOSSIBLE, previous=held, tradable=np.array([True, True, False, True]))
    assert decision.status == "equal weight"
    np.testing.assert_allclose(decision.weights, np.array([1, 1, 0, 1]) / 3)


def test_then_cash():
    decision = decide(IMPOSSIBLE, tradable=np.zeros(4, bool))
    assert decision.status == "all in cash"
    assert not decision.weights.any()


@pytest.mark.parametrize("weights", [np.array([0.5, np.nan]), np.array([np.inf]), np.ones((2, 2))])
def test_a_decision_is_one_finite_number_an_asset(weights):
    with pytest.raises(StrategyError, match="finite"):
        Decision(weights)


def test_a_decision_cannot_be_changed_through_the_callers_array():
    weights = np.array([0.5, 0.5])
    decision = Decision(weights)
    weights[0] = 9
    assert decision.weights[0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        decision.weights[0] = 1


def test_previous_weights_that_nearly_cancel_are_not_levered_up_to_the_budget():
    held, open_ = np.array([1.2, -1.19, 0.99, 0.0]), np.array([True, True, False, True])
    decision = decide(Constraints(lower=-2, upper=0.1), previous=held, tradable=open_)
    assert decision.status == "equal weight"
    assert np.abs(decision.weights).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("held", "status", "weights"),
    [([0.3, -0.3, 0, 0], "previous weights", [0.3, -0.3, 0, 0]), ([0.5, 0.2, 0, 0], "all in cash", [0] * 4)],
)
def test_a_budget_of_zero_cannot_be_reached_by_scaling(held, status, weights):
    decision = decide(Constraints(lower=0.1, upper=0.5, budget=0.0), previous=np.array(held, float))
    assert decision.status == status
    np.testing.assert_allclose(decision.weights, weights)


def test_a_solution_short_of_its_tolerance_is_noted():
    class Short(Optimizer):
        def solve(self, *given):
            return Solution(np.full(4, 0.25), "CLARABEL", 0.01, (), "optimal_inaccurate")

    decision = solve_or_fall_back(Short(ASSETS, MinimumVariance(), Constraints()), RISK)
    assert decision.status == "ok"
    assert decision.notes == ("CLARABEL reports optimal_inaccurate",)


def test_solvers_that_give_up_are_not_called_infeasible():
    decision = solve_or_fall_back(Optimizer(ASSETS, MinimumVariance(), Constraints(), solvers=()), RISK)
    assert decision.status == "equal weight"
    assert "gave up" in decision.notes[0]
    assert not decision.notes[0].startswith("infeasible")
