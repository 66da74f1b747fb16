"""What an objective is worth at given weights, without a solver."""

from __future__ import annotations

import numpy as np

from riskengine.portfolio.costs import YEAR, Costs
from riskengine.portfolio.day import Day
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


def value(objective: Objective, costs: Costs, day: Day, weights: Array) -> float:
    """Variance, utility, Sharpe ratio, expected return, CVaR, volatility, diversification ratio or tracking error.

    All are per day, but CVaR, which is over the holding period. Costs are included where the objective
    weighs them; prices of soft limits are not.
    """
    variance = day.risk.variance(weights)
    charges = charged(costs, day, weights)
    if isinstance(objective, MinimumVariance):
        return variance
    if isinstance(objective, MeanVariance):
        # Returns over cash are in the goal's unit; cash on all of wealth brings them back.
        net = day.coin * float(day.reward @ weights) + costs.cash / YEAR - charges
        return net - objective.risk_aversion / 2 * variance
    if isinstance(objective, MaximumSharpe):
        return (day.coin * float(day.reward @ weights) - charges) / float(np.sqrt(variance))
    if isinstance(objective, TargetVolatility):
        return day.coin * float(day.reward @ weights) + costs.cash / YEAR - charges
    if isinstance(objective, RiskBudgeting):
        return float(np.sqrt(variance))
    if isinstance(objective, MaximumDiversification):
        return float(day.risk.volatility @ weights) / float(np.sqrt(variance))
    if isinstance(objective, TrackingError):
        # |w - b|^2 from |w|^2 - 2 b'w needs |b|^2, which the goal leaves out.
        return float(np.sqrt(max(variance - day.coin * float(day.reward @ weights) + day.offset, 0.0)))
    losses = -day.coin * (day.scenarios @ weights) - day.risk.horizon * costs.cash / YEAR
    return tail_mean(losses, objective) + charges


def charged(costs: Costs, day: Day, weights: Array) -> float:
    """Costs of trades and shorts, in money, a day (over the holding period for CVaR)."""
    trades, shorts = np.abs(weights - day.today.previous), np.maximum(-weights, 0.0)
    total = day.spread * trades.sum() + day.impact @ trades**1.5 + day.borrow * shorts.sum()
    return day.coin * float(total)


def tail_mean(losses: Array, objective: MinimumCvar) -> float:
    """Mean of the worst ``1 - level`` of equally likely losses, the last one counted in part."""
    worst = np.sort(losses)[::-1]
    mass = (1 - objective.level) * len(worst)
    shares = np.clip(mass - np.arange(len(worst)), 0.0, 1.0)
    return float(shares @ worst / mass)
