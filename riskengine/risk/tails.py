"""VaR and CVaR of one loss distribution: parametric, or from scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from riskengine.errors import DataError, SettingsError

Array = np.ndarray


@dataclass(frozen=True)
class TailRisk:
    """Positive losses, as fractions of wealth, at a confidence level and over a horizon.

    Attributes
    ----------
    value_at_risk : loss that is exceeded with probability ``1 - level``
    conditional_value_at_risk : mean loss in the worst ``1 - level`` of cases
    level : between one half and one
    horizon : days
    """

    value_at_risk: float | Array
    conditional_value_at_risk: float | Array
    level: float
    horizon: int


def student_t_tail(
    volatility: float | Array,
    dof: float | Array,
    level: float = 0.99,
    horizon: int = 1,
    mean: float | Array = 0.0,
) -> TailRisk:
    """Closed form for a Student-t with the given standard deviation (McNeil, Frey and Embrechts 2015).

    Parameters
    ----------
    volatility : standard deviation over the horizon, not per day: nothing is scaled here
    dof : above two; infinite is Gaussian
    level : confidence
    horizon : days that volatility and mean are over; only noted
    mean : expected return over the horizon

    Raises
    ------
    SettingsError
        If the level lies outside (0.5, 1) or a dof at or below two.

    Examples
    --------
    >>> tail = student_t_tail(0.01, dof=np.inf, level=0.99)
    >>> f"{tail.value_at_risk:.6f} {tail.conditional_value_at_risk:.6f}"
    '0.023263 0.026652'
    """
    check_level(level)
    dof = np.asarray(dof, dtype=np.float64)
    if np.any(dof <= 2):
        raise SettingsError("a Student-t with a finite variance needs dof above two")
    finite = np.where(np.isinf(dof), 1e12, dof)
    shrink = np.sqrt((finite - 2) / finite)
    quantile = stats.t.ppf(level, finite)
    beyond = stats.t.pdf(quantile, finite) / (1 - level) * (finite + quantile**2) / (finite - 1)
    var = volatility * shrink * quantile - mean
    cvar = volatility * shrink * beyond - mean
    if np.ndim(var) == 0:
        return TailRisk(float(var), float(cvar), level, horizon)
    return TailRisk(var, cvar, level, horizon)


def empirical_tail(returns: Array, level: float = 0.99, horizon: int = 1) -> TailRisk:
    """VaR and CVaR of equally likely scenarios.

    CVaR is the mean of the worst ``1 - level`` of the probability, with the scenario on the edge split
    (Rockafellar and Uryasev 2002), so that it is coherent in every sample; VaR is the lower quantile of
    the losses at ``level``.

    Parameters
    ----------
    returns : (scenarios,) or (scenarios, portfolios)
    level : confidence
    horizon : days that the scenarios are over; only noted

    Raises
    ------
    SettingsError
        If the level lies outside (0.5, 1).
    DataError
        If there are fewer than ``1 / (1 - level)`` scenarios, or NaN among them.

    Examples
    --------
    >>> tail = empirical_tail(-np.arange(1.0, 101.0), level=0.95)  # losses of 1 to 100
    >>> tail.value_at_risk, tail.conditional_value_at_risk
    (95.0, 98.0)
    """
    weights = tail_weights(returns, level)
    losses = -np.asarray(returns, dtype=np.float64)
    cvar = np.sum(weights * losses, axis=0)
    edge = int(np.ceil(np.round(len(losses) * level, 9))) - 1
    var = np.partition(losses, edge, axis=0)[edge]
    if losses.ndim == 1:
        return TailRisk(float(var), float(cvar), level, horizon)
    return TailRisk(var, cvar, level, horizon)


def tail_weights(returns: Array, level: float) -> Array:
    """Probability within the worst ``1 - level`` of each scenario, same shape as ``returns``; sums to one.

    Raises as :func:`empirical_tail`.
    """
    check_level(level)
    losses = -np.asarray(returns, dtype=np.float64)
    scenarios = len(losses)
    if scenarios < np.round(1 / (1 - level), 6):
        raise DataError(
            f"{scenarios} scenarios are too few for a level of {level:g}: "
            f"at least {int(np.ceil(1 / (1 - level)))} are needed"
        )
    if np.isnan(losses).any():
        raise DataError("scenarios hold NaN: drop or fill them first")
    mass = scenarios * (1 - level)  # in scenarios
    rank = np.empty(losses.shape)
    order = np.argsort(-losses, axis=0, kind="stable")
    np.put_along_axis(
        rank, order, np.arange(scenarios, dtype=float).reshape(-1, *[1] * (losses.ndim - 1)) + 0 * losses, 0
    )
    return np.clip(mass - rank, 0, 1) / mass


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0.5, 1)."""
    if not 0.5 < level < 1:
        raise SettingsError(f"a confidence level lies between 0.5 and 1, like 0.99, not at {level:g}")
