"""Euler contributions: what each part of a portfolio adds to its volatility, VaR and CVaR (Tasche 1999).

The three measures are homogeneous: twice the portfolio has twice the risk. So each is the sum of its weights times its
derivatives, and the contributions of assets add up to it exactly, and those of any groups too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from riskengine.risk.measures import empirical_tail, tail_weights

Array = np.ndarray


def volatility_contributions(weights: Array, pulled: Array) -> Array:
    """Euler contributions to volatility (Tasche 1999), ``w_i (Sigma w)_i / sigma``, which add up to it.

    Parameters
    ----------
    weights : (assets,)
    pulled : (assets,) covariance of each asset with the portfolio, ``Sigma w``

    Examples
    --------
    >>> covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    >>> weights = np.array([0.5, 0.5])
    >>> volatility_contributions(weights, covariance @ weights).round(4)
    array([0.0645, 0.1291])
    """
    variance = float(weights @ pulled)
    return weights * pulled / np.sqrt(variance) if variance > 0 else np.zeros(len(weights))


def cvar_contributions(parts: Array, level: float) -> Array:
    """Euler contributions to CVaR (Tasche 1999): mean loss of every part in the worst ``1 - level`` of scenarios.

    Parameters
    ----------
    parts : (scenarios, parts) returns of each part, as fractions of wealth; the portfolio's is their sum
    level : confidence

    Raises
    ------
    DataError
        As :func:`riskengine.risk.empirical_tail`.

    Examples
    --------
    >>> parts = np.random.default_rng(0).standard_normal((1000, 2)) * [0.01, 0.02]
    >>> cvar_contributions(parts, 0.95).round(3)
    array([0.009, 0.037])
    """
    return -(tail_weights(parts.sum(axis=1), level) @ parts) + 0.0


def var_contributions(parts: Array, level: float) -> Array:
    """Euler contributions to VaR: expected loss of every part ``(parts,)`` where the portfolio loses its VaR.

    The derivative of VaR by a weight is the mean return of the asset given that the portfolio loses just that much
    (Tasche 1999; Hallerbach 2003). Single scenarios are rough, so that it is smoothed over their neighbours by a local
    linear regression on the portfolio's loss (Fan 1992), with Gaussian weights of the width of Silverman (1986): it
    reproduces straight lines, and the parts add up to VaR as it is, with nothing scaled.

    Parameters
    ----------
    parts : (scenarios, parts) as in :func:`cvar_contributions`
    level : confidence

    Raises
    ------
    DataError
        As :func:`riskengine.risk.empirical_tail`.

    Examples
    --------
    Of jointly normal parts they are those of the volatility, times 2.33 at 99%:

    >>> parts = np.random.default_rng(0).standard_normal((200_000, 2)) * [0.01, 0.02]
    >>> var_contributions(parts, 0.99).round(3), np.round(2.3263 * np.array([0.01, 0.04]) / np.sqrt(5) , 3)
    (array([0.01 , 0.042]), array([0.01 , 0.042]))
    """
    losses = -parts.sum(axis=1)
    var = float(empirical_tail(-losses, level).value_at_risk)
    width = 1.06 * losses.std() * len(losses) ** -0.2
    if not width > 0:
        return -parts.mean(axis=0) + 0.0  # nothing moves: all scenarios are the same
    away = (losses - var) / width
    near = np.exp(-(away**2) / 2)
    first, second = near @ away, near @ away**2
    size = near.sum() * second - first**2
    if not size > 0:  # nothing near: the scenario that is the VaR stands for itself
        return -parts[int(np.argmin(np.abs(away)))] + 0.0
    weight = near * (second - first * away) / size
    return -(weight @ parts) + 0.0


def grouped(values: Array, names: Sequence[str]) -> dict[str, float]:
    """Sums of values by name, in the order of the names.

    Examples
    --------
    >>> grouped(np.array([1.0, 2.0, 3.0]), ["b", "a", "b"])
    {'a': 2.0, 'b': 4.0}
    """
    found = sorted(set(names))
    place = {name: k for k, name in enumerate(found)}
    sums = np.bincount(np.array([place[name] for name in names], dtype=int), values, len(found))
    return {str(name): float(total) for name, total in zip(found, sums, strict=True)}
