"""Bates dynamics: the QE-M scheme of Heston's variance, and the jumps of each step added to the law of its return."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import gammaln, ndtr

from riskengine.errors import DataError
from riskengine.options.bates import BatesParams, check_bates
from riskengine.options.dynamics import ConditionalReturn, MarketData, OneAsset
from riskengine.options.heston_paths import (
    LEAST_SIGMA,
    QUADRATIC_EXPONENTIAL,
    HestonCoefficients,
)

MOST_JUMPS = 10
"""In one step; of a week, at most 30 a year, more have a chance below 1e-8."""


class _Row(NamedTuple):
    heston: HestonCoefficients
    reached: Array  # (steps, MOST_JUMPS): chance of at most so many jumps
    mean: Array
    variance: Array
    drift: Array


class BatesDynamics(OneAsset):
    """Given how many jumps a step has, its return is Gaussian: their mean and variance join those of the diffusion.

    The count is drawn by inversion from the third normal. What moves between the ends of a step, for extremes, is the
    diffusion alone.
    """

    factors = 3
    conditionally_gaussian = True
    decay_share = QUADRATIC_EXPONENTIAL.decay_share
    discrete = ("d_intensity",)

    def check(self, params: BatesParams) -> Any:
        """Parameters as floats."""
        p = check_bates(params)
        heston = QUADRATIC_EXPONENTIAL.check(p.heston)
        if heston.sigma < LEAST_SIGMA:
            raise DataError(
                f"a simulation of Bates's model needs a sigma of at least {LEAST_SIGMA:g}: raise it"
            )
        if p.intensity > 30:
            raise DataError(
                "a simulation of Bates's model takes at most 30 jumps a year: that is a volatility"
            )
        return BatesParams(*heston, *(float(leaf) for leaf in p[5:]))

    def steps_a_year(self, monitoring: str) -> int | None:
        """As under Heston."""
        return QUADRATIC_EXPONENTIAL.steps_a_year(monitoring)

    def initial_state(self, params: BatesParams, coefficients: Any) -> Array:
        """The variance now."""
        first: Array = params.v0
        return first

    def deviation(self, params: BatesParams, maturity: float) -> float:
        """From the mean variance up to maturity."""
        jumps = params.intensity * (params.jump_mean**2 + params.jump_deviation**2)
        return float(
            (QUADRATIC_EXPONENTIAL.deviation(params.heston, maturity) ** 2 + jumps * maturity) ** 0.5
        )

    def coefficients(self, params: BatesParams, market: MarketData, grid: Array) -> Any:
        """Constants of all steps, (steps,)."""
        expected = params.intensity * jnp.diff(grid)
        count = jnp.arange(MOST_JUMPS, dtype=expected.dtype)
        chance = jnp.exp(
            count * jnp.log(jnp.maximum(expected, 1e-300))[:, None] - expected[:, None] - gammaln(count + 1)
        )
        one = jnp.ones_like(expected)
        return _Row(
            QUADRATIC_EXPONENTIAL.coefficients(params.heston, market, grid),
            jnp.cumsum(chance, axis=1),
            params.jump_mean * one,
            params.jump_deviation**2 * one,
            params.compensator * jnp.diff(grid),
        )

    def step(self, state: Array, row: Any, z: Array) -> tuple[Array, ConditionalReturn]:
        """Next variance, and the law of the return given it and the jumps."""
        after, law = QUADRATIC_EXPONENTIAL.step(state, row.heston, z[:2])
        u = ndtr(z[2])
        jumps = jnp.sum(u[None] > row.reached.reshape(-1, *(1,) * u.ndim), axis=0).astype(u.dtype)
        return after, ConditionalReturn(
            law.mean + jumps * row.mean - row.drift, law.variance + jumps * row.variance, law.bridge_variance
        )


BATES = BatesDynamics()
