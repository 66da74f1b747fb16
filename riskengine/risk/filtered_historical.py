"""Filtered historical simulation: past surprises, rescaled to today's volatility."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.garch.params import GarchParams
from riskengine.risk.tails import TailRisk, empirical_tail

Array = np.ndarray


def fill_residuals(residuals: Array) -> Array:
    """Replace missing standardised residuals ``(time, assets)`` by the median of the others on that day.

    A market-wide day so stays one for an asset that was not yet listed. Days without any are dropped.

    Raises
    ------
    DataError
        If nothing is left.

    Examples
    --------
    >>> fill_residuals(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]]))
    array([[1., 2., 3.]])
    """
    residuals = np.asarray(residuals, dtype=np.float64)
    residuals = residuals[~np.isnan(residuals).all(axis=1)]
    if not len(residuals):
        raise DataError("no asset has a single residual: lengthen the window or bring more history")
    missing = np.isnan(residuals)
    return (
        np.where(missing, np.nanmedian(residuals, axis=1)[:, None], residuals) if missing.any() else residuals
    )


@dataclass(frozen=True, eq=False)
class FilteredHistory:
    """Scenarios of Barone-Adesi, Giannopoulos and Vosper (1999) for a universe with GARCH margins.

    Whole days of standardised residuals are drawn together, which keeps the dependence between assets,
    tails included. Nothing is scaled by the square root of time.

    Attributes
    ----------
    residuals : (time, assets) returns over their conditional volatilities; missing ones are filled
    params : leaves ``(assets,)``
    next_variance : (assets,) variance of tomorrow

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = GarchParams(*(np.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> history = FilteredHistory(rng.standard_normal((1000, 1)), p, np.array([1e-4]))
    >>> one, ten = (history.portfolio_tail(np.array([1.0]), 0.99, horizon=h) for h in (1, 10))
    >>> bool(0.02 < one.value_at_risk < ten.value_at_risk)
    True
    """

    residuals: Array
    params: GarchParams
    next_variance: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "residuals", fill_residuals(self.residuals))
        object.__setattr__(
            self, "params", GarchParams(*(np.asarray(x, dtype=np.float64) for x in self.params))
        )
        wanted = (self.residuals.shape[1],)
        if self.next_variance.shape != wanted or self.params.omega.shape != wanted:
            raise DataError(
                f"parameters and variances must have shape {wanted}, one entry a column of residuals"
            )

    def one_day(self) -> Array:
        """Scenarios of tomorrow's returns ``(time, assets)``: every past day once."""
        return self.residuals * np.sqrt(self.next_variance)

    def simulate(self, horizon: int, paths: int = 10_000, seed: int = 0) -> Array:
        """Compounded simple returns over the horizon, ``(paths, assets)``; a loss ends at minus one.

        Parameters
        ----------
        horizon : days
        paths : number of scenarios
        seed : of the draws of days
        """
        if horizon < 1 or paths < 1:
            raise SettingsError(f"horizon and paths must be at least 1, not {horizon} and {paths}")
        days = np.random.default_rng(seed).integers(len(self.residuals), size=(horizon, paths))
        p = self.params
        variance = np.broadcast_to(self.next_variance, (paths, len(self.next_variance)))
        wealth = np.ones(variance.shape)
        for drawn in days:
            shock = self.residuals[drawn] * np.sqrt(variance)
            wealth = wealth * np.maximum(1 + shock, 0)
            variance = p.omega + (p.alpha + p.gamma * (shock < 0)) * shock**2 + p.beta * variance
        return wealth - 1

    def portfolio_tail(
        self, weights: Array, level: float = 0.99, horizon: int = 1, paths: int = 10_000, seed: int = 0
    ) -> TailRisk:
        """VaR and CVaR of a buy-and-hold portfolio ``(assets,)``; one day is exact, more are simulated."""
        scenarios = self.one_day() if horizon == 1 else self.simulate(horizon, paths, seed)
        return empirical_tail(scenarios @ weights, level, horizon)
