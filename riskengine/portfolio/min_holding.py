"""A least size of what is held at all: not convex, so a declared heuristic.

The problem is solved without it. Then, until every position is zero or large enough: positions below half
of the least size are sold and barred, those between half and all of it are raised to it, and the problem
is solved again. Each round settles at least one asset, so it ends; the result is feasible, and at least
as good as any portfolio with the same assets barred and raised, but another choice of assets may be better
(a mixed-integer quadratic program would say; none of the solvers that cvxpy brings solves those).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from riskengine.portfolio.trading_state import TradingState

Array = np.ndarray
_DUST = 1e-7


def with_least_holdings(
    state: TradingState, least: float, solve: Callable[[TradingState], Array]
) -> TradingState:
    """Limits with small positions barred or raised, so that all that is held is of the least size.

    Parameters
    ----------
    state : limits without the least size
    least : absolute weight
    solve : weights ``(assets,)`` within given limits; raises if there are none
    """
    while True:
        weights = solve(state)
        size = np.abs(weights)
        small = (size > _DUST) & (size < least * (1 - 1e-6))
        if not small.any():
            return state
        barred, raised = small & (size < least / 2), small & (size >= least / 2)
        if raised.any() and barred.any():
            raised[:] = False  # what is sold makes room: see first who grows by it
        lower, upper = state.lower.copy(), state.upper.copy()
        lower[barred] = upper[barred] = 0.0
        # A position that cannot grow to the least size, as its bound is below it, can only be sold.
        long, short = raised & (weights > 0), raised & (weights < 0)
        grows = (long & (upper >= least)) | (short & (lower <= -least))
        lower[long & grows], upper[short & grows] = least, -least
        lower[raised & ~grows] = upper[raised & ~grows] = 0.0
        state = replace(state, lower=lower, upper=upper)
