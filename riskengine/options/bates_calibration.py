"""Calibration of Bates's model: from the Heston fit of the same quotes, with jumps of several shapes added."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.bates import BatesParams
from riskengine.options.fit_quality import FitQuality
from riskengine.options.heston_calibration import HestonFit, calibrate_heston, fit_status
from riskengine.options.heston_coordinates import HestonSpace, between, unbent
from riskengine.options.heston_least_squares import Task, solved
from riskengine.options.heston_refinement import TRIAL_NODES, refined
from riskengine.options.heston_starts import thinned
from riskengine.options.quotes import Quotes
from riskengine.options.surface import FitStatus, VolatilityErrors, condition_number, stack

JUMPS = ((0.3, -0.15, 0.15), (2.0, -0.05, 0.05), (0.1, -0.4, 0.2), (1.0, 0.02, 0.1))
"""Intensity, mean and deviation of the jumps that are added to the Heston fit, each a start."""
LOWER, UPPER = (1e-3, -1.0, 0.002), (30.0, 0.6, 0.8)
"""Edges of the jumps' parameters."""


@dataclass(frozen=True)
class BatesSpace:
    """Coordinates of a calibration: Heston's, log intensity, mean, and log deviation, bent to stay inside the edges.

    Parameters
    ----------
    feller : as in :class:`HestonSpace`
    """

    feller: bool = False

    @property
    def heston(self) -> HestonSpace:
        """Of the first five."""
        return HestonSpace(self.feller)

    def params(self, u: Array) -> BatesParams:
        """Parameters of coordinates ``(8,)``."""
        low, high = _edges()
        jumps = [between(u[5 + k], jnp.asarray(low[k]), jnp.asarray(high[k])) for k in range(3)]
        return BatesParams(*self.heston.params(u[:5]), jnp.exp(jumps[0]), jumps[1], jnp.exp(jumps[2]))

    def coordinates(self, params: BatesParams) -> np.ndarray:
        """Inverse, leaves ``(surfaces,)`` to ``(surfaces, 8)``."""
        low, high = _edges()
        seen = (np.log(params.intensity), np.asarray(params.jump_mean), np.log(params.jump_deviation))
        jumps = [unbent(value, low[k], high[k]) for k, value in enumerate(seen)]
        return np.concatenate([self.heston.coordinates(params.heston), np.stack(jumps, axis=-1)], axis=-1)

    def at_edge(self, u: np.ndarray) -> np.ndarray:
        """Which coordinates are within a two-hundredth of an edge."""
        low, high = (np.array(edge) for edge in _edges())
        share = 1 / (1 + np.exp(-np.clip(4 * (u[5:] - (low + high) / 2) / (high - low), -500, 500)))
        return np.append(self.heston.at_edge(u[:5]), np.minimum(share, 1 - share) < 0.005)


def _edges() -> tuple[tuple[float, ...], ...]:
    return tuple((float(np.log(edge[0])), edge[1], float(np.log(edge[2]))) for edge in (LOWER, UPPER))


@dataclass(frozen=True, eq=False)
class BatesFit(VolatilityErrors):
    """Bates's model for one surface.

    Attributes
    ----------
    params : scalars
    quotes : that it was fitted to
    volatility : (quotes,) of the model by converged quadrature; NaN where the quote was not usable
    iterations : evaluations of all quotes with derivatives
    condition : condition number of the derivatives by the coordinates
    at_bound : names of parameters on an edge
    status : what to think of it
    quality : errors against bid and ask and at the money, and what is poor
    nodes : of the quadrature that the solution was found with
    """

    params: BatesParams
    quotes: Quotes
    volatility: np.ndarray
    iterations: int
    condition: float
    at_bound: tuple[str, ...]
    status: FitStatus
    quality: FitQuality
    nodes: int


def calibrate_bates(
    quotes: Quotes,
    heston: HestonFit | None = None,
    *,
    weights: str = "volatility",
    feller: bool = False,
    most: int = 100,
) -> BatesFit:
    """Least-squares calibration of Bates's (1996) model to implied volatilities, as :func:`calibrate_heston`.

    Every shape of :data:`JUMPS` is added to the Heston fit and tried on a thinned surface; the best is solved in full,
    and refined until its quadrature holds.

    Parameters
    ----------
    quotes : one surface
    heston : the fit to start from; made if left out
    weights, feller, most : as in :func:`calibrate_heston`

    Raises
    ------
    DataError
        If there are fewer usable quotes than eight parameters.

    Examples
    --------
    >>> from riskengine import options
    >>> true = options.BatesParams(0.03, 3.0, 0.05, 0.4, -0.6, 0.8, -0.12, 0.1)
    >>> t, k = np.repeat([0.1, 0.5, 1.5], 7), np.tile(np.linspace(70.0, 130.0, 7), 3)
    >>> price = options.bates_price(true, 100.0, k, t, kind=np.where(k > 100, "call", "put"))
    >>> kind = np.where(k > 100, "call", "put")
    >>> fit = calibrate_bates(options.Quotes.of_prices(k, t, price, kind, spot=100.0))
    >>> bool(fit.rmse < 0.01), str(fit.status)
    (True, 'ok')
    """
    usable, needed = int(quotes.usable.sum()), len(BatesParams._fields)
    if usable < needed:
        raise DataError(
            f"{usable} usable quote(s) do not tell the {needed} parameters of Bates's model: add quotes"
        )
    began = heston or calibrate_heston(quotes, weights=weights, feller=feller)
    space = BatesSpace(feller)
    first = _best_start(quotes, began, weights, space, most)
    grid = stack([quotes], weights)
    nothing = np.zeros_like(first)
    (ended,) = refined([quotes], grid, Task(grid.surface, first, first, nothing), space, TRIAL_NODES, most)
    edges = tuple(
        name for name, near in zip(BatesParams._fields, space.at_edge(ended.u), strict=True) if near
    )
    condition = condition_number(ended.jacobian[: -len(ended.u)])
    return BatesFit(
        ended.params,
        quotes,
        ended.volatility,
        ended.iterations,
        condition,
        edges,
        fit_status(ended, True, bool(edges), condition),
        ended.quality,
        ended.nodes,
    )


def _best_start(quotes: Quotes, heston: HestonFit, weights: str, space: BatesSpace, most: int) -> np.ndarray:
    """Coordinates ``(1, 8)`` of the best solution on a thinned surface."""
    n, jumps = len(JUMPS), np.array(JUMPS).T
    starts = BatesParams(*(np.full(n, leaf) for leaf in heston.params), *jumps)
    u = space.coordinates(starts)
    grid = stack([thinned(quotes)], weights)
    many = jax.tree.map(lambda leaf: np.repeat(leaf, n, axis=0), grid.surface)
    solution = solved(Task(many, u, u, np.zeros_like(u)), space, TRIAL_NODES, most)
    cost = np.where(np.isfinite(solution.residual).all(axis=1), np.sum(solution.residual**2, axis=1), np.inf)
    return solution.u[[int(np.argmin(cost))]]
