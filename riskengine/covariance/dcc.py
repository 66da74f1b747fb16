"""Dynamic conditional correlation (Engle 2002) by composite likelihood, without a path of matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from riskengine.calibration import Calibrator, NeuralCalibrator, UniverseCalibrator
from riskengine.covariance.base import Covariance
from riskengine.covariance.constant_correlation import Shrinkage, correlation
from riskengine.covariance.garch_margins import GarchMargins, GarchState
from riskengine.covariance.moments import to_correlation
from riskengine.covariance.running_moments import ExponentialMoments, ExponentialSums
from riskengine.covariance.window import as_row
from riskengine.errors import SettingsError

Array = np.ndarray


class DccState(NamedTuple):
    """GARCH margins, and what ``Q`` of the next day is made of.

    Attributes
    ----------
    margins : univariate half
    target : (assets, assets) long-run correlation
    products : sums of products of residuals, which fade at the rate ``b``
    diagonal : (assets,) of ``Q`` of the next day
    a, b : parameters
    """

    margins: GarchState
    target: Array
    products: ExponentialSums
    diagonal: Array
    a: float
    b: float

    @property
    def q(self) -> Array:
        """``Q`` of the next day: the target, and what the days did to it; missing products count as the target's."""
        sums, a, b = ExponentialMoments(self.b).settled(self.products).sums, self.a, self.b
        return (1 - a - b) / (1 - b) * self.target + a * (
            sums.matrix + (1 / (1 - b) - sums.counts) * self.target
        )


