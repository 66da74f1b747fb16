"""Covariance forecasts: static, exponentially weighted, GARCH, factors, and ensembles of them."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.covariance.asynchronous import Asynchronous as Asynchronous
    from riskengine.covariance.base import Covariance as Covariance
    from riskengine.covariance.base import CovarianceForecaster as CovarianceForecaster
    from riskengine.covariance.base import reads_ranges as reads_ranges
    from riskengine.covariance.bias_corrected import BiasCorrected as BiasCorrected
    from riskengine.covariance.constant_correlation import ConstantCorrelation as ConstantCorrelation
    from riskengine.covariance.dcc import Dcc as Dcc
    from riskengine.covariance.ensemble import CombinedIteratedEwma as CombinedIteratedEwma
    from riskengine.covariance.ensemble import Ensemble as Ensemble
    from riskengine.covariance.ensemble import universe_experts as universe_experts
    from riskengine.covariance.evaluation import bias_band as bias_band
    from riskengine.covariance.evaluation import bias_statistic as bias_statistic
    from riskengine.covariance.evaluation import log_likelihood as log_likelihood
    from riskengine.covariance.evaluation import minimum_variance as minimum_variance
    from riskengine.covariance.evaluation import states as states
    from riskengine.covariance.ewma import Ewma as Ewma
    from riskengine.covariance.ewma import IteratedEwma as IteratedEwma
    from riskengine.covariance.factor_garch import FactorGarch as FactorGarch
    from riskengine.covariance.for_frequency import for_frequency as for_frequency
    from riskengine.covariance.frozen import FrozenParts as FrozenParts
    from riskengine.covariance.margin import Margin as Margin
    from riskengine.covariance.margin import conditional_variance as conditional_variance
    from riskengine.covariance.refit import Followed as Followed
    from riskengine.covariance.refit import Refit as Refit
    from riskengine.covariance.remembered import Remembered as Remembered
    from riskengine.covariance.riskmetrics import RiskMetrics2006 as RiskMetrics2006
    from riskengine.covariance.running_bias import RunningBias as RunningBias
    from riskengine.covariance.seasonal_variance import LogVarianceRegression as LogVarianceRegression
    from riskengine.covariance.static import AnalyticalShrinkage as AnalyticalShrinkage
    from riskengine.covariance.static import LedoitWolf as LedoitWolf
    from riskengine.covariance.static import QuadraticInverseShrinkage as QuadraticInverseShrinkage
    from riskengine.covariance.static import RollingForecaster as RollingForecaster
    from riskengine.covariance.static import SampleCovariance as SampleCovariance
    from riskengine.covariance.window import Window as Window

lazy_face(__name__, {"News": "LogVarianceRegression", "Recalibrated": "BiasCorrected"})
