"""Heston's model: European prices by the Fourier integral of the stable characteristic function."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import ndtr

from riskengine.errors import DataError, SettingsError
from riskengine.options.black import signs


class HestonParams(NamedTuple):
    """Heston (1993): ``dv = kappa (theta - v) dt + sigma sqrt(v) dW``, correlation ``rho`` with the asset.

    Attributes
    ----------
    v0, theta
        Variance now and in the long run, per year.
    kappa
        Speed of return to ``theta``, per year.
    sigma
        Volatility of variance.
    rho
        Correlation of asset and variance, between -1 and 1.

    Leaves of one common shape; scalars are one model.
    """

    v0: Any
    kappa: Any
    theta: Any
    sigma: Any
    rho: Any

    @property
    def feller(self) -> Any:
        """``2 kappa theta / sigma^2``: the variance never reaches zero where this is at least one."""
        return 2 * self.kappa * self.theta / self.sigma**2

    def characteristic(self, u: Array, maturity: Array) -> Array:
        """:func:`log_characteristic` of this model."""
        return log_characteristic(self, u, maturity)

    def mean_variance(self, maturity: Array) -> Array:
        """Expected variance of the log asset up to maturity."""
        fading = (self.v0 - self.theta) * -jnp.expm1(-self.kappa * maturity) / self.kappa
        return fading + self.theta * maturity


def check_heston(params: HestonParams) -> HestonParams:
    """The parameters as float64 arrays.

    Raises
    ------
    DataError
        If one is not finite or outside its range.
    """
    p = HestonParams(*(np.asarray(leaf, np.float64) for leaf in params))
    ranges = {
        "v0 >= 0": p.v0 >= 0,
        "kappa > 0": p.kappa > 0,
        "theta >= 0": p.theta >= 0,
        "sigma >= 0": p.sigma >= 0,
        "-1 <= rho <= 1": np.abs(p.rho) <= 1,
    }
    for name, holds in ranges.items():
        if not np.all(holds):
            raise DataError(f"Heston parameters need {name}: give finite values in that range")
    return p


def log_characteristic(p: HestonParams, u: Array, maturity: Array) -> Array:
    """Logarithm of ``E[exp((iu + 1/2) x)]``, ``x`` the log of the asset over its forward.

    On the line ``u - i/2``, where the exponent is real apart from the correlation, in the branch of Albrecher
    et al. (2007). Differences that cancel are multiplied out, so the limit ``sigma -> 0`` is exact.

    Parameters
    ----------
    p : parameters that broadcast with ``u`` and ``maturity``
    u : real frequencies
    maturity : years
    """
    q = u * u + 0.25
    beta = jax.lax.complex(*jnp.broadcast_arrays(p.kappa - p.rho * p.sigma / 2, -p.rho * p.sigma * u))
    d = jnp.sqrt(beta * beta + _real(p.sigma**2 * q))
    plus = jnp.where(beta.real >= 0, beta + d, _real(p.sigma**2 * q) / (d - beta))
    m = -_real(q) / plus  # (beta - d) / sigma^2
    decay = -jnp.expm1(-d * _real(maturity)) / d
    inner = m * decay / 2
    logarithm = _log1p(_real(p.sigma**2) * inner)
    small = p.sigma < 1e-7
    variance = jnp.where(small, 1.0, p.sigma**2)
    a = m * _real(maturity) - 2 * jnp.where(small, inner, logarithm / _real(variance))
    b = -_real(q) / 2 * decay / (1 + _real(p.sigma**2) * inner)
    return _real(p.kappa * p.theta) * a + _real(p.v0) * b


def _real(x: Array) -> Array:
    return x.astype(jnp.complex128)


def _log1p(z: Array) -> Array:
    """Complex ``log(1 + z)`` without loss for small ``z``."""
    x, y = z.real, z.imag
    return jax.lax.complex(jnp.log1p(x * (2 + x) + y * y) / 2, jnp.arctan2(y, 1 + x))


@lru_cache(maxsize=8)
def _unit_quadrature(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre points and weights on the unit interval, in panels of at most 64."""
    panels = -(-nodes // 64)
    points, weights = np.polynomial.legendre.leggauss(-(-nodes // panels))
    z = (np.arange(panels)[:, None] + (points + 1) / 2) / panels
    return z.ravel(), np.tile(weights / 2 / panels, panels)


class Transform(NamedTuple):
    """Integrand of the calls of each maturity without the strike's oscillation; ``(maturities, nodes)``."""

    u: Array  # frequencies
    real: Array
    imag: Array
    deviation: Array  # (maturities,) of Black's price that was taken out


def transform(p: Any, maturity: Array, nodes: int) -> Transform:
    """Lewis's (2001) integrand less that of Black's price with the same mean variance.

    Gauss-Legendre nodes in the cube root of the frequency, up to where both functions vanish. Differentiable in
    the parameters; the nodes are held still.

    Parameters
    ----------
    p : of Heston's model or Bates's, leaves ``(maturities,)`` or scalars
    maturity : (maturities,) years
    nodes : of the quadrature
    """
    p = type(p)(*(jnp.broadcast_to(leaf, maturity.shape) for leaf in p))
    column = type(p)(*(leaf[:, None] for leaf in p))
    t = maturity[:, None]
    mean = jnp.maximum(p.mean_variance(maturity), 1e-14)
    end = _end(jax.tree.map(jax.lax.stop_gradient, column), t, jax.lax.stop_gradient(mean)[:, None])
    z, w = map(jnp.asarray, _unit_quadrature(nodes))
    u = end * z**3
    phi = jnp.exp(column.characteristic(u, t))
    gaussian = jnp.exp(-mean[:, None] / 2 * (u**2 + 0.25))
    weight = 3 * end * z**2 * w / (u**2 + 0.25) / jnp.pi
    return Transform(u, (gaussian - phi.real) * weight, -phi.imag * weight, jnp.sqrt(mean))


def _end(p: Any, t: Array, mean: Array) -> Array:
    """Frequency at which the characteristic functions of the model and of Black have died, ``(maturities, 1)``."""
    grid = jnp.asarray(2.0 ** np.arange(-4.0, 23.0))[None, :]
    size = jnp.maximum(p.characteristic(grid, t).real, -mean / 2 * (grid**2 + 0.25)) - jnp.log(grid)
    last = jnp.sum((size > DEAD)[:, :-1], axis=1, keepdims=True)
    low, high = (jnp.take_along_axis(size, k, axis=1) for k in (jnp.maximum(last - 1, 0), last))
    between = jnp.clip((low - DEAD) / jnp.maximum(low - high, 1e-3), 0, 1)
    return 1.1 * grid[0, jnp.maximum(last - 1, 0)] * 2**between


def black_call(x: Array, s: Array) -> Array:
    """Black's call over forward; ``x`` the log of strike over forward, ``s`` the standard deviation."""
    return ndtr(-x / s + s / 2) - jnp.exp(x) * ndtr(-x / s - s / 2)


@partial(jax.jit, static_argnames="nodes")
def _calls(p: Any, x: Array, maturity: Array, rows: Array, nodes: int) -> Array:
    """Calls over forward ``(options,)``: Black's and the integral of the rest (Andersen and Piterbarg 2010)."""
    f = transform(p, maturity, nodes)
    angle = f.u[rows] * x[:, None]
    total = jnp.sum(jnp.cos(angle) * f.real[rows] + jnp.sin(angle) * f.imag[rows], axis=1)
    return black_call(x, f.deviation[rows]) + jnp.exp(x / 2) * total


def converged_calls(
    model: type, curves: np.ndarray, rows: np.ndarray, x: np.ndarray, nodes: int | None
) -> np.ndarray:
    """Calls over forward; without ``nodes``, the quadrature is refined until four times the nodes change nothing.

    Parameters
    ----------
    model : of the parameters
    curves : (curves, 1 + parameters) maturity and parameters
    rows : (options,) position of each option's curve
    x : (options,) log of strike over forward
    """
    if nodes is not None:
        return _blocks(model, curves, rows, x, nodes)
    calls = _blocks(model, curves, rows, x, NODES[0])
    open_ = np.arange(len(x))
    for nodes in NODES[1:]:
        finer = _blocks(model, curves, rows[open_], x[open_], nodes)
        moved = ~(np.abs(finer - calls[open_]) <= TOLERANCE)
        calls[open_] = finer
        open_ = open_[moved]
        if not len(open_):
            break
    return calls


def _blocks(model: type, curves: np.ndarray, rows: np.ndarray, x: np.ndarray, nodes: int) -> np.ndarray:
    """Prices block by block. Shapes are rounded up, so that few programs are compiled."""
    most = max(16, BLOCK * 1024 // max(nodes, 1024))
    calls = np.empty(len(x))
    for first in range(0, len(x), most):
        part = slice(first, first + most)
        used, where = np.unique(rows[part], return_inverse=True)
        n = len(where)
        wide = min(64, most) if n <= 64 else most
        tall = next(size for size in ((1, wide) if wide <= 64 else (1, 16, wide)) if len(used) <= size)
        chosen = curves[np.resize(used, tall)]
        with jax.enable_x64(True):
            found = _calls(
                model(*chosen[:, 1:].T),
                np.resize(x[part], wide),
                chosen[:, 0],
                np.resize(where, wide),
                nodes,
            )
        calls[part] = np.asarray(found)[:n]
    return calls


def heston_price(
    params: HestonParams,
    spot: Any,
    strike: Any,
    maturity: Any,
    rate: Any = 0.0,
    dividend: Any = 0.0,
    kind: Any = "call",
    nodes: int | None = None,
) -> np.ndarray:
    """Prices of European options under Heston's (1993) model.

    By the integral of Lewis (2001), from which that of Black's price is taken out (Andersen and Piterbarg 2010).

    Parameters
    ----------
    params : leaves that broadcast with the rest
    spot, strike : positive
    maturity : years, positive
    rate, dividend : continuously compounded, per year
    kind : "call" or "put", one or an array
    nodes : of the quadrature; as many as it takes if left out

    Raises
    ------
    DataError
        If an input is not finite or outside its range.

    Examples
    --------
    Lewis's set, to ten digits:

    >>> p = HestonParams(v0=0.04, kappa=4.0, theta=0.25, sigma=1.0, rho=-0.5)
    >>> price = heston_price(p, spot=100.0, strike=[80.0, 100.0], maturity=1.0, rate=0.01, dividend=0.02)
    >>> [f"{value:.8f}" for value in price]
    ['26.77475874', '16.07015492']
    """
    return fourier_price(check_heston(params), spot, strike, maturity, rate, dividend, kind, nodes)


def fourier_price(
    p: Any,
    spot: Any,
    strike: Any,
    maturity: Any,
    rate: Any = 0.0,
    dividend: Any = 0.0,
    kind: Any = "call",
    nodes: int | None = None,
) -> np.ndarray:
    """:func:`heston_price` for parameters of any model with a ``characteristic`` and a ``mean_variance``, checked."""
    if nodes is not None and nodes < 16:
        raise SettingsError(f"the quadrature needs at least 16 nodes, not {nodes}")
    sign = signs(kind)
    arrays = [np.asarray(value, np.float64) for value in (spot, strike, maturity, rate, dividend)]
    for name, array in zip(("spot", "strike", "maturity"), arrays, strict=False):
        if not np.all(np.isfinite(array) & (array > 0)):
            raise DataError(
                f"a {name} is finite and positive: drop expired or damaged options before pricing"
            )
    if not all(np.all(np.isfinite(array)) for array in arrays[3:]):
        raise DataError("rate and dividend are finite numbers per year")
    shape = np.broadcast_shapes(*(a.shape for a in (*arrays, *p)), sign.shape)
    s, k, t, r, q, *leaves, sign = (np.broadcast_to(a, shape).ravel() for a in (*arrays, *p, sign))
    forward = s * np.exp((r - q) * t)
    x = np.log(k / forward)
    curves, rows = np.unique(np.stack([t, *leaves], axis=1), axis=0, return_inverse=True)
    calls = converged_calls(type(p), curves, rows.ravel(), x, nodes)
    call = forward * calls
    price = np.where(sign > 0, call, call - forward + k)
    return (np.exp(-r * t) * np.maximum(price, np.maximum(sign * (forward - k), 0.0))).reshape(shape)


DEAD = -38.0
"""Logarithm of the integrand's size from which on it is left out."""
BLOCK = 512
"""Options priced at once with the first nodes: bounds the memory."""
NODES = (256, 1024, 4096, 16384)
"""Nodes of the quadrature, from the first look to the last."""
TOLERANCE = 1e-11
"""Change of a price over its forward at which no more nodes are tried."""
