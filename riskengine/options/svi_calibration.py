"""SVI a slice, fitted to quotes from the SSVI surface on, and kept free of static arbitrage by penalties."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from riskengine.options.fit_quality import FitQuality, fit_quality
from riskengine.options.quotes import Quotes
from riskengine.options.ssvi import SsviFit, calibrate_ssvi
from riskengine.options.surface import FitStatus, VolatilityErrors, weights_of
from riskengine.options.svi import SviParams, density_factor, raw_of_ssvi, svi_slice

Array = np.ndarray
PENALTIES = (10.0, 100.0, 1000.0, 10000.0)
"""Weights of the arbitrage, one after the other until there is none."""
RIDGE = 0.02
"""Pull towards the SSVI slice, in units of its coordinates: it tells what a slice of few quotes does not."""
OUTSIDE, REACH = 0.1, 5.0
"""Weight of a quote that stands for the SSVI slice beyond the quotes, and how many standard deviations out they stand:
the wings of a maturity with few strikes would else lift all later ones."""
MARGIN = 2e-3
"""Least density factor and distance between slices that the penalties ask for, relative."""
SLACK = 1e-6
"""Total variance by which a slice may be raised in place of a stronger penalty."""


@dataclass(frozen=True, eq=False)
class SviFit(VolatilityErrors):
    """SVI slices for one surface.

    Attributes
    ----------
    params : of the slices
    quotes : that they were fitted to
    volatility : (quotes,) of the model; NaN where the quote was not usable
    status : what to think of it
    quality : errors against bid and ask and at the money, and what is poor; arbitrage that is left is
    density : (maturities,) least density factor of each slice, negative where there is butterfly arbitrage
    rise : (maturities,) least rise of the total variance from the slice before, negative where there is calendar
        arbitrage
    """

    params: SviParams
    quotes: Quotes
    volatility: Array
    status: FitStatus
    quality: FitQuality
    density: Array
    rise: Array


def calibrate_svi(quotes: Quotes, ssvi: SsviFit | None = None, weights: str = "volatility") -> SviFit:
    """Least squares in implied volatilities, slice by slice in order of maturity.

    Each slice starts from the raw form of the SSVI surface. Penalties on a negative density factor, on a variance
    below that of the slice before and on wings that are flatter than its wings grow until there is no arbitrage; the
    level is raised by what is then left.

    Parameters
    ----------
    quotes : one surface
    ssvi : its SSVI fit; made if left out
    weights : "volatility", "vega" or "spread", as in :func:`calibrate_heston`

    Raises
    ------
    DataError
        As :func:`calibrate_ssvi`.

    Examples
    --------
    >>> from riskengine import options
    >>> true = SviParams(*(np.array([x]) for x in (0.01, 0.1, -0.5, 0.02, 0.2)), np.array([0.5]))
    >>> k = np.array([70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0])
    >>> seen = options.svi_volatility(true, 100.0, k, 0.5)
    >>> fit = calibrate_svi(options.Quotes.of_volatilities(k, 0.5, seen, forward=100.0))
    >>> bool(fit.rmse < 0.1), str(fit.status)
    (True, 'ok')
    """
    ssvi = ssvi or calibrate_ssvi(quotes, weights)
    starts = raw_of_ssvi(ssvi.params)
    weight = weights_of(quotes, weights)
    slices: list[Array] = []
    volatility = np.full(len(quotes), np.nan)
    density, rise, ended = [], [], True
    for j, t in enumerate(np.asarray(starts.maturity)):
        rows = np.flatnonzero(quotes.usable & (quotes.maturity == t))
        start = np.array([leaf[j] for leaf in starts[:5]], float)
        task = _slice_task(quotes, weight, rows, start, slices[-1] if slices else None)
        found, converged = _solved(task, start)
        slices.append(found)
        ended &= converged
        volatility[rows] = np.sqrt(svi_slice(found, task.k[: len(rows)]).w / t)
        checked = replace(task, grid=_dense(task.grid, found))
        density.append(float(np.min(density_factor(svi_slice(found, checked.grid), checked.grid))))
        rise.append(float(np.min(checked.rise(found))))
    a, b, rho, m, sigma = np.array(slices).T
    params = SviParams(a, b, rho, m, sigma, np.asarray(starts.maturity))
    quality = fit_quality(quotes, volatility, _arbitrage(params.maturity, density, rise))
    status = FitStatus.POOR_FIT if quality.poor else FitStatus.OK if ended else FitStatus.NOT_CONVERGED
    return SviFit(params, quotes, volatility, status, quality, np.array(density), np.array(rise))


@dataclass(frozen=True, eq=False)
class _Slice:
    """Quotes of one maturity, the slice before it, and where arbitrage is looked for."""

    k: Array
    t: float
    seen: Array
    weight: Array
    before: Array | None
    grid: Array

    def misses(self, u: Array, penalty: float, centre: Array) -> Array:
        """Weighted errors, the pull of the start, and what the penalties add."""
        p = _of_coordinates(u)
        error = self.weight * (np.sqrt(np.maximum(svi_slice(p, self.k).w, 1e-10) / self.t) - self.seen)
        here = svi_slice(p, self.grid)
        negative = np.maximum(MARGIN - density_factor(here, self.grid), 0)
        parts = [error, RIDGE * (u - centre), penalty * negative / np.sqrt(len(self.grid))]
        if self.before is not None:
            low = svi_slice(self.before, self.grid).w
            below = np.maximum(low * (1 + MARGIN) - here.w, 0) / np.maximum(low, 1e-6)
            wings = np.maximum(
                self.before[1] * (np.array([1, -1]) * self.before[2] + 1)
                - p[1] * (np.array([1, -1]) * p[2] + 1),
                0,
            )
            parts += [penalty * below, penalty * 10 * wings]
        return np.concatenate(parts)

    def rise(self, p: Array) -> Array:
        """Total variance over that of the slice before, on the grid, and slopes of the wings likewise."""
        here: Array = svi_slice(p, self.grid).w
        if self.before is None:
            return here
        wings = [p[1] * (1 + s * p[2]) - self.before[1] * (1 + s * self.before[2]) for s in (1, -1)]
        return np.append(here - svi_slice(self.before, self.grid).w, wings)


def _slice_task(quotes: Quotes, weight: Array, rows: Array, start: Array, before: Array | None) -> _Slice:
    """The quotes of a maturity, and beyond them the SSVI slice with a small weight."""
    t = float(quotes.maturity[rows[0]])
    k = np.log(quotes.strike[rows] / quotes.forward[rows])
    reach = REACH * float(np.sqrt(svi_slice(start, 0.0).w))
    out = [x for x in np.linspace(-reach, 0.7 * reach, 25) if not k.min() <= x <= k.max()]
    told = np.sqrt(svi_slice(start, np.array(out)).w / t)
    share = np.full(len(out), OUTSIDE * float(weight[rows].mean()))
    return _Slice(
        np.append(k, out),
        t,
        np.append(quotes.volatility[rows], told),
        np.append(weight[rows], share),
        before,
        _grid(k, start),
    )


def _grid(k: Array, start: Array) -> Array:
    """Where arbitrage is looked for: densely about the quotes, and geometrically out to ten times their width."""
    low, high = min(k.min(), -0.02), max(k.max(), 0.02)
    width = high - low
    near = np.linspace(low - width / 2, high + width / 2, 81)
    far = width * np.geomspace(0.5, 10, 60)
    bend = start[3] + start[4] * np.linspace(-3, 3, 25)
    return np.unique(np.concatenate([near, low - far, high + far, bend]))


def _dense(grid: Array, found: Array) -> Array:
    """Where a fit is judged in the end: between the points that the penalties saw too, and about its own bend."""
    bend = found[3] + found[4] * np.linspace(-6, 6, 241)
    return np.unique(np.concatenate([grid, np.linspace(grid[0], grid[-1], 2001), bend]))


def _solved(task: _Slice, start: Array) -> tuple[Array, bool]:
    """Parameters of the slice without arbitrage, and whether the solver ended by itself."""
    u = centre = _to_coordinates(start)
    for penalty in PENALTIES:
        found = least_squares(
            task.misses, u, args=(penalty, centre), x_scale="jac", max_nfev=300, ftol=1e-7, xtol=1e-7
        )
        u = found.x
        p = _raised(task, _of_coordinates(u))
        if (
            np.min(density_factor(svi_slice(p, task.grid), task.grid)) >= 0
            and p[0] - _of_coordinates(u)[0] < SLACK
        ):
            break
    return p, found.status > 0


def _raised(task: _Slice, p: Array) -> Array:
    """The slice with wings as steep as those of the one before, and raised until it lies nowhere below it."""
    if task.before is None:
        return p
    signs = np.array([1, -1])
    flat = np.max(task.before[1] * (1 + signs * task.before[2]) - p[1] * (1 + signs * p[2]))
    p = np.array([p[0], p[1] + max(flat, 0.0) / (1 - abs(p[2])), *p[2:]])
    low, here = (svi_slice(each, task.grid).w for each in (task.before, p))
    return np.append(p[0] + max(0.0, float(np.max(low - here))), p[1:])


def _of_coordinates(u: Array) -> Array:
    """``b (1 + |rho|) <= 2`` (Lee 2004), and a least variance that is positive."""
    rho, sigma = 0.9995 * np.tanh(u[2]), np.exp(np.clip(u[4], -12, 3))
    b = 2 / (1 + abs(rho)) / (1 + np.exp(-np.clip(u[1], -40, 40)))
    least = np.exp(np.clip(u[0], -30, 4))
    return np.array([least - b * sigma * np.sqrt(1 - rho**2), b, rho, u[3], sigma])


def _to_coordinates(p: Array) -> Array:
    a, b, rho, m, sigma = p
    rho = np.clip(rho, -0.999, 0.999)
    share = np.clip(b * (1 + abs(rho)) / 2, 1e-12, 1 - 1e-9)
    least = max(a + b * sigma * np.sqrt(1 - rho**2), 1e-12)
    return np.array([np.log(least), np.log(share / (1 - share)), np.arctanh(rho / 0.9995), m, np.log(sigma)])


def _arbitrage(maturity: Array, density: list[float], rise: list[float]) -> tuple[str, ...]:
    """A line for what the penalties did not take away."""
    found = []
    for t, g, up in zip(maturity, density, rise, strict=True):
        if g < 0:
            found.append(f"the density is negative at {365 * t:.0f} days: a butterfly pays for nothing")
        if up < -1e-12:
            found.append(f"the variance falls up to {365 * t:.0f} days: a calendar spread pays for nothing")
    return tuple(found)
