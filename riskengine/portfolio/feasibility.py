"""Which limits clash when no portfolio satisfies them all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Limit:
    """One named limit on weights: linear rows, or a bound on the sum of absolute trades.

    Attributes
    ----------
    name : for messages
    rows, values : ``rows @ w <= values``, or ``=`` if ``equality``
    previous, size : with these, ``sum |w - previous| <= size`` instead
    """

    name: str
    rows: Array
    values: Array
    equality: bool = False
    previous: Array | None = None
    size: float = 0.0

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
    def turnover(cls, name: str, previous: Array, size: float) -> Limit:
        """``sum |w - previous| <= size``."""
        nothing = np.zeros((0, len(previous)))
        return cls(name, nothing, np.zeros(0), previous=np.asarray(previous), size=size)


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
    """Whether some portfolio satisfies all limits, by linear programming."""
    # Variables: weights, then the absolute trades that a turnover limit bounds.
    pad = np.zeros((1, assets))
    upper_rows, upper_values, equal_rows, equal_values = [], [], [], []
    for limit in limits:
        wide = np.hstack([limit.rows, np.zeros((len(limit.rows), assets))])
        if limit.equality:
            equal_rows.append(wide)
            equal_values.append(limit.values)
        else:
            upper_rows.append(wide)
            upper_values.append(limit.values)
        if limit.previous is not None:
            eye = np.eye(assets)
            upper_rows += [
                np.hstack([eye, -eye]),
                np.hstack([-eye, -eye]),
                np.hstack([pad, np.ones((1, assets))]),
            ]
            upper_values += [limit.previous, -limit.previous, np.array([limit.size])]
    found = linprog(
        np.zeros(2 * assets),
        A_ub=np.vstack(upper_rows) if upper_rows else None,
        b_ub=np.concatenate(upper_values) + 1e-9 if upper_values else None,
        A_eq=np.vstack(equal_rows) if equal_rows else None,
        b_eq=np.concatenate(equal_values) if equal_values else None,
        bounds=[(None, None)] * assets + [(0, None)] * assets,
        method="highs",
    )
    return found.status != 2


def bound_limits(kind: str, sign: str, rows: Array, values: Array, names: list[str]) -> list[Limit]:
    """Bounds as limits: one for all assets that share a value, so that a message stays short."""
    found = []
    for value in np.unique(values):
        if not np.isfinite(value):
            continue
        same = values == value
        chosen = [name for name, hit in zip(names, same, strict=True) if hit]
        who = (
            ""
            if same.all() and len(chosen) > 1
            else f" of {', '.join(chosen[:5])}" + (f" and {len(chosen) - 5} more" if len(chosen) > 5 else "")
        )
        side = 1.0 if sign == "<=" else -1.0
        found.append(Limit.below(f"{kind} {value:g}{who}", side * rows[same], side * values[same]))
    return found
