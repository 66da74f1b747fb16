"""What every covariance forecast is, and what every forecaster does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from riskengine.errors import DataError, SettingsError

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Covariance:
    """A positive semi-definite covariance of returns, held as a factor: the mean per day over ``horizon`` days.

    A day stands for one period of the returns that it was made of, whatever their frequency.

    The matrix is ``loadings @ loadings.T + diag(specific)``. A dense covariance is the special case of
    square loadings and no specific part; a factor model keeps few columns.

    Attributes
    ----------
    loadings : (assets, factors) array
    specific : (assets,) array, variances >= 0
    horizon : days that the covariance is the mean over; returns of the whole period have ``horizon`` times as much
    notes : what was flagged while it was made, one line each
    periods_per_year : of these days, by which it is annualised; a forecaster is handed a matrix and knows no dates, so
        that it is 252 until a strategy puts in that of its view

    Examples
    --------
    >>> c = Covariance.dense(np.array([[0.04, 0.01], [0.01, 0.09]]))
    >>> round(float(c.variance(np.array([0.5, 0.5]))), 4)
    0.0375
    >>> c.volatility
    array([0.2, 0.3])
    """

    loadings: Array
    specific: Array
    horizon: int = 1
    notes: tuple[str, ...] = ()
    periods_per_year: float = 252.0

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise SettingsError(f"a horizon is at least one day, not {self.horizon}")
        if not 0 < self.periods_per_year < np.inf:
            raise SettingsError(f"periods_per_year is a positive number, not {self.periods_per_year}")

    @classmethod
    def dense(cls, matrix: Array, horizon: int = 1, notes: tuple[str, ...] = ()) -> Covariance:
        """From a symmetric matrix ``(assets, assets)``; eigenvalues below zero are clipped to zero, and noted.

        Raises
        ------
        DataError
            If the matrix is not square, not finite or not symmetric.
        """
        matrix = np.asarray(matrix, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise DataError(f"a covariance is a square matrix, not one of shape {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise DataError("a covariance holds NaN or infinite entries: drop or fill these assets first")
        if not np.array_equal(matrix, matrix.T):
            if (np.abs(matrix - matrix.T) > 1e-14 + 1e-8 * np.abs(matrix)).any():
                raise DataError("a covariance must be symmetric")
            matrix = (matrix + matrix.T) / 2
        try:
            loadings = np.linalg.cholesky(matrix)
        except np.linalg.LinAlgError:  # not positive definite: ten times as slow, and always answers
            values, vectors = np.linalg.eigh(matrix)
            if values[0] < -1e-10 * values[-1]:
                notes += (
                    f"not positive semi-definite: eigenvalues down to {values[0]:.2g} were set to zero",
                )
            loadings = vectors * np.sqrt(np.clip(values, 0, None))
        return cls(loadings, np.zeros(len(matrix)), horizon, notes)

    def matrix(self) -> Array:
        """Dense matrix ``(assets, assets)`` per day, exactly symmetric."""
        return self.loadings @ self.loadings.T + np.diag(self.specific)

    @property
    def factor(self) -> Array:
        """``F`` of shape ``(assets, k)`` with ``F @ F.T`` the covariance: what the optimisers are given."""
        if not self.specific.any():
            return self.loadings
        return np.hstack([self.loadings, np.diag(np.sqrt(self.specific))])

    @property
    def volatility(self) -> Array:
        """Standard deviation of each asset per day, ``(assets,)``."""
        return np.sqrt(np.einsum("ij,ij->i", self.loadings, self.loadings) + self.specific)

    def correlation(self) -> Array:
        """Correlation matrix ``(assets, assets)`` with a unit diagonal."""
        correlation = self.matrix() / np.outer(self.volatility, self.volatility)
        np.fill_diagonal(correlation, 1.0)
        return correlation

    def variance(self, weights: Array) -> float:
        """Variance per day of the portfolio with these ``weights`` ``(assets,)``."""
        weights = np.asarray(weights)
        return float(np.sum((self.loadings.T @ weights) ** 2) + self.specific @ weights**2)

    def _repr_html_(self) -> str:
        """A few figures of it, where a notebook shows it."""
        scale, n = np.sqrt(self.periods_per_year), len(self.specific)
        above = self.correlation()[np.triu_indices(n, 1)]
        low, middle, high = np.quantile(scale * self.volatility, [0, 0.5, 1])
        rows = {
            "assets": str(n),
            "horizon": f"mean over {self.horizon} periods",
            "volatility a year": f"{low:.1%} to {high:.1%}, median {middle:.1%}",
            "equal weight": f"{scale * np.sqrt(self.variance(np.full(n, 1 / n))):.1%} a year",
        }
        if n > 1:
            rows["correlation"] = f"{above.min():.2f} to {above.max():.2f}, mean {above.mean():.2f}"
        cells = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows.items())
        return f"<table>{cells}</table>"

    def select(self, mask: Array) -> Covariance:
        """Covariance of a subset of the assets, by boolean mask or integer positions."""
        return replace(self, loadings=self.loadings[mask], specific=self.specific[mask])


@runtime_checkable
class CovarianceForecaster(Protocol):
    """Covariance forecaster: settings are frozen, and a state carries what is known of the past.

    ``update`` moves the state by one day and never looks back further than the state; feeding rows one
    by one gives the state that ``init`` gives on the whole history with the same calibration.

    One that makes use of the day's range as well has a true attribute ``reads_ranges``, and takes the logarithms of
    high over low as a keyword ``ranges`` of ``init`` and ``update``; see :func:`given_ranges`.
    """

    def init(self, returns: Array) -> Any:
        """State after a history ``(time, assets)``; NaN means no observation."""

    def update(self, state: Any, row: Array) -> Any:
        """State after one more day's returns ``(assets,)``."""

    def forecast(self, state: Any, horizon: int = 1) -> Covariance:
        """Mean covariance per day over the next ``horizon`` days, as known now."""


def reads_ranges(forecaster: object) -> bool:
    """Whether a forecaster takes ``ranges=`` in ``init`` and ``update``.

    Examples
    --------
    >>> from riskengine.covariance import SampleCovariance
    >>> reads_ranges(SampleCovariance(250))
    False
    """
    return bool(getattr(forecaster, "reads_ranges", False))


def given_ranges(forecaster: object, ranges: Array | None) -> dict[str, Array]:
    """Keywords with which ``init`` and ``update`` of a forecaster are called: its ranges, if it reads any.

    Examples
    --------
    >>> from riskengine.covariance import LedoitWolf
    >>> given_ranges(LedoitWolf(), np.zeros((3, 2)))
    {}
    """
    return {} if ranges is None or not reads_ranges(forecaster) else {"ranges": ranges}
