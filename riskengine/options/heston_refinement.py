"""Least-squares solutions, Heston's and Bates's, that hold when priced again: with more nodes or starts if need be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from riskengine.options.black import implied_volatility
from riskengine.options.fit_quality import FitQuality, fit_quality
from riskengine.options.heston import NODES, converged_calls
from riskengine.options.heston_least_squares import Task, parameters, solved
from riskengine.options.heston_starts import further_starts, thinned
from riskengine.options.least_squares import CONVERGED, LeastSquaresResult
from riskengine.options.quotes import Quotes
from riskengine.options.surface import LEAST, StackedSurfaces, stack, weights_of

Array = np.ndarray
AGREES = (1e-6, 1e-3)
"""Root mean squared difference of the solver's volatilities from the converged ones, in all and as a share of the
fit's error, below which a solution holds."""
EXACT = 5e-4
"""Root mean squared error in volatility points below which no other start is tried."""
LARGE = 0.03
"""Error as a share of the quoted volatility from which on other starts are tried."""
FELLER = (0.1, 10.0)
"""Feller ratios outside which other starts are tried."""
TRIAL_NODES = 256


@dataclass(eq=False)
class HestonSolution:
    """A solution of one surface, priced again at its end.

    Attributes
    ----------
    u : (unknowns,) coordinates
    params : their parameters, scalars
    jacobian : of the weighted residuals
    volatility : (quotes,) of the model by converged quadrature; NaN where a quote is not usable
    quality : of that
    cost : sum of the squared weighted residuals by converged quadrature, and of the prior's
    ended : how the solver ended
    iterations : of all solutions that led here
    nodes : of the last one
    moved : whether the first nodes were too few
    starts : tried
    """

    u: Array
    params: Any
    jacobian: Array
    volatility: Array
    quality: FitQuality
    cost: float
    ended: int
    iterations: int
    nodes: int
    moved: bool = False
    starts: int = 1


def refined(
    surfaces: Sequence[Quotes], grid: StackedSurfaces, tasks: Task, space: Any, nodes: int, most: int
) -> list[HestonSolution]:
    """Solve, price again at each solution with converged quadrature, and solve on with more nodes where they differ."""
    found: list[HestonSolution | None] = [None] * len(surfaces)
    open_ = np.arange(len(surfaces))
    for count in (nodes, *(more for more in NODES if more > nodes)):
        part = jax.tree.map(lambda leaf: leaf[open_], tasks)  # noqa: B023  (called at once)
        solution = solved(part, space, count, most)
        params = parameters(solution.u, space)
        left = []
        for place, k in enumerate(open_):
            now, holds = _judged(surfaces[int(k)], grid, int(k), part, solution, params, place, count)
            before = found[k]
            if before is not None:
                now.iterations += before.iterations
                now.moved = True
            found[k] = now
            if not holds:
                left.append(k)
                tasks.start[k] = now.u
        open_ = np.array(left, int)
        if not len(open_):
            break
    return [one for one in found if one is not None]


def _judged(
    quotes: Quotes,
    grid: StackedSurfaces,
    k: int,
    part: Task,
    solution: LeastSquaresResult,
    found: Any,
    place: int,
    nodes: int,
) -> tuple[HestonSolution, bool]:
    """One solution priced again, and whether the solver's own volatilities were those."""
    u = solution.u[place]
    params = type(found)(*(float(leaf[place]) for leaf in found))
    volatility = converged_volatility(params, quotes)
    which, row, column = grid.places[k]
    at, weight = row * grid.surface.x.shape[2] + column, grid.surface.weight[k, row, column]
    error = volatility[which] - quotes.volatility[which]
    apart = solution.residual[place][at] / weight - error
    pull = part.pull[place] * (u - part.centre[place])
    now = HestonSolution(
        u,
        params,
        solution.jacobian[place],
        volatility,
        fit_quality(quotes, volatility),
        float(np.sum((weight * error) ** 2) + np.sum(pull**2)),
        int(solution.status[place]),
        int(solution.iterations[place]),
        nodes,
    )
    if not len(which):
        return now, True
    size, off = (float(np.sqrt(np.mean(values**2))) for values in (error, apart))
    return now, off <= AGREES[0] + AGREES[1] * size


