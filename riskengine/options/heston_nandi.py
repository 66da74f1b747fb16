"""The closed form of Heston and Nandi's (2000) GARCH options."""

from __future__ import annotations

import numpy as np

from riskengine.errors import DataError
from riskengine.options.black import signs
from riskengine.options.garch_paths import DAYS, HESTON_NANDI, HestonNandiParams, check_days

NODES = 512


def heston_nandi_price(
    params: HestonNandiParams,
    spot: float,
    strike: float,
    maturity: float,
    rate: float = 0.0,
    dividend: float = 0.0,
    kind: str = "call",
) -> float:
    """Price of a European option under the model of Heston and Nandi (2000).

    The characteristic function of the log asset is exponential affine in the variance of the next day, with
    coefficients from a recursion over the days; the price is its Fourier integral on the line ``iu + 1/2``.

    Parameters
    ----------
    params : one set
    spot, strike : positive
    maturity : years of 252 days, a whole number of days
    rate, dividend : continuously compounded, per year
    kind : "call" or "put"

    Raises
    ------
    DataError
        If an input is out of range.

    Examples
    --------
    >>> p = HestonNandiParams(omega=0.0, alpha=1e-9, beta=0.0, gamma=0.0, premium=-0.5, variance=1e-4)
    >>> p = p._replace(omega=1e-4)  # a constant variance: Black and Scholes
    >>> round(heston_nandi_price(p, 100.0, 100.0, 1.0), 3)
    6.326
    """
    p, sign = HESTON_NANDI.check(params), float(signs(kind))
    for name, value in (("spot", spot), ("strike", strike), ("maturity", maturity)):
        if not (np.isfinite(value) and value > 0):
            raise DataError(f"a {name} is finite and positive, not {value}")
    check_days(np.array([maturity]))
    days = round(maturity * DAYS)
    forward, discount = spot * np.exp((rate - dividend) * maturity), np.exp(-rate * maturity)
    grid = 2.0 ** np.arange(-4, 16, 0.25)
    alive = _log_characteristic(p, 1j * grid + 0.5, days).real - np.log(grid) > -38.0
    end = (grid[alive].max() if alive.any() else grid[0]) * 2**0.25
    points, weights = np.polynomial.legendre.leggauss(NODES)
    z = (points + 1) / 2
    u = end * z**3
    exponent = _log_characteristic(p, 1j * u + 0.5, days) + (1j * u + 0.5) * np.log(forward / strike)
    integral = np.sum(np.exp(exponent).real / (u * u + 0.25) * 3 * end * z**2 * weights / 2) / np.pi
    call = forward - strike * integral
    return float(discount * (call if sign > 0 else call - forward + strike))


def _log_characteristic(p: HestonNandiParams, s: np.ndarray, days: int) -> np.ndarray:
    """``log E (S_T / F)^s`` under the risk-neutral measure."""
    gamma = p.gamma + p.premium + 0.5
    a, b = np.zeros_like(s), np.zeros_like(s)
    for _ in range(days):
        room = 1 - 2 * p.alpha * b
        a = a + p.omega * b - np.log(room) / 2
        b = s * (gamma - 0.5) - gamma**2 / 2 + p.beta * b + (s - gamma) ** 2 / (2 * room)
    return a + b * p.variance
