"""Weights as a solver leaves them, made exact; and which limits they reach."""

from __future__ import annotations

import numpy as np

from riskengine.portfolio.situation import Situation, chosen_names

Array = np.ndarray
_CLEAN = 1e-7
_CLOSE = 1e-6


def trimmed(weights: Array, lower: Array, upper: Array, budget: tuple[float, float]) -> Array:
    """Weights inside their bounds, dust to zero, the sum of them in its range to the last digit.

    Parameters
    ----------
    weights, lower, upper : (assets,)
    budget : least and greatest sum
    """
    weights = np.clip(np.where(np.abs(weights) < _CLEAN, 0.0, weights), lower, upper)
    for _ in range(5):
        total = weights.sum()
        missing = min(max(total, budget[0]), budget[1]) - total
        room = (upper - weights) if missing > 0 else (weights - lower)
        held = np.where(weights != 0, room, 0.0)
        if held.sum() >= abs(missing):  # else what is held is full, and dust must come back
            room = held
        if abs(missing) < 1e-15 or room.sum() <= 0:
            break
        weights = np.clip(weights + missing * room / room.sum(), lower, upper)
    return weights


def binding(weights: Array, today: Situation) -> tuple[str, ...]:
    """Names of the limits that the weights ``(assets,)`` reach, or exceed where they are soft."""
    settings, lower, upper = today.constraints, today.lower, today.upper
    open_ = lower < upper
    reached = open_ & (weights > upper - _CLOSE)
    names = [f"upper bound of {a}" for a in chosen_names(today.assets, reached)]
    reached = open_ & (weights < lower + _CLOSE) & (lower != 0)
    names += [f"lower bound of {a}" for a in chosen_names(today.assets, reached)]
    for limit, row in zip(settings.rows, today.rows, strict=True):
        if row @ weights > limit.upper - _CLOSE:
            names.append(f"{limit} <= {limit.upper:g}")
        if row @ weights < limit.lower + _CLOSE:
            names.append(f"{limit} >= {limit.lower:g}")
    trades = np.abs(weights - today.previous)
    if trades.sum() > today.turnover - _CLOSE:
        names.append("turnover")
    if settings.leverage is not None and np.abs(weights).sum() > settings.leverage - _CLOSE:
        names.append("leverage")
    reached = today.tradable & (trades > today.greatest_trades - _CLOSE)
    names += [f"participation in {a}" for a in chosen_names(today.assets, reached)]
    least, most = settings.budget_range
    if least < most:
        names += ["budget (least)"] if weights.sum() < least + _CLOSE else []
        names += ["budget (most)"] if weights.sum() > most - _CLOSE else []
    return tuple(names)
