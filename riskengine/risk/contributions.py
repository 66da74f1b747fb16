"""How much each holding adds to the risk of the whole. Contributions add up exactly."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from riskengine.covariance.base import Covariance
from riskengine.errors import DataError
from riskengine.market.checks import as_weights
from riskengine.risk.measures import TailRisk, empirical_tail, student_t_tail, tail_weights

Array = np.ndarray


def volatility_contributions(covariance: Covariance, weights: Array) -> Array:
    """Euler contributions ``w_i (Sigma w)_i / sigma`` to the portfolio's standard deviation, ``(assets,)``.

    All zero for a portfolio without risk.

    Raises
    ------
    DataError
        If the weights are not finite, or not one an asset.

    Examples
    --------
    >>> c = Covariance.dense(np.diag([0.04, 0.09]))
    >>> volatility_contributions(c, np.array([0.6, 0.4])).round(4)
    array([0.0849, 0.0849])
    """
    weights = _weights(weights, len(covariance.specific))
    pull = covariance.loadings @ (covariance.loadings.T @ weights) + covariance.specific * weights
    deviation = np.sqrt(covariance.variance(weights))
    # Adding zero makes 0.0 of the -0.0 that no holding times a negative pull is.
    return weights * pull / deviation + 0.0 if deviation > 0 else np.zeros_like(weights)


def student_t_contributions(
    covariance: Covariance, weights: Array, dof: float, level: float = 0.99, expected: Array | None = None
) -> TailRisk:
    """Contributions to the Student-t VaR and CVaR of a portfolio, over the covariance's horizon.

    In an elliptical law they are proportional to those of the volatility, less the expected returns
    (McNeil, Frey and Embrechts 2015).

    Parameters
    ----------
    covariance : per day; the figures are for returns over its horizon
    weights : (assets,)
    dof : of the portfolio's return, above two; infinite is Gaussian
    level : confidence
    expected : (assets,) expected returns over the same horizon; zero if left out

    Returns
    -------
    TailRisk whose figures are ``(assets,)`` and add up to those of the portfolio

    Raises
    ------
    DataError
        If weights or expected returns are not finite, or not one an asset.
    SettingsError
        As :func:`riskengine.risk.student_t_tail`.

    Examples
    --------
    >>> c = Covariance.dense(np.diag([0.04, 0.09]))
    >>> parts = student_t_contributions(c, np.array([0.6, 0.4]), dof=np.inf, level=0.95)
    >>> parts.value_at_risk.round(4)
    array([0.1396, 0.1396])
    """
    assets = len(covariance.specific)
    weights = _weights(weights, assets)
    parts = volatility_contributions(covariance, weights)
    drift = 0.0 if expected is None else weights * _weights(expected, assets, "expected returns")
    unit = student_t_tail(np.sqrt(covariance.horizon), dof, level, covariance.horizon)
    return TailRisk(
        parts * unit.value_at_risk - drift,
        parts * unit.conditional_value_at_risk - drift,
        level,
        covariance.horizon,
        unit.method,
    )


def scenario_contributions(
    scenarios: Array, weights: Array, level: float = 0.99, horizon: int = 1
) -> TailRisk:
    """Contributions to the empirical VaR and CVaR of a portfolio.

    A holding's share of CVaR is its mean loss in the tail (Tasche 2002). Its share of VaR is its mean
    loss in scenarios whose portfolio loss is near VaR, weighted by a Gaussian kernel in the spirit of
    Epperlein and Smillie (2006), then scaled so that the shares add up. Where the scale would be below a
    half or above two (a VaR near zero, or few scenarios near it) the kernel has missed the neighbourhood,
    and the shares are the losses in the VaR scenario itself.

    Parameters
    ----------
    scenarios : (scenarios, assets) returns over the horizon
    weights : (assets,)
    level : confidence
    horizon : days that the scenarios are over; only noted

    Returns
    -------
    TailRisk whose figures are ``(assets,)`` and add up to those of the portfolio

    Raises
    ------
    DataError
        If the weights are not finite or not one an asset, or as :func:`riskengine.risk.empirical_tail`.
    SettingsError
        If the level lies outside (0.5, 1).

    Examples
    --------
    >>> scenarios = np.column_stack([-np.arange(1.0, 101.0), np.ones(100)]) / 100
    >>> parts = scenario_contributions(scenarios, np.array([0.5, 0.5]), level=0.95)
    >>> parts.conditional_value_at_risk.round(4)  # the second asset is a hedge
    array([ 0.49 , -0.005])
    """
    scenarios = np.asarray(scenarios, dtype=np.float64)
    if scenarios.ndim != 2:
        raise DataError(f"scenarios have shape (scenarios, assets), not {scenarios.shape}")
    weights = _weights(weights, scenarios.shape[1])
    losses = 0.0 - scenarios * weights  # not the negative, which would make -0.0 of what is not held
    total = losses.sum(axis=1)
    tail = empirical_tail(-total, level, horizon)
    cvar = tail_weights(-total, level) @ losses
    var = _near(losses, total, float(tail.value_at_risk))
    return TailRisk(var, cvar, level, horizon, tail.method)


def _near(losses: Array, total: Array, value_at_risk: float) -> Array:
    """Mean losses ``(assets,)`` where the ``total`` is near VaR, scaled to add up to it."""
    # Silverman's rule for the density of the total; a total that never moves is near everywhere.
    bandwidth = max(1.06 * total.std() * len(total) ** -0.2, np.finfo(float).tiny)
    with np.errstate(over="ignore"):  # an infinite distance has no weight
        kernel = norm.pdf((total - value_at_risk) / bandwidth)
    near = kernel @ losses / kernel.sum()
    sum_near = near.sum()
    if abs(value_at_risk) <= 2 * abs(sum_near) <= 4 * abs(value_at_risk) and value_at_risk * sum_near > 0:
        return near * (value_at_risk / sum_near)
    return losses[np.argmin(np.abs(total - value_at_risk))]


def _weights(weights: Array, assets: int, name: str = "weights") -> Array:
    return as_weights(weights, assets, name)
