"""Minimum variance with the usual pipeline: per-asset maximum likelihood GARCH, sample correlation.

Claim: what the network is measured against.
"""

from riskengine import Constraints, OptimizedStrategy
from riskengine.backtest import legacy_forecaster


def build(*, upper: float = 0.2, window: int = 1250, horizon: int = 21) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset."""
    return OptimizedStrategy(
        name="legacy GARCH, alone",
        forecaster=legacy_forecaster(window),
        constraints=Constraints(lower=0.0, upper=upper),
        window=window,
        horizon=horizon,
    )
