"""Covariances of prices that are taken at different times: lagged products put the correlations right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from riskengine.calibration import per_row
from riskengine.covariance.base import Covariance, CovarianceForecaster, given_ranges, reads_ranges
from riskengine.covariance.moments import to_correlation
from riskengine.covariance.static import LedoitWolf
from riskengine.covariance.window import Window, as_row, last_days
from riskengine.errors import SettingsError

Array = np.ndarray


class AsynchronousState(NamedTuple):
    """State of the forecaster inside, and what the lagged products are made of.

    Attributes
    ----------
    inside : the forecaster's, on returns scaled to one row
    past : window of the returns as they came, zero where there was none
    scaled : the same window as the forecaster inside was handed it
    sparse : (assets,) whether an asset's returns span several rows
    silent : (assets,) rows since the last return
    """

    inside: Any
    past: Window
    scaled: Window
    sparse: Array
    silent: Array


@dataclass(frozen=True)
class Asynchronous:
    """Correlations corrected for asynchronous closes and sparse prices, around another forecaster.

    Tokyo closes before New York opens: news of a New York day is in Tokyo's next return, and the correlation of one
    day understates that of the two. With ``lags[i, j]`` rows by which i may follow j, the correlation becomes

        rho(i, j) = sum over l from -lags[j, i] to lags[i, j] of E[r_i(t) r_j(t - l)] / (sigma_i sigma_j)

    (Scholes and Williams 1977; Dimson 1979; for covariances Burns, Engle and Mezrich 1998). What the lags add, over the
    window, is added to the forecaster's own correlation; variances stay as they are, and pairs without lags too, but
    for the projection to the nearest positive semi-definite correlation. With ``"newey-west"`` lag l counts
    ``1 - l / (lags + 1)`` (Newey and West 1987): less noise, and too little.

    Returns of what is priced every k-th row enter the forecaster inside divided by the root of the rows that they span,
    see :func:`~riskengine.calibration.dated.per_row`.

    Attributes
    ----------
    inside : forecaster
    lags : rows by which one asset's news may come after another's: one number for all pairs, both ways, or
        ``(assets, assets)``, in row i what asset i may be late
    window : rows that the lagged products rest on
    kernel : weights of the lags

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> z = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 3 * 4000 + 3) * 0.01
    >>> tokyo, new_york = (z[k : k + 12_000, k // 2].reshape(-1, 3).sum(axis=1) for k in (0, 2))  # 2/3 of a day apart
    >>> x = np.column_stack([tokyo, new_york])
    >>> plain, model = LedoitWolf(4000), Asynchronous(LedoitWolf(4000), lags=1)
    >>> [f.forecast(f.init(x)).correlation()[0, 1].round(1) for f in (plain, model)]
    [np.float64(0.2), np.float64(0.6)]
    """

    inside: CovarianceForecaster = field(default_factory=LedoitWolf)
    lags: int | tuple[tuple[int, ...], ...] = 1
    window: int = 1250
    kernel: Literal["scholes-williams", "newey-west"] = "scholes-williams"

    def __post_init__(self) -> None:
        if self.kernel not in ("scholes-williams", "newey-west"):
            raise SettingsError(f'kernel is "scholes-williams" or "newey-west", not {self.kernel!r}')
        lags = np.asarray(self.lags)
        if lags.dtype.kind not in "iu" or (lags < 0).any() or lags.ndim not in (0, 2):
            raise SettingsError(
                "lags are whole numbers of rows, not below zero: one, or one a pair of assets"
            )
        if self.window <= lags.max() + 2:
            raise SettingsError(f"a window of {self.window} days is too short for lags of {lags.max()}")

    def init(self, returns: Array, **known: Any) -> AsynchronousState:
        """State after a history ``(time, assets)``; ``known`` goes to the forecaster inside."""
        rows = last_days(returns, len(returns))
        scaled, spacing = per_row(rows)
        previous = known.get("previous")
        if previous is not None:
            known = known | {"previous": previous.inside}
        seen = ~np.isnan(rows)
        silent = np.where(seen.any(axis=0), np.argmax(seen[::-1], axis=0), len(rows))
        return AsynchronousState(
            self.inside.init(scaled, **known),
            Window.of(np.nan_to_num(rows), self.window),
            Window.of(scaled, self.window),
            spacing > 1,
            silent,
        )

    def update(self, state: AsynchronousState, row: Array, ranges: Array | None = None) -> AsynchronousState:
        """State after one more day."""
        row = as_row(row, len(state.silent))
        seen = ~np.isnan(row)
        scaled = row / np.where(state.sparse, np.sqrt(state.silent + 1), 1.0)
        return AsynchronousState(
            self.inside.update(state.inside, scaled, **given_ranges(self.inside, ranges)),
            state.past.moved(np.nan_to_num(row)),
            state.scaled.moved(scaled),
            state.sparse,
            np.where(seen, 0, state.silent + 1),
        )

    @property
    def reads_ranges(self) -> bool:
        """Whether the forecaster inside makes use of the day's range."""
        return reads_ranges(self.inside)

    @property
    def carry(self) -> bool:
        """Whether ``init`` takes the last state, as the forecaster inside does."""
        return bool(getattr(self.inside, "carry", False))

    def forecast(self, state: AsynchronousState, horizon: int = 1) -> Covariance:
        """The forecast inside with its correlations corrected."""
        found = self.inside.forecast(state.inside, horizon)
        change = self._change(state)
        if not change.any():
            return found
        deviation = found.volatility
        matrix = nearest_correlation(found.correlation() + change)
        return Covariance.dense(matrix * np.outer(deviation, deviation), horizon, found.notes)

    def _change(self, state: AsynchronousState) -> Array:
        """What the lags add to the correlations ``(assets, assets)``."""
        rows, scaled = state.past.rows, state.scaled.rows
        count, assets = rows.shape
        lags = np.broadcast_to(np.asarray(self.lags), (assets, assets)) * ~np.eye(assets, dtype=bool)
        if not lags.any() or count <= lags.max() + 1:
            return np.zeros((assets, assets))
        z = rows / _scale(rows)
        total = z.T @ z
        for lag in range(1, int(lags.max()) + 1):
            weight = 1 - lag / (lags + 1) if self.kernel == "newey-west" else np.ones(lags.shape)
            late = np.where(lags >= lag, weight * (z[lag:].T @ z[:-lag]), 0.0)
            total = total + late + late.T
        # What the forecaster inside makes of the same days: each pair over those on which both have a return.
        seen = ~np.isnan(scaled)
        z = np.where(seen, scaled, 0.0)
        both = seen.T.astype(np.float64) @ seen
        own = np.sqrt(np.sum(z**2, axis=0) / np.maximum(np.diag(both), 1))
        z = z / np.where(own > 0, own, 1.0)
        same = np.divide(z.T @ z, both, out=np.zeros_like(both), where=both > 0)
        pairs = (lags + lags.T) > 0
        change = np.where(pairs, total / count - same, 0.0)
        return (change + change.T) / 2


def _scale(rows: Array) -> Array:
    square = np.sqrt(np.mean(rows**2, axis=0))
    return np.where(square > 0, square, 1.0)


def nearest_correlation(matrix: Array, floor: float = 1e-6, rounds: int = 100) -> Array:
    """Nearest correlation matrix in the Frobenius norm, by alternating projections (Higham 2002).

    A matrix that is one already is handed back.

    Examples
    --------
    >>> found = nearest_correlation(np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]]))
    >>> bool(np.linalg.eigvalsh(found).min() >= 0), np.diag(found)
    (True, array([1., 1., 1.]))
    """
    found = np.clip((matrix + matrix.T) / 2, -1, 1)
    np.fill_diagonal(found, 1.0)
    if np.linalg.eigvalsh(found)[0] >= 0:
        return found
    correction = np.zeros_like(found)
    for _ in range(rounds):
        values, vectors = np.linalg.eigh(found - correction)
        semidefinite = (vectors * np.maximum(values, floor)) @ vectors.T
        correction = semidefinite - (found - correction)
        found = semidefinite.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - semidefinite).max() < 1e-7:
            break
    return to_correlation((semidefinite + semidefinite.T) / 2)
