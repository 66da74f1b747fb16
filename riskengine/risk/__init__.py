"""VaR and CVaR, their contributions, and tests of them."""

from riskengine.risk.contributions import (
    scenario_contributions,
    student_t_contributions,
    volatility_contributions,
)
from riskengine.risk.coverage import (
    CoverageTest,
    TrafficLight,
    christoffersen,
    independence,
    kupiec,
    traffic_light,
)
from riskengine.risk.filtered_historical import FilteredHistory, fill_residuals
from riskengine.risk.ranks import holm
from riskengine.risk.severity import fissler_ziegel_loss, quantile_loss
from riskengine.risk.tails import TailRisk, empirical_tail, student_t_tail, tail_weights
from riskengine.risk.validation import TestResult, Validation, validate

__all__ = [
    "CoverageTest",
    "FilteredHistory",
    "TailRisk",
    "TestResult",
    "TrafficLight",
    "Validation",
    "christoffersen",
    "empirical_tail",
    "fill_residuals",
    "fissler_ziegel_loss",
    "holm",
    "independence",
    "kupiec",
    "quantile_loss",
    "scenario_contributions",
    "student_t_contributions",
    "student_t_tail",
    "tail_weights",
    "traffic_light",
    "validate",
    "volatility_contributions",
]
