"""Bias correction: a forecast scaled by its recent errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from riskengine.covariance.base import Covariance, CovarianceForecaster, given_ranges, reads_ranges
from riskengine.covariance.ensemble import Ensemble
from riskengine.covariance.weighting import decay_of
from riskengine.covariance.window import as_row, last_days
from riskengine.errors import DataError, SettingsError

Array = np.ndarray


class BiasCorrectedState(NamedTuple):
    """State of the forecaster inside, the forecast that is judged, and the verdicts.

    Attributes
    ----------
    inside : the forecaster's
    exposures : (assets,) of each asset to the equally weighted market, by the forecast in force
    market : variance of the market
    rest : (assets,) variances of what assets do apart from it
    age : days since that forecast
    verdicts : fading means of squared outcomes over their forecasts: of the market, and of the rest
    """

    inside: Any
    exposures: Array
    market: float
    rest: Array
    age: int
    verdicts: tuple[float, float]


@dataclass(frozen=True)
class BiasCorrected:
    """Bias correction of a covariance: market risk and all other risk are scaled by their own running bias.

    A covariance may have the right shape and the wrong size. With the equally weighted portfolio ``w``,
    ``Sigma = Sigma w w' Sigma / (w' Sigma w) + rest``; each of the two parts is multiplied by the fading mean of
    squared outcomes over what was forecast of it for the next day. Both stay positive semi-definite.

    Attributes
    ----------
    inside : forecaster
    half_life : days; the bias statistics of random portfolios of 25 stocks were nearest to one between 21 and 63
    memory : days off the end of the history, forecast one by one at ``init``, to learn from
    refresh : days between the forecasts that are judged

    Examples
    --------
    >>> from riskengine.covariance import SampleCovariance
    >>> rng = np.random.default_rng(0)
    >>> x = 0.01 * rng.standard_normal((1000, 3))
    >>> x[-200:] *= 2  # the volatility has doubled, and most of the window is older
    >>> plain, model = SampleCovariance(1000), BiasCorrected(SampleCovariance(1000))
    >>> plain.forecast(plain.init(x)).volatility.round(2), model.forecast(model.init(x)).volatility.round(2)
    (array([0.01, 0.01, 0.01]), array([0.02, 0.02, 0.02]))
    """

    inside: CovarianceForecaster = field(default_factory=Ensemble)
    half_life: float = 42.0
    memory: int = 126
    refresh: int = 1

    def __post_init__(self) -> None:
        decay_of(self.half_life)
        if self.memory < 1 or self.refresh < 1:
            raise SettingsError(
                f"a forecast is judged on a day at least, not on {self.memory}, and made anew after a day at least, "
                f"not after {self.refresh}"
            )

    @property
    def reads_ranges(self) -> bool:
        """Whether the forecaster inside makes use of the day's range."""
        return reads_ranges(self.inside)

    def init(self, returns: Array, ranges: Array | None = None) -> BiasCorrectedState:
        """State after a history ``(time, assets)``, with ``ranges`` of the same shape for a forecaster that reads them.

        Raises
        ------
        DataError
            If the history is not longer than ``memory`` by two days.
        """
        rows = last_days(returns, len(returns))
        if len(rows) < self.memory + 2:
            raise DataError(
                f"a size learned on {self.memory} days needs a longer history than {len(rows)} days: lower memory"
            )
        none = np.zeros(rows.shape[1])
        before = given_ranges(self.inside, None if ranges is None else ranges[: -self.memory])
        start = self.inside.init(rows[: -self.memory], **before)
        state = BiasCorrectedState(start, none, 0.0, none, self.refresh, (1.0, 1.0))
        for day in range(len(rows) - self.memory, len(rows)):
            state = self.update(state, rows[day], None if ranges is None else ranges[day])
        return state

    def update(
        self, state: BiasCorrectedState, row: Array, ranges: Array | None = None
    ) -> BiasCorrectedState:
        """State after one more day: its outcome is judged by the forecast of the day before."""
        row = as_row(row, len(state.rest))
        if state.age >= self.refresh:
            matrix = self.inside.forecast(state.inside).matrix()
            exposures, variance = _market(matrix)
            rest = np.diag(matrix) - variance * exposures**2
            state = state._replace(exposures=exposures, market=variance, rest=rest, age=0)
        return state._replace(
            inside=self.inside.update(state.inside, row, **given_ranges(self.inside, ranges)),
            age=state.age + 1,
            verdicts=self._judged(state, row),
        )

    def _judged(self, state: BiasCorrectedState, row: Array) -> tuple[float, float]:
        """The verdicts after a day."""
        seen = ~np.isnan(row)
        if not seen.any():
            return state.verdicts
        moved = float(row[seen].mean())
        own = row - state.exposures * moved
        usable = seen & (state.rest > 1e-12 * state.market)
        outcomes = (
            moved**2 / state.market,
            float(np.mean(own[usable] ** 2 / state.rest[usable])) if usable.any() else state.verdicts[1],
        )
        decay = decay_of(self.half_life)
        market, rest = (
            decay * old + (1 - decay) * new for old, new in zip(state.verdicts, outcomes, strict=True)
        )
        return market, rest

    def forecast(self, state: BiasCorrectedState, horizon: int = 1) -> Covariance:
        """The forecast inside, its two parts scaled."""
        found = self.inside.forecast(state.inside, horizon)
        matrix = found.matrix()
        exposures, variance = _market(matrix)
        market = variance * np.outer(exposures, exposures)
        of_market, of_rest = state.verdicts
        return Covariance.dense(of_rest * (matrix - market) + of_market * market, horizon, found.notes)


def _market(matrix: Array) -> tuple[Array, float]:
    """Exposures ``(assets,)`` to the equally weighted portfolio, and its variance."""
    covariances = matrix.mean(axis=1)
    variance = float(covariances.mean())
    return covariances / variance, variance
