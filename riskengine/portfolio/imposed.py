"""Limits that somebody else than the strategy sets: handed to its optimiser, or imposed on its answer by projection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import cvxpy as cp
import numpy as np

from riskengine.errors import InfeasibleError
from riskengine.portfolio.ask import inside
from riskengine.portfolio.constraints import Bound, Constraints, Group
from riskengine.portfolio.feasibility import NamedConstraint, clashing_limits
from riskengine.portfolio.strategy import OptimizedStrategy, Strategy

if TYPE_CHECKING:
    from riskengine.market import MarketView

Array = np.ndarray
_FAR = 1e6  # traded value, in multiples of wealth, of what may be traded without limit
_CLOSE = 1e-9
# Prices in the projection: each is above what the next ones can gain from breaking it, so that they are exact.
_EXCESS, _TURNOVER, _SHORTFALL = 2000.0, 200.0, 20.0


@dataclass(frozen=True, eq=False)
class WeightLimits:
    """Upper limits on weights and on trades, as fractions of wealth.

    Attributes
    ----------
    weight : of any asset, long or short; None for no limit
    groups : of the sums of some assets' weights
    budget : of the sum of all weights
    turnover : of the sum of absolute trades; None for no limit
    participation : of each trade as a share of its asset's traded value; None for no limit
    volume : (assets,) value traded a day as a multiple of wealth, NaN where it is not known
    """

    weight: float | None = None
    groups: tuple[Group, ...] = ()
    budget: float = 1.0
    turnover: float | None = None
    participation: float | None = None
    volume: Array | None = None

    @property
    def none(self) -> bool:
        """Whether nothing is limited beyond holding long positions without borrowing."""
        set_ = (self.weight, self.turnover, self.participation)
        return set_ == (None, None, None) and not self.groups and self.budget >= 1

    def greatest_trades(self, count: int) -> Array:
        """Of each asset ``(assets,)``, infinite where there is no limit."""
        if self.participation is None or self.volume is None:
            return np.full(count, np.inf)
        return np.where(np.isnan(self.volume), np.inf, self.participation * self.volume)

    def broken(self, weights: Array, held: Array, assets: tuple[str, ...], tolerance: float) -> list[str]:
        """Names of the limits that weights ``(assets,)``, traded to from those held, exceed."""
        found = []
        if self.weight is not None and weights.max(initial=0.0) > self.weight + tolerance:
            worst = int(np.argmax(weights))
            found.append(f"weight <= {self.weight:g} ({assets[worst]} {weights[worst]:.2%})")
        for group in self.groups:
            total = float(group.loadings(assets) @ weights)
            if total > group.upper + tolerance:
                found.append(f"{group} <= {group.upper:g} ({total:.2%})")
        if weights.sum() > self.budget + tolerance:
            found.append(f"budget <= {self.budget:g} ({weights.sum():.2%})")
        trades = np.abs(weights - held)
        if self.turnover is not None and trades.sum() > self.turnover + tolerance:
            found.append(f"turnover <= {self.turnover:g} ({trades.sum():.2%})")
        excess = trades - self.greatest_trades(len(weights))
        if excess.max(initial=0.0) > tolerance:
            found.append(f"participation <= {self.participation:g} ({assets[int(np.argmax(excess))]})")
        return found

    def clashing(
        self, budget: float, held: Array, assets: tuple[str, ...], weights: Array
    ) -> tuple[str, ...]:
        """Names of limits that no long portfolio of this sum over what has a weight, or is held, keeps together."""
        n, eye = len(assets), np.eye(len(assets))
        found = [NamedConstraint.equal(f"invested = {budget:.4g}", np.ones(n), min(budget, self.budget))]
        found.append(NamedConstraint.below("no short positions", -eye, np.zeros(n)))
        found.append(NamedConstraint.below("nothing else is bought", eye[weights <= 0], held[weights <= 0]))
        if self.weight is not None:
            found.append(NamedConstraint.below(f"weight <= {self.weight:g}", eye, np.full(n, self.weight)))
        found += [
            NamedConstraint.below(
                f"{group} <= {group.upper:g}", group.loadings(assets)[None], np.array([group.upper])
            )
            for group in self.groups
        ]
        if self.turnover is not None:
            found.append(NamedConstraint.distance(f"turnover <= {self.turnover:g}", held, self.turnover))
        greatest = self.greatest_trades(n)
        some = np.isfinite(greatest)
        if some.any():
            rows = np.vstack([eye[some], -eye[some]])
            values = np.concatenate([held[some] + greatest[some], greatest[some] - held[some]])
            found.append(NamedConstraint.below(f"participation <= {self.participation:g}", rows, values))
        return clashing_limits(n, [limit for limit in found if len(limit.rows) or limit.centre is not None])


@dataclass(frozen=True, eq=False)
class _Volume:
    """Traded value of each asset as a multiple of wealth: what is known of it, else what the strategy says."""

    known: Array
    own: Callable[[MarketView], Array] | None
    factor: float  # of what is known; NaN if it stands in place of the strategy's own

    def __call__(self, view: MarketView) -> Array:
        own = np.full(len(self.known), _FAR) if self.own is None else np.asarray(self.own(view), np.float64)
        if np.isnan(self.factor):
            return np.where(np.isnan(self.known), own, np.maximum(self.known, _CLOSE))
        return np.fmin(own, np.maximum(self.factor * self.known, _CLOSE))


def with_limits(strategy: Strategy, limits: WeightLimits) -> tuple[Strategy, tuple[str, ...]] | None:
    """The strategy under its own limits and these; and what of its own gives way, one line each.

    Bounds are intersected, groups added, the budget and the turnover lowered; a lower bound above a new upper one
    gives way to it. Of a strategy around another one, which may change its size, only weights and groups reach the
    one inside: see :func:`nearest` for the rest.

    Returns None if neither the strategy nor one inside has :class:`~riskengine.portfolio.Constraints` that can be
    replaced.

    Examples
    --------
    >>> from riskengine.covariance import LedoitWolf
    >>> before = OptimizedStrategy("minimum variance", LedoitWolf(), constraints=Constraints(upper=0.4))
    >>> after, notes = with_limits(before, WeightLimits(weight=0.3, budget=0.98))
    >>> after.constraints.upper, after.constraints.budget, notes
    (0.3, (0.98, 0.98), ())
    """
    if limits.none:
        return strategy, ()
    if is_dataclass(strategy) and any(field.name == "constraints" for field in fields(strategy)):
        own = getattr(strategy, "constraints")  # noqa: B009 - the protocol of strategies does not name it
        if not isinstance(own, Constraints):
            return None
        narrowed, notes = _narrowed(own, limits)
        changed: dict[str, Any] = {"constraints": narrowed}
        if limits.participation is not None and limits.volume is not None:
            if not isinstance(strategy, OptimizedStrategy):
                return replace(strategy, **changed), notes
            share = own.participation
            factor = np.nan if share is None else limits.participation / share if share else 1.0
            changed["volume"] = _Volume(limits.volume, strategy.volume, factor)
            changed["constraints"] = replace(
                narrowed, participation=limits.participation if share is None else share
            )
        return replace(strategy, **changed), notes
    inner = inside(strategy)
    if inner is None or not is_dataclass(strategy):
        return None
    found = with_limits(inner[1], WeightLimits(limits.weight, limits.groups))
    return None if found is None else (replace(strategy, **{inner[0]: found[0]}), found[1])


def _narrowed(own: Constraints, limits: WeightLimits) -> tuple[Constraints, tuple[str, ...]]:
    notes: list[str] = []
    lower, upper = own.lower, own.upper
    if limits.weight is not None:
        most = limits.weight
        upper = _each(own.upper, lambda bound: min(bound, most), 1.0)
        lower = _each(own.lower, lambda bound: max(min(bound, most), -most), 0.0)
        if lower != own.lower and not isinstance(own.lower, Mapping):
            notes.append(
                f"the strategy's lower bound of {own.lower:g} gives way to the limit on weight of {most:g}"
            )
        elif isinstance(own.lower, Mapping):
            notes += [
                f"the strategy's lower bound of {name}, {bound:g}, gives way to the limit on weight of {most:g}"
                for name, bound in own.lower.items()
                if bound > most
            ]
    least, most = own.budget_range
    budget: float | tuple[float, float] = own.budget
    if limits.budget < 1:
        budget = (min(least, limits.budget), min(most, limits.budget))
    turnovers = [one for one in (own.turnover, limits.turnover) if one is not None]
    narrowed = replace(
        own,
        lower=lower,
        upper=upper,
        budget=budget,
        groups=(*own.groups, *limits.groups),
        turnover=min(turnovers) if turnovers else None,
    )
    return narrowed, tuple(notes)


def _each(bound: Bound, change: Callable[[float], float], default: float) -> Bound:
    if isinstance(bound, Mapping):
        return {"*": change(default)} | {name: change(float(value)) for name, value in bound.items()}
    return change(float(bound))


def nearest(
    weights: Array,
    limits: WeightLimits,
    held: Array,
    assets: tuple[str, ...],
    keep_budget: bool = True,
) -> Array:
    """Nearest weights within the limits ``(assets,)``, by least squares; the weights themselves if they are within.

    Nothing is bought that had no weight. Trades keep to the limit on participation; where this leaves no portfolio
    within the others, they are exceeded by as little as possible, turnover first. The sum is kept as far as the limits
    allow, or falls with what is cut away.

    Parameters
    ----------
    weights : (assets,) none negative
    limits : to keep
    held : (assets,) weights before trading
    assets : names
    keep_budget : whether what is cut away goes to the other assets, or to cash

    Examples
    --------
    >>> limits = WeightLimits(groups=(Group("g", ("A", "B"), upper=0.4),))
    >>> nearest(np.array([0.3, 0.3, 0.4, 0.0]), limits, np.zeros(4), tuple("ABCD")).round(4)
    array([0.2, 0.2, 0.6, 0. ])
    >>> nearest(np.array([0.3, 0.3, 0.4, 0.0]), limits, np.zeros(4), tuple("ABCD"), keep_budget=False).round(4)
    array([0.2, 0.2, 0.4, 0. ])
    """
    weights = np.asarray(weights, np.float64)
    if not limits.broken(weights, held, assets, _CLOSE):
        return weights
    n = len(weights)
    most = np.where(weights > 0, max(1.0, float(weights.max(initial=0.0))), held)
    greatest = limits.greatest_trades(n)
    w = cp.Variable(n, nonneg=True)
    goal = cp.sum_squares(w - weights)
    rules: list[cp.Constraint] = [w <= most]
    bound = np.isfinite(greatest)
    if bound.any():
        rules += [cp.abs(w[bound] - held[bound]) <= greatest[bound]]
    total, excess = min(float(weights.sum()), limits.budget), cp.Variable(nonneg=True)
    rules.append(cp.sum(w) <= total + excess)
    if limits.weight is not None:
        over = cp.Variable(n, nonneg=True)
        goal = goal + _EXCESS * cp.sum(over)
        rules.append(w <= limits.weight + over)
    for group in limits.groups:
        over = cp.Variable(nonneg=True)
        goal = goal + _EXCESS * over
        rules.append(group.loadings(assets) @ w <= group.upper + over)
    if limits.turnover is not None:
        over = cp.Variable(nonneg=True)
        goal = goal + _TURNOVER * over
        rules.append(cp.norm1(w - held) <= limits.turnover + over)
    goal = goal + _EXCESS * excess
    if keep_budget:
        short = cp.Variable(nonneg=True)
        goal = goal + _SHORTFALL * short
        rules.append(cp.sum(w) >= total - short)
    problem = cp.Problem(cp.Minimize(goal), rules)
    problem.solve(solver=cp.CLARABEL)
    if problem.status not in cp.settings.SOLUTION_PRESENT:
        raise InfeasibleError(
            (), f"no weights near the strategy's were found within the limits: {problem.status}"
        )
    found = np.where(np.asarray(w.value) < 1e-7, 0.0, np.asarray(w.value))
    return np.minimum(found, most)
