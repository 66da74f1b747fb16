"""SSVI: one surface of total variances for all maturities, free of static arbitrage (Gatheral and Jacquier 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import least_squares
from scipy.special import expit

from riskengine.errors import DataError
from riskengine.options.fit_quality import FitQuality, fit_quality
from riskengine.options.quotes import Quotes
from riskengine.options.surface import FitStatus, VolatilityErrors, weights_of
from riskengine.options.volatility_form import LOGNORMAL


class SsviParams(NamedTuple):
    """SSVI (Gatheral and Jacquier 2014), a surface of total variances.

    ``w(k) = theta/2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2))``, ``k`` the log of strike over forward, and
    ``phi = eta theta^-gamma (1 + theta)^(gamma - 1)``. With ``eta (1 + |rho|) <= 2``, ``gamma <= 1/2`` and a ``theta``
    that rises with the maturity there is no butterfly or calendar arbitrage.

    Attributes
    ----------
    rho, eta, gamma
        Scalars: skew, curvature, and how it fades with the variance.
    maturity
        (maturities,) years.
    theta
        (maturities,) total variance at the forward, increasing; straight lines between, zero now.
    """

    rho: Any
    eta: Any
    gamma: Any
    maturity: Any
    theta: Any


class _Slice(NamedTuple):
    """Total variance and its derivatives."""

    w: Array
    by_k: Array
    by_kk: Array
    by_theta: Array


def total_variance(p: SsviParams, k: Any, theta: Any) -> _Slice:
    """At logs of strike over forward ``k`` where the variance at the forward is ``theta``; for jax and numpy."""
    phi = p.eta * theta**-p.gamma * (1 + theta) ** (p.gamma - 1)
    slope = phi * (-p.gamma / theta + (p.gamma - 1) / (1 + theta))
    u = phi * k
    root = jnp.sqrt((u + p.rho) ** 2 + 1 - p.rho**2)
    w = theta / 2 * (1 + p.rho * u + root)
    lean = p.rho + (u + p.rho) / root
    return _Slice(
        w,
        theta * phi / 2 * lean,
        theta * phi**2 / 2 * (1 - p.rho**2) / root**3,
        w / theta + theta / 2 * k * slope * lean,
    )


def local_variance(p: SsviParams, k: Any, theta: Any, theta_by_time: Any) -> Array:
    """Dupire's local variance per year, from the derivatives of the surface (Gatheral 2006, 1.10)."""
    s = total_variance(p, k, theta)
    density = (1 - k * s.by_k / (2 * s.w)) ** 2 - s.by_k**2 / 4 * (1 / s.w + 0.25) + s.by_kk / 2
    return s.by_theta * theta_by_time / jnp.maximum(density, 1e-4)


def ssvi_volatility(params: SsviParams, forward: Any, strike: Any, maturity: Any) -> np.ndarray:
    """Black volatilities of the surface; beyond its last maturity the variance grows as before.

    Examples
    --------
    >>> p = SsviParams(-0.6, 1.0, 0.4, np.array([0.5, 1.0]), np.array([0.02, 0.04]))
    >>> ssvi_volatility(p, 100.0, [90.0, 100.0], 1.0).round(4)
    array([0.2229, 0.2   ])
    """
    t = np.asarray(maturity, np.float64)
    theta = theta_at(params, t)[0]
    k = np.log(np.asarray(strike, np.float64) / np.asarray(forward, np.float64))
    phi = params.eta * theta**-params.gamma * (1 + theta) ** (params.gamma - 1)
    root = np.sqrt((phi * k + params.rho) ** 2 + 1 - params.rho**2)
    return np.sqrt(theta / 2 * (1 + params.rho * phi * k + root) / t)


def theta_at(params: SsviParams, t: Any) -> tuple[np.ndarray, np.ndarray]:
    """Variance at the forward at times, and its slope; straight lines through zero and the maturities."""
    times = np.append(0.0, params.maturity)
    levels = np.append(0.0, params.theta)
    slopes = np.diff(levels) / np.diff(times)
    t = np.asarray(t, np.float64)
    place = np.clip(np.searchsorted(times, t, side="left") - 1, 0, len(slopes) - 1)
    return levels[place] + slopes[place] * (t - times[place]), slopes[place]


