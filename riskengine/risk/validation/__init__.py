"""Backtests of VaR and CVaR forecasts: coverage, independence, severity, with p-values by simulation."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.risk.validation.coverage import CoverageTest as CoverageTest
    from riskengine.risk.validation.coverage import TrafficLight as TrafficLight
    from riskengine.risk.validation.coverage import christoffersen as christoffersen
    from riskengine.risk.validation.coverage import kupiec as kupiec
    from riskengine.risk.validation.coverage import traffic_light as traffic_light
    from riskengine.risk.validation.es_statistics import fissler_ziegel_loss as fissler_ziegel_loss
    from riskengine.risk.validation.validate import TestResult as TestResult
    from riskengine.risk.validation.validate import Validation as Validation
    from riskengine.risk.validation.validate import null_statistics as null_statistics
    from riskengine.risk.validation.validate import validate as validate

lazy_face(__name__)
