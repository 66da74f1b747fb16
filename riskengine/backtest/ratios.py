"""Ratios of reward to risk, on returns over cash or over a benchmark."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = np.ndarray

NOISE = 1e-9
"""Deviation a period below which a series of returns is rounding, or the solver's tolerance, and nothing else."""


def varies(returns: npt.ArrayLike) -> bool:
    """Whether a series of returns moves by more than numerical noise.

    Noise is a deviation of :data:`NOISE`, or of so much of the series' own size: returns of cash less the rate of cash
    differ from zero by rounding alone, and a ratio of two such numbers says nothing.

    Parameters
    ----------
    returns : (periods,) fractions

    Examples
    --------
    >>> varies([0.01, -0.01, 0.02]), varies([2e-17, -1e-17, 0.0]), varies([0.01, 0.01, 0.01])
    (True, False, False)
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.size < 2:
        return False
    return bool(values.std() > NOISE * (1 + np.sqrt(np.mean(values**2))))


def sharpe_ratio(excess: npt.ArrayLike, periods_per_year: float = 252.0) -> float:
    """Sharpe (1994) ratio a year: mean over standard deviation of returns over cash.

    Parameters
    ----------
    excess : (periods,) returns less those of cash
    periods_per_year : of the series; 1 for a ratio that is not annualised

    Returns
    -------
    NaN where the excess returns do not vary beyond numerical noise

    Examples
    --------
    >>> round(sharpe_ratio([0.01, -0.01, 0.02, 0.0], 12.0), 4)
    1.5492
    >>> sharpe_ratio([1e-17, -1e-17])
    nan
    """
    values = np.asarray(excess, dtype=np.float64)
    if not varies(values):
        return float("nan")
    return float(values.mean() / values.std() * np.sqrt(periods_per_year))


def sortino_ratio(excess: npt.ArrayLike, periods_per_year: float = 252.0) -> float:
    """Sortino ratio a year: mean of returns over cash, over the root mean square of those below zero.

    The target is cash, and the mean square is taken over all periods (Sortino and Price 1994).

    Parameters
    ----------
    excess, periods_per_year : see :func:`sharpe_ratio`

    Returns
    -------
    NaN where the excess returns do not vary, or are never below zero, beyond numerical noise

    Examples
    --------
    >>> round(sortino_ratio([0.01, -0.01, 0.02, 0.0], 12.0), 4)
    3.4641
    """
    values = np.asarray(excess, dtype=np.float64)
    if not varies(values):
        return float("nan")
    shortfall = float(np.sqrt(np.mean(np.minimum(values, 0.0) ** 2)))
    return float(values.mean() / shortfall * np.sqrt(periods_per_year)) if shortfall > NOISE else float("nan")


def information_ratio(active: npt.ArrayLike, periods_per_year: float = 252.0) -> float:
    """Information ratio a year: mean over standard deviation (tracking error) of returns over a benchmark's.

    Parameters
    ----------
    active : (periods,) returns less those of the benchmark on the same periods; cash cancels
    periods_per_year : see :func:`sharpe_ratio`

    Returns
    -------
    NaN where the portfolio is the benchmark

    Examples
    --------
    >>> round(information_ratio([0.001, -0.002, 0.003]), 4)
    5.1504
    """
    return sharpe_ratio(active, periods_per_year)
