"""Volatility targeting on minimum variance: its size keeps the volatility at a target, the rest is cash or borrowed.

Claim: realized volatility strays less from the target than at a constant size, and less than with a forecast whose
bias is not learned (``backtests/portfolio/steady_risk.py``). None on return.
"""

from riskengine import Constraints, MinimumVariance, OptimizedStrategy
from riskengine.portfolio import VolatilityTarget


def build(
    *,
    volatility: float = 0.10,
    leverage: float = 2.0,
    upper: float = 0.2,
    window: int = 1250,
    horizon: int = 21,
) -> VolatilityTarget:
    """Long only, at most ``upper`` of what is invested an asset, and ``leverage`` in all."""
    strategy = OptimizedStrategy(
        name="minimum variance",
        objective=MinimumVariance(turnover_penalty=0.05),
        constraints=Constraints(upper=upper),
        window=window,
        horizon=horizon,
    )
    return VolatilityTarget(strategy, volatility, leverage)
