"""Calibration of Heston's model to quotes: least squares in implied volatilities, many surfaces at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError, SettingsError
from riskengine.options.garch_start import HestonStart
from riskengine.options.heston import HestonParams, black_call, check_heston, transform
from riskengine.options.least_squares import CONVERGED, OUT_OF_STEPS, LeastSquaresResult, levenberg_marquardt
from riskengine.options.quotes import Quotes
from riskengine.options.surface import (
    FitStatus,
    StackedSurfaces,
    Surface,
    VolatilityErrors,
    aligned,
    as_list,
    blocks,
    condition_number,
    stack,
    volatility_errors,
)

LOWER = HestonParams(v0=1e-5, kappa=0.02, theta=1e-5, sigma=0.01, rho=-0.999)
UPPER = HestonParams(v0=4.0, kappa=60.0, theta=4.0, sigma=12.0, rho=0.999)
"""Edges of the parameters."""
SHARE = 0.01
"""Least volatility of variance, as a share of the largest that Feller's condition allows."""


def from_coordinates(u: Array, feller: bool = False) -> HestonParams:
    """Parameters of coordinates ``(5,)``: logarithms bent so as to stay inside the edges, and ``rho`` likewise.

    With ``feller`` the volatility of variance stays below ``sqrt(2 kappa theta)``.
    """

    def between(u: Array, low: Array, high: Array) -> Array:
        width = high - low
        return low + width * jax.nn.sigmoid(4 * (u - (low + high) / 2) / width)

    low, high = ([jnp.asarray(v) for v in edge] for edge in (LOWER, UPPER))
    v0, kappa, theta = (jnp.exp(between(u[i], jnp.log(low[i]), jnp.log(high[i]))) for i in range(3))
    if feller:
        largest = jnp.sqrt(2 * kappa * theta)
        sigma = largest * jnp.exp(between(u[3], jnp.log(SHARE), jnp.zeros(())))
    else:
        sigma = jnp.exp(between(u[3], jnp.log(low[3]), jnp.log(high[3])))
    return HestonParams(v0, kappa, theta, sigma, between(u[4], low[4], high[4]))


def to_coordinates(params: HestonParams, feller: bool = False) -> np.ndarray:
    """Inverse of :func:`from_coordinates`, for leaves ``(surfaces,)``: ``(surfaces, 5)``.

    Parameters at or beyond an edge are moved to within a thousandth of it.
    """

    def back(value: np.ndarray, low: float, high: float) -> np.ndarray:
        share = np.clip((value - low) / (high - low), 1e-3, 1 - 1e-3)
        return (low + high) / 2 + (high - low) / 4 * np.log(share / (1 - share))

    p = HestonParams(*(np.asarray(leaf, np.float64) for leaf in params))
    logs = [
        back(np.log(np.maximum(leaf, 1e-300)), np.log(lo), np.log(hi))
        for leaf, lo, hi in zip(p[:3], LOWER, UPPER, strict=False)
    ]
    if feller:
        share = np.maximum(p.sigma, 1e-300) / np.sqrt(2 * p.kappa * p.theta)
        logs.append(back(np.log(share), np.log(SHARE), 0.0))
    else:
        logs.append(back(np.log(np.maximum(p.sigma, 1e-300)), np.log(LOWER.sigma), np.log(UPPER.sigma)))
    return np.stack([*logs, back(p.rho, LOWER.rho, UPPER.rho)], axis=-1)


def surface_calls(p: HestonParams, surface: Surface, nodes: int) -> Array:
    """Calls over forward on the grid of a surface."""
    f = transform(p, surface.maturity, nodes)
    angle = f.u[:, None, :] * surface.x[:, :, None]
    total = jnp.einsum("mkn,mn->mk", jnp.cos(angle), f.real) + jnp.einsum(
        "mkn,mn->mk", jnp.sin(angle), f.imag
    )
    return black_call(surface.x, f.deviation[:, None]) + jnp.exp(surface.x / 2) * total


class Task(NamedTuple):
    """One surface, where to start, and what to stay near to: ``pull * (u - centre)`` joins the residuals."""

    surface: Surface
    start: Any
    centre: Any
    pull: Any


def errors_and_slopes(u: Array, task: Task, feller: bool, nodes: int) -> tuple[Array, Array]:
    """Weighted residuals and their derivatives by the coordinates."""

    def calls(u: Array) -> tuple[Array, Array]:
        price = surface_calls(from_coordinates(u, feller), task.surface, nodes)
        return price, price

    slope, price = jax.jacfwd(calls, has_aux=True)(u)
    residual, jacobian = volatility_errors(price, slope, task.surface)
    return (
        jnp.concatenate([residual, task.pull * (u - task.centre)]),
        jnp.concatenate([jacobian, jnp.diag(task.pull)]),
    )


@partial(jax.jit, static_argnames=("feller", "nodes", "lanes"))
def solve(tasks: Task, feller: bool, nodes: int, most: Any, lanes: int | None = None) -> LeastSquaresResult:
    """Solve tasks stacked along the first axis, one after the other or ``lanes`` side by side."""

    def one(task: Task) -> LeastSquaresResult:
        residuals = task.surface.x.size + len(task.start)
        return levenberg_marquardt(
            lambda u: errors_and_slopes(u, task, feller, nodes), task.start, residuals, most
        )

    return jax.lax.map(one, tasks, batch_size=lanes)


