from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from riskengine.calibration.small_cholesky import cholesky, invert_lower, solve_lower, solve_lower_transposed


@given(st.integers(1, 6), st.integers(0, 2**31))
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
    assert np.isfinite(invert_lower(cholesky(np.ones((4, 4))))).all()
