"""GARCH dynamics under a risk-neutral measure, a step a day: Duan (1995), Heston and Nandi (2000)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.stats import norm

from riskengine.errors import DataError, SettingsError
from riskengine.garch import GarchParams
from riskengine.options.dynamics import ConditionalReturn, MarketData, OneAsset

DAYS = 252
"""A year; maturities and fixings are whole days."""


class DuanParams(NamedTuple):
    """GJR-GARCH with Gaussian innovations under the locally risk-neutral measure (Duan 1995).

    There the log return of a day is ``r - h/2 + sqrt(h) z``, and the next variance
    ``omega + beta h + (alpha + gamma 1[z < premium]) h (z - premium)^2``: each day's variance is that of the
    physical measure, and the mean return above the rate, ``premium sqrt(h)``, has gone.

    Attributes
    ----------
    omega, alpha, gamma, beta
        Of the physical measure, per day of returns in decimals.
    premium
        Reward for a unit of daily risk, Duan's lambda.
    variance
        Of the next day.
    """

    omega: Any
    alpha: Any
    gamma: Any
    beta: Any
    premium: Any
    variance: Any

    @staticmethod
    def of(params: GarchParams, variance: float, premium: float = 0.0) -> DuanParams:
        """From one asset's GARCH parameters.

        Raises
        ------
        SettingsError
            If the innovations are not Gaussian: their exponential has no expectation under Student's t.
        """
        if np.isfinite(params.dof):
            raise SettingsError(
                f"innovations with {float(params.dof):g} degrees of freedom have no locally risk-neutral measure: "
                "refit a Gaussian model, or take params._replace(dof=inf)"
            )
        return DuanParams(params.omega, params.alpha, params.gamma, params.beta, premium, variance)

    @property
    def persistence(self) -> Any:
        """Under the risk-neutral measure."""
        x = self.premium
        bad = norm.cdf(x) * (1 + x * x) + x * norm.pdf(x)
        return self.beta + self.alpha * (1 + x * x) + self.gamma * bad


class HestonNandiParams(NamedTuple):
    """GARCH whose options have a closed form (Heston and Nandi 2000).

    ``r_t = rate + premium h + sqrt(h) z``, and the next variance ``omega + beta h + alpha (z - gamma sqrt(h))^2``.

    Attributes
    ----------
    omega, alpha, beta, gamma
        Of the physical measure, per day.
    premium
        Of variance, lambda; under the risk-neutral measure it is -1/2 and gamma is ``gamma + premium + 1/2``.
    variance
        Of the next day.
    """

    omega: Any
    alpha: Any
    beta: Any
    gamma: Any
    premium: Any
    variance: Any

    @property
    def persistence(self) -> Any:
        """Under the risk-neutral measure."""
        return self.beta + self.alpha * (self.gamma + self.premium + 0.5) ** 2


class _DailyGarch(OneAsset):
    """Daily steps whose next variance depends on the asset's shock."""

    factors = 1
    conditionally_gaussian = False
    decay_share = 0.25

    def check(self, params: Any) -> Any:
        """Parameters as floats."""
        p = type(params)(*(float(leaf) for leaf in params))
        for name, value in p._asdict().items():
            if not (np.isfinite(value) and (value >= 0 or name in ("gamma", "premium"))):
                raise DataError(f"a GARCH {name} is finite and not negative, not {value}")
        if not (np.isfinite(p.persistence) and p.variance > 0):
            raise DataError("GARCH parameters are finite and the variance of the next day is positive")
        if p.persistence >= 1:
            raise DataError(
                f"the risk-neutral persistence is {p.persistence:.4f}: lower the premium, or refit a model below one"
            )
        return p

    def steps_a_year(self, monitoring: str) -> int | None:
        """Daily."""
        if monitoring != "fixings":
            raise SettingsError(
                "a GARCH model has daily steps: give the product its fixings, one a day at most"
            )
        return DAYS

    def initial_state(self, params: Any, coefficients: Any) -> Array:
        """Variance of the first day."""
        return params.variance

    def long_run(self, params: Any) -> float:
        """Mean variance of a day."""
        return params.omega / (1 - params.persistence)

    def deviation(self, params: Any, maturity: float) -> float:
        """From the mean variance up to maturity."""
        days, mean = maturity * DAYS, self.long_run(params)
        decay = (1 - params.persistence**days) / (1 - params.persistence)
        return float(np.sqrt(mean * days + (params.variance - mean) * decay))

    def _drift(self, market: MarketData, grid: Array) -> Array:
        return (market.rate - market.dividend) * jnp.diff(grid)


def check_days(times: np.ndarray) -> None:
    """Check that times fall on days.

    Raises
    ------
    DataError
        If one does not.
    """
    days = times * DAYS
    if np.any(np.abs(days - np.round(days)) > 1e-6):
        at = times[np.argmax(np.abs(days - np.round(days)))]
        raise DataError(
            f"a GARCH model steps over whole days, {DAYS} a year, but one time is {at:g} years, {at * DAYS:g} days: "
            "round it to a day"
        )


class Duan(_DailyGarch):
    """GJR-GARCH steps under the locally risk-neutral measure."""

    def coefficients(self, params: DuanParams, market: MarketData, grid: Array) -> tuple[Array, DuanParams]:
        """Drift and parameters of each day."""
        drift = self._drift(market, grid)
        return drift, DuanParams(*(jnp.broadcast_to(leaf, drift.shape) for leaf in params))

    def step(self, state: Array, row: tuple[Array, DuanParams], z: Array) -> tuple[Array, ConditionalReturn]:
        """Variance of the next day, and the law of this day's return."""
        drift, p = row
        shock = z[0] - p.premium
        news = jnp.where(shock < 0, p.alpha + p.gamma, p.alpha)
        after = p.omega + (p.beta + news * shock * shock) * state
        return after, ConditionalReturn(drift - state / 2, state, state)


class HestonNandi(_DailyGarch):
    """Heston and Nandi's steps."""

    def long_run(self, params: HestonNandiParams) -> float:
        """Mean variance of a day."""
        return (params.omega + params.alpha) / (1 - params.persistence)

    def coefficients(self, params: HestonNandiParams, market: MarketData, grid: Array) -> Any:
        """Drift and parameters of each day."""
        drift = self._drift(market, grid)
        return drift, HestonNandiParams(*(jnp.broadcast_to(leaf, drift.shape) for leaf in params))

    def step(self, state: Array, row: Any, z: Array) -> tuple[Array, ConditionalReturn]:
        """A day."""
        drift, p = row
        root = jnp.sqrt(state)
        shock = z[0] - (p.gamma + p.premium + 0.5) * root
        return p.omega + p.beta * state + p.alpha * shock * shock, ConditionalReturn(
            drift - state / 2, state, state
        )


DUAN, HESTON_NANDI = Duan(), HestonNandi()
