"""Local volatility of SVI slices: paths that price the whole surface, each maturity with its own shape."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.dynamics import ConditionalReturn, MarketData
from riskengine.options.local_volatility import LEAST, MOST, LocalVolatility, LocalVolatilityParams
from riskengine.options.svi import SviParams, SviStep, svi_local_variance, svi_variance


class SviLocalVolatility(LocalVolatility):
    """Euler steps in the logarithm, the local variance of the slices at the middle of each step."""

    def check(self, params: LocalVolatilityParams) -> LocalVolatilityParams:
        """Numbers in range."""
        p = SviParams(*(np.asarray(leaf, np.float64) for leaf in params.surface))
        if not (
            np.all(np.isfinite(np.stack(p)))
            and (np.abs(p.rho) < 1).all()
            and (p.b >= 0).all()
            and (p.sigma > 0).all()
            and (np.diff(p.maturity) > 0).all()
        ):
            raise DataError("slices of SVI have -1 < rho < 1, b >= 0, sigma > 0 and maturities that rise")
        return LocalVolatilityParams(p, float(params.spot))

    def deviation(self, params: LocalVolatilityParams, maturity: float) -> float:
        """At the forward."""
        return float(np.sqrt(svi_variance(params.surface, 0.0, maturity)))

    def coefficients(self, params: LocalVolatilityParams, market: MarketData, grid: Array) -> Any:
        """Drift, step, and the slices about the middle of each step; beyond the last one variance grows with time."""
        p, dt = params.surface, jnp.diff(grid)
        times = jnp.concatenate([jnp.zeros(1), jnp.asarray(p.maturity)])
        middle = (grid[1:] + grid[:-1]) / 2
        place = jnp.clip(jnp.searchsorted(times, middle) - 1, 0, len(p.maturity) - 1)
        past = middle > times[-1]
        after = tuple(jnp.asarray(leaf)[place] for leaf in p[:5])
        below = tuple(jnp.asarray(leaf)[jnp.maximum(place - 1, 0)] for leaf in p[:5])
        empty = (place == 0) | past
        none = (jnp.zeros_like(dt), jnp.zeros_like(dt), after[2], after[3], after[4])
        before = tuple(jnp.where(empty, x, y) for x, y in zip(none, below, strict=True))
        start = jnp.where(past, 0.0, times[place])
        years = times[place + 1] - start
        share = (middle - start) / years
        first = jnp.log(market.spot / params.spot) * jnp.ones_like(dt)
        return (market.rate - market.dividend) * dt, dt, SviStep(before, after, share, years), first

    def initial_state(self, params: LocalVolatilityParams, coefficients: Any) -> Array:
        """Log of the asset over the forward of the spot at which the surface was seen."""
        first: Array = coefficients[3][0]
        return first

    def step(self, state: Array, row: Any, z: Array) -> tuple[Array, ConditionalReturn]:
        """Next log moneyness, and the law of the return."""
        drift, dt, slices, _ = row
        variance = jnp.clip(svi_local_variance(slices, state), LEAST, MOST) * dt
        moved = state - variance / 2 + jnp.sqrt(variance) * z[0]
        return moved, ConditionalReturn(drift - variance / 2, variance, variance)


SVI_LOCAL_VOLATILITY = SviLocalVolatility()
