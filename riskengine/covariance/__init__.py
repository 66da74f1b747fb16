"""Covariance forecasts: static, exponentially weighted, and GARCH with constant or dynamic correlation."""

from riskengine.covariance.contract import Covariance, CovarianceForecaster
from riskengine.covariance.ewma import EWMA
from riskengine.covariance.garch_ccc import GarchCCC
from riskengine.covariance.garch_dcc import GarchDCC
from riskengine.covariance.moments import pairwise_moments, to_correlation
from riskengine.covariance.shrinkage import linear_shrinkage, quadratic_inverse
from riskengine.covariance.static import LinearShrinkage, QuadraticInverse, SampleCovariance

__all__ = [
    "EWMA",
    "Covariance",
    "CovarianceForecaster",
    "GarchCCC",
    "GarchDCC",
    "LinearShrinkage",
    "QuadraticInverse",
    "SampleCovariance",
    "linear_shrinkage",
    "pairwise_moments",
    "quadratic_inverse",
    "to_correlation",
]
