"""The exact posterior against brute force."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine import NeuralCalibrator
from riskengine.calibration.prior import TrainingPrior
from riskengine.calibration.training import Training
from riskengine.calibration.training.pretraining import fresh_series
from riskengine.garch import from_unconstrained, log_likelihood
from riskengine.garch.variance import backcast


@pytest.mark.slow
def test_moments_are_those_of_prior_draws_weighted_by_the_likelihood():
    """Short series, so that enough draws from the prior itself fall where the likelihood is."""
    prior = TrainingPrior()
    _, returns, _ = fresh_series(Training(), 120, 3, seed=12)
    fit = NeuralCalibrator.pretrained(refine="posterior")(returns)
    u = prior.sample(jax.random.key(5), 100_000)
    data = jnp.asarray(returns)
    for k, size in enumerate(fit.effective_sample_size):
        one = data[:, k : k + 1]
        level = jnp.log(jnp.mean(one**2))
        # A flat prior on the level: its draws are spread uniformly over all that the data allow.
        shift = jax.random.uniform(jax.random.key(k), (len(u),), minval=-6.0, maxval=6.0)
        draws = from_unconstrained(jnp.asarray(u, jnp.float64).at[:, 0].set(level + shift))
        before = jnp.broadcast_to(backcast(one), (len(u),))
        total, _ = jax.jit(log_likelihood)(draws, jnp.broadcast_to(one, (120, len(u))), before)
        weight = np.asarray(jax.nn.softmax(total))

        def apart(x: np.ndarray, mine: float, w: np.ndarray = weight, size: float = size) -> float:
            """Distance of the two means in standard errors."""
            square = w**2 @ (x - w @ x) ** 2 + w @ (x - w @ x) ** 2 / size
            return abs(w @ x - mine) / np.sqrt(square)

        for name in ("beta", "alpha", "gamma"):
            assert apart(np.asarray(getattr(draws, name)), getattr(fit.params, name)[k]) < 5, name
        assert apart(np.asarray(1 / draws.dof), 1 / fit.params.dof[k]) < 5
