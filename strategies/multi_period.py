"""Multi-period mean-variance on a reversal that fades (Boyd et al. 2017).

Claim: none on return; it shows that what is expected to fade is traded on less than what is expected to last. Assets
that fell more than the others over the last week are expected to make up a tenth of it over the next, half as much
over the week after, and so on: an illustration that was not chosen by looking at the outcome.
"""

import numpy as np

from riskengine import Constraints, MeanVariance, OptimizedStrategy, ProportionalCosts
from riskengine.portfolio import Equilibrium

WEEK, PERIODS = 5, 4


def reversal(view, covariance, chosen) -> np.ndarray:
    """Expected returns (periods, assets) per day: equilibrium, and a tenth of the last week's lag, halved each week."""
    week = np.nan_to_num(view.window(WEEK)).sum(axis=0)
    lag = np.where(chosen, week[chosen].mean() - week, 0.0)
    return Equilibrium()(view, covariance, chosen) + np.outer(0.5 ** np.arange(PERIODS), 0.1 * lag / WEEK)


def build(*, risk_aversion: float = 3.0, upper: float = 0.2, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset; four weeks are planned, and the first is traded."""
    return OptimizedStrategy(
        name="multi-period",
        objective=MeanVariance(risk_aversion),
        expected_returns=reversal,
        periods=PERIODS,
        horizon=WEEK,
        constraints=Constraints(upper=upper),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
