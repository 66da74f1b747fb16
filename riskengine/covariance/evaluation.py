"""How good covariance forecasts were: calibration, likelihood, and the portfolios made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from riskengine.covariance.base import Covariance, CovarianceForecaster
from riskengine.covariance.refit import Refit
from riskengine.errors import DataError, SettingsError
from riskengine.market import as_returns

Array = np.ndarray
YEAR = 252.0
"""Periods a year where there is only a matrix: five-day closes."""


class Forecasted(NamedTuple):
    """A covariance, and the returns of the days that it was made for.

    Attributes
    ----------
    day : position of the first of these days
    covariance : made from the days before
    rows : (horizon, assets)
    """

    day: int
    covariance: Covariance
    rows: Array


def states(
    forecaster: CovarianceForecaster, returns: Array, window: int, refit: int = 21
) -> Iterator[tuple[int, Any]]:
    """Forecaster states through time: for each day from ``window`` on, its position and the state before it.

    Parameters
    ----------
    forecaster : of covariances
    returns : (time, assets)
    window : days that each ``init`` sees
    refit : days between calls of ``init``; in between the state is updated

    Raises
    ------
    SettingsError
        If the window leaves no day, or ``refit`` is below one.

    Examples
    --------
    >>> from riskengine.covariance import SampleCovariance
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((103, 2))
    >>> [day for day, _ in states(SampleCovariance(100), x, 100)]
    [100, 101, 102]
    """
    returns = as_returns(returns)[0]
    if not 2 <= window < len(returns):
        raise SettingsError(
            f"a window of {window} days leaves nothing of {len(returns)} days to forecast: two days at least, and "
            "fewer than there are"
        )
    calibrations, known = Refit(refit), None
    for day in range(window, len(returns)):
        known = calibrations.follow(forecaster, known, returns[:day], window)
        yield day, known.state


def forecasts(
    forecaster: CovarianceForecaster, returns: Array, window: int, horizon: int = 1, refit: int = 21
) -> Iterator[Forecasted]:
    """Forecasts every ``horizon`` days, each from the past alone; see :func:`states`.

    Examples
    --------
    >>> from riskengine.covariance import Ewma
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((300, 3))
    >>> found = list(forecasts(Ewma(), x, window=250, horizon=21))
    >>> [one.day for one in found], found[0].rows.shape
    ([250, 271], (21, 3))
    """
    if horizon < 1:
        raise SettingsError(f"a horizon is at least one day, not {horizon}")
    for day, state in states(forecaster, returns, window, refit):
        if (day - window) % horizon == 0 and day + horizon <= len(returns):
            yield Forecasted(day, forecaster.forecast(state, horizon), returns[day : day + horizon])


def bias_statistic(returns: Array, volatility: Array) -> Array:
    """Standard deviation of returns over their forecast volatility; one if the forecasts are right.

    Above one risk was forecast too low (Menchero, Wang and Orr 2011). As the mean of returns is small against their
    deviation it is taken as zero.

    Parameters
    ----------
    returns : (periods, portfolios), or (periods,) of one
    volatility : their forecasts, of the same shape and over the same periods

    Returns
    -------
    (portfolios,) statistics

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> bias_statistic(0.02 * rng.standard_normal((100_000, 1)), np.full((100_000, 1), 0.01)).round(2)
    array([2.])
    """
    returns, volatility = np.asarray(returns, float), np.asarray(volatility, float)
    if returns.shape != volatility.shape:
        raise DataError(f"returns of shape {returns.shape} for volatilities of shape {volatility.shape}")
    if not (volatility > 0).all():
        raise DataError("a forecast volatility is not positive: no return can be judged by it")
    return np.sqrt(np.mean((returns / volatility) ** 2, axis=0))


def bias_band(periods: int, kurtosis: float = 3.0) -> tuple[float, float]:
    """95% band of the bias statistic under right forecasts, ``1 +- 1.96 sqrt((kurtosis - 1) / 4 periods)``.

    With normal returns that is ``1 +- sqrt(2 / periods)`` but for rounding (Menchero, Wang and Orr 2011). Standardised
    returns with fat tails have a wider one.

    Parameters
    ----------
    periods : number of standardised returns
    kurtosis : of the standardised returns, 3 for normal ones

    Examples
    --------
    >>> [round(x, 3) for x in bias_band(200)]
    [0.902, 1.098]
    """
    reach = 1.96 * float(np.sqrt((kurtosis - 1) / (4 * periods)))
    return 1 - reach, 1 + reach


def log_likelihood(row: Array, covariance: Array) -> float:
    """Gaussian, in nats, of returns ``(assets,)`` with mean zero; NaN assets are left out.

    Examples
    --------
    >>> round(log_likelihood(np.zeros(1), np.array([[1.0]])), 4)
    -0.9189
    """
    row, factor, white = _whitened(row, covariance)
    return float(-white @ white / 2 - np.log(np.diag(factor)).sum() - len(row) / 2 * np.log(2 * np.pi))


def _whitened(row: Array, covariance: Array) -> tuple[Array, Array, Array]:
    """Returns that were seen, the lower factor of their covariance, and these returns freed of it."""
    row, seen = np.asarray(row, float), ~np.isnan(row)
    try:
        factor = np.linalg.cholesky(covariance[np.ix_(seen, seen)])
    except np.linalg.LinAlgError as error:
        raise DataError("the covariance is singular: returns have no density under it") from error
    return row[seen], factor, solve_triangular(factor, row[seen], lower=True)


def qlike(realised: Array, forecast: Array) -> Array:
    """Loss of variance forecasts, ``x / f - log(x / f) - 1``, zero if right (Patton 2011); any one shape.

    ``realised`` is any unbiased proxy, as squared returns; where it is zero the logarithm is left away, which does not
    depend on the forecast. So take differences between forecasts of the same days.

    Examples
    --------
    >>> qlike(np.array([1.0, 2.0, 0.5]), np.array([1.0, 1.0, 1.0])).round(3)
    array([0.   , 0.307, 0.193])
    """
    ratio = np.asarray(realised, float) / np.asarray(forecast, float)
    return ratio - np.log(np.where(ratio > 0, ratio, 1.0)) - 1


def minimum_variance(covariance: Array) -> Array:
    """Fully invested weights ``(assets,)`` of least variance, without limits (Markowitz 1952).

    Examples
    --------
    >>> minimum_variance(np.diag([1.0, 4.0]))
    array([0.8, 0.2])
    """
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise DataError("the covariance is singular: no single portfolio has the least variance") from error
    weights = cho_solve((factor, True), np.ones(len(covariance)))
    return weights / weights.sum()


class Held(NamedTuple):
    """Daily returns of portfolios held between their forecasts.

    Attributes
    ----------
    returns : (days,)
    turnover : (trades - 1,) sum of absolute trades, after drift
    gross : (trades,) gross exposure
    periods_per_year : of the returns
    """

    returns: Array
    turnover: Array
    gross: Array
    periods_per_year: float = YEAR

    @property
    def volatility(self) -> float:
        """Realized, annualised."""
        return float(np.sqrt(self.periods_per_year) * np.std(self.returns))


def held(weights: Array, periods: list[Array], periods_per_year: float = YEAR) -> Held:
    """Portfolios that are bought, drift with their assets, and are traded to the next.

    Parameters
    ----------
    weights : (trades, assets) at the start of each period; cash is what they leave of one and earns nothing
    periods : for each the returns ``(days, assets)``; a missing return counts as none
    periods_per_year : of the rows, for the annualised volatility

    Examples
    --------
    >>> book = held(np.array([[0.5, 0.5], [0.5, 0.5]]), [np.array([[0.5, 0.0]]), np.array([[0.0, 0.0]])])
    >>> book.returns, book.turnover
    (array([0.25, 0.  ]), array([0.2]))
    """
    found, traded, before = [], [], None
    for target, rows in zip(weights, periods, strict=True):
        if before is not None:
            traded.append(np.abs(target - before).sum())
        growth = np.vstack([np.ones(len(target)), np.cumprod(1 + np.nan_to_num(rows), axis=0)])
        value = 1 + (growth - 1) @ target
        if not (value > 0).all():
            raise DataError("a portfolio lost all its wealth: its leverage is too high for these returns")
        found.append(value[1:] / value[:-1] - 1)
        before = target * growth[-1] / value[-1]
    return Held(np.concatenate(found), np.array(traded), np.abs(weights).sum(axis=1), periods_per_year)
