"""Maximum Sharpe ratio on equilibrium returns.

Claim: none on return. Expected returns are those at which equal weight would be best, so that without limits
it would hold equal weight; with groups, caps and costs it is the best portfolio near it. Returns of your own are a
function of the view: ``expected_returns=lambda view, covariance, chosen: ...``, one a day and asset.
"""

from riskengine import Constraints, MaximumSharpe, OptimizedStrategy, ProportionalCosts


def build(*, upper: float = 0.2, turnover: float | None = 0.4, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset and ``turnover`` of wealth traded (both ways) a rebalance."""
    return OptimizedStrategy(
        name="maximum Sharpe ratio",
        objective=MaximumSharpe(),
        constraints=Constraints(upper=upper, turnover=turnover),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
