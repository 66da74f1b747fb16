"""Forecasters that weigh all days of a rolling window alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.covariance.moments import pairwise_moments
from riskengine.covariance.shrinkage import analytical_shrinkage, linear_shrinkage, quadratic_inverse
from riskengine.errors import DataError, SettingsError

Array = np.ndarray


def last_days(returns: Array, window: int) -> Array:
    """The last ``window`` rows, as an array of their own.

    Raises
    ------
    DataError
        If there are fewer than two rows or no asset.
    """
    returns = np.asarray(returns, dtype=np.float64)
    if returns.ndim != 2 or returns.shape[0] < 2 or returns.shape[1] < 1:
        raise DataError(
            f"a covariance needs (time, assets) returns of at least two days, not {returns.shape}"
        )
    return returns[-window:].copy()


def roll(window_rows: Array, row: Array, window: int) -> Array:
    """Window ``(days, assets)`` after one more row ``(assets,)``; the oldest day leaves a full one."""
    return np.vstack([window_rows[-(window - 1) :] if len(window_rows) >= window else window_rows, row])


@dataclass(frozen=True)
class _Rolling:
    """A forecaster whose state is the rolling window itself."""

    window: int = 1250

    def __post_init__(self) -> None:
        if self.window < 2:
            raise SettingsError(f"a window has at least two days, not {self.window}")

    def init(self, returns: Array) -> Array:
        """The last ``window`` days."""
        return last_days(returns, self.window)

    def update(self, state: Array, row: Array) -> Array:
        """The window moved on by one day."""
        return roll(state, row, self.window)

    def forecast(self, state: Array, horizon: int = 1) -> Covariance:
        """The same covariance for every horizon."""
        return Covariance.dense(self._estimate(state), horizon)

    def _estimate(self, returns: Array) -> Array:
        raise TypeError("choose SampleCovariance, LedoitWolf or QuadraticInverseShrinkage")


@dataclass(frozen=True)
class SampleCovariance(_Rolling):
    """The sample covariance of the last ``window`` days.

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 3))
    >>> forecaster = SampleCovariance(window=250)
    >>> bool(np.allclose(forecaster.forecast(forecaster.init(x), 5).matrix(), np.cov(x[-250:].T)))
    True
    """

    def _estimate(self, returns: Array) -> Array:
        return pairwise_moments(returns).matrix


@dataclass(frozen=True)
class LedoitWolf(_Rolling):
    """Ledoit and Wolf (2004) shrinkage to a multiple of the identity; see :func:`linear_shrinkage`."""

    def _estimate(self, returns: Array) -> Array:
        return linear_shrinkage(returns)


@dataclass(frozen=True)
class QuadraticInverseShrinkage(_Rolling):
    """Ledoit and Wolf (2022) nonlinear shrinkage; see :func:`quadratic_inverse`."""

    def _estimate(self, returns: Array) -> Array:
        return quadratic_inverse(pairwise_moments(returns))


@dataclass(frozen=True)
class AnalyticalShrinkage(_Rolling):
    """Ledoit and Wolf (2020) nonlinear shrinkage; see :func:`analytical_shrinkage`."""

    def _estimate(self, returns: Array) -> Array:
        return analytical_shrinkage(pairwise_moments(returns))
