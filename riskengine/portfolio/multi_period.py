"""Multi-period optimisation: several holding periods planned at once, the first trade done (Boyd et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cvxpy as cp
import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio.compiled_problem import PROBLEMS
from riskengine.portfolio.constraint_expressions import ConstraintExpressions, CostExpressions
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs, ProportionalCosts, itemised
from riskengine.portfolio.feasibility import clashing_limits, least_distance
from riskengine.portfolio.objective import Objective, ProblemExpressions
from riskengine.portfolio.optimizer import Solution
from riskengine.portfolio.polish import binding, polished
from riskengine.portfolio.problem_data import ProblemData
from riskengine.portfolio.risk_expressions import FactorRisk
from riskengine.portfolio.solver_data import SOLVERS, MatrixSlots, solve_compiled
from riskengine.portfolio.trading_state import trading_state

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Plan(Solution):
    """Weights to be traded to now, and what is intended later; ``value`` and ``binding`` are of the first period.

    Attributes
    ----------
    path : (periods, assets) weights of each period, the first of which are traded to now
    """

    path: Array = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, eq=False)
class MultiPeriodOptimizer:
    """Sum of an objective over several holding periods, less costs, limits in each.

    ``max sum_t mu_t' w_t - lambda / 2 w_t' Sigma_t w_t - cost(w_t - w_(t-1))``, with ``w_0`` the weights held. Planning
    ahead pays where expected returns decay at different speeds and trades are dear: what is bought to be held is worth
    its cost sooner than what will be sold again soon. Without costs and turnover limits every period is a problem of
    its own. :class:`~.OptimizedStrategy` plans with ``periods`` above one.

    Attributes
    ----------
    assets : names
    objective, constraints, costs : see their classes; limits hold in every period
    periods : at least one
    factors : columns that a covariance factor may have at most; the number of assets if not given

    Examples
    --------
    >>> from riskengine.portfolio import MeanVariance
    >>> planner = MultiPeriodOptimizer(("A", "B"), MeanVariance(4.0), Constraints(), periods=5)
    >>> covariance = Covariance.dense(np.diag([4e-4, 1e-4]), horizon=5)
    >>> plan = planner.solve(covariance, np.zeros(2), previous=np.array([0.5, 0.5]))
    >>> plan.weights.round(4), plan.path.shape
    (array([0.2, 0.8]), (5, 2))
    """

    assets: tuple[str, ...]
    objective: Objective
    constraints: Constraints
    costs: ProportionalCosts | Costs | None = None
    periods: int = 5
    factors: int | None = None

    def __post_init__(self) -> None:
        if self.periods < 1:
            raise SettingsError(f"a plan has at least one period, not {self.periods}")
        if not self.objective.sums_over_time:
            raise SettingsError(
                "several periods are planned for mean-variance, which weighs return, risk and costs; "
                f"{type(self.objective).__name__} does not add up over time"
            )
        if self.constraints.min_holding is not None:
            raise SettingsError(
                "a least holding is not convex: use Optimizer, or leave min_holding out of the plan"
            )

    def solve(
        self,
        covariances: Covariance | Sequence[Covariance],
        expected_returns: Array | None = None,
        previous: Array | None = None,
        tradable: Array | None = None,
        turnover: bool | float = True,
        *,
        volume: Array | None = None,
        exposures: Mapping[str, Array] | None = None,
        trade_rate: float = 1.0,
    ) -> Plan:
        """Best plan.

        Parameters
        ----------
        covariances : per day, one for all periods or one a period; their ``horizon`` is a period's length in days
        expected_returns : per day, (assets,) for all periods or (periods, assets)
        previous, tradable, turnover, volume, exposures, trade_rate : see :meth:`.Optimizer.solve`; all in cash if
            ``previous`` is not given, and then no turnover limit applies

        Raises
        ------
        InfeasibleError
            If no portfolio satisfies the limits; ``.limits`` names those that clash.
        SettingsError, DataError
            As :meth:`Optimizer.solve` does.
        """
        costs, n = itemised(self.costs), len(self.assets)
        each = self._each_period(covariances, expected_returns)
        state = trading_state(self.assets, self.constraints, previous, tradable, turnover, volume, exposures)
        data = [self.objective.problem_data(costs, state, covariance, mu) for covariance, mu in each]
        problem: CompiledPlan = PROBLEMS.get(
            CompiledPlan, self.objective, self.constraints, costs, n, self.periods, self.factors or n
        )
        problem.fill(data)
        for solver in SOLVERS:
            try:
                status, seconds = solve_compiled(problem.problem, solver, problem.slots)
            except cp.SolverError:
                continue
            if status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                solved = [np.asarray(w.value) for w in problem.weights]
                path = np.array([polished(self.constraints, state, row) for row in solved])
                first, notes = path[0], dict.fromkeys(note for one in data for note in one.risk.notes)
                if trade_rate < 1 and previous is not None:
                    part = trade_rate * first + (1 - trade_rate) * state.previous
                    first = polished(self.constraints, state, solved[0], part)
                value = self.objective.value(data[0], first)
                return Plan(first, solver, value, binding(first, state), status, tuple(notes), seconds, path)
            # Staying where the first period's limits allow is a plan: if they do not clash, there is one.
            clash = clashing_limits(n, state.limits())
            if clash:
                raise InfeasibleError(clash)
        raise InfeasibleError(
            (), f"the solvers {', '.join(SOLVERS)} gave up: check the covariance for extremes"
        )

    def least_turnover(
        self,
        covariances: Covariance | Sequence[Covariance],
        previous: Array,
        expected_returns: Array | None = None,
        tradable: Array | None = None,
        **market: Any,
    ) -> float | None:
        """Least turnover in the first period: see :meth:`.Optimizer.least_turnover`."""
        today = {name: market.get(name) for name in ("volume", "exposures")}
        state = trading_state(self.assets, self.constraints, previous, tradable, False, **today)
        return least_distance(len(self.assets), state.limits(), state.previous)

    def _each_period(
        self, covariances: Covariance | Sequence[Covariance], expected_returns: Array | None
    ) -> list[tuple[Covariance, Array | None]]:
        """Covariance and expected returns ``(assets,)`` of each period."""
        n, mu = len(self.assets), [expected_returns] * self.periods
        if expected_returns is not None and np.shape(expected_returns) != (n,):
            if np.shape(expected_returns) != (self.periods, n):
                raise SettingsError(
                    f"expected returns of shape {np.shape(expected_returns)} for {self.periods} periods of "
                    f"{n} assets"
                )
            mu = list(expected_returns)
        each = [covariances] * self.periods if isinstance(covariances, Covariance) else list(covariances)
        if len(each) != self.periods:
            raise SettingsError(f"{len(each)} covariances for {self.periods} periods")
        return list(zip(each, mu, strict=True))


class CompiledPlan:
    """The problem of several periods, compiled once: see :class:`~.compiled_problem.CompiledProblem`.

    Parameters
    ----------
    objective, constraints, costs : see their classes
    size : assets
    periods : of the plan
    factors : columns that a covariance factor may have at most
    """

    def __init__(
        self,
        objective: Objective,
        constraints: Constraints,
        costs: Costs,
        size: int,
        periods: int,
        factors: int,
    ) -> None:
        self.slots = MatrixSlots()
        self.limits = ConstraintExpressions(constraints, size, self.slots)
        self.charges = CostExpressions(objective.costs(costs), size)
        self.weights = [cp.Variable(size) for _ in range(periods)]
        self.risks = [FactorRisk(w, factors, self.slots) for w in self.weights]
        self.expressions: list[ProblemExpressions] = []
        total, limits, before = cp.Constant(0.0), [], self.limits.previous
        for w, risk in zip(self.weights, self.risks, strict=True):
            one = cp.Constant(1.0)
            imposed = self.limits.impose(w, one, before, self.charges.of_trades, self.charges.of_shorts)
            charges, more = self.charges.of(imposed, one)
            expressions = ProblemExpressions(w, risk, cp.Parameter(size), charges, None)
            goal = objective.expression(expressions)
            total = total + goal.expression
            limits += [*imposed.constraints, *more, *goal.constraints, *risk.constraints]
            self.expressions.append(expressions)
            before = w
        self.problem = cp.Problem(cp.Minimize(total), limits)

    def fill(self, data: list[ProblemData]) -> None:
        """Set every parameter, all in the units of the first period."""
        first, everyone = data[0], np.arange(len(data[0].linear_term))
        self.limits.fill(first, everyone)
        self.charges.fill(first, everyone)
        for one, risk, expressions in zip(data, self.risks, self.expressions, strict=True):
            risk.fill(one.risk, everyone, first.risk.mean_variance)
            expressions.fill(replace(one, linear_term=one.linear_term * one.unit / first.unit), everyone)
