"""Cholesky factors and triangular solves of many small matrices at once, written out.

With five coordinates the written-out recursions are a few vector operations, where LAPACK goes matrix by
matrix; and with several devices on one host a compiled program that calls LAPACK can wait for itself forever.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array


def cholesky(matrix: Array) -> Array:
    """Lower Cholesky factor of positive definite ``(..., K, K)``, K small; pivots are kept above rounding.

    Examples
    --------
    >>> print(cholesky(jnp.array([[4.0, 2.0], [2.0, 10.0]])))
    [[2. 0.]
     [1. 3.]]
    """
    size = matrix.shape[-1]
    factor: list[list[Array]] = [[jnp.zeros_like(matrix[..., 0, 0])] * size for _ in range(size)]
    for j in range(size):
        for i in range(j, size):
            rest = matrix[..., i, j] - sum(
                (factor[i][k] * factor[j][k] for k in range(j)), jnp.zeros((), matrix.dtype)
            )
            if i == j:
                least = jnp.finfo(matrix.dtype).eps * matrix[..., i, i]
                factor[i][i] = jnp.sqrt(jnp.maximum(rest, least))
            else:
                factor[i][j] = rest / factor[j][j]
    return jnp.stack([jnp.stack(row, axis=-1) for row in factor], axis=-2)


def solve_lower(factor: Array, vector: Array) -> Array:
    """``x`` with ``factor @ x = vector`` for lower triangular ``(..., K, K)`` and ``(..., K)``."""
    found: list[Array] = []
    for i in range(vector.shape[-1]):
        rest = vector[..., i]
        for k, known in enumerate(found):
            rest = rest - factor[..., i, k] * known
        found.append(rest / factor[..., i, i])
    return jnp.stack(found, axis=-1)


def solve_lower_transposed(factor: Array, vector: Array) -> Array:
    """``x`` with ``factor.T @ x = vector`` for lower triangular ``(..., K, K)`` and ``(..., K)``."""
    size = vector.shape[-1]
    found: dict[int, Array] = {}
    for i in reversed(range(size)):
        rest = vector[..., i]
        for k, known in found.items():
            rest = rest - factor[..., k, i] * known
        found[i] = rest / factor[..., i, i]
    return jnp.stack([found[i] for i in range(size)], axis=-1)


def invert_lower(factor: Array) -> Array:
    """Inverse of lower triangular ``(..., K, K)``."""
    columns = jnp.eye(factor.shape[-1], dtype=factor.dtype)
    return jnp.stack([solve_lower(factor, jnp.broadcast_to(e, factor.shape[:-1])) for e in columns], axis=-1)
