"""Objectives, constraints, costs, expected returns, the optimizer, strategies, and overlays on them."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.portfolio.ask import ask as ask
    from riskengine.portfolio.ask import begin as begin
    from riskengine.portfolio.ask import stated_limits as stated_limits
    from riskengine.portfolio.black_litterman import BlackLittermanPosterior as BlackLittermanPosterior
    from riskengine.portfolio.black_litterman import View as View
    from riskengine.portfolio.black_litterman import black_litterman as black_litterman
    from riskengine.portfolio.black_litterman import equilibrium_returns as equilibrium_returns
    from riskengine.portfolio.broken_limits import BrokenLimit as BrokenLimit
    from riskengine.portfolio.broken_limits import broken_limits as broken_limits
    from riskengine.portfolio.constraints import Constraints as Constraints
    from riskengine.portfolio.constraints import Exposure as Exposure
    from riskengine.portfolio.constraints import Group as Group
    from riskengine.portfolio.costs import Costs as Costs
    from riskengine.portfolio.costs import ProportionalCosts as ProportionalCosts
    from riskengine.portfolio.decision import Decision as Decision
    from riskengine.portfolio.drawdown_control import DrawdownControl as DrawdownControl
    from riskengine.portfolio.expected_returns import BlackLitterman as BlackLitterman
    from riskengine.portfolio.expected_returns import Equilibrium as Equilibrium
    from riskengine.portfolio.expected_returns import ExpectedReturns as ExpectedReturns
    from riskengine.portfolio.feasibility import NamedConstraint as NamedConstraint
    from riskengine.portfolio.frontier import EfficientFrontier as EfficientFrontier
    from riskengine.portfolio.frontier import efficient_frontier as efficient_frontier
    from riskengine.portfolio.function_strategy import FunctionStrategy as FunctionStrategy
    from riskengine.portfolio.function_strategy import as_strategy as as_strategy
    from riskengine.portfolio.imposed import WeightLimits as WeightLimits
    from riskengine.portfolio.objective import Goal as Goal
    from riskengine.portfolio.objective import Objective as Objective
    from riskengine.portfolio.objective import ProblemExpressions as ProblemExpressions
    from riskengine.portfolio.objectives import MaximumDiversification as MaximumDiversification
    from riskengine.portfolio.objectives import MaximumReturn as MaximumReturn
    from riskengine.portfolio.objectives import MaximumSharpe as MaximumSharpe
    from riskengine.portfolio.objectives import MeanVariance as MeanVariance
    from riskengine.portfolio.objectives import MinimumCvar as MinimumCvar
    from riskengine.portfolio.objectives import MinimumVariance as MinimumVariance
    from riskengine.portfolio.objectives import RiskBudgeting as RiskBudgeting
    from riskengine.portfolio.objectives import TrackingError as TrackingError
    from riskengine.portfolio.optimizer import Optimizer as Optimizer
    from riskengine.portfolio.optimizer import Solution as Solution
    from riskengine.portfolio.problem_data import ProblemData as ProblemData
    from riskengine.portfolio.problem_data import ProblemInputs as ProblemInputs
    from riskengine.portfolio.settlement import settle as settle
    from riskengine.portfolio.settlement import unfilled as unfilled
    from riskengine.portfolio.strategy import BlackLittermanStrategy as BlackLittermanStrategy
    from riskengine.portfolio.strategy import EqualWeight as EqualWeight
    from riskengine.portfolio.strategy import OptimizedStrategy as OptimizedStrategy
    from riskengine.portfolio.strategy import Strategy as Strategy
    from riskengine.portfolio.strategy import eligible as eligible
    from riskengine.portfolio.volatility_target import SteadyVolatility as SteadyVolatility
    from riskengine.portfolio.volatility_target import VolatilityTarget as VolatilityTarget

lazy_face(
    __name__,
    {
        "DrawdownOverlay": "DrawdownControl",
        "Limit": "NamedConstraint",
        "Posterior": "BlackLittermanPosterior",
        "TargetVolatility": "MaximumReturn",
    },
)
