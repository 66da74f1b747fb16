"""Calibrators by name, and the one that is meant if nobody names any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from riskengine.calibration.arch_reference import ArchReference
from riskengine.calibration.maximum_likelihood import MaximumLikelihood
from riskengine.calibration.neural import NeuralCalibrator
from riskengine.calibration.result import Calibration, Calibrator
from riskengine.calibration.universe_calibrator import UniverseCalibrator
from riskengine.errors import SettingsError
from riskengine.market import Panel

Method = Literal["universe", "network", "plain", "mle", "arch"]

WINDOW = 1000
"""Days that are calibrated if nobody says otherwise."""


def standard_calibrator(method: Method = "universe") -> Calibrator:
    """A calibrator by name.

    Parameters
    ----------
    method : ``"universe"``, the network's answer with the variance of the next day as it and all other assets, and
        the day's ranges where there are any, say (``backtests/calibration/universe_panels.py`` and ``frontier.py``:
        ahead of the others but on coins); ``"network"``, robust and pooled, each asset by itself
        (``backtests/calibration/race.py``); ``"plain"``, the network without either; ``"mle"``, batched maximum
        likelihood; ``"arch"``, the package of that name

    Raises
    ------
    SettingsError
        If there is none of that name.

    Examples
    --------
    >>> type(standard_calibrator("mle")).__name__
    'MaximumLikelihood'
    """
    if method == "universe":
        return UniverseCalibrator.pretrained()
    if method == "network":
        return NeuralCalibrator.pretrained(robust=True, pooled=True)
    if method == "plain":
        return NeuralCalibrator.pretrained()
    if method == "mle":
        return MaximumLikelihood()
    if method == "arch":
        return ArchReference()
    raise SettingsError(f"a calibrator is one of {', '.join(get_args(Method))}, not {method!r}")


def calibrate(
    returns: Any,
    method: Method = "universe",
    window: int | None = WINDOW,
    groups: Sequence[Any] | None = None,
) -> Calibration:
    """Calibrate a GARCH model for every asset at once.

    Parameters
    ----------
    returns : a :class:`~riskengine.market.Panel`, whose ranges are made use of if it has any, a DataFrame of simple
        returns or a ``(time, assets)`` array; NaN where there is none
    method : see :func:`standard_calibrator`
    window : last rows that are used; all if None
    groups : a label an asset, such as its sector, towards whose members it is pooled; not with ``"plain"``, ``"mle"``
        and ``"arch"``

    Raises
    ------
    SettingsError
        If the method is unknown, or takes no groups.
    DataError
        As :meth:`riskengine.calibration.NeuralCalibrator.__call__`.

    Examples
    --------
    >>> import numpy as np
    >>> fit = calibrate(0.01 * np.random.default_rng(0).standard_normal((500, 3)))
    >>> fit.params.beta.shape
    (3,)
    """
    calibrator = standard_calibrator(method)
    rows = returns.session_returns if isinstance(returns, Panel) else returns
    rows = rows if window is None else rows[-window:]
    known: dict[str, Any] = ranges_for(calibrator, returns, len(rows))
    if groups is not None:
        if method not in ("universe", "network"):
            raise SettingsError(f"groups are for the pooled network, not for {method!r}")
        known["groups"] = groups
    return calibrator(rows, **known)


def ranges_for(calibrator: Calibrator, prices: Any, days: int) -> dict[str, Any]:
    """The keyword ``ranges`` of a calibrator's call on the last ``days`` returns, where it and the prices have them.

    Examples
    --------
    >>> from riskengine import MaximumLikelihood, datasets
    >>> ranges_for(MaximumLikelihood(), datasets.us_equities_20(), 250)
    {}
    """
    if not (isinstance(prices, Panel) and isinstance(calibrator, UniverseCalibrator)):
        return {}
    ranges = prices.session_ranges
    return {} if ranges is None else {"ranges": ranges.to_numpy()[len(ranges) - days :]}
