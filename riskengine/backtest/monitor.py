"""Daily VaR and CVaR of the portfolios in a walk-forward, each day from the days before it alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from riskengine.calibration import Calibrator, per_row
from riskengine.covariance import ConstantCorrelation, for_frequency
from riskengine.errors import DataError
from riskengine.market import Panel
from riskengine.progress import ProgressReport, no_progress
from riskengine.risk import (
    FilteredHistoricalForecaster,
    FilteredHistory,
    TailForecaster,
    VarForecaster,
    student_t_tail,
)

if TYPE_CHECKING:
    from riskengine.backtest.result import BacktestResult

Array = np.ndarray

_WINDOWS = (500, 1000)  # of the first method, where so many days are seen
_SIMULATED = ("filtered historical", "Student-t")  # methods of :meth:`RiskMonitor.today` for any horizon
_TOLD = 21  # days between reports of progress


class Monitored(NamedTuple):
    """Forecasts of VaR and CVaR in a walk-forward.

    Attributes
    ----------
    daily : a frame a portfolio and a row a day, known at the close before
    tomorrow : a row a method, level and portfolio: from the last close
    """

    daily: list[pd.DataFrame]
    tomorrow: pd.DataFrame


@dataclass(frozen=True)
class RiskMonitor:
    """One-day VaR and CVaR of every portfolio of a backtest, by any :class:`~riskengine.risk.VarForecaster`.

    A forecaster begins at the close of the first trade, with all returns until then, and takes every day with the
    weights that are held at its close; it calibrates by its own calendar.

    Attributes
    ----------
    calibrator : network, maximum likelihood, ... of the default forecasters
    window : days that the default forecasters see
    levels : confidence levels of the default forecasters
    forecaster : first method; :class:`~riskengine.risk.TailForecaster` if not given
    beside : methods shown beside it; :class:`~riskengine.risk.FilteredHistoricalForecaster` if not given
    """

    calibrator: Calibrator
    window: int = 1250
    levels: tuple[float, ...] = (0.95, 0.99)
    forecaster: VarForecaster | None = None
    beside: tuple[VarForecaster, ...] | None = None

    @property
    def methods(self) -> dict[str, VarForecaster]:
        """Forecasters by what the names of their columns begin with: ``var`` for the first."""
        windows = tuple(sorted({min(days, self.window) for days in _WINDOWS}))
        first = self.forecaster or TailForecaster(self.calibrator, windows, levels=self.levels)
        others = self.beside
        if others is None:
            others = (FilteredHistoricalForecaster(self.calibrator, self.window, levels=self.levels),)
        return {"": first} | {re.sub(r"\W+", "_", one.name).lower() + "_": one for one in others}

    @property
    def names(self) -> str:
        """Method of each column of VaR, for the provenance of a result: ``"var: adaptive tails; ..."``."""
        return "; ".join(f"{prefix}var: {one.name}" for prefix, one in self.methods.items())

    def watch(
        self, result: BacktestResult, panel: Panel, report: ProgressReport = no_progress
    ) -> BacktestResult:
        """A finished backtest with the risk of every day of it and of its benchmarks, and that of today.

        Parameters
        ----------
        result : all of whose portfolios hold assets of the panel
        panel : prices that it was run on
        report : called with a stage, days done and days in all, for a progress bar

        Raises
        ------
        DataError
            If the panel lacks closes or assets of the result.
        """
        runs = (result, *result.benchmarks)
        dates = pd.DatetimeIndex(result.gross.index)
        for one in runs:
            if list(one.weights.columns) != list(panel.assets):
                raise DataError(
                    f"{one.name} is not of the assets of this panel: give the one that it was run on"
                )
        start = int(panel.dates.searchsorted(dates[0]))
        if not dates.equals(panel.dates[start:]):
            raise DataError(
                "the closes of this panel are not those of the result: give the one that it was run on"
            )
        monitored = self.follow(panel, start, [one.weights.to_numpy() for one in runs], report)
        risked = [replace(one, risk=risk) for one, risk in zip(runs, monitored.daily, strict=True)]
        origin = {"value at risk": self.names}
        whole, *others = (replace(one, provenance=one.provenance | origin) for one in risked)
        today = self.today(panel, result.weights.to_numpy()[-1], tomorrow=monitored.tomorrow)
        return whole.beside(tuple(others)).with_risk_today(today)

    def follow(
        self,
        panel: Panel,
        start: int,
        paths: Sequence[Array],
        report: ProgressReport = no_progress,
    ) -> Monitored:
        """Risk of every portfolio on every day after its first trade.

        Parameters
        ----------
        panel : prices
        start : position of the close of the first trade
        paths : weights at every close from the first trade on, ``(days, assets)``, one a portfolio

        Returns
        -------
        Frames with ``volatility_one_period`` (of that day, not a year) and ``var_95``, ``cvar_95``, ... of the first
        method, as positive fractions of wealth; of the others ``filtered_historical_var_95``, ...
        """
        returns, _ = per_row(panel.returns.to_numpy())
        weights = self._exposed(np.stack(paths, axis=1), panel, start)  # (days, portfolios, assets)
        columns: dict[str, Array] = {"volatility_one_period": np.full(weights.shape[:2], np.nan)}
        tomorrow = []
        methods = {k: for_frequency(one, panel.periods_per_year)[0] for k, one in self.methods.items()}
        for number, (prefix, method) in enumerate(methods.items()):
            for level in method.levels:
                for kind in ("var", "cvar"):
                    columns[f"{prefix}{kind}_{100 * level:g}"] = np.full(weights.shape[:2], np.nan)
            # Row t of returns ends at date t + 1: the close of the first trade knows the rows before ``start``.
            state = method.init(returns[:start], weights[0])
            for t in range(1, len(weights)):
                if t % _TOLD == 0 or t == len(weights) - 1:
                    report("risk", number * len(weights) + t + 1, len(methods) * len(weights))
                if not prefix:
                    columns["volatility_one_period"][t] = method.volatility(state)
                for level in method.levels:
                    tail = method.forecast(state, level)
                    columns[f"{prefix}var_{100 * level:g}"][t] = tail.value_at_risk
                    columns[f"{prefix}cvar_{100 * level:g}"][t] = tail.conditional_value_at_risk
                state = method.update(state, returns[start + t - 1], weights[t])
            for level in method.levels:
                tail = method.forecast(state, level)
                both = np.broadcast_arrays(tail.value_at_risk, tail.conditional_value_at_risk)
                tomorrow += [(method.name, level, k, *one) for k, one in enumerate(zip(*both, strict=True))]
        nothing = np.abs(weights).sum(axis=2) == 0  # a portfolio in cash has no risk, whatever its past
        for table in columns.values():
            table[1:][nothing[:-1]] = 0.0
        dates = panel.dates[start:]
        return Monitored(
            [
                pd.DataFrame({name: table[:, j] for name, table in columns.items()}, dates)
                for j in range(len(paths))
            ],
            pd.DataFrame(tomorrow, columns=["method", "level", "portfolio", "var", "cvar"]),
        )

    def today(
        self,
        panel: Panel,
        weights: Array,
        horizons: tuple[int, ...] = (1, 10),
        tomorrow: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """VaR and CVaR of a portfolio from the last close of a panel, a row a method, horizon and level.

        Over several days filtered historical simulation draws paths of whole days; the Student-t takes the
        holding-period covariance with a shrunk correlation, and keeps the dof of one day, which is cautious.
        Neither scales one day by the square root of time.

        Parameters
        ----------
        panel : prices
        weights : (assets,) held at the last close; an empty table if all in cash
        horizons : sessions of all markets, which are closes where all have the same trading days
        tomorrow : of one day, by the first method of :meth:`follow`, which stands first
        """
        columns = ["method", "horizon", "level", "var", "cvar"]
        held = weights != 0
        if not held.any():
            return pd.DataFrame([], columns=columns)
        panel = panel.at_sessions()
        weights, rows = weights[held], per_row(panel.returns.to_numpy()[-self.window :, held])[0]
        calibrator, _ = for_frequency(self.calibrator, panel.periods_per_year)
        fit = calibrator(rows)
        forecaster = ConstantCorrelation(calibrator, window=self.window)
        state = forecaster.init(rows, calibration=fit)
        history = FilteredHistory(state.residuals, fit.params, state.variance)
        share = weights**2 * state.variance
        eta = float(share @ (1 / fit.params.dof) / share.sum())
        found: list[tuple[Any, ...]] = []
        method = self.methods[""]
        own = method.name not in _SIMULATED and set(self.levels) <= set(method.levels)
        if tomorrow is not None and own:
            first = tomorrow[(tomorrow["method"] == method.name) & (tomorrow["portfolio"] == 0)]
            found = [
                (row.method, 1, row.level, row.var, row.cvar)
                for row in first.itertuples()
                if row.level in self.levels
            ]
        for horizon in horizons:
            volatility = np.sqrt(horizon * forecaster.forecast(state, horizon).variance(weights))
            for level in self.levels:
                tails = {
                    _SIMULATED[0]: history.portfolio_tail(weights, level, horizon),
                    _SIMULATED[1]: student_t_tail(volatility, 1 / eta if eta > 0 else np.inf, level, horizon),
                }
                found += [
                    (name, horizon, level, tail.value_at_risk, tail.conditional_value_at_risk)
                    for name, tail in tails.items()
                ]
        return pd.DataFrame(found, columns=columns)

    @staticmethod
    def _exposed(weights: Array, panel: Panel, start: int) -> Array:
        """Weights ``(days, portfolios, assets)`` of what can move until the next close: not what is shut then."""
        shut = panel.calendars.shut
        if shut is None:
            return weights
        tomorrow = shut[start + 1 : start + len(weights)]
        closed = np.vstack([tomorrow, np.zeros((1, shut.shape[1]), bool)])
        return np.where(closed[:, None, :], 0.0, weights)
