"""Heston's model: European prices by the Fourier integral of the stable characteristic function."""

from __future__ import annotations

from functools import partial
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


def normalised_call(p: HestonParams, x: Array, maturity: Array, rows: Array, nodes: int = 256) -> Array:
    """Call over forward, for options that share maturities.

    Lewis's (2001) integral less that of Black's price with the same mean variance, whose exact value is added
    back (Andersen and Piterbarg 2010), by Gauss-Legendre nodes in the square root of the frequency, up to where
    both functions have died.

    Parameters
    ----------
    p : leaves ``(maturities,)`` or scalars
    x : (options,) log of strike over forward
    maturity : (maturities,) years
    rows : (options,) position of each option's maturity
    nodes : of the quadrature
    """
    p = HestonParams(*(jnp.broadcast_to(leaf, maturity.shape) for leaf in p))
    column = HestonParams(*(leaf[:, None] for leaf in p))
    t = maturity[:, None]
    mean = (p.v0 - p.theta) * -jnp.expm1(-p.kappa * maturity) / p.kappa + p.theta * maturity
    mean = jnp.maximum(mean, 1e-14)
    # mean total variance; where the frequencies end is found on a geometric grid
    grid = jnp.asarray(2.0 ** np.arange(-4, 22, 0.25))[None, :]
    frozen = jax.tree.map(jax.lax.stop_gradient, column)
    size = log_characteristic(frozen, grid, t).real
    size = jnp.maximum(size, -jax.lax.stop_gradient(mean)[:, None] / 2 * (grid**2 + 0.25))
    alive = size - jnp.log(grid) > -38.0
    end = jnp.max(jnp.where(alive, grid, grid[:, :1]), axis=1) * 2**0.25
    points, weights = np.polynomial.legendre.leggauss(nodes)
    z, w = jnp.asarray((points + 1) / 2), jnp.asarray(weights / 2)
    u = end[:, None] * z**3
    jacobian = 3 * end[:, None] * z**2 * w
    phi = jnp.exp(log_characteristic(column, u, t))
    gaussian = jnp.exp(-mean[:, None] / 2 * (u**2 + 0.25))
    f = (_real(gaussian) - phi) * _real(jacobian / (u**2 + 0.25))
    angle = u[rows] * x[:, None]
    # Re(exp(-i u k) f), without a complex exponential
    total = jnp.sum(jnp.cos(angle) * f.real[rows] + jnp.sin(angle) * f.imag[rows], axis=1)
    s = jnp.sqrt(mean)[rows]
    black = ndtr(-x / s + s / 2) - jnp.exp(x) * ndtr(-x / s - s / 2)
    return black + jnp.exp(x / 2) / jnp.pi * total


@partial(jax.jit, static_argnames="nodes")
def _calls(p: HestonParams, x: Array, maturity: Array, nodes: int) -> Array:
    return normalised_call(p, x, maturity, jnp.arange(x.shape[0]), nodes)


def heston_price(
    params: HestonParams,
    spot: Any,
    strike: Any,
    maturity: Any,
    rate: Any = 0.0,
    dividend: Any = 0.0,
    kind: Any = "call",
    nodes: int = 1024,
) -> np.ndarray:
    """Prices of European options under Heston's model.

    Parameters
    ----------
    params : leaves that broadcast with the rest
    spot, strike : positive
    maturity : years, positive
    rate, dividend : continuously compounded, per year
    kind : "call" or "put", one or an array
    nodes : of the quadrature

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
    if nodes < 16:
        raise SettingsError(f"the quadrature needs at least 16 nodes, not {nodes}")
    p, sign = check_heston(params), signs(kind)
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
    calls = np.empty(len(x))
    with jax.enable_x64(True):
        for first in range(0, len(x), BLOCK):
            part = slice(first, first + BLOCK)
            calls[part] = _calls(HestonParams(*(a[part] for a in leaves)), x[part], t[part], nodes)
    call = forward * calls
    price = np.where(sign > 0, call, call - forward + k)
    return (np.exp(-r * t) * np.maximum(price, np.maximum(sign * (forward - k), 0.0))).reshape(shape)


BLOCK = 1024
"""Options priced at once: bounds the memory of the nodes."""
