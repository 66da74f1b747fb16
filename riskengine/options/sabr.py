"""SABR: volatilities of Hagan et al. (2002), with Obłój's correction, Bachelier's form and a shift for low rates."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError, SettingsError

FORMS = ("hagan", "obloj")


class SabrParams(NamedTuple):
    """SABR (Hagan et al. 2002): ``dF = a F^beta dW``, ``da = nu a dZ``, correlation ``rho``; leaves of one shape.

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
    params: SabrParams, forward: Any, strike: Any, maturity: Any, shift: Any = 0.0, form: str = "hagan"
) -> np.ndarray:
    """Black volatility of a European option on the shifted forward.

    Equation (2.17a) of Hagan et al. (2002) with the ratio ``z / x(z)`` in a form that holds at the money, by
    its series where ``z`` is small. The form ``"obloj"`` has the leading term of Obłój (2008), which is exact as the
    maturity goes to zero; Hagan's is so only near the money or for ``beta = 1``. Where
    forwards may be negative, ``shift`` is added to forward and strike; the volatility is then that of the shifted
    forward.

    Raises
    ------
    DataError
        If a parameter is outside its range or a shifted forward or strike is not positive.
    SettingsError
        If there is no such form.

    Examples
    --------
    >>> p = SabrParams(alpha=0.2, beta=1.0, nu=0.4, rho=-0.3)
    >>> sabr_volatility(p, forward=100.0, strike=[90.0, 100.0, 110.0], maturity=1.0).round(5)
    array([0.20864, 0.20111, 0.19648])
    """
    if form not in FORMS:
        raise SettingsError(f"a SABR volatility has the form {' or '.join(FORMS)}, not {form!r}")
    p, f, k, t = _numbers(params, forward, strike, maturity, shift)
    if not (np.all(f > 0) and np.all(k > 0)):
        raise DataError("a shifted forward or strike is not positive: raise the shift")
    with jax.enable_x64(True):
        return np.asarray(_black(p, f, k, t, form))


def sabr_normal_volatility(
    params: SabrParams, forward: Any, strike: Any, maturity: Any, shift: Any = 0.0
) -> np.ndarray:
    """Bachelier volatility of a European option, in units of the forward per square root of a year.

    Equation (A.59) of Hagan et al. (2002) with its leading term exact, as in Obłój (2008). With ``beta = 0`` neither
    needs to be positive: the form for low and negative rates.

    Raises
    ------
    DataError
        If a parameter is outside its range, or ``beta > 0`` and a shifted forward or strike is not positive.

    Examples
    --------
    >>> p = SabrParams(alpha=0.008, beta=0.0, nu=0.4, rho=-0.2)
    >>> sabr_normal_volatility(p, forward=-0.002, strike=[-0.01, -0.002, 0.01], maturity=1.0).round(6)
    array([0.008602, 0.0081  , 0.008095])
    """
    p, f, k, t = _numbers(params, forward, strike, maturity, shift)
    if not np.all((p.beta == 0) | ((f > 0) & (k > 0))):
        raise DataError("with beta above zero a shifted forward and strike are positive: raise the shift")
    with jax.enable_x64(True):
        return np.asarray(_normal(p, f, k, t))


def _numbers(
    params: SabrParams, forward: Any, strike: Any, maturity: Any, shift: Any
) -> tuple[SabrParams, np.ndarray, np.ndarray, np.ndarray]:
    p = SabrParams(*(np.asarray(leaf, np.float64) for leaf in params))
    f, k, t = (np.asarray(value, np.float64) for value in (forward, strike, maturity))
    f, k = f + np.asarray(shift, np.float64), k + np.asarray(shift, np.float64)
    if not (np.all(p.alpha > 0) and np.all((p.beta >= 0) & (p.beta <= 1)) and np.all(p.nu >= 0)):
        raise DataError("SABR needs alpha > 0, 0 <= beta <= 1 and nu >= 0")
    if not np.all(np.abs(p.rho) < 1):
        raise DataError("SABR needs -1 < rho < 1")
    if not (np.all(np.isfinite(f)) and np.all(np.isfinite(k)) and np.all(np.isfinite(t) & (t >= 0))):
        raise DataError("forward, strike and maturity are finite, and a maturity is not negative")
    return p, f, k, t


def black_volatility(p: SabrParams, f: Array, k: Array, t: Array, form: str = "hagan") -> Array:
    """:func:`sabr_volatility` for jax: no checks, differentiable; ``f`` and ``k`` shifted."""
    one = 1 - p.beta
    middle = (f * k) ** (one / 2)
    log = jnp.log(f / k)
    if form == "hagan":
        z = p.nu / p.alpha * middle * log
        lead = p.alpha / (middle * (1 + one**2 / 24 * log**2 + one**4 / 1920 * log**4))
    else:
        stretch = _sinhc(one * log / 2)
        z = p.nu / p.alpha * middle * log * stretch  # (f^(1-beta) - k^(1-beta)) / (1-beta), times nu / alpha
        lead = p.alpha / (middle * stretch)
    time = (
        one**2 / 24 * p.alpha**2 / middle**2
        + p.rho * p.beta * p.nu * p.alpha / (4 * middle)
        + (2 - 3 * p.rho**2) / 24 * p.nu**2
    )
    return lead * _ratio(z, p.rho) * (1 + time * t)


def normal_volatility(p: SabrParams, f: Array, k: Array, t: Array) -> Array:
    one = 1 - p.beta
    flat = p.beta == 0
    f_safe, k_safe = jnp.where(flat, 1.0, f), jnp.where(flat, 1.0, k)
    middle = jnp.sqrt(f_safe * k_safe)
    log = jnp.log(f_safe / k_safe)
    # (f^(1-beta) - k^(1-beta)) / (1-beta) without cancellation, and (f - k) over it
    distance = jnp.where(flat, f - k, middle**one * log * _sinhc(one * log / 2))
    level = jnp.where(flat, 1.0, middle**p.beta * _sinhc(log / 2) / _sinhc(one * log / 2))
    time = (
        -p.beta * (2 - p.beta) / 24 * p.alpha**2 / middle ** (2 * one)
        + p.rho * p.beta * p.nu * p.alpha / (4 * middle**one)
        + (2 - 3 * p.rho**2) / 24 * p.nu**2
    )
    return p.alpha * level * _ratio(p.nu / p.alpha * distance, p.rho) * (1 + time * t)


def _sinhc(y: Array) -> Array:
    """``sinh(y) / y``."""
    safe = jnp.where(jnp.abs(y) < 1e-4, 1.0, y)
    return jnp.where(jnp.abs(y) < 1e-4, 1 + y * y / 6, jnp.sinh(safe) / safe)


def _ratio(z: Array, rho: Array) -> Array:
    """``z / log((sqrt(1 - 2 rho z + z^2) + z - rho) / (1 - rho))``."""
    small = jnp.abs(z) < 1e-5
    safe = jnp.where(small, 1.0, z)
    root = jnp.sqrt(1 - 2 * rho * safe + safe * safe)
    # (root + z - rho) / (1 - rho) = 1 + y, without the difference root - 1
    y = (safe + safe * (safe - 2 * rho) / (1 + root)) / (1 - rho)
    return jnp.where(small, 1 - rho * z / 2 + (2 - 3 * rho**2) / 12 * z * z, safe / jnp.log1p(y))


_black = partial(jax.jit, static_argnames="form")(black_volatility)
_normal = jax.jit(normal_volatility)
