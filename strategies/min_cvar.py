"""Least mean loss beyond the value at risk (Rockafellar and Uryasev 2000).

Claim: none beyond minimum variance. Scenarios are the past's holding periods at today's volatilities, whole days
together; at 95% few of them decide, so that weights are noisier than those of minimum variance.
"""

from riskengine import Constraints, MinimumCvar, OptimizedStrategy, ProportionalCosts


def build(*, upper: float = 0.2, level: float = 0.95, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset; ``level`` is the confidence."""
    return OptimizedStrategy(
        name="minimum CVaR",
        objective=MinimumCvar(level),
        constraints=Constraints(upper=upper),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
