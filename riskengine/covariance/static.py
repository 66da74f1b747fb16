"""Forecasters that weigh all days of a rolling window alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.covariance.base import Covariance
from riskengine.covariance.moments import Moments, with_missing_variances
from riskengine.covariance.running_moments import RollingMoments, RollingSums
from riskengine.covariance.shrinkage import analytical_shrinkage, linear_shrinkage, quadratic_inverse
from riskengine.covariance.window import as_row, last_days
from riskengine.errors import SettingsError

Array = np.ndarray


@dataclass(frozen=True)
class RollingForecaster:
    """Base of forecasters from the moments of a rolling window; a subclass gives :meth:`estimate`."""

    window: int = 1250

    def __post_init__(self) -> None:
        if self.window < 2:
            raise SettingsError(f"a window has at least two days, not {self.window}")

    def init(self, returns: Array) -> RollingSums:
        """State after a history ``(time, assets)``."""
        return RollingMoments(self.window).init(last_days(returns, self.window))

    def update(self, state: RollingSums, row: Array) -> RollingSums:
        """The window moved on by one day."""
        return RollingMoments(self.window).update(state, as_row(row, state.window.recent.shape[1]))

    def forecast(self, state: RollingSums, horizon: int = 1) -> Covariance:
        """The same covariance for every horizon; assets that never moved are noted (:func:`with_missing_variances`)."""
        moments, notes = with_missing_variances(RollingMoments(self.window).moments(state, centred=True))
        return Covariance.dense(self.estimate(moments, state), horizon, notes)

    def estimate(self, moments: Moments, state: RollingSums) -> Array:
        """The covariance ``(assets, assets)``: all that a further forecaster of the kind has to say."""
        raise TypeError("choose SampleCovariance, LedoitWolf or QuadraticInverseShrinkage")


@dataclass(frozen=True)
class SampleCovariance(RollingForecaster):
    """The sample covariance of the last ``window`` days.

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 3))
    >>> forecaster = SampleCovariance(window=250)
    >>> bool(np.allclose(forecaster.forecast(forecaster.init(x), 5).matrix(), np.cov(x[-250:].T)))
    True
    """

    def estimate(self, moments: Moments, state: RollingSums) -> Array:
        return moments.matrix


@dataclass(frozen=True)
class LedoitWolf(RollingForecaster):
    """Ledoit and Wolf (2004) shrinkage to a multiple of the identity; see :func:`linear_shrinkage`."""

    def estimate(self, moments: Moments, state: RollingSums) -> Array:
        return linear_shrinkage(state.window.rows, moments=moments)


@dataclass(frozen=True)
class QuadraticInverseShrinkage(RollingForecaster):
    """Ledoit and Wolf (2022) nonlinear shrinkage; see :func:`quadratic_inverse`."""

    def estimate(self, moments: Moments, state: RollingSums) -> Array:
        return quadratic_inverse(moments)


@dataclass(frozen=True)
class AnalyticalShrinkage(RollingForecaster):
    """Ledoit and Wolf (2020) nonlinear shrinkage; see :func:`analytical_shrinkage`."""

    def estimate(self, moments: Moments, state: RollingSums) -> Array:
        return analytical_shrinkage(moments)
