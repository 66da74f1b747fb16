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


class Products(NamedTuple):
    """Weighted sums over days, each pair of assets over the days on which both were observed.

    Attributes
    ----------
    matrix : (assets, assets) of products
    firsts : (assets, assets) of the row's asset alone; (assets, 1) if nothing was missing
    counts : (assets, assets) of the weights; (1, 1) if nothing was missing
    """

    matrix: Array
    firsts: Array
    counts: Array

    @classmethod
    def none(cls, assets: int) -> Products:
        """Of no day."""
        return cls(np.zeros((assets, assets)), np.zeros((assets, 1)), np.zeros((1, 1)))

    def plus(self, other: Products) -> Products:
        """Of both."""
        return Products(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def scaled(self, factor: float) -> Products:
        """With all weights times ``factor``."""
        return Products(*(factor * part for part in self))


def products_of(rows: Array, weights: Array | None = None) -> Products:
    """Sums of products of ``(time, assets)`` rows with NaN where missing; weights ``(time,)``, one if not given."""
    weight = np.ones((len(rows), 1)) if weights is None else weights[:, None]
    seen = ~np.isnan(rows)
    if seen.all():
        firsts, counts = rows.T @ weight, np.full((1, 1), float(weight.sum()))
        if (weight < 0).any():
            return Products((weight * rows).T @ rows, firsts, counts)
        # A matrix times its own transpose: BLAS computes half of it (syrk).
        root = rows if weights is None else np.sqrt(weight) * rows
        return Products(root.T @ root, firsts, counts)
    filled, counted = np.where(seen, rows, 0.0), seen.astype(np.float64)
    weighted = weight * filled
    return Products(weighted.T @ filled, weighted.T @ counted, (weight * counted).T @ counted)


def moments_of(products: Products, centred: bool, days_per_weight: float = 1.0) -> Moments:
    """Second moments from sums.

    Without missing days and with unit weights this is ``numpy.cov``. With missing ones ``days`` is the median over
    pairs, and eigenvalues may be negative: whoever decomposes the matrix next clips them. Pairs never seen together (if
    centred, not twice) are uncorrelated, and assets never seen have variance zero.

    Parameters
    ----------
    products : sums over days
    centred : take out each asset's mean; otherwise the mean is known to be zero
    days_per_weight : effective days over the sum of weights; one where every day weighs one
    """
    matrix, firsts, counts = products
    if counts.size == 1:
        days = float(counts[0, 0]) * days_per_weight
        if centred:
            matrix = matrix - firsts @ firsts.T / counts
        total = counts - centred / days_per_weight
        matrix = matrix / total if total > 0 else np.zeros_like(matrix)
        return Moments((matrix + matrix.T) / 2, max(1, round(days) - centred))
    days = float(np.median(counts)) * days_per_weight
    if centred:
        own = np.diag(counts)
        mean = np.divide(np.diag(firsts), own, out=np.zeros_like(own), where=own > 0)
        cross = mean[:, None] * firsts.T
        matrix = matrix - cross - cross.T + np.outer(mean, mean) * counts
    total = counts - centred / days_per_weight
    enough = total > 1e-9 * counts.max()
    matrix = np.divide(matrix, total, out=np.zeros_like(matrix), where=enough)
    return Moments((matrix + matrix.T) / 2, max(1, round(days) - centred))


def pairwise_moments(returns: Array, centred: bool = True) -> Moments:
    """Covariance of ``(time, assets)`` returns, each entry from the days on which both assets were observed.

    With missing days, eigenvalues that turned negative are clipped.

    Parameters
    ----------
    returns : (time, assets), NaN where missing
    centred : see :func:`moments_of`

    Raises
    ------
    DataError
        If two assets share fewer than two days.
    """
    products = products_of(returns)
    if products.counts.min() < 2:
        few = int(products.counts.min())
        if products.counts.size == 1:
            raise DataError(f"a covariance needs at least two days, not {few}")
        pair = np.unravel_index(np.argmin(products.counts), products.counts.shape)
        raise DataError(f"assets {pair[0]} and {pair[1]} share {few} day(s): lengthen the window or drop one")
    matrix, days = moments_of(products, centred)
    if products.counts.size > 1:
        values, vectors = np.linalg.eigh(matrix)
        matrix = (vectors * np.clip(values, 0, None)) @ vectors.T
        matrix = (matrix + matrix.T) / 2
    return Moments(matrix, days)


def with_missing_variances(moments: Moments) -> tuple[Moments, tuple[str, ...]]:
    """Moments in which every asset has a variance, and a note on each that had none.

    An asset that was never seen, or never moved, takes the median variance of the others and is uncorrelated: at zero
    variance an optimiser would put everything into it.

    Raises
    ------
    DataError
        If no asset has a variance.

    Examples
    --------
    >>> moments, notes = with_missing_variances(Moments(np.diag([4.0, 0.0, 2.0]), 100))
    >>> moments.matrix[1, 1], notes
    (np.float64(3.0), ('1: no variance in the window, takes the median of the others, uncorrelated',))
    """
    matrix, days = moments
    variance = np.diag(matrix)
    lost = variance <= 1e-12 * variance.max()
    if lost.all() or variance.max() <= 0:
        raise DataError("no asset has moved: a covariance needs returns that vary")
    if not lost.any():
        return moments, ()
    matrix = np.where(np.logical_or.outer(lost, lost), 0.0, matrix)
    matrix[lost, lost] = np.median(variance[~lost])
    notes = tuple(
        f"{k}: no variance in the window, takes the median of the others, uncorrelated"
        for k in np.flatnonzero(lost)
    )
    return Moments(matrix, days), notes


def to_correlation(matrix: Array) -> Array:
    """Correlation matrix of a covariance matrix; an asset without variance is uncorrelated with all."""
    deviation = np.sqrt(np.diag(matrix))
    safe = np.where(deviation > 0, deviation, 1.0)
    correlation = matrix / np.outer(safe, safe)
    np.fill_diagonal(correlation, 1.0)
    return correlation
