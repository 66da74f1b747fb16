"""What to hold when the problem as asked has no solution, in a declared order."""

from __future__ import annotations

import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.errors import InfeasibleError
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.problem import Optimizer

Array = np.ndarray


def solve_or_fall_back(
    optimizer: Optimizer,
    covariance: Covariance,
    expected_returns: Array | None = None,
    previous: Array | None = None,
    tradable: Array | None = None,
    notes: tuple[str, ...] = (),
) -> Decision:
    """Solve as asked; if no portfolio satisfies the limits, fall back and say so.

    The order: as asked; without the turnover limit; the previous weights of what can still be traded,
    scaled to the budget; equal weight over what can be traded; all in cash. The last three may break
    limits, and the decision's notes name the ones that clashed.
    """
    n = len(optimizer.assets)
    allowed = np.ones(n, bool) if tradable is None else np.asarray(tradable)
    try:
        solution = optimizer.solve(covariance, expected_returns, previous, tradable)
        return Decision(solution.weights, "ok", covariance, notes)
    except InfeasibleError as error:
        reason = f"infeasible: {'; '.join(error.limits) or error}"
    if optimizer.constraints.turnover is not None and previous is not None:
        try:
            solution = optimizer.solve(covariance, expected_returns, previous, tradable, turnover=False)
            return Decision(solution.weights, "without turnover limit", covariance, (*notes, reason))
        except InfeasibleError as error:
            reason = f"infeasible: {'; '.join(error.limits) or error}"
    kept = np.where(allowed, np.zeros(n) if previous is None else previous, 0.0)
    budget = optimizer.constraints.budget
    if kept.sum() > 1e-6:
        return Decision(kept * (budget / kept.sum()), "previous weights", covariance, (*notes, reason))
    if allowed.any():
        return Decision(allowed * (budget / allowed.sum()), "equal weight", covariance, (*notes, reason))
    return Decision(np.zeros(n), "all in cash", covariance, (*notes, reason))
