"""VaR and CVaR of one day of what is held: for tomorrow, and as they would have been on the days of the last year."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskengine.calibration import Calibration, Calibrator
from riskengine.covariance.constant_correlation import conditional_variance
from riskengine.risk import TailForecaster, TailRisk, validate
from riskengine.risk.filtered_historical import fill_residuals

Array = np.ndarray

_FIGURES = {"var_95": (0.95, False), "var_99": (0.99, False), "cvar_97.5": (0.975, True)}
_LEVEL = 0.99  # that is tested
_DAYS, _HISTORY = 250, 500  # days that are tested, if so many come before
_COMPANY = 24  # of the largest holdings, whose losses help to tell the tail of the portfolios'


def held_risk(
    rows: Array, fit: Calibration, portfolios: Array, calibrator: Calibrator
) -> tuple[list[dict[str, float]], dict[str, Any] | None]:
    """Figures for tomorrow by portfolio, and tests of the first one's daily 99% VaR over the last year.

    Each portfolio, at the weights of today, is a series of its own for a :class:`~riskengine.risk.TailForecaster`.
    Before it was listed an asset did what its volatility makes of the median surprise of the day.

    Parameters
    ----------
    rows : (days, assets) returns, NaN where there is none
    fit : calibration on these rows
    portfolios : (portfolios, assets) weights
    calibrator : of the forecaster

    Returns
    -------
    ``var_95``, ``var_99`` and ``cvar_97.5`` of each portfolio, zero for one that holds nothing; a
    :class:`~riskengine.risk.validation.Validation` as a table, None without holdings or history
    """
    holds = np.abs(portfolios).sum(axis=1) > 0
    if not holds.any():
        return [dict.fromkeys(_FIGURES, 0.0) for _ in portfolios], None
    series = np.hstack([_filled(rows, fit) @ portfolios.T, _largest(rows, portfolios)])
    days = _DAYS if len(series) >= _DAYS + _HISTORY else 0
    forecaster = TailForecaster(calibrator, levels=tuple(sorted({level for level, _ in _FIGURES.values()})))
    state, past = forecaster.init(series[: len(series) - days]), []
    for row in series[len(series) - days :]:
        past.append(forecaster.forecast(state, _LEVEL))
        state = forecaster.update(state, row)
    tails = {name: (forecaster.forecast(state, level), beyond) for name, (level, beyond) in _FIGURES.items()}
    figures = [
        {name: float(_value(tail, beyond)[k]) * bool(holds[k]) for name, (tail, beyond) in tails.items()}
        for k in range(len(portfolios))
    ]
    tested = None
    if days and holds[0]:
        var, cvar = (np.array([_value(tail, beyond)[0] for tail in past]) for beyond in (False, True))
        if np.all(var > 0) and np.all(cvar > var):
            tested = validate(-series[-days:, 0], var, cvar, _LEVEL).to_dict()
    return figures, tested


def _value(tail: TailRisk, beyond: bool) -> Any:
    return tail.conditional_value_at_risk if beyond else tail.value_at_risk


def _filled(rows: Array, fit: Calibration) -> Array:
    """Returns without gaps; on a day without a single return nothing moves."""
    deviation = np.sqrt(conditional_variance(fit, rows)[:-1])
    silent = np.isnan(rows).all(axis=1)
    surprises = np.zeros_like(rows)
    surprises[~silent] = fill_residuals((rows - fit.mean) / deviation)
    return np.where(np.isnan(rows), surprises * deviation + fit.mean, rows)


def _largest(rows: Array, portfolios: Array) -> Array:
    """Returns ``(days, series)`` of the assets that the portfolios hold most of."""
    size = np.abs(portfolios).max(axis=0)
    order = np.argsort(-size, kind="stable")[:_COMPANY]
    return rows[:, order[size[order] > 0]]
