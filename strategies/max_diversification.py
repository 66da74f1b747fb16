"""Maximum diversification (Choueifaty and Coignard 2008).

Claim: none on return; the greatest ratio of the assets' mean volatility to the portfolio's.
"""

from riskengine import (
    ConstantCorrelation,
    Constraints,
    NeuralCalibrator,
    OptimizedStrategy,
)
from riskengine.portfolio import MaximumDiversification


def build(*, upper: float = 0.2, window: int = 1250) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset."""
    return OptimizedStrategy(
        name="maximum diversification",
        forecaster=ConstantCorrelation(NeuralCalibrator.pretrained(), window=window, static_share=0.5),
        objective=MaximumDiversification(),
        constraints=Constraints(upper=upper),
        window=window,
    )
