"""Shrinkage of a sample covariance towards something better behaved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskengine.covariance.moments import Moments, pairwise_moments

Array = np.ndarray


def linear_shrinkage(returns: Array, centred: bool = True, moments: Moments | None = None) -> Array:
    """Ledoit and Wolf (2004): the sample covariance pulled to a multiple of the identity.

    Parameters
    ----------
    returns : (time, assets), NaN where missing (a missing day counts as uninformative)
    centred : take out each asset's mean first
    moments : of these returns, where they are known already

    Returns
    -------
    (assets, assets) covariance per day, with divisor ``time`` as in the paper

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((60, 30))
    >>> bool(np.linalg.cond(linear_shrinkage(x)) < np.linalg.cond(np.cov(x.T)))
    True
    """
    matrix, days = pairwise_moments(returns, centred) if moments is None else moments
    missing = np.isnan(returns)
    if not missing.any():
        matrix = matrix * (days / len(returns))
        filled = returns - returns.mean(axis=0) if centred else returns
    else:
        filled = np.where(missing, 0.0, returns)
        if centred:
            mean = filled.sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
            filled = np.where(missing, 0.0, filled - mean)
    n, assets = len(returns), matrix.shape[0]
    diagonal = np.diag_indices(assets)
    level = np.trace(matrix) / assets
    square = float(np.vdot(matrix, matrix))
    shrunk = matrix.copy()
    shrunk[diagonal] -= level
    dispersion = float(np.vdot(shrunk, shrunk))
    fourth = np.sum(np.einsum("ti,ti->t", filled, filled) ** 2) / n
    noise = (fourth - square) / n
    weight = float(np.clip(noise / dispersion, 0.0, 1.0)) if dispersion > 0 else 1.0
    shrunk *= 1 - weight
    shrunk[diagonal] += level
    return shrunk


class Spectrum(NamedTuple):
    """A positive definite matrix by its eigenvalues: ``root @ root.T + floor I``.

    Attributes
    ----------
    root : (assets, k) eigenvectors times the roots of what their eigenvalues have over the least one
    floor : least eigenvalue
    """

    root: Array
    floor: float

    @classmethod
    def of(cls, values: Array, vectors: Array) -> Spectrum:
        """Of positive eigenvalues ``(assets,)`` in any order and eigenvectors ``(assets, assets)``.

        Examples
        --------
        >>> Spectrum.of(np.array([2.0, 2.0, 3.0]), np.eye(3)).root.shape
        (3, 1)
        """
        floor = float(values.min())
        above = values > floor
        return cls(vectors[:, above] * np.sqrt(values[above] - floor), floor)

    def matrix(self) -> Array:
        """Dense ``(assets, assets)``, exactly symmetric."""
        dense = self.root @ self.root.T  # BLAS computes half of it
        dense[np.diag_indices_from(dense)] += self.floor
        return dense

    def correlation(self) -> Correlation:
        """With its diagonal scaled to one."""
        variance = np.einsum("ij,ij->i", self.root, self.root) + self.floor
        return Correlation(self.root / np.sqrt(variance)[:, None], self.floor / variance)


class Correlation(NamedTuple):
    """A shrunk correlation in factors: what costs an eigendecomposition, and may serve for some days.

    Attributes
    ----------
    loadings : (assets, k)
    specific : (assets,), what a diagonal of one leaves
    """

    loadings: Array
    specific: Array

    def scaled(self, variance: Array) -> tuple[Array, Array]:
        """Loadings and specific variances of the covariance with these variances ``(assets,)``."""
        return np.sqrt(variance)[:, None] * self.loadings, variance * self.specific

    def matrix(self) -> Array:
        """Dense ``(assets, assets)``, its diagonal exactly one."""
        dense = self.loadings @ self.loadings.T
        np.fill_diagonal(dense, 1.0)
        return dense


def quadratic_inverse(moments: Moments) -> Array:
    """The matrix ``(assets, assets)`` of :func:`quadratic_inverse_spectrum`."""
    return quadratic_inverse_spectrum(moments).matrix()


def quadratic_inverse_spectrum(moments: Moments) -> Spectrum:
    """Ledoit and Wolf (2022): quadratic-inverse shrinkage, nonlinear in the eigenvalues.

    Each inverse eigenvalue is corrected by a smoothed Hilbert transform of the others; optimal among
    rotation-equivariant estimators for large dimensions under several losses.

    Parameters
    ----------
    moments : sample second moments and the days they rest on; more assets than days is fine

    Returns
    -------
    Spectrum
        Positive definite unless the sample is zero.
    """
    positive, vectors, trace = _spectrum(moments)
    p, n = len(vectors), moments.days
    c = p / n
    bandwidth = min(c**2, 1 / c**2) ** 0.35 / p**0.35
    inverse = 1 / positive
    gap = inverse[:, None] - inverse[None, :]  # row j, column i: 1/lambda_j - 1/lambda_i
    smooth = gap**2 + (bandwidth * inverse[:, None]) ** 2
    theta = np.mean(inverse[:, None] * gap / smooth, axis=0)
    hilbert = np.mean(bandwidth * inverse[:, None] ** 2 / smooth, axis=0)
    amplitude = theta**2 + hilbert**2
    if p <= n:
        shrunk = 1 / ((1 - c) ** 2 * inverse + 2 * c * (1 - c) * inverse * theta + c**2 * inverse * amplitude)
    else:
        null = 1 / ((c - 1) * np.mean(inverse))
        shrunk = np.concatenate([np.full(p - n, null), 1 / (inverse * amplitude)])
    return Spectrum.of(shrunk * trace / shrunk.sum(), vectors)  # the trace is estimated well: keep it


def analytical_shrinkage(moments: Moments) -> Array:
    """Ledoit and Wolf (2020): analytical nonlinear shrinkage by a kernel estimate of the spectrum.

    Parameters
    ----------
    moments : sample second moments and the days they rest on; more assets than days is fine

    Returns
    -------
    (assets, assets) positive definite unless the sample is zero
    """
    positive, vectors, _ = _spectrum(moments)
    p, n = len(vectors), moments.days
    width = n ** (-1 / 3)
    spread = width * positive[None, :]
    x = (positive[:, None] - positive[None, :]) / spread
    density = np.mean(3 / (4 * np.sqrt(5)) * np.maximum(1 - x**2 / 5, 0) / spread, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs((np.sqrt(5) - x) / (np.sqrt(5) + x)))
    hilbert = -3 / (10 * np.pi) * x + 3 / (4 * np.sqrt(5) * np.pi) * (1 - x**2 / 5) * np.where(
        np.isclose(np.abs(x), np.sqrt(5)), 0.0, logs
    )
    hilbert = np.mean(hilbert / spread, axis=1)
    if p <= n:
        c = p / n
        shrunk = positive / (
            (np.pi * c * positive * density) ** 2 + (1 - c - np.pi * c * positive * hilbert) ** 2
        )
    else:
        at_zero = (
            1 / np.pi
            * (3 / 10 / width**2 + 3 / 4 / np.sqrt(5) / width * (1 - 1 / 5 / width**2)
               * np.log((1 + np.sqrt(5) * width) / (1 - np.sqrt(5) * width)))
            * np.mean(1 / positive)
        )  # fmt: skip
        null = 1 / (np.pi * (p - n) / n * at_zero)
        nonzero = positive / (np.pi**2 * positive**2 * (density**2 + hilbert**2))
        shrunk = np.concatenate([np.full(p - n, null), nonzero])
    return Spectrum.of(shrunk, vectors).matrix()


def _spectrum(moments: Moments) -> tuple[Array, Array, float]:
    """Eigenvalues that are not zero by rank, ascending and kept from zero, all eigenvectors, and the trace."""
    values, vectors = np.linalg.eigh(moments.matrix)
    values = np.clip(values, 0.0, None)
    null = max(0, len(values) - moments.days)
    return np.maximum(values[null:], values[-1] * 1e-12), vectors, float(values.sum())
