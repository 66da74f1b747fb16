"""Covariance forecasts: static, exponentially weighted, GARCH, factors, and ensembles of them."""

from riskengine.covariance.asynchronous import Asynchronous, nearest_correlation
from riskengine.covariance.constant_correlation import ConstantCorrelation
from riskengine.covariance.contract import Covariance, CovarianceForecaster
from riskengine.covariance.dcc import Dcc
from riskengine.covariance.ensemble import CombinedIteratedEwma, Ensemble
from riskengine.covariance.ewma import Ewma, IteratedEwma
from riskengine.covariance.factor_garch import FactorGarch
from riskengine.covariance.for_frequency import for_frequency
from riskengine.covariance.moments import pairwise_moments, to_correlation
from riskengine.covariance.news import News
from riskengine.covariance.recalibrated import Recalibrated
from riskengine.covariance.riskmetrics import RiskMetrics2006
from riskengine.covariance.running_bias import RunningBias
from riskengine.covariance.shrinkage import analytical_shrinkage, linear_shrinkage, quadratic_inverse
from riskengine.covariance.state import load_state, save_state
from riskengine.covariance.static import (
    AnalyticalShrinkage,
    LedoitWolf,
    QuadraticInverseShrinkage,
    SampleCovariance,
)

__all__ = [
    "AnalyticalShrinkage",
    "Asynchronous",
    "CombinedIteratedEwma",
    "ConstantCorrelation",
    "Covariance",
    "CovarianceForecaster",
    "Dcc",
    "Ensemble",
    "Ewma",
    "FactorGarch",
    "IteratedEwma",
    "LedoitWolf",
    "News",
    "QuadraticInverseShrinkage",
    "Recalibrated",
    "RiskMetrics2006",
    "RunningBias",
    "SampleCovariance",
    "analytical_shrinkage",
    "for_frequency",
    "linear_shrinkage",
    "load_state",
    "nearest_correlation",
    "pairwise_moments",
    "quadratic_inverse",
    "save_state",
    "to_correlation",
]
