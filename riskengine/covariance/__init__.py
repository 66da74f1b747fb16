"""Covariance forecasts: static, exponentially weighted, GARCH, factors, and ensembles of them."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.covariance.asynchronous import Asynchronous, nearest_correlation
    from riskengine.covariance.base import Covariance, CovarianceForecaster
    from riskengine.covariance.bias_corrected import BiasCorrected
    from riskengine.covariance.constant_correlation import ConstantCorrelation
    from riskengine.covariance.dcc import Dcc
    from riskengine.covariance.ensemble import CombinedIteratedEwma, Ensemble
    from riskengine.covariance.evaluation import bias_band, bias_statistic, states
    from riskengine.covariance.ewma import Ewma, IteratedEwma
    from riskengine.covariance.factor_garch import FactorGarch
    from riskengine.covariance.for_frequency import for_frequency
    from riskengine.covariance.margin import conditional_variance
    from riskengine.covariance.moments import pairwise_moments, to_correlation
    from riskengine.covariance.remembered import Remembered
    from riskengine.covariance.riskmetrics import RiskMetrics2006
    from riskengine.covariance.running_bias import RunningBias
    from riskengine.covariance.seasonal_variance import LogVarianceRegression
    from riskengine.covariance.shrinkage import analytical_shrinkage, linear_shrinkage, quadratic_inverse
    from riskengine.covariance.static import (
        AnalyticalShrinkage,
        LedoitWolf,
        QuadraticInverseShrinkage,
        SampleCovariance,
    )
    from riskengine.covariance.window import Window
    from riskengine.serialization import load as load_state
    from riskengine.serialization import save as save_state

__all__ = [
    "AnalyticalShrinkage",
    "Asynchronous",
    "BiasCorrected",
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
    "LogVarianceRegression",
    "QuadraticInverseShrinkage",
    "Remembered",
    "RiskMetrics2006",
    "RunningBias",
    "SampleCovariance",
    "Window",
    "analytical_shrinkage",
    "bias_band",
    "bias_statistic",
    "conditional_variance",
    "for_frequency",
    "linear_shrinkage",
    "load_state",
    "nearest_correlation",
    "pairwise_moments",
    "quadratic_inverse",
    "save_state",
    "states",
    "to_correlation",
]

lazy_face(__name__, {"News": "LogVarianceRegression", "Recalibrated": "BiasCorrected"})
