"""GARCH variances with a constant correlation: D R D (Bollerslev 1990)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration.maximum_likelihood import MaximumLikelihood
from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.result import Calibration, Calibrator
from riskengine.covariance.contract import Covariance
from riskengine.covariance.ewma import Ewma, EwmaState
from riskengine.covariance.moments import Moments, pairwise_moments, to_correlation
from riskengine.covariance.shrinkage import linear_shrinkage, quadratic_inverse
from riskengine.covariance.static import last_days, roll
from riskengine.covariance.weighting import fading_weights
from riskengine.errors import SettingsError
from riskengine.garch.contamination import Hypotheses, next_hypotheses
from riskengine.garch.forecast import holding_period_variance
from riskengine.garch.params import GarchParams
from riskengine.garch.variance import Filtered, filter_variance, next_variance

Array = np.ndarray
Shrinkage = Literal["none", "linear", "quadratic-inverse"]

_filter = jax.jit(filter_variance)
_next = jax.jit(next_variance)
_next_hypotheses = jax.jit(next_hypotheses)
_holding = jax.jit(holding_period_variance, static_argnames="horizon")


class GarchState(NamedTuple):
    """What a GARCH forecaster carries from day to day.

    Attributes
    ----------
    fit : parameters, held until the next ``init``
    variance : (assets,) of the next day
    returns : (days, assets) rolling window
    residuals : (days, assets) the same window over its conditional volatilities
    hypotheses : of the next day's variance, if the calibration reckons with outliers
    products : fading sums of products of residuals, or of returns, that the correlation rests on
    """

    fit: Calibration
    variance: Array
    returns: Array
    residuals: Array
    hypotheses: Hypotheses | None = None
    products: EwmaState | None = None


def conditional_variance(fit: Calibration, returns: Array) -> Array:
    """Variance of each day given the days before it, and of the day after the last: ``(time + 1, assets)``."""
    path = _filtered(fit, returns)
    return np.vstack([np.asarray(path.variance), np.asarray(path.next_variance)])


def _filtered(fit: Calibration, returns: Array) -> Filtered:
    with jax.enable_x64(True):
        params = GarchParams(*map(jnp.asarray, fit.params))
        contamination = None if fit.contamination is None else jnp.asarray(fit.contamination)
        return _filter(params, jnp.asarray(returns - fit.mean), jnp.asarray(fit.presample), contamination)


@dataclass(frozen=True)
class GarchMargins:
    """The GARCH half of a covariance: calibration, conditional variances and standardised residuals.

    Attributes
    ----------
    calibrator : network, maximum likelihood, ...
    window : days kept for residuals and correlations
    warm_start : hand the last calibration to a :class:`MaximumLikelihood` as its start
    fading : keep fading sums of products as well
    of_residuals : sum products of residuals; otherwise of returns
    """

    calibrator: Calibrator
    window: int = 1250
    warm_start: bool = True
    fading: Ewma | None = None
    of_residuals: bool = True

    def init(
        self, returns: Array, calibration: Calibration | None = None, previous: GarchState | None = None
    ) -> GarchState:
        """Calibrate on all rows, or take a given calibration, and filter."""
        rows = last_days(returns, len(returns))
        if calibration is None:
            calibration = self._calibrate(rows, previous)
        path = _filtered(calibration, rows)
        residuals = (rows - calibration.mean) / np.sqrt(np.asarray(path.variance))
        return GarchState(
            calibration,
            np.asarray(path.next_variance),
            rows[-self.window :].copy(),
            residuals[-self.window :].copy(),
            path.hypotheses,
            self.fading.init(residuals if self.of_residuals else rows) if self.fading is not None else None,
        )

    def _calibrate(self, rows: Array, previous: GarchState | None) -> Calibration:
        if self.warm_start and previous is not None and isinstance(self.calibrator, MaximumLikelihood):
            return self.calibrator(rows, start=previous.fit)
        return self.calibrator(rows)

    def update(self, state: GarchState, row: Array) -> GarchState:
        """One more day with the same parameters."""
        shock = row - state.fit.mean
        with jax.enable_x64(True):
            params = GarchParams(*map(jnp.asarray, state.fit.params))
            today, odds, hypotheses = jnp.asarray(shock), state.fit.contamination, state.hypotheses
            if odds is None or hypotheses is None:
                tomorrow = _next(params, jnp.asarray(state.variance), today)
            else:
                hypotheses = _next_hypotheses(params, hypotheses, today, jnp.asarray(odds))
                tomorrow = hypotheses.variance
        residual = shock / np.sqrt(state.variance)
        products = state.products
        if self.fading is not None and products is not None:
            products = self.fading.update(products, residual if self.of_residuals else row)
        return GarchState(
            state.fit,
            np.asarray(tomorrow),
            roll(state.returns, row, self.window),
            roll(state.residuals, residual, self.window),
            hypotheses,
            products,
        )

    def holding_variance(self, state: GarchState, horizon: int) -> Array:
        """Mean variance per day over the holding period, ``(assets,)``."""
        with jax.enable_x64(True):
            params = GarchParams(*map(jnp.asarray, state.fit.params))
            return np.asarray(_holding(params, jnp.asarray(state.variance), horizon=horizon))

    @staticmethod
    def notes(state: GarchState) -> tuple[str, ...]:
        """One line for each asset that fell back or was hit by an outlier."""
        named = zip(state.fit.assets, state.fit.status, strict=True)
        return tuple(f"{asset}: {status}" for asset, status in named if status.fell_back)


def correlation(rows: Array, shrinkage: Shrinkage, centred: bool) -> Array:
    """Correlation matrix of ``rows`` ``(time, assets)``, shrunk; its diagonal is one."""
    if shrinkage == "linear":
        return to_correlation(linear_shrinkage(rows, centred))
    return shrunk_correlation(pairwise_moments(rows, centred), shrinkage)


def shrunk_correlation(moments: Moments, shrinkage: Shrinkage) -> Array:
    """Correlation matrix of second moments, shrunk; its diagonal is one."""
    # Shrink correlations, not covariances: residuals of assets that fell back may have another scale.
    moments = moments._replace(matrix=to_correlation(moments.matrix))
    return moments.matrix if shrinkage == "none" else to_correlation(quadratic_inverse(moments))


@dataclass(frozen=True)
class ConstantCorrelation:
    """GARCH variances over the holding period with a constant, shrunk correlation (Bollerslev 1990).

    Attributes
    ----------
    calibrator : network, maximum likelihood, ...
    window : days that the correlation rests on, all alike
    shrinkage : of the correlation
    residuals : correlate standardised residuals; otherwise raw returns
    static_share : weight of the window's mean square in a geometric mean with the GARCH variance; 0 is
        pure GARCH, 1 pure static. Between half and three quarters lowered realized volatility and turnover most.
    half_life : days; the correlation then fades instead of resting on a window, and ``update`` costs one
        rank-one update. Not with linear shrinkage, which needs the rows.
    static_half_life : days; the mean square then fades too
    warm_start : see :class:`GarchMargins`

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> forecaster = ConstantCorrelation(MaximumLikelihood())
    >>> state = forecaster.init(x)
    >>> forecaster.forecast(forecaster.update(state, x[0]), horizon=21).matrix().shape
    (3, 3)
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    window: int = 1250
    shrinkage: Shrinkage = "quadratic-inverse"
    residuals: bool = True
    static_share: float = 0.0
    half_life: float | None = None
    static_half_life: float | None = None
    warm_start: bool = True
    carry: bool = True

    def __post_init__(self) -> None:
        if self.shrinkage not in ("none", "linear", "quadratic-inverse"):
            raise SettingsError(
                f'shrinkage is "none", "linear" or "quadratic-inverse", not {self.shrinkage!r}'
            )
        if not 0 <= self.static_share <= 1:
            raise SettingsError(f"static_share lies between 0 and 1, not at {self.static_share}")
        if self.half_life is not None and self.shrinkage == "linear":
            raise SettingsError("linear shrinkage needs a window of rows: leave half_life away")

    @property
    def margins(self) -> GarchMargins:
        """The univariate half."""
        fading = None if self.half_life is None else Ewma(self.half_life)
        return GarchMargins(self.calibrator, self.window, self.warm_start, fading, self.residuals)

    def init(self, returns: Array, **known: Any) -> GarchState:
        """State after a history; ``calibration=`` or ``previous=`` as in :class:`GarchMargins`."""
        return self.margins.init(returns, **known)

    def update(self, state: GarchState, row: Array) -> GarchState:
        """State after one more day, with the same parameters."""
        return self.margins.update(state, row)

    def forecast(self, state: GarchState, horizon: int = 1) -> Covariance:
        """``D R D`` over the holding period."""
        daily = self.margins.holding_variance(state, horizon)
        if self.static_share > 0:
            square = self._static_variance(state)
            usable = (square > 0) & ~np.array([s.fell_back for s in state.fit.status])
            square = np.where(usable, square, daily)
            daily = daily ** (1 - self.static_share) * square**self.static_share
        if state.products is not None:
            matrix = shrunk_correlation(Ewma.moments(state.products), self.shrinkage)
        else:
            rows = state.residuals if self.residuals else state.returns
            matrix = correlation(rows, self.shrinkage, centred=not self.residuals)
        deviation = np.sqrt(daily)
        return Covariance.dense(matrix * np.outer(deviation, deviation), horizon, GarchMargins.notes(state))

    def _static_variance(self, state: GarchState) -> Array:
        square = (state.returns - state.fit.mean) ** 2
        weights = fading_weights(len(square), self.static_half_life)[:, None]
        seen = ~np.isnan(square)
        return np.where(seen, weights * square, 0).sum(axis=0) / np.maximum(
            np.where(seen, weights, 0).sum(axis=0), np.finfo(float).tiny
        )
