"""How far a series lies from everything that the network was trained on."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

QUANTILE = 0.999


class Familiar(NamedTuple):
    """The training distribution of the first features as a Gaussian, and how far its own series lie from its mean.

    Attributes
    ----------
    centre : (features,)
    whitener : (features, features) inverse of the Cholesky factor of their covariance
    limit : () Mahalanobis distance that one training series in a thousand exceeds
    """

    centre: Array
    whitener: Array
    limit: Array

    @classmethod
    def of(cls, features: np.ndarray) -> Familiar:
        """Measure a sample ``(series, features)``."""
        centre = features.mean(axis=0)
        covariance = np.cov(features.T) + 1e-6 * np.eye(features.shape[1])
        whitener = np.linalg.inv(np.linalg.cholesky(covariance))
        distance = np.linalg.norm((features - centre) @ whitener.T, axis=1)
        limit = np.quantile(distance, QUANTILE)
        return cls(*(jnp.asarray(leaf, jnp.float32) for leaf in (centre, whitener, limit)))

    @classmethod
    def blank(cls, features: int) -> Familiar:
        """Zeros of the right shapes."""
        return cls(jnp.zeros(features), jnp.zeros((features, features)), jnp.zeros(()))

    def strangeness(self, features: Array) -> Array:
        """Mahalanobis distance of ``(assets, features)`` in multiples of ``limit``, ``(assets,)``."""
        away = (features - self.centre) @ self.whitener.T
        return jnp.sqrt(jnp.sum(away * away, axis=-1)) / self.limit
