"""Several correlated assets: products on the worst, the best or a basket of their performances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError, SettingsError
from riskengine.options.dynamics import BLACK_SCHOLES, BlackScholesParams, ConditionalReturn, MarketData
from riskengine.options.heston import HestonParams
from riskengine.options.heston_paths import LEAST_SIGMA, QUADRATIC_EXPONENTIAL
from riskengine.options.products import one_of

KINDS = ("worst", "best", "basket")


class BasketParams(NamedTuple):
    """Models of several assets, and what products observe of them: 100 at the initial values.

    Make it with :func:`basket_params`.

    Attributes
    ----------
    models
        Parameters of one model, leaves ``(assets,)``.
    asset_root, variance_root
        Roots of the correlations of the assets' own normals and of their variances', ``(assets, assets)``.
    weights
        Of a basket, ``(assets,)``; sum to one.
    initial
        Values of the assets at which the index is 100, ``(assets,)``.
    kind
        Position in :data:`KINDS`.
    """

    models: Any
    asset_root: Any
    variance_root: Any
    weights: Any
    initial: Any
    kind: Any


def basket_params(
    models: Sequence[HestonParams] | Sequence[BlackScholesParams],
    correlation: Any,
    initial: Sequence[float],
    kind: str = "worst",
    weights: Sequence[float] | None = None,
) -> BasketParams:
    """Parameters of several assets of one model.

    The correlation is that of the assets' returns at an instant. Under Heston variances are correlated likewise, and
    the assets' own normals so that the returns have it.

    Parameters
    ----------
    models : one an asset
    correlation : (assets, assets)
    initial : (assets,) values at which each performance is 100
    kind : "worst", "best" or "basket"
    weights : of a basket; equal if left out

    Raises
    ------
    DataError
        If the matrix is no correlation, or lengths differ.

    Examples
    --------
    >>> two = [BlackScholesParams(0.2), BlackScholesParams(0.3)]
    >>> basket_params(two, [[1.0, 0.5], [0.5, 1.0]], [100.0, 50.0]).asset_root.round(3)
    array([[1.   , 0.   ],
           [0.5  , 0.866]])
    """
    one_of("kind", kind, KINDS)
    n, matrix = len(models), np.asarray(correlation, np.float64)
    if (
        n < 2
        or len({type(one) for one in models}) != 1
        or not isinstance(models[0], (HestonParams, BlackScholesParams))
    ):
        raise SettingsError(
            "a basket has two assets or more, all under Heston or all under Black and Scholes"
        )
    if matrix.shape != (n, n) or not np.allclose(matrix, matrix.T) or not np.allclose(np.diag(matrix), 1):
        raise DataError(
            f"the correlation of {n} assets is a symmetric {n} by {n} matrix with ones on its diagonal"
        )
    levels, shares = (
        np.asarray(initial, np.float64),
        np.full(n, 1 / n) if weights is None else np.asarray(weights, float),
    )
    if (
        levels.shape != (n,)
        or shares.shape != (n,)
        or not (levels > 0).all()
        or not abs(shares.sum() - 1) < 1e-9
    ):
        raise DataError(f"{n} assets have as many positive initial values, and weights that sum to one")
    stacked = type(models[0])(*(np.array([float(x) for x in leaf]) for leaf in zip(*models, strict=True)))
    own = matrix
    if isinstance(stacked, HestonParams):
        rest = np.sqrt(1 - stacked.rho**2)
        if (rest < 1e-3).any():
            raise DataError("in a basket Heston's rho stays away from one and minus one")
        own = matrix * (1 - np.outer(stacked.rho, stacked.rho)) / np.outer(rest, rest)
    return BasketParams(stacked, _root(own), _root(matrix), shares, levels, np.float64(KINDS.index(kind)))


def _root(matrix: np.ndarray) -> np.ndarray:
    """Cholesky root; a correlation that is barely none is mended by a hair.

    Raises
    ------
    DataError
        If it is none.
    """
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < -1e-8 or np.abs(matrix).max() > 1 + 1e-9:
        raise DataError(
            f"these correlations contradict each other (an eigenvalue of {values[0]:.3f}): estimate them together"
        )
    mended = vectors @ np.diag(np.maximum(values, 1e-10)) @ vectors.T
    scale = np.sqrt(np.diag(mended))
    found: np.ndarray = np.linalg.cholesky(mended / np.outer(scale, scale))
    return found


@dataclass(frozen=True)
class CorrelatedDynamics:
    """The steps of one model for several assets, along the first axis of states and log assets.

    Attributes
    ----------
    heston : whether the model is Heston's, or that of Black and Scholes
    assets : number of them
    """

    heston: bool
    assets: int
    conditionally_gaussian = True
    decay_share = 0.25
    discrete: ClassVar[tuple[str, ...]] = ()

    @property
    def _one(self) -> Any:
        return QUADRATIC_EXPONENTIAL if self.heston else BLACK_SCHOLES

    @property
    def factors(self) -> int:
        """Normals a step: the assets' own, then the variances'."""
        return self.assets * self._one.factors

    def check(self, params: BasketParams) -> BasketParams:
        """Every asset's parameters in range."""
        for k in range(self.assets):
            self._one.check(type(params.models)(*(leaf[k] for leaf in params.models)))
        if self.heston and np.any(np.asarray(params.models.sigma) < LEAST_SIGMA):
            raise DataError(f"in a basket Heston's sigma is at least {LEAST_SIGMA:g}")
        return params

    def steps_a_year(self, monitoring: str) -> int | None:
        """Those of the model; what is watched at all times takes more, since the index has no bridge."""
        found: int | None = self._one.steps_a_year("fixings" if monitoring == "fixings" else "extreme")
        return found

    def coefficients(self, params: BasketParams, market: MarketData, grid: Array) -> Any:
        """Leaves ``(steps, assets, 1)``."""

        def one(model: Any, dividend: Array) -> Any:
            return self._one.coefficients(model, MarketData(0.0, market.rate, dividend), grid)

        found = jax.vmap(one)(params.models, jnp.broadcast_to(market.dividend, (self.assets,)))
        return jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1)[..., None], found)

    def initial_state(self, params: BasketParams, coefficients: Any) -> Array:
        """Variances now, ``(assets, 1)``."""
        return params.models.v0[:, None] if self.heston else jnp.zeros((self.assets, 1))

    def correlated(self, params: BasketParams, z: Array) -> Array:
        """Normals ``(factors of one, assets, paths)``, correlated."""
        n = self.assets
        own = jnp.tensordot(params.asset_root, z[:n], 1)
        return jnp.stack([own, jnp.tensordot(params.variance_root, z[n:], 1)]) if self.heston else own[None]

    def step(self, state: Array, row: Any, z: Array) -> tuple[Array, ConditionalReturn]:
        """All assets at once."""
        found: tuple[Array, ConditionalReturn] = self._one.step(state, row, z)
        return found

    def deviation(self, params: BasketParams, maturity: float) -> float:
        """Mean over the assets."""
        return float(
            np.mean(
                [
                    self._one.deviation(
                        type(params.models)(*(float(leaf[k]) for leaf in params.models)), maturity
                    )
                    for k in range(self.assets)
                ]
            )
        )

    def index(self, params: BasketParams, log_assets: Array) -> Array:
        """Logarithm of the worst, the best or the weighted performance, 100 at the initial values."""
        moved = log_assets - jnp.log(params.initial)[:, None]
        whole = jax.scipy.special.logsumexp(moved, axis=0, b=params.weights[:, None])
        chosen = jnp.where(
            params.kind == 0, moved.min(axis=0), jnp.where(params.kind == 1, moved.max(axis=0), whole)
        )
        return chosen + jnp.log(jnp.asarray(100.0, moved.dtype))
