"""GJR-GARCH(1,1) parameters, and the unconstrained coordinates in which they are estimated."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.nn import sigmoid


class GarchParams(NamedTuple):
    """GJR-GARCH(1,1) with standardised Student-t innovations (Glosten, Jagannathan and Runkle 1993).

    The variance recursion is ``var[t+1] = omega + (alpha + gamma 1[r<0]) r[t]^2 + beta var[t]``; ``gamma = 0`` is GARCH
    (Bollerslev 1986), with Student-t innovations that of Bollerslev (1987), and ``dof = inf`` is Gaussian.

    Attributes
    ----------
    omega, alpha, gamma, beta, dof
        Leaves of one common shape, usually ``(assets,)``. ``omega`` is a variance per day of the
        returns' own scale (decimals); ``dof > 2``.

    Examples
    --------
    >>> p = GarchParams(omega=2e-6, alpha=0.05, gamma=0.08, beta=0.9, dof=6.0)
    >>> round(float(p.persistence), 3), round(float(p.long_run_variance), 6)
    (0.99, 0.0002)
    """

    omega: Any  # of jax inside compiled functions, of numpy outside
    alpha: Any
    gamma: Any
    beta: Any
    dof: Any

    @property
    def persistence(self) -> Any:
        """Factor by which an expected deviation from the long-run variance survives one day."""
        return self.alpha + self.gamma / 2 + self.beta

    @property
    def long_run_variance(self) -> Any:
        """Unconditional variance per day, ``omega / (1 - persistence)``."""
        return self.omega / (1 - self.persistence)

    def scaled(self, factor: Any) -> GarchParams:
        """Parameters of the returns times ``factor``: only ``omega`` changes, by its square."""
        return self._replace(omega=self.omega * factor**2)


def from_unconstrained(u: Array) -> GarchParams:
    """GARCH parameters ``(...)`` from unconstrained coordinates ``(..., 5)``.

    The coordinates are the logarithm of the long-run variance, the logit of the persistence,
    ``log((alpha + gamma/2) / beta)`` (news against memory), ``log((alpha + gamma) / alpha)`` (bad news
    against good, zero for GARCH without asymmetry) and the logit of ``2 / dof``. Every real vector is a
    stationary model with a finite variance and ``alpha >= 0``, ``alpha + gamma >= 0``.

    Parameters
    ----------
    u : (..., 5)

    Examples
    --------
    >>> print([f"{float(x):.3f}" for x in from_unconstrained(jnp.array([0.0, 4.0, -2.5, 1.0, -1.0]))])
    ['0.018', '0.040', '0.069', '0.908', '7.437']
    """
    persistence, news_share, tail = sigmoid(u[..., 1]), sigmoid(u[..., 2]), sigmoid(u[..., 4])
    news = persistence * news_share
    leverage = jnp.tanh(u[..., 3] / 2)
    return GarchParams(
        omega=jnp.exp(u[..., 0]) * sigmoid(-u[..., 1]),
        alpha=news * (1 - leverage),
        gamma=2 * news * leverage,
        beta=persistence * sigmoid(-u[..., 2]),
        dof=2 / tail,
    )


def to_unconstrained(params: GarchParams) -> Array:
    """Unconstrained coordinates ``(..., 5)`` of GARCH parameters ``(...)``; inverse of :func:`from_unconstrained`.

    Parameters on the boundary (``alpha = 0``, ``dof = inf``, ...) map to infinite coordinates.

    Examples
    --------
    >>> p = GarchParams(*map(jnp.array, (2e-6, 0.05, 0.08, 0.9, 6.0)))
    >>> bool(jnp.allclose(jnp.stack(from_unconstrained(to_unconstrained(p))), jnp.stack(p)))
    True
    """
    coordinates = (
        jnp.log(params.long_run_variance),
        jax.scipy.special.logit(params.persistence),
        jnp.log(params.alpha + params.gamma / 2) - jnp.log(params.beta),
        jnp.log(params.alpha + params.gamma) - jnp.log(params.alpha),
        jax.scipy.special.logit(2 / params.dof),
    )
    return jnp.stack(jnp.broadcast_arrays(*coordinates), axis=-1)
