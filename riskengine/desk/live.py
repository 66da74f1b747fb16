"""Risk row by row: returns in, variances and VaR of given holdings out; recalibrated on a rolling window."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from riskengine.calibration import Calibrator
from riskengine.covariance import Margin, Refit
from riskengine.desk.short_history import ShortHistory
from riskengine.errors import DataError, ImplausibleError, SettingsError
from riskengine.market import STALE_AFTER, as_returns, as_row, as_weights
from riskengine.market.checks import LARGEST
from riskengine.risk import check_level, empirical_tail
from riskengine.risk.scenario_model import principal_correlation
from riskengine.serialization import pack, unpack

Array = np.ndarray

_JUMP = 4.0
"""Standard deviations above which a move over a gap is taken to have happened on one day of it."""

_UNUSUAL = 25.0
"""Multiples of an asset's mean absolute return beyond which a return is flagged."""

_CROWD = (40.0, 15.0)
"""Such a multiple in the middle of a row that no market has seen; and one that is not seen with both signs in it."""

_FURTHEST = 500
"""Rows that may be skipped between two at most; variances are at their long-run level by then."""


@dataclass(frozen=True)
class LiveSettings:
    """Settings of a live engine.

    Attributes
    ----------
    window : days that calibration and filtered history rest on
    levels : confidence levels of VaR and CVaR
    recalibrate : rows from one calibration to the next; 0 for never
    stale_after : rows without a return after which a holding is called stale
    """

    window: int = 1000
    levels: tuple[float, ...] = (0.95, 0.99)
    recalibrate: int = 21
    stale_after: int = STALE_AFTER

    def __post_init__(self) -> None:
        for level in self.levels:
            check_level(level)
        if self.stale_after < 1:
            raise SettingsError(f"a holding is stale after one row or more, not {self.stale_after}")
        if self.recalibrate < 0:
            raise SettingsError(f"rows between calibrations are 0 or more, not {self.recalibrate}")
        if self.window * (1 - max(self.levels, default=0.5)) < 1:
            raise SettingsError(
                f"a window of {self.window} days has no tail at {max(self.levels):g}: lengthen it"
            )

    @property
    def refit(self) -> Refit | None:
        """The rhythm of calibrations; None for never."""
        return Refit(self.recalibrate) if self.recalibrate else None


@dataclass(frozen=True)
class LiveRisk:
    """Risk of the holdings over the next period, that of a row, as fractions of wealth.

    Attributes
    ----------
    rows : taken since the start
    volatility : per period
    value_at_risk, conditional_value_at_risk : by level, filtered historical simulation of one period; a level that the
        window has too few days for is left out
    missing : assets without a return in the row
    recalibrated : whether the row led to a new calibration
    fell_back : assets whose parameters are borrowed
    unsupported : levels that are left out
    missing_names : of the assets without a return
    spans : periods that a return of the row spans, of the assets that were missing before it
    stale : holdings without a return for longer than the settings allow
    implausible : what is hard to believe about the return of a holding, by name
    short_history : holdings listed within the window, by name: days that are filled by the moves of the others
    """

    rows: int
    volatility: float
    value_at_risk: dict[float, float]
    conditional_value_at_risk: dict[float, float]
    missing: int
    recalibrated: bool
    fell_back: int
    unsupported: tuple[float, ...] = ()
    missing_names: tuple[str, ...] = ()
    spans: dict[str, int] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    implausible: dict[str, str] = field(default_factory=dict)
    short_history: dict[str, int] = field(default_factory=dict)

    @property
    def flagged(self) -> bool:
        """Whether a person should look."""
        return bool(self.stale or self.implausible or self.unsupported)

    def exceeded(self, outcome: float) -> list[str]:
        """Levels whose VaR a return of the holdings goes beyond, as they are named in a line of output."""
        return [f"var_{100 * level:g}" for level, value in self.value_at_risk.items() if -outcome > value]

    def to_dict(self) -> dict[str, Any]:
        """For a line of JSON; what is empty is left out, a level that has no figure is null."""
        tails: dict[str, float | None] = {}
        for name, table in (("var", self.value_at_risk), ("cvar", self.conditional_value_at_risk)):
            tails |= {f"{name}_{100 * level:g}": value for level, value in table.items()}
            tails |= {f"{name}_{100 * level:g}": None for level in self.unsupported}
        rest: dict[str, Any] = {
            "missing": self.missing,
            "recalibrated": self.recalibrated,
            "fell_back": self.fell_back,
        }
        marks: dict[str, Any] = {
            "missing_names": list(self.missing_names),
            "spans": self.spans,
            "stale": list(self.stale),
            "implausible": self.implausible,
            "short_history": self.short_history,
        }
        rest |= {name: value for name, value in marks.items() if value}
        return {"row": self.rows, "volatility": self.volatility, **tails, **rest}


