"""Maximum Sharpe ratio on equilibrium returns.

Claim: none on return. Expected returns are those at which equal weight would be best, so that without limits
it would hold equal weight; with groups, caps and costs it is the best portfolio near it. Bring returns of your
own by overriding ``expected_returns``.
"""

from riskengine import (
    ConstantCorrelation,
    Constraints,
    NeuralCalibrator,
    OptimizedStrategy,
    ProportionalCosts,
)
from riskengine.portfolio import MaximumSharpe


def build(*, upper: float = 0.2, turnover: float | None = 0.4, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset and ``turnover`` of wealth traded (both ways) a rebalance."""
    return OptimizedStrategy(
        name="maximum Sharpe ratio",
        forecaster=ConstantCorrelation(NeuralCalibrator.pretrained(), window=window, static_share=0.5),
        objective=MaximumSharpe(),
        constraints=Constraints(upper=upper, turnover=turnover),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
