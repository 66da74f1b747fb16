"""The portfolio problem: checked, solved, polished; infeasible limits named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cvxpy as cp
import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio import program as compiled
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import YEAR, Costs, ProportionalCosts, itemised
from riskengine.portfolio.day import Day, prepare
from riskengine.portfolio.feasibility import Limit, clashing_limits, least_distance
from riskengine.portfolio.min_holding import settle
from riskengine.portfolio.objectives import (
    GAINS,
    RATIOS,
    MaximumSharpe,
    MinimumCvar,
    Objective,
    TargetVolatility,
)
from riskengine.portfolio.polish import binding, trimmed
from riskengine.portfolio.program import Answer, Program
from riskengine.portfolio.sifting import sift, sifts
from riskengine.portfolio.situation import Situation, situation
from riskengine.portfolio.value import value

Array = np.ndarray
SOLVERS = compiled.SOLVERS


@dataclass(frozen=True, eq=False)
class Solution:
    """Optimal weights.

    Attributes
    ----------
    weights : (assets,) within their bounds, summing to the budget
    solver : that found them
    value : of the objective: variance per day, utility per day, Sharpe ratio of a day, expected return per day,
        CVaR with costs, volatility per day, diversification ratio, or tracking error per day
    binding : names of the limits that bind
    status : the solver's word: ``"optimal"``, or ``"optimal_inaccurate"`` when it missed its tolerance
    notes : what had to be mended in the covariance
    seconds : that the solver itself took
    """

    weights: Array
    solver: str
    value: float
    binding: tuple[str, ...]
    status: str = cp.OPTIMAL
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class Optimizer:
    """A portfolio problem over fixed assets, compiled at the first solve and then filled with each day's values.

    The solver is Clarabel, and SCS where it gives up. For 1,000 assets and 20 factors, as multiples of its time:
    PIQP 1.1, SCS 1.7, OSQP 6.0; with a dense covariance over all assets PIQP 2.0, SCS 0.7, OSQP 1.8, the latter
    two at tolerances of 1e-7 against 1e-10 (``backtests/speed/optimiser.py``).
    An asset that may not be held has both bounds at zero, so a changing universe needs no new problem.
    Long-only problems of many assets with a dense covariance are solved over the assets that matter: see
    :mod:`~riskengine.portfolio.sifting`.

    Parameters
    ----------
    assets : names
    objective, constraints, costs : see their classes; costs weigh on objectives that are measured in money
    factors : columns that a covariance factor may have at most; by the first covariances seen if not given

    Examples
    --------
    >>> from riskengine.portfolio import MinimumVariance
    >>> problem = Optimizer(("A", "B"), MinimumVariance(), Constraints())
    >>> solution = problem.solve(Covariance.dense(np.diag([0.04, 0.01])))
    >>> solution.weights.round(4)
    array([0.2, 0.8])
    """

    def __init__(
        self,
        assets: tuple[str, ...],
        objective: Objective,
        constraints: Constraints,
        costs: ProportionalCosts | Costs | None = None,
        factors: int | None = None,
    ) -> None:
        self.assets = assets
        self.objective = objective
        self.constraints = constraints
        self.costs = itemised(costs)
        self._factors = factors
        self._programs: dict[tuple[int, int | None, int], Program] = {}
        self._last: tuple[Array, Array] = constraints.bounds(assets)
        for limit in constraints.rows:
            limit.loadings(assets)  # so that an unknown asset is named now
        least, most = constraints.budget_range
        if isinstance(objective, RATIOS) and not (least == most > 0 and "budget" not in constraints.soft):
            raise SettingsError(
                f"{type(objective).__name__} does not change with scale: its budget must be one positive number"
            )

    @property
    def problem(self) -> cp.Problem:
        """The cvxpy problem last solved, for those who want to look; that of CVaR is made by the first solve."""
        if not self._programs and isinstance(self.objective, MinimumCvar):
            raise SettingsError("the problem of CVaR takes its size from scenarios: solve once first")
        if not self._programs:
            return self._program(len(self.assets), None, 0).problem
        return next(reversed(self._programs.values())).problem

    def restart(self) -> None:
        """Forget the solver's work on the last problem, not the compiled problem: the next solve is as the first.

        A solver that goes on from the last problem gives the same weights to its tolerance, but not to the bit.
        """
        for program in self._programs.values():
            program.problem._solver_cache.clear()

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
    ) -> Solution:
        """Best weights.

        Parameters
        ----------
        covariance : per day, over the holding period
        expected_returns : (assets,) per day; mean-variance, maximum Sharpe and target volatility need them
        previous : (assets,) weights held now; none held if not given, and then no turnover limit applies
        tradable : (assets,) which may be held; all if not given
        turnover : whether the turnover limit applies; a number takes its place
        scenarios : (scenarios, assets) simple returns over the holding period; CVaR needs them
        volume : (assets,) value traded a day, as a multiple of own wealth; participation and impact need it
        benchmark : (assets,) weights; tracking needs them
        exposures : name to loadings ``(assets,)``, of exposures that have none of their own

        Raises
        ------
        InfeasibleError
            If no portfolio satisfies the limits; ``.limits`` names those that clash.
        SettingsError
            If shapes disagree, or something that is needed is missing.
        DataError
            If the covariance, the expected returns or the previous weights are not finite.
        """
        today = situation(self.assets, self.constraints, previous, tradable, turnover, volume, exposures)
        day = prepare(self.objective, self.costs, today, covariance, expected_returns, scenarios, benchmark)
        columns = day.risk.loadings.shape[1]
        if self._factors is not None and columns > self._factors:
            raise SettingsError(
                f"a covariance with {columns} factors for a problem built for {self._factors}"
            )
        least = self.constraints.min_holding
        return self._solve(day) if least is None else self._solve_in_lumps(day, least)

    def _solve(self, day: Day) -> Solution:
        """The convex problem: over some assets where that pays, else over all."""
        answer, name = self._answer(day)
        today = day.today
        lower, upper = self._bounds(today, answer.weights)
        self._last = lower, upper
        weights = trimmed(answer.weights, lower, upper, self._budget(answer.weights))
        worth = value(self.objective, self.costs, day, weights)
        return Solution(
            weights, name, worth, binding(weights, today), answer.status, day.risk.notes, answer.seconds
        )

    def _answer(self, day: Day) -> tuple[Answer, str]:
        """Weights of all assets and the solver that found them."""
        n, factors = len(self.assets), day.risk.loadings.shape[1]
        scenarios = len(day.scenarios)
        if SOLVERS and sifts(self.objective, factors, day):
            found = sift(self.objective, lambda size: self._program(size, None, scenarios), day, SOLVERS[0])
            if found is not None:
                return found, SOLVERS[0]
            clash = clashing_limits(n, self._named(day))
            if clash:
                raise InfeasibleError(clash)
        few = self._factors or 1 << max(factors - 1, 7).bit_length()  # room for a few more tomorrow
        program = self._program(n, None if 4 * factors > n else few, scenarios)
        program.fill(day, np.arange(n))
        limits: tuple[str, ...] | None = None
        for solver in SOLVERS:
            try:
                answer = program.solve(solver)
            except cp.SolverError:
                continue
            if answer.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
                return answer, solver
            if limits is None:
                # A linear program has the last word: only limits that truly clash end the search.
                limits = clashing_limits(n, self._named(day))
            if limits:
                raise InfeasibleError(limits)
        raise InfeasibleError(
            (),
            f"the solvers {', '.join(SOLVERS)} gave up on a feasible problem: check the covariance for extremes",
        )

    def _program(self, slots: int, factors: int | None, scenarios: int) -> Program:
        """The program of that size, compiled when it is first needed; the last used comes last."""
        key = (slots, factors, scenarios)
        made = self._programs.pop(key, None) or Program(
            self.objective, self.constraints, self.costs, slots, factors, scenarios
        )
        self._programs[key] = made
        return made

    def _solve_in_lumps(self, day: Day, least: float) -> Solution:
        """With a least size of positions, by the heuristic of :mod:`~riskengine.portfolio.min_holding`."""
        relaxed = self._solve(day)
        price = self.constraints.soft.get("min_holding")

        def weights_within(today: Situation) -> Array:
            return self._solve(replace(day, today=today)).weights

        name = f"min_holding >= {least:g}"
        try:
            lumpy = self._solve(replace(day, today=settle(day.today, least, weights_within)))
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
            return lumpy
        size = np.abs(relaxed.weights)
        short = np.sum(np.where(size > 0, np.maximum(least - size, 0.0), 0.0))
        loss = (relaxed.value - lumpy.value) * (1 if isinstance(self.objective, GAINS) else -1)
        return lumpy if price * short > loss else relaxed

    def limits(
        self,
        previous: Array | None = None,
        tradable: Array | None = None,
        turnover: bool = True,
        volume: Array | None = None,
        exposures: Mapping[str, Array] | None = None,
    ) -> list[Limit]:
        """Every hard limit by name, in the form that :func:`clashing_limits` takes."""
        return situation(
            self.assets, self.constraints, previous, tradable, turnover, volume, exposures
        ).limits()

    def _named(self, day: Day) -> list[Limit]:
        """Hard limits, and what the objective itself asks for."""
        found, objective = day.today.limits(), self.objective
        if isinstance(objective, TargetVolatility):
            factor = np.hstack([day.risk.loadings, np.diag(np.sqrt(day.risk.specific))])
            name = f"volatility <= {objective.volatility:g} a year"
            unit = np.sqrt(day.risk.unit)
            found.append(Limit.volatility(name, factor / unit, objective.volatility / np.sqrt(YEAR) / unit))
        if isinstance(objective, MaximumSharpe):
            name = "expected return above the risk-free rate"
            found.append(Limit.below(name, -day.reward[None], np.array([-1e-6])))
        return found

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
        volume, exposures = market.pop("volume", None), market.pop("exposures", None)
        today = situation(self.assets, self.constraints, previous, tradable, False, volume, exposures)
        day = prepare(self.objective, self.costs, today, covariance, expected_returns, **market)
        return least_distance(len(self.assets), self._named(day), today.previous)

    def trimmed(self, weights: Array) -> Array:
        """Weights made to fit the last problem solved: inside the bounds, dust to zero, the budget exact."""
        return trimmed(weights, *self._last, self._budget(weights))

    def _bounds(self, today: Situation, weights: Array) -> tuple[Array, Array]:
        """Bounds that weights are trimmed to: where they are soft, only what may not be held."""
        soft = self.constraints.soft
        lower = np.minimum(today.lower, weights) if "lower" in soft else today.lower
        upper = np.maximum(today.upper, weights) if "upper" in soft else today.upper
        return np.where(today.tradable, lower, 0.0), np.where(today.tradable, upper, 0.0)

    def _budget(self, weights: Array) -> tuple[float, float]:
        if "budget" in self.constraints.soft:
            return float(weights.sum()), float(weights.sum())
        return self.constraints.budget_range
