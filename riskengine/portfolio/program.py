"""One compiled cvxpy problem over a fixed number of slots, to be filled with assets and solved again and again."""

from __future__ import annotations

import contextlib
import warnings
from typing import NamedTuple

import cvxpy as cp
import numpy as np

from riskengine.portfolio.blocks import Blocks, write_square
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import YEAR, Costs
from riskengine.portfolio.day import Day
from riskengine.portfolio.limits import Imposed, Limits
from riskengine.portfolio.objectives import (
    MONEY,
    RATIOS,
    MinimumCvar,
    MinimumVariance,
    Objective,
    RiskBudgeting,
    TargetVolatility,
)
from riskengine.portfolio.terms import DenseRisk, FactorRisk, Pieces, compose

Array = np.ndarray

SOLVERS = (cp.CLARABEL, cp.SCS)
Options = dict[str, float | str | bool]
ATTEMPTS: dict[str, tuple[Options, ...]] = {
    cp.CLARABEL: (
        {"tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10},
        {},
        {"max_step_fraction": 0.9},
    ),
    cp.SCS: ({"eps_abs": 1e-7, "eps_rel": 1e-7, "max_iters": 50_000},),
}
"""Options of each solver, in turn until it reaches its tolerance: cones may not reach the first, and power cones
may want shorter steps."""
WIDE = 400
"""Slots of a dense problem from which Clarabel's supernodal factorisation is the faster one."""


class Answer(NamedTuple):
    """What a solver found: weights of the slots ``(slots,)``, its word, its own seconds, their scale."""

    weights: Array
    status: str
    seconds: float
    scale: float


class Program:
    """A portfolio problem over ``slots`` assets.

    Everything that changes from day to day (which assets fill the slots, their risk, bounds, costs) is a cvxpy
    parameter that enters linearly (disciplined parametrised programming, Agrawal et al. 2019), or a matrix
    that is written into the solver's data: see :mod:`~riskengine.portfolio.blocks`. So cvxpy compiles it once.
    Empty slots have both bounds at zero.

    Parameters
    ----------
    objective, constraints, costs : see their classes
    slots : assets it can hold
    factors : columns of the covariance's factor; None for a dense covariance
    scenarios : rows of scenarios, for CVaR
    """

    def __init__(
        self,
        objective: Objective,
        constraints: Constraints,
        costs: Costs,
        slots: int,
        factors: int | None,
        scenarios: int = 0,
    ) -> None:
        self.objective, self.slots = objective, slots
        self.blocks = Blocks()
        self.limits = Limits(constraints, slots, self.blocks)
        self.y = cp.Variable(slots)
        self.scale = cp.Variable(nonneg=True) if isinstance(objective, RATIOS) else cp.Constant(1.0)
        cone = isinstance(objective, TargetVolatility)
        self.risk = (
            DenseRisk(self.y)
            if factors is None and not cone
            else FactorRisk(self.y, factors or slots, self.blocks, cone)
        )
        if not isinstance(objective, MONEY):  # the day says at what price, only whether matters here
            costs = Costs(spread=1e-4 if getattr(objective, "trading", 0.0) else 0.0)
        self.charges = Charges(costs, slots)
        before = self.limits.previous * self.scale
        self.imposed = self.limits.impose(
            self.y, self.scale, before, self.charges.of_trades, self.charges.of_shorts
        )
        self.reward, self.budgets = cp.Parameter(slots), cp.Parameter(slots, nonneg=True)
        self.closed = cp.Parameter(slots, nonneg=True)
        self.cap = cp.Parameter(nonneg=True)
        self.scenarios = self.blocks.reserve(scenarios, slots) if scenarios else None
        charge, more = self.charges.of(self.imposed, self.scale)
        composed = compose(
            objective,
            Pieces(
                self.y, self.risk, self.imposed, self.reward, charge, self.scenarios, self.cap, self.budgets,
                self.closed,
            ),
        )  # fmt: skip
        self.composed = composed
        risky = [] if isinstance(objective, MinimumCvar) else self.risk.constraints
        limits = [*self.imposed.constraints, *more, *composed.constraints, *risky]
        self.problem = cp.Problem(cp.Minimize(composed.goal), limits)

    def fill(self, day: Day, pick: Array) -> None:
        """Set every parameter to the day's values of the picked assets (positions)."""
        if len(pick) > self.slots:
            raise ValueError(f"{len(pick)} assets for {self.slots} slots")
        used = slice(len(pick))
        self.limits.fill(day.today, pick, day.coin)
        self.charges.fill(day, pick)
        self.reward.value = np.zeros(self.slots)
        self.reward.value[used] = day.reward[pick]
        if isinstance(self.risk, FactorRisk):
            self._fill_factors(day, pick)
        else:
            self.risk.fill(day.risk.block(pick) / day.risk.unit)
        if isinstance(self.objective, RiskBudgeting):
            self.budgets.value, self.closed.value = np.zeros(self.slots), np.ones(self.slots)
            self.budgets.value[used] = day.budgets[pick]
            self.closed.value[used] = day.budgets[pick] == 0
        if isinstance(self.objective, TargetVolatility):
            self.cap.value = self.objective.volatility / np.sqrt(YEAR * day.risk.unit)
        if self.scenarios is not None:
            self.scenarios.values[:] = 0.0
            self.scenarios.values[:, used] = day.scenarios[:, pick]

    def _fill_factors(self, day: Day, pick: Array) -> None:
        assert isinstance(self.risk, FactorRisk)
        loadings, specific = day.risk.loadings[pick], day.risk.specific[pick]
        if loadings.shape[1] > len(self.risk.loadings.values):
            loadings, specific = np.linalg.cholesky(day.risk.block(pick)), np.zeros(len(pick))
        self.risk.fill(loadings / np.sqrt(day.risk.unit), specific / day.risk.unit)

    def solve(self, solver: str = SOLVERS[0], options: Options | None = None) -> Answer:
        """Solve with the values filled in.

        Raises
        ------
        cvxpy.SolverError
            If the solver gave up.
        """
        square = None
        if isinstance(self.risk, DenseRisk) and not isinstance(self.objective, MinimumCvar):
            square = self.risk.matrix
        status, seconds = solve_compiled(self.problem, solver, self.blocks, square, options)
        if self.y.value is None:
            return Answer(np.zeros(self.slots), status, seconds, 1.0)
        scale = float(self.scale.value)
        return Answer(np.asarray(self.y.value) / (scale or 1.0), status, seconds, scale)

    def marginal(self, day: Day, weights: Array, scale: float) -> Array:
        """By how much the goal rises with each asset at the last solution, limits priced in, ``(assets,)``.

        An asset left out at zero belongs there if this is not negative. Assets that are held in part may be
        taken as if their trades cost what buying costs.
        """
        composed, sums = self.composed, np.zeros(len(weights))
        if composed.tail is not None:
            risk = -(composed.tail.dual_value @ day.scenarios)
            price = 1.0
        else:
            slope = day.risk.times(weights) * scale / day.risk.unit
            price = 1.0 if composed.normal is None else float(composed.normal.dual_value)
            steepness = 2.0
            if composed.cone is not None:
                size = np.sqrt(day.risk.variance(weights) / day.risk.unit)
                steepness = float(composed.cone.dual_value) / max(size, 1e-12)
            risk = steepness * slope
        for constraint, place, sign in self.imposed.sums:
            dual = float(np.sum(constraint.dual_value))
            sums += sign * dual * (1.0 if place is None else day.today.rows[place])
        reward = 0.0 if isinstance(self.objective, MinimumVariance | MinimumCvar) else day.reward
        return risk - price * (reward - day.spread) + sums


class Charges:
    """Costs of trades and of shorts as cvxpy expressions, in the goal's unit."""

    def __init__(self, costs: Costs, slots: int) -> None:
        self.costs, self.slots = costs, slots
        self.spread, self.borrow = cp.Parameter(nonneg=True), cp.Parameter(nonneg=True)
        self.impact = cp.Parameter(slots, nonneg=True)

    @property
    def of_trades(self) -> bool:
        """Whether trades cost anything."""
        return self.costs.spread > 0 or self.costs.impact > 0

    @property
    def of_shorts(self) -> bool:
        """Whether shorts cost anything."""
        return self.costs.borrow > 0

    def fill(self, day: Day, pick: Array) -> None:
        """Set the prices of the picked assets."""
        self.spread.value, self.borrow.value = day.spread, day.borrow
        self.impact.value = np.zeros(self.slots)
        self.impact.value[: len(pick)] = day.impact[pick]

    def of(self, imposed: Imposed, scale: cp.Expression) -> tuple[cp.Expression, list[cp.Constraint]]:
        """Costs and the prices of soft limits together, and the constraints that impact needs."""
        charge, constraints = imposed.penalty, []
        if self.costs.spread > 0:
            charge = charge + self.spread * cp.sum(imposed.trades)
        if self.costs.borrow > 0:
            charge = charge + self.borrow * cp.sum(imposed.shorts)
        if self.costs.impact > 0:
            # |x|^(3/2) for weights of free scale is |x|^(3/2) / sqrt(scale): a power cone holds it.
            raised = cp.Variable(self.slots, nonneg=True)
            ones = np.ones(self.slots)
            constraints.append(cp.PowCone3D(raised, self.scaled(scale, ones), imposed.trades, 2 / 3))
            charge = charge + self.impact @ raised
        return charge, constraints

    @staticmethod
    def scaled(scale: cp.Expression, ones: Array) -> cp.Expression:
        """The scale once a slot."""
        return ones * scale


def solve_compiled(
    problem: cp.Problem,
    solver: str,
    blocks: Blocks,
    square: Array | None = None,
    options: Options | None = None,
) -> tuple[str, float]:
    """Solve a problem whose matrices are written into the solver's data; its status, the solver's own seconds.

    Every solve starts cold: interior points gain next to nothing from a warm start, and what is solved
    must not depend on what was solved before, or a run that was killed could not be repeated.

    Parameters
    ----------
    problem : its variables have their values afterwards
    solver : name
    blocks : filled
    square : (slots, slots) covariance, if it is dense
    options : for the solver; :data:`ATTEMPTS` in turn if not given

    Raises
    ------
    cvxpy.SolverError
        If the solver gave up.
    """
    if options is None:
        *firm, last = ATTEMPTS[solver]
        for attempt in firm:
            with contextlib.suppress(cp.SolverError):
                found = solve_compiled(problem, solver, blocks, square, attempt)
                if found[0] != cp.OPTIMAL_INACCURATE:
                    return found
        options = last
    if solver == cp.CLARABEL and square is not None and len(square) > WIDE:
        options = {"direct_solve_method": "faer", "max_threads": 1, **options}
    data, chain, inverse = problem.get_problem_data(solver, solver_opts=options)
    if square is not None:
        data["P"] = write_square(data["P"], square)
    blocks.write(data)
    raw = chain.solve_via_data(problem, data, warm_start=False, verbose=False, solver_opts=options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate")  # the status says so
        problem.unpack_results(raw, chain, inverse)
    return str(problem.status), float(problem.solver_stats.solve_time or 0.0)
