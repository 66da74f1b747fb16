"""Which limits clash when no portfolio satisfies them all."""

from __future__ import annotations

from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from scipy import sparse
from scipy.optimize import linprog

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Limit:
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
    def below(cls, name: str, rows: Array, values: Array) -> Limit:
        """``rows @ w <= values``."""
        return cls(name, rows, values)

    @classmethod
    def equal(cls, name: str, row: Array, value: float) -> Limit:
        """``row @ w = value``."""
        return cls(name, row[None], np.array([value]), equality=True)

    @classmethod
    def zero(cls, name: str, rows: Array) -> Limit:
        """``rows @ w = 0``."""
        return cls(name, rows, np.zeros(len(rows)), equality=True)

    @classmethod
    def distance(cls, name: str, centre: Array, size: float) -> Limit:
        """``sum |w - centre| <= size``: turnover, or leverage if the centre is zero."""
        nothing = np.zeros((0, len(centre)))
        return cls(name, nothing, np.zeros(0), centre=np.asarray(centre), size=size)

    @classmethod
    def volatility(cls, name: str, factor: Array, size: float) -> Limit:
        """``|factor.T @ w| <= size`` for a factor ``(assets, k)`` of the covariance."""
        return cls(name, np.zeros((0, len(factor))), np.zeros(0), size=size, factor=factor)


def clashing_limits(assets: int, limits: list[Limit]) -> tuple[str, ...]:
    """Names of an irreducible set of limits that no portfolio satisfies together; empty if there is none.

    The deletion filter of Chinneck and Dravnieks (1991): leave out one limit after the other, and put
    back those without which the rest becomes feasible.

    Examples
    --------
    >>> n = 3
    >>> cap = Limit.below("upper bound 0.2", np.eye(n), np.full(n, 0.2))
    >>> floor = Limit.below("lower bound 0", -np.eye(n), np.zeros(n))
    >>> clashing_limits(n, [Limit.equal("budget = 1", np.ones(n), 1.0), floor, cap])
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


def feasible(assets: int, limits: list[Limit]) -> bool:
    """Whether some portfolio satisfies all limits, by linear programming; a quadratic one for volatility."""
    conic = [limit for limit in limits if limit.factor is not None]
    if conic:
        return _feasible_in_cones(assets, limits)
    # Variables: weights, then for each distance the absolute differences that it bounds.
    distances = [limit for limit in limits if limit.centre is not None]
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
        upper_rows += [padded(eye, place, -eye), padded(-eye, place, -eye)]
        upper_rows.append(
            padded(sparse.csr_array((1, assets)), place, sparse.csr_array(np.ones((1, assets))))
        )
        centre = np.asarray(limit.centre)
        upper_values += [centre, -centre, np.array([limit.size])]
    found = linprog(
        np.zeros(width),
        A_ub=sparse.vstack(upper_rows) if upper_rows else None,
        b_ub=np.concatenate(upper_values) + 1e-9 if upper_values else None,
        A_eq=sparse.vstack(equal_rows) if equal_rows else None,
        b_eq=np.concatenate(equal_values) if equal_values else None,
        bounds=[(None, None)] * assets + [(0, None)] * (width - assets),
        method="highs",
    )
    return found.status != 2


def _feasible_in_cones(assets: int, limits: list[Limit]) -> bool:
    """The same where volatility is limited: the least multiple of its limit that the others leave."""
    w, multiple = cp.Variable(assets), cp.Variable()
    rest: list[cp.Constraint] = []
    for limit in limits:
        if limit.factor is not None:
            rest.append(cp.norm(limit.factor.T @ w) / limit.size <= multiple)
        elif limit.centre is not None:
            rest.append(cp.norm1(w - limit.centre) <= limit.size)
        elif limit.equality:
            rest.append(limit.rows @ w == limit.values)
        else:
            rest.append(limit.rows @ w <= limit.values)
    problem = cp.Problem(cp.Minimize(multiple), rest)
    problem.solve(solver=cp.CLARABEL)
    return bool(problem.status in cp.settings.SOLUTION_PRESENT and problem.value <= 1 + 1e-7)


def bound_limits(kind: str, sign: str, rows: Array, values: Array, names: list[str]) -> list[Limit]:
    """Bounds as limits: one for all assets that share a value, so that a message stays short."""
    found = []
    for value in np.unique(values):
        if not np.isfinite(value):
            continue
        same = values == value
        chosen = [name for name, hit in zip(names, same, strict=True) if hit]
        who = "" if same.all() and len(chosen) > 1 else f" of {listed(chosen)}"
        side = 1.0 if sign == "<=" else -1.0
        found.append(Limit.below(f"{kind} {value:g}{who}", side * rows[same], side * values[same]))
    return found


def listed(names: list[str]) -> str:
    """The first five names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
