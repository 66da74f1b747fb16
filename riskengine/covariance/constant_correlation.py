"""GARCH variances with a constant correlation: D R D (Bollerslev 1990)."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from riskengine.calibration.maximum_likelihood import MaximumLikelihood
from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.padding import NARROWEST, bucket
from riskengine.calibration.result import Calibration, Calibrator
from riskengine.calibration.universe_calibrator import UniverseCalibrator, as_ranges
from riskengine.covariance.base import Covariance
from riskengine.covariance.moments import Moments, moments_of, products_of, to_correlation
from riskengine.covariance.running_moments import (
    ExponentialMoments,
    ExponentialSums,
    RollingMoments,
    RollingSums,
)
from riskengine.covariance.shrinkage import linear_shrinkage, quadratic_inverse
from riskengine.covariance.weighting import decay_of, fading_weights
from riskengine.covariance.window import Window, as_row, last_days
from riskengine.errors import SettingsError
from riskengine.garch.common_variance import UniverseState
from riskengine.garch.forecast import term_structure
from riskengine.garch.params import GarchParams
from riskengine.garch.robust import VariancePair, next_pair
from riskengine.garch.variance import Filtered, filter_variance, next_variance

Array = np.ndarray
Shrinkage = Literal["none", "linear", "quadratic-inverse"]

_next = jax.jit(next_variance)
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
            calibration = self._calibrate(rows, previous)
        path = filter_window(calibration, rows)
        universe = None
        if isinstance(self.calibrator, UniverseCalibrator):
            given = as_ranges(ranges, rows.shape)
            ranged = given is not None
            variance, state = self.calibrator.filter(calibration, rows, given)
            universe = UniverseMargin(state, np.asarray(path.next_variance), ranged)
            past: Any = self.calibrator.joined(variance, np.asarray(path.variance), ranged, rows.shape[1])
            ahead: Any = self._joined(universe)
            path = path._replace(variance=past, next_variance=ahead)
        residuals = (rows - calibration.mean) / np.sqrt(np.asarray(path.variance))
        summed = residuals if self.of_residuals else rows
        return GarchState(
            calibration,
            np.asarray(path.next_variance),
            Window.of(rows, self.window),
            Window.of(residuals, self.window),
            _on_host(path.hypotheses),
            None if self.sums is None else self.sums.init(summed),
            universe,
        )

    def _joined(self, universe: UniverseMargin) -> Array:
        """Variance of the next day ``(assets,)``."""
        calibrator = self.calibrator
        assert isinstance(calibrator, UniverseCalibrator)
        mine = calibrator.variance(universe.state, universe.ranged)
        return calibrator.joined(mine, universe.garch, universe.ranged, len(mine))

    def _calibrate(self, rows: Array, previous: GarchState | None) -> Calibration:
        if self.warm_start and previous is not None and isinstance(self.calibrator, MaximumLikelihood):
            return self.calibrator(rows, start=previous.fit)
        if isinstance(self.calibrator, UniverseCalibrator):
            return self.calibrator.network(rows)
        return self.calibrator(rows)

    def update(self, state: GarchState, row: Array, ranges: Array | None = None) -> GarchState:
        """One more day with the same parameters; ``ranges`` ``(assets,)`` of the day where the history had them."""
        row = as_row(row, len(state.variance))
        shock = row - state.fit.mean
        with jax.enable_x64(True):
            params = GarchParams(*map(jnp.asarray, state.fit.params))
            today, odds, hypotheses = jnp.asarray(shock), state.fit.contamination, state.hypotheses
            if odds is None or hypotheses is None:
                before = state.variance if state.universe is None else state.universe.garch
                tomorrow = _next(params, jnp.asarray(before), today)
            else:
                hypotheses = _next_hypotheses(params, hypotheses, today, jnp.asarray(odds))
                tomorrow = hypotheses.variance
        residual = shock / np.sqrt(state.variance)
        products: Any = state.products
        if self.sums is not None and products is not None:
            products = self.sums.update(products, residual if self.of_residuals else row)
        universe, variance = state.universe, np.asarray(tomorrow)
        if universe is not None and isinstance(self.calibrator, UniverseCalibrator):
            moved = self.calibrator.update(state.fit, universe.state, row, ranges, universe.ranged)
            universe = UniverseMargin(moved, variance, universe.ranged)
            variance = self._joined(universe)
        return GarchState(
            state.fit,
            variance,
            state.past.moved(row),
            state.standardised.moved(residual),
            _on_host(hypotheses),
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


def correlation(rows: Array, shrinkage: Shrinkage, centred: bool) -> Array:
    """Correlation matrix of ``rows`` ``(time, assets)``, shrunk; its diagonal is one."""
    moments = moments_of(products_of(rows), centred)
    if shrinkage == "linear":
        return to_correlation(linear_shrinkage(rows, centred, moments))
    return shrunk_correlation(moments, shrinkage)


def _on_host(hypotheses: VariancePair | None) -> VariancePair | None:
    return None if hypotheses is None else jax.tree.map(np.asarray, hypotheses)


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
        sums: ExponentialMoments | RollingMoments | None = None  # linear shrinkage reads the rows themselves
        if self.half_life is not None:
            sums = ExponentialMoments(decay_of(self.half_life))
        elif self.shrinkage != "linear":
            sums = RollingMoments(self.window)
        return GarchMargins(self.calibrator, self.window, self.warm_start, sums, self.residuals)

    def init(self, returns: Array, **known: Any) -> GarchState:
        """State after a history; ``calibration=``, ``previous=`` or ``ranges=`` as in :class:`GarchMargins`."""
        return self.margins.init(returns, **known)

    def update(self, state: GarchState, row: Array, ranges: Array | None = None) -> GarchState:
        """State after one more day, with the same parameters."""
        return self.margins.update(state, row, ranges)

    def forecast(self, state: GarchState, horizon: int = 1) -> Covariance:
        """``D R D`` over the holding period."""
        daily = self.margins.holding_variance(state, horizon)
        if self.static_share > 0:
            static = GarchMargins.static_variance(state, self.static_half_life)
            static = np.where(np.isnan(static), daily, static)
            daily = daily ** (1 - self.static_share) * static**self.static_share
        if state.products is not None:
            matrix = shrunk_correlation(self.margins.moments(state), self.shrinkage)
        else:
            rows = state.residuals if self.residuals else state.returns
            matrix = correlation(rows, self.shrinkage, centred=not self.residuals)
        deviation = np.sqrt(daily)
        return Covariance.dense(matrix * np.outer(deviation, deviation), horizon, GarchMargins.notes(state))
