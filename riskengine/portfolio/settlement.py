"""Settlement: what of the trades to a goal can be done and paid for at one close."""

from __future__ import annotations

import numpy as np

Array = np.ndarray

NOTHING = 1e-12
"""A difference between weights that is no order: rounding."""


def unfilled(weights: Array, goal: Array) -> Array:
    """Mask ``(assets,)`` of weights that are not at their goal.

    Parameters
    ----------
    weights, goal : (assets,) fractions of wealth

    Examples
    --------
    >>> unfilled(np.array([0.5, 0.3]), np.array([0.5, 0.5]))
    array([False,  True])
    """
    return np.abs(goal - weights) > NOTHING


def settle(
    weights: Array,
    goal: Array,
    priced: Array,
    net_limit: float | None = None,
    gross_limit: float | None = None,
) -> Array:
    """Settlement: weights after those trades towards a goal that have prices and can be paid for.

    What has no price is not traded. Of the others every position is first reduced as far as its goal asks, short
    ones too. Increases then share what is left: all of them are scaled down alike until the gross exposure is at most
    ``gross_limit``, and then those that buy until the sum of the weights is at most ``net_limit``, so that a sale
    that cannot be done is not spent. No asset trades past its goal. If nothing is left undone, the goal is
    returned to the bit.

    Parameters
    ----------
    weights : (assets,) fractions of wealth before the trades; what they leave of one is cash
    goal : (assets,) wanted, negative for short positions
    priced : (assets,) whether each can be traded at this close
    net_limit, gross_limit : of the sum of the weights and of their absolute values; the goal's own if not given

    Returns
    -------
    (assets,) weights after the trades, before costs

    Examples
    --------
    A has no price and cannot be sold; B and C are bought for the cash that is there, half of what was wanted.

    >>> held, wanted = np.array([0.6, 0.0, 0.2]), np.array([0.2, 0.4, 0.4])
    >>> settle(held, wanted, np.array([False, True, True])).round(3)
    array([0.6  , 0.133, 0.267])
    >>> settle(held, wanted, np.ones(3, bool))
    array([0.2, 0.4, 0.4])
    """
    stuck = ~priced & unfilled(weights, goal)
    if net_limit is None and gross_limit is None and not stuck.any():
        return goal.copy()
    net_limit = float(goal.sum()) if net_limit is None else net_limit
    gross_limit = float(np.abs(goal).sum()) if gross_limit is None else gross_limit
    nearer_zero = np.where(np.abs(goal) < np.abs(weights), goal, weights)
    reduced = np.where(stuck, weights, np.where(weights * goal > 0, nearer_zero, 0.0))
    increase = np.where(stuck, 0.0, goal - reduced)
    gross_scale = _share(gross_limit - float(np.abs(reduced).sum()), float(np.abs(increase).sum()))
    increase = gross_scale * increase
    buys = increase > 0
    paid = float(reduced.sum() + increase[~buys].sum())
    net_scale = _share(net_limit - paid, float(increase[buys].sum()))
    full = ~stuck & (increase == goal - reduced) & ((net_scale == 1) | ~buys)
    return np.where(full, goal, reduced + np.where(buys, net_scale, 1.0) * increase)


def _share(room: float, wanted: float) -> float:
    """Which share of what is wanted there is room for."""
    return float(np.clip(room / wanted, 0.0, 1.0)) if wanted > 0 else 1.0
