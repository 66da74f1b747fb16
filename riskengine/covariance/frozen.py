"""A forecast whose variances or correlations are held at those of the window: what is their timing worth?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from riskengine.covariance.base import Covariance, CovarianceForecaster, given_ranges, reads_ranges
from riskengine.covariance.ensemble import Ensemble
from riskengine.covariance.static import SampleCovariance

Array = np.ndarray


class FrozenState(NamedTuple):
    """States of the forecaster, None where nothing of it is used, and of the window's sample."""

    inside: Any
    sample: Any


@dataclass(frozen=True)
class FrozenParts:
    """``D R D`` with the deviations ``D``, the correlations ``R``, or both, of the window's sample covariance.

    Attributes
    ----------
    inside : forecaster whose other part is kept
    variances, correlations : whether they are the sample's
    window : days of the sample

    Examples
    --------
    >>> from riskengine.covariance import Ewma
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 2)) * np.linspace(0.5, 2, 300)[:, None]
    >>> frozen = FrozenParts(Ewma(20), correlations=True, window=300)
    >>> found, moving = (f.forecast(f.init(x)) for f in (frozen, Ewma(20)))
    >>> bool(np.allclose(found.volatility, moving.volatility)), bool(
    ...     np.allclose(found.correlation(), np.corrcoef(x.T)))
    (True, True)
    """

    inside: CovarianceForecaster = field(default_factory=Ensemble)
    variances: bool = False
    correlations: bool = False
    window: int = 1250

    @property
    def reads_ranges(self) -> bool:
        """Whether the forecaster inside makes use of the day's range."""
        return reads_ranges(self.inside)

    @property
    def _sample(self) -> SampleCovariance:
        return SampleCovariance(self.window)

    @property
    def _moves(self) -> bool:
        return not (self.variances and self.correlations)

    def init(self, returns: Array, ranges: Array | None = None) -> FrozenState:
        """State after a history ``(time, assets)``."""
        inside = self.inside.init(returns, **given_ranges(self.inside, ranges)) if self._moves else None
        return FrozenState(inside, self._sample.init(returns))

    def update(self, state: FrozenState, row: Array, ranges: Array | None = None) -> FrozenState:
        """State after one more day."""
        inside = state.inside
        if self._moves:
            inside = self.inside.update(inside, row, **given_ranges(self.inside, ranges))
        return FrozenState(inside, self._sample.update(state.sample, row))

    def forecast(self, state: FrozenState, horizon: int = 1) -> Covariance:
        """Mean covariance per day over the horizon."""
        sample = self._sample.forecast(state.sample, horizon)
        if not self._moves:
            return sample
        moving = self.inside.forecast(state.inside, horizon)
        if not (self.variances or self.correlations):
            return moving
        deviation = (sample if self.variances else moving).volatility
        matrix = (sample if self.correlations else moving).correlation() * np.outer(deviation, deviation)
        return Covariance.dense((matrix + matrix.T) / 2, horizon, moving.notes)
