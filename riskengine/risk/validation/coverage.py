"""Whether VaR was exceeded as often as it should have been, and at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, chdtrc

from riskengine.errors import DataError, SettingsError
from riskengine.risk.measures import check_level
from riskengine.risk.validation.var_statistics import chain_ratio, coverage_ratio

Array = np.ndarray

_MULTIPLIERS = (1.50, 1.50, 1.50, 1.50, 1.50, 1.70, 1.76, 1.83, 1.88, 1.92, 2.00)


@dataclass(frozen=True)
class CoverageTest:
    """A test of VaR exceptions.

    Attributes
    ----------
    name : of the test
    statistic : likelihood ratio
    p_value : from its asymptotic chi-squared law
    exceptions, observations : counted
    expected : number of exceptions if the VaR is right
    """

    name: str
    statistic: float
    p_value: float
    exceptions: int
    observations: int
    expected: float


def kupiec(exceptions: Array, level: float) -> CoverageTest:
    """Unconditional coverage (Kupiec 1995): is the share of exceptions ``1 - level``?

    Parameters
    ----------
    exceptions : (days,) True where the loss went beyond VaR
    level : confidence of the VaR

    Raises
    ------
    DataError
        If there are no observations, or they are not true or false (a NaN is neither).
    SettingsError
        If the level lies outside (0.5, 1).

    Examples
    --------
    >>> exceptions = np.zeros(250, bool)
    >>> exceptions[:6] = True
    >>> test = kupiec(exceptions, 0.99)
    >>> f"{test.statistic:.4f} {test.p_value:.4f}"
    '3.5554 0.0594'
    """
    exceptions = _checked(exceptions, level)
    return _test("unconditional coverage", float(coverage_ratio(exceptions, level)), 1, exceptions, level)


def independence(exceptions: Array, level: float) -> CoverageTest:
    """First-order independence (Christoffersen 1998): does an exception make the next likelier?

    The likelihood ratio of a two-state Markov chain against independent days, given the first day.

    Parameters
    ----------
    exceptions : (days,) True where the loss went beyond VaR
    level : confidence of the VaR; only for the expected number

    Raises
    ------
    DataError
        As :func:`kupiec`, or if there is only one day.

    Examples
    --------
    >>> exceptions = np.zeros(250, bool)
    >>> exceptions[100:106] = True  # six in a row
    >>> independence(exceptions, 0.99).p_value < 1e-6
    True
    """
    exceptions = _checked(exceptions, level)
    if len(exceptions) < 2:
        raise DataError("a test of independence needs at least two days")
    return _test("independence", float(chain_ratio(exceptions)), 1, exceptions, level)


def christoffersen(exceptions: Array, level: float) -> CoverageTest:
    """Conditional coverage (Christoffersen 1998): the right share, and independent, together.

    The statistic is the sum of :func:`kupiec` on all days and :func:`independence`, with two degrees of
    freedom.

    Parameters
    ----------
    exceptions : (days,) True where the loss went beyond VaR
    level : confidence of the VaR

    Raises
    ------
    DataError
        As :func:`independence`.

    Examples
    --------
    >>> exceptions = np.zeros(250, bool)
    >>> exceptions[[50, 120, 200]] = True
    >>> test = christoffersen(exceptions, 0.99)
    >>> f"{test.statistic:.4f} {test.p_value:.4f}"
    '0.1681 0.9194'
    """
    coverage, order = kupiec(exceptions, level), independence(exceptions, level)
    statistic = coverage.statistic + order.statistic
    return _test("conditional coverage", statistic, 2, _checked(exceptions, level), level)


@dataclass(frozen=True)
class TrafficLight:
    """Traffic light: zone of the Basel Committee (1996), and its multiplier.

    Attributes
    ----------
    zone : ``"green"``, ``"yellow"`` or ``"red"``
    probability : of this many exceptions or fewer, if the VaR is right
    multiplier : on capital (2019 framework); only for 250 days at 99%
    """

    zone: str
    probability: float
    multiplier: float | None


def traffic_light(exceptions: int, observations: int = 250, level: float = 0.99) -> TrafficLight:
    """Traffic-light zone by the cumulative probability of the exceptions: yellow from 95%, red from 99.99%.

    Parameters
    ----------
    exceptions : number of days with a loss beyond VaR
    observations : number of days
    level : confidence of the VaR

    Raises
    ------
    SettingsError
        If there are no observations, or fewer of them than exceptions.

    Examples
    --------
    >>> light = traffic_light(5)
    >>> light.zone, round(light.probability, 4), light.multiplier
    ('yellow', 0.9588, 1.7)
    """
    check_level(level)
    if observations < 1:
        raise SettingsError(f"a traffic light needs at least one observation, not {observations}")
    if not 0 <= exceptions <= observations:
        raise SettingsError(f"exceptions lie between 0 and {observations}, not at {exceptions}")
    probability = float(bdtr(exceptions, observations, 1 - level))
    zone = "green" if probability < 0.95 else "yellow" if probability < 0.9999 else "red"
    standard = observations == 250 and level == 0.99
    return TrafficLight(zone, probability, _MULTIPLIERS[min(exceptions, 10)] if standard else None)


def _checked(exceptions: Array, level: float) -> Array:
    check_level(level)
    exceptions = np.asarray(exceptions)
    if exceptions.ndim != 1 or len(exceptions) == 0:
        raise DataError(f"exceptions are one entry a day, not of shape {exceptions.shape}")
    if exceptions.dtype != bool:
        raise DataError(
            f"exceptions are true or false, not {exceptions.dtype}: drop days without a forecast first"
        )
    return exceptions


def _test(name: str, statistic: float, degrees: int, exceptions: Array, level: float) -> CoverageTest:
    days = len(exceptions)
    p_value = float(chdtrc(degrees, statistic))
    return CoverageTest(name, statistic, p_value, int(exceptions.sum()), days, days * (1 - level))
