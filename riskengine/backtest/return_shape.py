"""How returns are spread: their distribution, their months, how long wealth is below its peak."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskengine.backtest.drawdown_spells import below_peak, drawdown_spells


@dataclass(frozen=True)
class ReturnShape:
    """Figures of a series of returns that neither a mean nor a deviation tells.

    Attributes
    ----------
    skewness, kurtosis : of the periods, without the bias of small samples (Fisher's G1 and G2); kurtosis is zero for
        a normal distribution
    var_95, cvar_95 : the loss that one period in twenty goes beyond, and the mean loss of those; of what happened,
        not a forecast, as positive fractions
    best_period, worst_period, best_month, worst_month : returns
    positive_periods, positive_months : share of those with a gain among those with a gain or a loss
    omega : what the gains add up to over what the losses do (Keating and Shadwick 2002, at zero)
    tail_ratio : the gain that one period in twenty goes beyond over the loss that one in twenty does
    ulcer_index : root mean square of the drawdown (Martin and McCann 1989)
    average_drawdown : mean depth of all falls below a peak, negative
    longest_drawdown : periods from a peak until it was reached again, or until the end
    """

    skewness: float
    kurtosis: float
    var_95: float
    cvar_95: float
    best_period: float
    worst_period: float
    best_month: float
    worst_month: float
    positive_periods: float
    positive_months: float
    omega: float
    tail_ratio: float
    ulcer_index: float
    average_drawdown: float
    longest_drawdown: int


def return_shape(returns: pd.Series) -> ReturnShape:
    """Distribution, months and drawdowns of a series of returns; NaN where there are too few.

    Examples
    --------
    >>> dates = pd.to_datetime(["2024-01-30", "2024-01-31", "2024-02-28", "2024-02-29"])
    >>> shape = return_shape(pd.Series([0.10, -0.02, -0.05, 0.03], dates))
    >>> round(shape.omega, 3), shape.positive_periods, shape.longest_drawdown, round(shape.worst_month, 4)
    (1.857, 0.5, 4, -0.0215)
    """
    values = returns.to_numpy(float)
    low, high = np.quantile(values, [0.05, 0.95])
    months = monthly_returns(returns).drop(columns="year").to_numpy(float)
    months = months[np.isfinite(months)]
    below = below_peak(returns)
    falls = drawdown_spells(below)
    lost = -float(np.minimum(values, 0).sum())
    return ReturnShape(
        skewness=float(returns.skew()),  # type: ignore[arg-type]
        kurtosis=float(returns.kurt()),  # type: ignore[arg-type]
        var_95=-float(low),
        cvar_95=-float(values[values <= low].mean()),
        best_period=float(values.max()),
        worst_period=float(values.min()),
        best_month=float(months.max()),
        worst_month=float(months.min()),
        positive_periods=_positive(values),
        positive_months=_positive(months),
        omega=float(np.maximum(values, 0).sum()) / lost if lost else float("nan"),
        tail_ratio=float(high / -low) if low < 0 else float("nan"),
        ulcer_index=float(np.sqrt(np.mean(below.to_numpy() ** 2))),
        average_drawdown=float(np.mean([fall.depth for fall in falls])) if falls else 0.0,
        longest_drawdown=max((fall.periods for fall in falls), default=0),
    )


def _positive(values: np.ndarray) -> float:
    """Share of gains among gains and losses."""
    moved = int(np.count_nonzero(values))
    return float((values > 0).sum() / moved) if moved else float("nan")


def monthly_returns(returns: pd.Series) -> pd.DataFrame:
    """Compound returns, a row a year, columns 1 to 12 and ``"year"``; NaN where there is no day.

    Examples
    --------
    >>> dates = pd.to_datetime(["2023-12-29", "2024-01-30", "2024-01-31", "2024-02-29"])
    >>> monthly_returns(pd.Series([0.01, 0.1, 0.1, -0.5], dates)).round(3)[[1, 2, 12, "year"]]
             1    2    12   year
    2023   NaN  NaN  0.01  0.010
    2024  0.21 -0.5   NaN -0.395
    """
    dates = pd.DatetimeIndex(returns.index)
    growth = 1 + returns
    months = growth.groupby([dates.year, dates.month]).prod().unstack() - 1  # noqa: PD010 - of a series
    table = months.reindex(columns=range(1, 13)).rename_axis(index=None, columns=None)
    table["year"] = growth.groupby(dates.year).prod() - 1
    return table
