"""Bachelier's formula and its inverse: options on a forward that may be negative."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtr

from riskengine.errors import DataError
from riskengine.options.black import signs

Array = np.ndarray


def bachelier_price(forward: Any, strike: Any, maturity: Any, volatility: Any, kind: Any = "call") -> Array:
    """Undiscounted price of a European option on a normal forward (Bachelier 1900).

    Parameters
    ----------
    forward, strike : finite, of any sign; everything broadcasts
    maturity : years
    volatility : in units of the forward per square root of a year
    kind : "call" or "put", one or an array

    Raises
    ------
    DataError
        If an input is not finite, or a maturity or volatility negative.

    Examples
    --------
    >>> round(float(bachelier_price(-0.002, -0.005, 1.0, 0.008)), 8)
    0.00491335
    """
    forward, strike, maturity, volatility = _numbers(forward, strike, maturity, volatility)
    gain = signs(kind) * (forward - strike)
    deviation = volatility * np.sqrt(maturity)
    d = gain / np.where(deviation > 0, deviation, 1.0)
    value = gain * ndtr(d) + deviation * np.exp(-d * d / 2) / np.sqrt(2 * np.pi)
    return np.where(deviation > 0, value, np.maximum(gain, 0.0))


def bachelier_volatility(price: Any, forward: Any, strike: Any, maturity: Any, kind: Any = "call") -> Array:
    """The volatility at which :func:`bachelier_price` gives this undiscounted price; NaN where there is none.

    Newton's method on the logarithm of the out-of-the-money time value over the distance to the strike, which is
    concave in the logarithm of the deviation, so that after the first step it comes from one side.

    Parameters
    ----------
    price : undiscounted
    forward, strike, maturity, kind : as in :func:`bachelier_price`

    Examples
    --------
    >>> round(float(bachelier_volatility(0.00491335005098, -0.002, -0.005, 1.0)), 8)
    0.008
    """
    price, forward, strike, maturity = np.broadcast_arrays(
        *(np.asarray(value, np.float64) for value in (price, forward, strike, maturity))
    )
    gain = signs(kind) * (forward - strike)
    value, away = price - np.maximum(gain, 0.0), np.abs(forward - strike)
    with np.errstate(invalid="ignore"):
        possible = (value > 0) & (maturity > 0) & np.isfinite(value)
    safe = np.where(possible, value, 1.0)
    at_the_money = safe * np.sqrt(2 * np.pi)
    near = away < 1e-8 * at_the_money
    ratio = np.where(near, 1.0, away)
    target = np.log(safe / ratio)
    log_deviation = np.log(np.maximum(at_the_money / ratio, 0.1))
    for _ in range(80):
        d = np.exp(-log_deviation)  # distance over deviation
        log_density = -d * d / 2 - np.log(2 * np.pi) / 2
        ratio_of_tails = np.exp(np.log(d) + log_ndtr(-d) - log_density)  # below one
        log_value = log_density - np.log(d) + np.log1p(-np.minimum(ratio_of_tails, 1 - 1e-15))
        slope = np.exp(log_density - np.log(d) - log_value)
        step = np.clip((target - log_value) / slope, -2.0, 2.0)
        log_deviation = log_deviation + step
        if np.all(np.abs(np.where(near, 0, step)) < 1e-14):
            break
    deviation = np.where(near, at_the_money, np.exp(log_deviation) * ratio)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(possible, deviation / np.sqrt(maturity), np.nan)


def bachelier_vega(forward: Any, strike: Any, maturity: Any, volatility: Any) -> Array:
    """Derivative of the undiscounted price by the volatility.

    Examples
    --------
    >>> float(bachelier_vega(100.0, 100.0, 1.0, 20.0).round(4))  # 1 / sqrt(2 pi)
    0.3989
    """
    forward, strike, maturity, volatility = _numbers(forward, strike, maturity, volatility)
    root = np.sqrt(maturity)
    d = (forward - strike) / np.maximum(volatility * root, 1e-300)
    with np.errstate(over="ignore"):
        return root * np.exp(-d * d / 2) / np.sqrt(2 * np.pi)


def _numbers(*values: Any) -> list[Array]:
    arrays = [np.asarray(value, np.float64) for value in values]
    for name, array in zip(("forward", "strike", "maturity", "volatility"), arrays, strict=True):
        if not np.all(np.isfinite(array) & ((array >= 0) | (name in ("forward", "strike")))):
            raise DataError(f"a {name} is not finite, or negative: drop or mend it before pricing")
    return arrays
