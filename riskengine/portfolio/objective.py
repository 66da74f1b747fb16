"""The contract of an objective: its numbers, its cvxpy expression, its value.

Compiled problems, column generation and strategies ask an objective; none of them asks which class it is. A further
objective is one class that inherits from :class:`Objective`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import cvxpy as cp
import numpy as np

from riskengine.covariance import Covariance
from riskengine.portfolio.costs import Costs
from riskengine.portfolio.feasibility import NamedConstraint
from riskengine.portfolio.problem_data import ProblemData, ProblemInputs, problem_inputs
from riskengine.portfolio.risk_expressions import DenseRisk, FactorRisk
from riskengine.portfolio.trading_state import TradingState

Array = np.ndarray
Fill = Callable[[ProblemData, Array], Array | float]


@dataclass
class ProblemExpressions:
    """Expressions that a goal is composed of: cvxpy over ``size`` assets, in the unit of the goal.

    Attributes
    ----------
    weights : (size,) variable; times a free scale if the objective is ``scale_free``
    risk : expressions of it; None if the objective asks for none
    linear_term : (size,) parameter, that of the data
    charges : costs and the prices of soft limits
    scenarios : (scenarios, size) returns, None unless the objective needs them
    fills : how each parameter that an objective asked for is filled, by parameter
    """

    weights: cp.Variable
    risk: FactorRisk | DenseRisk | None
    linear_term: cp.Parameter
    charges: cp.Expression
    scenarios: cp.Expression | None
    fills: dict[cp.Parameter, Fill] = field(default_factory=dict)

    @property
    def variance(self) -> cp.Expression:
        """``w' Sigma w``, for objectives whose ``risk_term`` is it; may only be added to other terms."""
        assert self.risk is not None
        return self.risk.variance

    @property
    def volatility(self) -> cp.Expression:
        """``sqrt(w' Sigma w)``, for objectives whose ``risk_term`` is it."""
        assert isinstance(self.risk, FactorRisk)
        return self.risk.volatility

    def vector(self, name: str, elsewhere: float = 0.0, nonneg: bool = False) -> cp.Parameter:
        """Parameter ``(size,)`` filled from the data's ``vectors``, and with ``elsewhere`` where no asset is."""
        size = self.weights.size

        def filled(data: ProblemData, index: Array) -> Array:
            values = np.full(size, elsewhere)
            values[: len(index)] = data.vectors[name][index]
            return values

        parameter = cp.Parameter(size, nonneg=nonneg)
        self.fills[parameter] = filled
        return parameter

    def number(self, name: str, nonneg: bool = False) -> cp.Parameter:
        """Scalar parameter filled from the data's ``numbers``."""
        parameter = cp.Parameter(nonneg=nonneg)
        self.fills[parameter] = lambda data, index: data.numbers[name]
        return parameter

    def fill(self, data: ProblemData, index: Array) -> None:
        """Set every parameter to the values of the assets at ``index``."""
        self.linear_term.value = np.zeros(self.weights.size)
        self.linear_term.value[: len(index)] = data.linear_term[index]
        for parameter, filled in self.fills.items():
            parameter.value = filled(data, index)


@dataclass
class Goal:
    """Goal of a problem: the objective as a convex expression to minimise, in the solver's unit and sign.

    Attributes
    ----------
    expression : convex
    constraints : that it brings along, beside those of the portfolio
    priced : of the constraints, the one whose dual value :meth:`Objective.marginal` reads
    """

    expression: cp.Expression
    constraints: list[cp.Constraint] = field(default_factory=list)
    priced: cp.Constraint | None = None


class Objective(ABC):
    """A quantity of a portfolio that is minimised or maximised.

    An objective says what it needs by class attributes, and answers three questions: its numbers in the solver's unit
    (:meth:`data`), its convex expression (:meth:`expression`), its value at given weights (:meth:`value`).

    Attributes
    ----------
    needs : of ``"expected_returns"``, ``"scenarios"``, ``"benchmark"``, what a solve must be handed
    in_money : whether it is measured in money, so that costs can be weighed against it
    scale_free : whether it is the same for all multiples of the weights: it is then solved for weights of free scale
    maximised : whether more of it is better
    risk_term : which function of the covariance its expression is composed of, if any
    sums_over_time : whether the sum of it over holding periods is an objective too
    column_generation : whether :meth:`marginal` prices assets that are left out, so that large problems are solved
        through small ones
    """

    needs: ClassVar[Set[str]] = frozenset()
    in_money: ClassVar[bool] = False
    scale_free: ClassVar[bool] = False
    maximised: ClassVar[bool] = False
    risk_term: ClassVar[Literal["variance", "volatility", "none"]] = "variance"
    sums_over_time: ClassVar[bool] = False
    column_generation: ClassVar[bool] = False

    def problem_data(
        self,
        costs: Costs,
        state: TradingState,
        covariance: Covariance,
        expected_returns: Array | None = None,
        scenarios: Array | None = None,
        benchmark: Array | None = None,
    ) -> ProblemData:
        """What a solve is handed, checked: see :func:`.problem_inputs`; then its numbers, by :meth:`data`."""
        name, needs = type(self).__name__, self.needs
        return self.data(
            problem_inputs(name, needs, costs, state, covariance, expected_returns, scenarios, benchmark)
        )

    @abstractmethod
    def data(self, inputs: ProblemInputs) -> ProblemData:
        """Numbers of one solve in the unit of the goal: see :meth:`.ProblemInputs.scaled`."""

    @abstractmethod
    def expression(self, p: ProblemExpressions) -> Goal:
        """The goal, composed of ``p``: linear in parameters, so that cvxpy compiles it once."""

    @abstractmethod
    def value(self, data: ProblemData, weights: Array) -> float:
        """Of ``weights`` ``(assets,)``, in its own unit, costs included where it weighs them; no solver is asked."""

    def costs(self, costs: Costs) -> Costs:
        """Which costs enter the goal; how much they are is in the data."""
        return costs if self.in_money else Costs(spread=0.0)

    def limits(self, data: ProblemData) -> list[NamedConstraint]:
        """Limits that it sets itself, by name, for messages where no portfolio satisfies all."""
        return []

    def marginal(self, goal: Goal, data: ProblemData, weights: Array, scale: float) -> Array:
        """Slope of the goal in each asset's weight at a solution, ``(assets,)``, portfolio constraints left aside.

        This one is of a variance less the linear term: ``2 Sigma w - linear_term``, trades priced as purchases.
        """
        slope = data.risk.times(weights) * scale / data.risk.mean_variance
        return 2.0 * slope - (data.linear_term - data.spread)

    def ranking(self, data: ProblemData, weights: Array) -> Array:
        """Positions of all assets, ``(assets,)``, those first that most improve a portfolio of ``weights``."""
        slope = data.risk.times(weights) / data.risk.mean_variance
        gain, risk = float(data.linear_term @ weights), float(slope @ weights)
        balance = 2 * risk / gain if gain > 0 else 1.0
        return np.argsort(2 * slope - balance * data.linear_term, kind="stable")
