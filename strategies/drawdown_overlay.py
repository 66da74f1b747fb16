"""Minimum variance, less of it while it stands below its peak of the last year; the rest in cash.

Claim: smaller drawdowns than the strategy alone, paid for with return in every recovery, since it is bought back
after prices have risen (``backtests/portfolio/drawdown_overlay.py``). It forecasts nothing.
"""

from riskengine import (
    ConstantCorrelation,
    Constraints,
    NeuralCalibrator,
    OptimizedStrategy,
    ProportionalCosts,
)
from riskengine.portfolio import DrawdownOverlay


def build(
    *, limit: float = 0.25, lowest: float = 0.2, upper: float = 0.2, window: int = 1250
) -> DrawdownOverlay:
    """Long only, at most ``upper`` an asset; nothing but ``lowest`` is left at a drawdown near ``limit``."""
    strategy = OptimizedStrategy(
        name="minimum variance",
        forecaster=ConstantCorrelation(NeuralCalibrator.pretrained(), window=window, static_share=0.5),
        constraints=Constraints(upper=upper),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
    return DrawdownOverlay(strategy, limit, lowest)
