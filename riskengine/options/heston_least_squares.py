"""Least squares of Heston's model, and Bates's, in implied volatilities: many surfaces in a program."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.options.heston import black_call, transform
from riskengine.options.least_squares import LeastSquaresResult, levenberg_marquardt
from riskengine.options.surface import Surface, blocks, volatility_errors

BLOCK, ACCELERATOR_BLOCK = 4, 256
"""Surfaces a call: on processors one after the other, on accelerators side by side."""


def surface_calls(p: Any, surface: Surface, nodes: int) -> Array:
    """Calls over forward on the grid of a surface."""
    f = transform(p, surface.maturity, nodes)
    angle = f.u[:, None, :] * surface.x[:, :, None]
    total = jnp.einsum("mkn,mn->mk", jnp.cos(angle), f.real) + jnp.einsum(
        "mkn,mn->mk", jnp.sin(angle), f.imag
    )
    return black_call(surface.x, f.deviation[:, None]) + jnp.exp(surface.x / 2) * total


class Task(NamedTuple):
    """One surface, where to start, and what to stay near to: ``pull * (u - centre)`` joins the residuals."""

    surface: Surface
    start: Any
    centre: Any
    pull: Any


def errors_and_slopes(u: Array, task: Task, space: Any, nodes: int) -> tuple[Array, Array]:
    """Weighted residuals and their derivatives by the coordinates."""

    def calls(u: Array) -> tuple[Array, Array]:
        price = surface_calls(space.params(u), task.surface, nodes)
        return price, price

    slope, price = jax.jacfwd(calls, has_aux=True)(u)
    residual, jacobian = volatility_errors(price, slope, task.surface)
    return (
        jnp.concatenate([residual, task.pull * (u - task.centre)]),
        jnp.concatenate([jacobian, jnp.diag(task.pull)]),
    )


@partial(jax.jit, static_argnames=("space", "nodes", "lanes"))
def solve(tasks: Task, space: Any, nodes: int, most: Any, lanes: int | None = None) -> LeastSquaresResult:
    """Solve tasks stacked along the first axis, one after the other or ``lanes`` side by side."""

    def one(task: Task) -> LeastSquaresResult:
        residuals = task.surface.x.size + len(task.start)
        return levenberg_marquardt(
            lambda u: errors_and_slopes(u, task, space, nodes), task.start, residuals, most
        )

    return jax.lax.map(one, tasks, batch_size=lanes)


def solved(tasks: Task, space: Any, nodes: int, most: int) -> LeastSquaresResult:
    """Solutions of all tasks, block by block, as arrays of numpy."""
    with jax.enable_x64(True):
        cpu = jax.default_backend() == "cpu"
        size = BLOCK if cpu else ACCELERATOR_BLOCK
        parts = [
            solve(block, space, nodes, most, None if cpu else size)
            for block in blocks(tasks, len(tasks.start), size)
        ]
        joined = (
            np.concatenate([np.asarray(leaf) for leaf in leaves]) for leaves in zip(*parts, strict=True)
        )
        found = LeastSquaresResult(*joined)
        return LeastSquaresResult(*(leaf[: len(tasks.start)] for leaf in found))


def parameters(u: np.ndarray, space: Any) -> Any:
    """Parameters of coordinates ``(surfaces, unknowns)``, leaves ``(surfaces,)``."""
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, jax.vmap(space.params)(jnp.asarray(u)))
