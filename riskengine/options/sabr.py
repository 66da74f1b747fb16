"""SABR: the lognormal volatility of Hagan et al. (2002), for forwards that may be shifted above zero."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from riskengine.errors import DataError


class SabrParams(NamedTuple):
    """``dF = a F^beta dW``, ``da = nu a dZ``, correlation ``rho``; leaves of one common shape.

    Attributes
    ----------
    alpha
        Level of volatility now, in units of ``F^(1-beta)`` per square root of a year.
    beta
        Elasticity, 0 (normal) to 1 (lognormal).
    nu
        Volatility of volatility, per square root of a year.
    rho
        Correlation of forward and volatility.
    """

    alpha: Any
    beta: Any
    nu: Any
    rho: Any


def sabr_volatility(
    params: SabrParams, forward: Any, strike: Any, maturity: Any, shift: Any = 0.0
) -> np.ndarray:
    """Black volatility of a European option on the shifted forward.

    Equation (2.17a) of Hagan et al. (2002) with the ratio ``z / x(z)`` in a form that holds at the money, by
    its series where ``z`` is small. Where forwards may be negative, ``shift`` is added to forward and
    strike; the volatility is then that of the shifted forward.

    Raises
    ------
    DataError
        If a parameter is outside its range or a shifted forward or strike is not positive.

    Examples
    --------
    >>> p = SabrParams(alpha=0.2, beta=1.0, nu=0.4, rho=-0.3)
    >>> sabr_volatility(p, forward=100.0, strike=[90.0, 100.0, 110.0], maturity=1.0).round(5)
    array([0.20864, 0.20111, 0.19648])
    """
    alpha, beta, nu, rho = (np.asarray(leaf, np.float64) for leaf in params)
    f = np.asarray(forward, np.float64) + shift
    k = np.asarray(strike, np.float64) + shift
    t = np.asarray(maturity, np.float64)
    if not (np.all(alpha > 0) and np.all((beta >= 0) & (beta <= 1)) and np.all(nu >= 0)):
        raise DataError("SABR needs alpha > 0, 0 <= beta <= 1 and nu >= 0")
    if not np.all(np.abs(rho) < 1):
        raise DataError("SABR needs -1 < rho < 1")
    if not (np.all(f > 0) and np.all(k > 0) and np.all(t >= 0)):
        raise DataError(
            "a shifted forward or strike is not positive, or a maturity negative: raise the shift"
        )
    one = 1 - beta
    middle = (f * k) ** (one / 2)
    log = np.log(f / k)
    z = nu / alpha * middle * log
    series = 1 + one**2 / 24 * log**2 + one**4 / 1920 * log**4
    time = (
        one**2 / 24 * alpha**2 / middle**2
        + rho * beta * nu * alpha / (4 * middle)
        + (2 - 3 * rho**2) / 24 * nu**2
    )
    return alpha / (middle * series) * _ratio(z, rho) * (1 + time * t)


def _ratio(z: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """``z / log((sqrt(1 - 2 rho z + z^2) + z - rho) / (1 - rho))``."""
    root = np.sqrt(1 - 2 * rho * z + z * z)
    # (root + z - rho) / (1 - rho) = 1 + y, without the difference root - 1
    y = (z + z * (z - 2 * rho) / (1 + root)) / (1 - rho)
    small = np.abs(z) < 1e-5
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = z / np.log1p(y)
    return np.where(small, 1 - rho * z / 2 + (2 - 3 * rho**2) / 12 * z * z, exact)
