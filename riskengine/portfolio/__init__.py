"""Objectives, constraints, costs, expected returns, the optimizer, strategies, and overlays on them."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.portfolio.black_litterman import (
        BlackLittermanPosterior,
        View,
        black_litterman,
        equilibrium_returns,
    )
    from riskengine.portfolio.broken_limits import BrokenLimit, broken_limits
    from riskengine.portfolio.constraints import Constraints, Exposure, Group
    from riskengine.portfolio.costs import Costs, ProportionalCosts
    from riskengine.portfolio.decision import Decision
    from riskengine.portfolio.drawdown_control import DrawdownControl
    from riskengine.portfolio.expected_returns import BlackLitterman, Equilibrium, ExpectedReturns
    from riskengine.portfolio.fallback import solve_or_fall_back
    from riskengine.portfolio.feasibility import NamedConstraint, clashing_limits, feasible
    from riskengine.portfolio.function_strategy import FunctionStrategy, as_strategy
    from riskengine.portfolio.multi_period import MultiPeriodOptimizer, Plan
    from riskengine.portfolio.objective import Goal, Objective, ProblemExpressions
    from riskengine.portfolio.objectives import (
        MaximumDiversification,
        MaximumReturn,
        MaximumSharpe,
        MeanVariance,
        MinimumCvar,
        MinimumVariance,
        RiskBudgeting,
        TrackingError,
    )
    from riskengine.portfolio.optimizer import Optimizer, Solution
    from riskengine.portfolio.problem_data import ProblemData, ProblemInputs
    from riskengine.portfolio.settlement import settle
    from riskengine.portfolio.strategy import (
        BlackLittermanStrategy,
        EqualWeight,
        OptimizedStrategy,
        Strategy,
        eligible,
    )
    from riskengine.portfolio.volatility_target import SteadyVolatility, VolatilityTarget

__all__ = [
    "BlackLitterman",
    "BlackLittermanPosterior",
    "BlackLittermanStrategy",
    "BrokenLimit",
    "Constraints",
    "Costs",
    "Decision",
    "DrawdownControl",
    "EqualWeight",
    "Equilibrium",
    "ExpectedReturns",
    "Exposure",
    "FunctionStrategy",
    "Goal",
    "Group",
    "MaximumDiversification",
    "MaximumReturn",
    "MaximumSharpe",
    "MeanVariance",
    "MinimumCvar",
    "MinimumVariance",
    "MultiPeriodOptimizer",
    "NamedConstraint",
    "Objective",
    "OptimizedStrategy",
    "Optimizer",
    "Plan",
    "ProblemData",
    "ProblemExpressions",
    "ProblemInputs",
    "ProportionalCosts",
    "RiskBudgeting",
    "Solution",
    "SteadyVolatility",
    "Strategy",
    "TrackingError",
    "View",
    "VolatilityTarget",
    "as_strategy",
    "black_litterman",
    "broken_limits",
    "clashing_limits",
    "eligible",
    "equilibrium_returns",
    "feasible",
    "settle",
    "solve_or_fall_back",
]

lazy_face(
    __name__,
    {
        "DrawdownOverlay": "DrawdownControl",
        "Limit": "NamedConstraint",
        "Posterior": "BlackLittermanPosterior",
        "TargetVolatility": "MaximumReturn",
    },
)
