"""State of trading: what is held and what may be traded today, checked, and the limits that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError, SettingsError, listed
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.feasibility import NamedConstraint, bound_limits

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class TradingState:
    """Today's limits on the weights of all assets, in numbers.

    Attributes
    ----------
    assets, constraints : of the problem
    tradable : (assets,) which may be held
    previous : (assets,) weights held now. What may not be held is sold in any case: zero here, so that its
        sale neither costs nor counts as turnover
    lower, upper : (assets,) bounds, both zero for what may not be held
    rows : (groups and exposures, assets) their loadings
    turnover : limit that applies today; infinite if none does
    volume : (assets,) value traded a day as a multiple of own wealth; None if not given
    """

    assets: tuple[str, ...]
    constraints: Constraints
    tradable: Array
    previous: Array
    lower: Array
    upper: Array
    rows: Array
    turnover: float
    volume: Array | None

    @property
    def greatest_trades(self) -> Array:
        """Largest absolute trade of each asset that the limit on participation allows, ``(assets,)``."""
        share = self.constraints.participation
        if share is None or self.volume is None:
            return np.full(len(self.assets), np.inf)
        return share * self.volume

    def limits(self) -> list[NamedConstraint]:
        """Every limit by name that is not soft, in the form that :func:`clashing_limits` takes."""
        n, constraints, eye = len(self.assets), self.constraints, np.eye(len(self.assets))
        open_, soft, ones = self.tradable, constraints.soft, np.ones(n)
        found: list[NamedConstraint] = []
        if "budget" not in soft:
            least, most = constraints.budget_range
            if least == most:
                found.append(NamedConstraint.equal(f"budget = {least:g}", ones, least))
            else:
                found += _between("budget", ones, least, most)
        if "lower" not in soft:
            names = chosen_names(self.assets, open_)
            found += bound_limits("lower bound", ">=", eye[open_], self.lower[open_], names)
        if "upper" not in soft:
            names = chosen_names(self.assets, open_)
            found += bound_limits("upper bound", "<=", eye[open_], self.upper[open_], names)
        if not open_.all():
            shut = chosen_names(self.assets, ~open_)
            found.append(NamedConstraint.zero(f"not tradable: {listed(shut)}", eye[~open_]))
        for limit, row in zip(constraints.rows, self.rows, strict=True):
            if str(limit) not in soft:
                found += _between(str(limit), row, limit.lower, limit.upper)
        if np.isfinite(self.turnover) and "turnover" not in soft:
            found.append(
                NamedConstraint.distance(f"turnover <= {self.turnover:g}", self.previous, self.turnover)
            )
        if constraints.leverage is not None and "leverage" not in soft:
            name = f"leverage <= {constraints.leverage:g}"
            found.append(NamedConstraint.distance(name, np.zeros(n), constraints.leverage))
        if constraints.participation is not None and "participation" not in soft:
            most_traded = self.greatest_trades[open_]
            rows = np.vstack([eye[open_], -eye[open_]])
            values = np.concatenate([self.previous[open_] + most_traded, most_traded - self.previous[open_]])
            found.append(
                NamedConstraint.below(f"participation <= {constraints.participation:g}", rows, values)
            )
        return found


def trading_state(
    assets: tuple[str, ...],
    constraints: Constraints,
    previous: Array | None = None,
    tradable: Array | None = None,
    turnover: bool | float = True,
    volume: Array | None = None,
    exposures: Mapping[str, Array] | None = None,
) -> TradingState:
    """Check today's holdings and market data.

    Raises
    ------
    SettingsError
        If shapes disagree, or something that the constraints need is missing.
    DataError
        If something is not finite, or a volume is not positive.
    """
    n = len(assets)
    open_ = np.ones(n, bool) if tradable is None else checked("a tradable mask", tradable, assets) != 0
    held = None if previous is None else checked("previous weights", previous, assets)
    traded = None if volume is None else checked("the traded volume", volume, assets, where=open_)
    if traded is not None and (traded[open_] <= 0).any():
        shut = chosen_names(assets, open_ & (traded <= 0))
        raise DataError(f"the traded volume is not positive for {listed(shut)}: make them not tradable")
    if constraints.participation is not None and traded is None:
        raise SettingsError("a limit on participation needs the traded volume: hand it to each solve")
    lower, upper = constraints.bounds(assets)
    applies = constraints.turnover is not None and held is not None and turnover is not False
    most = constraints.turnover if turnover is True else turnover
    return TradingState(
        assets,
        constraints,
        open_,
        np.where(open_, 0.0 if held is None else held, 0.0),
        np.where(open_, lower, 0.0),
        np.where(open_, upper, 0.0),
        _loadings(assets, constraints, exposures or {}),
        float(most) if applies and most is not None else np.inf,
        traded,
    )


def checked(what: str, values: Array, assets: Sequence[str], where: Array | None = None) -> Array:
    """One finite number an asset, as float64 ``(assets,)``; only those ``where`` need be finite."""
    if np.shape(values) != (len(assets),):
        raise SettingsError(f"{what} of shape {np.shape(values)} for a problem of {len(assets)} assets")
    found = np.asarray(values, dtype=np.float64)
    broken = ~np.isfinite(found) & (True if where is None else where)
    if broken.any():
        raise DataError(f"{what}: not finite for {listed(chosen_names(assets, broken))}")
    return found


def chosen_names(assets: Sequence[str], mask: Array) -> list[str]:
    """Names where the mask is true."""
    return [name for name, chosen in zip(assets, mask, strict=True) if chosen]


def _loadings(assets: tuple[str, ...], constraints: Constraints, given: Mapping[str, Array]) -> Array:
    rows = []
    for limit in constraints.rows:
        row = limit.loadings(assets)
        if row is None:
            if limit.name not in given:
                raise SettingsError(f"{limit} has no loadings: give them by asset, or to each solve by name")
            row = checked(f"loadings of {limit}", given[limit.name], assets)
        rows.append(row)
    return np.array(rows).reshape(-1, len(assets))


def _between(name: str, row: Array, lower: float, upper: float) -> list[NamedConstraint]:
    found = []
    if np.isfinite(lower):
        found.append(NamedConstraint.below(f"{name} >= {lower:g}", -row[None], np.array([-lower])))
    if np.isfinite(upper):
        found.append(NamedConstraint.below(f"{name} <= {upper:g}", row[None], np.array([upper])))
    return found
