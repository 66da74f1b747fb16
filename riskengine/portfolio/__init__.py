"""Objectives, constraints, costs, Black-Litterman, the compiled problem, several periods, and strategies."""

from riskengine.portfolio.black_litterman import Posterior, View, black_litterman, equilibrium_returns
from riskengine.portfolio.broken_limits import BrokenLimit, broken_limits
from riskengine.portfolio.constraints import Constraints, Exposure, Group
from riskengine.portfolio.costs import Costs, ProportionalCosts
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.fallback import solve_or_fall_back
from riskengine.portfolio.feasibility import Limit, clashing_limits, feasible
from riskengine.portfolio.multi_period import MultiPeriodOptimizer, Plan
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
from riskengine.portfolio.overlay import DrawdownOverlay
from riskengine.portfolio.problem import Optimizer, Solution
from riskengine.portfolio.settlement import settle
from riskengine.portfolio.steady_volatility import SteadyVolatility
from riskengine.portfolio.strategy import (
    BlackLittermanStrategy,
    EqualWeight,
    OptimizedStrategy,
    Strategy,
    eligible,
)

__all__ = [
    "BlackLittermanStrategy",
    "BrokenLimit",
    "Constraints",
    "Costs",
    "Decision",
    "DrawdownOverlay",
    "EqualWeight",
    "Exposure",
    "Group",
    "Limit",
    "MaximumDiversification",
    "MaximumSharpe",
    "MeanVariance",
    "MinimumCvar",
    "MinimumVariance",
    "MultiPeriodOptimizer",
    "Objective",
    "OptimizedStrategy",
    "Optimizer",
    "Plan",
    "Posterior",
    "ProportionalCosts",
    "RiskBudgeting",
    "Solution",
    "SteadyVolatility",
    "Strategy",
    "TargetVolatility",
    "TrackingError",
    "View",
    "black_litterman",
    "broken_limits",
    "clashing_limits",
    "eligible",
    "equilibrium_returns",
    "feasible",
    "settle",
    "solve_or_fall_back",
]
