"""Quasi-random points and the bridge against scipy and plain algebra."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, qmc

from riskengine.errors import SettingsError
from riskengine.options import brownian_bridge, quasi_random


def test_direction_numbers_make_sobols_points():
    known = qmc.Sobol(7, scramble=False, bits=32).random(256)
    numbers = quasi_random.direction_numbers(7, 8)
    bits = np.zeros((7, 1), np.uint32)
    for k in range(8):
        bits = np.concatenate([bits, bits ^ numbers[:, k, None]], axis=1)
    assert set(map(tuple, bits.T)) == set(map(tuple, (known * 2.0**32).astype(np.uint32)))


@given(seed=st.integers(0, 2**32), block=st.integers(0, 9))
def test_every_scrambling_fills_every_interval_once(seed, block):
    """In each dimension, and in elementary boxes of the first two."""
    rng = np.random.default_rng(seed)
    blocks = quasi_random.sobol_blocks(np.arange(5), 8, block, rng)
    u = np.concatenate([bits ^ shift[:, None] for bits, shift in blocks], axis=1) * 2.0**-32
    assert u.shape == (5, 256)
    for row in u:
        assert len(np.unique(np.floor(256 * row))) == 256
    boxes = np.floor(16 * u[0]) * 16 + np.floor(16 * u[1])
    assert len(np.unique(boxes)) == 256


def test_normals_are_the_inverse_of_the_distribution():
    bits = np.random.default_rng(0).integers(0, 2**32, 4096, dtype=np.uint32)
    for dtype, tolerance in ((jnp.float32, 3e-6), (jnp.float64, 1e-9)):
        z = np.asarray(quasi_random.normals(jnp.asarray(bits), dtype), np.float64)
        kept = 23 if dtype == jnp.float32 else 32
        u = ((bits >> (32 - kept)) + 0.5) * 2.0**-kept
        assert np.max(np.abs(norm.cdf(z) - u) / np.minimum(u, 1 - u)) < 100 * tolerance
        np.testing.assert_allclose(z, norm.ppf(u), atol=200 * tolerance)


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 13])
def test_the_bridge_is_an_isometry(steps):
    """Normals in, independent standard normal increments out."""
    gaps = np.random.default_rng(steps).uniform(0.01, 3.0, steps)
    bridge = brownian_bridge.brownian_bridge(np.concatenate([[0.0], np.cumsum(gaps)]), segments=4)
    z = jnp.eye(steps)[brownian_bridge.dimension_order(bridge, 1)[:, 0]]
    coarse, left, rows = brownian_bridge.segment_increments(bridge, z[bridge.ends]), jnp.zeros(steps), []
    for k in range(steps):
        row = bridge.by_step()
        left, normal = brownian_bridge.bridge_step(coarse, jax.tree.map(lambda x, k=k: x[k], row), left, z[k])
        rows.append(normal)
    matrix = np.asarray(rows)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(steps), atol=1e-9)
    end = np.sqrt(gaps) @ matrix
    np.testing.assert_allclose(end[1:], 0, atol=1e-9)  # the first normal alone sets the end


def test_too_many_dimensions_name_the_remedy():
    with pytest.raises(SettingsError, match="fewer steps"):
        quasi_random.direction_numbers(quasi_random.MOST_DIMENSIONS + 1, 2)
