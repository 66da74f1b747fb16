"""Maximum diversification (Choueifaty and Coignard 2008).

Claim: none on return; the greatest ratio of the assets' mean volatility to the portfolio's.
"""

from riskengine import Constraints, MaximumDiversification, OptimizedStrategy


def build(*, upper: float = 0.2, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset."""
    return OptimizedStrategy(
        name="maximum diversification",
        objective=MaximumDiversification(),
        constraints=Constraints(upper=upper),
        window=window,
    )
