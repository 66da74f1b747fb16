"""How a portfolio moves with another, on the whole and over time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from riskengine.backtest.ratios import varies
from riskengine.backtest.result import BacktestResult


class Relative(NamedTuple):
    """A portfolio against another, on the days that both have, net of costs.

    Attributes
    ----------
    correlation : of their returns
    beta, alpha : slope, and constant a year, of the regression of the returns over cash on the other's (Jensen 1968)
    tracking_error : standard deviation of the difference of the returns, a year
    up_capture, down_capture : mean return on days on which the other gained, and lost, over the other's mean then
    """

    correlation: float
    beta: float
    alpha: float
    tracking_error: float
    up_capture: float
    down_capture: float


def relative_to(result: BacktestResult, other: BacktestResult) -> Relative:
    """Correlation, beta, alpha, tracking error and capture ratios; NaN where one of the two does not vary.

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> round(float(relative_to(result, result.benchmarks[0]).beta), 2)
    0.36
    """
    mine, theirs = result.excess.align(other.excess, join="inner")
    x, y, a_year = theirs.to_numpy(), mine.to_numpy(), result.periods_per_year
    if not (varies(x) and varies(y)):
        return Relative(*[float("nan")] * 6)
    beta = float(np.cov(x, y)[0, 1] / np.var(x, ddof=1))
    total, others = result.returns.align(other.returns, join="inner")
    up, down = others > 0, others < 0
    return Relative(
        correlation=float(np.corrcoef(x, y)[0, 1]),
        beta=beta,
        alpha=float(a_year * (y.mean() - beta * x.mean())),
        tracking_error=float(np.sqrt(a_year) * (total - others).std(ddof=0)),
        up_capture=float(total[up].mean() / others[up].mean()),
        down_capture=float(total[down].mean() / others[down].mean()),
    )


def rolling_sharpe(result: BacktestResult, window: int) -> pd.Series:
    """Sharpe ratio a year of the last ``window`` periods; NaN where the returns do not vary.

    Parameters
    ----------
    window : periods

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> rolling_sharpe(result, 250).iloc[-1:].round(1).tolist()
    [2.3]
    """
    rolling = result.excess.rolling(window)
    deviation = rolling.std(ddof=0)
    return np.sqrt(result.periods_per_year) * rolling.mean() / deviation.where(deviation > 1e-9)


def rolling_beta(result: BacktestResult, other: BacktestResult, window: int) -> pd.Series:
    """Slope of the returns on the other's over the last ``window`` periods; NaN where the other's do not vary.

    Parameters
    ----------
    result, other : with the dates that both have
    window : periods

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> rolling_beta(result, result.benchmarks[0], 250).iloc[-1:].round(2).tolist()
    [0.38]
    """
    mine, theirs = result.returns.align(other.returns, join="inner")
    variance = theirs.rolling(window).var()
    return (mine.rolling(window).cov(theirs) / variance.where(variance > 1e-18)).rename(other.name)


def worst_periods(result: BacktestResult, most: int = 10) -> pd.DataFrame:
    """Worst periods of the portfolio and the returns of all portfolios on them, worst first.

    Where risk was monitored the last column, ``"deviations"``, has the returns over the deviation that was forecast the
    evening before.

    Parameters
    ----------
    most : how many

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> worst_periods(result, 2).round(3)
                equal weight
    date
    2019-08-14        -0.032
    2019-08-05        -0.031
    """
    worst = result.returns.nsmallest(most)
    table = pd.DataFrame({result.name: worst})
    for run in result.benchmarks:
        table[run.name] = run.returns.reindex(worst.index)
    if result.risk is not None and "volatility_one_period" in result.risk:
        table["deviations"] = worst / result.risk["volatility_one_period"].reindex(worst.index)
    return table
