"""What trading may cost before an advantage is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from riskengine.backtest.result import BacktestResult
from riskengine.errors import SettingsError

_NOISE = 1e-15
RATES = (0.0, 0.0005, 0.001, 0.002, 0.005)


def at_cost(result: BacktestResult, rate: float) -> BacktestResult:
    """Result under another proportional cost rate; targets and trades stay as they were.

    Parameters
    ----------
    rate : of the value traded, 0.001 for ten basis points

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> bool(at_cost(result, 0.01).returns.sum() < result.returns.sum())
    True
    """
    if not 0 <= rate < 0.5:
        raise SettingsError(f"a cost rate is a small fraction like 0.0005, not {rate}")
    return replace(result, costs=pd.DataFrame({"trading": rate * result.turnover}, result.turnover.index))


def cost_sensitivity(result: BacktestResult, rates: Sequence[float] = RATES) -> pd.DataFrame:
    """Return, volatility and Sharpe ratio over cash, a year, at several proportional costs, a row a rate."""
    rows = {rate: at_cost(result, rate).statistics() for rate in rates}
    table = pd.DataFrame(rows).T[["return", "volatility", "sharpe", "costs"]]
    return table.rename_axis("rate")


def break_even_cost(result: BacktestResult, other: BacktestResult | None = None) -> float:
    """Proportional cost at which the mean return falls to that of cash, or of another portfolio at the same cost.

    To first order in the rate: costs are taken from daily returns, and what they would have earned is neglected.

    Returns
    -------
    A rate like 0.002. Negative if the portfolio is behind without costs and trades more, infinite if it is ahead and
    trades no more; if it is behind and trades less, the cost from which on it is ahead
    """
    mine, turnover = result.gross, result.turnover
    if other is None and result.cash is not None:
        mine = mine - result.cash.reindex(mine.index)
    if other is not None:
        mine, theirs = mine.align(other.gross, join="inner")
        mine, turnover = mine - theirs, (result.turnover - other.turnover).reindex(mine.index)
    gain, trades = float(mine.mean()), float(turnover.mean())
    if abs(gain) < _NOISE:
        gain = 0.0
    if abs(trades) < _NOISE:
        return float(np.copysign(np.inf, gain)) if gain else float("nan")
    return gain / trades if trades > 0 or gain < 0 else float("inf")
