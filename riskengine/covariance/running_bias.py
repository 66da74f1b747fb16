"""By how much a portfolio's risk was forecast too low of late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.covariance.weighting import decay_of
from riskengine.errors import SettingsError


@dataclass(frozen=True)
class RunningBias:
    """Exponentially weighted bias statistic of one portfolio's volatility forecasts, as known today.

    An optimiser holds what the covariance takes for calm, so that the risk of what it holds is forecast too low even by
    a covariance that is right on average (Menchero, Wang and Orr 2011). Volatility times this factor is not. The state
    is the fading mean of squared standardised returns; it starts at one, as if the forecasts had been right before.

    Attributes
    ----------
    half_life : days
    ceiling : largest squared standardised return: one day does not decide

    Examples
    --------
    >>> bias = RunningBias()
    >>> state = bias.init()
    >>> for outcome in 1.2 * np.random.default_rng(0).standard_normal(3000):
    ...     state = bias.update(state, outcome)
    >>> round(bias.factor(state), 1)
    1.2
    """

    half_life: float = 250.0
    ceiling: float = 20.0

    def __post_init__(self) -> None:
        decay_of(self.half_life)
        if not self.ceiling > 1:
            raise SettingsError(f"a ceiling of squared standardised returns is above one, not {self.ceiling}")

    def init(self) -> float:
        """State before the first outcome."""
        return 1.0

    def update(self, state: float, outcome: float) -> float:
        """State after a day whose return over its forecast volatility was ``outcome``; NaN leaves it as it was."""
        if np.isnan(outcome):
            return state
        decay = decay_of(self.half_life)
        return decay * state + (1 - decay) * min(float(outcome) ** 2, self.ceiling)

    def factor(self, state: float) -> float:
        """What to multiply a forecast volatility by."""
        return float(np.sqrt(state))
