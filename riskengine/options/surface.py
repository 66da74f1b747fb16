"""What calibrations to quotes share: padded arrays for jax, weights, errors in implied volatility, statuses."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import log_ndtr

from riskengine.errors import DataError, SettingsError
from riskengine.options.quotes import Quotes

WEIGHTS = ("volatility", "vega", "spread")
NOISE = 0.01
"""Standard deviation of a quote's volatility about the model: the unit of the residuals."""
LEVEL = 0.2
"""Volatility that this is for; normal volatilities are taken relative to it."""


class FitStatus(StrEnum):
    """How a calibration to quotes ended."""

    OK = "ok"
    POOR_FIT = "poor fit"  # the model misses the quotes: see the reasons in its quality
    AT_BOUND = "at bound"  # a parameter is on the edge of its range: the quotes do not say where it is
    ILL_POSED = "ill-posed"  # other parameters fit as well: see the condition, or give a prior
    TOO_FEW = "too few quotes"  # fewer than parameters, and no prior: the start is returned
    NOT_CONVERGED = "not converged"


class VolatilityErrors:
    """Errors of a fitted model in implied volatility, from its ``quotes`` and its ``volatility`` at them."""

    quotes: Quotes
    volatility: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """(quotes,) model's volatility less the quoted one, in volatility points (percent)."""
        return 100 * (self.volatility - self.quotes.volatility)

    @property
    def rmse(self) -> float:
        """Root mean squared error over the usable quotes, in volatility points."""
        return float(np.sqrt(np.nanmean(self.errors**2))) if np.isfinite(self.errors).any() else float("nan")


def as_list(quotes: Quotes | Sequence[Quotes]) -> list[Quotes]:
    """Surfaces to calibrate.

    Raises
    ------
    DataError
        If there are none.
    """
    surfaces = [quotes] if isinstance(quotes, Quotes) else list(quotes)
    if not surfaces:
        raise DataError("there is no surface to calibrate: give Quotes, or a list of them")
    return surfaces


def aligned(leaf: Any, surfaces: int) -> np.ndarray:
    """A parameter of a start or prior as (surfaces,): one for all, or one each.

    Raises
    ------
    DataError
        If there are neither one nor so many.
    """
    values = np.atleast_1d(np.asarray(leaf, np.float64))
    if len(values) not in (1, surfaces):
        raise DataError(
            f"{len(values)} starts or priors for {surfaces} surface(s): give one, or one for each"
        )
    return np.broadcast_to(values, surfaces).copy()


def condition_number(jacobian: np.ndarray) -> float:
    """Ratio of the largest to the smallest singular value; infinite if a derivative is not finite."""
    return float(np.linalg.cond(jacobian)) if np.isfinite(jacobian).all() else float("inf")


def weights_of(quotes: Quotes, by: str) -> np.ndarray:
    """Weight of each quote's error, zero where it is not usable; one standard deviation of noise is one.

    Parameters
    ----------
    by : "volatility", all alike; "vega", errors in price; "spread", errors in half-spreads, none below a tenth of
        a volatility point

    Raises
    ------
    SettingsError
        If there is no such weight.
    """
    if by not in WEIGHTS:
        raise SettingsError(f"weights are by {', '.join(WEIGHTS)}, not {by!r}")
    usable = quotes.usable
    weight = np.zeros(len(quotes))
    noise = NOISE * (
        np.mean(quotes.volatility[usable]) / LEVEL if quotes.form.normal and usable.any() else 1.0
    )
    if by == "vega":
        forward, strike, maturity, volatility = (
            a[usable] for a in (quotes.forward, quotes.strike, quotes.maturity, quotes.volatility)
        )
        vega = quotes.form.vega(forward, strike, maturity, volatility)
        weight[usable] = vega / np.mean(vega) / noise if usable.any() else 0.0
    elif by == "spread":
        half = np.nan_to_num((quotes.ask - quotes.bid) / 2, nan=np.inf)
        weight[usable] = 1 / np.maximum(half[usable], noise / 10)
    else:
        weight[usable] = 1 / noise
    return weight


class Surface(NamedTuple):
    """One underlying's quotes on a padded grid; ``weight`` is zero in the holes.

    Attributes
    ----------
    maturity : (maturities,) years
    x : (maturities, strikes) log of strike over forward
    deviation : (maturities, strikes) quoted volatility times the root of the maturity
    weight : (maturities, strikes) of the volatility's error, per 1.0 of volatility
    """

    maturity: Any  # jax inside, numpy at the door
    x: Any
    deviation: Any
    weight: Any


