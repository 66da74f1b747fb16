"""GARCH variances with a constant correlation: D R D (Bollerslev 1990)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from riskengine.calibration import Calibrator, NeuralCalibrator, UniverseCalibrator
from riskengine.covariance.base import Covariance
from riskengine.covariance.garch_margins import GarchMargins, GarchState
from riskengine.covariance.moments import Moments, moments_of, products_of, to_correlation
from riskengine.covariance.running_moments import ExponentialMoments, RollingMoments
from riskengine.covariance.shrinkage import Correlation, linear_shrinkage, quadratic_inverse_spectrum
from riskengine.covariance.weighting import decay_of
from riskengine.errors import SettingsError

Array = np.ndarray
Shrinkage = Literal["none", "linear", "quadratic-inverse"]


def correlation(rows: Array, shrinkage: Shrinkage, centred: bool) -> Array:
    """Correlation matrix of ``rows`` ``(time, assets)``, shrunk; its diagonal is one."""
    moments = moments_of(products_of(rows), centred)
    if shrinkage == "linear":
        return to_correlation(linear_shrinkage(rows, centred, moments))
    if shrinkage == "none":
        return to_correlation(moments.matrix)
    return shrunk_correlation(moments).matrix()


def shrunk_correlation(moments: Moments) -> Correlation:
    """Correlation of second moments by quadratic-inverse shrinkage."""
    # Shrink correlations, not covariances: residuals of assets that fell back may have another scale.
    return quadratic_inverse_spectrum(moments._replace(matrix=to_correlation(moments.matrix))).correlation()


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
    warm_start : see :class:`~.garch_margins.GarchMargins`

    Examples
    --------
    >>> from riskengine.calibration import MaximumLikelihood
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
    def reads_ranges(self) -> bool:
        """Whether the calibrator makes use of the day's range."""
        return isinstance(self.calibrator, UniverseCalibrator)

    @property
    def margins(self) -> GarchMargins:
        """The univariate half."""
        sums: ExponentialMoments | RollingMoments | None = None  # linear shrinkage reads the rows themselves
        if self.half_life is not None:
            sums = ExponentialMoments(decay_of(self.half_life))
        elif self.shrinkage != "linear":
            sums = RollingMoments(self.window)
        return GarchMargins(self.calibrator, self.window, self.warm_start, sums, self.residuals)

    def init(self, returns: Array, **known: Any) -> GarchState:
        """State after a history; ``calibration=``, ``previous=`` or ``ranges=`` as in
        :class:`~.garch_margins.GarchMargins`."""
        return self.margins.init(returns, **known)

    def update(self, state: GarchState, row: Array, ranges: Array | None = None) -> GarchState:
        """State after one more day, with the same parameters."""
        return self.margins.update(state, row, ranges)

    def correlated(self, state: GarchState) -> Correlation | None:
        """Shrunk correlation, which ``forecast`` takes while it is to serve; None where it is not in factors."""
        if state.products is None or self.shrinkage != "quadratic-inverse":
            return None
        return shrunk_correlation(self.margins.moments(state))

    def forecast(
        self, state: GarchState, horizon: int = 1, correlated: Correlation | None = None
    ) -> Covariance:
        """``D R D`` over the holding period, with the correlation of today if none is given."""
        daily = self.margins.holding_variance(state, horizon)
        if self.static_share > 0:
            static = GarchMargins.static_variance(state, self.static_half_life)
            static = np.where(np.isnan(static), daily, static)
            daily = daily ** (1 - self.static_share) * static**self.static_share
        notes = GarchMargins.notes(state)
        found = self.correlated(state) if correlated is None else correlated
        if found is not None:
            return Covariance(*found.scaled(daily), horizon, notes)
        if state.products is not None:
            matrix = to_correlation(self.margins.moments(state).matrix)
        else:
            rows = state.residuals if self.residuals else state.returns
            matrix = correlation(rows, self.shrinkage, centred=not self.residuals)
        deviation = np.sqrt(daily)
        return Covariance.dense(matrix * np.outer(deviation, deviation), horizon, notes)
