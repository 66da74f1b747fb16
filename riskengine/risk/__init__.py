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
from riskengine.risk.tails import TailRisk, empirical_tail, student_t_tail, tail_weights

__all__ = [
    "CoverageTest",
    "FilteredHistory",
    "TailRisk",
    "TrafficLight",
    "christoffersen",
    "empirical_tail",
    "fill_residuals",
    "independence",
    "kupiec",
    "scenario_contributions",
    "student_t_contributions",
    "student_t_tail",
    "tail_weights",
    "traffic_light",
    "volatility_contributions",
]
