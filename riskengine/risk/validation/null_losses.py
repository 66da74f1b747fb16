"""The law of losses that a VaR and a CVaR imply, from which the null distributions of tests are drawn."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

Array = np.ndarray

_INVERSE_DOF = np.linspace(0.0, 0.9, 181)  # dof from infinity down to 1.11


@lru_cache(maxsize=16)
def _tail_ratios(level: float) -> Array:
    """CVaR over VaR of a Student-t for each inverse dof of the grid; it rises along it."""
    from scipy import stats  # half a second to import

    dof = 1 / np.maximum(_INVERSE_DOF, 1e-9)
    quantile = stats.t.ppf(level, dof)
    return stats.t.pdf(quantile, dof) * (dof + quantile**2) / ((dof - 1) * (1 - level) * quantile)


def implied_inverse_dof(ratio: Array, level: float) -> Array:
    """Inverse dof of the zero-mean Student-t whose CVaR is ``ratio`` times its VaR, within [0, 0.9].

    Examples
    --------
    >>> implied_inverse_dof(np.array([1.0, 1.1929, 1.5]), 0.975).round(2)  # thinner than Gaussian, Gaussian, fat
    array([0.  , 0.  , 0.29])
    """
    return np.interp(ratio, _tail_ratios(level), _INVERSE_DOF)


def draw_losses(
    value_at_risk: Array, cvar: Array, level: float, draws: int, rng: np.random.Generator
) -> Array:
    """Independent losses ``(draws, days)`` with exactly these VaR and CVaR each day.

    Each day's law is the zero-mean Student-t that has them. Where they are thinner than Gaussian, or fatter
    than a dof of 1.11 gives, the nearest law is taken, and its losses beyond VaR are stretched.

    Parameters
    ----------
    value_at_risk, cvar : (days,) with ``0 < VaR < CVaR``
    level : confidence of both
    draws : number of series
    rng : source of randomness

    Examples
    --------
    >>> losses = draw_losses(np.full(5, 2.0), np.full(5, 2.6), 0.95, 40_000, np.random.default_rng(0))
    >>> round(float(np.mean(losses > 2)), 2), round(float(losses[losses > 2].mean()), 1)
    (0.05, 2.6)
    """
    from scipy import stats  # half a second to import

    ratio = cvar / value_at_risk
    eta = implied_inverse_dof(ratio, level)
    dof = 1 / np.maximum(eta, 1e-9)
    quantile = stats.t.ppf(level, dof)
    shape = (draws, len(value_at_risk))
    plain = rng.standard_normal(shape)
    # Students-t as a Gaussian over the root of a scaled chi-squared; a Gaussian day needs none.
    if np.any(eta > 0):
        plain /= np.sqrt(rng.standard_gamma(np.minimum(dof, 1e8) / 2, shape) * (2 / np.minimum(dof, 1e8)))
    losses = plain * (value_at_risk / quantile)
    law = np.interp(eta, _INVERSE_DOF, _tail_ratios(level))
    stretch = (ratio - 1) / (law - 1)
    beyond = losses > value_at_risk
    if np.any(np.abs(stretch - 1) > 1e-9):
        losses = np.where(beyond, value_at_risk + (losses - value_at_risk) * stretch, losses)
    return losses
