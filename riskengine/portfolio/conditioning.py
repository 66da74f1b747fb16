"""Conditioning of a covariance for a solver: a singular one gets a ridge and a note, a broken one is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import DataError, SettingsError, listed
from riskengine.portfolio.costs import YEAR
from riskengine.portfolio.trading_state import chosen_names

Array = np.ndarray
RIDGE = 1e-8
"""What a singular covariance is given: this share of the mean variance, to each asset's own."""


@dataclass(frozen=True, eq=False)
class ConditionedCovariance:
    """A finite, numerically positive definite covariance ``B B' + diag(s)``, and what is read off it once.

    Attributes
    ----------
    loadings : (assets, factors)
    specific : (assets,) variances
    volatility : (assets,) per day
    mean_variance : of the assets; the problem is solved in this unit, since solvers' tolerances are made for
        numbers near one
    horizon : days that the covariance is the mean over
    notes : what was added to it
    periods_per_year : by which what is stated a year is brought to a period
    """

    loadings: Array
    specific: Array
    volatility: Array
    mean_variance: float
    horizon: int
    notes: tuple[str, ...]
    periods_per_year: float = YEAR

    def times(self, weights: Array) -> Array:
        """Covariances of all assets with a portfolio, ``(assets,)``."""
        return self.loadings @ self.factor_exposures(weights) + self.specific * weights

    def variance(self, weights: Array) -> float:
        """Of a portfolio, per day."""
        return float(np.sum(self.factor_exposures(weights) ** 2) + self.specific @ weights**2)

    def factor_exposures(self, weights: Array) -> Array:
        """Loadings of a portfolio on the factors, ``(factors,)``: only what is held costs time."""
        held = np.flatnonzero(weights)
        return self.loadings[held].T @ weights[held]

    def per_period(self, annual: float) -> float:
        """A rate per period, of one per year."""
        return annual / self.periods_per_year

    @property
    def factor(self) -> Array:
        """``F`` of shape ``(assets, k)`` with ``F @ F.T`` the covariance, of as few columns as are at hand."""
        assets, factors = self.loadings.shape
        if factors >= assets:
            return np.linalg.cholesky(self.block(np.arange(assets)))
        return np.hstack([self.loadings, np.diag(np.sqrt(self.specific))])

    def block(self, index: Array) -> Array:
        """Matrix of the assets at these positions, ``(index, index)``."""
        part = self.loadings[index]
        matrix = part @ part.T
        matrix[np.diag_indices_from(matrix)] += self.specific[index]
        return matrix


def conditioned(covariance: Covariance, assets: Sequence[str]) -> ConditionedCovariance:
    """Check a covariance, and add a ridge to one that is singular.

    Raises
    ------
    SettingsError
        If it is no :class:`Covariance`, or one of other assets.
    DataError
        If it is not finite, or a specific variance is negative: such a matrix is no covariance.

    Examples
    --------
    >>> conditioned(Covariance.dense(np.ones((2, 2))), ("A", "B")).notes
    ('singular covariance: 1e-08 of the mean variance was added to each asset',)
    """
    if not isinstance(covariance, Covariance):
        raise SettingsError("a matrix is handed in as Covariance.dense(matrix), which checks it")
    loadings = np.asarray(covariance.loadings, dtype=np.float64)
    specific = np.asarray(covariance.specific, dtype=np.float64)
    if len(loadings) != len(assets) or specific.shape != (len(assets),):
        raise SettingsError(f"a covariance of {len(loadings)} assets for a problem of {len(assets)}")
    variances = np.einsum("ij,ij->i", loadings, loadings) + specific
    broken = ~np.isfinite(variances)
    if broken.any():
        names = listed(chosen_names(assets, broken))
        raise DataError(f"the covariance is not finite for {names}: mend their forecast")
    if (specific < 0).any():
        names = listed(chosen_names(assets, specific < 0))
        raise DataError(f"the specific variance is negative for {names}: this is no covariance")
    mean = float(np.mean(variances)) or 1.0
    notes: tuple[str, ...] = ()
    if _singular(loadings, specific, mean):
        specific = specific + RIDGE * mean
        notes = (f"singular covariance: {RIDGE:g} of the mean variance was added to each asset",)
    return ConditionedCovariance(
        loadings,
        specific,
        np.sqrt(variances),
        mean,
        covariance.horizon,
        notes,
        covariance.periods_per_year,
    )


def _singular(loadings: Array, specific: Array, mean_variance: float) -> bool:
    """Whether some portfolio has next to no variance."""
    least = 1e-12 * mean_variance
    if specific.min() > least:
        return False
    n, k = loadings.shape
    if k < n and np.sum(specific <= least) > k:
        return True
    if n == k and not loadings[0, 1:].any() and not np.triu(loadings, 1).any():
        # A triangular factor shows its pivots.
        return bool((np.diag(loadings) ** 2 + specific).min() <= least)
    matrix = loadings @ loadings.T
    matrix[np.diag_indices(n)] += specific - least
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return True
    return False
