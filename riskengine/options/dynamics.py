"""One-step dynamics of a simulated asset: the contract, and the exact steps of Black and Scholes."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError


class MarketData(NamedTuple):
    """Spot, risk-free rate and dividend yield; both continuously compounded, per year."""

    spot: Any
    rate: Any
    dividend: Any


class ConditionalReturn(NamedTuple):
    """Gaussian law of the log return over one step, given the variances at its ends; leaves ``(paths,)``.

    ``log S(t + dt) = log S(t) + mean + sqrt(variance) z``.

    Attributes
    ----------
    mean, variance
        Of the log return.
    bridge_variance
        Of the Brownian bridge between the ends, for extremes within the step.
    """

    mean: Array
    variance: Array
    bridge_variance: Array


class OneAsset:
    """What a model of one asset does where one of several would combine them."""

    discrete: tuple[str, ...] = ()

    def index(self, params: Any, log_assets: Array) -> Array:
        """Logarithm of what products observe."""
        return log_assets

    def correlated(self, params: Any, z: Array) -> Array:
        """Normals ``(factors, ...)`` with the correlations between assets."""
        return z


class Dynamics(Protocol):
    """Discretisation of a model: a Markov state, and the conditional law of the log return of a step.

    Attributes
    ----------
    factors
        Standard normals a step; the first drives the asset.
    conditionally_gaussian
        Whether the variance moves without the asset's normal, so that the path of the log asset is Gaussian given
        the path of the variance.
    decay_share
        Share of the variance to maturity over which a shift of the spot decays in :class:`ShiftScore`: the longer,
        the less noise in the likelihood ratio; the shorter, the fewer paths at the barrier with a variance near
        zero.
    discrete
        Greeks that no path has a derivative for, since what moves is a count.
    """

    factors: int
    conditionally_gaussian: bool
    decay_share: float
    discrete: tuple[str, ...]

    def check(self, params: Any) -> Any:
        """Parameters as floats.

        Raises
        ------
        DataError
            If one is out of range.
        """

    def steps_a_year(self, monitoring: str) -> int | None:
        """Steps a year that keep the bias small for a product's ``monitoring``; None where its times suffice."""

    def coefficients(self, params: Any, market: MarketData, grid: Array) -> Any:
        """Coefficients of each step, arrays ``(steps,)`` in double precision, for grid times ``(steps + 1,)``."""

    def initial_state(self, params: Any, coefficients: Any) -> Array:
        """State before the first step, a scalar."""

    def step(self, state: Array, row: Any, z: Array) -> tuple[Array, ConditionalReturn]:
        """State ``(paths,)`` after a step with normals ``(factors, paths)``, and the law of its return."""

    def deviation(self, params: Any, maturity: float) -> float:
        """Standard deviation of the log asset at maturity, approximately."""

    def index(self, params: Any, log_assets: Array) -> Array:
        """Logarithm of what products observe, (paths,), from those of the assets."""

    def correlated(self, params: Any, z: Array) -> Array:
        """Normals ``(factors, ...)`` with the correlations between assets."""


class BlackScholesParams(NamedTuple):
    """Geometric Brownian motion (Black and Scholes 1973): ``dS = (r - q) S dt + volatility S dW``.

    Attributes
    ----------
    volatility
        Per square root of a year, a decimal.
    """

    volatility: Any


class BlackScholes(OneAsset):
    """Exact lognormal steps of geometric Brownian motion."""

    factors = 1
    conditionally_gaussian = True
    decay_share = 0.25

    def check(self, params: BlackScholesParams) -> BlackScholesParams:
        """Parameters as floats."""
        volatility = float(params.volatility)
        if not (np.isfinite(volatility) and volatility > 0):
            raise DataError(
                f"a volatility is finite and positive, not {volatility}: give it as a decimal per year"
            )
        return BlackScholesParams(volatility)

    def steps_a_year(self, monitoring: str) -> int | None:
        """Daily for continuous monitoring: the bridge's extremes are exact, a continuous average is not."""
        return None if monitoring == "fixings" else 252

    def coefficients(
        self, params: BlackScholesParams, market: MarketData, grid: Array
    ) -> tuple[Array, Array]:
        """Mean and variance of the log return."""
        variance = params.volatility**2 * jnp.diff(grid)
        return (market.rate - market.dividend) * jnp.diff(grid) - variance / 2, variance

    def initial_state(self, params: Any, coefficients: Any) -> Array:
        """There is no state."""
        return jnp.zeros(())

    def step(self, state: Array, row: tuple[Array, Array], z: Array) -> tuple[Array, ConditionalReturn]:
        """The same law for all paths."""
        mean, variance = (jnp.broadcast_to(x, state.shape) for x in row)
        return state, ConditionalReturn(mean, variance, variance)

    def deviation(self, params: BlackScholesParams, maturity: float) -> float:
        """Of the log asset at maturity."""
        return float(params.volatility * np.sqrt(maturity))


BLACK_SCHOLES = BlackScholes()
