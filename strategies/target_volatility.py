"""A steady volatility: the market near equal weight, more or less of it as the forecast says, the rest in cash.

Claim: realized volatility stays nearer to the target than at constant exposure, since volatility can be forecast.
"""

from riskengine import Constraints, MaximumReturn, OptimizedStrategy, ProportionalCosts


def build(
    *, upper: float = 0.2, volatility: float = 0.10, leverage: float = 1.0, window: int = 1250
) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset and ``leverage`` in all; the forecast is kept at ``volatility`` a year."""
    return OptimizedStrategy(
        name="target volatility",
        objective=MaximumReturn(volatility),
        constraints=Constraints(upper=upper, budget=(0.0, leverage)),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
