"""Simulated GARCH returns."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.params import GarchParams
from riskengine.garch.variance import next_variance


class Simulated(NamedTuple):
    """Simulated returns ``(time, assets)``, their conditional variances, and the next day's ``(assets,)``."""

    returns: Array
    variance: Array
    next_variance: Array


def student_t(key: Array, eta: Array, shape: tuple[int, ...]) -> Array:
    """Unit-variance Student-t draws with ``eta = 1/dof``, exact for every ``0 <= eta < 1/2``.

    Bailey's (1994) polar method, the Student-t counterpart of Box and Muller: two uniforms a draw and no
    rejection, so it vectorises over assets with different tails.

    Parameters
    ----------
    key : random key
    eta : broadcastable to ``shape``
    shape : of the draws; their dtype is that of ``eta``
    """
    radius_key, angle_key = jax.random.split(key)
    dtype = jnp.result_type(eta)
    exponential = jax.random.exponential(radius_key, shape, dtype)
    angle = jax.random.uniform(angle_key, shape, dtype, 0.0, 2 * jnp.pi)
    safe = jnp.maximum(eta, 1e-6)
    radius_squared = jnp.where(eta < 1e-6, 2 * exponential, jnp.expm1(2 * safe * exponential) / safe)
    return jnp.sqrt((1 - 2 * eta) * radius_squared) * jnp.cos(angle)


def student_factor(key: Array, eta: Array, shape: tuple[int, ...]) -> Array:
    """Factors that make Gaussian draws Student-t ones of unit variance with ``eta = 1/dof``."""
    safe = jnp.maximum(eta, 1e-4)
    chi = 2 * jax.random.gamma(key, 1 / (2 * safe), shape, eta.dtype)
    return jnp.sqrt((1 - 2 * safe) / (safe * chi))


def simulate(key: Array, params: GarchParams, days: int, burn_in: int = 500) -> Simulated:
    """Returns of GJR-GARCH(1,1) processes, one column per entry of ``params``.

    The recursion starts at the long-run variance and runs ``burn_in`` days before the first one kept.

    Parameters
    ----------
    key : random key
    params : leaves ``(assets,)``
    days : number of days kept
    burn_in : number of days thrown away

    Examples
    --------
    >>> p = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> path = simulate(jax.random.key(0), p, days=250)
    >>> path.returns.shape, path.next_variance.shape
    ((250, 1), (1,))
    """
    eta = 1 / params.dof

    def day(variance: Array, day_key: Array) -> tuple[Array, tuple[Array, Array]]:
        row = jnp.sqrt(variance) * student_t(day_key, eta, variance.shape)
        return next_variance(params, variance, row), (row, variance)

    keys = jax.random.split(key, burn_in + days)
    last, (returns, variance) = jax.lax.scan(day, params.long_run_variance, keys)
    return Simulated(returns[burn_in:], variance[burn_in:], last)
