"""A rival: a network on sample moments, after De Clerk and Savel'ev (2022).

Instead of the series, the network sees its standardised moments and the autocorrelations of its squares, as
in their calibration of GARCH(1,1); the asymmetry and the tail of our model get the moments that show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax import Array

from backtests.peers import bare
from riskengine.calibration import Calibration, TrainingPrior, as_matrix
from riskengine.garch import from_unconstrained, simulate

LAGS, BATCH = 20, 512


def moments(returns: Array) -> Array:
    """Features ``(series, 3 + 3 LAGS)`` of ``(time, series)`` returns, free of scale."""
    x = returns / jnp.sqrt(jnp.mean(returns**2, axis=0))

    def correlations(a: Array, b: Array) -> Array:
        a, b = (one - one.mean(axis=0) for one in (a, b))
        norm = jnp.sqrt(jnp.sum(a**2, axis=0) * jnp.sum(b**2, axis=0))
        return jnp.stack([jnp.sum(a[lag:] * b[:-lag], axis=0) / norm for lag in range(1, LAGS + 1)])

    size, square = jnp.abs(x), x**2
    tails = jnp.log(jnp.stack([jnp.mean(size**power, axis=0) for power in (1.0, 4.0, 6.0)]))
    return jnp.concatenate(
        [tails, correlations(square, square), correlations(size, size), correlations(size, x)]
    ).T


class _Network(nn.Module):
    @nn.compact
    def __call__(self, features: Array) -> Array:
        for width in (128, 128, 64):
            features = nn.gelu(nn.Dense(width)(features))
        return nn.Dense(5)(features)


@dataclass(frozen=True)
class MomentsNetwork:
    """Trained for one length of series: mean square error of scaled unconstrained coordinates.

    Attributes
    ----------
    weights : of the network
    centre, spread : of features and targets
    """

    weights: Any
    centre: tuple[Array, Array]
    spread: tuple[Array, Array]

    @classmethod
    def trained(cls, days: int, steps: int = 4000, seed: int = 0) -> MomentsNetwork:
        """From fresh simulations at every step, as many series as our own training sees."""
        prior = TrainingPrior()

        def draw(key: Array) -> tuple[Array, Array]:
            keys = jax.random.split(key)
            u = prior.sample(keys[0], BATCH)
            returns = simulate(keys[1], from_unconstrained(u), days=days).returns
            level = jnp.log(jnp.mean(returns**2, axis=0))
            return moments(returns), u.at[:, 0].add(-level)

        features, targets = jax.jit(draw)(jax.random.key(seed + 1))
        centre = (features.mean(axis=0), targets.mean(axis=0))
        spread = (features.std(axis=0), targets.std(axis=0))
        network = _Network()
        weights = network.init(jax.random.key(seed), features)
        optimiser = optax.adam(optax.cosine_decay_schedule(2e-3, steps))

        @jax.jit
        def step(weights: Any, state: Any, key: Array) -> tuple[Any, Any]:
            features, targets = draw(key)

            def loss(weights: Any) -> Array:
                found = network.apply(weights, (features - centre[0]) / spread[0])
                return jnp.mean((found - (targets - centre[1]) / spread[1]) ** 2)

            update, state = optimiser.update(jax.grad(loss)(weights), state)
            return optax.apply_updates(weights, update), state

        state = optimiser.init(weights)
        for key in jax.random.split(jax.random.key(seed + 2), steps):
            weights, state = step(weights, state, key)
        return cls(weights, centre, spread)

    def __call__(self, returns: Any) -> Calibration:
        """Calibrate ``(time, assets)`` returns without gaps."""
        matrix, assets = as_matrix(returns)
        data = jnp.asarray(matrix, jnp.float32)
        found = _Network().apply(self.weights, (moments(data) - self.centre[0]) / self.spread[0])
        u = found * self.spread[1] + self.centre[1]
        params = from_unconstrained(u.at[:, 0].add(jnp.log(jnp.mean(data**2, axis=0))))
        return bare(
            matrix,
            assets,
            jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params),
            np.ones(len(assets)) > 0,
        )
