"""One-day VaR and CVaR by filtered historical simulation, day by day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from riskengine.calibration import Calibrator, NeuralCalibrator
from riskengine.covariance import Margin, Refit
from riskengine.errors import SettingsError
from riskengine.market import as_returns, as_row, as_weights
from riskengine.risk.filtered_historical import fill_residuals
from riskengine.risk.measures import TailRisk, check_level, empirical_tail

Array = np.ndarray


class FilteredState(NamedTuple):
    """What a :class:`FilteredHistoricalForecaster` carries from day to day.

    Attributes
    ----------
    rows : taken since the last calibration
    returns : (window, assets), the last day last
    margin : GARCH of every asset
    residuals : (days, assets) standardised, without gaps; at most as many days as the window has
    weights : (portfolios, assets) of today
    """

    rows: int
    returns: Array
    margin: Margin
    residuals: Array
    weights: Array


@dataclass(frozen=True)
class FilteredHistoricalForecaster:
    """Filtered historical simulation of the next day, for changing weights (Hull and White 1998).

    The standardised residuals of the last ``window`` days, all assets of a day together, are scaled to tomorrow's GARCH
    volatilities; VaR and CVaR are those of ``sum_i w_i sigma_i z_i`` over these days. A
    :class:`~riskengine.risk.VarForecaster`; of one day and several, :class:`~riskengine.risk.FilteredHistory`.

    Attributes
    ----------
    calibrator : network, maximum likelihood, ...
    window : days of residuals, and of calibrations
    recalibrate : days between calibrations
    levels : confidence levels
    name : of the method

    Examples
    --------
    >>> from riskengine.calibration import MaximumLikelihood
    >>> rows = 0.01 * np.random.default_rng(0).standard_t(5, (301, 2))
    >>> forecaster = FilteredHistoricalForecaster(MaximumLikelihood(), window=300)
    >>> state = forecaster.init(rows[:-1], np.array([[0.5, 0.5]]))
    >>> forecaster.forecast(forecaster.update(state, rows[-1]), 0.95).value_at_risk.shape
    (1,)
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    window: int = 1250
    recalibrate: int = 21
    levels: tuple[float, ...] = (0.95, 0.99)
    name: str = "filtered historical"

    def __post_init__(self) -> None:
        for level in self.levels:
            check_level(level)
        Refit(self.recalibrate)  # refuses what is no number of days
        if self.window < 2:
            raise SettingsError(f"filtered history needs a window of two days, not {self.window}")

    def init(self, returns: Array, weights: Array | None = None) -> FilteredState:
        """State after a history ``(days, assets)``; every asset is a portfolio if no weights are given.

        Raises
        ------
        DataError
            As :func:`riskengine.market.checks.as_returns` and :func:`riskengine.market.checks.as_weights`.
        """
        rows = as_returns(returns, shortest=2)[0][-self.window :]
        held = np.eye(rows.shape[1]) if weights is None else _checked(weights, rows.shape[1])
        margin, variance = Margin.of(self.calibrator, rows)
        residuals = fill_residuals((rows - margin.fit.mean) / np.sqrt(variance))
        return FilteredState(0, rows, margin, residuals, held)

    def update(self, state: FilteredState, row: Array, weights: Array | None = None) -> FilteredState:
        """State after one more day ``(assets,)``, at whose close these weights are held.

        Raises
        ------
        DataError
            As :func:`riskengine.market.checks.as_row` and :func:`riskengine.market.checks.as_weights`.
        """
        row = as_row(row, state.returns.shape[1])
        held = state.weights if weights is None else _checked(weights, len(row))
        returns = np.vstack([state.returns[-self.window + 1 :], row])
        if Refit(self.recalibrate).due(state.rows + 1):
            return self.init(returns, held)
        residuals = state.residuals
        if not np.isnan(row).all():  # a day without a single return is no scenario
            new = fill_residuals(state.margin.residual(row)[None], past=residuals)
            residuals = np.vstack([residuals[-self.window + 1 :], new])
        return FilteredState(state.rows + 1, returns, state.margin.moved(row), residuals, held)

    def forecast(self, state: FilteredState, level: float = 0.99) -> TailRisk:
        """VaR and CVaR of tomorrow, arrays ``(portfolios,)``; losses of the day are added, not compounded.

        NaN as long as the days are fewer than one of them would be beyond the level: below 100 at 99%.
        """
        check_level(level)
        outcomes = self._outcomes(state)
        if len(outcomes) < np.round(1 / (1 - level), 6):
            unknown = np.full(outcomes.shape[1], np.nan)
            return TailRisk(unknown, unknown.copy(), level, 1, self.name)
        tail = empirical_tail(outcomes, level)
        return TailRisk(tail.value_at_risk, tail.conditional_value_at_risk, level, 1, self.name)

    def volatility(self, state: FilteredState) -> Array:
        """Root mean square of the scenarios of tomorrow ``(portfolios,)``."""
        return np.sqrt(np.mean(self._outcomes(state) ** 2, axis=0))

    def _outcomes(self, state: FilteredState) -> Array:
        return state.residuals @ (np.sqrt(state.margin.variance) * state.weights).T


def _checked(weights: Array, assets: int) -> Array:
    return np.array([as_weights(one, assets) for one in np.atleast_2d(weights)])
