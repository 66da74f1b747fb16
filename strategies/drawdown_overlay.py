"""Minimum variance, less of it while it stands below its peak of the last year; the rest in cash.

Claim: smaller drawdowns than the strategy alone, paid for with return in every recovery, since it is bought back
after prices have risen (``backtests/portfolio/drawdown_overlay.py``). It forecasts nothing.
"""

from riskengine import Constraints, OptimizedStrategy, ProportionalCosts
from riskengine.portfolio import DrawdownControl


def build(
    *, limit: float = 0.25, lowest: float = 0.2, upper: float = 0.2, window: int = 1250
) -> DrawdownControl:
    """Long only, at most ``upper`` an asset; nothing but ``lowest`` is left at a drawdown near ``limit``."""
    strategy = OptimizedStrategy(
        name="minimum variance",
        constraints=Constraints(upper=upper),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
    return DrawdownControl(strategy, limit, lowest)
