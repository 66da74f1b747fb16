"""Daily VaR and CVaR of the portfolios in a walk-forward, each day from the days before it alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskengine.backtest.schedule import Fold
from riskengine.calibration.result import Calibrator
from riskengine.covariance.garch_ccc import conditional_variance
from riskengine.market import Panel
from riskengine.risk import empirical_tail, fill_residuals, student_t_tail

Array = np.ndarray


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
        One frame a portfolio, a row a day: ``volatility`` (of that day), and ``var_95``, ``cvar_95``,
        ``t_var_95``, ... as positive fractions of wealth, all known at the close before
        """
        returns = panel.returns.to_numpy()
        start = folds[0].trade
        size = 1 + 4 * len(self.levels)
        tables = [np.full((len(panel.dates) - start, size), np.nan) for _ in paths]
        for k, fold in enumerate(folds):
            # Row t of returns ends at date t + 1; the decision at position d knows rows up to d - 1.
            report("risk", k + 1, len(folds))
            end = folds[k + 1].decide if k + 1 < len(folds) else len(panel.dates) - 1
            begin = max(0, fold.decide - self.window)
            fit = self.calibrator(returns[begin : fold.decide])
            rows = returns[begin:end]
            volatility = np.sqrt(conditional_variance(fit, rows))
            residuals = fill_residuals((rows - fit.mean) / volatility[:-1])
            tail = 1 / np.asarray(fit.params.dof)
            for t in range(max(fold.decide, start) + 1, end + 1):
                now = t - 1 - begin  # rows begin .. t-2 are known at close t-1; this one is still to come
                scenarios = residuals[max(0, now - self.window) : now] * volatility[now]
                for path, table in zip(paths, tables, strict=True):
                    table[t - start] = self._row(path[t - 1 - start], scenarios, volatility[now], tail)
        return [pd.DataFrame(table, panel.dates[start:], self.columns) for table in tables]

    @property
    def columns(self) -> list[str]:
        """Names of the figures, in order."""
        names = ["volatility"]
        for level in self.levels:
            percent = f"{100 * level:g}"
            names += [f"{kind}_{percent}" for kind in ("var", "cvar", "t_var", "t_cvar")]
        return names

    def _row(self, weights: Array, scenarios: Array, volatility: Array, tail: Array) -> list[float]:
        outcome = scenarios @ weights
        deviation = float(np.sqrt(np.mean(outcome**2)))
        share = (weights * volatility) ** 2
        eta = float(share @ tail / share.sum()) if share.any() else 0.0
        row = [deviation]
        for level in self.levels:
            history = empirical_tail(outcome, level)
            parametric = student_t_tail(deviation, 1 / eta if eta > 0 else np.inf, level)
            row += [
                float(history.value_at_risk),
                float(history.conditional_value_at_risk),
                float(parametric.value_at_risk),
                float(parametric.conditional_value_at_risk),
            ]
        return row

