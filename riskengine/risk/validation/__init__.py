"""Backtests of VaR and CVaR forecasts: coverage, independence, severity, with p-values by simulation."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.risk.validation.coverage import (
        CoverageTest,
        TrafficLight,
        christoffersen,
        independence,
        kupiec,
        traffic_light,
    )
    from riskengine.risk.validation.es_statistics import fissler_ziegel_loss, quantile_loss
    from riskengine.risk.validation.monte_carlo_pvalue import holm
    from riskengine.risk.validation.validate import TestResult, Validation, null_statistics, validate

__all__ = [
    "CoverageTest",
    "TestResult",
    "TrafficLight",
    "Validation",
    "christoffersen",
    "fissler_ziegel_loss",
    "holm",
    "independence",
    "kupiec",
    "null_statistics",
    "quantile_loss",
    "traffic_light",
    "validate",
]

lazy_face(__name__)
