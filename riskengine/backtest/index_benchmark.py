"""A benchmark that is a series of returns: an index, a fund, yesterday's tear sheet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskengine.backtest.result import BacktestResult
from riskengine.errors import DataError


def index_result(returns: pd.Series, like: BacktestResult) -> BacktestResult:
    """A series of simple returns as a result that stands beside another, on its days; nothing is traded.

    Parameters
    ----------
    returns : by date; its name is that of the benchmark
    like : the result beside which it stands

    Raises
    ------
    DataError
        If a day of the result has no return, or the series holds prices.
    """
    if not isinstance(returns.index, pd.DatetimeIndex):
        raise DataError("a benchmark that is a series has dates as its index: use pandas.to_datetime")
    name = "benchmark" if returns.name is None else str(returns.name)
    values = returns.dropna().to_numpy(float)
    if len(values) and values.min() > 0 and values.mean() > 0.2:
        raise DataError(f"{name} looks like prices, not returns: give its pct_change()")
    dates = pd.DatetimeIndex(like.gross.index)
    gross = returns.reindex(dates).astype(float)
    gross.iloc[0] = 0.0  # no time passes before the first close, on which the first trade is done
    if gross.isna().any():
        missing = dates[gross.isna()][0]
        raise DataError(
            f"{name} has no return on {missing:%Y-%m-%d} ({int(gross.isna().sum())} of {len(dates)} days): "
            "give one for each close, 0.0 where nothing moved"
        )
    once, whole = like.targets.index[:1], pd.DataFrame({name: np.ones(len(dates))}, dates)
    nothing = pd.Series(0.0, dates)
    return BacktestResult(
        name=name,
        gross=gross.rename("gross"),
        costs=pd.DataFrame({"trading": nothing}),
        turnover=nothing.rename("turnover"),
        weights=whole,
        decision=pd.Series(np.where(np.arange(len(dates)) == 0, -1, 0), dates, name="decision"),
        targets=pd.DataFrame({name: [1.0]}, once),
        predicted_volatility=pd.Series([np.nan], once, name="predicted volatility"),
        contributions=pd.DataFrame({name: [np.nan]}, once),
        status=pd.Series(["ok"], once, name="status", dtype=object),
        notes=(),
        periods_per_year=like.periods_per_year,
        cash=like.cash,
    )