@dataclass(frozen=True, eq=False)
class HestonFit(VolatilityErrors):
    """Heston's model for one surface.

    Attributes
    ----------
    params : scalars
    quotes : that it was fitted to
    volatility : (quotes,) of the model; NaN where the quote was not usable
    iterations : evaluations of all quotes with derivatives
    condition : condition number of the derivatives by the logarithms of the parameters (and ``rho``)
    at_bound : names of parameters on an edge
    status : what to think of it
    start : where it began
    """

    params: HestonParams
    quotes: Quotes
    volatility: np.ndarray
    iterations: int
    condition: float
    at_bound: tuple[str, ...]
    status: FitStatus
    start: HestonParams

    @property
    def squared_errors(self) -> float:
        """Sum over the usable quotes, in squared volatility points."""
        return float(np.nansum(self.errors**2))


class HestonSettings(TypedDict, total=False):
    """Keywords of :func:`calibrate_heston`."""

    weights: str
    feller: bool
    prior: HestonStart | None
    nodes: int
    most: int


@overload
def calibrate_heston(
    quotes: Quotes, start: HestonStart | HestonParams | None = ..., **settings: Unpack[HestonSettings]
) -> HestonFit: ...


@overload
def calibrate_heston(
    quotes: Sequence[Quotes],
    start: HestonStart | HestonParams | None = ...,
    **settings: Unpack[HestonSettings],
) -> list[HestonFit]: ...


def calibrate_heston(
    quotes: Quotes | Sequence[Quotes],
    start: HestonStart | HestonParams | None = None,
    *,
    weights: str = "volatility",
    feller: bool = False,
    prior: HestonStart | None = None,
    nodes: int = 64,
    most: int = 100,
) -> HestonFit | list[HestonFit]:
    """Least-squares calibration of Heston's model to implied volatilities.

    Minimises ``sum(weight^2 (model - quoted)^2)`` over the logarithms of the parameters and ``rho``, bent to stay
    inside :data:`LOWER` and :data:`UPPER`, by Levenberg-Marquardt with exact derivatives of the Fourier integral (as
    Cui, del Bano Rollin and Germano 2017, who fit prices).

    Parameters
    ----------
    quotes : one surface, or many
    start : from :func:`heston_start`, or parameters, for all surfaces or one each; read from the quotes if left out
    weights : of the errors: "volatility" (all alike), "vega" (errors in price) or "spread" (in half-spreads)
    feller : keep ``2 kappa theta >= sigma^2``
    prior : what to stay near to, each parameter as strongly as its spread is narrow, against a noise of one
        volatility point a quote; from :func:`heston_start`
    nodes : of the Fourier integral of each maturity; 64 leave errors of a few 1e-5 volatility points
    most : iterations at most

    Returns
    -------
    A :class:`HestonFit` for one surface, a list of them for a list

    Raises
    ------
    DataError
        If a single surface has fewer usable quotes than parameters and there is no prior, or starts and surfaces
        are not equally many. In a list such a surface keeps its start, and its status says so.

    Examples
    --------
    >>> from riskengine import options
    >>> true = options.HestonParams(v0=0.04, kappa=2.0, theta=0.06, sigma=0.5, rho=-0.7)
    >>> t, k = np.repeat([0.25, 1.0, 2.0], 5), np.tile([80.0, 90.0, 100.0, 110.0, 120.0], 3)
    >>> price = options.heston_price(true, 100.0, k, t)
    >>> fit = calibrate_heston(options.Quotes.of_prices(k, t, price, spot=100.0))
    >>> [round(float(leaf), 3) for leaf in fit.params], str(fit.status)
    ([0.04, 2.0, 0.06, 0.5, -0.7], 'ok')
    """
    surfaces = as_list(quotes)
    if nodes < 16 or most < 1:
        raise SettingsError("a calibration takes at least 16 nodes and one iteration")
    if isinstance(quotes, Quotes) and prior is None:
        _check_enough(quotes)
    first = _starts(start, surfaces)
    u = to_coordinates(first, feller)
    centre, pull = (u, np.zeros_like(u)) if prior is None else _pull(prior, len(surfaces), feller)
    grid = stack(surfaces, weights)
    solution, params = _solved(Task(grid.surface, u, centre, pull), feller, nodes, most)
    fits = [
        _fit(k, one, grid, solution, params, first, feller, prior is not None)
        for k, one in enumerate(surfaces)
    ]
    return fits[0] if isinstance(quotes, Quotes) else fits


def _check_enough(quotes: Quotes) -> None:
    usable, needed = int(quotes.usable.sum()), len(HestonParams._fields)
    if usable < needed:
        raise DataError(
            f"{quotes.name or 'the surface'} has {usable} usable quote(s) for {needed} parameters "
            f"({quotes.counts()}): add quotes, or give a prior"
        )


