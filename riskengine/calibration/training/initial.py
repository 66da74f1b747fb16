"""Weights that training starts from, by flax."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from riskengine.calibration.network import BLOCKS, OUTPUTS, WIDTH, Weights, widths


class Residual(nn.Module):
    """The module whose weights :func:`riskengine.calibration.network.head` takes; its output starts at zero."""

    outputs: int = OUTPUTS
    width: int = WIDTH
    blocks: int = BLOCKS

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Features ``(..., inputs)`` to ``(..., outputs)``."""
        x = nn.silu(nn.Dense(self.width)(x))
        for _ in range(self.blocks):
            x = x + nn.Dense(self.width)(nn.silu(nn.Dense(self.width)(nn.LayerNorm()(x))))
        return nn.Dense(self.outputs, kernel_init=nn.initializers.zeros)(nn.silu(x))


def initial_weights(
    key: Array, prior_mean: Array, prior_spread: Array, robust: bool = False
) -> list[Weights]:
    """Untrained weights for all stages, of the type of the prior; they rest on the numbers of features alone."""
    inputs = widths(robust)
    keys = jax.random.split(key, len(inputs))
    return [
        Residual().init(one, jnp.zeros((1, n), prior_mean.dtype)) for one, n in zip(keys, inputs, strict=True)
    ]
