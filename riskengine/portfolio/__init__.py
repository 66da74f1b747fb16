"""Objectives, constraints, costs, Black-Litterman, the compiled problem, and strategies."""

from riskengine.portfolio.black_litterman import Posterior, View, black_litterman, equilibrium_returns
from riskengine.portfolio.constraints import Constraints, Group
from riskengine.portfolio.costs import ProportionalCosts
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.fallback import solve_or_fall_back
from riskengine.portfolio.feasibility import Limit, clashing_limits, feasible
from riskengine.portfolio.objectives import MeanVariance, MinimumVariance, Objective
from riskengine.portfolio.problem import Optimizer, Solution
from riskengine.portfolio.strategy import (
    BlackLittermanStrategy,
    EqualWeight,
    OptimizedStrategy,
    Strategy,
    eligible,
)

__all__ = [
    "BlackLittermanStrategy",
    "Constraints",
    "Decision",
    "EqualWeight",
    "Group",
    "Limit",
    "MeanVariance",
    "MinimumVariance",
    "Objective",
    "OptimizedStrategy",
    "Optimizer",
    "Posterior",
    "ProportionalCosts",
    "Solution",
    "Strategy",
    "View",
    "black_litterman",
    "clashing_limits",
    "eligible",
    "equilibrium_returns",
    "feasible",
    "solve_or_fall_back",
]
