"""What to hold when the problem as asked has no solution, in a declared order."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import InfeasibleError
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.multi_period import MultiPeriodOptimizer
from riskengine.portfolio.optimizer import Optimizer, Solution

Array = np.ndarray
_ROOM = 1e-5

BEYOND_TURNOVER = "beyond turnover limit"
"""Status of a decision that exceeds its turnover limit by the least that its other limits leave."""


def solve_or_fall_back(
    optimizer: Optimizer | MultiPeriodOptimizer,
    covariance: Covariance,
    expected_returns: Array | None = None,
    previous: Array | None = None,
    tradable: Array | None = None,
    notes: tuple[str, ...] = (),
    **market: Any,
) -> Decision:
    """Solve as asked; if no portfolio satisfies the limits, fall back and say so.

    The order: as asked; with the turnover limit exceeded by as little as the other limits need; the previous
    weights of what can still be traded, scaled to the budget; equal weight over what can be traded; all in cash.
    The last three may break limits, and the decision's notes name the ones that clashed. Previous weights are
    passed over where scaling them to the budget would lever them up, as with long and short positions that nearly
    cancel. A budget that is a range counts as the nearest point of it, of equal weight as the greatest.
    What else the objective needs (scenarios, volume, benchmark, exposures) goes in by name as ``market``.
    """
    n = len(optimizer.assets)
    allowed = np.ones(n, bool) if tradable is None else np.asarray(tradable)
    try:
        solution = optimizer.solve(covariance, expected_returns, previous, tradable, **market)
        return Decision(solution.weights, "ok", covariance, (*notes, *_caution(solution)))
    except InfeasibleError as error:
        reason = _reason(error)
    if optimizer.constraints.turnover is not None and previous is not None:
        try:
            needed = optimizer.least_turnover(covariance, previous, expected_returns, tradable, **market)
            # A little more than the least, or nothing is left to choose among and solvers fail.
            limit = optimizer.constraints.turnover
            most_traded: bool | float = False if needed is None else max(limit, needed + _ROOM)
            solution = optimizer.solve(
                covariance, expected_returns, previous, tradable, turnover=most_traded, **market
            )
            traded = np.abs(np.where(allowed, solution.weights - previous, 0.0)).sum()
            how = f"turnover of {traded:.1%} instead of at most {limit:.1%}"
            said = (*notes, reason, f"{how}, the least that the other limits leave", *_caution(solution))
            return Decision(solution.weights, BEYOND_TURNOVER, covariance, said)
        except InfeasibleError as error:
            reason = _reason(error)
    least, most = optimizer.constraints.budget_range
    kept = None
    if previous is not None:
        net = float(np.sum(np.where(allowed, previous, 0.0)))
        kept = _scaled(previous, allowed, min(max(net, least), most))
    if kept is not None:
        return Decision(kept, "previous weights", covariance, (*notes, reason))
    if allowed.any() and most != 0:
        return Decision(allowed * (most / allowed.sum()), "equal weight", covariance, (*notes, reason))
    return Decision(np.zeros(n), "all in cash", covariance, (*notes, reason))


def _scaled(previous: Array, allowed: Array, budget: float) -> Array | None:
    """What is kept, scaled to the budget; None if that would more than double the exposure held before."""
    kept = np.where(allowed, previous, 0.0)
    net, gross = kept.sum(), np.abs(kept).sum()
    if gross <= 1e-6:
        return None
    if abs(net - budget) <= 1e-9:
        return kept
    if net * budget <= 0:
        return None
    scaled = kept * (budget / net)
    return scaled if np.abs(scaled).sum() <= 2 * max(abs(budget), np.abs(previous).sum()) else None


def _reason(error: InfeasibleError) -> str:
    # Without named limits the solvers failed on a feasible problem, and the error says so itself.
    return f"infeasible: {'; '.join(error.limits)}" if error.limits else str(error)


def _caution(solution: Solution) -> tuple[str, ...]:
    said = () if solution.status == "optimal" else (f"{solution.solver} reports {solution.status}",)
    return (*solution.notes, *said)
