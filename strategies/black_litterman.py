"""Black-Litterman with two standing views.

Claim: none on return; it shows how views and confidences move a portfolio away from equilibrium. The
views below are an illustration, not advice: they were not chosen by looking at the outcome.
"""

from riskengine import BlackLitterman, Constraints, MeanVariance, OptimizedStrategy, ProportionalCosts, View

VIEWS = (
    View.absolute("JNJ", 0.08, confidence=0.6),
    View.relative("PEP", over="KO", by=0.01, confidence=0.3),
)


def build(
    *, views: tuple[View, ...] = VIEWS, risk_aversion: float = 3.0, upper: float = 0.2, window: int = 1250
) -> OptimizedStrategy:
    """Long only, at most ``upper`` an asset; the equilibrium is that of an equally weighted market."""
    return OptimizedStrategy(
        name="Black-Litterman",
        objective=MeanVariance(risk_aversion),
        expected_returns=BlackLitterman(views),
        constraints=Constraints(upper=upper),
        costs=ProportionalCosts(0.0005),
        window=window,
    )
