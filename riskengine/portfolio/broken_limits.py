"""Which of its stated limits a portfolio breaks, and by how much."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskengine.portfolio.constraints import Constraints

Array = np.ndarray

TOLERANCE = 1e-6
"""In weights: solvers keep limits no more exactly than this."""


class BrokenLimit(NamedTuple):
    """One limit that weights do not keep.

    Attributes
    ----------
    limit : its name, as in messages about limits that clash
    asset : whose bound it is; empty for limits on sums
    value, bound : what the weights have, and what they may have
    """

    limit: str
    asset: str
    value: float
    bound: float

    @property
    def excess(self) -> float:
        """By how much it is broken."""
        return abs(self.value - self.bound)


def broken_limits(
    constraints: Constraints, assets: tuple[str, ...], weights: Array, by: float = TOLERANCE
) -> tuple[BrokenLimit, ...]:
    """Broken limits: those that weights exceed by more than ``by``.

    Judged are budget, bounds, groups, exposures whose loadings are stated, leverage and the least holding. Limits on
    trades (turnover, participation) are no matter of weights, and soft ones may be exceeded.

    Parameters
    ----------
    constraints : the limits
    assets : names, one a weight
    weights : (assets,) fractions of wealth

    Raises
    ------
    SettingsError
        If a limit names an unknown asset.

    Examples
    --------
    >>> limits = Constraints(upper=0.5)
    >>> for broken in broken_limits(limits, ("A", "B"), np.array([0.6, 0.3])):
    ...     print(broken.limit, broken.asset, round(broken.value, 3), broken.bound)
    budget = 1  0.9 1.0
    upper bound 0.5 A 0.6 0.5
    """
    found: list[BrokenLimit] = []

    def judge(kind: str, name: str, asset: str, value: float, least: float, most: float) -> None:
        below, above = value < least - by, value > most + by
        if kind in constraints.soft or not (below or above):
            return
        bound = float(least if below else most)
        if kind in ("lower", "upper"):
            name = f"{kind} bound {bound:g}"
        elif least == most:
            name = f"{name} = {bound:g}"
        else:
            name = f"{name} {'>=' if below else '<='} {bound:g}"
        found.append(BrokenLimit(name, asset, float(value), bound))

    judge("budget", "budget", "", weights.sum(), *constraints.budget_range)
    lower, upper = constraints.bounds(assets)
    for j in np.flatnonzero((weights < lower - by) | (weights > upper + by)):
        judge("lower", "", assets[j], weights[j], lower[j], np.inf)
        judge("upper", "", assets[j], weights[j], -np.inf, upper[j])
    for limit in constraints.rows:
        loadings = limit.loadings(assets)
        if loadings is not None:
            judge(str(limit), str(limit), "", loadings @ weights, limit.lower, limit.upper)
    if constraints.leverage is not None:
        judge("leverage", "leverage", "", np.abs(weights).sum(), -np.inf, constraints.leverage)
    if constraints.min_holding is not None:
        size = np.abs(weights)
        for j in np.flatnonzero((size > by) & (size < constraints.min_holding - by)):
            judge("min_holding", "min_holding", assets[j], size[j], constraints.min_holding, np.inf)
    return tuple(found)
