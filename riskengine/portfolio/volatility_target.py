"""Volatility targeting: an overlay that holds more or less of a strategy, so that its volatility stays constant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from riskengine.covariance import RunningBias
from riskengine.errors import SettingsError, deprecated
from riskengine.portfolio.ask import stated_limits
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.strategy import Strategy

if TYPE_CHECKING:
    from riskengine.market import MarketView

Array = np.ndarray


class TargetState(NamedTuple):
    """State of the strategy inside; its last weights, their variance a day and their day; the bias learned."""

    inside: Any
    weights: Array
    variance: float
    day: int
    bias: float


@dataclass(frozen=True)
class VolatilityTarget:
    """Volatility targeting: a strategy in the size that has the target volatility, the rest cash or borrowed.

    See Harvey et al. (2018). The forecast is corrected by the bias ``b`` of the portfolio's own past forecasts: the
    size of a portfolio ``w`` is ``sigma / sqrt(P b w' Sigma w)`` with P periods a year, and at most what the leverage
    allows.

    Attributes
    ----------
    strategy : what is held; its budget is one, and its decisions carry a covariance
    volatility : sigma, per year
    leverage : greatest gross exposure
    bias : how forecasts are corrected; None leaves them as they are
    name : for tables; that of the strategy and the target if not given

    Examples
    --------
    >>> from riskengine import LedoitWolf, OptimizedStrategy
    >>> strategy = OptimizedStrategy("minimum variance", LedoitWolf())
    >>> VolatilityTarget(strategy, volatility=0.10, leverage=2.0).name
    'minimum variance at 10% volatility'
    """

    strategy: Strategy
    volatility: float = 0.10
    leverage: float = 2.0
    bias: RunningBias | None = field(default_factory=RunningBias)
    name: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.volatility < 10:
            raise SettingsError(
                f"a target volatility is a positive fraction a year like 0.1, not {self.volatility}"
            )
        if not self.leverage > 0:
            raise SettingsError(f"leverage is a positive gross exposure, not {self.leverage}")
        limits = stated_limits(self.strategy)
        if limits is not None and limits.budget_range != (1.0, 1.0):
            raise SettingsError(
                "the strategy inside has a budget of one: its size is decided by its volatility"
            )
        if not self.name:
            object.__setattr__(self, "name", f"{self.strategy.name} at {self.volatility:.0%} volatility")

    @property
    def constraints(self) -> Constraints | None:
        """What is kept in all: the limits of the strategy inside, at every size that the leverage allows."""
        stated = stated_limits(self.strategy)
        return None if stated is None else replace(stated.scaled(0.0, self.leverage), leverage=self.leverage)

    def init(self, view: MarketView) -> TargetState:
        """Nothing learned yet."""
        start = 1.0 if self.bias is None else self.bias.init()
        return TargetState(self.strategy.init(view), np.zeros(len(view.assets)), 0.0, view.day, start)

    def decide(self, state: TargetState, view: MarketView, holdings: Array) -> tuple[Decision, TargetState]:
        """The decision of the strategy inside, which sees its holdings at full size, times the size."""
        bias = self._learned(state, view)
        invested = float(holdings.sum())
        held = holdings / invested if invested > 0 else np.zeros_like(holdings)
        decision, inside = self.strategy.decide(state.inside, view, held)
        covariance, weights = decision.covariance, decision.weights
        if covariance is None or not weights.any():
            return decision, TargetState(inside, np.zeros_like(weights), 0.0, view.day, bias)
        variance = covariance.variance(weights)
        size = self.leverage / float(np.abs(weights).sum())
        if variance > 0:
            size = min(size, self.volatility / np.sqrt(view.periods_per_year * bias * variance))
        corrected = replace(
            covariance, loadings=np.sqrt(bias) * covariance.loadings, specific=bias * covariance.specific
        )
        sized = replace(decision, weights=size * weights, covariance=corrected)
        return sized, TargetState(inside, weights, variance, view.day, bias)

    def _learned(self, state: TargetState, view: MarketView) -> float:
        """The bias after the days since the last decision."""
        found, days = state.bias, view.day - state.day
        if self.bias is None or not state.variance > 0 or days < 1:
            return found
        for row in view.window(days):
            outcome = float(np.nan_to_num(row) @ state.weights) / np.sqrt(state.variance)
            found = self.bias.update(found, outcome)
        return found


def SteadyVolatility(  # noqa: N802 - the name of the class that it was
    name: str, inside: Strategy, *settings: Any, **more: Any
) -> VolatilityTarget:
    """Deprecated: ``VolatilityTarget(strategy, ...)``.

    Examples
    --------
    >>> import warnings
    >>> from riskengine.portfolio import EqualWeight
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     SteadyVolatility("calm", EqualWeight()).name
    'calm'
    """
    deprecated("SteadyVolatility(name, inside)", "VolatilityTarget(strategy, name=name)")
    return VolatilityTarget(inside, *settings, **{**more, "name": name})
