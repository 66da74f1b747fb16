"""A Gaussian posterior in unconstrained coordinates, and what follows from it for the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import qmc

from riskengine.errors import SettingsError
from riskengine.garch.params import GarchParams, from_unconstrained

Array = np.ndarray


@lru_cache(maxsize=2)
def _spread_points(draws: int) -> Array:
    """Quasi-random standard normal points ``(draws, 5)``, the same in every process."""
    return qmc.MultivariateNormalQMC(np.zeros(5), rng=np.random.default_rng(5)).random(draws)


@dataclass(frozen=True, eq=False)
class Posterior:
    """Independent Gaussians, one an asset, over the coordinates of :mod:`riskengine.garch.params`.

    Attributes
    ----------
    mean : (assets, 5)
    cholesky : (assets, 5, 5) lower Cholesky factor of the covariance
    """

    mean: Array
    cholesky: Array

    def _draws(self, draws: int) -> GarchParams:
        """Quasi-random draws, leaves ``(draws, assets)``; a power of two."""
        noise = np.einsum("nij,sj->sni", self.cholesky, _spread_points(draws))
        return _natural(self.mean + noise)

    def sample(self, key: jax.Array, n: int) -> GarchParams:
        """Draw parameters; leaves ``(n, assets)``."""
        noise = np.asarray(jax.random.normal(key, (n, *self.mean.shape)), dtype=np.float64)
        return _natural(self.mean + np.einsum("nij,snj->sni", self.cholesky, noise))

    def interval(self, level: float = 0.9) -> tuple[GarchParams, GarchParams]:
        """Equal-tailed credible interval of each parameter: lower and upper, leaves ``(assets,)``.

        Raises
        ------
        SettingsError
            If ``level`` is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise SettingsError(f"the level of an interval lies between 0 and 1, not at {level}")
        draws = self._draws(512)
        tails = [(1 - level) / 2, (1 + level) / 2]
        low, high = zip(*(np.quantile(leaf, tails, axis=0) for leaf in draws), strict=True)
        return GarchParams(*low), GarchParams(*high)

    def mean_params(self) -> GarchParams:
        """Posterior means of the natural parameters, leaves ``(assets,)``.

        Means are taken of ``omega``, ``alpha``, ``gamma``, ``beta`` and ``1/dof``. Tomorrow's variance is
        linear in the first four, so these give its posterior mean, nearly; the parameters at the mean of
        the unconstrained coordinates do not.
        """
        draws = self._draws(128)
        means = {name: np.mean(leaf, axis=0) for name, leaf in draws._asdict().items()}
        return GarchParams(**means | {"dof": 1 / np.mean(1 / draws.dof, axis=0)})


def _natural(u: Array) -> GarchParams:
    """Parameters of coordinates ``(..., 5)``, as float64 numpy arrays."""
    with jax.enable_x64(True):
        params = jax.jit(from_unconstrained)(jnp.asarray(u, jnp.float64))
        return GarchParams(*(np.asarray(leaf) for leaf in params))
