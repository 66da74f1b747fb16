"""Weights as a solver leaves them, made exact; and which limits they reach."""

from __future__ import annotations

import numpy as np

from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.trading_state import TradingState, chosen_names

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


def polished(
    constraints: Constraints, state: TradingState, solved: Array, part: Array | None = None
) -> Array:
    """Weights that were solved, or a ``part`` of the way to them, exactly within their bounds and budget.

    Where bounds are soft, what was solved may be beyond them; what may not be held is not held in any case.
    """
    soft, weights = constraints.soft, solved if part is None else part
    lower = np.minimum(state.lower, solved) if "lower" in soft else state.lower
    upper = np.maximum(state.upper, solved) if "upper" in soft else state.upper
    lower, upper = np.where(state.tradable, lower, 0.0), np.where(state.tradable, upper, 0.0)
    total = float(weights.sum())
    budget = (total, total) if "budget" in soft else constraints.budget_range
    return trimmed(weights, lower, upper, budget)


def binding(weights: Array, state: TradingState) -> tuple[str, ...]:
    """Names of the limits that the weights ``(assets,)`` reach, or exceed where they are soft."""
    settings, lower, upper = state.constraints, state.lower, state.upper
    open_ = lower < upper
    reached = open_ & (weights > upper - _CLOSE)
    names = [f"upper bound of {a}" for a in chosen_names(state.assets, reached)]
    reached = open_ & (weights < lower + _CLOSE) & (lower != 0)
    names += [f"lower bound of {a}" for a in chosen_names(state.assets, reached)]
    for limit, row in zip(settings.rows, state.rows, strict=True):
        if row @ weights > limit.upper - _CLOSE:
            names.append(f"{limit} <= {limit.upper:g}")
        if row @ weights < limit.lower + _CLOSE:
            names.append(f"{limit} >= {limit.lower:g}")
    trades = np.abs(weights - state.previous)
    if trades.sum() > state.turnover - _CLOSE:
        names.append("turnover")
    if settings.leverage is not None and np.abs(weights).sum() > settings.leverage - _CLOSE:
        names.append("leverage")
    reached = state.tradable & (trades > state.greatest_trades - _CLOSE)
    names += [f"participation in {a}" for a in chosen_names(state.assets, reached)]
    least, most = settings.budget_range
    if least < most:
        names += ["budget (least)"] if weights.sum() < least + _CLOSE else []
        names += ["budget (most)"] if weights.sum() > most - _CLOSE else []
    return tuple(names)
