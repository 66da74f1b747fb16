"""Local volatility (Dupire 1994) of a surface of SSVI: paths that price every vanilla of the surface."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.dynamics import ConditionalReturn, MarketData, OneAsset
from riskengine.options.ssvi import SsviParams, local_variance, theta_at

LEAST, MOST = 1e-4, 9.0
"""Local variances are kept between these, per year."""


class LocalVolatilityParams(NamedTuple):
    """Local volatility (Dupire 1994): a surface, and the spot at which it was seen.

    Where the spot is bumped the surface stays with the strikes.

    Attributes
    ----------
    surface
        :class:`SsviParams`, or :class:`SviParams`.
    spot
        When the surface was fitted.
    """

    surface: Any
    spot: Any


class _Row(NamedTuple):
    drift: Any
    dt: Any
    theta: Any
    slope: Any
    rho: Any
    eta: Any
    gamma: Any
    start: Any


class LocalVolatility(OneAsset):
    """Euler steps in the logarithm, the local variance at the middle of each step; the state is the log moneyness."""

    factors = 1
    conditionally_gaussian = True
    decay_share = 0.25

    def check(self, params: LocalVolatilityParams) -> LocalVolatilityParams:
        """Numbers in range."""
        p = params.surface
        theta, maturity = (np.asarray(x, np.float64) for x in (p.theta, p.maturity))
        if not (
            abs(p.rho) < 1
            and p.eta > 0
            and 0 <= p.gamma <= 1
            and (np.diff(theta) >= 0).all()
            and theta[0] > 0
        ):
            raise DataError(
                "an SSVI surface has -1 < rho < 1, eta > 0, 0 <= gamma <= 1 and variances that rise"
            )
        surface = SsviParams(float(p.rho), float(p.eta), float(p.gamma), maturity, theta)
        return LocalVolatilityParams(surface, float(params.spot))

    def steps_a_year(self, monitoring: str) -> int | None:
        """Twice a day where extremes are drawn, daily otherwise."""
        return 504 if monitoring == "extreme" else 252

    def deviation(self, params: LocalVolatilityParams, maturity: float) -> float:
        """At the forward."""
        return float(np.sqrt(theta_at(params.surface, maturity)[0]))

    def coefficients(self, params: LocalVolatilityParams, market: MarketData, grid: Array) -> _Row:
        """Drift, and the surface in the middle of each step."""
        p, dt = params.surface, jnp.diff(grid)
        times, levels = (jnp.concatenate([jnp.zeros(1), jnp.asarray(x)]) for x in (p.maturity, p.theta))
        slopes = jnp.diff(levels) / jnp.diff(times)
        middle = (grid[1:] + grid[:-1]) / 2
        place = jnp.clip(jnp.searchsorted(times, middle) - 1, 0, len(slopes) - 1)
        theta, one = levels[place] + slopes[place] * (middle - times[place]), jnp.ones_like(dt)
        start = jnp.log(market.spot / params.spot) * one
        drift = (market.rate - market.dividend) * dt
        return _Row(drift, dt, theta, slopes[place], p.rho * one, p.eta * one, p.gamma * one, start)

    def initial_state(self, params: LocalVolatilityParams, coefficients: _Row) -> Array:
        """Log of the asset over the forward of the spot at which the surface was seen."""
        first: Array = coefficients.start[0]
        return first

    def step(self, state: Array, row: _Row, z: Array) -> tuple[Array, ConditionalReturn]:
        """Next log moneyness, and the law of the return."""
        surface = SsviParams(row.rho, row.eta, row.gamma, None, None)
        variance = jnp.clip(local_variance(surface, state, row.theta, row.slope), LEAST, MOST) * row.dt
        moved = state - variance / 2 + jnp.sqrt(variance) * z[0]
        return moved, ConditionalReturn(row.drift - variance / 2, variance, variance)


LOCAL_VOLATILITY = LocalVolatility()
