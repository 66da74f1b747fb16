"""What an allocator reads of a walk-forward: returns to date, drawdowns, exposures, and when it traded most."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from riskengine.backtest.drawdown_spells import Drawdown, drawdown_spells
from riskengine.backtest.result import BacktestResult

_SPANS = {"1 month": 1, "3 months": 3, "6 months": 6, "1 year": 12, "3 years": 36, "5 years": 60}
"""Months before the last day."""


def trailing_returns(returns: pd.Series, periods_per_year: float = 252.0) -> pd.Series:
    """Compound returns to the last day, by how far they go back; NaN where the series is shorter.

    Over more than a year they are a year. ``"year to date"`` begins with the calendar year, ``"all"`` with the series.

    Parameters
    ----------
    returns : simple, by date
    periods_per_year : of the returns

    Examples
    --------
    >>> dates = pd.bdate_range("2022-12-30", "2024-06-28")
    >>> found = trailing_returns(pd.Series(0.001, dates))
    >>> [f"{found[name]:.3f}" for name in ("1 month", "year to date", "1 year", "3 years")]
    ['0.023', '0.139', '0.299', 'nan']
    """
    dates, growth = pd.DatetimeIndex(returns.index), 1 + returns.to_numpy(float)
    last = dates[-1]
    begins = {name: last - pd.DateOffset(months=months) for name, months in _SPANS.items()}
    begins["year to date"] = pd.Timestamp(last.year - 1, 12, 31)
    found = {"all": _compound(growth, len(growth) / periods_per_year)}
    for name, begin in begins.items():
        part = growth[dates > begin]
        years = max(_SPANS.get(name, 12) / 12, 1.0)
        found[name] = _compound(part, years) if dates[0] <= begin else float("nan")
    order = ["1 month", "3 months", "6 months", "year to date", "1 year", "3 years", "5 years", "all"]
    return pd.Series({name: found[name] for name in order}, name=returns.name)


def _compound(growth: np.ndarray, years: float) -> float:
    """Return a year of so many years; -1 if nothing was left."""
    whole = float(np.prod(growth))
    return whole ** (1 / years) - 1 if whole > 0 else -1.0


def drawdowns(result: BacktestResult, most: int = 5) -> list[Drawdown]:
    """The deepest falls from a peak to its recovery, deepest first.

    Parameters
    ----------
    most : how many

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> deepest = drawdowns(result)[0]
    >>> round(float(deepest.depth), 2)
    -0.08
    """
    return sorted(drawdown_spells(result.drawdown()), key=lambda one: one.depth)[:most]


def exposures(weights: pd.DataFrame) -> pd.DataFrame:
    """Long, short, gross and net exposure, and the effective number of holdings, a row a day.

    The effective number is ``gross ** 2 / sum(w ** 2)``: that of equal holdings which would be as concentrated.

    Examples
    --------
    >>> exposures(pd.DataFrame([[0.8, 0.8, -0.6]])).round(2).iloc[0].to_dict()
    {'long': 1.6, 'short': -0.6, 'gross': 2.2, 'net': 1.0, 'effective': 2.95}
    """
    w = weights.to_numpy(float)
    gross, squares = np.abs(w).sum(axis=1), (w**2).sum(axis=1)
    columns = {
        "long": np.maximum(w, 0).sum(axis=1),
        "short": np.minimum(w, 0).sum(axis=1),
        "gross": gross,
        "net": w.sum(axis=1),
        "effective": np.divide(gross**2, squares, out=np.zeros_like(gross), where=squares > 0),
    }
    return pd.DataFrame(columns, weights.index)


def reduction_over_time(result: BacktestResult, other: BacktestResult, window: int) -> pd.Series:
    """Rolling volatility reduction, ``1 - volatility / other's``, over the last ``window`` returns.

    Parameters
    ----------
    result, other : with the dates that both have
    window : periods

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), benchmarks=[panel.returns["AAPL"]])
    >>> reduction_over_time(result, result.benchmarks[0], 250).iloc[-1:].round(2).tolist()
    [0.44]
    """
    mine, theirs = result.returns.align(other.returns, join="inner")
    deviations = [one.rolling(window).std(ddof=0) for one in (mine, theirs)]
    return (1 - deviations[0] / deviations[1].where(deviations[1] > 0)).rename(other.name)


class Turn(NamedTuple):
    """A rebalancing with a large turnover.

    Attributes
    ----------
    date : of the decision
    turnover : sum of absolute trades
    before, after : forecast volatility a year of the decision before, and of this one
    bought, sold : the assets whose targets rose and fell most, with by how much
    """

    date: pd.Timestamp
    turnover: float
    before: float
    after: float
    bought: tuple[str, float]
    sold: tuple[str, float]


def largest_turns(result: BacktestResult, most: int = 5) -> list[Turn]:
    """The decisions after the first that changed the targets most, largest first.

    Examples
    --------
    >>> from riskengine import OptimizedStrategy, SampleCovariance, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(OptimizedStrategy("calm", SampleCovariance(250)), panel, WalkForward(250, 63))
    >>> [(f"{turn.date:%Y-%m-%d}", round(turn.turnover, 2)) for turn in largest_turns(result, 2)]
    [('2019-04-02', 0.77), ('2019-10-01', 0.43)]
    """
    change = result.targets.diff().iloc[1:]
    size = change.abs().sum(axis=1)
    forecast = result.predicted_volatility
    found = []
    for date in size.nlargest(most).index:
        k, row = int(result.targets.index.get_loc(date)), change.loc[date]  # type: ignore[arg-type]
        found.append(
            Turn(
                date,
                float(size[date]),
                float(forecast.iloc[k - 1]),
                float(forecast.iloc[k]),
                (str(row.idxmax()), float(row.max())),
                (str(row.idxmin()), float(row.min())),
            )
        )
    return [one for one in found if one.turnover > 0]
