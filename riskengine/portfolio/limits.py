"""The limits of a portfolio as cvxpy constraints, for weights of fixed or of free scale."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np

from riskengine.portfolio.blocks import Blocks
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.situation import Situation

Array = np.ndarray
_FAR = 1e3  # stands for infinity in parameters


@dataclass
class Imposed:
    """Limits imposed on one vector of weights.

    Attributes
    ----------
    constraints : cvxpy constraints
    penalty : prices times by how much soft limits are exceeded, zero if none is soft
    trades : (slots,) at least the absolute trades; None if nothing needs them
    shorts : (slots,) at least the short positions; None if nothing needs them
    sums : constraints that are sums over assets, each with the row of loadings times a sign, or None and a
        sign for a row of ones: what an asset that is left out would add to them
    """

    constraints: list[cp.Constraint]
    penalty: cp.Expression
    trades: cp.Variable | None
    shorts: cp.Variable | None
    sums: list[tuple[cp.Constraint, int | None, float]]


class Limits:
    """Parameters of the limits on ``slots`` assets, and the constraints made of them.

    Everything that changes from day to day is a parameter that enters linearly, or a block. Weights may have a free
    ``scale``, by which every limit is then multiplied: that is how ratios are maximised.
    """

    def __init__(self, constraints: Constraints, slots: int, blocks: Blocks) -> None:
        self.settings = constraints
        self.slots = slots
        self.lower, self.upper = cp.Parameter(slots), cp.Parameter(slots)
        self.previous = cp.Parameter(slots)
        self.allowance = cp.Parameter(nonneg=True)
        self.greatest = cp.Parameter(slots, nonneg=True)
        self.room = cp.Parameter(slots, nonneg=True)  # zero where even a soft bound must hold
        self.rows = blocks.reserve(len(constraints.rows), slots) if constraints.rows else None
        self.prices = {kind: cp.Parameter(nonneg=True) for kind in constraints.soft}

    def fill(self, today: Situation, pick: Array, coin: float) -> None:
        """Set the parameters for the picked assets; prices are divided by ``coin``, the goal's unit."""

        def padded(values: Array) -> Array:
            full = np.zeros(self.slots)
            full[: len(pick)] = np.clip(values[pick], -_FAR, _FAR)
            return full

        self.lower.value, self.upper.value = padded(today.lower), padded(today.upper)
        self.previous.value = padded(today.previous)
        self.allowance.value = min(today.turnover, _FAR)
        self.greatest.value = padded(today.greatest_trades)
        self.room.value = padded(np.where(today.tradable, _FAR, 0.0))
        if self.rows is not None:
            self.rows.values[:] = 0.0
            self.rows.values[:, : len(pick)] = today.rows[:, pick]
        for kind, price in self.settings.soft.items():
            if kind in self.prices:
                self.prices[kind].value = price / coin

    def impose(
        self, y: cp.Variable, scale: cp.Expression, before: cp.Expression, trades: bool, shorts: bool
    ) -> Imposed:
        """Constraints on weights ``y / scale``.

        Parameters
        ----------
        y : (slots,) weights times scale
        scale : one, or a variable
        before : (slots,) weights held before, times scale
        trades, shorts : whether costs need them; limits that do bring them too
        """
        settings, made = self.settings, Imposed([], cp.Constant(0.0), None, None, [])
        trades |= settings.turnover is not None or settings.participation is not None
        shorts |= settings.leverage is not None
        most = y - self._slack(made, "upper", self.slots)
        least = y + self._slack(made, "lower", self.slots)
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
            made.trades = cp.Variable(self.slots)
            made.constraints += [y - before <= made.trades, before - y <= made.trades]
        if shorts:
            made.shorts = cp.Variable(self.slots, nonneg=True)
            made.constraints.append(-y <= made.shorts)
        if settings.turnover is not None:
            slack = self._slack(made, "turnover")
            self._impose_sum(made, cp.sum(made.trades) - slack <= self.allowance * scale, None, 1.0)
        if settings.leverage is not None:
            slack = self._slack(made, "leverage")
            gross = cp.sum(y) + 2 * cp.sum(made.shorts)
            self._impose_sum(made, gross - slack <= settings.leverage * scale, None, 1.0)
        if settings.participation is not None:
            slack = self._slack(made, "participation", self.slots)
            made.constraints.append(made.trades - slack <= self.greatest * scale)
        return made

    def _impose_budget(self, made: Imposed, y: cp.Variable, scale: cp.Expression) -> None:
        least, most = self.settings.budget_range
        if least == most and "budget" not in self.prices:
            self._impose_sum(made, cp.sum(y) == most * scale, None, 1.0)
            return
        slack = self._slack(made, "budget")
        self._impose_sum(made, cp.sum(y) - slack <= most * scale, None, 1.0)
        self._impose_sum(made, -cp.sum(y) - slack <= -least * scale, None, -1.0)

    @staticmethod
    def _impose_sum(made: Imposed, constraint: cp.Constraint, place: int | None, sign: float) -> None:
        made.constraints.append(constraint)
        made.sums.append((constraint, place, sign))

    def _slack(self, made: Imposed, kind: str, size: int | None = None) -> cp.Expression:
        """By how much a soft limit may be exceeded, paid for in the penalty; zero if it is hard."""
        if kind not in self.prices:
            return cp.Constant(0.0)
        slack = cp.Variable(nonneg=True) if size is None else cp.Variable(size, nonneg=True)
        made.penalty = made.penalty + self.prices[kind] * cp.sum(slack)
        if kind in ("lower", "upper"):
            made.constraints.append(slack <= self.room)
        return slack
