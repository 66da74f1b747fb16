"""What a portfolio is chosen for."""

from __future__ import annotations

from dataclasses import dataclass

from riskengine.errors import SettingsError


@dataclass(frozen=True)
class MinimumVariance:
    """Least variance; expected returns play no part."""


@dataclass(frozen=True)
class MeanVariance:
    """Markowitz (1952): expected return less half the risk aversion times the variance.

    Attributes
    ----------
    risk_aversion : positive; 2.5 to 5 is usual for equities
    """

    risk_aversion: float = 3.0

    def __post_init__(self) -> None:
        if not self.risk_aversion > 0:
            raise SettingsError(f"risk aversion must be positive, not {self.risk_aversion}")


Objective = MinimumVariance | MeanVariance