def converged_volatility(params: Any, quotes: Quotes) -> Array:
    """The model's implied volatilities at the usable quotes ``(quotes,)``, by quadrature that stands still.

    A time value that double precision cannot tell counts as :data:`LEAST`, as in the solver.
    """
    rows = np.flatnonzero(quotes.usable)
    volatility = np.full(len(quotes), np.nan)
    if not len(rows):
        return volatility
    maturity, which = np.unique(quotes.maturity[rows], return_inverse=True)
    curves = np.column_stack([maturity, *(np.full(len(maturity), leaf) for leaf in params)])
    x = np.log(quotes.strike[rows] / quotes.forward[rows])
    call = converged_calls(type(params), curves, which, x, None)
    out = np.maximum(np.where(x < 0, call - 1 + np.exp(x), call), LEAST)
    kind = np.where(x < 0, "put", "call")
    volatility[rows] = implied_volatility(out, 1.0, np.exp(x), quotes.maturity[rows], kind)
    return volatility


def improved(
    found: list[HestonSolution],
    surfaces: Sequence[Quotes],
    weights: str,
    centre: Array,
    pull: Array,
    space: Any,
    most: int,
    all_of_them: bool,
) -> None:
    """Try further starts where a solution is doubtful, and keep what fits better; ``found`` is changed.

    The starts are tried on a thinned surface; the best two that beat the solution there are solved in full.
    """
    for k, one in enumerate(found):
        if len(surfaces[k].volatility[surfaces[k].usable]) < len(one.u) and not pull[k].any():
            continue
        if not (all_of_them or doubtful(one, space)):
            continue
        candidates = _candidates(one, surfaces[k], weights, centre[k], pull[k], space, most)
        one.starts = 1 + len(further_starts(surfaces[k]).v0)
        if not len(candidates):
            continue
        n = len(candidates)
        grid = stack([surfaces[k]] * n, weights)
        task = Task(grid.surface, candidates, np.tile(centre[k], (n, 1)), np.tile(pull[k], (n, 1)))
        others = refined([surfaces[k]] * n, grid, task, space, TRIAL_NODES, most)
        best = min([one, *others], key=lambda end: end.cost)
        best.iterations = sum(end.iterations for end in (one, *others))
        best.starts, best.moved = one.starts, one.moved
        found[k] = best


def doubtful(one: HestonSolution, space: Any) -> bool:
    """Whether another start may end lower: by how it ended, its error, its place, and its quadrature."""
    if one.quality.rmse < EXACT:
        return False
    ratio = float(one.params.feller)
    level = 100 * float(np.nanmean(one.volatility))
    return bool(
        one.ended != CONVERGED
        or one.quality.poor
        or one.quality.rmse > LARGE * level
        or (one.moved and one.nodes > TRIAL_NODES)
        or space.at_edge(one.u).any()
        or not FELLER[0] <= ratio <= FELLER[1]
    )


def _candidates(
    one: HestonSolution, quotes: Quotes, weights: str, centre: Array, pull: Array, space: Any, most: int
) -> Array:
    """Coordinates ``(at most 2, 5)`` of what beats the solution on a thinned surface."""
    thin = thinned(quotes)
    u = np.concatenate([one.u[None], space.coordinates(further_starts(quotes))])
    grid = stack([thin], weights)
    share = np.sqrt(np.sum(weights_of(quotes, weights) ** 2) / max(np.sum(grid.surface.weight**2), 1e-300))
    surface = grid.surface._replace(weight=grid.surface.weight * share)
    many = jax.tree.map(lambda leaf: np.repeat(leaf, len(u), axis=0), surface)
    rows = (len(u), 1)
    solution = solved(Task(many, u, np.tile(centre, rows), np.tile(pull, rows)), space, TRIAL_NODES, most)
    cost = np.sum(solution.residual**2, axis=1)
    order = [k for k in np.argsort(cost[1:], kind="stable") + 1 if cost[k] < cost[0] * (1 - 1e-3)]
    kept: list[int] = []
    for k in order:
        if all(np.max(np.abs(solution.u[k] - solution.u[j])) > 0.05 for j in kept):
            kept.append(int(k))
    return solution.u[kept[:2]]
