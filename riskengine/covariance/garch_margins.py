"""GARCH of every asset by itself: the half of a forecast that needs no correlation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from riskengine.calibration.maximum_likelihood import MaximumLikelihood
from riskengine.calibration.padding import NARROWEST, bucket
from riskengine.calibration.result import Calibration, Calibrator
from riskengine.calibration.universe_calibrator import UniverseCalibrator, as_ranges
from riskengine.covariance.moments import Moments
from riskengine.covariance.running_moments import (
    ExponentialMoments,
    ExponentialSums,
    RollingMoments,
    RollingSums,
)
from riskengine.covariance.weighting import fading_weights
from riskengine.covariance.window import Window, as_row, last_days
from riskengine.garch.common_variance import UniverseState
from riskengine.garch.forecast import term_structure
from riskengine.garch.params import GarchParams
from riskengine.garch.robust import VariancePair, next_pair
from riskengine.garch.step import expected_step, step
from riskengine.garch.variance import Filtered, filter_variance

Array = np.ndarray

_next_hypotheses = jax.jit(next_pair)
_ahead = jax.jit(term_structure, static_argnames="horizon")


class UniverseMargin(NamedTuple):
    """The universe's part of a state, under a :class:`~riskengine.calibration.universe_calibrator.UniverseCalibrator`.

    Attributes
    ----------
    state : of the component model
    garch : (assets,) variance of the next day by the calibration alone
    ranged : whether there are ranges
    """

    state: UniverseState
    garch: Array
    ranged: bool


class Margin(NamedTuple):
    """GARCH filter of every series: parameters, and what is known of the next day.

    Attributes
    ----------
    fit : parameters
    variance : (series,) of the next day
    hypotheses : of that variance, if the calibration reckons with outliers
    """

    fit: Calibration
    variance: Array
    hypotheses: VariancePair | None = None

    @classmethod
    def of(cls, fit: Calibration, rows: Array) -> tuple[Margin, Array]:
        """The filter after ``(days, series)`` rows, and the conditional variances of these rows."""
        path = filter_window(fit, rows)
        return cls(fit, np.asarray(path.next_variance), path.hypotheses), np.asarray(path.variance)

    def residual(self, row: Array) -> Array:
        """Standardised residual ``(series,)`` of the next day's returns."""
        return (row - self.fit.mean) / np.sqrt(self.variance)

    def moved(self, row: Array) -> Margin:
        """After one more day; a missing return moves the variance by its expectation."""
        shock = row - self.fit.mean
        if self.hypotheses is None or self.fit.contamination is None:
            params = GarchParams(*map(np.asarray, self.fit.params))
            seen = step(params, self.variance, shock)
            return self._replace(
                variance=np.where(np.isnan(shock), expected_step(params, self.variance), seen)
            )
        with jax.enable_x64(True):
            leaves = (self.fit.params, self.hypotheses, shock, self.fit.contamination)
            hypotheses = _next_hypotheses(*jax.tree.map(jnp.asarray, leaves))
            return self._replace(
                variance=np.asarray(hypotheses.variance), hypotheses=jax.tree.map(np.asarray, hypotheses)
            )


class GarchState(NamedTuple):
    """What a GARCH forecaster carries from day to day.

    Attributes
    ----------
    fit : parameters, held until the next ``init``
    variance : (assets,) of the next day
    past : rolling window of returns
    standardised : the same window over its conditional volatilities
    hypotheses : of the next day's variance, if the calibration reckons with outliers
    products : sums of products of residuals, or of returns, that the correlation rests on
    universe : what a calibrator of universes adds
    """

    fit: Calibration
    variance: Array
    past: Window
    standardised: Window
    hypotheses: VariancePair | None = None
    products: ExponentialSums | RollingSums | None = None
    universe: UniverseMargin | None = None

    @property
    def returns(self) -> Array:
        """Window of returns ``(days, assets)``."""
        return self.past.rows

    @property
    def residuals(self) -> Array:
        """Window of returns over their conditional volatilities ``(days, assets)``."""
        return self.standardised.rows


def conditional_variance(fit: Calibration, returns: Array) -> Array:
    """Variance of each day given the days before it, and of the day after the last: ``(time + 1, assets)``."""
    path = filter_window(fit, returns)
    return np.vstack([path.variance, path.next_variance])


