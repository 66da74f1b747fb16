"""Risk parity: every asset contributes the same to the portfolio's volatility (Spinu 2013).

Claim: between equal weight and minimum variance in volatility (Maillard, Roncalli and Teiletche 2010), with less
turnover than the latter.
"""

from riskengine import Constraints, OptimizedStrategy, RiskBudgeting


def build(*, upper: float = 0.2, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset."""
    return OptimizedStrategy(
        name="risk parity",
        objective=RiskBudgeting(),
        constraints=Constraints(upper=upper),
        window=window,
    )
