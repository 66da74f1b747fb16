"""Large problems through small ones: most assets of a long-only portfolio are not held, so leave them out and check.

A problem over some of the assets is solved; then its dual values price the others. An asset whose marginal
value says that the goal would fall if it were bought comes in, and the problem is solved again, until none
is left: that is optimal for all of them (column generation: Dantzig and Wolfe 1960). The cost of a dense
problem grows with the cube of its assets, so solving one of a hundred a few times is far cheaper than one
of a thousand.
"""

from __future__ import annotations

from collections.abc import Callable

import cvxpy as cp
import numpy as np

from riskengine.portfolio.day import Day
from riskengine.portfolio.objectives import (
    MinimumCvar,
    MinimumVariance,
    Objective,
    RiskBudgeting,
    TargetVolatility,
)
from riskengine.portfolio.program import Answer, Program

Array = np.ndarray

SIZES = (128, 256, 512)
"""Slots of the small problems, each compiled when it is first needed."""
TOLERANCE = 1e-7
"""Marginal value, in the goal's unit, below zero by which an asset comes in."""
_HELD = 1e-7
_ROUNDS = 25


def sifts(objective: Objective, factors: int, day: Day) -> bool:
    """Whether leaving assets out can pay: many, most of them free to be zero, and risk dense or cones about."""
    n = len(day.reward)
    if isinstance(objective, RiskBudgeting):  # holds everything
        return False
    if {"lower", "upper"} & set(day.today.constraints.soft):  # zero is then no bound to rest at
        return False
    cones = isinstance(objective, TargetVolatility) or bool(day.impact.any())
    dense = isinstance(objective, MinimumCvar) or factors > n // 4
    return (dense or cones) and n > 2 * SIZES[0] and int(np.sum(_needed(day))) <= n // 4


def sift(objective: Objective, program: Callable[[int], Program], day: Day, solver: str) -> Answer | None:
    """An answer with the weights of all assets ``(assets,)``; None if it is better not to sift.

    Parameters
    ----------
    objective : of the problem
    program : makes or finds the program of so many slots
    day : what to fill it with
    solver : name
    """
    n, needed = len(day.reward), _needed(day)
    allowed = day.today.tradable & (day.today.upper > 0)
    order = _first_ranking(objective, day)
    chosen, seconds = needed.copy(), 0.0
    size = next((size for size in SIZES if size >= 2 * chosen.sum()), None)
    if size is None or size > n // 2:
        return None
    _add(chosen, order, allowed, size)
    for _ in range(_ROUNDS):
        pick = np.flatnonzero(chosen)
        one = program(size)
        one.fill(day, pick)
        try:
            answer = one.solve(solver)
        except cp.SolverError:
            return None
        seconds += answer.seconds
        if answer.status != "optimal":
            return None  # infeasible perhaps only for want of assets: the whole problem decides
        weights = np.zeros(n)
        weights[pick] = answer.weights[: len(pick)]
        margin = np.where(allowed & ~chosen, one.marginal(day, weights, answer.scale), np.inf)
        if margin.min() >= -TOLERANCE:
            return answer._replace(weights=weights, seconds=seconds)
        chosen = needed | (chosen & (np.abs(weights) > _HELD))
        worth = int(np.sum(margin < -TOLERANCE))
        while chosen.sum() + min(worth, 16) > size:
            size = next((other for other in SIZES if other > size), n)
            if size > n // 2:
                return None
        _add(chosen, np.argsort(margin, kind="stable"), allowed, size)
    return None


def _needed(day: Day) -> Array:
    """Assets that cannot be left out at zero: held, or bounded away from it, or free to be short."""
    today = day.today
    return today.tradable & ((today.previous != 0) | (today.lower != 0) | (today.upper < 0))


def _add(chosen: Array, order: Array, allowed: Array, size: int) -> None:
    """Fill up to ``size`` with the first of the order."""
    fresh = order[allowed[order] & ~chosen[order]]
    chosen[fresh[: size - int(chosen.sum())]] = True


def _first_ranking(objective: Objective, day: Day) -> Array:
    """Assets in the order of their marginal value to what is held, or to equal weights."""
    held = day.today.previous if day.today.previous.any() else day.today.tradable / day.today.tradable.sum()
    if isinstance(objective, MinimumCvar):
        losses = -(day.scenarios @ held)
        tail = losses >= np.quantile(losses, objective.level)
        return np.argsort(-day.scenarios[tail].mean(axis=0), kind="stable")
    slope = day.risk.times(held) / day.risk.unit
    if isinstance(objective, MinimumVariance):
        return np.argsort(slope, kind="stable")
    gain, risk = float(day.reward @ held), float(slope @ held)
    balance = 2 * risk / gain if gain > 0 else 1.0
    return np.argsort(2 * slope - balance * day.reward, kind="stable")
