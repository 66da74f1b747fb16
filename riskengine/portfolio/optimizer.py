"""The portfolio problem: checked, solved, polished; infeasible limits named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio.column_generation import SIZES, can_pay, solve_by_columns
from riskengine.portfolio.compiled_problem import PROBLEMS, CompiledProblem, SolverAnswer
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs, ProportionalCosts, itemised
from riskengine.portfolio.feasibility import NamedConstraint, clashing_limits, least_distance
from riskengine.portfolio.min_holding import with_least_holdings
from riskengine.portfolio.objective import Objective
from riskengine.portfolio.polish import binding, polished
from riskengine.portfolio.problem_data import ProblemData
from riskengine.portfolio.solver_data import SOLVERS
from riskengine.portfolio.trading_state import TradingState, trading_state

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Solution:
    """Optimal weights, or a part of the way to them.

    Attributes
    ----------
    weights : (assets,) within their bounds, summing to the budget
    solver : that found them
    value : of the objective: variance per day, utility per day, Sharpe ratio of a day, expected return per day,
        CVaR with costs, volatility per day, diversification ratio, or tracking error per day
    binding : names of the limits that bind
    status : cvxpy's: ``"optimal"``, or ``"optimal_inaccurate"`` when the solver missed its tolerance
    notes : what was added to the covariance
    seconds : that the solver itself took
    """

    weights: Array
    solver: str
    value: float
    binding: tuple[str, ...]
    status: str = cp.OPTIMAL
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Optimizer:
    """A portfolio problem over fixed assets: settings that are solved with the numbers of a day.

    What is compiled is kept in a cache beside it (see :class:`~.compiled_problem.ProblemCache`), so that a solve is a
    function of its arguments and a second optimizer with the same settings costs nothing.

    The solver is Clarabel, and SCS where it gives up. For 1,000 assets and 20 factors, as multiples of its time:
    PIQP 1.1, SCS 1.7, OSQP 6.0; with a dense covariance over all assets PIQP 2.0, SCS 0.7, OSQP 1.8, the latter
    two at tolerances of 1e-7 against 1e-10 (``backtests/speed/optimiser.py``).
    An asset that may not be held has both bounds at zero, so a changing universe needs no new problem.
    Long-only problems of many assets with a dense covariance are solved over the assets that matter: see
    :mod:`~riskengine.portfolio.column_generation`.

    Attributes
    ----------
    assets : names
    objective, constraints, costs : see their classes; costs weigh on objectives that are measured in money
    factors : columns that a covariance factor may have at most; by the first covariances seen if not given
    sizes : assets of the small problems through which large ones are solved; empty to solve all of them whole
    solvers : names, each tried where those before gave up

    Examples
    --------
    >>> from riskengine.portfolio import MinimumVariance
    >>> problem = Optimizer(("A", "B"), MinimumVariance(), Constraints())
    >>> solution = problem.solve(Covariance.dense(np.diag([0.04, 0.01])))
    >>> solution.weights.round(4)
    array([0.2, 0.8])
    """

    assets: tuple[str, ...]
    objective: Objective
    constraints: Constraints
    costs: ProportionalCosts | Costs | None = None
    factors: int | None = None
    sizes: tuple[int, ...] = SIZES
    solvers: tuple[str, ...] = SOLVERS

    def __post_init__(self) -> None:
        self.constraints.bounds(self.assets)
        for limit in self.constraints.rows:
            limit.loadings(self.assets)  # so that an unknown asset is named now
        least, most = self.constraints.budget_range
        if self.objective.scale_free and not (least == most > 0 and "budget" not in self.constraints.soft):
            raise SettingsError(
                f"{type(self.objective).__name__} does not change with scale: its budget must be one positive number"
            )

    @property
    def compiled(self) -> tuple[CompiledProblem, ...]:
        """Compiled problems of these settings that the cache holds, the last used one last, to look at."""
        return tuple(PROBLEMS.matching(CompiledProblem, *self._settings))

    @property
    def _settings(self) -> tuple[Objective, Constraints, Costs]:
        return self.objective, self.constraints, itemised(self.costs)

    def solve(
        self,
        covariance: Covariance,
        expected_returns: Array | None = None,
        previous: Array | None = None,
        tradable: Array | None = None,
        turnover: bool | float = True,
        *,
        scenarios: Array | None = None,
        volume: Array | None = None,
        benchmark: Array | None = None,
        exposures: Mapping[str, Array] | None = None,
        trade_rate: float = 1.0,
    ) -> Solution:
        """Best weights.

        Parameters
        ----------
        covariance : per day, over the holding period
        expected_returns : (assets,) per day; mean-variance, maximum Sharpe and maximum return need them
        previous : (assets,) weights held now; none held if not given, and then no turnover limit applies
        tradable : (assets,) which may be held; all if not given
        turnover : whether the turnover limit applies; a number takes its place
        scenarios : (scenarios, assets) simple returns over the holding period; CVaR needs them
        volume : (assets,) value traded a day, as a multiple of own wealth; participation and impact need it
        benchmark : (assets,) weights; tracking needs them
        exposures : name to loadings ``(assets,)``, of exposures that have none of their own
        trade_rate : share of the way from ``previous`` to the best weights that is gone; bounds and budget are kept

        Raises
        ------
        InfeasibleError
            If no portfolio satisfies the limits; ``.limits`` names those that clash.
        SettingsError
            If shapes disagree, or something that is needed is missing.
        DataError
            If the covariance, the expected returns or the previous weights are not finite.
        """
        state = trading_state(self.assets, self.constraints, previous, tradable, turnover, volume, exposures)
        data = self.objective.problem_data(
            itemised(self.costs), state, covariance, expected_returns, scenarios, benchmark
        )
        columns = data.risk.loadings.shape[1]
        if self.factors is not None and columns > self.factors:
            raise SettingsError(f"a covariance with {columns} factors for a problem built for {self.factors}")
        least = self.constraints.min_holding
        data, answer, solver = self._solved(data) if least is None else self._settled(data, least)
        weights = polished(self.constraints, data.state, answer.weights)
        if trade_rate < 1 and previous is not None:
            part = trade_rate * weights + (1 - trade_rate) * state.previous
            weights = polished(self.constraints, data.state, answer.weights, part)
        return Solution(
            weights,
            solver,
            self.objective.value(data, weights),
            binding(weights, data.state),
            answer.status,
            data.risk.notes,
            answer.seconds,
        )

    def least_turnover(
        self,
        covariance: Covariance,
        previous: Array,
        expected_returns: Array | None = None,
        tradable: Array | None = None,
        **market: Any,
    ) -> float | None:
        """Least turnover of any portfolio that satisfies all other hard limits; None if none does.

        Parameters are those of :meth:`solve`.
        """
        market.pop("trade_rate", None)
        today = {name: market.pop(name, None) for name in ("volume", "exposures")}
        state = trading_state(self.assets, self.constraints, previous, tradable, False, **today)
        data = self.objective.problem_data(
            itemised(self.costs), state, covariance, expected_returns, **market
        )
        return least_distance(len(self.assets), self._hard_limits(data), state.previous)

    def limits(
        self,
        previous: Array | None = None,
        tradable: Array | None = None,
        turnover: bool = True,
        volume: Array | None = None,
        exposures: Mapping[str, Array] | None = None,
    ) -> list[NamedConstraint]:
        """Every hard limit by name, in the form that :func:`clashing_limits` takes."""
        return trading_state(
            self.assets, self.constraints, previous, tradable, turnover, volume, exposures
        ).limits()

    def _solved(self, data: ProblemData) -> _Solved:
        """The convex problem: over some assets where that pays, else over all."""
        n, factors = len(self.assets), data.risk.loadings.shape[1]
        if self.solvers and can_pay(self.objective, factors, data, self.sizes):
            answer = solve_by_columns(
                self.objective,
                lambda size: self._problem(size, None, data),
                data,
                self.solvers[0],
                self.sizes,
            )
            if answer is not None:
                return _Solved(data, answer, self.solvers[0])
            self._refuse_clashes(data)
        few = self.factors or 1 << max(factors - 1, 7).bit_length()  # room for a few more tomorrow
        problem = self._problem(n, None if 4 * factors > n else few, data)
        problem.fill(data, np.arange(n))
        for solver in self.solvers:
            try:
                answer = problem.solve(solver)
            except cp.SolverError:
                continue
            if answer.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                return _Solved(data, answer, solver)
            self._refuse_clashes(data)
        raise InfeasibleError(
            (),
            f"the solvers {', '.join(self.solvers)} gave up on a feasible problem: "
            "check the covariance for extremes",
        )

    def _problem(self, size: int, factors: int | None, data: ProblemData) -> CompiledProblem:
        return PROBLEMS.get(CompiledProblem, *self._settings, size, factors, len(data.scenarios))

    def _refuse_clashes(self, data: ProblemData) -> None:
        """A linear program has the last word: only limits that truly clash end the search."""
        clash = clashing_limits(len(self.assets), self._hard_limits(data))
        if clash:
            raise InfeasibleError(clash)

    def _hard_limits(self, data: ProblemData) -> list[NamedConstraint]:
        return [*data.state.limits(), *self.objective.limits(data)]

    def _settled(self, data: ProblemData, least: float) -> _Solved:
        """With a least size of positions, by the heuristic of :mod:`~riskengine.portfolio.min_holding`."""
        relaxed = self._solved(data)
        price = self.constraints.soft.get("min_holding")

        def weights_within(state: TradingState) -> Array:
            return polished(self.constraints, state, self._solved(replace(data, state=state)).answer.weights)

        name = f"min_holding >= {least:g}"
        try:
            settled = self._solved(
                replace(data, state=with_least_holdings(data.state, least, weights_within))
            )
        except InfeasibleError as error:
            if price is not None:
                return relaxed
            kept = tuple(limit for limit in error.limits if not limit.startswith("lower bound"))
            raise InfeasibleError(
                (name, *kept),
                f"no portfolio was found whose positions all reach {least:g}: lower min_holding, "
                f"or give it a price in soft (it clashed with {'; '.join(kept) or 'the bounds'})",
            ) from error
        if price is None:
            return settled
        free, lumpy = (
            polished(self.constraints, one.data.state, one.answer.weights) for one in (relaxed, settled)
        )
        size = np.abs(free)
        short = np.sum(np.where(size > 0, np.maximum(least - size, 0.0), 0.0))
        loss = self.objective.value(data, free) - self.objective.value(settled.data, lumpy)
        return settled if price * short > (loss if self.objective.maximised else -loss) else relaxed


class _Solved(NamedTuple):
    """Numbers that were solved with, least holdings settled; the answer; the solver."""

    data: ProblemData
    answer: SolverAnswer
    solver: str
