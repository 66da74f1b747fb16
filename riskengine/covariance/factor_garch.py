"""A few factors with GARCH variances, and residuals with theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from riskengine.calibration import Calibrator, NeuralCalibrator
from riskengine.covariance.base import Covariance
from riskengine.covariance.constant_correlation import shrunk_correlation
from riskengine.covariance.garch_margins import GarchMargins, GarchState
from riskengine.covariance.moments import Moments
from riskengine.covariance.running_moments import ExponentialMoments, RollingMoments
from riskengine.covariance.seasonal_variance import LogVarianceRegression
from riskengine.covariance.shrinkage import Correlation
from riskengine.covariance.weighting import decay_of, fading_weights, weighted_moments
from riskengine.covariance.window import as_row, last_days
from riskengine.errors import DataError, SettingsError

Array = np.ndarray


class FactorState(NamedTuple):
    """Portfolios that are the factors, exposures to them, and GARCH margins of residuals and factors.

    Attributes
    ----------
    portfolios : (assets, factors) weights
    exposures : (assets, factors), NaN for an asset that never moved
    margins : of ``assets`` residuals, then ``factors`` factors
    news : coefficients of a :class:`~riskengine.covariance.seasonal_variance.LogVarianceRegression`, if there is one
    """

    portfolios: Array
    exposures: Array
    margins: GarchState
    news: Array | None = None


_LOWEST = -1 + 1e-9


@dataclass(frozen=True)
class FactorGarch:
    """Approximate factor model: the equally weighted market and principal components, each with a GARCH variance.

    ``Sigma = B diag(f) B' + D R D``: factors have GARCH variances (Engle, Ng and Rothschild 1990), and so have
    residuals, as in the approximate factor models of De Nard, Ledoit and Wolf (2021), with ``R`` the identity or the
    residuals' shrunk correlation. A factor is the return of a portfolio; on days on which some of its assets are
    missing, the others stand in for them. An asset that was never seen, or never moved, is flagged and taken for the
    median asset.

    Attributes
    ----------
    calibrator : of factors and residuals
    factors : the market first, then principal components of what it leaves
    window : days
    half_life : days, of exposures, residual correlations and static variances; None weighs all alike
    static_share : weight of the static residual variances, see ``ConstantCorrelation``
    residuals : ``"diagonal"``, or ``"quadratic-inverse"`` for a full residual correlation
    news : multiplies the residual variances by what recent and scheduled news add; for forecasts of a few days
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    factors: int = 1
    window: int = 1250
    half_life: float | None = 250.0
    static_share: float = 0.5
    residuals: Literal["diagonal", "quadratic-inverse"] = "quadratic-inverse"
    news: LogVarianceRegression | None = None

    def __post_init__(self) -> None:
        if self.factors < 1:
            raise SettingsError(f"a factor model has at least one factor, not {self.factors}")
        if self.residuals not in ("diagonal", "quadratic-inverse"):
            raise SettingsError(f'residuals are "diagonal" or "quadratic-inverse", not {self.residuals!r}')
        if not 0 <= self.static_share <= 1:
            raise SettingsError(f"static_share lies between 0 and 1, not at {self.static_share}")

    @property
    def margins(self) -> GarchMargins:
        """Of residuals and factors."""
        sums: ExponentialMoments | RollingMoments | None = None
        if self.residuals == "quadratic-inverse":
            sums = (
                RollingMoments(self.window)
                if self.half_life is None
                else ExponentialMoments(decay_of(self.half_life))
            )
        return GarchMargins(self.calibrator, self.window, sums=sums)

    def init(self, returns: Array, held: FactorState | None = None) -> FactorState:
        """State after a history; factors, exposures and parameters are those of ``held`` if it is given."""
        rows = last_days(returns, len(returns))
        portfolios, exposures = self._factors(rows) if held is None else (held.portfolios, held.exposures)
        parts = _parts(rows, portfolios, exposures)
        margins = self.margins.init(parts, None if held is None else held.margins.fit)
        news = None if held is None else held.news
        if self.news is not None and news is None:
            news = self.news.fit(margins.residuals[:, : len(exposures)])
        return FactorState(portfolios, exposures, margins, news)

    def _factors(self, rows: Array) -> tuple[Array, Array]:
        assets = rows.shape[1]
        count = min(self.factors, assets)
        weights = fading_weights(len(rows), self.half_life)[:, None]
        moved = (np.nan_to_num(rows) != 0).any(axis=0)
        if not moved.any():
            raise DataError("no asset has moved: a factor model needs returns that vary")
        rows = np.where(moved, rows, np.nan)
        portfolios = moved[:, None] / moved.sum()
        exposures = _exposures(weights, rows, portfolio_returns(rows, portfolios))
        if count > 1:
            rest = _parts(rows, portfolios, exposures)[:, :assets]
            square = np.diag(weighted_moments(rest, self.half_life).matrix)
            scale = np.where(square > 0, np.sqrt(square), np.inf)  # an asset never seen is in no portfolio
            _, vectors = np.linalg.eigh(weighted_moments(rest / scale, self.half_life).matrix)
            more = vectors[:, ::-1][:, : count - 1]
            more = more * np.sign(np.sum(more**3, axis=0)) / scale[:, None]  # news of losses needs a sign
            more /= np.abs(more).sum(axis=0)
            portfolios = np.hstack([portfolios, more])
            exposures = _exposures(weights, rows, portfolio_returns(rows, portfolios))
        return portfolios, np.where(moved[:, None], exposures, np.nan)

    def update(self, state: FactorState, row: Array) -> FactorState:
        """One more day with the same factors, exposures and parameters."""
        row = as_row(row, len(state.exposures))
        parts = _parts(row[None], state.portfolios, state.exposures)[0]
        return state._replace(margins=self.margins.update(state.margins, parts))

    def correlated(self, state: FactorState) -> Correlation | None:
        """Shrunk correlation of the residuals, which ``forecast`` takes while it is to serve; None if diagonal."""
        if self.residuals == "diagonal":
            return None
        assets = len(state.exposures)
        matrix, days = self.margins.moments(state.margins)
        return shrunk_correlation(Moments(matrix[:assets, :assets], days))

    def forecast(
        self, state: FactorState, horizon: int = 1, correlated: Correlation | None = None
    ) -> Covariance:
        """``B diag(f) B' + D R D`` over the holding period, with the correlation of today if none is given."""
        assets = len(state.exposures)
        variance = self.margins.holding_variance(state.margins, horizon)
        rest = variance[:assets]
        if self.static_share > 0:
            static = GarchMargins.static_variance(state.margins, self.half_life)[:assets]
            static = np.where(np.isnan(static), rest, static)
            rest = rest ** (1 - self.static_share) * static**self.static_share
        if self.news is not None and state.news is not None:
            residuals = state.margins.residuals[:, :assets]
            rest = rest * self.news.multipliers(residuals, state.news, horizon)
        exposures = np.where(
            np.isnan(state.exposures), np.nanmedian(state.exposures, axis=0), state.exposures
        )
        loadings = exposures * np.sqrt(variance[assets:])
        notes = GarchMargins.notes(state.margins)
        found = self.correlated(state) if correlated is None else correlated
        if found is None:
            return Covariance(loadings, rest, horizon, notes)
        common, specific = found.scaled(rest)
        return Covariance(np.hstack([loadings, common]), specific, horizon, notes)


