"""Column generation (Dantzig and Wolfe 1960): large problems solved through small ones.

Most assets of a long-only portfolio are not held, so they are left out, and that is then checked. A problem over some
of the assets is solved; its dual values price the others. An asset whose marginal value says that the goal would fall
if it were bought comes in, and the problem is solved again, until none is left: that is optimal for all of them. The
cost of a dense problem grows with the cube of its assets, so solving one of a hundred a few times is far cheaper than
one of a thousand.
"""

from __future__ import annotations

from collections.abc import Callable

import cvxpy as cp
import numpy as np

from riskengine.portfolio.compiled_problem import CompiledProblem, SolverAnswer
from riskengine.portfolio.objective import Objective
from riskengine.portfolio.problem_data import ProblemData

Array = np.ndarray

SIZES = (128, 192, 256, 384, 512)
"""Assets of the small problems, each compiled when it is first needed."""
TOLERANCE = 1e-7
"""Marginal value, in the goal's unit, below zero by which an asset comes in."""
_HELD = 1e-7
_ROUNDS = 25
_ROOM = 1.5  # places of the first small problem over the assets that it must hold
_LARGEST = 0.6  # of all assets, in a small problem: above, the whole one costs less than two of them


def can_pay(objective: Objective, factors: int, data: ProblemData, sizes: tuple[int, ...] = SIZES) -> bool:
    """Whether leaving assets out can pay: many, most of them free to be zero, and risk dense or cones about."""
    n = len(data.linear_term)
    if not objective.column_generation or not sizes:
        return False
    if {"lower", "upper"} & set(data.state.constraints.soft):  # zero is then no bound to rest at
        return False
    cones = objective.risk_term == "volatility" or bool(data.impact.any())
    dense = objective.risk_term == "none" or factors > n // 4
    return (dense or cones) and n > 2 * sizes[0] and int(np.sum(_needed(data))) <= n // 4


def solve_by_columns(
    objective: Objective,
    problem: Callable[[int], CompiledProblem],
    data: ProblemData,
    solver: str,
    sizes: tuple[int, ...] = SIZES,
) -> SolverAnswer | None:
    """An answer with the weights of all assets ``(assets,)``; None if it is better to solve the whole problem.

    Parameters
    ----------
    objective : of the problem
    problem : the compiled problem of so many assets
    data : what to fill it with
    solver : name
    sizes : of the small problems, rising
    """
    n, needed = len(data.linear_term), _needed(data)
    allowed = data.state.tradable & (data.state.upper > 0)
    chosen, seconds = needed.copy(), 0.0
    size = next((size for size in sizes if size >= _ROOM * chosen.sum()), None)
    if size is None or size > _LARGEST * n:
        return None
    _add(chosen, objective.ranking(data, _held(data)), allowed, size)
    for _ in range(_ROUNDS):
        index = np.flatnonzero(chosen)
        small = problem(size)
        small.fill(data, index)
        try:
            answer = small.solve(solver)
        except cp.SolverError:
            return None
        seconds += answer.seconds
        if answer.status != "optimal":
            return None  # infeasible perhaps only for want of assets: the whole problem decides
        weights = np.zeros(n)
        weights[index] = answer.weights[: len(index)]
        margin = np.where(allowed & ~chosen, small.marginal(data, weights, answer.scale), np.inf)
        if margin.min() >= -TOLERANCE:
            return answer._replace(weights=weights, seconds=seconds)
        chosen = needed | (chosen & (np.abs(weights) > _HELD))
        worth = int(np.sum(margin < -TOLERANCE))
        while chosen.sum() + min(worth, 16) > size:
            size = next((other for other in sizes if other > size), n)
            if size > _LARGEST * n:
                return None
        _add(chosen, np.argsort(margin, kind="stable"), allowed, size)
    return None


def _needed(data: ProblemData) -> Array:
    """Assets that cannot be left out at zero: held, or bounded away from it, or free to be short."""
    state = data.state
    return state.tradable & ((state.previous != 0) | (state.lower != 0) | (state.upper < 0))


def _held(data: ProblemData) -> Array:
    """What is held, or equal weights if that is nothing."""
    state = data.state
    return state.previous if state.previous.any() else state.tradable / state.tradable.sum()


def _add(chosen: Array, order: Array, allowed: Array, size: int) -> None:
    """Fill up to ``size`` with the first of the order."""
    fresh = order[allowed[order] & ~chosen[order]]
    chosen[fresh[: size - int(chosen.sum())]] = True
