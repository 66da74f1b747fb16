"""Levenberg-Marquardt in jax: one small problem a call, many by mapping.

Kept beside ``optimistix.LevenbergMarquardt`` 0.1.0 (forward Jacobian, the best of three tolerances that reach the same
cost), which takes as many steps on the bundled DAX surface (12) and more elsewhere: on average 11.8 for 6.5 on 50
simulated Heston surfaces, one of them not in 200, and 10.1 for 6.6 on the DAX's SABR smiles; processor time is 1.07,
2.0 and 1.2 times that of this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

CONVERGED, STALLED, OUT_OF_STEPS = 1, 2, 0
"""Ways to end: the model promises no further gain; no step gains; too many steps."""


class LeastSquaresResult(NamedTuple):
    """Solution of a least-squares problem, and how it ended.

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
) -> LeastSquaresResult:
    """Levenberg-Marquardt minimum of half the sum of squared residuals.

    A step solves ``(J'J + damping diag(scale)) move = -J'r``, with Moré's (1978) scaling by the largest squared column
    norms so far, and Nielsen's (1999) rule for the damping. It has converged when
    the linear model promises a gain below ``tolerance`` of the cost, or the root mean squared residual is below
    ``exact``. The evaluation appears once in the program, since it is what takes long to compile.

    Parameters
    ----------
    evaluate : unknowns ``(n,)`` to residuals ``(m,)`` and their derivatives ``(m, n)``
    u : (n,) where to start; the residuals there must be finite
    residuals : m
    most : steps at most

    Examples
    --------
    >>> rosenbrock = lambda u: jnp.stack([10 * (u[1] - u[0] ** 2), 1 - u[0]])
    >>> both = lambda u: (rosenbrock(u), jax.jacfwd(rosenbrock)(u))
    >>> end = levenberg_marquardt(both, jnp.array([-1.2, 1.0]), residuals=2)
    >>> [round(float(x), 3) for x in end.u], int(end.status) == CONVERGED
    ([1.0, 1.0], True)
    """

    def step(state: _State) -> _State:
        return _proposed(_judged(state, *evaluate(state.trial)), tolerance, residuals * exact**2)

    def running(state: _State) -> Array:
        return (state.status == OUT_OF_STEPS) & (state.iterations < most)

    end = jax.lax.while_loop(running, step, _start(u, residuals))
    return LeastSquaresResult(end.u, end.residual, end.jacobian, end.iterations, end.status)


def _start(u: Array, residuals: int) -> _State:
    """Before the first evaluation, whose point is accepted as it is."""
    return _State(
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


def _judged(s: _State, residual: Array, jacobian: Array) -> _State:
    """The trial accepted if it gains a thousandth of what was promised, and the damping by Nielsen's rule."""
    now, new = jnp.sum(s.residual**2), jnp.sum(residual**2)
    first = s.iterations == 0
    ratio = jnp.where(first, 1.0, (now - new) / s.promised)
    better = first | (jnp.isfinite(new) & jnp.all(jnp.isfinite(jacobian)) & (ratio > 1e-3))
    shrink = jnp.clip(1 - (2 * jnp.clip(ratio, 0, 2) - 1) ** 3, 1 / 9, 1)
    return s._replace(
        u=jnp.where(better, s.trial, s.u),
        residual=jnp.where(better, residual, s.residual),
        jacobian=jnp.where(better, jacobian, s.jacobian),
        damping=s.damping * jnp.where(first, 1.0, jnp.where(better, shrink, s.growth)),
        growth=jnp.where(better, 2.0, 2 * s.growth),
        iterations=s.iterations + 1,
    )


def _proposed(s: _State, tolerance: float, floor: float) -> _State:
    """The next trial, ``-(J'J + damping diag(scale))^-1 J'r`` further, unless it promises nothing."""
    gradient, hessian = s.jacobian.T @ s.residual, s.jacobian.T @ s.jacobian
    scale = jnp.maximum(s.scale, jnp.diagonal(hessian))
    damped = s.damping * jnp.maximum(scale, 1e-12 * jnp.max(scale) + 1e-300)
    move = -jnp.linalg.solve(hessian + jnp.diag(damped), gradient)
    promised = jnp.sum(move * (damped * move - gradient))
    cost = jnp.sum(s.residual**2)
    done = (promised <= tolerance * cost) | (cost <= floor)
    return s._replace(
        trial=s.u + move,
        promised=promised,
        damping=jnp.maximum(s.damping, 1e-10),
        scale=scale,
        status=jnp.where(done, CONVERGED, jnp.where(s.damping > 1e12, STALLED, OUT_OF_STEPS)),
    )


FIRST_DAMPING = 1e-3
"""Damping of the first step, in units of the squared column norms."""