def volatility_errors(call: Array, slope: Array, surface: Surface) -> tuple[Array, Array]:
    """Model's implied volatilities less the quoted ones, and their derivatives; weighted.

    Parameters
    ----------
    call : (maturities, strikes) calls over forward
    slope : (maturities, strikes, n) their derivatives
    surface : the quotes

    Returns
    -------
    residuals ``(maturities * strikes,)`` and derivatives ``(maturities * strikes, n)``

    A time value below :data:`LEAST` has no volatility that double precision can tell; the quote then counts with the
    volatility of that least value, and does not pull.
    """
    x, root = surface.x, jnp.sqrt(surface.maturity)[:, None]
    out = jnp.where(x < 0, call - 1 + jnp.exp(x), call)
    known = out > LEAST
    s = _deviation(-jnp.abs(x), jnp.log(jnp.maximum(out, LEAST)) - x / 2, surface.deviation)
    h, t = -jnp.abs(x) / s, s / 2
    vega = jnp.exp(x / 2 - (h * h + t * t) / 2) / jnp.sqrt(2 * jnp.pi)
    pull = jnp.where(known & (surface.weight > 0), surface.weight / (root * vega), 0.0)
    residual = jnp.where(surface.weight > 0, surface.weight * (s - surface.deviation) / root, 0.0)
    return residual.ravel(), (pull[..., None] * slope).reshape(residual.size, -1)


class StackedSurfaces(NamedTuple):
    """Surfaces of one shape, stacked, and where each usable quote of each surface went."""

    surface: Surface  # leaves (surfaces, ...)
    places: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]  # quotes, rows, columns


def stack(surfaces: Sequence[Quotes], weights: str) -> StackedSurfaces:
    """Usable quotes on padded grids; shapes are rounded up, so that few programs are compiled."""
    layouts = []
    for quotes in surfaces:
        which = np.flatnonzero(quotes.usable)
        which = which[np.lexsort((quotes.strike[which], quotes.maturity[which]))]
        maturities, row = np.unique(quotes.maturity[which], return_inverse=True)
        first = np.searchsorted(row, np.arange(len(maturities)))
        layouts.append((which, maturities, row, np.arange(len(which)) - first[row] if len(which) else row))
    tall = rounded(max(len(m) for _, m, _, _ in layouts), 8)
    wide = rounded(max((int(c.max()) + 1 if len(c) else 1) for *_, c in layouts), 16)
    n = len(surfaces)
    grid = Surface(
        np.ones((n, tall)),
        np.zeros((n, tall, wide)),
        np.full((n, tall, wide), 0.2),
        np.zeros((n, tall, wide)),
    )
    places = []
    for k, (quotes, (which, maturities, row, column)) in enumerate(zip(surfaces, layouts, strict=True)):
        grid.maturity[k, : len(maturities)] = maturities
        grid.deviation[k] *= np.sqrt(grid.maturity[k])[:, None]
        grid.x[k, row, column] = np.log(quotes.strike[which] / quotes.forward[which])
        grid.deviation[k, row, column] = quotes.volatility[which] * np.sqrt(quotes.maturity[which])
        grid.weight[k, row, column] = weights_of(quotes, weights)[which]
        places.append((which, row, column))
    return StackedSurfaces(grid, tuple(places))


def rounded(n: int, step: int) -> int:
    """``n`` rounded up to ``step`` times a power of two."""
    size = step
    while size < n:
        size *= 2
    return size


def blocks(tasks: Any, surfaces: int, size: int) -> list[Any]:
    """Tasks in blocks of ``size``, the last one filled up with tasks that have no weight and end at once."""
    found = []
    for first in range(0, surfaces, size):
        take = np.minimum(np.arange(first, first + size), surfaces - 1)
        block = jax.tree.map(lambda leaf, take=take: leaf[take], tasks)
        empty = np.arange(first, first + size) >= surfaces
        block.surface.weight[empty] = 0.0
        block.pull[empty] = 0.0
        found.append(block)
    return found


LEAST = 1e-11
"""Time value over forward below which a model's price has no volatility."""


def _deviation(x: Array, target: Array, guess: Array) -> Array:
    """Standard deviation at which the log of the normalised out-of-the-money price is ``target``, ``x <= 0``.

    Newton's method on the logarithm, which is concave in the deviation: after the first step it comes from below.
    """

    def step(_: int, s: Array) -> Array:
        h, t = x / s, s / 2
        upper, lower = log_ndtr(h + t) + x / 2, log_ndtr(h - t) - x / 2
        value = upper + jnp.log(-jnp.expm1(jnp.minimum(lower - upper, -1e-16)))
        slope = jnp.exp(-(h * h + t * t) / 2 - value) / jnp.sqrt(2 * jnp.pi)
        return jnp.clip(s - (value - target) / slope, s / 2, 2 * s)

    return jax.lax.fori_loop(0, 12, step, guess)
