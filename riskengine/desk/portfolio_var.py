"""VaR and CVaR of one day of what is held: for tomorrow, and as they would have been on the days of the last year."""

from __future__ import annotations

from typing import Any

import numpy as np

from riskengine.calibration import Calibrator
from riskengine.risk import TailForecaster, TailRisk, validate

Array = np.ndarray

_FIGURES = {"var_95": (0.95, False), "var_99": (0.99, False), "cvar_97.5": (0.975, True)}
_LEVEL = 0.99  # that is tested
_DAYS, _HISTORY = 250, 500  # days that are tested, if so many come before


def held_risk(
    rows: Array, portfolios: Array, calibrator: Calibrator
) -> tuple[list[dict[str, float]], dict[str, Any] | None]:
    """Risk of the next day by portfolio, and tests of the first one's daily 99% VaR over the last year.

    The forecaster is that of a backtest, :class:`~riskengine.risk.TailForecaster`, with today's weights all through
    the past.

    Parameters
    ----------
    rows : (days, assets) returns, NaN where there is none
    portfolios : (portfolios, assets) weights
    calibrator : of the forecaster

    Returns
    -------
    ``var_95``, ``var_99`` and ``cvar_97.5`` of each portfolio, zero for one that holds nothing; a
    :class:`~riskengine.risk.validation.Validation` as a table, None without holdings or history

    Examples
    --------
    >>> from riskengine.calibration import ArchReference
    >>> rows = 0.01 * np.random.default_rng(0).standard_t(5, (250, 2))
    >>> figures, tests = held_risk(rows, np.array([[0.5, 0.5], [0.0, 0.0]]), ArchReference())
    >>> [f"{figures[0][name]:.3f}" for name in ("var_95", "var_99")], figures[1]["var_99"], tests
    (['0.012', '0.020'], 0.0, None)
    """
    holds = np.abs(portfolios).sum(axis=1) > 0
    if not holds.any():
        return [dict.fromkeys(_FIGURES, 0.0) for _ in portfolios], None
    days = _DAYS if len(rows) >= _DAYS + _HISTORY else 0
    forecaster = TailForecaster(calibrator, levels=tuple(sorted({level for level, _ in _FIGURES.values()})))
    state, past = forecaster.init(rows[: len(rows) - days], portfolios), []
    for row in rows[len(rows) - days :]:
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
            tested = validate(-state.returns[-days:, 0], var, cvar, _LEVEL).to_dict()
    return figures, tested


def _value(tail: TailRisk, beyond: bool) -> Any:
    return tail.conditional_value_at_risk if beyond else tail.value_at_risk