@dataclass(frozen=True, eq=False)
class SsviFit(VolatilityErrors):
    """SSVI for one surface.

    Attributes
    ----------
    params : of the surface
    quotes : that it was fitted to
    volatility : (quotes,) of the model; NaN where the quote was not usable
    status : what to think of it
    quality : errors against bid and ask and at the money, and what is poor
    """

    params: SsviParams
    quotes: Quotes
    volatility: np.ndarray
    status: FitStatus
    quality: FitQuality


def calibrate_ssvi(quotes: Quotes, weights: str = "volatility") -> SsviFit:
    """Least squares in implied volatilities within the bounds that exclude arbitrage (Gatheral and Jacquier 2014).

    Parameters
    ----------
    quotes : one surface
    weights : "volatility", "vega" or "spread", as in :func:`calibrate_heston`

    Raises
    ------
    DataError
        If there are fewer usable quotes than maturities and three, or volatilities are shifted or normal.

    Examples
    --------
    >>> t, k = np.repeat([0.5, 1.0], 5), np.tile([80.0, 90.0, 100.0, 110.0, 120.0], 2)
    >>> true = SsviParams(-0.6, 1.0, 0.4, np.array([0.5, 1.0]), np.array([0.02, 0.045]))
    >>> fit = calibrate_ssvi(Quotes.of_volatilities(k, t, ssvi_volatility(true, 100.0, k, t), spot=100.0))
    >>> bool(fit.rmse < 1e-4), str(fit.status)
    (True, 'ok')
    """
    if quotes.form != LOGNORMAL:
        raise DataError("SSVI is of lognormal volatilities: quotes with a shift or normal ones are for SABR")
    rows = np.flatnonzero(quotes.usable)
    maturity, place = np.unique(quotes.maturity[rows], return_inverse=True)
    if len(rows) < len(maturity) + 3:
        raise DataError(f"{len(rows)} usable quote(s) do not tell {len(maturity)} levels and three shapes")
    k = np.log(quotes.strike[rows] / quotes.forward[rows])
    t, seen, weight = quotes.maturity[rows], quotes.volatility[rows], weights_of(quotes, weights)[rows]

    def misses(u: np.ndarray) -> np.ndarray:
        p = _of_coordinates(u, maturity)
        theta = p.theta[place]
        phi = p.eta * theta**-p.gamma * (1 + theta) ** (p.gamma - 1)
        w = theta / 2 * (1 + p.rho * phi * k + np.sqrt((phi * k + p.rho) ** 2 + 1 - p.rho**2))
        return weight * (np.sqrt(w / t) - seen)

    found = least_squares(
        misses, _start(k, t, seen, maturity, place), method="trf", x_scale="jac", max_nfev=200
    )
    params = _of_coordinates(found.x, maturity)
    volatility = np.full(len(quotes), np.nan)
    volatility[rows] = seen + misses(found.x) / weight
    quality = fit_quality(quotes, volatility)
    status = (
        FitStatus.POOR_FIT if quality.poor else FitStatus.OK if found.status > 0 else FitStatus.NOT_CONVERGED
    )
    return SsviFit(params, quotes, volatility, status, quality)


def _of_coordinates(u: np.ndarray, maturity: np.ndarray) -> SsviParams:
    """Within the bounds: ``rho`` by its tangent, ``eta`` and ``gamma`` by shares, ``theta`` by its increments."""
    rho = 0.999 * np.tanh(u[0])
    share, fade = expit(u[1:3])
    return SsviParams(
        rho, 2 / (1 + abs(rho)) * share, 0.5 * fade, maturity, np.cumsum(np.exp(np.clip(u[3:], -40, 5)))
    )


def _start(
    k: np.ndarray, t: np.ndarray, seen: np.ndarray, maturity: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Levels nearest the money, made to rise; a usual shape."""
    levels = []
    for j in range(len(maturity)):
        here = np.flatnonzero(place == j)
        nearest = here[np.argmin(np.abs(k[here]))]
        levels.append(seen[nearest] ** 2 * t[nearest])
    rising = np.maximum.accumulate(levels)
    steps = np.maximum(np.diff(np.append(0.0, rising)), 1e-4 * rising[-1])
    return np.concatenate([[np.arctanh(-0.5), 0.0, 0.0], np.log(steps)])
