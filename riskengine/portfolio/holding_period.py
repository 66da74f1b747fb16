"""Scenarios of the holding period's returns for CVaR, made of the past and of today's forecast."""

from __future__ import annotations

import numpy as np

from riskengine.covariance import Covariance
from riskengine.risk import fill_residuals

Array = np.ndarray


def holding_period_scenarios(rows: Array, covariance: Covariance, chosen: Array, most: int) -> Array:
    """Compounded returns of overlapping stretches of the past, at today's volatility (Hull and White 1998).

    Whole days stay together, so that the dependence between assets is that of the past, tails included.

    Parameters
    ----------
    rows : (days, assets) simple returns, NaN where there was none
    covariance : forecast of all assets; its horizon is the holding period
    chosen : (assets,) which may be held; the others get zeros
    most : scenarios; evenly spread over the past if it has more

    Returns
    -------
    scenarios : (scenarios, assets), none below minus one

    Examples
    --------
    >>> rows = 0.01 * np.random.default_rng(0).standard_normal((100, 2))
    >>> forecast = Covariance.dense(np.diag([4e-4, 1e-4]), horizon=5)
    >>> holding_period_scenarios(rows, forecast, np.array([True, True]), 50).shape
    (50, 2)
    """
    past = rows[~np.isnan(rows[:, chosen]).all(axis=1)][:, chosen]
    scale = np.nanstd(past, axis=0)
    days = fill_residuals(past / np.where(scale > 0, scale, 1.0)) * covariance.volatility[chosen]
    # The mean of a few years says next to nothing about the future, and a CVaR would chase it.
    days = np.maximum(days - days.mean(axis=0), -1.0)
    length = min(covariance.horizon, len(days))
    stretches = np.lib.stride_tricks.sliding_window_view(days, length, axis=0)
    picked = np.linspace(0, len(stretches) - 1, min(most, len(stretches))).astype(int)
    scenarios = np.zeros((len(picked), len(chosen)))
    scenarios[:, chosen] = np.prod(1 + stretches[picked], axis=2) - 1
    return scenarios
