"""Exponentially weighted second moments, plain and iterated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from riskengine.covariance.base import Covariance
from riskengine.covariance.moments import Moments, to_correlation, with_missing_variances
from riskengine.covariance.running_moments import ExponentialMoments, ExponentialSums
from riskengine.covariance.shrinkage import Spectrum, quadratic_inverse_spectrum
from riskengine.covariance.weighting import decay_of
from riskengine.covariance.window import as_row, last_days
from riskengine.errors import SettingsError

Array = np.ndarray


class ShrunkMoments(NamedTuple):
    """Shrunk second moments, the variances ``(assets,)`` of the day that they were shrunk on, and what was noted."""

    spectrum: Spectrum
    variance: Array
    notes: tuple[str, ...]

    def moved(self, variance: Array) -> tuple[Array, Array]:
        """Loadings and specific variances with the variances ``(assets,)`` of a later day."""
        known = self.variance > 1e-12 * self.variance.max()
        change = np.divide(variance, self.variance, out=np.ones_like(variance), where=known)
        root, floor = self.spectrum
        return np.sqrt(change)[:, None] * root, change * floor


@dataclass(frozen=True)
class Ewma:
    """Exponentially weighted covariance about a mean of zero (RiskMetrics 1996).

    ``sum d^k r_k r_k' / sum d^k`` over the days of age ``k``, ``d = 2^(-1 / half_life)``. Each pair's mean runs over
    the days on which both were observed.

    Attributes
    ----------
    half_life : days; RiskMetrics' decays of 0.94 and 0.97 are 11.2 and 22.8 days. None weighs all days alike.
    shrinkage : of the eigenvalues (:func:`quadratic_inverse_spectrum`), by the effective number of days

    Examples
    --------
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> forecaster = Ewma(half_life=63)
    >>> forecaster.forecast(forecaster.init(x)).volatility.round(3)
    array([0.01 , 0.009, 0.011])
    """

    half_life: float | None = 63.0
    shrinkage: Literal["none", "quadratic-inverse"] = "none"

    def __post_init__(self) -> None:
        if self.half_life is not None:
            decay_of(self.half_life)
        if self.shrinkage not in ("none", "quadratic-inverse"):
            raise SettingsError(f'shrinkage is "none" or "quadratic-inverse", not {self.shrinkage!r}')

    @property
    def decay(self) -> float:
        """Weight of yesterday relative to today."""
        return 1.0 if self.half_life is None else decay_of(self.half_life)

    @property
    def sums(self) -> ExponentialMoments:
        """What the state adds up."""
        return ExponentialMoments(self.decay)

    def init(self, returns: Array) -> ExponentialSums:
        """State after all rows of ``(time, assets)``."""
        return self.sums.init(last_days(returns, len(returns)))

    def update(self, state: ExponentialSums, row: Array) -> ExponentialSums:
        """State after one more day: a rank-one update."""
        return self.sums.update(state, as_row(row, state.recent.shape[1]))

    def correlated(self, state: ExponentialSums) -> ShrunkMoments | None:
        """Shrunk moments, which ``forecast`` takes while they are to serve; None without shrinkage."""
        if self.shrinkage == "none":
            return None
        moments, notes = with_missing_variances(self.sums.moments(state))
        return ShrunkMoments(quadratic_inverse_spectrum(moments), self.sums.variances(state), notes)

    def forecast(
        self, state: ExponentialSums, horizon: int = 1, correlated: ShrunkMoments | None = None
    ) -> Covariance:
        """Weighted mean of the products; pairs never seen together are uncorrelated.

        See :func:`~riskengine.covariance.moments.with_missing_variances`. Shrunk moments of some days ago are scaled by
        what the variances have done since.
        """
        found = self.correlated(state) if correlated is None else correlated
        if found is None:
            moments, notes = with_missing_variances(self.sums.moments(state))
            return Covariance.dense(moments.matrix, horizon, notes)
        return Covariance(*found.moved(self.sums.variances(state)), horizon, found.notes)


class IteratedEwmaState(NamedTuple):
    """Fading sums of squares and their weights ``(assets,)``, and of standardised products."""

    squares: Array
    weights: Array
    standard: ExponentialSums


@dataclass(frozen=True)
class IteratedEwma:
    """Volatilities and correlations with half-lives of their own (Barratt and Boyd 2022).

    Returns over their volatility, that day's included, are weighted again; the correlation of these is put between
    the volatilities.

    Attributes
    ----------
    volatility_half_life, correlation_half_life : days
    clip : largest standardised return
    ridge : share of the variances that is added to them, which calms fast correlations
    """

    volatility_half_life: float = 63.0
    correlation_half_life: float = 125.0
    clip: float = np.inf
    ridge: float = 0.0

    def __post_init__(self) -> None:
        decay_of(self.volatility_half_life)
        if not self.clip > 0:
            raise SettingsError(f"the clip is a positive number of standard deviations, not {self.clip}")
        if not self.ridge >= 0:
            raise SettingsError(f"the ridge is a share of the variances, not {self.ridge}")

    @property
    def correlations(self) -> Ewma:
        """Of the standardised returns."""
        return Ewma(self.correlation_half_life)

    def init(self, returns: Array) -> IteratedEwmaState:
        """State after all rows of ``(time, assets)``."""
        rows = last_days(returns, len(returns))
        decay = decay_of(self.volatility_half_life)
        squares, weights = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
        standard = np.full_like(rows, np.nan)
        for day, row in enumerate(rows):
            squares, weights = _faded(squares, weights, row, decay)
            standard[day] = self._standardised(row, squares, weights)
        return IteratedEwmaState(squares, weights, self.correlations.sums.init(standard))

    def update(self, state: IteratedEwmaState, row: Array) -> IteratedEwmaState:
        """State after one more day."""
        row = as_row(row, len(state.squares))
        squares, weights = _faded(state.squares, state.weights, row, decay_of(self.volatility_half_life))
        standard = self._standardised(row, squares, weights)
        return IteratedEwmaState(squares, weights, self.correlations.sums.update(state.standard, standard))

    def forecast(self, state: IteratedEwmaState, horizon: int = 1) -> Covariance:
        """``D R D``; assets never seen are noted (:func:`with_missing_variances`)."""
        matrix = to_correlation(self.correlations.sums.moments(state.standard).matrix)
        known = state.weights > 0
        variance = np.divide(state.squares, state.weights, out=np.zeros_like(state.squares), where=known)
        deviation = np.sqrt(variance)
        moments, notes = with_missing_variances(Moments(matrix * np.outer(deviation, deviation), len(matrix)))
        found = moments.matrix + self.ridge * np.diag(np.diag(moments.matrix))
        return Covariance.dense(found, horizon, notes)

    def _standardised(self, row: Array, squares: Array, weights: Array) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            standard = row / np.sqrt(squares / weights)
        return np.clip(np.where(squares > 0, standard, np.nan), -self.clip, self.clip)


def _faded(squares: Array, weights: Array, row: Array, decay: float) -> tuple[Array, Array]:
    seen = ~np.isnan(row)
    return decay * squares + np.where(seen, row, 0.0) ** 2, decay * weights + seen
