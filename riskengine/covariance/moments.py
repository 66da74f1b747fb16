"""Second moments of returns with missing days."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray


class Moments(NamedTuple):
    """Second moments ``(assets, assets)`` and the number of days that they rest on."""

    matrix: Array
    days: int


def pairwise_moments(returns: Array, centred: bool = True) -> Moments:
    """Covariance of ``(time, assets)`` returns, each entry from the days on which both assets were observed.

    Without missing days this is ``numpy.cov``. With them, eigenvalues that turned negative are clipped,
    and ``days`` is the median over pairs.

    Parameters
    ----------
    returns : (time, assets), NaN where missing
    centred : take out each asset's mean; otherwise the mean is known to be zero

    Raises
    ------
    DataError
        If two assets share fewer than two days.
    """
    observed = ~np.isnan(returns)
    if observed.all():
        days = len(returns) - centred
        if days < 1:
            raise DataError(f"a covariance needs at least two days, not {len(returns)}")
        centre = returns.mean(axis=0) if centred else 0.0
        return Moments((returns - centre).T @ (returns - centre) / days, days)
    shared = observed.T.astype(float) @ observed
    if shared.min() < 2:
        pair = np.unravel_index(np.argmin(shared), shared.shape)
        raise DataError(
            f"assets {pair[0]} and {pair[1]} share {int(shared.min())} day(s): lengthen the window or drop one"
        )
    filled = np.where(observed, returns, 0.0)
    if centred:
        filled = np.where(observed, filled - filled.sum(axis=0) / observed.sum(axis=0), 0.0)
    matrix = filled.T @ filled / (shared - centred)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = (vectors * np.clip(values, 0, None)) @ vectors.T
    return Moments((matrix + matrix.T) / 2, int(np.median(shared)) - centred)


def to_correlation(matrix: Array) -> Array:
    """Correlation matrix of a covariance matrix; an asset without variance is uncorrelated with all."""
    deviation = np.sqrt(np.diag(matrix))
    safe = np.where(deviation > 0, deviation, 1.0)
    correlation = matrix / np.outer(safe, safe)
    np.fill_diagonal(correlation, 1.0)
    return correlation
