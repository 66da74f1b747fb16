"""Limits on a portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from riskengine.errors import SettingsError

Array = np.ndarray
Bound = float | Mapping[str, float]


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
        if not self.lower <= self.upper:
            raise SettingsError(f"group {self.name}: lower {self.lower:g} is above upper {self.upper:g}")


@dataclass(frozen=True)
class Constraints:
    """Limits on weights, as fractions of wealth. The default is long only and fully invested.

    Attributes
    ----------
    lower, upper : one number for all assets, or a mapping from asset to number in which the key ``"*"``
        stands for all others (0 below and 1 above without it)
    budget : sum of the weights; the rest of wealth is cash
    groups : limits on sums
    turnover : limit on the sum of absolute trades, so that selling all and buying anew is two

    Examples
    --------
    >>> Constraints(upper={"A": 0.5, "*": 0.1}).bounds(("A", "B"))[1]
    array([0.5, 0.1])
    """

    lower: Bound = 0.0
    upper: Bound = 1.0
    budget: float = 1.0
    groups: tuple[Group, ...] = ()
    turnover: float | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.budget):
            raise SettingsError(f"the budget must be a number, not {self.budget}")
        if self.turnover is not None and not self.turnover >= 0:
            raise SettingsError(f"turnover must not be negative, but is {self.turnover}")
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise SettingsError("two groups share a name: messages could not tell them apart")

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
        rows = np.zeros((len(self.groups), len(assets)))
        place = {name: j for j, name in enumerate(assets)}
        for row, group in zip(rows, self.groups, strict=True):
            for name in group.assets:
                if name not in place:
                    raise SettingsError(
                        f"group {group.name} names {name}, which is not an asset of the panel"
                    )
                row[place[name]] = 1.0
        return rows


def _expand(bound: Bound, assets: tuple[str, ...], default: float) -> Array:
    if isinstance(bound, Mapping):
        unknown = set(bound) - set(assets) - {"*"}
        if unknown:
            raise SettingsError(f"a bound names {sorted(unknown)[0]}, which is not an asset of the panel")
        return np.array([float(bound.get(name, bound.get("*", default))) for name in assets])
    return np.full(len(assets), float(bound))
