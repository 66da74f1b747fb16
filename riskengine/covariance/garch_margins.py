"""The GARCH half of a covariance: margins, and windows of returns and residuals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from riskengine.calibration import Calibration, Calibrator
from riskengine.covariance.margin import Margin, calibrated
from riskengine.covariance.moments import Moments
from riskengine.covariance.running_moments import (
    ExponentialMoments,
    ExponentialSums,
    RollingMoments,
    RollingSums,
)
from riskengine.covariance.weighting import fading_weights
from riskengine.covariance.window import Window, as_row, last_days

Array = np.ndarray


class GarchState(NamedTuple):
    """What a GARCH forecaster carries from day to day.

    Attributes
    ----------
    margin : parameters, held until the next ``init``, and variances of the next day
    past : rolling window of returns
    standardised : the same window over its conditional volatilities
    products : sums of products of residuals, or of returns, that the correlation rests on
    """

    margin: Margin
    past: Window
    standardised: Window
    products: ExponentialSums | RollingSums | None = None

    @property
    def fit(self) -> Calibration:
        """Parameters."""
        return self.margin.fit

    @property
    def variance(self) -> Array:
        """Of the next day ``(assets,)``."""
        return self.margin.variance

    @property
    def returns(self) -> Array:
        """Window of returns ``(days, assets)``."""
        return self.past.rows

    @property
    def residuals(self) -> Array:
        """Window of returns over their conditional volatilities ``(days, assets)``."""
        return self.standardised.rows


@dataclass(frozen=True)
class GarchMargins:
    """The GARCH half of a covariance: calibration, conditional variances and standardised residuals.

    Attributes
    ----------
    calibrator : network, maximum likelihood, ...; a
        :class:`~riskengine.calibration.universe_calibrator.UniverseCalibrator` also forecasts the variances
    window : days kept for residuals and correlations
    warm_start : hand the last calibration to a :class:`MaximumLikelihood` as its start
    sums : what sums of products to keep as well
    of_residuals : products of residuals; otherwise of returns
    """

    calibrator: Calibrator
    window: int = 1250
    warm_start: bool = True
    sums: ExponentialMoments | RollingMoments | None = None
    of_residuals: bool = True

    def init(
        self,
        returns: Array,
        calibration: Calibration | None = None,
        previous: GarchState | None = None,
        ranges: Array | None = None,
    ) -> GarchState:
        """Calibrate on all rows, or take a given calibration, and filter.

        Parameters
        ----------
        ranges : (time, assets) logarithms of high over low, which a calibrator of universes reads
        """
        rows = last_days(returns, len(returns))
        if calibration is None:
            calibration = self.calibrated(rows, previous)
        margin, variance = Margin.of(self.calibrator, rows, ranges, calibration)
        residuals = (rows - calibration.mean) / np.sqrt(variance)
        summed = residuals if self.of_residuals else rows
        return GarchState(
            margin,
            Window.of(rows, self.window),
            Window.of(residuals, self.window),
            None if self.sums is None else self.sums.init(summed),
        )

    def calibrated(self, rows: Array, previous: GarchState | None = None) -> Calibration:
        """What ``init`` calibrates, to be shared by several margins on the same rows."""
        start = previous.fit if self.warm_start and previous is not None else None
        return calibrated(self.calibrator, rows, start)

    def update(self, state: GarchState, row: Array, ranges: Array | None = None) -> GarchState:
        """One more day with the same parameters; ``ranges`` ``(assets,)`` of the day where the history had them."""
        row = as_row(row, len(state.margin.garch))
        residual = state.margin.residual(row)
        products: Any = state.products
        if self.sums is not None and products is not None:
            products = self.sums.update(products, residual if self.of_residuals else row)
        return GarchState(
            state.margin.moved(row, ranges),
            state.past.moved(row),
            state.standardised.moved(residual),
            products,
        )

    def moments(self, state: GarchState) -> Moments:
        """What the sums of products amount to; residuals have mean zero, returns their own."""
        sums: Any = self.sums
        return sums.moments(
            state.products, centred=isinstance(sums, RollingMoments) and not self.of_residuals
        )

    @staticmethod
    def static_variance(state: GarchState, half_life: float | None) -> Array:
        """Mean square of the window ``(assets,)``, fading or not; NaN where an asset has none of its own."""
        square = state.returns - state.fit.mean
        np.square(square, out=square)
        weights = fading_weights(len(square), half_life)
        gaps = np.isnan(square)
        total = np.full(square.shape[1], weights.sum())
        if gaps.any():
            total = weights @ ~gaps
            square[gaps] = 0.0
        summed = weights @ square
        usable = (summed > 0) & ~np.array([status.fell_back for status in state.fit.status])
        return np.divide(summed, total, out=np.full_like(total, np.nan), where=usable)

    @staticmethod
    def holding_variance(state: GarchState, horizon: int) -> Array:
        """Mean variance per day over the holding period, ``(assets,)``."""
        return state.margin.term_structure(horizon).mean(axis=0)

    @staticmethod
    def notes(state: GarchState) -> tuple[str, ...]:
        """One line for each asset that fell back, and whatever else the calibration says."""
        return state.fit.flags
