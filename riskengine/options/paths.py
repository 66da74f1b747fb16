"""How paths move: one step of each model, as the simulation folds over them."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError


class Market(NamedTuple):
    """Spot, rate and dividend yield; both continuously compounded, per year."""

    spot: Any
    rate: Any
    dividend: Any


class Move(NamedTuple):
    """Log return of a step, all (paths,): ``mean + sqrt(variance) z``; ``total`` is that of a bridge across it."""

    mean: Array
    variance: Array
    total: Array


class Dynamics(Protocol):
    """A model's step.

    Attributes
    ----------
    factors
        Normals a step; the first drives the asset.
    separate
        Whether the variance moves without the asset's normal, so that the asset is Gaussian given the variances.
    fade
        Share of the variance to maturity over which a shift of the spot fades, where it does: the longer, the less
        noise in the density; the shorter, the fewer paths at the barrier with a variance near zero.
    """

    factors: int
    separate: bool
    fade: float

    def check(self, params: Any) -> Any:
        """Parameters as floats.

        Raises
        ------
        DataError
            If one is out of range.
        """

    def steps_a_year(self, watched: str) -> int | None:
        """Steps a year that keep the bias small for a product's ``watched``; None where its times suffice."""

    def tables(self, params: Any, market: Market, grid: Array) -> Any:
        """What the steps need, arrays (steps,) in double precision, from grid times (steps + 1,)."""

    def start(self, params: Any, tables: Any) -> Array:
        """State before the first step, a scalar."""

    def step(self, state: Array, row: Any, z: Array) -> tuple[Array, Move]:
        """State (paths,) after a step with normals (factors, paths)."""

    def deviation(self, params: Any, maturity: float) -> float:
        """Standard deviation of the log asset at maturity, roughly."""


class BlackScholesParams(NamedTuple):
    """Constant volatility (Black and Scholes 1973).

    Attributes
    ----------
    volatility
        Per square root of a year, a decimal.
    """

    volatility: Any


class BlackScholes:
    """Exact steps."""

    factors = 1
    separate = True
    fade = 0.25

    def check(self, params: BlackScholesParams) -> BlackScholesParams:
        """Parameters as floats."""
        volatility = float(params.volatility)
        if not (np.isfinite(volatility) and volatility > 0):
            raise DataError(
                f"a volatility is finite and positive, not {volatility}: give it as a decimal per year"
            )
        return BlackScholesParams(volatility)

    def steps_a_year(self, watched: str) -> int | None:
        """Extremes are exact between steps but for their time; the average of a path is not."""
        return None if watched == "fixings" else 252

    def tables(self, params: BlackScholesParams, market: Market, grid: Array) -> tuple[Array, Array]:
        """Mean and variance of the log return."""
        variance = params.volatility**2 * jnp.diff(grid)
        return (market.rate - market.dividend) * jnp.diff(grid) - variance / 2, variance

    def start(self, params: Any, tables: Any) -> Array:
        """There is no state."""
        return jnp.zeros(())

    def step(self, state: Array, row: tuple[Array, Array], z: Array) -> tuple[Array, Move]:
        """The same for all paths."""
        mean, variance = (jnp.broadcast_to(x, state.shape) for x in row)
        return state, Move(mean, variance, variance)

    def deviation(self, params: BlackScholesParams, maturity: float) -> float:
        """Of the log asset at maturity."""
        return float(params.volatility * np.sqrt(maturity))


BLACK_SCHOLES = BlackScholes()
