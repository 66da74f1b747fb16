"""VaR and CVaR of tomorrow for many series, row by row, that hold: what a risk officer signs every morning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy import stats

from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.result import Calibrator
from riskengine.covariance.constant_correlation import GarchMargins, GarchState, conditional_variance
from riskengine.errors import SettingsError
from riskengine.market.checks import as_returns, as_row
from riskengine.risk.measures import TailRisk, check_level
from riskengine.risk.pareto_tail import FEWEST, SHARE, pareto_tail

Array = np.ndarray

_LOWEST, _HIGHEST = np.log(0.2), np.log(4.0)  # how far the exceedance probability may be steered, as a factor
_CALMEST = 1e-4  # mean square surprise: a price that stands still is stale, not without risk
_GAUSSIAN = 1e8  # degrees of freedom that stand for infinitely many


class Tails(NamedTuple):
    """Pareto tails of standardised losses; leaves ``(series,)``."""

    threshold: Array
    shape: Array
    scale: Array
    share: Array


class TailState(NamedTuple):
    """What a :class:`TailForecaster` carries from day to day.

    Attributes
    ----------
    rows : taken since the last calibration
    returns : (window, series), the last day last
    margins : GARCH variances, one state a window
    recent : (series,) fading mean square of the last surprises
    losses : (window, series) standardised by the deviations that were forecast for them; NaN where unknown
    own, pooled : tails of each series' losses, and of all losses together
    tilt : (levels, series) log factors on the probability of an exception
    """

    rows: int
    returns: Array
    margins: tuple[GarchState, ...]
    recent: Array
    losses: Array
    own: Tails
    pooled: Tails
    tilt: Array


@dataclass(frozen=True)
class TailForecaster:
    """Daily VaR and CVaR of assets and portfolios, each a series of its own.

    Four steps, each for a way in which simpler forecasts fail:

    - The variance is the geometric mean of GARCH variances of several windows, times a power of the fading mean
      square of the last surprises. GARCH takes up the news of a day slowly: without this factor exceptions follow
      exceptions, which the dynamic quantile test finds.
    - Losses are standardised by what was *forecast* for their day, and kept: a deviation that is too small in sample
      after sample shows in them, as it does not in the residuals of a fit.
    - Quantile and mean beyond it are the geometric mean of three laws: a Pareto tail of the series' own losses, one
      of all losses together, and the calibrated Student-t. The first is unbiased and noisy, the others the reverse.
    - The probability at which they are read is steered (Gibbs and Candes 2021): every exception lowers it a little
      and every day without one raises it, so that the share of exceptions is right in the long run whatever the law.

    Attributes
    ----------
    calibrator : network, maximum likelihood, ...
    windows : days that it sees; the longest is also that of the losses
    recalibrate : days between calibrations, and between fits of the tails
    half_life : days, of the mean square of the last surprises
    weight : its exponent; 0 leaves the GARCH variance as it is
    levels : confidence levels that are steered
    steer : step of a day; 0 does not steer. About ``1 / steer`` days make up for a wrong law.
    share : of losses in a Pareto tail

    Examples
    --------
    >>> from riskengine.calibration import MaximumLikelihood
    >>> rows = 0.01 * np.random.default_rng(0).standard_t(5, (251, 2))
    >>> forecaster = TailForecaster(MaximumLikelihood(), windows=(250,), levels=(0.95,))
    >>> state = forecaster.init(rows[:-1])
    >>> tail = forecaster.forecast(forecaster.update(state, rows[-1]), 0.95)
    >>> tail.value_at_risk.shape, bool((tail.conditional_value_at_risk > tail.value_at_risk).all())
    ((2,), True)
    """

    calibrator: Calibrator = field(default_factory=NeuralCalibrator.pretrained)
    windows: tuple[int, ...] = (500, 1000)
    recalibrate: int = 21
    half_life: float = 2.0
    weight: float = 0.2
    levels: tuple[float, ...] = (0.95, 0.975, 0.99)
    steer: float = 3e-4
    share: float = SHARE

    def __post_init__(self) -> None:
        for level in self.levels:
            check_level(level)
        if not self.windows or min(self.windows) < 1 or self.recalibrate < 1:
            raise SettingsError("a tail forecaster needs a window, and a day or more between calibrations")
        if not (self.half_life > 0 and 0 <= self.weight < 1 and 0 <= self.steer < 0.1):
            raise SettingsError("half_life is above zero, weight lies in [0, 1) and steer in [0, 0.1)")
        if 1 - min(self.levels) > self.share:
            raise SettingsError(
                f"a tail of {self.share:g} of the losses says nothing at {min(self.levels):g}"
            )

    def init(self, returns: Array) -> TailState:
        """State after a history ``(days, series)``, NaN where there is no return; the longest window is used.

        Raises
        ------
        DataError
            If its losses are too few for a tail even when all are taken together, or as
            :func:`riskengine.market.checks.as_returns`.
        """
        rows = as_returns(returns, shortest=2)[0][-max(self.windows) :]
        margins = self._calibrated(rows)
        paths = np.full((len(margins), *rows.shape), np.nan)
        for path, window, state in zip(paths, self.windows, margins, strict=True):
            part = rows[-window:]
            path[-len(part) :] = np.log(conditional_variance(state.fit, part)[:-1])
        # Days before a short window are known to the long one alone.
        known = ~np.isnan(paths)
        log_variance = np.where(known, paths, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        surprises = (_mean(margins) - rows) / np.sqrt(np.exp(log_variance))
        recent, losses = np.ones(rows.shape[1]), np.empty_like(rows)
        for day, surprise in enumerate(surprises):
            losses[day] = surprise / np.sqrt(recent**self.weight)
            recent = self._faded(recent, surprise)
        tilt = np.zeros((len(self.levels), rows.shape[1]))
        return TailState(0, rows, margins, recent, losses, *self._tails(losses), tilt)

    def update(self, state: TailState, row: Array) -> TailState:
        """State after one more day ``(series,)``.

        Raises
        ------
        DataError
            As :func:`riskengine.market.checks.as_row`.
        """
        row = as_row(row, len(state.recent))
        deviation = self._deviation(state)
        loss = (_mean(state.margins) - row) / deviation
        tilt = state.tilt.copy()
        if self.steer:
            for k, level in enumerate(self.levels):
                quantile, _ = self._standardised(state, k)
                step = self.steer * (1 - (loss > quantile) / (1 - level))
                tilt[k] = np.clip(tilt[k] + np.where(np.isnan(loss), 0, step), _LOWEST, _HIGHEST)
        surprise = loss * np.sqrt(state.recent**self.weight)
        size = max(self.windows)
        state = state._replace(
            rows=state.rows + 1,
            returns=np.vstack([state.returns[-size + 1 :], row]),
            margins=tuple(self._margins(m.past.size).update(m, row) for m in state.margins),
            recent=self._faded(state.recent, surprise),
            losses=np.vstack([state.losses[-size + 1 :], loss]),
            tilt=tilt,
        )
        if state.rows < self.recalibrate:
            return state
        own, pooled = self._tails(state.losses)
        return state._replace(rows=0, margins=self._calibrated(state.returns), own=own, pooled=pooled)

    def forecast(self, state: TailState, level: float = 0.99) -> TailRisk:
        """VaR and CVaR of tomorrow, arrays ``(series,)``.

        Raises
        ------
        SettingsError
            If the level is not one of those that are steered.
        """
        if level not in self.levels:
            raise SettingsError(
                f"levels are {self.levels}, not {level:g}: name it when making the forecaster"
            )
        quantile, beyond = self._standardised(state, self.levels.index(level))
        deviation, mean = self._deviation(state), _mean(state.margins)
        return TailRisk(deviation * quantile - mean, deviation * beyond - mean, level, 1, "steered tails")

    def _margins(self, window: int) -> GarchMargins:
        return GarchMargins(self.calibrator, window)

    def _calibrated(self, rows: Array) -> tuple[GarchState, ...]:
        return tuple(self._margins(window).init(rows[-window:]) for window in self.windows)

    def _faded(self, recent: Array, surprise: Array) -> Array:
        decay = 0.5 ** (1 / self.half_life)
        faded = np.maximum(decay * recent + (1 - decay) * surprise**2, _CALMEST)
        return np.where(np.isnan(surprise), recent, faded)

    def _deviation(self, state: TailState) -> Array:
        """Standard deviation of tomorrow ``(series,)``."""
        log_variance = np.mean([np.log(m.variance) for m in state.margins], axis=0)
        return np.exp((log_variance + self.weight * np.log(state.recent)) / 2)

    def _tails(self, losses: Array) -> tuple[Tails, Tails]:
        """Tails of each series, and of all; a series with too few losses takes those of all."""
        whole = pareto_tail(losses.ravel(), self.share)
        own = [
            pareto_tail(column, self.share) if _enough(column, self.share) else whole for column in losses.T
        ]
        leaves = [[getattr(tail, name) for name in Tails._fields] for tail in (*own, whole)]
        found = np.array(leaves).T
        return Tails(*found[:, :-1]), Tails(*found[:, -1:])

    def _standardised(self, state: TailState, k: int) -> tuple[Array, Array]:
        """Quantile and mean beyond it of tomorrow's standardised loss, ``(series,)``."""
        probability = np.minimum((1 - self.levels[k]) * np.exp(state.tilt[k]), self.share)
        dof = 1 / np.mean([1 / np.asarray(m.fit.params.dof) for m in state.margins], axis=0)
        laws = (
            _pareto(state.own, probability),
            _pareto(state.pooled, probability),
            _student(dof, probability),
        )
        # Of one kind for both, or the mean beyond could come out below the quantile.
        positive = np.all(np.array(laws) > 0, axis=(0, 1))
        geometric = np.exp(np.mean(np.log(np.where(positive, laws, 1.0)), axis=0))
        # A series that hardly ever loses has quantiles below zero, which have no logarithm.
        quantile, beyond = np.where(positive, geometric, np.mean(laws, axis=0))
        return quantile, beyond


def _mean(margins: tuple[GarchState, ...]) -> Array:
    return np.mean([m.fit.mean for m in margins], axis=0)


def _enough(losses: Array, share: float) -> bool:
    seen = losses[~np.isnan(losses)]
    return bool(share * len(seen) >= FEWEST and np.ptp(np.sort(seen)[-FEWEST:]) > 0)


def _pareto(tails: Tails, probability: Array) -> tuple[Array, Array]:
    p = np.minimum(probability, tails.share)
    shape = np.where(np.abs(tails.shape) < 1e-9, 1e-9, tails.shape)
    quantile = tails.threshold + tails.scale * np.expm1(-shape * np.log(p / tails.share)) / shape
    return quantile, (quantile + tails.scale - shape * tails.threshold) / (1 - shape)


def _student(dof: Array, probability: Array) -> tuple[Array, Array]:
    dof = np.minimum(dof, _GAUSSIAN)
    unit = np.sqrt((dof - 2) / dof)
    quantile = stats.t.isf(probability, dof)
    beyond = stats.t.pdf(quantile, dof) / probability * (dof + quantile**2) / (dof - 1)
    return unit * quantile, unit * beyond
