"""Small trades that are not worth their costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import SettingsError

Array = np.ndarray


@dataclass(frozen=True)
class NoTradeBand:
    """No-trade band: an asset within ``width`` of its target weight is not traded.

    Under proportional costs it is best not to trade near the target (Davis and Norman 1990). What enters or
    leaves the portfolio is traded in any case. Purchases and sales that are left away seldom cancel: the larger
    side is then scaled down to what the other one pays for, so that cash stays as decided; no asset moves past
    its target.

    Attributes
    ----------
    width : in weights, 0.005 is half a percent of wealth; or a share of the target weight if ``relative``
    relative : see ``width``

    Examples
    --------
    >>> band = NoTradeBand(0.01)
    >>> band.goal(np.array([0.505, 0.30, 0.195]), np.array([0.5, 0.25, 0.25])).round(3)
    array([0.505, 0.25 , 0.245])
    """

    width: float
    relative: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.width < 1:
            raise SettingsError(f"the width of a band is a fraction like 0.005, not {self.width}")

    def goal(self, held: Array, target: Array) -> Array:
        """Weights to trade to ``(assets,)`` from those held towards the target."""
        width = self.width * np.abs(target) if self.relative else self.width
        stays = (np.abs(target - held) <= width) & (held != 0) & (target != 0)
        trades = np.where(stays, 0.0, target - held)
        excess = trades.sum() - (target.sum() - held.sum())
        side = trades > 0 if excess > 0 else trades < 0
        total = np.abs(trades[side]).sum()
        if total > 0:
            trades[side] *= max(0.0, 1 - abs(excess) / total)
        return held + trades
