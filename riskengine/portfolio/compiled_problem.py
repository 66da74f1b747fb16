"""One compiled cvxpy problem over a fixed number of assets, to be filled with numbers and solved again and again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np

from riskengine.portfolio.constraint_expressions import ConstraintExpressions, CostExpressions
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs
from riskengine.portfolio.objective import Objective, ProblemExpressions
from riskengine.portfolio.problem_data import ProblemData
from riskengine.portfolio.risk_expressions import DenseRisk, FactorRisk
from riskengine.portfolio.solver_data import SOLVERS, MatrixSlots, Options, solve_compiled

Array = np.ndarray

KEPT = 16
"""Compiled problems that a thread keeps; one of 1,000 assets may take a hundred megabytes."""


class SolverAnswer(NamedTuple):
    """A solver's answer: weights ``(size,)`` and their free scale, cvxpy's status, the solver's own seconds."""

    weights: Array
    status: str
    seconds: float
    scale: float


class CompiledProblem:
    """A portfolio problem over ``size`` assets.

    Everything that changes from solve to solve (which assets take the places, their risk, bounds, costs) is a cvxpy
    parameter that enters linearly (disciplined parametrised programming, Agrawal et al. 2019), or a matrix
    that is written into the solver's data: see :mod:`~riskengine.portfolio.solver_data`. So cvxpy compiles it once.
    Places left over have both bounds at zero. A solve depends on the numbers filled in alone.

    Parameters
    ----------
    objective, constraints, costs : see their classes
    size : assets it can hold
    factors : columns of the covariance's factor; None for a dense covariance
    scenarios : rows of scenarios, for objectives that need them
    """

    def __init__(
        self,
        objective: Objective,
        constraints: Constraints,
        costs: Costs,
        size: int,
        factors: int | None,
        scenarios: int = 0,
    ) -> None:
        self.objective, self.size = objective, size
        self.slots = MatrixSlots()
        self.limits = ConstraintExpressions(constraints, size, self.slots)
        self.weights = cp.Variable(size)
        self.scale = cp.Variable(nonneg=True) if objective.scale_free else cp.Constant(1.0)
        self.risk = risk_expression(objective, self.weights, factors, self.slots)
        self.charges = CostExpressions(objective.costs(costs), size)
        self.imposed = self.limits.impose(
            self.weights,
            self.scale,
            self.limits.previous * self.scale,
            self.charges.of_trades,
            self.charges.of_shorts,
        )
        linear_term = cp.Parameter(size)
        self.scenarios = self.slots.reserve(scenarios, size) if scenarios else None
        charges, more = self.charges.of(self.imposed, self.scale)
        rows = None if self.scenarios is None else self.scenarios.expression
        self.expressions = ProblemExpressions(self.weights, self.risk, linear_term, charges, rows)
        self.goal = objective.expression(self.expressions)
        risky = [] if self.risk is None else self.risk.constraints
        limits = [*self.imposed.constraints, *more, *self.goal.constraints, *risky]
        self.problem = cp.Problem(cp.Minimize(self.goal.expression), limits)

    def fill(self, data: ProblemData, index: Array) -> None:
        """Set every parameter to the values of the assets at ``index`` (positions)."""
        if len(index) > self.size:
            raise ValueError(f"{len(index)} assets in a problem of {self.size}")
        self.limits.fill(data, index)
        self.charges.fill(data, index)
        self.expressions.fill(data, index)
        if self.risk is not None:
            self.risk.fill(data.risk, index, data.risk.mean_variance)
        if self.scenarios is not None:
            self.scenarios.values[:] = 0.0
            self.scenarios.values[:, : len(index)] = data.scenarios[:, index]

    def solve(self, solver: str = SOLVERS[0], options: Options | None = None) -> SolverAnswer:
        """Solve with the values filled in.

        Raises
        ------
        cvxpy.SolverError
            If the solver gave up.
        """
        square = None if self.risk is None else self.risk.matrix
        status, seconds = solve_compiled(self.problem, solver, self.slots, square, options)
        if self.weights.value is None:
            return SolverAnswer(np.zeros(self.size), status, seconds, 1.0)
        scale = float(self.scale.value)
        return SolverAnswer(np.asarray(self.weights.value) / (scale or 1.0), status, seconds, scale)

    def marginal(self, data: ProblemData, weights: Array, scale: float) -> Array:
        """By how much the goal rises with each asset at the last solution, limits priced in, ``(assets,)``.

        An asset left out at zero belongs there if this is not negative. Assets that are held in part may be
        taken as if their trades cost what buying costs.
        """
        sums = np.zeros(len(weights))
        for constraint, place, sign in self.imposed.sums:
            dual = float(np.sum(constraint.dual_value))
            sums += sign * dual * (1.0 if place is None else data.state.rows[place])
        return self.objective.marginal(self.goal, data, weights, scale) + sums


def risk_expression(
    objective: Objective, weights: cp.Variable, factors: int | None, slots: MatrixSlots
) -> FactorRisk | DenseRisk | None:
    """The risk that an objective asks for; ``factors`` is None for a dense covariance."""
    if objective.risk_term == "none":
        return None
    cone = objective.risk_term == "volatility"  # which the solver's quadratic matrix cannot hold
    if factors is None and not cone:
        return DenseRisk(weights)
    return FactorRisk(weights, factors or weights.size, slots, cone)


class ProblemCache(threading.local):
    """The compiled problems last used, at most ``most`` a thread, by the settings that they were made of.

    A cache and nothing else: problems with equal settings are the same problem, and forgetting one costs the second
    of compiling it again, never a digit. Settings need not be hashable, only comparable.
    """

    def __init__(self, most: int = KEPT) -> None:
        self.most = most
        self._kept: list[tuple[tuple[Any, ...], Any]] = []

    def get(self, make: Callable[..., Any], *settings: Any) -> Any:
        """The problem of these settings: kept, or made by ``make(*settings)``, and then the last used."""
        key = (make, *settings)
        place = next((k for k, (kept, _) in enumerate(self._kept) if _begins(kept, key)), None)
        self._kept.append((key, make(*settings)) if place is None else self._kept.pop(place))
        del self._kept[: -self.most]
        return self._kept[-1][1]

    def matching(self, make: Callable[..., Any], *settings: Any) -> list[Any]:
        """Problems whose settings begin with these, the last used one last."""
        return [problem for kept, problem in self._kept if _begins(kept, (make, *settings))]

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()


def _begins(settings: tuple[Any, ...], beginning: tuple[Any, ...]) -> bool:
    return all(one is other or one == other for one, other in zip(settings, beginning, strict=False))


PROBLEMS = ProblemCache()
