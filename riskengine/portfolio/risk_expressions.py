"""The variance of a portfolio as a cvxpy expression, for a covariance in factors and for a dense one."""

from __future__ import annotations

import cvxpy as cp
import numpy as np

from riskengine.portfolio.conditioning import ConditionedCovariance
from riskengine.portfolio.solver_data import MatrixSlots

Array = np.ndarray


class FactorRisk:
    """Variance ``|B' y|^2 + sum (s y)^2`` of weights ``y`` on factor loadings ``B`` and specific volatilities ``s``.

    Attributes
    ----------
    variance : expression, in the unit of the goal
    volatility : its root, a norm of variables: only where ``cone`` asks for it
    constraints : that define the factor exposures
    matrix : None, as the covariance is in the constraints
    """

    def __init__(self, weights: cp.Variable, factors: int, slots: MatrixSlots, cone: bool = False) -> None:
        size = weights.size
        self.loadings = slots.reserve(factors, size)
        self.specific = cp.Parameter(size, nonneg=True)
        # A variable of its own for the factors' returns keeps the solver's matrices sparse.
        self.moves = cp.Variable(factors + size if cone else factors)
        self.constraints: list[cp.Constraint] = [self.moves[:factors] == self.loadings.expression @ weights]
        self.matrix: Array | None = None
        if cone:  # a limit on the norm of all moves together wants variables for the assets' own too
            self.constraints.append(self.moves[factors:] == cp.multiply(self.specific, weights))
            self.variance = cp.sum_squares(self.moves)
            self.volatility = cp.norm(self.moves)
        else:
            self.variance = cp.sum_squares(self.moves) + cp.sum_squares(cp.multiply(self.specific, weights))

    def fill(self, risk: ConditionedCovariance, index: Array, unit: float) -> None:
        """Write in the covariance of the assets at ``index``, in multiples of ``unit``."""
        loadings, specific = risk.loadings[index], risk.specific[index]
        if loadings.shape[1] > len(self.loadings.values):
            loadings, specific = np.linalg.cholesky(risk.block(index)), np.zeros(len(index))
        self.loadings.values[:] = 0.0
        self.loadings.values[: loadings.shape[1], : len(index)] = (loadings / np.sqrt(unit)).T
        own = np.ones(self.specific.size)
        own[: len(index)] = np.sqrt(specific / unit)
        self.specific.value = own


class DenseRisk:
    """Variance of a dense covariance, written straight into the solver's quadratic matrix.

    A sum of squares holds its place: see :func:`~.solver_data.write_square`. For goals only, not for cones.

    Attributes
    ----------
    variance : expression that holds the place
    constraints : none
    matrix : (size, size) covariance in the unit of the goal; empty places have variance one
    """

    def __init__(self, weights: cp.Variable) -> None:
        self.constraints: list[cp.Constraint] = []
        self.variance = cp.sum_squares(weights)
        self.matrix: Array | None = np.eye(weights.size)

    def fill(self, risk: ConditionedCovariance, index: Array, unit: float) -> None:
        """Write in the covariance of the assets at ``index``, in multiples of ``unit``."""
        matrix = np.eye(self.variance.args[0].size)
        matrix[: len(index), : len(index)] = risk.block(index) / unit
        self.matrix = matrix
