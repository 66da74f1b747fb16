"""Any optimised portfolio, more or less of it, so that its volatility stays where it is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.covariance.running_bias import RunningBias
from riskengine.errors import SettingsError
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.strategy import OptimizedState, OptimizedStrategy

if TYPE_CHECKING:
    from riskengine.market.view import MarketView

Array = np.ndarray
YEAR = 252


class SteadyState(NamedTuple):
    """State of the portfolio inside; its last weights, their variance a day and their day; the bias learned."""

    inside: OptimizedState
    weights: Array
    variance: float
    day: int
    bias: float


@dataclass(frozen=True)
class SteadyVolatility:
    """Holds a portfolio in the size whose forecast volatility is the target; the rest is cash, or borrowed.

    The forecast is corrected by what the portfolio's own past forecasts missed.

    Attributes
    ----------
    name : for tables
    inside : what is held; its budget is one
    volatility : per year
    leverage : greatest gross exposure
    bias : how forecasts are corrected; None trusts them

    Examples
    --------
    >>> from riskengine.covariance import LedoitWolf
    >>> inside = OptimizedStrategy("minimum variance", LedoitWolf())
    >>> SteadyVolatility("steady minimum variance", inside, volatility=0.10, leverage=2.0).name
    'steady minimum variance'
    """

    name: str
    inside: OptimizedStrategy
    volatility: float = 0.10
    leverage: float = 2.0
    bias: RunningBias | None = field(default_factory=RunningBias)

    def __post_init__(self) -> None:
        if not 0 < self.volatility < 10:
            raise SettingsError(
                f"a target volatility is a positive fraction a year like 0.1, not {self.volatility}"
            )
        if not self.leverage > 0:
            raise SettingsError(f"leverage is a positive gross exposure, not {self.leverage}")
        if self.inside.constraints.budget_range != (1.0, 1.0):
            raise SettingsError(
                "the portfolio inside has a budget of one: its size is decided by its volatility"
            )

    @property
    def constraints(self) -> Constraints:
        """What is kept in all: the limits of the portfolio inside, at every size that the leverage allows."""
        return replace(self.inside.constraints.scaled(0.0, self.leverage), leverage=self.leverage)

    def init(self, view: MarketView) -> SteadyState:
        """Nothing learned yet."""
        start = 1.0 if self.bias is None else self.bias.init()
        return SteadyState(self.inside.init(view), np.zeros(len(view.assets)), 0.0, view.day, start)

    def decide(self, state: SteadyState, view: MarketView, holdings: Array) -> tuple[Decision, SteadyState]:
        """The portfolio inside, times its size."""
        bias = self._learned(state, view)
        invested = float(holdings.sum())
        held = holdings / invested if invested > 0 else np.zeros_like(holdings)
        decision, inside = self.inside.decide(state.inside, view, held)
        covariance, weights = decision.covariance, decision.weights
        if covariance is None or not weights.any():
            return decision, SteadyState(inside, np.zeros_like(weights), 0.0, view.day, bias)
        variance = covariance.variance(weights)
        size = self.leverage / float(np.abs(weights).sum())
        if variance > 0:
            size = min(size, self.volatility / np.sqrt(YEAR * bias * variance))
        corrected = Covariance(
            np.sqrt(bias) * covariance.loadings,
            bias * covariance.specific,
            covariance.horizon,
            covariance.notes,
        )
        sized = replace(decision, weights=size * weights, covariance=corrected)
        return sized, SteadyState(inside, weights, variance, view.day, bias)

    def _learned(self, state: SteadyState, view: MarketView) -> float:
        """The bias after the days since the last decision."""
        found, days = state.bias, view.day - state.day
        if self.bias is None or not state.variance > 0 or days < 1:
            return found
        for row in view.window(days):
            outcome = float(np.nan_to_num(row) @ state.weights) / np.sqrt(state.variance)
            found = self.bias.update(found, outcome)
        return found
