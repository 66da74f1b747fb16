"""Daily VaR and CVaR of the portfolios in a walk-forward, each day from the days before it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskengine.backtest.schedule import Fold
from riskengine.calibration.dated import per_row
from riskengine.calibration.result import Calibration, Calibrator
from riskengine.covariance import for_frequency
from riskengine.covariance.constant_correlation import ConstantCorrelation, conditional_variance
from riskengine.market import Panel
from riskengine.risk import FilteredHistory, empirical_tail, fill_residuals, student_t_tail

Array = np.ndarray

_COLUMNS = 4096  # series that go through the calibrator at once


@dataclass(frozen=True)
class RiskMonitor:
    """One-day VaR and CVaR by filtered historical simulation and by Student-t.

    At each decision of the schedule the margins are calibrated anew on the last ``window`` days; in
    between, variances are filtered day by day with these parameters. Today's portfolio is then exposed to
    the standardised residuals of the last ``window`` days, scaled to tomorrow's variances
    (Barone-Adesi, Giannopoulos and Vosper 1999). The Student-t figure takes the volatility of these
    scenarios and the dof of the holdings, weighted by their share of the squared weight times variance.

    Attributes
    ----------
    calibrator : network, maximum likelihood, ...
    window : days of residuals
    levels : confidence levels
    """

    calibrator: Calibrator
    window: int = 1250
    levels: tuple[float, ...] = (0.95, 0.99)

    def follow(
        self,
        panel: Panel,
        folds: tuple[Fold, ...],
        paths: Sequence[Array],
        report: Callable[[str, int, int], None] = lambda stage, done, total: None,
    ) -> list[pd.DataFrame]:
        """Risk of every portfolio on every day after its first trade.

        Parameters
        ----------
        panel : prices
        folds : the schedule
        paths : weights at every close from the first trade on, ``(days, assets)``, one a portfolio

        Returns
        -------
        One frame a portfolio, a row a day: ``volatility_one_period`` (of that day, not a year), and ``var_95``,
        ``cvar_95``, ``t_var_95``, ... as positive fractions of wealth, all known at the close before
        """
        returns, _ = per_row(panel.returns.to_numpy())
        shut, start = panel.calendars.shut, folds[0].trade
        weights = np.stack(paths, axis=-1)  # (days, assets, portfolios)
        days, _, portfolios = weights.shape
        deviation = np.full((days, portfolios), np.nan)
        tail = np.full((days, portfolios), np.nan)
        history = np.full((len(self.levels), 2, days, portfolios), np.nan)
        fits = self._fits(returns, folds, for_frequency(self.calibrator, panel.periods_per_year)[0])
        for k, (fold, fit) in enumerate(zip(folds, fits, strict=True)):
            report("risk", k + 1, len(folds))
            # Row t of returns ends at date t + 1; the decision at position d knows rows up to d - 1.
            end = folds[k + 1].decide if k + 1 < len(folds) else len(panel.dates) - 1
            begin = max(0, fold.decide - self.window)
            rows = returns[begin:end]
            volatility = np.sqrt(conditional_variance(fit, rows))
            residuals = (rows - fit.mean) / volatility[:-1]
            known = np.concatenate([[0], np.cumsum(~np.isnan(residuals).all(axis=1))])
            residuals = fill_residuals(residuals)  # days without a single return are gone
            eta = 1 / np.asarray(fit.params.dof)
            for t in range(max(fold.decide, start) + 1, end + 1):
                now = t - 1 - begin  # the rows before it are known at close t - 1
                held = weights[t - 1 - start]
                if shut is not None:  # on a day on which its market is shut, an asset does not move
                    held = np.where(shut[t][:, None], 0.0, held)
                past = residuals[max(0, known[now] - self.window) : known[now]]
                outcome = past @ (volatility[now][:, None] * held)
                deviation[t - start] = np.sqrt(np.mean(outcome**2, axis=0))
                share = (held * volatility[now][:, None]) ** 2
                total = np.maximum(share.sum(axis=0), np.finfo(float).tiny)
                tail[t - start] = eta @ share / total
                for level, table in zip(self.levels, history, strict=True):
                    found = empirical_tail(outcome, level)
                    table[:, t - start] = found.value_at_risk, found.conditional_value_at_risk
        dof = 1 / np.maximum(tail, 1e-6)
        columns = {"volatility_one_period": deviation}
        for level, (var, cvar) in zip(self.levels, history, strict=True):
            normal = student_t_tail(deviation, np.where(np.isnan(dof), np.inf, dof), level)
            percent = f"{100 * level:g}"
            columns |= {f"var_{percent}": var, f"cvar_{percent}": cvar}
            columns |= {f"t_var_{percent}": np.asarray(normal.value_at_risk)}
            columns |= {f"t_cvar_{percent}": np.asarray(normal.conditional_value_at_risk)}
        dates = panel.dates[start:]
        return [
            pd.DataFrame({name: table[:, j] for name, table in columns.items()}, dates)
            for j in range(portfolios)
        ]

    def today(self, panel: Panel, weights: Array, horizons: tuple[int, ...] = (1, 10)) -> pd.DataFrame:
        """VaR and CVaR of a portfolio from the last close of a panel, a row a method, horizon and level.

        Over several days filtered historical simulation draws paths of whole days; the Student-t takes the
        holding-period covariance with a shrunk correlation, and keeps the dof of one day, which is cautious.
        Neither scales one day by the square root of time.

        Parameters
        ----------
        panel : prices
        weights : (assets,) held at the last close; an empty table if all in cash
        horizons : sessions of all markets, which are closes where all have the same trading days
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
        found = []
        for horizon in horizons:
            volatility = np.sqrt(horizon * forecaster.forecast(state, horizon).variance(weights))
            for level in self.levels:
                tails = {
                    "filtered historical": history.portfolio_tail(weights, level, horizon),
                    "Student-t": student_t_tail(volatility, 1 / eta if eta > 0 else np.inf, level, horizon),
                }
                found += [
                    (name, horizon, level, tail.value_at_risk, tail.conditional_value_at_risk)
                    for name, tail in tails.items()
                ]
        return pd.DataFrame(found, columns=columns)

    def _fits(self, returns: Array, folds: tuple[Fold, ...], calibrator: Calibrator) -> Iterator[Calibration]:
        """Calibration of each fold on the days before its decision.

        Assets are calibrated one by one whoever stands beside them, so that the windows of many folds can
        go through the calibrator side by side, as if they were one wide universe. Only the parameters
        that an asset without enough data borrows come from its neighbours: such folds go alone.
        """
        assets = returns.shape[1]
        windows = [returns[max(0, fold.decide - self.window) : fold.decide] for fold in folds]
        together = max(1, _COLUMNS // assets)
        together = -(-len(windows) // -(-len(windows) // together))  # batches of one size compile once
        for first in range(0, len(windows), together):
            batch = windows[first : first + together]
            full = all(len(rows) == len(batch[0]) for rows in batch)
            fit = calibrator(np.hstack(batch)) if full else None
            for k, rows in enumerate(batch):
                part = None if fit is None else fit.select(slice(k * assets, (k + 1) * assets))
                if part is None or any(status.fell_back for status in part.status):
                    part = calibrator(rows)
                yield part