def _pull(prior: HestonStart, surfaces: int, feller: bool) -> tuple[np.ndarray, np.ndarray]:
    """Centre and inverse standard deviation of the coordinates ``(surfaces, 5)``."""
    centre, spread = (
        HestonParams(*(aligned(leaf, surfaces) for leaf in p)) for p in (prior.params, prior.spread)
    )
    return to_coordinates(centre, feller), 1 / np.maximum(np.stack(spread, axis=-1), 1e-6)


def _solved(tasks: Task, feller: bool, nodes: int, most: int) -> tuple[LeastSquaresResult, HestonParams]:
    """Solutions and parameters of all surfaces, block by block."""
    with jax.enable_x64(True):
        cpu = jax.default_backend() == "cpu"
        size = BLOCK if cpu else ACCELERATOR_BLOCK
        parts = [
            solve(block, feller, nodes, most, None if cpu else size)
            for block in blocks(tasks, len(tasks.start), size)
        ]
        joined = (
            np.concatenate([np.asarray(leaf) for leaf in leaves]) for leaves in zip(*parts, strict=True)
        )
        solution = LeastSquaresResult(*joined)
        found = jax.vmap(partial(from_coordinates, feller=feller))(solution.u)
        return solution, HestonParams(*(np.asarray(leaf) for leaf in found))


def _fit(
    k: int,
    quotes: Quotes,
    grid: StackedSurfaces,
    solution: LeastSquaresResult,
    params: HestonParams,
    first: HestonParams,
    feller: bool,
    has_prior: bool,
) -> HestonFit:
    """The fit of surface ``k``; its start where there are too few quotes."""
    mine, began = (HestonParams(*(float(leaf[k]) for leaf in p)) for p in (params, first))
    edges = tuple(
        name for name, near in zip(mine._fields, at_edge(solution.u[k], feller), strict=True) if near
    )
    condition = condition_number(solution.jacobian[k])
    enough = has_prior or len(grid.places[k][0]) >= len(mine)
    return HestonFit(
        mine if enough else began,
        quotes,
        _fitted(k, quotes, grid, solution.residual[k]),
        int(solution.iterations[k]),
        condition,
        edges,
        _status(int(solution.status[k]), enough, bool(edges), condition),
        began,
    )


def _fitted(k: int, quotes: Quotes, grid: StackedSurfaces, residual: np.ndarray) -> np.ndarray:
    """The model's volatilities (quotes,) from the residuals of surface ``k``."""
    which, row, column = grid.places[k]
    volatility = np.full(len(quotes), np.nan)
    at = row * grid.surface.x.shape[2] + column
    volatility[which] = quotes.volatility[which] + residual[at] / grid.surface.weight[k, row, column]
    return volatility


BLOCK, ACCELERATOR_BLOCK = 4, 256
"""Surfaces a call: on processors one after the other, on accelerators side by side."""
ILL_POSED = 1e4
"""Condition number above which other parameters fit as well."""


def _status(ended: int, enough: bool, bound: bool, condition: float) -> FitStatus:
    if not enough:
        return FitStatus.TOO_FEW
    if ended == OUT_OF_STEPS:
        return FitStatus.NOT_CONVERGED
    if bound:
        return FitStatus.AT_BOUND
    if condition > ILL_POSED:
        return FitStatus.ILL_POSED
    return FitStatus.OK if ended == CONVERGED else FitStatus.NOT_CONVERGED


def at_edge(u: np.ndarray, feller: bool = False) -> np.ndarray:
    """Which coordinates ``(5,)`` are within a two-hundredth of an edge."""
    low, high = (np.array([*np.log(edge[:4]), edge[4]]) for edge in (LOWER, UPPER))
    if feller:
        low[3], high[3] = np.log(SHARE), 0.0
    share = 1 / (1 + np.exp(-np.clip(4 * (u - (low + high) / 2) / (high - low), -500, 500)))
    return np.minimum(share, 1 - share) < 0.005


def heston_guess(quotes: Quotes) -> HestonParams:
    """A start read from the quotes: variances nearest the money of the first and the last maturity, the rest fixed."""
    usable = np.flatnonzero(quotes.usable)
    if not len(usable):
        return HestonParams(0.04, 2.0, 0.04, 0.5, -0.5)
    x, t = np.abs(np.log(quotes.strike / quotes.forward)), quotes.maturity
    v = []
    for maturity in (t[usable].min(), t[usable].max()):
        rows = usable[t[usable] == maturity]
        v.append(float(np.clip(quotes.volatility[rows[np.argmin(x[rows])]] ** 2, 1e-4, 2.0)))
    return HestonParams(v[0], 2.0, v[1], 0.5, -0.5)


def _starts(start: HestonStart | HestonParams | None, surfaces: Sequence[Quotes]) -> HestonParams:
    """Leaves ``(surfaces,)``."""
    if start is None:
        guesses = [heston_guess(one) for one in surfaces]
        return HestonParams(*(np.array(leaf) for leaf in zip(*guesses, strict=True)))
    params = check_heston(start.params if isinstance(start, HestonStart) else start)
    return HestonParams(*(aligned(leaf, len(surfaces)) for leaf in params))
