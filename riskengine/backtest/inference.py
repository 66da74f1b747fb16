"""Whether one portfolio was calmer than another, and how sure one can be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from riskengine.backtest.ratios import varies
from riskengine.errors import DataError

Array = np.ndarray


class VolatilityTest(NamedTuple):
    """Test of equal variances.

    Attributes
    ----------
    log_ratio : log of the first variance over the second
    standard_error : of the log ratio, robust to heavy tails and dependence
    p_value : two-sided
    """

    log_ratio: float
    standard_error: float
    p_value: float


def variance_test(first: Array, second: Array) -> VolatilityTest:
    """Test of equal variances of two dependent return series (Ledoit and Wolf 2011).

    The difference of the log variances is a smooth function of four moments; its standard error is that
    of their long-run covariance, by the quadratic spectral kernel with Andrews' (1991) automatic
    bandwidth.

    Parameters
    ----------
    first, second : (days,) returns on the same days

    Raises
    ------
    DataError
        If the series differ in length, hold NaN, are shorter than 30 days or do not vary.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(2000)
    >>> y = 0.9 * x + 0.2 * rng.standard_normal(2000)
    >>> test = variance_test(y, x)
    >>> bool(test.log_ratio < 0), bool(test.p_value < 0.01)
    (True, True)
    """
    first, second = _checked(first, second)
    centred = [series - series.mean() for series in (first, second)]
    variances = [float(np.mean(c**2)) for c in centred]
    # The influence of a day on log variance is its squared deviation over the variance, less one.
    influence = centred[0] ** 2 / variances[0] - centred[1] ** 2 / variances[1]
    error = float(np.sqrt(long_run_variance(influence) / len(first)))
    log_ratio = float(np.log(variances[0] / variances[1]))
    if error == 0:
        return VolatilityTest(log_ratio, 0.0, 1.0 if log_ratio == 0 else 0.0)
    return VolatilityTest(log_ratio, error, float(2 * ndtr(-abs(log_ratio) / error)))


def long_run_variance(series: Array) -> float:
    """Variance of ``sqrt(T)`` times the mean of a dependent ``(T,)`` series.

    Quadratic spectral kernel; bandwidth by Andrews' (1991) rule for a first-order autoregression.

    Parameters
    ----------
    series : (T,) without gaps

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal(2001)
    >>> round(long_run_variance(x), 1), round(long_run_variance(x[1:] + x[:-1]), 1)
    (1.0, 3.9)
    """
    x = np.asarray(series, dtype=np.float64) - np.mean(series)
    days = len(x)
    power = float(x @ x)
    if power == 0:
        return 0.0
    rho = float(np.clip(x[1:] @ x[:-1] / power, -0.97, 0.97))
    strength = 4 * rho**2 / (1 - rho) ** 4
    bandwidth = max(1.3221 * (strength * days) ** 0.2, 1e-3)
    size = 2 ** int(np.ceil(np.log2(2 * days)))
    spectrum = np.abs(np.fft.rfft(x, size)) ** 2
    autocovariance = np.fft.irfft(spectrum, size)[:days] / days
    lag = np.arange(1, days) / bandwidth
    angle = 6 * np.pi * lag / 5
    kernel = 3 / angle**2 * (np.sin(angle) / angle - np.cos(angle))
    return float(max(autocovariance[0] + 2 * kernel @ autocovariance[1:], 1e-3 * autocovariance[0]))


def reduction_interval(
    first: Array, second: Array, level: float = 0.95, draws: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Stationary-bootstrap interval of ``1 - volatility(first) / volatility(second)``.

    Blocks of random length (Politis and Romano 1994) are drawn from both series together; their mean length is the
    automatic choice of :func:`block_length`, the longer of the two series' squares.

    Parameters
    ----------
    first, second : (days,) returns of the same days
    level : coverage of the interval
    draws, seed : of the bootstrap

    Returns
    -------
    lower and upper end, as fractions

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1000)
    >>> low, high = reduction_interval(0.8 * x, x)
    >>> f"{low:.2f} {high:.2f}"
    '0.20 0.20'
    """
    from arch.bootstrap import StationaryBootstrap

    first, second = _checked(first, second)
    length = block_length(np.column_stack([first**2, second**2]))
    bootstrap = StationaryBootstrap(length, first, second, seed=np.random.default_rng(seed))

    def reduction(x: Array, y: Array) -> Array:
        return np.array([1 - np.std(x) / np.std(y)])

    outcomes = bootstrap.apply(reduction, draws)
    low, high = np.quantile(outcomes, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def block_length(series: Array) -> float:
    """Mean block of the stationary bootstrap for dependent ``(days, columns)`` series: the longest that is needed.

    Politis and White (2004) as corrected by Patton, Politis and White (2009), between a day and a tenth of the sample.
    """
    from arch.bootstrap import optimal_block_length

    length = float(np.nanmax(optimal_block_length(series)["stationary"].to_numpy()))
    return float(np.clip(length if np.isfinite(length) else 1.0, 1.0, len(series) / 10))


def _checked(first: Array, second: Array) -> tuple[Array, Array]:
    first, second = (np.asarray(x, dtype=np.float64) for x in (first, second))
    if first.shape != second.shape or first.ndim != 1:
        raise DataError(
            f"two return series on the same days are wanted, not of shapes {first.shape} and {second.shape}"
        )
    if len(first) < 30:
        raise DataError(f"{len(first)} days are too few to compare volatilities: at least 30 are needed")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise DataError("return series to compare must be free of NaN: align them first")
    if not (varies(first) and varies(second)):
        raise DataError("a return series that does not vary has no volatility to compare")
    return first, second
