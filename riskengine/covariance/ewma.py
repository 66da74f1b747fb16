"""Exponentially weighted second moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.covariance.static import last_days
from riskengine.errors import SettingsError

Array = np.ndarray


class EwmaState(NamedTuple):
    """Weighted sums of products ``(assets, assets)`` and the weights that went into them."""

    products: Array
    weights: Array


@dataclass(frozen=True)
class Ewma:
    """RiskMetrics (1996): products of returns about zero, weighted by ``decay`` to the power of their age.

    Each pair's mean runs over the days on which both were observed.

    Attributes
    ----------
    decay : between 0 and 1; 0.94 is RiskMetrics' choice for daily data, 0.97 for monthly horizons
    """

    decay: float = 0.97

    def __post_init__(self) -> None:
        if not 0 < self.decay < 1:
            raise SettingsError(f"a decay lies between 0 and 1, not at {self.decay}")

    def init(self, returns: Array) -> EwmaState:
        """State after all rows of ``(time, assets)``."""
        rows = last_days(returns, len(returns))
        seen = (~np.isnan(rows)).astype(np.float64)
        filled = np.where(seen > 0, rows, 0.0)
        weights = self.decay ** np.arange(len(rows) - 1, -1, -1.0)[:, None]
        return EwmaState((weights * filled).T @ filled, (weights * seen).T @ seen)

    def update(self, state: EwmaState, row: Array) -> EwmaState:
        """State after one more day: a rank-one update."""
        seen = (~np.isnan(row)).astype(np.float64)
        filled = np.where(seen > 0, row, 0.0)
        return EwmaState(
            self.decay * state.products + np.outer(filled, filled),
            self.decay * state.weights + np.outer(seen, seen),
        )

    def forecast(self, state: EwmaState, horizon: int = 1) -> Covariance:
        """Weighted mean of the products; pairs never seen together are uncorrelated."""
        matrix = np.divide(
            state.products, state.weights, out=np.zeros_like(state.products), where=state.weights > 0
        )
        return Covariance.dense(matrix, horizon)
