"""Minimum variance with the ensemble of covariances, trades priced.

Claim: lower realized volatility than any single forecast, at the turnover of a static one, wherever limits leave the
forecast something to decide (``backtests/covariance/race.py``).
"""

from riskengine import Constraints, Ensemble, MinimumVariance, OptimizedStrategy


def build(
    *,
    lower: float = 0.0,
    upper: float = 0.1,
    turnover_penalty: float = 0.05,
    window: int = 1250,
    horizon: int = 21,
) -> OptimizedStrategy:
    """At most ``upper`` an asset; ``turnover_penalty`` is the price of trades: see ``MinimumVariance``."""
    return OptimizedStrategy(
        name="ensemble",
        forecaster=Ensemble(),
        objective=MinimumVariance(turnover_penalty),
        constraints=Constraints(lower=lower, upper=upper),
        window=window,
        horizon=horizon,
    )
