"""What each objective asks of cvxpy: a goal to be made small, and what it brings along."""

from __future__ import annotations

from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np

from riskengine.portfolio.blocks import Block, Blocks
from riskengine.portfolio.limits import Imposed
from riskengine.portfolio.objectives import (
    MaximumDiversification,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Objective,
    RiskBudgeting,
    TargetVolatility,
    TrackingError,
)

Array = np.ndarray


class FactorRisk:
    """Variance as sums of squares of factors and of each asset's own part.

    For a ``cone``, which limits the norm of all moves together, the assets' own are variables too.
    """

    def __init__(self, y: cp.Variable, factors: int, blocks: Blocks, cone: bool = False) -> None:
        slots = y.size
        self.loadings = blocks.reserve(factors, slots)
        self.own = cp.Parameter(slots, nonneg=True)
        # A variable of its own for the factors' returns keeps the solver's matrices sparse.
        self.moves = cp.Variable(factors + slots if cone else factors)
        self.constraints: list[cp.Constraint] = [self.moves[:factors] == self.loadings.expression @ y]
        if cone:
            self.constraints.append(self.moves[factors:] == cp.multiply(self.own, y))
            self.square = cp.sum_squares(self.moves)
        else:
            self.square = cp.sum_squares(self.moves) + cp.sum_squares(cp.multiply(self.own, y))

    def fill(self, loadings: Array, specific: Array) -> None:
        """Loadings ``(picked, factors)`` and specific variances ``(picked,)``, in the goal's unit."""
        self.loadings.values[:] = 0.0
        self.loadings.values[: loadings.shape[1], : len(loadings)] = loadings.T
        own = np.ones(self.own.size)
        own[: len(specific)] = np.sqrt(specific)
        self.own.value = own


class DenseRisk:
    """Variance of a dense covariance, written straight into the solver's quadratic matrix.

    A sum of squares holds its place: see :func:`~.blocks.write_square`. For goals only, not for cones.
    """

    def __init__(self, y: cp.Variable) -> None:
        self.constraints: list[cp.Constraint] = []
        self.square = cp.sum_squares(y)
        self.matrix = np.eye(y.size)

    def fill(self, matrix: Array) -> None:
        """The covariance ``(picked, picked)``, in the goal's unit; empty slots have variance one."""
        self.matrix[:] = np.eye(len(self.matrix))
        self.matrix[: len(matrix), : len(matrix)] = matrix


@dataclass
class Pieces:
    """What goals are made of; see :class:`~.Program` for the meaning of the parameters."""

    y: cp.Variable
    risk: FactorRisk | DenseRisk
    imposed: Imposed
    reward: cp.Parameter
    charge: cp.Expression
    scenarios: Block | None
    cap: cp.Parameter
    budgets: cp.Parameter
    closed: cp.Parameter


@dataclass
class Composed:
    """A goal, its constraints, and where the marginal value of an asset left out is read off.

    Attributes
    ----------
    goal : to be made small
    constraints : beside the limits
    normal : constraint whose dual value is the price of reward and charges; None if that price is one
    cone : constraint on volatility, whose dual value is the price of risk
    tail : constraint on scenario losses, whose dual values are their weights in the tail
    """

    goal: cp.Expression
    constraints: list[cp.Constraint] = field(default_factory=list)
    normal: cp.Constraint | None = None
    cone: cp.Constraint | None = None
    tail: cp.Constraint | None = None


def compose(objective: Objective, p: Pieces) -> Composed:
    """The goal of an objective. ``p.charge`` holds costs and the prices of soft limits."""
    if isinstance(objective, MinimumVariance):
        return Composed(p.risk.square + p.charge)
    if isinstance(objective, MeanVariance | TrackingError):
        # |w - b|^2 is |w|^2 - 2 b'w and a constant: for tracking, the reward is twice the covariance with b.
        return Composed(p.risk.square - p.reward @ p.y + p.charge)
    if isinstance(objective, MaximumSharpe | MaximumDiversification):
        normal = 1 - p.reward @ p.y + p.charge <= 0
        return Composed(p.risk.square, [normal], normal=normal)
    if isinstance(objective, TargetVolatility):
        assert isinstance(p.risk, FactorRisk)
        cone = cp.norm(p.risk.moves) <= p.cap
        return Composed(p.charge - p.reward @ p.y, [cone], cone=cone)
    if isinstance(objective, RiskBudgeting):
        # What may not be held is zero, and log(0 + 1) leaves it out.
        shifted = cp.Variable(p.y.size)
        goal = 0.5 * p.risk.square - p.budgets @ cp.log(shifted) + p.charge
        return Composed(goal, [shifted == p.y + p.closed])
    return _tail_loss(objective, p)


def _tail_loss(objective: MinimumCvar, p: Pieces) -> Composed:
    assert p.scenarios is not None
    count = len(p.scenarios.values)
    threshold, beyond = cp.Variable(), cp.Variable(count, nonneg=True)
    tail = -(p.scenarios.expression @ p.y) - threshold <= beyond
    goal = threshold + cp.sum(beyond) / ((1 - objective.level) * count) + p.charge
    return Composed(goal, [tail], tail=tail)
