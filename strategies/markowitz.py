"""Mean-variance on equilibrium returns (Markowitz 1952).

Claim: a portfolio near the market that trades little: expected returns are those at which equal weight
would be optimal, so it departs from equal weight only as far as limits and costs make it.
"""

from riskengine import Constraints, MeanVariance, OptimizedStrategy, ProportionalCosts


def build(
    *, risk_aversion: float = 3.0, upper: float = 0.2, turnover: float | None = 0.4, window: int = 1250
) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset and ``turnover`` of wealth traded (both ways) a rebalance."""
    return OptimizedStrategy(
        name="Markowitz",
        objective=MeanVariance(risk_aversion),
        constraints=Constraints(upper=upper, turnover=turnover),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
