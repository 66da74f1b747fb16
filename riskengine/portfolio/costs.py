"""What trading costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import SettingsError


@dataclass(frozen=True)
class ProportionalCosts:
    """Costs in proportion to what is traded.

    Attributes
    ----------
    rate : of the value traded, one way; 0.0005 is five basis points

    Examples
    --------
    >>> ProportionalCosts(0.001).cost(np.array([0.2, -0.2]))
    0.0004
    """

    rate: float = 0.0005

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 0.5:
            raise SettingsError(f"a cost rate is a small fraction like 0.0005, not {self.rate}")

    def cost(self, trades: np.ndarray) -> float:
        """Cost of trades ``(assets,)``, all as fractions of wealth."""
        return float(self.rate * np.abs(trades).sum())
