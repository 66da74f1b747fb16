"""Covariance forecasts: static, exponentially weighted, and GARCH with constant or dynamic correlation."""

from riskengine.covariance.constant_correlation import ConstantCorrelation
from riskengine.covariance.contract import Covariance, CovarianceForecaster
from riskengine.covariance.dcc import Dcc
from riskengine.covariance.ewma import Ewma
from riskengine.covariance.moments import pairwise_moments, to_correlation
from riskengine.covariance.shrinkage import linear_shrinkage, quadratic_inverse
from riskengine.covariance.static import LedoitWolf, QuadraticInverseShrinkage, SampleCovariance

__all__ = [
    "ConstantCorrelation",
    "Covariance",
    "CovarianceForecaster",
    "Dcc",
    "Ewma",
    "LedoitWolf",
    "QuadraticInverseShrinkage",
    "SampleCovariance",
    "linear_shrinkage",
    "pairwise_moments",
    "quadratic_inverse",
    "to_correlation",
]