def _diagonals(z: jax.Array, a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Diagonal of corrected ``Q`` of each day ``(time, assets)``, and of the day after the last ``(assets,)``."""

    def day(q: jax.Array, row: jax.Array) -> tuple[jax.Array, jax.Array]:
        news = jnp.where(jnp.isnan(row), 1, q * row**2)
        return 1 - a - b + a * news + b * q, q

    last, path = jax.lax.scan(day, jnp.ones_like(z[0]), z)
    return path, last


_diagonal_path = jax.jit(_diagonals)


@partial(jax.jit, static_argnames="corrected")
def _pair_loss(raw: jax.Array, z: jax.Array, target: jax.Array, corrected: bool = False) -> jax.Array:
    """Mean negative bivariate Gaussian log-likelihood over days and pairs of neighbours, seen together.

    Parameters
    ----------
    raw : (2,) logits of the persistence ``a + b`` and of the share ``a / (a + b)``
    z : (time, assets) residuals, NaN where missing
    target : (assets - 1,) correlations of neighbours; of no account if corrected
    corrected : Aielli's recursion, whose target is the correlation of the residuals that it rescales itself
    """
    persistence, share = jax.nn.sigmoid(raw)
    a, b = persistence * share, persistence * (1 - share)
    seen = ~jnp.isnan(z)
    plain = jnp.where(seen, z, 0)
    both = seen[:, :-1] & seen[:, 1:]
    news = plain
    if corrected:
        news = plain * jnp.sqrt(_diagonals(z, a, b)[0])
        left, right = jnp.where(both, news[:, :-1], 0), jnp.where(both, news[:, 1:], 0)
        power = jnp.sum(left**2, axis=0) * jnp.sum(right**2, axis=0)
        target = jnp.sum(left * right, axis=0) / jnp.sqrt(jnp.where(power > 0, power, 1))

    def day(q: tuple[jax.Array, ...], row: tuple[jax.Array, ...]) -> tuple[tuple, jax.Array]:
        qx, qy, qxy = q
        x, y, u, v, sees_x, sees_y = row
        rho = jnp.clip(qxy / jnp.sqrt(qx * qy), -0.9999, 0.9999)
        rest = 1 - rho**2
        together = sees_x & sees_y
        loss = jnp.log(rest) + (x**2 + y**2 - 2 * rho * x * y) / rest
        left = 1 - a - b
        return (
            left + a * jnp.where(sees_x, u * u, 1) + b * qx,
            left + a * jnp.where(sees_y, v * v, 1) + b * qy,
            left * target + a * jnp.where(together, u * v, target) + b * qxy,
        ), jnp.where(together, loss, 0)

    ones = jnp.ones_like(target)
    days = (plain[:, :-1], plain[:, 1:], news[:, :-1], news[:, 1:], seen[:, :-1], seen[:, 1:])
    _, losses = jax.lax.scan(day, (ones, ones, target), days)
    return jnp.sum(losses) / jnp.maximum(jnp.sum(both), 1).astype(losses.dtype) / 2


_pair_slope = jax.jit(jax.value_and_grad(_pair_loss), static_argnames="corrected")


@dataclass(frozen=True)
class Dcc:
    """GARCH margins with dynamic conditional correlations (Engle 2002) around a shrunk target.

    ``Q[t+1] = (1 - a - b) C + a z z' + b Q[t]``; the correlation is ``Q`` with its diagonal scaled to one.
    ``a`` and ``b`` maximise the composite likelihood of neighbouring pairs (Pakel, Shephard, Sheppard and
    Engle 2021), whose cost grows with the number of assets, not its square. Over a holding period the
    correlation returns to the target at the rate ``a + b`` (Engle and Sheppard 2001).

    The recursion of ``Q`` is not that of the residuals' second moments, so that their sample correlation is not quite
    its target. Corrected (Aielli 2013), residuals enter as ``diag(Q)^(1/2) z``, whose second moment is the target.

    Attributes
    ----------
    calibrator, window, warm_start : see :class:`~riskengine.covariance.garch_margins.GarchMargins`
    shrinkage : of the target
    a, b : fixed values instead of estimates, both or neither
    corrected : cDCC

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> from riskengine.calibration import MaximumLikelihood
    >>> forecaster = Dcc(MaximumLikelihood(), a=0.02, b=0.95, corrected=True)
    >>> forecaster.forecast(forecaster.init(x), horizon=21).correlation().shape
    (3, 3)
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    window: int = 1250
    shrinkage: Shrinkage = "quadratic-inverse"
    a: float | None = None
    b: float | None = None
    warm_start: bool = True
    carry: bool = False
    corrected: bool = False

    def __post_init__(self) -> None:
        if (self.a is None) != (self.b is None):
            raise SettingsError("fix both a and b of the DCC, or neither")
        if self.a is not None and self.b is not None and not (self.a >= 0 <= self.b and self.a + self.b < 1):
            raise SettingsError(f"DCC needs a, b >= 0 and a + b < 1, not a = {self.a}, b = {self.b}")

    @property
    def reads_ranges(self) -> bool:
        """Whether the calibrator makes use of the day's range."""
        return isinstance(self.calibrator, UniverseCalibrator)

    @property
    def margins(self) -> GarchMargins:
        """The univariate half."""
        return GarchMargins(self.calibrator, self.window, self.warm_start)

    def init(self, returns: Array, **known: Any) -> DccState:
        """Calibrate margins, target, ``a`` and ``b``, and bring ``Q`` to the next day."""
        margins = self.margins.init(returns, **known)
        z = margins.residuals
        target = correlation(z, self.shrinkage, centred=False)
        a, b = (self.a, self.b) if self.a is not None and self.b is not None else self._estimate(z, target)
        news, diagonal = z, np.ones(z.shape[1])
        if self.corrected:
            path, diagonal = self._diagonals(z, a, b)
            news = np.sqrt(path) * z
            target = correlation(news, self.shrinkage, centred=False)
        products = ExponentialMoments(b).init(news)
        state = DccState(margins, target, products, diagonal, a, b)
        return state if self.corrected else state._replace(diagonal=np.diag(state.q).copy())

    @staticmethod
    def _diagonals(z: Array, a: float, b: float) -> tuple[Array, Array]:
        with jax.enable_x64(True):
            path, last = _diagonal_path(jnp.asarray(z), jnp.asarray(a), jnp.asarray(b))
            return np.asarray(path), np.asarray(last)

    def _estimate(self, z: Array, target: Array) -> tuple[float, float]:
        if z.shape[1] < 2:
            return 0.0, 0.0
        with jax.enable_x64(True):
            data = jnp.asarray(z)
            neighbours = jnp.asarray(np.diagonal(target, 1))

            def slope(raw: Array) -> tuple[float, Array]:
                value, gradient = _pair_slope(jnp.asarray(raw), data, neighbours, corrected=self.corrected)
                return float(value), np.asarray(gradient)

            bounds = [(-3.0, 7.0), (-8.0, 1.0)]
            found = minimize(slope, np.array([4.0, -4.0]), jac=True, method="L-BFGS-B", bounds=bounds)
        persistence, share = 1 / (1 + np.exp(-found.x))
        return float(persistence * share), float(persistence * (1 - share))

    def update(self, state: DccState, row: Array, ranges: Array | None = None) -> DccState:
        """One more day: the filter, and a rank-one update of ``Q``."""
        a, b = state.a, state.b
        z = (as_row(row, len(state.diagonal)) - state.margins.fit.mean) / np.sqrt(state.margins.variance)
        news = z * np.sqrt(state.diagonal) if self.corrected else z
        square = np.where(np.isnan(news), 1.0, news**2)
        return DccState(
            self.margins.update(state.margins, row, ranges),
            state.target,
            ExponentialMoments(b).update(state.products, news),
            1 - a - b + a * square + b * state.diagonal,
            a,
            b,
        )

    def forecast(self, state: DccState, horizon: int = 1) -> Covariance:
        """Mean over the holding period of ``D[k] R[k] D[k]``."""
        deviations = np.sqrt(state.margins.margin.term_structure(horizon))
        fade = (state.a + state.b) ** np.arange(horizon)[:, None]
        now = (fade * deviations).T @ deviations * to_correlation(state.q)
        later = ((1 - fade) * deviations).T @ deviations * state.target
        return Covariance.dense((now + later) / horizon, horizon, GarchMargins.notes(state.margins))
