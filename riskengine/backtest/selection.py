"""Selection bias: how much of the best record is chance, when many strategies were tried."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import kurtosis, norm, skew

from riskengine.backtest.inference import block_length
from riskengine.backtest.ratios import varies
from riskengine.errors import DataError, SettingsError

Array = np.ndarray


def probabilistic_sharpe_ratio(
    sharpe: float, observations: int, skewness: float = 0.0, kurt: float = 3.0, benchmark: float = 0.0
) -> float:
    """Probability that the true Sharpe ratio is above a benchmark (Bailey and Lopez de Prado 2012).

    Parameters
    ----------
    sharpe, benchmark : of returns over cash, per observation, not annualised
    observations : on which the ratio rests
    skewness, kurt : of the returns; 0 and 3 for a Gaussian

    Examples
    --------
    Two years of months at an annualised ratio of 1.59, once Gaussian and once with the moments of hedge funds, the
    authors' own example:

    >>> round(probabilistic_sharpe_ratio(0.458, 24), 3), round(probabilistic_sharpe_ratio(0.458, 24, -2.448, 10.164), 3)
    (0.982, 0.913)
    """
    if observations < 2:
        raise DataError(f"a Sharpe ratio needs two observations at least, not {observations}")
    variance = 1 - skewness * sharpe + (kurt - 1) / 4 * sharpe**2
    if not variance > 0:
        raise DataError(
            f"skewness {skewness} and kurtosis {kurt} belong to no distribution at this Sharpe ratio"
        )
    return float(norm.cdf((sharpe - benchmark) * np.sqrt(observations - 1) / np.sqrt(variance)))


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """Expected maximum of the Sharpe ratios of independent trials without skill.

    Parameters
    ----------
    trials : independent ones
    variance : of the trials' Sharpe ratios, in the same unit as the answer squared

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)  # Bailey and Lopez de Prado (2014)
    0.1132
    """
    if trials < 1 or variance < 0:
        raise SettingsError(
            f"trials are at least one and a variance not below zero, not {trials} and {variance}"
        )
    if trials == 1:
        return 0.0
    gamma = np.euler_gamma
    quantiles = (1 - gamma) * norm.ppf(1 - 1 / trials) + gamma * norm.ppf(1 - 1 / (trials * np.e))
    return float(np.sqrt(variance) * quantiles)


def deflated_sharpe_ratio(
    sharpe: float,
    observations: int,
    trials: float,
    variance: float,
    skewness: float = 0.0,
    kurt: float = 3.0,
) -> float:
    """Probability that the best of many trials has any skill (Bailey and Lopez de Prado 2014).

    The probabilistic Sharpe ratio against the highest expected by chance.

    Parameters
    ----------
    sharpe : of the best one, per observation
    observations, skewness, kurt : see :func:`probabilistic_sharpe_ratio`
    trials, variance : see :func:`expected_maximum_sharpe`

    Examples
    --------
    The authors' example: an annualised ratio of 2.5 over 1,250 days, the best of 100:

    >>> round(deflated_sharpe_ratio(2.5 / 250**0.5, 1250, 100, 0.5 / 250, -3, 10), 4)
    0.9004
    """
    hurdle = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe_ratio(sharpe, observations, skewness, kurt, hurdle)


def effective_trials(returns: Array) -> float:
    """Number of independent trials among correlated ones: the participation ratio of their correlations.

    ``(sum of eigenvalues)^2 / sum of squared eigenvalues``: one for copies, their number for independent trials.

    Parameters
    ----------
    returns : (days, trials)

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((5000, 4))
    >>> round(effective_trials(x)), round(effective_trials(x[:, [0, 0, 0]]))
    (4, 1)
    """
    moving = returns[:, _moving(returns)]
    if moving.shape[1] < 2:
        return 1.0
    correlation = np.corrcoef(moving.T)
    return float(len(correlation) ** 2 / np.sum(correlation**2))


def deflated_sharpe_ratios(returns: pd.DataFrame, cash: pd.Series | None = None) -> pd.Series:
    """Deflated Sharpe ratio of every strategy of a sweep, as if it were the one that was picked.

    As :func:`deflated_sharpe_ratio` (Bailey and Lopez de Prado 2014). The variance of Sharpe ratios is that among all
    strategies, the number of trials that of :func:`effective_trials`.

    Parameters
    ----------
    returns : days x strategies, without gaps
    cash : return of cash over the same days, which every ratio is taken over; zero if not given

    Returns
    -------
    NaN for a strategy whose returns do not differ from those of cash by more than numerical noise: it is no trial, and
    for one whose moments no law of returns can have

    Examples
    --------
    >>> days = pd.bdate_range("2020-01-01", periods=1000)
    >>> noise = 0.01 * np.random.default_rng(0).standard_normal((1000, 3))
    >>> tried = pd.DataFrame(noise - noise.mean(axis=0) + [0.001, 0.0002, 0], days, list("ABC"))
    >>> deflated_sharpe_ratios(tried).round(2).to_dict()
    {'A': 0.96, 'B': 0.22, 'C': 0.08}
    """
    values = _checked(returns)
    if cash is not None:
        values = values - _cash_of(returns, cash)
    found = np.full(values.shape[1], np.nan)
    moving = np.flatnonzero(_moving(values))
    if not len(moving):
        return pd.Series(found, returns.columns, name="deflated_sharpe")
    sharpe = values.mean(axis=0)[moving] / values.std(axis=0)[moving]
    trials, days = effective_trials(values), len(values)
    variance = float(np.var(sharpe, ddof=1)) if len(sharpe) > 1 else 0.0
    for k, ratio in zip(moving, sharpe, strict=True):
        moments = float(skew(values[:, k])), float(kurtosis(values[:, k], fisher=False))
        try:
            found[k] = deflated_sharpe_ratio(float(ratio), days, trials, variance, *moments)
        except DataError:  # one strategy's moments must not take the figures of all others with them
            continue
    return pd.Series(found, returns.columns, name="deflated_sharpe")


def _cash_of(returns: pd.DataFrame, cash: pd.Series) -> Array:
    """Return of cash on the days of a table, ``(days, 1)``."""
    known = cash.reindex(returns.index)
    if known.isna().any():
        raise DataError("cash needs a return on each day of the strategies: align them first")
    return known.to_numpy(np.float64)[:, None]


def _moving(returns: Array) -> Array:
    """Which columns vary by more than numerical noise."""
    return np.array([varies(column) for column in returns.T], dtype=bool)


class SuperiorAbility(NamedTuple):
    """Hansen's (2005) test of superior predictive ability.

    Attributes
    ----------
    p_value : consistent; small if some strategy is truly better than the benchmark, however many were tried
    lower, upper : p-values that bound it
    """

    p_value: float
    lower: float
    upper: float


def superior_ability(
    benchmark: pd.Series, losses: pd.DataFrame, draws: int = 1000, seed: int = 0
) -> SuperiorAbility:
    """Test of superior predictive ability (Hansen 2005): is the best of many strategies better than a benchmark?

    Parameters
    ----------
    benchmark : daily losses; :func:`variance_losses` for a comparison of volatilities
    losses : days x strategies, of the same days
    draws, seed : of the stationary bootstrap, whose mean block is the automatic choice of Politis and White (2004)

    Raises
    ------
    DataError
        If days differ, are fewer than 30, or losses are not finite.

    Examples
    --------
    >>> days = pd.bdate_range("2020-01-01", periods=250)
    >>> squares = np.random.default_rng(0).standard_normal((250, 2)) ** 2
    >>> losses = pd.DataFrame(squares * [1, 4], days, ["calm", "wild"])
    >>> superior_ability(losses["wild"], losses[["calm"]]).p_value < 0.01
    True
    """
    from arch.bootstrap import SPA

    values = _checked(losses)
    if not benchmark.index.equals(losses.index) or not np.isfinite(benchmark.to_numpy()).all():
        raise DataError("benchmark and strategies need finite losses of the same days: align them first")
    gain = benchmark.to_numpy()[:, None] - values
    # The benchmark itself among the strategies proves nothing. Losses are squares: their noise is that of their size.
    other = gain.std(axis=0) > 1e-9 * np.abs(benchmark.to_numpy()).mean()
    values = values[:, other]
    if values.shape[1] == 0:
        return SuperiorAbility(1.0, 1.0, 1.0)
    length = block_length(gain[:, other])
    test = SPA(benchmark.to_numpy(), values, block_size=length, reps=draws, bootstrap="stationary", seed=seed)
    test.compute()
    found = test.pvalues
    return SuperiorAbility(float(found["consistent"]), float(found["lower"]), float(found["upper"]))


def confidence_set(losses: pd.DataFrame, draws: int = 1000, seed: int = 0) -> pd.Series:
    """Model confidence set (Hansen, Lunde and Nason 2011): p-value of each strategy's staying in it.

    The strategies with a p-value above .1 are a set that holds the best one with 90% confidence.

    Parameters
    ----------
    losses, draws, seed : see :func:`superior_ability`

    Examples
    --------
    >>> days = pd.bdate_range("2020-01-01", periods=250)
    >>> squares = np.random.default_rng(0).standard_normal((250, 2)) ** 2
    >>> losses = pd.DataFrame(squares * [1, 4], days, ["calm", "wild"])
    >>> confidence_set(losses).round(2).to_dict()
    {'calm': 1.0, 'wild': 0.0}
    """
    from arch.bootstrap import MCS

    values = _checked(losses)
    # A strategy with the losses of another stands and falls with it, and the test cannot divide by their difference.
    _, first, copies = np.unique(values, axis=1, return_index=True, return_inverse=True)
    if len(first) == 1:
        return pd.Series(1.0, losses.columns, name="mcs_p")
    alone = values[:, first]
    length = block_length(alone - alone.mean(axis=1, keepdims=True))
    test = MCS(alone, size=0.1, reps=draws, block_size=length, method="R", bootstrap="stationary", seed=seed)
    test.compute()
    p_values = np.empty(len(first))
    for model, p_value in test.pvalues["Pvalue"].items():
        p_values[int(np.ravel(model)[0])] = p_value  # arch names some models by arrays of one number
    return pd.Series(p_values[copies.ravel()], losses.columns, name="mcs_p")


def variance_losses(returns: pd.DataFrame) -> pd.DataFrame:
    """Squared deviations from the mean: daily losses whose mean is the variance."""
    return (returns - returns.mean()) ** 2


def _checked(table: pd.DataFrame) -> Array:
    values = table.to_numpy(np.float64)
    if len(values) < 30 or values.shape[1] < 1:
        raise DataError(f"{len(values)} days of {values.shape[1]} strategies are too few: 30 days are needed")
    if not np.isfinite(values).all():
        raise DataError("returns of strategies to compare must be free of NaN: align them first")
    return values
