"""A Gaussian posterior in unconstrained coordinates, and what follows from it for the parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
from scipy.special import expit

from riskengine.errors import SettingsError
from riskengine.garch import GarchParams

Array = np.ndarray


POINTS = Path(__file__).with_name("normal_points.npy")
"""The first 512 of the quasi-random points: to import scipy.stats for them is a fifth of a first calibration's time."""


@lru_cache(maxsize=2)
def spread_points(draws: int) -> Array:
    """Quasi-random standard normal points ``(draws, 5)``, the same in every process: scrambled Sobol points."""
    if draws <= 512:
        points: Array = np.load(POINTS)[:draws]
        return points
    return sobol_normals(draws)


def sobol_normals(draws: int) -> Array:
    """The points of :func:`spread_points`, made anew."""
    from scipy.stats import qmc

    return qmc.MultivariateNormalQMC(np.zeros(5), rng=np.random.default_rng(5)).random(draws)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Posterior:
    """Gaussian posterior of each asset, over the unconstrained coordinates of :mod:`riskengine.garch.params`.

    Attributes
    ----------
    mean : (assets, 5)
    cholesky : (assets, 5, 5) lower Cholesky factor of the covariance
    width : (assets, 5), optional
        Factors on the half-widths of the intervals of ``omega``, ``alpha``, ``gamma``, ``beta`` and ``1/dof``,
        measured on simulations, where a Gaussian in these coordinates does not quite cover.
    """

    mean: Array
    cholesky: Array
    width: Array | None = None

    def with_width(self) -> Posterior:
        """The same posterior with its factors written out: ones where it has none."""
        return self if self.width is not None else replace(self, width=np.ones_like(self.mean))

    def _draws(self, draws: int) -> GarchParams:
        """Quasi-random draws, leaves ``(draws, assets)``; a power of two."""
        noise = np.einsum("nij,sj->sni", self.cholesky, spread_points(draws))
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
        draws = draws._replace(dof=1 / draws.dof)
        tails = [(1 - level) / 2, 0.5, (1 + level) / 2]
        low, middle, high = np.quantile(np.stack(draws, axis=-1), tails, axis=0)
        width = 1.0 if self.width is None else self.width
        low, high = middle - width * (middle - low), middle + width * (high - middle)
        low[:, 4], high[:, 4] = 1 / np.clip(high[:, 4], 1e-9, 0.5), 1 / np.clip(low[:, 4], 1e-9, 0.5)
        low[:, [0, 1, 3]] = np.maximum(low[:, [0, 1, 3]], 0)
        return GarchParams(*low.T), GarchParams(*high.T)

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
    """:func:`~riskengine.garch.from_unconstrained` of coordinates ``(..., 5)`` by NumPy, in double precision.

    A compiled one would be a program of its own for every number of assets, of half a second each.
    """
    persistence, news_share, tail = (expit(u[..., k]) for k in (1, 2, 4))
    news, leverage = persistence * news_share, np.tanh(u[..., 3] / 2)
    return GarchParams(
        omega=np.exp(u[..., 0]) * expit(-u[..., 1]),
        alpha=news * (1 - leverage),
        gamma=2 * news * leverage,
        beta=persistence * expit(-u[..., 2]),
        dof=2 / tail,
    )
