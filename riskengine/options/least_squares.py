"""Levenberg-Marquardt in jax: one small problem a call, many by mapping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

CONVERGED, STALLED, OUT_OF_STEPS = 1, 2, 0
"""Ways to end: the model promises no further gain; no step gains; too many steps."""


class Solution(NamedTuple):
    """Where a least-squares problem ended.

    Attributes
    ----------
    u : (n,) the unknowns
    residual : (m,)
    jacobian : (m, n)
    iterations : evaluations with derivatives, one a step tried, taken or not
    status : :data:`CONVERGED`, :data:`STALLED` or :data:`OUT_OF_STEPS`
    """

    u: Any
    residual: Any
    jacobian: Any
    iterations: Any
    status: Any


class _State(NamedTuple):
    u: Array  # accepted so far, with its residuals and derivatives
    residual: Array
    jacobian: Array
    trial: Array  # where the next evaluation is
    promised: Array  # gain that the linear model promises there
    damping: Array
    growth: Array
    scale: Array
    iterations: Array
    status: Array


def levenberg_marquardt(
    evaluate: Callable[[Array], tuple[Array, Array]],
    u: Array,
    residuals: int,
    most: Any = 100,
    tolerance: float = 1e-8,
    exact: float = 1e-11,
) -> Solution:
    """Minimise half the sum of squared residuals.

    Moré's (1978) scaling by the largest column norms so far, and Nielsen's (1999) damping. It has converged when
    the linear model promises a gain below ``tolerance`` of the cost, or the root mean squared residual is below
    ``exact``. The evaluation appears once in the program, since it is what takes long to compile.

    Parameters
    ----------
    evaluate : unknowns ``(n,)`` to residuals ``(m,)`` and their derivatives ``(m, n)``
    u : (n,) where to start; the residuals there must be finite
    residuals : m
    most : steps at most
    """
    floor = residuals * exact**2

    def step(s: _State) -> _State:
        residual, jacobian = evaluate(s.trial)
        now, new = jnp.sum(s.residual**2), jnp.sum(residual**2)
        first = s.iterations == 0
        ratio = jnp.where(first, 1.0, (now - new) / s.promised)
        better = first | (jnp.isfinite(new) & jnp.all(jnp.isfinite(jacobian)) & (ratio > 1e-3))
        u = jnp.where(better, s.trial, s.u)
        residual = jnp.where(better, residual, s.residual)
        jacobian = jnp.where(better, jacobian, s.jacobian)
        shrink = jnp.clip(1 - (2 * jnp.clip(ratio, 0, 2) - 1) ** 3, 1 / 9, 1)
        damping = s.damping * jnp.where(first, 1.0, jnp.where(better, shrink, s.growth))
        gradient, hessian = jacobian.T @ residual, jacobian.T @ jacobian
        scale = jnp.maximum(s.scale, jnp.diagonal(hessian))
        damped = damping * jnp.maximum(scale, 1e-12 * jnp.max(scale) + 1e-300)
        move = -jnp.linalg.solve(hessian + jnp.diag(damped), gradient)
        promised = jnp.sum(move * (damped * move - gradient))
        cost = jnp.sum(residual**2)
        done = (promised <= tolerance * cost) | (cost <= floor)
        status = jnp.where(done, CONVERGED, jnp.where(damping > 1e12, STALLED, OUT_OF_STEPS))
        growth = jnp.where(better, 2.0, 2 * s.growth)
        return _State(
            u,
            residual,
            jacobian,
            u + move,
            promised,
            jnp.maximum(damping, 1e-10),
            growth,
            scale,
            s.iterations + 1,
            status,
        )

    start = _State(
        u,
        residual=jnp.zeros(residuals, u.dtype),
        jacobian=jnp.zeros((residuals, len(u)), u.dtype),
        trial=u,
        promised=jnp.ones((), u.dtype),
        damping=jnp.asarray(FIRST_DAMPING, u.dtype),
        growth=jnp.asarray(2.0, u.dtype),
        scale=jnp.zeros_like(u),
        iterations=jnp.asarray(0),
        status=jnp.asarray(OUT_OF_STEPS),
    )
    end = jax.lax.while_loop(lambda s: (s.status == OUT_OF_STEPS) & (s.iterations < most), step, start)
    return Solution(end.u, end.residual, end.jacobian, end.iterations, end.status)


FIRST_DAMPING = 1e-3
"""Damping of the first step, in units of the squared column norms."""
