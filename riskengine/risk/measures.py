"""VaR and CVaR of one loss distribution: parametric, or from scenarios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError, SettingsError

Array = np.ndarray


@dataclass(frozen=True)
class TailRisk:
    """VaR and CVaR as positive fractions of wealth, at a confidence level and over a horizon.

    Attributes
    ----------
    value_at_risk : loss that is exceeded with probability ``1 - level``
    conditional_value_at_risk : mean loss in the worst ``1 - level`` of cases
    level : between one half and one
    horizon : days
    method : what the figures come from, like ``"student-t"`` or ``"empirical"``
    """

    value_at_risk: float | Array
    conditional_value_at_risk: float | Array
    level: float
    horizon: int
    method: str


def student_t_tail(
    volatility: float | Array,
    dof: float | Array,
    level: float = 0.99,
    horizon: int = 1,
    mean: float | Array = 0.0,
) -> TailRisk:
    """VaR and CVaR of a Student-t with the given standard deviation, in closed form (McNeil, Frey and Embrechts 2015).

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
    DataError
        If a volatility is negative. NaN is no observation, and gives NaN.

    Examples
    --------
    >>> tail = student_t_tail(0.01, dof=np.inf, level=0.99)
    >>> f"{tail.value_at_risk:.6f} {tail.conditional_value_at_risk:.6f}"
    '0.023263 0.026652'
    """
    from scipy import stats  # half a second to import, and most figures need none of it

    check_level(level)
    dof = np.asarray(dof, dtype=np.float64)
    volatility = np.asarray(volatility, dtype=np.float64)
    if np.any(dof <= 2):
        raise SettingsError("a Student-t with a finite variance needs dof above two")
    if np.any(volatility < 0):
        raise DataError("a volatility is negative: give a standard deviation over the horizon, not a return")
    finite = np.where(np.isinf(dof), 1e12, dof)
    shrink = np.sqrt((finite - 2) / finite)
    quantile = stats.t.ppf(level, finite)
    beyond = stats.t.pdf(quantile, finite) / (1 - level) * (finite + quantile**2) / (finite - 1)
    var = volatility * shrink * quantile - mean
    cvar = volatility * shrink * beyond - mean
    if np.ndim(var) == 0:
        return TailRisk(float(var), float(cvar), level, horizon, "student-t")
    return TailRisk(var, cvar, level, horizon, "student-t")


def empirical_tail(
    returns: Array, level: float = 0.99, horizon: int = 1, weights: Array | None = None
) -> TailRisk:
    """VaR and CVaR of scenarios, equally likely unless ``weights`` say otherwise.

    CVaR is the mean of the worst ``1 - level`` of the probability, with the scenario on the edge split
    (Rockafellar and Uryasev 2002), so that it is coherent in every sample; VaR is the lower quantile of
    the losses at ``level``.

    Parameters
    ----------
    returns : (scenarios,) or (scenarios, portfolios)
    level : confidence
    horizon : days that the scenarios are over; only noted
    weights : (scenarios,) relative probabilities, scaled to sum to one

    Raises
    ------
    SettingsError
        If the level lies outside (0.5, 1).
    DataError
        If there are fewer than ``1 / (1 - level)`` scenarios (with weights: effective scenarios, Kish's
        ``1 / sum p^2``), NaN or infinities among them, or weights that are not probabilities.

    Examples
    --------
    >>> tail = empirical_tail(-np.arange(1.0, 101.0), level=0.95)  # losses of 1 to 100
    >>> tail.value_at_risk, tail.conditional_value_at_risk
    (95.0, 98.0)
    """
    losses, order, reached, mass = _ranked(returns, level, weights)
    ranked = np.take_along_axis(losses, order, axis=0)
    cvar = np.sum(_share_in_tail(reached, mass) * ranked, axis=0)
    # The lower quantile is the first loss, from the worst down, that the tail does not hold whole.
    edge = np.argmax(reached > mass + 1e-9, axis=0)
    var = np.take_along_axis(ranked, np.expand_dims(edge, 0), axis=0)[0]
    if losses.ndim == 1:
        return TailRisk(float(var), float(cvar), level, horizon, "empirical")
    return TailRisk(var, cvar, level, horizon, "empirical")


def tail_weights(returns: Array, level: float, weights: Array | None = None) -> Array:
    """Probability within the worst ``1 - level`` of each scenario, same shape as ``returns``; sums to one.

    Parameters and errors are those of :func:`empirical_tail`. Scenarios with equal losses on the edge
    fill it in their order.

    Examples
    --------
    >>> tail_weights(np.array([0.02, -0.03, 0.01, -0.01, 0.0]), level=0.7).round(3)  # 1.5 scenarios
    array([0.   , 0.667, 0.   , 0.333, 0.   ])
    """
    losses, order, reached, mass = _ranked(returns, level, weights)
    shares = np.empty(losses.shape)
    np.put_along_axis(shares, order, _share_in_tail(reached, mass), axis=0)
    return shares


def check_level(level: float) -> None:
    """Refuse a confidence level outside (0.5, 1).

    Raises
    ------
    SettingsError
        If it is.

    Examples
    --------
    >>> check_level(0.99)
    >>> check_level(99)
    Traceback (most recent call last):
    riskengine.errors.SettingsError: a confidence level lies between 0.5 and 1, like 0.99, not at 99
    """
    if not 0.5 < level < 1:
        raise SettingsError(f"a confidence level lies between 0.5 and 1, like 0.99, not at {level:g}")


def _ranked(returns: Array, level: float, weights: Array | None) -> tuple[Array, Array, Array, float]:
    """Losses, their order from the worst down, the probability reached by each, and that of the tail.

    Probability is counted in scenarios, so that it is a whole number where all are equally likely.
    """
    check_level(level)
    losses = -np.asarray(returns, dtype=np.float64)
    if losses.ndim not in (1, 2):
        raise DataError(f"scenarios have shape (scenarios,) or (scenarios, portfolios), not {losses.shape}")
    scenarios = len(losses)
    needed = np.round(1 / (1 - level), 6)
    if weights is None:
        likely, effective = np.ones(scenarios), float(scenarios)
    else:
        likely = _relative_probabilities(weights, scenarios)
        effective = scenarios**2 / float(np.sum(likely**2))
    if np.round(effective, 6) < needed:
        raise DataError(
            f"{effective:g} scenarios are too few for a level of {level:g}: "
            f"at least {int(np.ceil(needed))} are needed; bring more or lower the level"
        )
    if np.isnan(losses).any():
        raise DataError("scenarios hold NaN: drop or fill them first")
    if np.isinf(losses).any():
        raise DataError("scenarios hold infinite returns: look for prices of zero and drop them first")
    order = np.argsort(-losses, axis=0, kind="stable")
    return losses, order, np.cumsum(likely[order], axis=0), float(np.round(scenarios * (1 - level), 9))


def _relative_probabilities(weights: Array, scenarios: int) -> Array:
    """Scaled to a mean of one."""
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (scenarios,):
        raise DataError(f"weights have shape ({scenarios},), one a scenario, not {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
        raise DataError("weights are probabilities: finite, none negative, and not all zero")
    return weights * (scenarios / weights.sum())


def _share_in_tail(reached: Array, mass: float) -> Array:
    """Of the tail's probability, the share of each scenario, from the worst down."""
    return np.diff(np.minimum(reached, mass), axis=0, prepend=0.0) / mass
