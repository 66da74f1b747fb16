"""Plain pandas: what PyPortfolioOpt, Riskfolio-Lib and quantstats read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskengine.backtest import BacktestResult
from riskengine.covariance import Covariance, CovarianceForecaster
from riskengine.errors import DataError
from riskengine.market import as_returns


def covariance_frame(
    source: Covariance | CovarianceForecaster,
    returns: pd.DataFrame | None = None,
    *,
    assets: Sequence[Any] | None = None,
    horizon: int = 21,
    periods: int = 1,
) -> pd.DataFrame:
    """A covariance with the assets' names, as PyPortfolioOpt and Riskfolio-Lib take it.

    PyPortfolioOpt wants a year (``periods=252``); Riskfolio-Lib the frequency of its returns, ``port.cov = ...``.

    Parameters
    ----------
    source : a covariance, or a forecaster that is run on ``returns``
    returns : (time, assets) simple daily returns, NaN where missing
    assets : names for a covariance that is given; those of ``returns`` otherwise
    horizon : days that a forecaster looks ahead
    periods : days in a period of the result; variances are multiplied by it

    Raises
    ------
    DataError
        If a forecaster is given without returns, or the names are not as many as the assets.

    Examples
    --------
    >>> from riskengine.covariance import LedoitWolf
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 2))
    >>> frame = covariance_frame(LedoitWolf(250), pd.DataFrame(x, columns=["A", "B"]), periods=252)
    >>> list(frame.index), frame.shape
    (['A', 'B'], (2, 2))
    """
    if not isinstance(source, Covariance):
        if returns is None:
            raise DataError("a forecaster needs returns: pass a (time, assets) DataFrame")
        source = source.forecast(source.init(as_returns(returns, shortest=2)[0]), horizon)
    matrix = source.matrix() * periods
    names = list(assets) if assets is not None else None if returns is None else list(returns.columns)
    if names is not None and len(names) != len(matrix):
        raise DataError(f"{len(names)} names for a covariance of {len(matrix)} assets: give one an asset")
    return pd.DataFrame(matrix, index=names, columns=names)


def returns_for_quantstats(result: BacktestResult, gross: bool = False) -> pd.Series:
    """Daily returns of a backtest on plain dates without a time zone, as quantstats reads them.

    Parameters
    ----------
    result : of a walk-forward
    gross : before costs; net of them otherwise

    Examples
    --------
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> result = run_backtest(EqualWeight(), panel, WalkForward(250, 21), 0.001)
    >>> net, gross = returns_for_quantstats(result), returns_for_quantstats(result, gross=True)
    >>> net.name, bool((gross - net).sum() > 0)
    ('equal weight', True)
    """
    series = (result.gross if gross else result.returns).astype(np.float64).rename(result.name)
    dates = pd.DatetimeIndex(series.index)
    series.index = (dates.tz_localize(None) if dates.tz is not None else dates).normalize()
    return series
