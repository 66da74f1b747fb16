"""Contract of forecasts of daily VaR and CVaR: a state that begins with a history and takes a day at a time."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from riskengine.risk.measures import TailRisk

Array = np.ndarray


class VarForecaster(Protocol):
    """VaR forecaster of the next day, for portfolios whose weights may change every day.

    :class:`~riskengine.risk.TailForecaster` and :class:`~riskengine.risk.FilteredHistoricalForecaster` are two. A
    backtest takes any (:class:`riskengine.backtest.RiskMonitor`).

    Attributes
    ----------
    name : of the method, for tables
    levels : confidence levels that it forecasts at
    """

    @property
    def name(self) -> str:
        """Of the method."""

    @property
    def levels(self) -> tuple[float, ...]:
        """Confidence levels."""

    def init(self, returns: Array, weights: Array | None = None) -> Any:
        """State after a history.

        Parameters
        ----------
        returns : (days, assets), NaN where there is none
        weights : (portfolios, assets) held from the last close on; every asset by itself if not given
        """

    def update(self, state: Any, row: Array, weights: Array | None = None) -> Any:
        """State after one more day.

        Parameters
        ----------
        state : of the day before
        row : (assets,) returns of the day
        weights : (portfolios, assets) held from its close on; those of the day before if not given
        """

    def forecast(self, state: Any, level: float = 0.99) -> TailRisk:
        """VaR and CVaR of the next day, arrays ``(portfolios,)``."""

    def volatility(self, state: Any) -> Array:
        """Standard deviation of the next day's returns ``(portfolios,)``."""
