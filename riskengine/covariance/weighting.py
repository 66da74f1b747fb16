"""Exponential weights, and moments under them."""

from __future__ import annotations

import numpy as np

from riskengine.covariance.moments import Moments
from riskengine.errors import SettingsError

Array = np.ndarray


def decay_of(half_life: float) -> float:
    """Weight of yesterday relative to today that halves in ``half_life`` days.

    Examples
    --------
    >>> round(decay_of(63), 4)
    0.9891
    """
    if not half_life > 0:
        raise SettingsError(f"a half-life is a positive number of days, not {half_life}")
    return float(0.5 ** (1 / half_life))


def fading_weights(days: int, half_life: float | None) -> Array:
    """Weights ``(days,)`` that add up to one, the last day the heaviest; equal if there is no half-life."""
    if half_life is None:
        return np.full(days, 1 / days)
    weights = decay_of(half_life) ** np.arange(days - 1, -1, -1.0)
    return weights / weights.sum()


def weighted_moments(returns: Array, half_life: float | None) -> Moments:
    """Second moments about zero under fading weights, each pair over the days on which both were observed.

    Parameters
    ----------
    returns : (time, assets), NaN where missing
    half_life : days; None weighs all alike

    Returns
    -------
    Moments
        Whose ``days`` are Kish's effective number, ``1 / sum w^2``: what shrinkage goes by. Pairs never seen
        together have zero.
    """
    weights = fading_weights(len(returns), half_life)[:, None]
    seen = ~np.isnan(returns)
    filled = np.where(seen, returns, 0.0)
    matrix = (weights * filled).T @ filled
    days = max(2, round(float(1 / np.sum(weights**2))))
    if seen.all():
        return Moments((matrix + matrix.T) / 2, days)
    shares = (weights * seen).T @ seen.astype(float)
    matrix = np.divide(matrix, shares, out=np.zeros_like(matrix), where=shares > 0)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = (vectors * np.clip(values, 0, None)) @ vectors.T
    return Moments((matrix + matrix.T) / 2, max(2, round(days * float(np.median(shares)))))
