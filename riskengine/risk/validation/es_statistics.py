"""Statistics of how large the losses beyond VaR are, for many series at once: ``(..., days)`` in, ``(...)`` out.

Losses, VaR and CVaR are positive; ``p = 1 - level``. A series without exceptions has no severity: NaN.
"""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def acerbi_szekely_1(losses: Array, value_at_risk: Array, cvar: Array, level: float) -> Array:
    """``Z1 = 1 - mean(L / CVaR | L > VaR)`` (Acerbi and Szekely 2014, test 1): negative if CVaR is too small.

    Examples
    --------
    >>> float(acerbi_szekely_1(np.array([0.0, 0.03, 0.05]), np.full(3, 0.02), np.full(3, 0.04), 0.975))
    0.0
    """
    exceptions = losses > value_at_risk
    return 1 - _mean_where(exceptions, losses / cvar)


def acerbi_szekely_2(losses: Array, value_at_risk: Array, cvar: Array, level: float) -> Array:
    """``Z2 = 1 - sum(L / CVaR, L > VaR) / (T p)`` (Acerbi and Szekely 2014, test 2).

    It falls with the number of exceptions as well as with their size.

    Examples
    --------
    >>> losses = np.r_[np.zeros(38), 0.03, 0.05]
    >>> round(float(acerbi_szekely_2(losses, np.full(40, 0.02), np.full(40, 0.04), 0.95)), 12)
    0.0
    """
    exceptions = losses > value_at_risk
    return 1 - np.where(exceptions, losses / cvar, 0).sum(axis=-1) / (losses.shape[-1] * (1 - level))


def exceedance_residuals(losses: Array, value_at_risk: Array, cvar: Array, level: float) -> Array:
    """t-statistic of ``(L - CVaR) / CVaR`` over the exceptions (McNeil and Frey 2000).

    They divide by the forecast volatility, which a forecast of VaR and CVaR alone does not state. Positive if CVaR is
    too small. NaN with fewer than two exceptions.

    Examples
    --------
    >>> bool(exceedance_residuals(np.array([0.05, 0.07, 0.06]), np.full(3, 0.02), np.full(3, 0.03), 0.975) > 3)
    True
    """
    exceptions = losses > value_at_risk
    count = exceptions.sum(axis=-1)
    residual = np.where(exceptions, losses / cvar - 1, 0)
    few = count < 2
    total = residual.sum(axis=-1)
    n = np.where(few, 2, count)
    spread = (residual**2).sum(axis=-1) - total**2 / n
    return np.where(few, np.nan, total / n / np.sqrt(np.maximum(spread, 1e-300) / (n - 1) / n))


def shortfall_regression(losses: Array, value_at_risk: Array, cvar: Array, level: float) -> Array:
    """Squared t-statistic of the intercept in an expected-shortfall regression (Bayer and Dimitriadis 2022).

    ``L - CVaR`` is regressed on a constant, for its quantile and its CVaR jointly. The Fissler-Ziegel loss of
    constants has its minimum at the empirical quantile and CVaR, so that the estimate is in closed form; its
    standard error is the asymptotic one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> losses, var, cvar = rng.standard_normal(2000), np.full(2000, 1.96), np.full(2000, 2.3378)
    >>> bool(shortfall_regression(losses, var, cvar, 0.975) < 4 < shortfall_regression(losses, var, cvar / 2, 0.975))
    True
    """
    days, p = losses.shape[-1], 1 - level
    excess = losses - cvar
    tail = int(np.ceil(np.round(days * p, 9)))
    ranked = np.partition(excess, days - tail, axis=-1)[..., days - tail :]
    quantile = ranked[..., :1]  # of the losses, from above
    beyond = ranked - quantile
    mean = beyond.sum(axis=-1) / (days * p)
    spread = (beyond**2).sum(axis=-1) / (days * p) - mean**2
    intercept = quantile[..., 0] + mean
    variance = (np.maximum(spread, 0) / p + (1 - p) / p * mean**2) / days
    return intercept**2 / np.maximum(variance, 1e-300)


def joint_calibration(losses: Array, value_at_risk: Array, cvar: Array, level: float) -> Array:
    """Wald statistic of the identification functions of VaR and CVaR together (Nolde and Ziegel 2017).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> losses = rng.standard_normal(2000)
    >>> bool(joint_calibration(losses, np.full(2000, 1.96), np.full(2000, 2.3378), 0.975) < 6)
    True
    """
    p = 1 - level
    exceptions = losses > value_at_risk
    first = exceptions - p
    second = (value_at_risk + np.where(exceptions, losses - value_at_risk, 0) / p) / cvar - 1
    a, b, c = (np.mean(x, axis=-1) for x in (first**2, first * second, second**2))
    x, y = first.mean(axis=-1), second.mean(axis=-1)
    # Without exceptions the moments are singular; the ridge leaves a large, finite statistic.
    a, c = a * (1 + 1e-9), c * (1 + 1e-9)
    return losses.shape[-1] * (c * x**2 - 2 * b * x * y + a * y**2) / (a * c - b**2)


def fissler_ziegel_loss(losses: Array, value_at_risk: Array, cvar: Array, level: float) -> Array:
    """Fissler-Ziegel loss of VaR and CVaR jointly, least in the mean for the true pair; same shape as the losses.

    The member of the family of Fissler and Ziegel (2016) whose differences do not depend on the unit of account
    (Patton, Ziegel and Chen 2019): ``1[L > VaR] (L - VaR) / (p CVaR) + VaR / CVaR + log CVaR - 1``.

    Parameters
    ----------
    losses, value_at_risk, cvar : broadcastable; CVaR above zero
    level : confidence

    Examples
    --------
    >>> losses = np.random.default_rng(0).standard_normal(100_000)
    >>> [round(float(fissler_ziegel_loss(losses, 1.96 * c, 2.3378 * c, 0.975).mean()), 3) for c in (0.8, 1.0, 1.2)]
    [0.999, 0.851, 0.916]
    """
    beyond = np.maximum(losses - value_at_risk, 0)
    return (beyond / (1 - level) + value_at_risk) / cvar + np.log(cvar) - 1


def quantile_loss(losses: Array, value_at_risk: Array, level: float) -> Array:
    """Check loss of VaR alone (Koenker and Bassett 1978); same shape as the losses.

    Examples
    --------
    >>> quantile_loss(np.array([0.0, 0.05]), 0.02, 0.99).round(5)
    array([0.0002, 0.0297])
    """
    over = losses - value_at_risk
    return np.where(over > 0, level * over, (level - 1) * over)


def _mean_where(mask: Array, values: Array) -> Array:
    count = mask.sum(axis=-1)
    total = np.where(mask, values, 0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
