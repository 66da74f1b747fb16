"""What the network was taught to expect: the distribution of parameters that it is trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.garch.params import GarchParams, to_unconstrained


@dataclass(frozen=True)
class TrainingPrior:
    """Prior over GJR-GARCH(1,1) parameters, stored by name with the weights.

    Attributes
    ----------
    reversion : range of 1 - persistence, log-uniform
    news : range of alpha + gamma/2, log-uniform
    leverage : both parameters of the Beta distribution of gamma/2 over (alpha + gamma/2)
    tail : range of 1/dof, uniform

    Examples
    --------
    >>> u = TrainingPrior().sample(jax.random.key(0), 1000)
    >>> u.shape, bool((jax.nn.sigmoid(u[:, 1]) < 0.9981).all())
    ((1000, 5), True)
    """

    reversion: tuple[float, float] = (0.002, 0.3)
    news: tuple[float, float] = (0.015, 0.35)
    leverage: tuple[float, float] = (1.2, 1.2)
    tail: tuple[float, float] = (0.0, 0.4)

    def sample(self, key: Array, size: int, dtype: Any = jnp.float32) -> Array:
        """Unconstrained coordinates ``(size, 5)`` with a long-run variance of one."""
        keys = jax.random.split(key, 4)

        def log_uniform(key: Array, limits: tuple[float, float]) -> Array:
            low, high = np.log(limits)
            return jnp.exp(jax.random.uniform(key, (size,), dtype, low, high))

        reversion, news = log_uniform(keys[0], self.reversion), log_uniform(keys[1], self.news)
        leverage = jnp.clip(jax.random.beta(keys[2], *self.leverage, (size,), dtype), 1e-4, 1 - 1e-4)
        eta = jnp.maximum(jax.random.uniform(keys[3], (size,), dtype, *self.tail), 1e-4)
        params = GarchParams(
            omega=reversion,
            alpha=news * (1 - leverage),
            gamma=2 * news * leverage,
            beta=1 - reversion - news,
            dof=1 / eta,
        )
        return to_unconstrained(params)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation ``(5,)`` of the unconstrained coordinates.

        The spread of the log long-run variance is that of a sample relative to its own mean square.
        """
        u = np.asarray(self.sample(jax.random.key(20_240_101), 65_536), dtype=np.float64)
        mean, spread = u.mean(axis=0), u.std(axis=0)
        mean[0], spread[0] = 0.0, 0.7
        return mean, spread

    def to_json(self) -> dict[str, Any]:
        """Plain values for the file beside the weights."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainingPrior:
        """Inverse of :meth:`to_json`."""
        return cls(**{name: tuple(limits) for name, limits in values.items()})
