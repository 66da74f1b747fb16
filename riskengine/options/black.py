"""Black's formula and its inverse, over the whole range of doubles."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from riskengine.errors import DataError, SettingsError

Array = np.ndarray
KINDS = {"call": 1.0, "put": -1.0}


def signs(kind: Any) -> Array:
    """One for calls, minus one for puts.

    Raises
    ------
    SettingsError
        If a kind is neither.
    """
    kinds = np.asarray(kind)
    unknown = set(kinds.ravel().tolist()) - set(KINDS)
    if unknown:
        raise SettingsError(f"an option is a 'call' or a 'put', not {', '.join(map(repr, sorted(unknown)))}")
    return np.where(kinds == "call", 1.0, -1.0)


def black_price(forward: Any, strike: Any, maturity: Any, volatility: Any, kind: Any = "call") -> Array:
    """Undiscounted price of a European option on a forward (Black 1976).

    Parameters
    ----------
    forward, strike : positive, of one currency; everything broadcasts
    maturity : years
    volatility : per year, a decimal
    kind : "call" or "put", one or an array

    Raises
    ------
    DataError
        If an input is NaN, a forward or strike is not positive, or a maturity or volatility negative.

    Examples
    --------
    >>> round(float(black_price(100.0, 100.0, 1.0, 0.2)), 6)
    7.965567
    """
    forward, strike, maturity, volatility = _numbers(forward, strike, maturity, volatility)
    sign = signs(kind)
    x, s = np.log(forward / strike), volatility * np.sqrt(maturity)
    scale = np.sqrt(forward) * np.sqrt(strike)
    intrinsic = np.maximum(sign * (forward - strike), 0.0)
    return intrinsic + scale * _out_of_the_money(-np.abs(x), s)


def implied_volatility(price: Any, forward: Any, strike: Any, maturity: Any, kind: Any = "call") -> Array:
    """The volatility at which :func:`black_price` gives this undiscounted price; NaN where there is none.

    Newton's method on the logarithm of the out-of-the-money time value below half its supremum, and of the
    distance to the supremum above, kept in a bracket that bisects where a step would leave it; as in Jäckel
    (2015), both are nearly parabolic in the unknown. A price with no volatility (below the intrinsic value,
    at or above the supremum) gives NaN: that is a fact about the price, and :class:`Quotes` flags it.

    Parameters
    ----------
    price : undiscounted; pass the out-of-the-money price where there is a choice, since the time value of an
        option deep in the money is lost in its last digits
    forward, strike, maturity, kind : as in :func:`black_price`

    Examples
    --------
    >>> round(float(implied_volatility(7.965567455405804, 100.0, 100.0, 1.0)), 12)
    0.2
    """
    price, forward, strike, maturity = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (price, forward, strike, maturity))
    )
    _numbers(forward, strike, maturity)
    x = -np.abs(np.log(forward / strike))
    intrinsic = np.maximum(signs(kind) * (forward - strike), 0.0)
    value = (price - intrinsic) / (np.sqrt(forward) * np.sqrt(strike))
    top = np.exp(x / 2)
    possible = (value > 0) & (value < top) & (maturity > 0)
    value = np.where(possible, value, top / 4)
    high = value > top / 2
    with np.errstate(divide="ignore"):
        target = np.where(high, np.log(top - value), np.log(value))
    low_end, high_end = np.full_like(value, 1e-9), np.full_like(value, 80.0)
    s = np.clip(np.sqrt(2 * np.abs(x)) + 0.1, 0.05, 40.0)  # near the inflection of the price in s
    for _ in range(60):
        log_value, slope = _log_and_slope(x, s, high)
        error = log_value - target
        above = np.where(high, error < 0, error > 0)  # the guess is too large
        high_end, low_end = np.where(above, s, high_end), np.where(above, low_end, s)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            step = s - error / slope
        inside = np.isfinite(step) & (step >= low_end) & (step <= high_end)
        after = np.where(inside, step, (low_end + high_end) / 2)
        if np.all(np.abs(after - s) <= 1e-15 * s):
            break
        s = after
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(possible, s / np.sqrt(maturity), np.nan)


def black_vega(forward: Any, strike: Any, maturity: Any, volatility: Any) -> Array:
    """Derivative of the undiscounted price by the volatility (per 1.0 of volatility).

    Examples
    --------
    >>> black_vega(100.0, [90.0, 100.0, 110.0], 1.0, 0.2).round(2)
    array([32.78, 39.7 , 37.16])
    """
    forward, strike, maturity, volatility = _numbers(forward, strike, maturity, volatility)
    s = np.maximum(volatility * np.sqrt(maturity), 1e-300)
    d1 = np.log(forward / strike) / s + s / 2
    return forward * np.sqrt(maturity / (2 * np.pi)) * np.exp(-(d1**2) / 2)


def _numbers(*values: Any) -> list[Array]:
    """Float64 arrays; the first two are positive, the others not negative."""
    arrays = [np.asarray(value, np.float64) for value in values]
    for name, array in zip(("forward", "strike", "maturity", "volatility"), arrays, strict=False):
        positive = name in ("forward", "strike")
        if not np.all(np.isfinite(array) & ((array > 0) if positive else (array >= 0))):
            need = "positive" if positive else "not negative"
            raise DataError(f"a {name} is finite and {need}: drop or mend the others before pricing")
    return arrays


SMALL = 0.05
"""Half the standard deviation below which a difference of two nearby values is taken from its series."""


def _bracket(h: Array, t: Array) -> Array:
    """``(Y(h + t) - Y(h - t)) / sqrt(2 pi)`` with ``Y = N / N'``, for ``h <= 0``; by its series where ``t`` is small.

    The derivatives follow ``Y' = 1 + h Y`` and ``Y[n+1] = h Y[n] + n Y[n-1]`` (Jäckel 2015); far from the money they
    cancel, but there the volatility hardly depends on the price's digits.
    """
    difference = (erfcx(-(h + t) / np.sqrt(2)) - erfcx((t - h) / np.sqrt(2))) / 2
    close = (t < SMALL) & (-h * t < 3 * SMALL)
    near = np.where(close, h, -1.0)
    before = np.sqrt(np.pi / 2) * erfcx(-near / np.sqrt(2))
    now = 1 + near * before
    power, series = t, t * now
    for n in range(1, 9):
        before, now = now, near * now + n * before
        power = power * t / (n + 1)
        if n % 2 == 0:
            series = series + power * now
    return np.where(close, np.sqrt(2 / np.pi) * series, difference)


def _out_of_the_money(x: Array, s: Array) -> Array:
    """Normalised price ``exp(x/2) N(x/s + s/2) - exp(-x/2) N(x/s - s/2)`` for ``x <= 0``."""
    x, s = np.broadcast_arrays(x, s)
    safe = np.maximum(s, 1e-300)
    h, t = x / safe, safe / 2
    with np.errstate(over="ignore", invalid="ignore"):
        far = np.exp(-(h * h + t * t) / 2) * _bracket(h, t)
        near = np.exp(x / 2) * ndtr(h + t) - np.exp(-x / 2) * ndtr(h - t)
    return np.where(s > 0, np.maximum(np.where((h + t < 0) | (t < SMALL), far, near), 0.0), 0.0)


def _log_and_slope(x: Array, s: Array, high: Array) -> tuple[Array, Array]:
    """Logarithm of the price, or of its distance to the supremum, and the derivative by ``s``."""
    h, t = x / s, s / 2
    log_vega = -(h * h + t * t) / 2 - np.log(2 * np.pi) / 2
    distance = np.logaddexp(x / 2 + log_ndtr(-(h + t)), -x / 2 + log_ndtr(h - t))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        below = np.where(
            (h + t < 0) | (t < SMALL),
            -(h * h + t * t) / 2 + np.log(_bracket(h, t)),
            np.log(_out_of_the_money(x, s)),
        )
        value = np.where(high, distance, below)
        return value, np.where(high, -1.0, 1.0) * np.exp(log_vega - value)
