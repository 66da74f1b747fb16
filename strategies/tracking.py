"""Tracking: few assets near a benchmark, here equal weight.

Claim: within a tracking error of a few percent of the benchmark with limited turnover; none on return.
"""

from riskengine import Constraints, OptimizedStrategy, TrackingError


def build(*, upper: float = 0.2, turnover: float | None = 0.2, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset and ``turnover`` of wealth traded (both ways) a rebalance."""
    return OptimizedStrategy(
        name="tracking",
        objective=TrackingError(),
        constraints=Constraints(upper=upper, turnover=turnover),
        window=window,
    )
