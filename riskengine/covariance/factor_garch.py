"""A few factors with GARCH variances, and residuals with theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np

from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.result import Calibrator
from riskengine.covariance.constant_correlation import GarchMargins, GarchState, shrunk_correlation
from riskengine.covariance.contract import Covariance
from riskengine.covariance.static import last_days
from riskengine.covariance.weighting import fading_weights, weighted_moments
from riskengine.errors import SettingsError

Array = np.ndarray


class FactorState(NamedTuple):
    """Portfolios that are the factors, exposures to them, and GARCH margins of residuals and factors.

    Attributes
    ----------
    portfolios : (assets, factors) weights
    exposures : (assets, factors)
    margins : of ``assets`` residuals, then ``factors`` factors
    """

    portfolios: Array
    exposures: Array
    margins: GarchState


@dataclass(frozen=True)
class FactorGarch:
    """Approximate factor model: the equally weighted market and principal components, each with a GARCH variance.

    ``Sigma = B diag(f) B' + D R D``, as in the approximate factor models of Engle, Ledoit and Wolf (2019) and
    De Nard, Ledoit and Wolf (2021), with ``R`` the identity or the residuals' shrunk correlation. Missing days
    of an asset count as days on which it moved with the factors alone.

    Attributes
    ----------
    calibrator : of factors and residuals
    factors : the market first, then principal components of what it leaves
    window : days
    half_life : days, of exposures, residual correlations and static variances; None weighs all alike
    static_share : weight of the static residual variances, see ``ConstantCorrelation``
    residuals : ``"diagonal"``, or ``"quadratic-inverse"`` for a full residual correlation
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    factors: int = 1
    window: int = 1250
    half_life: float | None = 250.0
    static_share: float = 0.5
    residuals: Literal["diagonal", "quadratic-inverse"] = "quadratic-inverse"

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
        return GarchMargins(self.calibrator, self.window)

    def init(self, returns: Array, held: FactorState | None = None) -> FactorState:
        """State after a history; factors, exposures and parameters are those of ``held`` if it is given."""
        rows = last_days(returns, len(returns))
        portfolios, exposures = self._factors(rows) if held is None else (held.portfolios, held.exposures)
        parts = _parts(rows, portfolios, exposures)
        calibration = None if held is None else held.margins.fit
        return FactorState(portfolios, exposures, self.margins.init(parts, calibration))

    def _factors(self, rows: Array) -> tuple[Array, Array]:
        assets = rows.shape[1]
        count = min(self.factors, assets)
        weights = fading_weights(len(rows), self.half_life)[:, None]
        seen = ~np.isnan(rows)
        filled = np.where(seen, rows, 0.0)
        portfolios = np.full((assets, 1), 1 / assets)
        market = filled @ portfolios
        exposures = _exposures(weights, seen, filled, market)
        if count > 1:
            rest = np.where(seen, filled - market @ exposures.T, 0.0)
            scale = np.sqrt(np.maximum((weights * rest**2).sum(axis=0), np.finfo(float).tiny))
            _, vectors = np.linalg.eigh(weighted_moments(rest / scale, self.half_life).matrix)
            more = vectors[:, ::-1][:, : count - 1]
            more = more * np.sign(np.sum(more**3, axis=0)) / scale[:, None]  # news of losses needs a sign
            more /= np.abs(more).sum(axis=0)
            portfolios = np.hstack([portfolios, more])
            exposures = _exposures(weights, seen, filled, filled @ portfolios)
        return portfolios, exposures

    def update(self, state: FactorState, row: Array) -> FactorState:
        """One more day with the same factors, exposures and parameters."""
        parts = _parts(np.asarray(row)[None], state.portfolios, state.exposures)[0]
        return state._replace(margins=self.margins.update(state.margins, parts))

    def forecast(self, state: FactorState, horizon: int = 1) -> Covariance:
        """``B diag(f) B' + D R D`` over the holding period; without correlation it stays in factor form."""
        assets = len(state.exposures)
        variance = self.margins.holding_variance(state.margins, horizon)
        rest, own = variance[:assets], state.margins.residuals[:, :assets]
        if self.static_share > 0:
            rows = np.nan_to_num(state.margins.returns[:, :assets])
            square = (fading_weights(len(rows), self.half_life)[:, None] * rows**2).sum(axis=0)
            rest = np.where(square > 0, rest ** (1 - self.static_share) * square**self.static_share, rest)
        loadings = state.exposures * np.sqrt(variance[assets:])
        notes = GarchMargins.notes(state.margins)
        if self.residuals == "diagonal":
            return Covariance(loadings, rest, horizon, notes)
        matrix = shrunk_correlation(weighted_moments(own, self.half_life), "quadratic-inverse")
        deviation = np.sqrt(rest)
        return Covariance.dense(
            loadings @ loadings.T + matrix * np.outer(deviation, deviation), horizon, notes
        )


def _exposures(weights: Array, seen: Array, filled: Array, factors: Array) -> Array:
    """Weighted least squares of each asset on the factors, over the days on which it was observed."""
    assets, count = filled.shape[1], factors.shape[1]
    if seen.all():
        gram = (weights * factors).T @ factors
        return np.linalg.lstsq(gram, (weights * factors).T @ filled, rcond=None)[0].T
    found = np.zeros((assets, count))
    for asset in range(assets):
        some = seen[:, asset]
        weighted = weights[some] * factors[some]
        found[asset] = np.linalg.lstsq(
            weighted.T @ factors[some], weighted.T @ filled[some, asset], rcond=None
        )[0]
    return found


def _parts(rows: Array, portfolios: Array, exposures: Array) -> Array:
    """Residuals and factors ``(time, assets + factors)``."""
    factors = np.nan_to_num(rows) @ portfolios
    return np.hstack([rows - factors @ exposures.T, factors])
