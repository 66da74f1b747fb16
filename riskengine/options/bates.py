"""Bates's model: Heston's with lognormal jumps of the asset; European prices by the same Fourier integral."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.heston import HestonParams, check_heston, fourier_price, log_characteristic


class BatesParams(NamedTuple):
    """Bates (1996): Heston's asset, multiplied by ``exp(J)`` at the times of a Poisson process, compensated.

    ``J ~ N(jump_mean, jump_deviation^2)``.

    Attributes
    ----------
    v0, kappa, theta, sigma, rho
        As in :class:`HestonParams`.
    intensity
        Jumps expected in a year.
    jump_mean, jump_deviation
        Of the logarithm of the factor.
    """

    v0: Any
    kappa: Any
    theta: Any
    sigma: Any
    rho: Any
    intensity: Any
    jump_mean: Any
    jump_deviation: Any

    @property
    def heston(self) -> HestonParams:
        """Without jumps."""
        return HestonParams(*self[:5])

    @property
    def feller(self) -> Any:
        """``2 kappa theta / sigma^2``."""
        return self.heston.feller

    @property
    def compensator(self) -> Any:
        """Drift a year that the jumps add and the model takes away."""
        return self.intensity * jnp.expm1(self.jump_mean + self.jump_deviation**2 / 2)

    def characteristic(self, u: Array, maturity: Array) -> Array:
        """Logarithm of ``E[exp((iu + 1/2) x)]``, as :func:`log_characteristic`: that of Heston and of the jumps."""
        m, d = self.jump_mean, self.jump_deviation
        size = jnp.exp(m / 2 + (0.25 - u * u) * d**2 / 2)
        angle = u * (m + d**2 / 2)
        lost = jnp.expm1(m + d**2 / 2)
        jumps = jax.lax.complex(size * jnp.cos(angle) - 1 - lost / 2, size * jnp.sin(angle) - u * lost)
        scale = (self.intensity * maturity).astype(jumps.dtype)
        return log_characteristic(self.heston, u, maturity) + scale * jumps

    def mean_variance(self, maturity: Array) -> Array:
        """Expected variance of the log asset up to maturity."""
        jumps = self.intensity * (self.jump_mean**2 + self.jump_deviation**2)
        return self.heston.mean_variance(maturity) + jumps * maturity


def check_bates(params: BatesParams) -> BatesParams:
    """The parameters as float64 arrays.

    Raises
    ------
    DataError
        If one is not finite or outside its range.
    """
    heston = check_heston(HestonParams(*params[:5]))
    p = BatesParams(*heston, *(np.asarray(leaf, np.float64) for leaf in params[5:]))
    ranges = {
        "intensity >= 0": (p.intensity >= 0) & np.isfinite(p.intensity),
        "-3 <= jump_mean <= 3": np.abs(p.jump_mean) <= 3,
        "0 <= jump_deviation <= 3": (p.jump_deviation >= 0) & (p.jump_deviation <= 3),
    }
    for name, holds in ranges.items():
        if not np.all(holds):
            raise DataError(f"Bates parameters need {name}: give finite values in that range")
    return p


def bates_price(
    params: BatesParams,
    spot: Any,
    strike: Any,
    maturity: Any,
    rate: Any = 0.0,
    dividend: Any = 0.0,
    kind: Any = "call",
    nodes: int | None = None,
) -> np.ndarray:
    """Prices of European options under Bates's (1996) model; arguments as in :func:`heston_price`.

    Examples
    --------
    Without jumps it is Heston's price, and jumps down lift the puts:

    >>> p = BatesParams(0.04, 4.0, 0.25, 1.0, -0.5, intensity=0.0, jump_mean=-0.1, jump_deviation=0.1)
    >>> price = bates_price(p, 100.0, 100.0, 1.0, rate=0.01, dividend=0.02)
    >>> puts = [float(bates_price(p._replace(intensity=x), 100.0, 70.0, 0.1, kind="put")) for x in (0.0, 1.0)]
    >>> f"{price:.8f}", [round(x, 4) for x in puts]
    ('16.07015492', [0.006, 0.021])
    """
    return fourier_price(check_bates(params), spot, strike, maturity, rate, dividend, kind, nodes)
