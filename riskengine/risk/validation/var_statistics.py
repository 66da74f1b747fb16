"""Statistics of VaR exceptions, for many series at once: ``(..., days)`` in, ``(...)`` out.

An exception is a day whose loss went beyond VaR. If the forecasts are right, exceptions are independent and
have probability ``1 - level`` (Christoffersen 1998), whatever the law of the returns.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

Array = np.ndarray

_STEEPEST, _FLATTEST = 10.0, 0.02  # shapes of the Weibull law that are looked at
_HALVINGS = 45


def coverage_ratio(exceptions: Array, level: float) -> Array:
    """Likelihood ratio of the share of exceptions against ``1 - level`` (Kupiec 1995).

    Examples
    --------
    >>> exceptions = np.zeros(250, bool)
    >>> exceptions[:6] = True
    >>> round(float(coverage_ratio(exceptions, 0.99)), 4)
    3.5554
    """
    days = exceptions.shape[-1]
    count = exceptions.sum(axis=-1)
    return _positive(2 * (_bernoulli(count, days, count / days) - _bernoulli(count, days, 1 - level)))


def chain_ratio(exceptions: Array) -> Array:
    """Likelihood ratio of a two-state Markov chain against independent days (Christoffersen 1998).

    Examples
    --------
    >>> exceptions = np.zeros(250, bool)
    >>> exceptions[[50, 120, 200]] = True
    >>> round(float(chain_ratio(exceptions)), 4)
    0.0732
    """
    before, after = exceptions[..., :-1], exceptions[..., 1:]
    days = after.shape[-1]
    exception = before.sum(axis=-1)
    calm = days - exception
    exception_exception = (before & after).sum(axis=-1)
    calm_exception = after.sum(axis=-1) - exception_exception
    free = _bernoulli(calm_exception, calm, calm_exception / np.maximum(calm, 1)) + _bernoulli(
        exception_exception, exception, exception_exception / np.maximum(exception, 1)
    )
    pooled = calm_exception + exception_exception
    return _positive(2 * (free - _bernoulli(pooled, days, pooled / days)))


def dynamic_quantile(
    exceptions: Array, level: float, value_at_risk: Array | None = None, lags: int = 4
) -> Array:
    """Dynamic quantile statistic (Engle and Manganelli 2004): can exceptions be predicted?

    The explained sum of squares of the centred exceptions on a constant, their ``lags`` last values and, if
    given, the VaR of the day, over ``p (1 - p)``.

    Parameters
    ----------
    exceptions : (..., days)
    level : confidence of the VaR
    value_at_risk : (days,) forecasts, known the day before
    lags : number of lagged exceptions

    Examples
    --------
    >>> exceptions = np.zeros(250, bool)
    >>> exceptions[100:106] = True  # six in a row
    >>> bool(dynamic_quantile(exceptions, 0.99) > 30)
    True
    """
    p = 1 - level
    centred = exceptions - p
    y = centred[..., lags:]
    columns = [np.ones_like(y), *(centred[..., lags - k : -k] for k in range(1, lags + 1))]
    if value_at_risk is not None:
        scaled = value_at_risk[lags:] / np.mean(value_at_risk) - 1
        columns.append(np.broadcast_to(scaled, y.shape))
    x = np.stack(columns, axis=-2)
    gram = x @ np.swapaxes(x, -1, -2)
    # Without exceptions, or with a constant VaR, columns repeat each other: a trace of a ridge parts them.
    gram += 1e-10 * y.shape[-1] * np.eye(len(columns))
    pull = x @ y[..., None]
    return (np.swapaxes(pull, -1, -2) @ np.linalg.solve(gram, pull))[..., 0, 0] / (p * (1 - p))


def duration_ratio(exceptions: Array) -> Array:
    """Likelihood ratio of Weibull durations between exceptions against memoryless ones.

    Christoffersen and Pelletier (2004). The durations before the first exception and after the last one are
    censored, unless they fall on the first and the last day. NaN without exceptions.

    Examples
    --------
    >>> exceptions = np.zeros(500, bool)
    >>> exceptions[[10, 12, 15, 16, 300, 302, 303, 310]] = True  # clusters
    >>> bool(duration_ratio(exceptions) > 3.84)
    True
    """
    flat = exceptions.reshape(-1, exceptions.shape[-1])
    durations, whole = _durations(flat)
    present = durations > 0
    logs = np.log(np.where(present, durations, 1.0))
    m = whole.sum(axis=1)
    own = np.where(whole, logs, 0).sum(axis=1)
    # Durations over the longest one, so that no power overflows; the likelihood only moves by a constant.
    longest = logs.max(axis=1)
    logs = np.where(present, logs - longest[:, None], -np.inf)
    own = own - m * longest
    safe = np.where(present, logs, 0.0)

    def powers(b: Array) -> Array:
        return np.exp(b[:, None] * logs)

    low, high = np.full(len(flat), np.log(_FLATTEST)), np.full(len(flat), np.log(_STEEPEST))
    for _ in range(_HALVINGS):  # the slope of the profile likelihood falls in b
        middle = (low + high) / 2
        b = np.exp(middle)
        power = powers(b)
        rising = m / b + own - m * (power * safe).sum(axis=1) / power.sum(axis=1) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    b = np.exp((low + high) / 2)
    free = m * np.log(b) + b * own - m * np.log(powers(b).sum(axis=1))
    bound = own - m * np.log(powers(np.ones(len(flat))).sum(axis=1))
    ratio = np.where(m > 0, _positive(2 * (free - bound)), np.nan)
    return ratio.reshape(exceptions.shape[:-1])


def _durations(exceptions: Array) -> tuple[Array, Array]:
    """Days from exception to exception ``(series, most + 1)``, zero where there are no more, and which are whole."""
    series, days = exceptions.shape
    count = exceptions.sum(axis=1)
    row, day = np.nonzero(exceptions)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    at = np.zeros((series, int(count.max(initial=0)) + 2))
    at[row, place + 1] = day + 1  # days count from one; the start is day zero
    at[np.arange(series), count + 1] = days
    durations = np.maximum(np.diff(at, axis=1), 0)
    whole = np.arange(durations.shape[1]) < count[:, None]
    whole[:, 0] &= exceptions[:, 0]
    return durations, whole


def _bernoulli(exceptions: Array, days: Array | int, probability: Array | float) -> Array:
    """Log-likelihood, with 0 log 0 = 0."""
    return xlogy(exceptions, probability) + xlogy(days - exceptions, 1 - probability)


def _positive(ratio: Array) -> Array:
    """Rounding can leave a likelihood ratio just below zero."""
    return np.maximum(ratio, 0.0)
