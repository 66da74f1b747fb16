"""Which limits clash when no portfolio satisfies them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cvxpy as cp
import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from riskengine.errors import listed

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class NamedConstraint:
    """One named limit on weights.

    Attributes
    ----------
    name : for messages
    rows, values : ``rows @ w <= values``, or ``=`` if ``equality``
    centre, size : with these, ``sum |w - centre| <= size`` instead
    factor : with this and ``size``, ``|factor.T @ w| <= size`` instead
    """

    name: str
    rows: Array
    values: Array
    equality: bool = False
    centre: Array | None = None
    size: float = 0.0
    factor: Array | None = None

    @classmethod
    def below(cls, name: str, rows: Array, values: Array) -> NamedConstraint:
        """``rows @ w <= values``."""
        return cls(name, rows, values)

    @classmethod
    def equal(cls, name: str, row: Array, value: float) -> NamedConstraint:
        """``row @ w = value``."""
        return cls(name, row[None], np.array([value]), equality=True)

    @classmethod
    def zero(cls, name: str, rows: Array) -> NamedConstraint:
        """``rows @ w = 0``."""
        return cls(name, rows, np.zeros(len(rows)), equality=True)

    @classmethod
    def distance(cls, name: str, centre: Array, size: float) -> NamedConstraint:
        """``sum |w - centre| <= size``: turnover, or leverage if the centre is zero."""
        nothing = np.zeros((0, len(centre)))
        return cls(name, nothing, np.zeros(0), centre=np.asarray(centre), size=size)

    @classmethod
    def volatility(cls, name: str, factor: Array, size: float) -> NamedConstraint:
        """``|factor.T @ w| <= size`` for a factor ``(assets, k)`` of the covariance."""
        return cls(name, np.zeros((0, len(factor))), np.zeros(0), size=size, factor=factor)


def clashing_limits(assets: int, limits: list[NamedConstraint]) -> tuple[str, ...]:
    """Names of an irreducible set of limits that no portfolio satisfies together; empty if there is none.

    The deletion filter of Chinneck and Dravnieks (1991): leave out one limit after the other, and put
    back those without which the rest becomes feasible.

    Examples
    --------
    >>> n = 3
    >>> cap = NamedConstraint.below("upper bound 0.2", np.eye(n), np.full(n, 0.2))
    >>> floor = NamedConstraint.below("lower bound 0", -np.eye(n), np.zeros(n))
    >>> clashing_limits(n, [NamedConstraint.equal("budget = 1", np.ones(n), 1.0), floor, cap])
    ('budget = 1', 'upper bound 0.2')
    """
    if feasible(assets, limits):
        return ()
    kept = list(limits)
    for limit in limits:
        without = [other for other in kept if other is not limit]
        if not feasible(assets, without):
            kept = without
    return tuple(limit.name for limit in kept)


def feasible(assets: int, limits: list[NamedConstraint]) -> bool:
    """Whether some portfolio satisfies all limits, by linear programming; a quadratic one for volatility."""
    if any(limit.factor is not None for limit in limits):
        return _feasible_in_cones(assets, limits)
    return _linear_program(assets, limits, None).status != 2


def least_distance(assets: int, limits: list[NamedConstraint], centre: Array) -> float | None:
    """Least ``sum |w - centre|`` of any portfolio that satisfies all limits; None if none does.

    Examples
    --------
    >>> cap = NamedConstraint.below("upper bound 0.4", np.eye(3), np.full(3, 0.4))
    >>> round(least_distance(3, [NamedConstraint.equal("budget = 1", np.ones(3), 1.0), cap], np.array([1.0, 0, 0])), 6)
    1.2
    """
    if any(limit.factor is not None for limit in limits):
        w = cp.Variable(assets)
        problem = cp.Problem(cp.Minimize(cp.norm1(w - centre)), _conic(w, limits))
        problem.solve(solver=cp.CLARABEL)
        return float(problem.value) if problem.status in cp.settings.SOLUTION_PRESENT else None
    found = _linear_program(assets, limits, centre)
    return float(found.fun) if found.status == 0 else None


def _linear_program(assets: int, limits: list[NamedConstraint], target: Array | None) -> Any:
    """Any portfolio that satisfies all limits; with a target the one nearest to it, in sums of absolute differences."""
    # Variables: weights, then for each distance the absolute differences that it bounds.
    distances = [limit for limit in limits if limit.centre is not None]
    if target is not None:
        distances.append(NamedConstraint.distance("target", target, np.inf))
    width = assets * (1 + len(distances))
    eye = sparse.eye_array(assets)
    upper_rows, upper_values, equal_rows, equal_values = [], [], [], []

    def padded(rows: Array, place: int | None = None, more: Array | None = None) -> Array:
        blocks = [rows] + [sparse.coo_array((rows.shape[0], assets))] * len(distances)
        if place is not None:
            blocks[1 + place] = more
        return sparse.hstack(blocks)

    for limit in limits:
        if limit.equality:
            equal_rows.append(padded(sparse.csr_array(limit.rows)))
            equal_values.append(limit.values)
        elif len(limit.rows):
            upper_rows.append(padded(sparse.csr_array(limit.rows)))
            upper_values.append(limit.values)
    for place, limit in enumerate(distances):
        centre = np.asarray(limit.centre)
        upper_rows += [padded(eye, place, -eye), padded(-eye, place, -eye)]
        upper_values += [centre, -centre]
        if np.isfinite(limit.size):
            ones = sparse.csr_array(np.ones((1, assets)))
            upper_rows.append(padded(sparse.csr_array((1, assets)), place, ones))
            upper_values.append(np.array([limit.size]))
    goal = np.zeros(width)
    if target is not None:
        goal[-assets:] = 1.0
    return linprog(
        goal,
        A_ub=sparse.vstack(upper_rows) if upper_rows else None,
        b_ub=np.concatenate(upper_values) + 1e-9 if upper_values else None,
        A_eq=sparse.vstack(equal_rows) if equal_rows else None,
        b_eq=np.concatenate(equal_values) if equal_values else None,
        bounds=[(None, None)] * assets + [(0, None)] * (width - assets),
        method="highs",
    )


def _feasible_in_cones(assets: int, limits: list[NamedConstraint]) -> bool:
    """The same where volatility is limited: the least multiple of its limit that the others leave."""
    w, multiple = cp.Variable(assets), cp.Variable()
    rest: list[cp.Constraint] = []
    for limit in limits:
        if limit.factor is not None:
            rest.append(cp.norm(limit.factor.T @ w) / limit.size <= multiple)
    rest += _conic(w, [limit for limit in limits if limit.factor is None])
    problem = cp.Problem(cp.Minimize(multiple), rest)
    problem.solve(solver=cp.CLARABEL)
    return bool(problem.status in cp.settings.SOLUTION_PRESENT and problem.value <= 1 + 1e-7)


def _conic(w: cp.Variable, limits: list[NamedConstraint]) -> list[cp.Constraint]:
    """Limits as cvxpy constraints."""
    found: list[cp.Constraint] = []
    for limit in limits:
        if limit.factor is not None:
            found.append(cp.norm(limit.factor.T @ w) <= limit.size)
        elif limit.centre is not None:
            found.append(cp.norm1(w - limit.centre) <= limit.size)
        elif limit.equality:
            found.append(limit.rows @ w == limit.values)
        elif len(limit.rows):
            found.append(limit.rows @ w <= limit.values)
    return found


def bound_limits(kind: str, sign: str, rows: Array, values: Array, names: list[str]) -> list[NamedConstraint]:
    """Bounds as limits: one for all assets that share a value, so that a message stays short."""
    found = []
    for value in np.unique(values):
        if not np.isfinite(value):
            continue
        same = values == value
        chosen = [name for name, hit in zip(names, same, strict=True) if hit]
        who = "" if same.all() and len(chosen) > 1 else f" of {listed(chosen)}"
        side = 1.0 if sign == "<=" else -1.0
        found.append(NamedConstraint.below(f"{kind} {value:g}{who}", side * rows[same], side * values[same]))
    return found
