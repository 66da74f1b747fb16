"""Minimum variance with the ensemble of covariances, trades priced.

Claim: lower realized volatility than any single forecast, at the turnover of a static one, wherever limits leave the
forecast something to decide (``backtests/covariance/race.py``). Long only with a cap they leave it little: see
``long_short.py`` for limits that leave more.
"""

from riskengine import Constraints, Ensemble, MinimumVariance, OptimizedStrategy
from riskengine.covariance import universe_experts


def build(
    *,
    lower: float = 0.0,
    upper: float = 0.2,
    turnover_penalty: float = 0.05,
    universe: bool = False,
    window: int = 1250,
    horizon: int = 21,
) -> OptimizedStrategy:
    """At most ``upper`` an asset; ``turnover_penalty`` is the price of trades: see ``MinimumVariance``.

    With ``universe`` the variances of the GARCH experts move with those of all other assets, and with the day's ranges
    where the prices have any (``backtests/covariance/universe_experts.py``).
    """
    return OptimizedStrategy(
        name="minimum variance",
        forecaster=Ensemble(universe_experts()) if universe else Ensemble(),
        objective=MinimumVariance(turnover_penalty),
        constraints=Constraints(lower=lower, upper=upper),
        window=window,
        horizon=horizon,
    )
