"""Options on a geometric average by Fourier integral: Heston's log asset at many times is jointly affine."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.options.black import black_price
from riskengine.options.dynamics import BlackScholesParams, MarketData
from riskengine.options.heston import HestonParams
from riskengine.options.heston_paths import LEAST_SIGMA


def geometric_asian(
    params: Any,
    market: MarketData,
    times: np.ndarray,
    weights: np.ndarray,
    known: float,
    strike: float | None,
    kind: str,
) -> float | None:
    """Geometric Asian option, on ``exp(known + sum of weights log S)``: present value, None if there is no closed form.

    Under Black and Scholes the average is lognormal (Kemna and Vorst 1990). Under Heston its characteristic function is
    a chain of exponentials of affine functions, one a fixing (as in Kim, Kim, Kim and Wee 2016; Kim and Wee 2014 for
    the continuous average).

    Parameters
    ----------
    params, market : of the model
    times : (times,) from zero to maturity, increasing
    weights : (times,) of the log asset
    known : what fixings of the past add to the logarithm
    strike, kind : of the option
    """
    if strike is None:
        return None
    spot, rate, dividend = (float(x) for x in market)
    discount = np.exp(-rate * times[-1])
    carry = float(known + np.sum(weights * (np.log(spot) + (rate - dividend) * times)))
    if isinstance(params, HestonParams) and params.sigma >= LEAST_SIGMA:
        key = (tuple(float(x) for x in params), times.tobytes(), weights.tobytes())
        call_floor, mean = _fourier(*key, carry - float(np.log(strike)))
        call = mean * np.exp(carry) - strike * call_floor
        forward = mean * np.exp(carry)
        return float(discount * (call if kind == "call" else call - forward + strike))
    left = np.cumsum(weights[::-1])[::-1][1:]  # weight of what comes after each step
    if isinstance(params, BlackScholesParams):
        step = params.volatility**2 * np.diff(times)
    elif isinstance(params, HestonParams):
        lost = -np.expm1(-params.kappa * times) / params.kappa
        step = np.diff(params.theta * times + (params.v0 - params.theta) * lost)
    else:
        return None
    variance = float(np.sum(left**2 * step))
    forward = np.exp(carry - np.sum(left * step) / 2 + variance / 2)
    return float(discount * black_price(forward, strike, 1.0, np.sqrt(variance), kind))


NODES = 256


@lru_cache(maxsize=256)
def _fourier(
    leaves: tuple[float, ...], times: bytes, weights: bytes, moneyness: float
) -> tuple[float, float]:
    """``E[min(G, K)] / K`` and ``E[G]``, for ``log G - log K = moneyness + X`` and X without drift.

    ``min(e^x, 1)`` is the integral of ``exp((iu + 1/2) x) / (u^2 + 1/4)`` over the line (Lewis 2001).
    """
    p = HestonParams(*leaves)
    t, w = np.frombuffer(times), np.frombuffer(weights)
    points, node_weights = np.polynomial.legendre.leggauss(NODES)
    with jax.enable_x64(True):
        mean = float(np.exp(np.real(_chain(p, t, w, jnp.array([1.0 + 0j]))[0])))
        grid = 2.0 ** np.arange(-4, 16, 0.25)
        size = np.real(np.asarray(_chain(p, t, w, jnp.asarray(1j * grid + 0.5))))
        alive = size - np.log(grid) > -38.0
        end = float(grid[alive].max()) * 2**0.25 if alive.any() else float(grid[0])
        z = (points + 1) / 2
        u = end * z**3
        exponent = np.asarray(_chain(p, t, w, jnp.asarray(1j * u + 0.5)))
    integrand = np.real(np.exp(exponent + (1j * u + 0.5) * moneyness)) / (u * u + 0.25)
    return float(np.sum(integrand * 3 * end * z**2 * node_weights / 2) / np.pi), mean


@jax.jit
def _chain(p: HestonParams, times: Array, weights: Array, s: Array) -> Array:
    """``log E exp(s sum of weights (log S_t - log F_t))`` at complex s (nodes,), from the last time to the first."""
    p, times, weights = jax.tree.map(lambda x: jnp.asarray(x, s.dtype), (p, times, weights))

    def back(carry: tuple[Array, Array, Array], row: tuple[Array, Array]) -> tuple[Any, None]:
        a, b, c = carry  # coefficients of log asset, variance and one, just after the step
        dt, weight = row
        a = a + s * weight
        beta = p.kappa - p.rho * p.sigma * a
        d = jnp.sqrt(beta * beta - p.sigma**2 * (a * a - a))
        low = (a * a - a) / (beta + d)  # (beta - d) / sigma^2
        high = (beta + d) / p.sigma**2
        decay = jnp.exp(-d * dt)
        g = (b - low) / (b - high)
        after = (low - g * high * decay) / (1 - g * decay)
        c = c + p.kappa * p.theta * (low * dt - 2 / p.sigma**2 * jnp.log((1 - g * decay) / (1 - g)))
        return (a, after, c), None

    zero = jnp.zeros_like(s)
    rows = (jnp.diff(times)[::-1], weights[1:][::-1])
    (_, b, c), _ = jax.lax.scan(back, (zero, zero, zero), rows)
    return c + b * p.v0