def filter_window(fit: Calibration, returns: Array) -> Filtered:
    """The path of the variances on ``(time, assets)`` returns, as numpy arrays, the universe split over jax's devices.

    Of rounded shape when it is compiled, so that a listing compiles nothing anew.
    """
    days, assets = returns.shape
    devices = jax.devices()[: max(1, assets // NARROWEST)]
    mesh = Mesh(np.array(devices), "assets")
    width = bucket(-(-assets // len(devices))) * len(devices)
    rows = np.full((bucket(days), width), np.nan)
    np.subtract(returns, fit.mean, out=rows[-days:, :assets])
    split = NamedSharding(mesh, P("assets"))

    def widened(leaf: Any) -> jax.Array:
        wide = np.pad(np.asarray(leaf, dtype=np.float64), (0, width - assets), mode="edge")
        return jax.device_put(wide, split)

    with jax.enable_x64(True):
        contamination = None if fit.contamination is None else widened(fit.contamination)
        params = GarchParams(*map(widened, fit.params))
        there = jax.device_put(rows, NamedSharding(mesh, P(None, "assets")))
        path = _filter(params, there, widened(fit.presample), contamination, mesh)
    path = jax.tree.map(lambda leaf: np.asarray(leaf)[..., :assets], path)
    return path._replace(variance=path.variance[-days:])


@partial(jax.jit, static_argnames="mesh")
def _filter(
    params: GarchParams, returns: jax.Array, presample: jax.Array, contamination: jax.Array | None, mesh: Mesh
) -> Filtered:
    """:func:`filter_variance` with the assets dealt out to the devices of a mesh; no device waits for another."""
    one, path = P("assets"), P(None, "assets")
    leaves: list[Any] = [path, one, one]
    return jax.shard_map(
        filter_variance,
        mesh=mesh,
        in_specs=(one, path, one, one),
        out_specs=Filtered(*leaves),
        check_vma=False,
    )(params, returns, presample, contamination)


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
        margin, variance = Margin.of(calibration, rows)
        ahead, universe = margin.variance, None
        if isinstance(self.calibrator, UniverseCalibrator):
            given = as_ranges(ranges, rows.shape)
            ranged = given is not None
            common, state = self.calibrator.filter(calibration, rows, given)
            universe = UniverseMargin(state, margin.variance, ranged)
            variance = self.calibrator.joined(common, variance, ranged, rows.shape[1])
            ahead = self._joined(universe)
        residuals = (rows - calibration.mean) / np.sqrt(variance)
        summed = residuals if self.of_residuals else rows
        return GarchState(
            calibration,
            ahead,
            Window.of(rows, self.window),
            Window.of(residuals, self.window),
            margin.hypotheses,
            None if self.sums is None else self.sums.init(summed),
            universe,
        )

    def _joined(self, universe: UniverseMargin) -> Array:
        """Variance of the next day ``(assets,)``."""
        calibrator = self.calibrator
        assert isinstance(calibrator, UniverseCalibrator)
        common = calibrator.variance(universe.state, universe.ranged)
        return calibrator.joined(common, universe.garch, universe.ranged, len(common))

    def calibrated(self, rows: Array, previous: GarchState | None = None) -> Calibration:
        """What ``init`` calibrates, to be shared by several margins on the same rows."""
        if self.warm_start and previous is not None and isinstance(self.calibrator, MaximumLikelihood):
            return self.calibrator(rows, start=previous.fit)
        if isinstance(self.calibrator, UniverseCalibrator):
            return self.calibrator.network(rows)
        return self.calibrator(rows)

    def update(self, state: GarchState, row: Array, ranges: Array | None = None) -> GarchState:
        """One more day with the same parameters; ``ranges`` ``(assets,)`` of the day where the history had them."""
        row = as_row(row, len(state.variance))
        universe = state.universe
        own = state.variance if universe is None else universe.garch
        after = Margin(state.fit, own, state.hypotheses).moved(row)
        residual = (row - state.fit.mean) / np.sqrt(state.variance)
        products: Any = state.products
        if self.sums is not None and products is not None:
            products = self.sums.update(products, residual if self.of_residuals else row)
        variance = after.variance
        if universe is not None and isinstance(self.calibrator, UniverseCalibrator):
            moved = self.calibrator.update(state.fit, universe.state, row, ranges, universe.ranged)
            universe = UniverseMargin(moved, after.variance, universe.ranged)
            variance = self._joined(universe)
        return GarchState(
            state.fit,
            variance,
            state.past.moved(row),
            state.standardised.moved(residual),
            after.hypotheses,
            products,
            universe,
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
        square = (state.returns - state.fit.mean) ** 2
        weights = fading_weights(len(square), half_life)[:, None]
        seen = ~np.isnan(square)
        total = np.where(seen, weights, 0.0).sum(axis=0)
        summed = np.where(seen, weights * square, 0.0).sum(axis=0)
        usable = (summed > 0) & ~np.array([status.fell_back for status in state.fit.status])
        return np.divide(summed, total, out=np.full_like(total, np.nan), where=usable)

    def holding_variance(self, state: GarchState, horizon: int) -> Array:
        """Mean variance per day over the holding period, ``(assets,)``."""
        return self.term_structure(state, horizon).mean(axis=0)

    def term_structure(self, state: GarchState, horizon: int) -> Array:
        """Expected variance of each of the next days, ``(horizon, assets)``."""
        universe = state.universe
        before = state.variance if universe is None else universe.garch
        with jax.enable_x64(True):
            params = GarchParams(*map(jnp.asarray, state.fit.params))
            path = np.asarray(_ahead(params, jnp.asarray(before), horizon=horizon))
        if universe is None or not isinstance(self.calibrator, UniverseCalibrator):
            return path
        mine = self.calibrator.term_structure(universe.state, universe.ranged, horizon)
        return self.calibrator.joined(mine, path, universe.ranged, path.shape[1])

    @staticmethod
    def notes(state: GarchState) -> tuple[str, ...]:
        """One line for each asset that fell back, and whatever else the calibration says."""
        return state.fit.flags
