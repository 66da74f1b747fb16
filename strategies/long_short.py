"""Minimum variance in a 130/30 portfolio: fully invested, with room to be short.

Claim: lower realized volatility than with static covariances or the legacy pipeline, by a margin that chance does not
explain: with shorts, limits leave the forecast something to decide (``backtests/portfolio/demo_mandate.py``).
"""

from riskengine import Constraints, MinimumVariance, OptimizedStrategy


def build(
    *,
    lower: float = -0.05,
    upper: float = 0.1,
    leverage: float = 1.6,
    turnover_penalty: float = 0.0,
    window: int = 1250,
    horizon: int = 21,
) -> OptimizedStrategy:
    """Weights from ``lower`` to ``upper`` that add up to one, and to ``leverage`` regardless of sign.

    A ``turnover_penalty`` of .05 trades half as much, for a few thousandths of the volatility.
    """
    return OptimizedStrategy(
        name="130/30 minimum variance",
        objective=MinimumVariance(turnover_penalty),
        constraints=Constraints(lower=lower, upper=upper, leverage=leverage),
        window=window,
        horizon=horizon,
    )
