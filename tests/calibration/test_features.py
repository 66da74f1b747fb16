"""What is written down so that a first calibration need not compute it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine.calibration.features import WIDTHS, first_look, second_look
from riskengine.calibration.network import head, head_shapes, widths
from riskengine.calibration.posterior import sobol_normals, spread_points
from riskengine.calibration.training.initial import Residual, initial_weights


@pytest.mark.parametrize("robust", [False, True])
def test_the_numbers_of_features_are_those_of_both_looks(robust):
    returns, one, prior = jnp.ones((8, 1)), jnp.ones(1), (jnp.zeros(5), jnp.ones(5))
    weighed = one / 100 if robust else None
    first = jax.eval_shape(first_look, returns, one, weighed)
    _, second = jax.eval_shape(second_look, prior[0][None], returns, one, *prior, weighed)
    assert (first.shape[-1], second.shape[-1]) == WIDTHS[robust]


@pytest.mark.parametrize("robust", [False, True])
def test_the_network_is_that_of_the_module_that_training_begins_with(robust):
    begun = initial_weights(jax.random.key(1), jnp.zeros(5, jnp.float32), jnp.ones(5, jnp.float32), robust)
    for inputs, weights in zip(widths(robust), begun, strict=True):
        assert jax.tree.map(jnp.shape, weights) == jax.tree.map(lambda leaf: leaf.shape, head_shapes(inputs))
        weights = jax.tree.map(
            lambda w: w + jnp.cos(jnp.arange(w.size, dtype=w.dtype)).reshape(w.shape) / 9, weights
        )
        x = jax.random.normal(jax.random.key(3), (7, inputs), jnp.float32)
        np.testing.assert_array_equal(jax.jit(head)(weights, x), jax.jit(Residual().apply)(weights, x))


@pytest.mark.parametrize("draws", [1, 128, 512, 1024])
def test_the_points_are_those_of_the_sequence(draws):
    np.testing.assert_array_equal(spread_points(draws), sobol_normals(draws))
    assert spread_points(draws).shape == (draws, 5)
