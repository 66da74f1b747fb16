"""What the network was taught to expect: the distribution of parameters that it is trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.garch import GarchParams, to_unconstrained


@dataclass(frozen=True)
class TrainingPrior:
    """Prior over GJR-GARCH(1,1) parameters, stored by name with the weights.

    Attributes
    ----------
    reversion : range of 1 - persistence, log-uniform
    news : range of alpha + gamma/2, log-uniform
    leverage : both parameters of the Beta distribution of gamma/2 over (alpha + gamma/2)
    leverage_from : lowest value of that share, to which the Beta distribution is stretched
    tail : range of 1/dof, uniform
    periods_per_year : for which these ranges hold: closes of five to seven days a week. In returns of weeks or months
        persistence is its own power (Drost and Nijman 1993), far below the range; within a day it is above it, and
        volatility goes by the clock.

    Examples
    --------
    >>> u = TrainingPrior().sample(jax.random.key(0), 1000)
    >>> u.shape, bool((jax.nn.sigmoid(u[:, 1]) < 0.9996).all())
    ((1000, 5), True)
    """

    reversion: tuple[float, float] = (0.0005, 0.3)
    news: tuple[float, float] = (0.01, 0.4)
    leverage: tuple[float, float] = (1.8, 1.5)
    leverage_from: float = -0.5
    tail: tuple[float, float] = (0.0, 0.4546)
    periods_per_year: tuple[float, float] = (200.0, 400.0)

    def sample(self, key: Array, size: int, dtype: Any = jnp.float32) -> Array:
        """Unconstrained coordinates ``(size, 5)`` with a long-run variance of one."""
        keys = jax.random.split(key, 4)

        def log_uniform(key: Array, limits: tuple[float, float]) -> Array:
            low, high = np.log(limits)
            return jnp.exp(jax.random.uniform(key, (size,), dtype, low, high))

        reversion, news = log_uniform(keys[0], self.reversion), log_uniform(keys[1], self.news)
        share = jnp.clip(jax.random.beta(keys[2], *self.leverage, (size,), dtype), 1e-4, 1 - 1e-4)
        leverage = self.leverage_from + (1 - self.leverage_from) * share
        eta = jnp.maximum(jax.random.uniform(keys[3], (size,), dtype, *self.tail), 1e-4)
        params = GarchParams(
            omega=reversion,
            alpha=news * (1 - leverage),
            gamma=2 * news * leverage,
            beta=1 - reversion - news,
            dof=1 / eta,
        )
        return to_unconstrained(params)

    def log_density(self, u: Array) -> Array:
        """Log-density of coordinates ``(..., 5)``, flat in the log long-run variance; ``-inf`` outside.

        A constant is left out.
        """
        reversion, tail = jax.nn.sigmoid(-u[..., 1]), jax.nn.sigmoid(u[..., 4])
        share_rest = jax.nn.sigmoid(-u[..., 2])
        news = (1 - reversion) * jax.nn.sigmoid(u[..., 2])
        low, a, b = self.leverage_from, *self.leverage
        leverage = (jnp.tanh(u[..., 3] / 2) - low) / (1 - low)
        inside = (leverage > 0) & (leverage < 1)
        safe = jnp.where(inside, leverage, 0.5)
        for value, (lowest, highest) in (
            (reversion, self.reversion),
            (news, self.news),
            (tail / 2, self.tail),
        ):
            inside &= (value >= lowest) & (value <= highest)
        # The logarithms of the slopes of log reversion, log news, leverage and 1/dof in the coordinates.
        slopes = jnp.log1p(-reversion) + jnp.log(share_rest) + jnp.log(tail) + jnp.log1p(-tail)
        slopes += jax.nn.log_sigmoid(u[..., 3]) + jax.nn.log_sigmoid(-u[..., 3])
        beta = (a - 1) * jnp.log(safe) + (b - 1) * jnp.log1p(-safe)
        return jnp.where(inside, slopes + beta, -jnp.inf)

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
        settings: dict[str, Any] = {
            k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in values.items()
        }
        return cls(**settings)
