"""Dynamic conditional correlation (Engle 2002) by composite likelihood, without a path of matrices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.result import Calibrator
from riskengine.covariance.constant_correlation import GarchMargins, GarchState, Shrinkage, correlation
from riskengine.covariance.contract import Covariance
from riskengine.covariance.moments import to_correlation
from riskengine.errors import SettingsError
from riskengine.garch.forecast import term_structure

Array = np.ndarray
_term_structure = jax.jit(term_structure, static_argnames="horizon")


class DccState(NamedTuple):
    """GARCH margins, and ``Q`` of the next day with its target and parameters."""

    margins: GarchState
    target: Array
    q: Array
    a: float
    b: float


@jax.jit
def _pair_loss(raw: jax.Array, z: jax.Array, target: jax.Array) -> jax.Array:
    """Mean negative bivariate Gaussian log-likelihood over days and pairs of neighbours.

    Parameters
    ----------
    raw : (2,) logits of the persistence ``a + b`` and of the share ``a / (a + b)``
    z : (time, assets) residuals, zero where missing
    target : (assets - 1,) correlations of neighbours
    """
    persistence, share = jax.nn.sigmoid(raw)
    a, b = persistence * share, persistence * (1 - share)
    x, y = z[:, :-1], z[:, 1:]

    def day(q: tuple[jax.Array, ...], row: tuple[jax.Array, jax.Array]) -> tuple[tuple, jax.Array]:
        qx, qy, qxy = q
        x, y = row
        rho = jnp.clip(qxy / jnp.sqrt(qx * qy), -0.9999, 0.9999)
        rest = 1 - rho**2
        loss = jnp.log(rest) + (x**2 + y**2 - 2 * rho * x * y) / rest
        left = 1 - a - b
        return (
            left + a * x * x + b * qx,
            left + a * y * y + b * qy,
            left * target + a * x * y + b * qxy,
        ), loss

    ones = jnp.ones_like(target)
    _, losses = jax.lax.scan(day, (ones, ones, target), (x, y))
    return jnp.mean(losses) / 2


_pair_slope = jax.jit(jax.value_and_grad(_pair_loss))


@dataclass(frozen=True)
class Dcc:
    """GARCH margins with dynamic conditional correlations (Engle 2002) around a shrunk target.

    ``Q[t+1] = (1 - a - b) C + a z z' + b Q[t]``; the correlation is ``Q`` with its diagonal scaled to one.
    ``a`` and ``b`` maximise the composite likelihood of neighbouring pairs (Pakel, Shephard, Sheppard and
    Engle 2021), whose cost grows with the number of assets, not its square. Over a holding period the
    correlation returns to the target at the rate ``a + b`` (Engle and Sheppard 2001).

    Attributes
    ----------
    calibrator, window, warm_start : see :class:`~riskengine.covariance.constant_correlation.GarchMargins`
    shrinkage : of the target
    a, b : fixed values instead of estimates, both or neither
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    window: int = 1250
    shrinkage: Shrinkage = "quadratic-inverse"
    a: float | None = None
    b: float | None = None
    warm_start: bool = True
    carry: bool = False

    def __post_init__(self) -> None:
        if (self.a is None) != (self.b is None):
            raise SettingsError("fix both a and b of the DCC, or neither")
        if self.a is not None and self.b is not None and not (self.a >= 0 <= self.b and self.a + self.b < 1):
            raise SettingsError(f"DCC needs a, b >= 0 and a + b < 1, not a = {self.a}, b = {self.b}")

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
        q = target
        if not np.isnan(z).any():
            # One weighted product instead of a recursion over matrices.
            weights = a * b ** np.arange(len(z) - 1, -1, -1.0)
            faded = b ** len(z)
            q = (1 - a - b) / (1 - b) * (1 - faded) * target + faded * target + (weights[:, None] * z).T @ z
        else:
            for row in z:
                q = _next_q(q, row, target, a, b)
        return DccState(margins, target, q, a, b)

    def _estimate(self, z: Array, target: Array) -> tuple[float, float]:
        if z.shape[1] < 2:
            return 0.0, 0.0
        with jax.enable_x64(True):
            data = jnp.asarray(np.nan_to_num(z))
            neighbours = jnp.asarray(np.diagonal(target, 1))

            def slope(raw: Array) -> tuple[float, Array]:
                value, gradient = _pair_slope(jnp.asarray(raw), data, neighbours)
                return float(value), np.asarray(gradient)

            bounds = [(-3.0, 7.0), (-8.0, 1.0)]
            found = minimize(slope, np.array([4.0, -4.0]), jac=True, method="L-BFGS-B", bounds=bounds)
        persistence, share = 1 / (1 + np.exp(-found.x))
        return float(persistence * share), float(persistence * (1 - share))

    def update(self, state: DccState, row: Array) -> DccState:
        """One more day: the filter, and a rank-one update of ``Q``."""
        z = (row - state.margins.fit.mean) / np.sqrt(state.margins.variance)
        q = _next_q(state.q, z, state.target, state.a, state.b)
        return state._replace(margins=self.margins.update(state.margins, row), q=q)

    def forecast(self, state: DccState, horizon: int = 1) -> Covariance:
        """Mean over the holding period of ``D[k] R[k] D[k]``."""
        fit = state.margins.fit
        with jax.enable_x64(True):
            params = jax.tree.map(jnp.asarray, fit.params)
            path = _term_structure(params, jnp.asarray(state.margins.variance), horizon=horizon)
            deviations = np.sqrt(np.asarray(path))
        fade = (state.a + state.b) ** np.arange(horizon)[:, None]
        now = (fade * deviations).T @ deviations * to_correlation(state.q)
        later = ((1 - fade) * deviations).T @ deviations * state.target
        return Covariance.dense((now + later) / horizon, horizon, GarchMargins.notes(state.margins))


def _next_q(q: Array, z: Array, target: Array, a: float, b: float) -> Array:
    """``Q`` of the next day; pairs with a missing residual move by their expectation."""
    seen = ~np.isnan(z)
    filled = np.where(seen, z, 0.0)
    news = np.where(np.outer(seen, seen), np.outer(filled, filled), q)
    return (1 - a - b) * target + a * news + b * q