def _usual(rows: Array) -> Array:
    """Mean absolute return of each asset over the days on which it moved."""
    size = np.abs(np.nan_to_num(rows))
    return size.sum(axis=0) / np.maximum((size > 0).sum(axis=0), 1)


class LiveEngine:
    """Live engine: variances of a universe and the risk of a portfolio, updated with every row.

    The windows are rings that are written in place; :meth:`snapshot` gives all that evolves as bytes, and an engine
    restored from them goes on bit by bit as the first one would have.

    Parameters
    ----------
    calibrator : network, maximum likelihood, ...
    returns : (days, assets) history; the last ``window`` rows are used, and there must be two
    assets : names
    weights : (assets,) of the portfolio, fractions of wealth; or by name
    settings : see there

    Raises
    ------
    DataError
        As :func:`riskengine.market.checks.as_returns` and :func:`~riskengine.market.checks.as_weights`, or if the names
        are not those of the returns.

    Examples
    --------
    >>> from riskengine.calibration import MaximumLikelihood
    >>> history = 0.01 * np.random.default_rng(0).standard_normal((300, 2))
    >>> settings = LiveSettings(window=250, recalibrate=0)
    >>> engine = LiveEngine(MaximumLikelihood(), history, ("A", "B"), np.array([0.5, 0.5]), settings)
    >>> calm, wild = engine.update(np.array([0.0, 0.001])), engine.update(np.array([-0.05, -0.04]))
    >>> wild.rows, bool(wild.volatility >= calm.volatility)
    (2, True)
    """

    def __init__(
        self,
        calibrator: Calibrator,
        returns: Array,
        assets: tuple[str, ...],
        weights: Array,
        settings: LiveSettings | None = None,
    ) -> None:
        self.calibrator, self.assets, self.settings = calibrator, tuple(assets), settings or LiveSettings()
        self.weights = as_weights(weights, self.assets)
        matrix, names = as_returns(returns, shortest=2)
        if len(names) != len(self.assets) or (hasattr(returns, "columns") and names != self.assets):
            raise DataError(
                f"returns of {len(names)} assets ({', '.join(names[:3])}, ...) for {len(self.assets)} names "
                f"({', '.join(self.assets[:3])}, ...): hand in one column an asset, in their order"
            )
        rows = matrix[-self.settings.window :]
        n = len(self.assets)
        self.rows = 0
        self._returns = np.full((self.settings.window, n), np.nan)
        self._returns[-len(rows) :] = rows
        seen = ~np.isnan(rows)
        self.idle = np.where(seen.any(axis=0), np.argmax(seen[::-1], axis=0), len(rows))
        self._calibrate()
        self._waiting = self.idle * self.variance

    def _calibrate(self) -> None:
        """New parameters on the window, whose residuals are then those of the new parameters."""
        ordered = np.roll(self._returns, -(self.rows % self.settings.window), axis=0)
        first = int(np.argmax(~np.isnan(ordered).all(axis=1)))
        rows = ordered[first:]
        self._margin, variance = Margin.of(self.calibrator, rows)
        residuals = np.full(self._returns.shape, np.nan)
        np.subtract(rows, self._margin.fit.mean, out=residuals[first:])
        residuals[first:] /= np.sqrt(variance)
        # Row k of the stream stands at place k of the ring.
        self._residuals = np.roll(residuals, self.rows % self.settings.window, axis=0)
        self._usual = _usual(rows)
        self._expose()

    def _expose(self) -> None:
        """Surprises of what is held alone, zero where there is none: a row a day is all that changes."""
        self._held = np.flatnonzero(self.weights)
        self._fell_back = sum(status.fell_back for status in self._margin.fit.status)
        self._exposed = self._residuals[:, self._held]  # a copy
        missing = np.isnan(self._exposed)
        self._short = ShortHistory.of(self._residuals, self._held, self.rows % self.settings.window)
        known = ~missing.all(axis=1) | self._short.unlisted.any(axis=1)
        self._seen: Array = np.array(known | (not len(self._held)))
        self._exposed[missing] = 0.0

    @property
    def variance(self) -> Array:
        """Of the next period's returns ``(assets,)``."""
        return self._margin.variance

    def reweigh(self, weights: Array) -> None:
        """Hold other weights ``(assets,)`` from now on.

        Raises
        ------
        DataError
            As :func:`riskengine.market.checks.as_weights`.
        """
        self.weights = as_weights(weights, self.assets)
        self._expose()

    def check(self, row: Any, spanning: bool = False) -> tuple[Array, dict[str, str]]:
        """The row as numbers, and what is hard to believe about the returns of holdings, by name.

        Parameters
        ----------
        row, spanning : as in :meth:`update`

        Raises
        ------
        ImplausibleError
            If most of the row is of a size that these assets never move by: percentages, as a rule.
        DataError
            As :func:`riskengine.market.checks.as_row`.
        """
        row = as_row(row, self.assets, largest=LARGEST)
        usual = np.maximum(self._usual, 1e-5) * (np.sqrt(self.idle + 1.0) if spanning else 1.0)
        times = np.abs(row) / usual
        seen = times[~np.isnan(times)]
        if len(seen) > 2:
            middle, ups = float(np.median(seen)), np.mean(row[~np.isnan(row)] > 0)
            both = 0.2 <= ups <= 0.8
            if middle > (_CROWD[1] if both else _CROWD[0]):
                raise ImplausibleError(
                    f"these returns are {middle:.0f} times the usual ones in the middle: are they percentages? Returns "
                    "are fractions, 0.01 for one percent"
                )
        odd = self._held[(times[self._held] > _UNUSUAL) & (np.abs(row[self._held]) > 0.2)]
        return row, {
            self.assets[
                k
            ]: f"{row[k]:+.1%} is {times[k]:.0f} times its usual move: a split, a percentage, or news?"
            for k in odd
        }

    def update(self, row: Any, spanning: bool = False, skipped: int = 0) -> LiveRisk:
        """Take one row of returns ``(assets,)``, NaN where there is none, or by name.

        A missing return moves the variance by its expectation. Where ``spanning`` is set, the next return of the asset
        is one over all periods since its last: it is taken as a return of one period, of the size that has the
        variance of one. A move of more than four standard deviations is not shared out: heavy tails have such moves
        on a single day.

        Parameters
        ----------
        row : returns
        spanning : whether a return reaches back to the last row that had one, as those made of prices do
        skipped : periods between the last row and this one in which nothing came for any asset

        Raises
        ------
        DataError
            As :meth:`check`; the engine is then as it was.
        """
        row, implausible = self.check(row, spanning)
        for _ in range(min(skipped, _FURTHEST)):
            self._wait(np.ones(len(self.assets), bool))
            self._margin = self._margin.moved(np.full(len(self.assets), np.nan))
        missing = np.isnan(row)
        spans = np.flatnonzero(~missing & (self.idle > 0)) if spanning else np.zeros(0, int)
        periods = {self.assets[k]: int(self.idle[k]) + 1 for k in spans}
        row = row.copy()
        row[spans] = self._of_one_period(row[spans], spans)
        place = self.rows % self.settings.window
        self._returns[place] = row
        residual = self._margin.residual(row)
        self._residuals[place] = residual
        self._exposed[place] = np.nan_to_num(residual[self._held])
        self._seen[place] = not np.isnan(residual[self._held]).all() or not len(self._held)
        begun = self._short.take(place)
        self._wait(missing)
        self._margin = self._margin.moved(row)
        self.rows += 1
        refit = self.settings.refit
        anew = refit is not None and refit.ends_with(self.rows)
        if anew:
            self._calibrate()
        elif begun:
            self._expose()
        names = tuple(self.assets[k] for k in np.flatnonzero(missing))
        return replace(
            self.risk(len(names), anew), missing_names=names, spans=periods, implausible=implausible
        )

    def _wait(self, missing: Array) -> None:
        """Count the period for the assets that have no return in it, and end the waiting of the others."""
        self.idle = np.where(missing, self.idle + 1, 0)
        self._waiting = np.where(missing, self._waiting + self.variance, 0.0)

    def _of_one_period(self, returns: Array, index: Array) -> Array:
        """Returns of one period in place of returns over all periods since the last."""
        now, before = self.variance[index], self._waiting[index]
        shock = returns - self._margin.fit.mean[index] * (self.idle[index] + 1)
        shared = shock * np.sqrt(now / (now + before))
        # The missing periods have been given their expected squares already.
        single = np.sign(shock) * np.sqrt(np.maximum(shock**2 - before, 0))
        jump = shock**2 > _JUMP**2 * (now + before)
        return np.maximum(np.where(jump, single, shared) + self._margin.fit.mean[index], -1 + 1e-9)

    def risk(self, missing: int = 0, recalibrated: bool = False) -> LiveRisk:
        """Risk of the holdings as known now.

        Days of the window on which an asset has no residual count as zero for it, but for those before its first
        return: see :class:`~riskengine.desk.short_history.ShortHistory`.
        """
        scale = np.sqrt(self.variance[self._held]) * self.weights[self._held]
        past = self._exposed @ scale + self._short.outcome(scale)
        past = past[self._seen] if self._seen.any() else np.zeros(len(past))
        var, cvar, unsupported = {}, {}, []
        for level in self.settings.levels:
            if len(past) * (1 - level) >= 1 - 1e-9:
                tail = empirical_tail(past, level)
                var[level], cvar[level] = float(tail.value_at_risk), float(tail.conditional_value_at_risk)
            else:
                unsupported.append(level)
        volatility = float(np.sqrt(np.mean(past**2)))
        stale = self._held[self.idle[self._held] > self.settings.stale_after]
        return LiveRisk(
            self.rows,
            volatility,
            var,
            cvar,
            missing,
            recalibrated,
            self._fell_back,
            tuple(unsupported),
            stale=tuple(self.assets[k] for k in stale),
            short_history=self.short_history,
        )

    @property
    def short_history(self) -> dict[str, int]:
        """Holdings listed within the window, by name: the days before, which stand for them as others moved.

        One that lacks no more days than a holding may lack before it is stale is not named.
        """
        filled = self._short.filled
        return {
            self.assets[self._held[k]]: int(filled[k])
            for k in np.flatnonzero(filled > self.settings.stale_after)
        }

    def correlation(self, factors: int = 20) -> tuple[Array, Array]:
        """Loadings and specific parts of the residuals' correlation; the variances make a covariance of it."""
        return principal_correlation(np.nan_to_num(self._residuals), factors)

    def snapshot(self) -> bytes:
        """Everything that evolves, as :func:`riskengine.serialization.pack` writes it."""
        return pack({name: getattr(self, name) for name in _EVOLVES})

    @classmethod
    def restore(cls, content: bytes, calibrator: Calibrator) -> LiveEngine:
        """The engine that a snapshot was taken of.

        Raises
        ------
        DataError
            If this is no snapshot.
        """
        found = unpack(content)
        if not isinstance(found, dict) or tuple(found) != _EVOLVES:
            raise DataError("this is no snapshot of a live engine, or one of another version")
        engine = cls.__new__(cls)
        engine.calibrator = calibrator
        for name, value in found.items():
            setattr(engine, name, value)
        engine._expose()
        return engine


_EVOLVES = (
    "assets", "settings", "rows", "weights", "idle", "_returns", "_residuals", "_margin", "_waiting", "_usual",
)  # fmt: skip
"""Attributes of a live engine that its next row rests on."""
