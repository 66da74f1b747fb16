"""Filtered historical simulation: past standardised residuals, rescaled to today's volatility."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams, step
from riskengine.market import as_weights
from riskengine.risk.measures import TailRisk, check_level, empirical_tail

Array = np.ndarray


def fill_residuals(residuals: Array, past: Array | None = None) -> Array:
    """Replace missing standardised residuals ``(time, assets)`` by the median of the others on that day, scaled.

    A market-wide day so stays one for an asset that was not yet listed. Medians move less than single assets do: they
    are divided by their root mean square over the days, so that a filled past has the variance of a real one, and an
    asset that holds half of a portfolio shows its risk from its first month on. Days without any are dropped.

    Parameters
    ----------
    residuals : (time, assets), NaN where there is none
    past : (days, assets) filled or not, whose medians give the scale; ``residuals`` themselves if not given

    Raises
    ------
    DataError
        If nothing is left.

    Examples
    --------
    >>> fill_residuals(np.array([[1.0, np.nan, 3.0], [np.nan, -2.0, -2.0], [np.nan, np.nan, np.nan]]))
    array([[ 1.,  1.,  3.],
           [-1., -2., -2.]])
    """
    residuals = np.asarray(residuals, dtype=np.float64)
    residuals = residuals[~np.isnan(residuals).all(axis=1)]
    if not len(residuals):
        raise DataError("no asset has a single residual: lengthen the window or bring more history")
    missing = np.isnan(residuals)
    if not missing.any():
        return residuals
    medians = np.nanmedian(residuals, axis=1)
    of_past = medians if past is None else np.nanmedian(past, axis=1)
    size = np.sqrt(np.mean(of_past**2))
    return np.where(missing, (medians / size if size > 0 else medians)[:, None], residuals)


@dataclass(frozen=True, eq=False)
class FilteredHistory:
    """Scenarios of Barone-Adesi, Giannopoulos and Vosper (1999) for a universe with GARCH margins.

    Whole days of standardised residuals are drawn together, which keeps the dependence between assets,
    tails included. Over one day this is the rescaling of Hull and White (1998). Nothing is scaled by the
    square root of time.

    Attributes
    ----------
    residuals : (time, assets) returns over their conditional volatilities, NaN where there was no return
    params : leaves ``(assets,)``
    next_variance : (assets,) variance of tomorrow
    filled : (days, assets) the residuals that scenarios are made of, without gaps: :func:`fill_residuals`

    Raises
    ------
    DataError
        If the shapes do not match, or no asset has a residual.

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
    filled: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        as_float = {
            "residuals": np.asarray(self.residuals, dtype=np.float64),
            "params": GarchParams._make(np.asarray(x, dtype=np.float64) for x in self.params),
            "next_variance": np.asarray(self.next_variance, dtype=np.float64),
        }
        for name, value in as_float.items():
            object.__setattr__(self, name, value)
        if self.residuals.ndim != 2:
            raise DataError(f"residuals have shape (time, assets), not {self.residuals.shape}")
        wanted = (self.residuals.shape[1],)
        if any(x.shape != wanted for x in (*self.params, self.next_variance)):
            raise DataError(
                f"parameters and variances must have shape {wanted}, one entry a column of residuals"
            )
        object.__setattr__(self, "filled", fill_residuals(self.residuals))

    def one_day(self) -> Array:
        """Scenarios of tomorrow's returns ``(days, assets)``: every past day once; a loss ends at minus one.

        Examples
        --------
        >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
        >>> FilteredHistory(np.array([[1.0, -2.0], [0.5, np.nan]]), p, np.array([1e-4, 4e-4])).one_day()
        array([[ 0.01 , -0.04 ], [ 0.005, 0.02 ]])
        """
        return np.maximum(self.filled * np.sqrt(self.next_variance), -1)

    def simulate(self, horizon: int, paths: int = 10_000, seed: int = 0) -> Array:
        """Compounded simple returns over the horizon, ``(paths, assets)``; a loss ends at minus one.

        Each asset's variance follows ``var[t+1] = omega + (alpha + gamma 1[r<0]) r[t]^2 + beta var[t]``
        along its own path.

        Parameters
        ----------
        horizon : days
        paths : number of scenarios
        seed : of the draws of days

        Raises
        ------
        SettingsError
            If horizon or paths are below one.

        Examples
        --------
        >>> p = GarchParams(*(np.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
        >>> history = FilteredHistory(np.random.default_rng(0).standard_normal((500, 1)), p, np.array([1e-4]))
        >>> history.simulate(horizon=5, paths=200).shape
        (200, 1)
        """
        if horizon < 1 or paths < 1:
            raise SettingsError(f"horizon and paths must be at least 1, not {horizon} and {paths}")
        days = np.random.default_rng(seed).integers(len(self.filled), size=(horizon, paths))
        variance = np.broadcast_to(self.next_variance, (paths, len(self.next_variance)))
        wealth = np.ones(variance.shape)
        for drawn in days:
            shock = self.filled[drawn] * np.sqrt(variance)
            wealth = wealth * np.maximum(1 + shock, 0)
            variance = step(self.params, variance, shock)
        return wealth - 1

    def portfolio_tail(
        self, weights: Array, level: float = 0.99, horizon: int = 1, paths: int = 10_000, seed: int = 0
    ) -> TailRisk:
        """VaR and CVaR of a buy-and-hold portfolio ``(assets,)``; one day is exact, more are simulated.

        Assets without a holding fill the gaps of the others, and need nothing of their own.

        Raises
        ------
        DataError
            If a weight is not finite, or an asset that is held has no residual, no variance or no
            parameters.
        SettingsError
            As :meth:`simulate` and :func:`riskengine.risk.empirical_tail`.
        """
        weights = as_weights(weights, len(self.next_variance))
        check_level(level)
        if horizon < 1:
            raise SettingsError(f"a horizon is at least one day, not {horizon}")
        held = np.flatnonzero(weights)
        if not len(held):
            return TailRisk(0.0, 0.0, level, horizon, "filtered historical")  # cash
        history = self._held(held)
        scenarios = history.one_day() if horizon == 1 else history.simulate(horizon, paths, seed)
        tail = empirical_tail(scenarios @ weights[held], level, horizon)
        return replace(tail, method="filtered historical")

    def _held(self, held: Array) -> FilteredHistory:
        """The history of the holdings alone, with the gaps that the whole universe filled."""
        recursion = np.stack([*self.params[:4], self.next_variance])
        known = ~np.isnan(self.residuals).all(axis=0)
        known &= np.isfinite(recursion).all(axis=0) & (self.next_variance >= 0)
        unknown = held[~known[held]]
        if len(unknown):
            raise DataError(
                f"the assets at positions {unknown.tolist()} are held but have no residuals, no variance or "
                "no parameters: set their weights to zero, lengthen the window or calibrate them first"
            )
        params = GarchParams._make(x[held] for x in self.params)
        return FilteredHistory(self.filled[:, held], params, self.next_variance[held])