def portfolio_returns(rows: Array, portfolios: Array) -> Array:
    """Returns ``(time, portfolios)`` of portfolios ``(assets, portfolios)``.

    Where assets are missing the others are held in proportion, so that the absolute weights add up to what they do on
    full days; NaN where none of a portfolio's assets was observed.

    Examples
    --------
    >>> portfolio_returns(np.array([[0.02, 0.02], [0.02, np.nan]]), np.array([[0.5], [0.5]])).ravel()
    array([0.02, 0.02])
    """
    seen = ~np.isnan(rows)
    if seen.all():
        return rows @ portfolios
    size = np.abs(portfolios)
    share = seen @ size / size.sum(axis=0)
    found = np.where(seen, rows, 0.0) @ portfolios
    return np.divide(found, share, out=np.full_like(found, np.nan), where=share > 0)


def _exposures(weights: Array, rows: Array, factors: Array) -> Array:
    """Weighted least squares of each asset on the factors ``(assets, factors)``, over the days it was observed."""
    seen = ~np.isnan(rows) & ~np.isnan(factors).any(axis=1, keepdims=True)
    count = factors.shape[1]
    filled, known = np.where(seen, rows, 0.0), np.where(seen.any(axis=1, keepdims=True), factors, 0.0)
    squares = (known[:, :, None] * known[:, None, :]).reshape(len(rows), count * count)
    gram = ((weights * seen).T @ squares).reshape(-1, count, count)
    cross = (weights * filled).T @ known
    return np.einsum("akl,al->ak", np.linalg.pinv(gram, hermitian=True), cross)


def _parts(rows: Array, portfolios: Array, exposures: Array) -> Array:
    """Residuals and factors ``(time, assets + factors)``."""
    factors = portfolio_returns(rows, portfolios)
    # A wrong print of one asset, in the factor, would take more from another than there is.
    return np.maximum(np.hstack([rows - factors @ exposures.T, factors]), _LOWEST)
