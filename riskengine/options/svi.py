"""Raw SVI: the total variance of one maturity in five numbers (Gatheral 2004), and surfaces of such slices."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.options.ssvi import SsviParams


class SviParams(NamedTuple):
    """Raw SVI (Gatheral 2004) of every maturity.

    ``w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))``, ``k`` the log of strike over forward.

    Attributes
    ----------
    a, b, rho, m, sigma
        (maturities,) level, slope of the wings, skew, place and width of the bend.
    maturity
        (maturities,) years, increasing.
    """

    a: Any
    b: Any
    rho: Any
    m: Any
    sigma: Any
    maturity: Any


class SviSlice(NamedTuple):
    """Total variance and its derivatives by ``k``."""

    w: Any
    by_k: Any
    by_kk: Any


def svi_slice(p: Any, k: Any) -> SviSlice:
    """Of ``a, b, rho, m, sigma`` at logs of strike over forward ``k``; for jax and numpy."""
    a, b, rho, m, sigma = p
    x = k - m
    root = (x * x + sigma * sigma) ** 0.5
    return SviSlice(a + b * (rho * x + root), b * (rho + x / root), b * sigma * sigma / root**3)


def density_factor(s: SviSlice, k: Any) -> Any:
    """Gatheral and Jacquier's (2014) ``g``: the density is positive where it is; a butterfly is free below zero."""
    return (1 - k * s.by_k / (2 * s.w)) ** 2 - s.by_k**2 / 4 * (1 / s.w + 0.25) + s.by_kk / 2


def raw_of_ssvi(surface: SsviParams) -> SviParams:
    """The slices of an SSVI surface as raw SVI, exactly (Gatheral and Jacquier 2014, 4.1)."""
    theta, rho = np.asarray(surface.theta, np.float64), float(surface.rho)
    phi = surface.eta * theta**-surface.gamma * (1 + theta) ** (surface.gamma - 1)
    skew = np.full(len(theta), rho)
    return SviParams(
        theta / 2 * (1 - rho**2),
        theta * phi / 2,
        skew,
        -rho / phi,
        np.sqrt(1 - rho**2) / phi,
        np.asarray(surface.maturity),
    )


def svi_variance(params: SviParams, k: Any, maturity: Any) -> np.ndarray:
    """Total variance; straight lines in time at one ``k``, through zero now, and as the last slice beyond it."""
    k, t = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(maturity, np.float64))
    times = np.append(0.0, params.maturity)
    last = len(times) - 2
    place = np.clip(np.searchsorted(times, t, side="left") - 1, 0, last)
    share = (t - times[place]) / (times[place + 1] - times[place])
    leaves = [np.asarray(leaf, np.float64) for leaf in params[:5]]
    upper = svi_slice([leaf[place] for leaf in leaves], k).w
    lower = svi_slice([leaf[np.maximum(place - 1, 0)] for leaf in leaves], k).w * (place > 0)
    beyond = t > times[-1]
    return np.where(beyond, upper * t / times[-1], lower + share * (upper - lower))


def svi_volatility(params: SviParams, forward: Any, strike: Any, maturity: Any) -> np.ndarray:
    """Black volatilities of the surface.

    Examples
    --------
    >>> p = SviParams(*(np.array([x]) for x in (0.01, 0.1, -0.5, 0.0, 0.2)), np.array([0.5]))
    >>> svi_volatility(p, 100.0, [80.0, 100.0], [0.5, 0.5]).round(4)
    array([0.3198, 0.2449])
    """
    k = np.log(np.asarray(strike, np.float64) / np.asarray(forward, np.float64))
    t = np.asarray(maturity, np.float64)
    return np.sqrt(svi_variance(params, k, t) / t)


class SviStep(NamedTuple):
    """What the local variance of one step reads: both slices about it, where it is between them, and their distance."""

    before: Any  # (5,) arrays by name of the slice below; no variance before the first
    after: Any
    share: Any
    years: Any


def svi_local_variance(step: SviStep, k: Any) -> Array:
    """Dupire's local variance per year of straight lines between slices (Gatheral 2006, 1.10)."""
    low, high = svi_slice(step.before, k), svi_slice(step.after, k)
    here = SviSlice(*(x + step.share * (y - x) for x, y in zip(low, high, strict=True)))
    here = here._replace(w=jnp.maximum(here.w, 1e-8))
    return (high.w - low.w) / step.years / jnp.maximum(density_factor(here, k), 1e-2)
