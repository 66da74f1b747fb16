"""What real price series suffer from, done to simulated ones: bad prints, breaks, stale prices, ticks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Spoiled(NamedTuple):
    """Returns ``(time, series)`` after the accident, and the log factor ``(series,)`` of the final variance level."""

    returns: Array
    log_level: Array


@dataclass(frozen=True)
class Contaminants:
    """Contamination of training series: the share of series with each kind of outlier, and its size in units of the
    returns' standard deviation.

    Attributes
    ----------
    outliers : share with additive outliers; a third of them come in clusters
    outlier_rate : range of their rate a day, log-uniform
    outlier_size : range of their size in long-run standard deviations, uniform
    breaks : share with a level shift of the variance, at any time
    break_factor : largest factor of a shift, up or down
    stale : share with stale prices, up to ``stale_rate`` of the days
    stale_rate : a stale day returns nothing, and the next live day the whole move
    ticks : share with prices rounded to a tick
    tick_size : range of the tick in daily standard deviations, log-uniform
    """

    outliers: float = 0.35
    outlier_rate: tuple[float, float] = (0.001, 0.02)
    outlier_size: tuple[float, float] = (4.0, 15.0)
    breaks: float = 0.1
    break_factor: float = 6.0
    stale: float = 0.08
    stale_rate: float = 0.3
    ticks: float = 0.15
    tick_size: tuple[float, float] = (0.01, 0.7)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Contaminants:
        """Settings from plain values."""
        settings: dict[str, Any] = {
            k: tuple(v) if isinstance(v, (list, tuple)) else v for k, v in values.items()
        }
        return cls(**settings)

    def __call__(self, key: Array, returns: Array) -> Spoiled:
        """Spoil simulated returns ``(time, series)``; the order is break, outliers, ticks, stale prices."""
        keys = jax.random.split(key, 5)
        returns, log_level = self._break(keys[0], returns)
        returns = self._outliers(keys[1], returns, jnp.exp(log_level / 2))
        returns = self._ticks(keys[2], returns)
        return Spoiled(self._stale(keys[3], returns), log_level)

    def _break(self, key: Array, returns: Array) -> tuple[Array, Array]:
        keys = jax.random.split(key, 3)
        days, series = returns.shape
        hit = _uniform(keys[0], (series,)) < self.breaks
        limit = jnp.log(jnp.asarray(self.break_factor, returns.dtype))
        log_factor = jnp.where(hit, limit * (2 * _uniform(keys[1], (series,)) - 1), 0)
        late = jnp.arange(days, dtype=returns.dtype)[:, None] >= days * _uniform(keys[2], (series,))
        # Scaled so that the level before a break or after it, whichever is larger, is one.
        size = jnp.where(late, log_factor, 0) - jnp.maximum(log_factor, 0)
        return returns * jnp.exp(size / 2), jnp.minimum(log_factor, 0)

    def _outliers(self, key: Array, returns: Array, scale: Array) -> Array:
        keys = jax.random.split(key, 7)
        series = returns.shape[1]
        hit = _uniform(keys[0], (series,)) < self.outliers
        low, high = jnp.log(jnp.asarray(self.outlier_rate, returns.dtype))
        rate = jnp.where(hit, jnp.exp(low + (high - low) * _uniform(keys[1], (series,))), 0)
        begun = _uniform(keys[2], returns.shape) < rate
        clustered = _uniform(keys[3], (series,)) < 1 / 3
        follows = clustered & (_uniform(keys[4], returns.shape) < 0.5)
        again = jnp.roll(begun, 1, axis=0).at[0].set(False) & follows
        smallest, largest = self.outlier_size
        size = smallest + (largest - smallest) * _uniform(keys[5], returns.shape)
        sign = jnp.where(_uniform(keys[6], returns.shape) < 0.5, -1, 1).astype(returns.dtype)
        return jnp.where(begun | again, returns + sign * size * scale, returns)

    def _ticks(self, key: Array, returns: Array) -> Array:
        keys = jax.random.split(key, 2)
        series = returns.shape[1]
        hit = _uniform(keys[0], (series,)) < self.ticks
        low, high = jnp.log(jnp.asarray(self.tick_size, returns.dtype))
        tick = jnp.exp(low + (high - low) * _uniform(keys[1], (series,)))
        prices = jnp.round(jnp.cumsum(returns, axis=0) / tick)
        moves = jnp.diff(prices, axis=0, prepend=jnp.zeros((1, series), returns.dtype))
        return jnp.where(hit, moves * tick, returns)

    def _stale(self, key: Array, returns: Array) -> Array:
        keys = jax.random.split(key, 3)
        series = returns.shape[1]
        hit = _uniform(keys[0], (series,)) < self.stale
        rate = jnp.where(hit, self.stale_rate * _uniform(keys[1], (series,)), 0)
        stale = _uniform(keys[2], returns.shape) < rate

        def day(owed: Array, today: tuple[Array, Array]) -> tuple[Array, Array]:
            move, still = today
            total = owed + move
            return jnp.where(still, total, 0), jnp.where(still, 0, total)

        _, moves = jax.lax.scan(day, jnp.zeros(series, returns.dtype), (returns, stale))
        return moves


def _uniform(key: Array, shape: tuple[int, ...]) -> Array:
    return jax.random.uniform(key, shape, jnp.float32)
