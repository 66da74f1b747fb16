"""GARCH of every series by itself, with what the universe adds: variances from day to day."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration import Calibration, Calibrator, MaximumLikelihood, UniverseCalibrator
from riskengine.calibration.universe_calibrator import CommonMargin, as_ranges
from riskengine.calibration.window_filter import filter_window
from riskengine.garch import GarchParams, expected_step, step, term_structure
from riskengine.garch.robust import VariancePair, next_pair

Array = np.ndarray


@jax.jit
def _next_hypotheses(
    params: GarchParams, today: VariancePair, row: jax.Array, contamination: jax.Array
) -> tuple[VariancePair, jax.Array]:
    """Hypotheses of the next day, and the variance that they amount to."""
    pair = next_pair(params, today, row, contamination)
    return pair, pair.variance


_ahead = jax.jit(term_structure, static_argnames="horizon")


class Margin(NamedTuple):
    """State of the GARCH filter of every series: parameters, and the variance of the next day.

    Attributes
    ----------
    fit : parameters
    garch : (series,) variance of the next day by the calibration alone
    hypotheses : of that variance, if the calibration allows for outliers
    common : what a :class:`~riskengine.calibration.universe_calibrator.UniverseCalibrator` adds
    """

    fit: Calibration
    garch: Array
    hypotheses: VariancePair | None = None
    common: CommonMargin | None = None

    @classmethod
    def of(
        cls, calibrator: Calibrator, rows: Array, ranges: Array | None = None, fit: Calibration | None = None
    ) -> tuple[Margin, Array]:
        """Calibrate and filter ``(days, series)`` rows: the margin after them, and the variances of these days.

        Parameters
        ----------
        ranges : (days, series) logarithms of high over low, which a calibrator of universes reads
        fit : a calibration that is known already
        """
        fit = calibrated(calibrator, rows) if fit is None else fit
        path = filter_window(fit, rows)
        found = cls(fit, np.asarray(path.next_variance), path.hypotheses)
        variance = np.asarray(path.variance)
        if not isinstance(calibrator, UniverseCalibrator):
            return found, variance
        components, common = calibrator.filter(fit, rows, as_ranges(ranges, rows.shape), variance)
        return found._replace(common=common), common.joined(components, variance)

    @property
    def variance(self) -> Array:
        """Of the next day ``(series,)``."""
        return self.garch if self.common is None else self.common.joined(self.common.variance, self.garch)

    def residual(self, row: Array) -> Array:
        """Standardised residual ``(series,)`` of the next day's returns."""
        return (row - self.fit.mean) / np.sqrt(self.variance)

    def moved(self, row: Array, ranges: Array | None = None) -> Margin:
        """After one more day; a missing return moves the variance by its expectation."""
        shock = row - self.fit.mean
        common = None if self.common is None else self.common.moved(row, ranges)
        if self.hypotheses is None or self.fit.contamination is None:
            params = GarchParams(*map(np.asarray, self.fit.params))
            moved = np.where(
                np.isnan(shock), expected_step(params, self.garch), step(params, self.garch, shock)
            )
            return self._replace(garch=moved, common=common)
        leaves = (
            GarchParams(*map(np.asarray, self.fit.params)),
            self.hypotheses,
            shock,
            self.fit.contamination,
        )
        with jax.enable_x64(True):
            hypotheses, garch = _next_hypotheses(*leaves)
        return self._replace(
            garch=np.asarray(garch), hypotheses=jax.tree.map(np.asarray, hypotheses), common=common
        )

    def term_structure(self, horizon: int) -> Array:
        """Expected variance of each of the next days, ``(horizon, series)``."""
        with jax.enable_x64(True):
            params = GarchParams(*map(jnp.asarray, self.fit.params))
            path = np.asarray(_ahead(params, jnp.asarray(self.garch), horizon=horizon))
        return path if self.common is None else self.common.joined(self.common.term_structure(horizon), path)


def calibrated(calibrator: Calibrator, rows: Array, previous: Calibration | None = None) -> Calibration:
    """Parameters of ``(days, series)`` rows; ``previous`` ones are where maximum likelihood starts."""
    if previous is not None and isinstance(calibrator, MaximumLikelihood):
        return calibrator(rows, start=previous)
    # A universe's variances come with the filter: its network is all that calibrates.
    return (calibrator.network if isinstance(calibrator, UniverseCalibrator) else calibrator)(rows)


def conditional_variance(fit: Calibration, returns: Array) -> Array:
    """Variance of each day given the days before it, and of the day after the last: ``(time + 1, assets)``.

    Parameters
    ----------
    fit : parameters ``(assets,)`` and the variance before the sample
    returns : (time, assets), NaN where missing

    Examples
    --------
    >>> from riskengine.calibration import Posterior, Status
    >>> from riskengine.garch import to_unconstrained
    >>> p = GarchParams(*(np.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> posterior = Posterior(np.asarray(to_unconstrained(p)), 0.1 * np.eye(5)[None])
    >>> day, none = np.array([1e-4]), np.zeros(1)
    >>> fit = Calibration(("A",), p, posterior, none, (Status.OK,), none, day, day, np.array([2]))
    >>> (1e4 * conditional_variance(fit, np.array([[-0.02], [np.nan]]))).ravel().round(3)
    array([1.  , 1.5 , 1.49])
    """
    path = filter_window(fit, returns)
    return np.vstack([path.variance, path.next_variance])
