"""How much each holding adds to the risk of the whole. Contributions add up exactly."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from riskengine.covariance.contract import Covariance
from riskengine.risk.tails import TailRisk, empirical_tail, student_t_tail, tail_weights

Array = np.ndarray


def volatility_contributions(covariance: Covariance, weights: Array) -> Array:
    """Euler contributions ``w_i (Sigma w)_i / sigma`` to the portfolio's standard deviation, ``(assets,)``.

    All zero for a portfolio without risk.

    Examples
    --------
    >>> c = Covariance.dense(np.diag([0.04, 0.09]))
    >>> volatility_contributions(c, np.array([0.6, 0.4])).round(4)
    array([0.0849, 0.0849])
    """
    weights = np.asarray(weights, dtype=np.float64)
    pull = covariance.loadings @ (covariance.loadings.T @ weights) + covariance.specific * weights
    deviation = np.sqrt(covariance.variance(weights))
    return weights * pull / deviation if deviation > 0 else np.zeros_like(weights)


def student_t_contributions(
    covariance: Covariance, weights: Array, dof: float, level: float = 0.99, expected: Array | None = None
) -> TailRisk:
    """Contributions to the Student-t VaR and CVaR of a portfolio, over the covariance's horizon.

    In an elliptical law they are proportional to those of the volatility, less the expected returns.
    """
    parts = volatility_contributions(covariance, weights)
    drift = 0.0 if expected is None else weights * expected
    unit = student_t_tail(1.0, dof, level, covariance.horizon)
    return TailRisk(
        parts * unit.value_at_risk - drift,
        parts * unit.conditional_value_at_risk - drift,
        level,
        covariance.horizon,
    )


def scenario_contributions(
    scenarios: Array, weights: Array, level: float = 0.99, horizon: int = 1
) -> TailRisk:
    """Contributions to the empirical VaR and CVaR of a portfolio.

    A holding's share of CVaR is its mean loss in the tail (Tasche 2002). Its share of VaR is its mean
    loss in scenarios whose portfolio loss is near VaR, weighted by a Gaussian kernel in the spirit of
    Epperlein and Smillie (2006), then scaled so that the shares add up.

    Parameters
    ----------
    scenarios : (scenarios, assets) returns over the horizon
    weights : (assets,)
    """
    scenarios, weights = np.asarray(scenarios, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    losses = -scenarios * weights
    total = losses.sum(axis=1)
    tail = empirical_tail(-total, level, horizon)
    in_tail = tail_weights(-total, level)
    cvar = in_tail @ losses
    bandwidth = 1.06 * total.std() * len(total) ** -0.2
    var = np.zeros_like(weights)
    if bandwidth > 0:
        kernel = norm.pdf((total - tail.value_at_risk) / bandwidth)
        near = kernel @ losses / kernel.sum()
        if near.sum() != 0:
            var = near * (tail.value_at_risk / near.sum())
    return TailRisk(var, cvar, level, horizon)
