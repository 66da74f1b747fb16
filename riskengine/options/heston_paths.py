"""Heston dynamics: the quadratic-exponential scheme with martingale correction (QE-M; Andersen 2008)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import Array

from riskengine.errors import DataError
from riskengine.options.dynamics import BLACK_SCHOLES, BlackScholes, ConditionalReturn, MarketData, OneAsset
from riskengine.options.heston import HestonParams, check_heston

SWITCH = 1.5
"""Squared coefficient of variation above which the variance is drawn with an atom at zero (Andersen's psi_c)."""
LEAST_VARIANCE = 1e-12
"""Of today and the long run together, below which there is none."""
LEAST_SIGMA = 1e-4
"""Volatilities of variance below this are none: the variance is then a known function of time."""


def _tail_coefficients() -> np.ndarray:
    """Of ``-log P(Z > z)`` where the atom leaves anything, highest power first; error about 1e-6."""
    series = np.polynomial.chebyshev.Chebyshev.interpolate(
        lambda z: -scipy.special.log_ndtr(-z), 11, domain=[-1.0, 6.2]
    )
    return series.convert(kind=np.polynomial.Polynomial).coef[::-1]


TAIL = tuple(float(c) for c in _tail_coefficients())


class HestonCoefficients(NamedTuple):
    """Coefficients of the QE-M scheme: mean and variance of the next variance are linear in the present one."""

    drift: Array
    mean_0: Array
    mean_1: Array
    variance_0: Array
    variance_1: Array
    k_0: Array
    k_1: Array
    k_2: Array
    k_3: Array
    width: Array


class QuadraticExponential(OneAsset):
    """Andersen's (2008) QE-M scheme, central weights."""

    factors = 2
    conditionally_gaussian = True
    decay_share = 0.08

    def check(self, params: HestonParams) -> HestonParams:
        """Parameters as floats."""
        p = check_heston(params)
        if any(np.ndim(leaf) for leaf in p):
            raise DataError("a simulation takes one set of Heston parameters: loop over the sets")
        p = HestonParams(*(float(leaf) for leaf in p))
        if not p.v0 + p.theta > LEAST_VARIANCE:
            raise DataError(
                "a Heston model without variance now and later is not simulated: raise v0 or theta"
            )
        return p

    def steps_a_year(self, monitoring: str) -> int | None:
        """About weekly between fixings, daily for averages, twice a day where the bridge takes a constant variance."""
        return {"fixings": 64, "average": 252, "extreme": 504}[monitoring]

    def deviation(self, params: HestonParams, maturity: float) -> float:
        """From the mean variance up to maturity."""
        p = params
        decay = -np.expm1(-p.kappa * maturity) / p.kappa
        return float(np.sqrt(p.theta * maturity + (p.v0 - p.theta) * decay))

    def coefficients(self, params: HestonParams, market: MarketData, grid: Array) -> HestonCoefficients:
        """Constants of all steps, (steps,)."""
        p, dt = params, jnp.diff(grid)
        decay = jnp.exp(-p.kappa * dt)
        lost = -jnp.expm1(-p.kappa * dt)
        lever = p.rho / p.sigma
        drag = dt / 2 * (p.kappa * lever - 0.5)
        return HestonCoefficients(
            drift=(market.rate - market.dividend) * dt,
            mean_0=p.theta * lost,
            mean_1=decay,
            variance_0=p.theta * p.sigma**2 * lost**2 / (2 * p.kappa),
            variance_1=p.sigma**2 * decay * lost / p.kappa,
            k_0=-lever * p.kappa * p.theta * dt,
            k_1=drag - lever,
            k_2=drag + lever,
            k_3=dt / 2 * (1 - p.rho**2),
            width=dt / 2,
        )

    def initial_state(self, params: HestonParams, coefficients: HestonCoefficients) -> Array:
        """The variance now."""
        return params.v0

    def step(self, state: Array, row: HestonCoefficients, z: Array) -> tuple[Array, ConditionalReturn]:
        """Next variance from ``z[1]``, and the log return given both variances."""
        v, zv = state, z[1]
        tiny = jnp.finfo(v.dtype).tiny ** 0.5
        m = jnp.maximum(row.mean_0 + row.mean_1 * v, tiny)
        ratio = 2 * m * m / jnp.maximum(row.variance_0 + row.variance_1 * v, tiny**1.5)  # 2 / psi
        quadratic = ratio > 2 / SWITCH
        # each branch gets harmless numbers where the other is taken, for the derivatives' sake
        q = jnp.where(quadratic, ratio, 2.0)
        b2 = q - 1 + jnp.sqrt(q * (q - 1))
        a = m / (1 + b2)
        by_square = a * (jnp.sqrt(b2) + zv) ** 2
        rest = jnp.where(quadratic, 0.5, ratio / (2 + ratio)) * 2  # twice 1 / (1 + psi) is 1 - p
        beta = rest / m
        tail = jnp.full_like(zv, TAIL[0])
        for coefficient in TAIL[1:]:
            tail = tail * zv + coefficient
        by_exponential = jnp.maximum(jnp.log(rest) + tail, 0) / beta
        after = jnp.where(quadratic, by_square, by_exponential)
        # the correction that makes the discounted asset a martingale, where its expectation is finite
        slope = row.k_2 + row.k_3 / 2
        room = jnp.where(quadratic, 1 - 2 * slope * a, 1 - slope / beta)
        finite = room > 0
        room = jnp.where(finite, room, 1.0)
        moment = jnp.where(quadratic, room, 1 - rest + rest / room)
        logarithm = jnp.log(moment)
        corrected = (
            jnp.where(quadratic, logarithm / 2 - slope * a * b2 / room, -logarithm)
            - (row.k_1 + row.k_3 / 2) * v
        )
        mean = row.drift + jnp.where(finite, corrected, row.k_0) + row.k_1 * v + row.k_2 * after
        sum_ = jnp.maximum(v + after, tiny)
        return after, ConditionalReturn(mean, row.k_3 * sum_, row.width * sum_)


class DeterministicVariance(QuadraticExponential):
    """Heston without volatility of variance: Gaussian steps with a known variance."""

    factors = 1
    decay_share = 0.25

    def steps_a_year(self, monitoring: str) -> int | None:
        """As in Black and Scholes."""
        return BLACK_SCHOLES.steps_a_year(monitoring)

    def coefficients(self, params: HestonParams, market: MarketData, grid: Array) -> Any:
        """Mean and variance of the log return."""
        p = params
        total = p.theta * grid - (p.v0 - p.theta) * jnp.expm1(-p.kappa * grid) / p.kappa
        variance = jnp.diff(total)
        return (market.rate - market.dividend) * jnp.diff(grid) - variance / 2, variance

    def initial_state(self, params: HestonParams, coefficients: Any) -> Array:
        """There is no state."""
        return jnp.zeros(())

    step = BlackScholes.step  # type: ignore[assignment]


QUADRATIC_EXPONENTIAL, DETERMINISTIC_VARIANCE = QuadraticExponential(), DeterministicVariance()
