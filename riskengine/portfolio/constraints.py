"""Limits on a portfolio."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from riskengine.errors import SettingsError

Array = np.ndarray
Bound = float | Mapping[str, float]
KINDS = ("budget", "lower", "upper", "turnover", "leverage", "participation", "min_holding")


@dataclass(frozen=True)
class Group:
    """Limits on the total weight of some assets, a sector say.

    Attributes
    ----------
    name : for messages
    assets : members
    lower, upper : of the sum of their weights
    """

    name: str
    assets: tuple[str, ...]
    lower: float = -np.inf
    upper: float = np.inf

    def __post_init__(self) -> None:
        if not self.assets:
            raise SettingsError(f"group {self.name} has no assets")
        _check_range(self)

    @classmethod
    def by_sector(
        cls,
        sectors: Mapping[str, str],
        upper: float | Mapping[str, float] = np.inf,
        lower: float | Mapping[str, float] = -np.inf,
    ) -> tuple[Group, ...]:
        """A group a sector, from a mapping of asset to sector.

        Parameters
        ----------
        sectors : asset to sector
        upper, lower : of every sector, or by sector; those that are not named have none

        Raises
        ------
        SettingsError
            If a limit names a sector that no asset is in.

        Examples
        --------
        >>> found = Group.by_sector({"KO": "staples", "PEP": "staples", "XOM": "energy"}, upper={"staples": 0.3})
        >>> [(group.name, group.assets, group.upper) for group in found]
        [('staples', ('KO', 'PEP'), 0.3)]
        """
        names = tuple(dict.fromkeys(sectors.values()))
        for limits in (upper, lower):
            strangers = sorted(set(limits) - set(names)) if isinstance(limits, Mapping) else ()
            if strangers:
                raise SettingsError(f"a limit names sector {strangers[0]}, which no asset is in")

        def limit(of: float | Mapping[str, float], name: str, none: float) -> float:
            return float(of.get(name, none)) if isinstance(of, Mapping) else float(of)

        groups = (
            cls(
                name,
                tuple(asset for asset, sector in sectors.items() if sector == name),
                limit(lower, name, -np.inf),
                limit(upper, name, np.inf),
            )
            for name in names
        )
        return tuple(group for group in groups if np.isfinite([group.lower, group.upper]).any())

    def __str__(self) -> str:
        return f"group {self.name}"

    def loadings(self, assets: tuple[str, ...]) -> Array:
        """One for its members, zero for all others, ``(assets,)``."""
        return _spread(str(self), dict.fromkeys(self.assets, 1.0), assets)


@dataclass(frozen=True)
class Exposure:
    """Limits on a factor exposure: the sum of weights times loadings.

    Attributes
    ----------
    name : for messages
    by_asset : asset to loading, zero for all others; if not given, loadings are handed to each solve by name
    lower, upper : of the exposure

    Examples
    --------
    >>> Exposure("beta", {"A": 1.2, "B": 0.8}, lower=0.9, upper=1.1).loadings(("A", "B", "C"))
    array([1.2, 0.8, 0. ])
    """

    name: str
    by_asset: Mapping[str, float] | None = None
    lower: float = -np.inf
    upper: float = np.inf

    def __post_init__(self) -> None:
        _check_range(self)

    def __str__(self) -> str:
        return f"exposure {self.name}"

    def loadings(self, assets: tuple[str, ...]) -> Array | None:
        """Loadings ``(assets,)``; None if they are handed to each solve."""
        return None if self.by_asset is None else _spread(str(self), self.by_asset, assets)


@dataclass(frozen=True)
class Constraints:
    """Limits on weights, as fractions of wealth. The default is long only and fully invested.

    Attributes
    ----------
    lower, upper : one number for all assets, or a mapping from asset to number in which the key ``"*"``
        stands for all others (0 below and 1 above without it)
    budget : sum of the weights, or a range of it ``(least, most)``; the rest of wealth is cash
    groups : limits on sums
    turnover : limit on the sum of absolute trades, so that selling all and buying anew is two
    leverage : limit on the sum of absolute weights
    exposures : limits on sums of weights times loadings
    participation : limit on each trade, as a share of the asset's traded volume, which each solve is handed
    min_holding : least absolute weight of what is held at all. Not convex: see :mod:`~.min_holding`
    soft : prices of exceeding limits, from ``"budget"``, ``"lower"``, ``"upper"``, ``"turnover"``,
        ``"leverage"``, ``"participation"``, ``"min_holding"``, ``"group NAME"`` or ``"exposure NAME"``. A limit
        named here may be exceeded: by how much times its price is taken from the objective, in the
        objective's unit: variance per day for minimum variance and tracking error, volatility per day for
        risk budgeting and maximum diversification, loss over the holding period for CVaR, otherwise return per day.

    Examples
    --------
    >>> Constraints(upper={"A": 0.5, "*": 0.1}).bounds(("A", "B"))[1]
    array([0.5, 0.1])
    """

    lower: Bound = 0.0
    upper: Bound = 1.0
    budget: float | tuple[float, float] = 1.0
    groups: tuple[Group, ...] = ()
    turnover: float | None = None
    leverage: float | None = None
    exposures: tuple[Exposure, ...] = ()
    participation: float | None = None
    min_holding: float | None = None
    soft: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        least, most = self.budget_range
        if not np.isfinite([least, most]).all():
            raise SettingsError(f"the budget must be a number, or a range of two, not {self.budget}")
        if least > most:
            raise SettingsError(f"the budget's range must rise, not fall from {least:g} to {most:g}")
        if not all(isinstance(group, Group) for group in self.groups) or isinstance(self.groups, Mapping):
            raise SettingsError(
                "groups are a tuple of Group(name, assets, lower, upper); a mapping from asset to sector makes them: "
                "Group.by_sector(sectors, upper=0.3)"
            )
        for name in ("turnover", "leverage", "participation", "min_holding"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 0:
                raise SettingsError(f"{name} must not be negative, but is {limit}")
        names = [str(row) for row in self.rows]
        if len(set(names)) < len(names):
            raise SettingsError("two groups or exposures share a name: messages could not tell them apart")
        for name, price in self.soft.items():
            if name not in (*KINDS, *names):
                raise SettingsError(f"soft names {name!r}, which is none of {', '.join((*KINDS, *names))}")
            if not 0 <= price < np.inf:
                raise SettingsError(f"the price of {name} must be finite and not negative, not {price}")

    @property
    def rows(self) -> tuple[Group | Exposure, ...]:
        """Groups and exposures: the limits that are sums over assets."""
        return (*self.groups, *self.exposures)

    @property
    def budget_range(self) -> tuple[float, float]:
        """Least and greatest sum of the weights."""
        if isinstance(self.budget, tuple):
            least, most = self.budget
            return float(least), float(most)
        return float(self.budget), float(self.budget)

    def bounds(self, assets: tuple[str, ...]) -> tuple[Array, Array]:
        """Lower and upper bounds ``(assets,)``.

        Raises
        ------
        SettingsError
            If a bound is not a number, names an unknown asset or leaves no room.
        """
        lower, upper = _expand(self.lower, assets, 0.0), _expand(self.upper, assets, 1.0)
        crossed = np.flatnonzero(~(lower <= upper))
        if len(crossed):
            j = crossed[0]
            raise SettingsError(f"{assets[j]}: lower bound {lower[j]:g} is above upper bound {upper[j]:g}")
        return lower, upper

    def membership(self, assets: tuple[str, ...]) -> Array:
        """Which asset belongs to which group, ``(groups, assets)`` of zeros and ones.

        Raises
        ------
        SettingsError
            If a group names an unknown asset.
        """
        return np.array([group.loadings(assets) for group in self.groups]).reshape(-1, len(assets))

    def scaled(self, least: float, most: float) -> Constraints:
        """Limits on a portfolio that keeps these, times a size from ``least`` to ``most``, the rest in cash.

        Limits on trades stay as they are, a least holding is dropped.

        Examples
        --------
        >>> wide = Constraints(lower=0.05, upper=0.3).scaled(0.0, 2.0)
        >>> wide.lower, wide.upper, wide.budget, wide.leverage
        (0.0, 0.6, (0.0, 2.0), None)
        """

        def low(value: float) -> float:
            return min(least * value, most * value) if value else 0.0

        def high(value: float) -> float:
            return max(least * value, most * value) if value else 0.0

        def each(bound: Bound, side: Callable[[float], float]) -> Bound:
            if isinstance(bound, Mapping):
                return {name: side(float(value)) for name, value in bound.items()}
            return side(float(bound))

        def row(limit: Any) -> Any:
            return replace(limit, lower=low(limit.lower), upper=high(limit.upper))

        lower, upper = self.budget_range
        return replace(
            self,
            lower=each(self.lower, low),
            upper=each(self.upper, high),
            budget=(low(lower), high(upper)),
            groups=tuple(map(row, self.groups)),
            exposures=tuple(map(row, self.exposures)),
            leverage=None if self.leverage is None else high(self.leverage),
            min_holding=None,
        )


def _check_range(limit: Group | Exposure) -> None:
    if not limit.lower <= limit.upper:
        raise SettingsError(f"{limit}: lower {limit.lower:g} is above upper {limit.upper:g}")


def _spread(who: str, by_asset: Mapping[str, float], assets: tuple[str, ...]) -> Array:
    """A mapping from asset to number as an array in the panel's order, zero where it is silent."""
    unknown = set(by_asset) - set(assets)
    if unknown:
        raise SettingsError(f"{who} names {sorted(unknown)[0]}, which is not an asset of the panel")
    values = np.array([float(by_asset.get(name, 0.0)) for name in assets])
    if not np.isfinite(values).all():
        raise SettingsError(f"{who} has a loading that is not a finite number")
    return values


def _expand(bound: Bound, assets: tuple[str, ...], default: float) -> Array:
    if isinstance(bound, Mapping):
        unknown = set(bound) - set(assets) - {"*"}
        if unknown:
            raise SettingsError(f"a bound names {sorted(unknown)[0]}, which is not an asset of the panel")
        return np.array([float(bound.get(name, bound.get("*", default))) for name in assets])
    return np.full(len(assets), float(bound))
