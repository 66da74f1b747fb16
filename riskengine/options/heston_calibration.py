"""Calibration of Heston's model to quotes, many surfaces at once, that knows the error of what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack, overload

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.options.fit_quality import FitQuality
from riskengine.options.garch_start import HestonStart
from riskengine.options.heston import HestonParams
from riskengine.options.heston_coordinates import HestonSpace
from riskengine.options.heston_least_squares import Task
from riskengine.options.heston_refinement import HestonSolution, improved, refined
from riskengine.options.heston_starts import first_starts
from riskengine.options.least_squares import CONVERGED, OUT_OF_STEPS
from riskengine.options.quotes import Quotes
from riskengine.options.surface import (
    FitStatus,
    VolatilityErrors,
    aligned,
    as_list,
    condition_number,
    stack,
)
from riskengine.options.volatility_form import LOGNORMAL


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
    quality : errors against bid and ask and at the money, and what is poor
    nodes : of the quadrature that the solution was found with
    starts : that were tried
    """

    params: HestonParams
    quotes: Quotes
    volatility: np.ndarray
    iterations: int
    condition: float
    at_bound: tuple[str, ...]
    status: FitStatus
    start: HestonParams
    quality: FitQuality
    nodes: int
    starts: int

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
    several: bool | None


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
    several: bool | None = None,
) -> HestonFit | list[HestonFit]:
    """Least-squares calibration of Heston's model to implied volatilities.

    Minimises ``sum(weight^2 (model - quoted)^2)`` over the logarithms of the parameters and ``rho``, bent to stay
    inside their edges, by Levenberg-Marquardt with exact derivatives of the Fourier integral (as
    Cui, del Bano Rollin and Germano 2017, who fit prices).

    Parameters
    ----------
    quotes : one surface, or many
    start : from :func:`heston_start`, or parameters, for all surfaces or one each; read from the quotes if left out
    weights : of the errors: "volatility" (all alike), "vega" (errors in price) or "spread" (in half-spreads)
    feller : keep ``2 kappa theta >= sigma^2``
    prior : what to stay near to, each parameter as strongly as its spread is narrow, against a noise of one
        volatility point a quote; from :func:`heston_start`
    nodes : of the Fourier integral of each maturity at first; at the solution quotes are priced again with as many as
        it takes, and where that differs the fit is refined with more
    most : iterations at most
    several : whether to try further starts: always, never, or where the first fit is doubtful if None

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
    if any(one.form != LOGNORMAL for one in surfaces):
        raise DataError("Heston's asset is positive: quotes with a shift or normal volatilities are for SABR")
    if nodes < 16 or most < 1:
        raise SettingsError("a calibration takes at least 16 nodes and one iteration")
    if isinstance(quotes, Quotes) and prior is None:
        _check_enough(quotes)
    first, space = first_starts(start, surfaces), HestonSpace(feller)
    u = space.coordinates(first)
    centre, pull = (u, np.zeros_like(u)) if prior is None else _pull(prior, len(surfaces), space)
    grid = stack(surfaces, weights)
    found = refined(surfaces, grid, Task(grid.surface, u, centre, pull), space, nodes, most)
    if several is not False:
        improved(found, surfaces, weights, centre, pull, space, most, all_of_them=several is True)
    fits = [
        _fit(one, ended, HestonParams(*(float(leaf[k]) for leaf in first)), space, prior is not None)
        for k, (one, ended) in enumerate(zip(surfaces, found, strict=True))
    ]
    return fits[0] if isinstance(quotes, Quotes) else fits


def _check_enough(quotes: Quotes) -> None:
    usable, needed = int(quotes.usable.sum()), len(HestonParams._fields)
    if usable < needed:
        raise DataError(
            f"{quotes.name or 'the surface'} has {usable} usable quote(s) for {needed} parameters "
            f"({quotes.counts()}): add quotes, or give a prior"
        )


def _pull(prior: HestonStart, surfaces: int, space: HestonSpace) -> tuple[np.ndarray, np.ndarray]:
    """Centre and inverse standard deviation of the coordinates ``(surfaces, 5)``."""
    centre, spread = (
        HestonParams(*(aligned(leaf, surfaces) for leaf in p)) for p in (prior.params, prior.spread)
    )
    return space.coordinates(centre), 1 / np.maximum(np.stack(spread, axis=-1), 1e-6)


def _fit(
    quotes: Quotes, ended: HestonSolution, began: HestonParams, space: HestonSpace, has_prior: bool
) -> HestonFit:
    """The fit of one surface; its start where there are too few quotes."""
    enough = has_prior or int(quotes.usable.sum()) >= len(began)
    edges = tuple(name for name, near in zip(began._fields, space.at_edge(ended.u), strict=True) if near)
    condition = condition_number(ended.jacobian)
    return HestonFit(
        ended.params if enough else began,
        quotes,
        ended.volatility,
        ended.iterations,
        condition,
        edges,
        fit_status(ended, enough, bool(edges), condition),
        began,
        ended.quality,
        ended.nodes,
        ended.starts,
    )


ILL_POSED = 1e4
"""Condition number above which other parameters fit as well."""


def fit_status(ended: HestonSolution, enough: bool, bound: bool, condition: float) -> FitStatus:
    """What to think of a solution: too few quotes first, then how it ended, then what it is worth."""
    if not enough:
        return FitStatus.TOO_FEW
    if ended.ended == OUT_OF_STEPS:
        return FitStatus.NOT_CONVERGED
    if ended.quality.poor:
        return FitStatus.POOR_FIT
    if bound:
        return FitStatus.AT_BOUND
    if condition > ILL_POSED:
        return FitStatus.ILL_POSED
    return FitStatus.OK if ended.ended == CONVERGED else FitStatus.NOT_CONVERGED
