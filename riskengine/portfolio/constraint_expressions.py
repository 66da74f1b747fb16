"""Constraints and costs of a portfolio as cvxpy expressions, for weights of fixed or of free scale."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs
from riskengine.portfolio.problem_data import ProblemData
from riskengine.portfolio.solver_data import MatrixSlots

Array = np.ndarray
_FAR = 1e3  # stands for infinity in parameters


@dataclass
class ImposedConstraints:
    """Constraints imposed on one vector of weights.

    Attributes
    ----------
    constraints : cvxpy constraints
    penalty : prices times by how much soft limits are exceeded, zero if none is soft
    trades : (size,) at least the absolute trades; None if nothing needs them
    shorts : (size,) at least the short positions; None if nothing needs them
    sums : constraints that are sums over assets, each with the row of loadings times a sign, or None and a
        sign for a row of ones: what an asset that is left out would add to them
    """

    constraints: list[cp.Constraint]
    penalty: cp.Expression
    trades: cp.Variable | None
    shorts: cp.Variable | None
    sums: list[tuple[cp.Constraint, int | None, float]]


class ConstraintExpressions:
    """Parameters of the limits on ``size`` assets, and the constraints made of them.

    Everything that changes from day to day is a parameter that enters linearly, or a matrix slot. Weights may have a
    free ``scale``, by which every limit is then multiplied: that is how ratios are maximised.
    """

    def __init__(self, constraints: Constraints, size: int, slots: MatrixSlots) -> None:
        self.settings = constraints
        self.size = size
        self.lower, self.upper = cp.Parameter(size), cp.Parameter(size)
        self.previous = cp.Parameter(size)
        self.allowance = cp.Parameter(nonneg=True)
        self.greatest = cp.Parameter(size, nonneg=True)
        self.room = cp.Parameter(size, nonneg=True)  # zero where even a soft bound must hold
        self.rows = slots.reserve(len(constraints.rows), size) if constraints.rows else None
        self.prices = {kind: cp.Parameter(nonneg=True) for kind in constraints.soft}

    def fill(self, data: ProblemData, index: Array) -> None:
        """Set the parameters to the values of the assets at ``index``."""
        state = data.state

        def padded(values: Array) -> Array:
            full = np.zeros(self.size)
            full[: len(index)] = np.clip(values[index], -_FAR, _FAR)
            return full

        self.lower.value, self.upper.value = padded(state.lower), padded(state.upper)
        self.previous.value = padded(state.previous)
        self.allowance.value = min(state.turnover, _FAR)
        self.greatest.value = padded(state.greatest_trades)
        self.room.value = padded(np.where(state.tradable, _FAR, 0.0))
        if self.rows is not None:
            self.rows.values[:] = 0.0
            self.rows.values[:, : len(index)] = state.rows[:, index]
        for kind, price in self.settings.soft.items():
            if kind in self.prices:
                self.prices[kind].value = price / data.unit

    def impose(
        self, y: cp.Variable, scale: cp.Expression, before: cp.Expression, trades: bool, shorts: bool
    ) -> ImposedConstraints:
        """Constraints on weights ``y / scale``.

        Parameters
        ----------
        y : (size,) weights times scale
        scale : one, or a variable
        before : (size,) weights held before, times scale
        trades, shorts : whether costs need them; limits that do bring them too
        """
        settings, made = self.settings, ImposedConstraints([], cp.Constant(0.0), None, None, [])
        trades |= settings.turnover is not None or settings.participation is not None
        shorts |= settings.leverage is not None
        most = y - self._slack(made, "upper", self.size)
        least = y + self._slack(made, "lower", self.size)
        made.constraints += [least >= self.lower * scale, most <= self.upper * scale]
        self._impose_budget(made, y, scale)
        for place, limit in enumerate(settings.rows):
            assert self.rows is not None
            total = self.rows.expression[place] @ y
            slack = self._slack(made, str(limit))
            if np.isfinite(limit.lower):
                self._impose_sum(made, -total - slack <= -limit.lower * scale, place, -1.0)
            if np.isfinite(limit.upper):
                self._impose_sum(made, total - slack <= limit.upper * scale, place, 1.0)
        if trades:
            made.trades = cp.Variable(self.size)
            made.constraints += [y - before <= made.trades, before - y <= made.trades]
        if shorts:
            made.shorts = cp.Variable(self.size, nonneg=True)
            made.constraints.append(-y <= made.shorts)
        if settings.turnover is not None:
            slack = self._slack(made, "turnover")
            self._impose_sum(made, cp.sum(made.trades) - slack <= self.allowance * scale, None, 1.0)
        if settings.leverage is not None:
            slack = self._slack(made, "leverage")
            gross = cp.sum(y) + 2 * cp.sum(made.shorts)
            self._impose_sum(made, gross - slack <= settings.leverage * scale, None, 1.0)
        if settings.participation is not None:
            slack = self._slack(made, "participation", self.size)
            made.constraints.append(made.trades - slack <= self.greatest * scale)
        return made

    def _impose_budget(self, made: ImposedConstraints, y: cp.Variable, scale: cp.Expression) -> None:
        least, most = self.settings.budget_range
        if least == most and "budget" not in self.prices:
            self._impose_sum(made, cp.sum(y) == most * scale, None, 1.0)
            return
        slack = self._slack(made, "budget")
        self._impose_sum(made, cp.sum(y) - slack <= most * scale, None, 1.0)
        self._impose_sum(made, -cp.sum(y) - slack <= -least * scale, None, -1.0)

    @staticmethod
    def _impose_sum(
        made: ImposedConstraints, constraint: cp.Constraint, place: int | None, sign: float
    ) -> None:
        made.constraints.append(constraint)
        made.sums.append((constraint, place, sign))

    def _slack(self, made: ImposedConstraints, kind: str, size: int | None = None) -> cp.Expression:
        """By how much a soft limit may be exceeded, paid for in the penalty; zero if it is hard."""
        if kind not in self.prices:
            return cp.Constant(0.0)
        slack = cp.Variable(nonneg=True) if size is None else cp.Variable(size, nonneg=True)
        made.penalty = made.penalty + self.prices[kind] * cp.sum(slack)
        if kind in ("lower", "upper"):
            made.constraints.append(slack <= self.room)
        return slack


class CostExpressions:
    """Costs of trades and of shorts as cvxpy expressions, in the unit of the goal.

    Parameters
    ----------
    costs : which of them are above zero counts here; how much they are comes with the data
    size : assets
    """

    def __init__(self, costs: Costs, size: int) -> None:
        self.costs, self.size = costs, size
        self.spread, self.borrow = cp.Parameter(nonneg=True), cp.Parameter(nonneg=True)
        self.impact = cp.Parameter(size, nonneg=True)

    @property
    def of_trades(self) -> bool:
        """Whether trades cost anything."""
        return self.costs.spread > 0 or self.costs.impact > 0

    @property
    def of_shorts(self) -> bool:
        """Whether shorts cost anything."""
        return self.costs.borrow > 0

    def fill(self, data: ProblemData, index: Array) -> None:
        """Set the prices of the assets at ``index``."""
        self.spread.value, self.borrow.value = data.spread, data.borrow
        self.impact.value = np.zeros(self.size)
        self.impact.value[: len(index)] = data.impact[index]

    def of(
        self, imposed: ImposedConstraints, scale: cp.Expression
    ) -> tuple[cp.Expression, list[cp.Constraint]]:
        """Costs and the prices of soft limits together, and the constraints that impact needs."""
        charge, constraints = imposed.penalty, []
        if self.costs.spread > 0:
            charge = charge + self.spread * cp.sum(imposed.trades)
        if self.costs.borrow > 0:
            charge = charge + self.borrow * cp.sum(imposed.shorts)
        if self.costs.impact > 0:
            # |x|^(3/2) for weights of free scale is |x|^(3/2) / sqrt(scale): a power cone holds it.
            raised = cp.Variable(self.size, nonneg=True)
            constraints.append(cp.PowCone3D(raised, np.ones(self.size) * scale, imposed.trades, 2 / 3))
            charge = charge + self.impact @ raised
        return charge, constraints
