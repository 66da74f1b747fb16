"""The standardised Student-t innovation, written in ``eta = 1/dof`` so that the Gaussian is a plain limit.

With unit variance the density of ``z`` is ``exp(log_normaliser(eta)) (1 + eta z^2 / (1 - 2 eta))^(-(1 + 1/eta) / 2)``.
Every function here is smooth at ``eta = 0``, where it takes its Gaussian value.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

_SERIES_BELOW = 1 / 30
"""Below this eta the difference of log-gammas is taken from its asymptotic series (error under 1e-13)."""


def _log_gamma_excess(eta: Array) -> Array:
    """``log Gamma((1/eta + 1)/2) - log Gamma(1/(2 eta)) - log(1/(2 eta)) / 2``; zero at ``eta = 0``."""
    square = eta * eta
    series = -eta / 4 * (1 - square * (1 / 6 - square * (1 / 5 - square * (17 / 28))))
    safe = jnp.maximum(eta, _SERIES_BELOW)
    exact = jax.lax.lgamma((1 / safe + 1) / 2) - jax.lax.lgamma(1 / (2 * safe)) - jnp.log(1 / (2 * safe)) / 2
    return jnp.where(eta < _SERIES_BELOW, series, exact)


def log_normaliser(eta: Array) -> Array:
    """Logarithm of the density at zero; ``-log(2 pi) / 2`` for the Gaussian.

    Examples
    --------
    >>> round(float(log_normaliser(jnp.array(0.0))), 5)
    -0.91894
    """
    return -jnp.log(2 * jnp.pi) / 2 - jnp.log1p(-2 * eta) / 2 + _log_gamma_excess(eta)


def log_kernel(z_squared: Array, eta: Array) -> Array:
    """``log(1 + eta z^2 / (1 - 2 eta)) / eta``, which tends to ``z^2`` as ``eta`` falls to zero.

    The log-density is ``log_normaliser(eta) - (1 + eta) / 2 * log_kernel(z^2, eta)``.
    """
    gaussian = eta < _SMALL
    safe = jnp.where(gaussian, 1.0, eta)
    student = jnp.log1p(safe * z_squared / (1 - 2 * jnp.where(gaussian, 0.25, eta))) / safe
    return jnp.where(gaussian, z_squared, student)


_SMALL = 1e-7
"""Below this eta an innovation is treated as Gaussian; the error is of the same order."""


def log_density(z: Array, eta: Array) -> Array:
    """Log-density of a unit-variance Student-t innovation (Bollerslev 1987), any broadcastable shapes.

    ``log c(eta) - (1 + eta) / (2 eta) log(1 + eta z^2 / (1 - 2 eta))`` with ``eta = 1 / dof``; Gaussian at zero.

    Parameters
    ----------
    z : standardised residual
    eta : inverse degrees of freedom, from 0 up to, not including, 1/2

    Examples
    --------
    >>> round(float(log_density(jnp.array(1.0), jnp.array(0.2))), 4)
    -1.5763
    """
    return log_normaliser(eta) - (1 + eta) / 2 * log_kernel(z * z, eta)


def scale_information(eta: Array) -> Array:
    """Fisher information of the log-variance, ``dof / (2 (dof + 3))``; one half for the Gaussian."""
    return 0.5 / (1 + 3 * eta)


def location_information(eta: Array) -> Array:
    """Fisher information of the mean times the variance, ``dof (dof + 1) / ((dof - 2) (dof + 3))``."""
    return (1 + eta) / ((1 - 2 * eta) * (1 + 3 * eta))


def cross_information(eta: Array) -> Array:
    """Fisher information between the log-variance and ``eta`` (not ``dof``), at fixed variance."""
    return -3 * eta / ((1 + eta) * (1 - 2 * eta) * (1 + 3 * eta))


def tail_information(eta: Array) -> Array:
    """Fisher information of ``eta`` at fixed variance.

    From Lange, Little and Taylor (1989) for the dof of a location-scale t, moved to unit variance and
    to ``eta``. At ``eta = 0`` it is 3/2.
    """
    # The terms below nearly cancel for small eta; their series about zero takes over.
    series = jnp.polyval(jnp.asarray(_TAIL_SERIES, eta.dtype), eta)
    safe = jnp.maximum(eta, _TAIL_SERIES_BELOW)
    nu = 1 / safe
    trigamma = jax.scipy.special.polygamma
    free = (trigamma(1, nu / 2) - trigamma(1, (nu + 1) / 2)) / 4 - (nu + 5) / (2 * nu * (nu + 1) * (nu + 3))
    slope = 2 / (nu * (nu - 2))  # of the log scale in dof, at fixed variance
    in_dof = free - 2 * slope / ((nu + 1) * (nu + 3)) + slope**2 * nu / (2 * (nu + 3))
    return jnp.where(eta < _TAIL_SERIES_BELOW, series, in_dof * nu**4)


_TAIL_SERIES_BELOW = 0.02
_TAIL_SERIES = (-2721.0, 1501.5, -267.0, 185.5, -21.0, 21.5, -3.0, 1.5)
