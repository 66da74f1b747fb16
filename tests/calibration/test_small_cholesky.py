from __future__ import annotations

import jax
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskengine.calibration import small_cholesky

# Compiled whole, as the network uses them: one by one, every entry of a matrix is a program of its own.
cholesky, invert_lower, solve_lower, solve_lower_transposed = map(
    jax.jit,
    (
        small_cholesky.cholesky,
        small_cholesky.invert_lower,
        small_cholesky.solve_lower,
        small_cholesky.solve_lower_transposed,
    ),
)


@given(st.sampled_from([1, 2, 5]), st.integers(0, 2**31))
def test_they_are_those_of_lapack(size, seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((3, size, size)) + 2 * np.eye(size)
    matrix, vector = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(size), rng.standard_normal((3, size))
    factor = np.linalg.cholesky(matrix)
    np.testing.assert_allclose(cholesky(matrix), factor, atol=1e-10)
    near = {"rtol": 1e-8, "atol": 1e-8}
    np.testing.assert_allclose(
        factor @ np.asarray(invert_lower(factor)), np.broadcast_to(np.eye(size), factor.shape), **near
    )
    np.testing.assert_allclose(np.einsum("nij,nj->ni", factor, solve_lower(factor, vector)), vector, **near)
    np.testing.assert_allclose(
        np.einsum("nji,nj->ni", factor, solve_lower_transposed(factor, vector)), vector, **near
    )


def test_a_singular_matrix_keeps_its_pivots():
    factor = np.asarray(cholesky(np.ones((4, 4))))
    assert (np.diag(factor) >= np.sqrt(np.finfo(float).eps) * 0.99).all()
    np.testing.assert_allclose(factor @ factor.T, 1, atol=1e-12)
    assert np.isfinite(invert_lower(factor)).all()
