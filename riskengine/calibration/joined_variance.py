"""Two forecasts of a variance as one: how they are joined, and how much the past says for either."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

Array = np.ndarray

FURTHEST = 0.7
"""Bound of the difference of log variances that is joined; on 2009-2012 it costs ranges .0006 nats, closes nothing."""
EVIDENT = 0.2
"""Best weight of past days from which on a forecast has all of its weight; chosen on forecasts of 2004-2012."""
_JUDGED = 128  # assets whose log scores tell the weight


def joined(universe: Any, garch: Any, weight: Any, xp: ModuleType = np) -> Any:
    """Weighted geometric mean of two variances, in which the influence of the first is bounded.

    After a bad print, which the network's filter of two hypotheses sees through and the component model does not, they
    differ by a factor of five or ten: the difference of logarithms ``d`` counts as ``.7 tanh(d / .7)``. ``xp`` is the
    library of the arrays, ``jax.numpy`` inside a compiled function.

    Examples
    --------
    >>> [round(float(joined(np.array(ratio), np.array(1.0), 0.7)), 2) for ratio in (1.1, 2.0, 10.0)]
    [1.07, 1.45, 1.63]
    """
    return garch * xp.exp(weight * FURTHEST * xp.tanh(xp.log(universe / garch) / FURTHEST))


def judging(assets: int) -> slice:
    """Which of so many assets tell the weight: at most some 128, evenly spread.

    Examples
    --------
    >>> judging(20), judging(1000)
    (slice(None, None, 1), slice(None, None, 7))
    """
    return slice(None, None, max(1, assets // _JUDGED))


def evident_weight(returns: Array, universe: Array, garch: Array, dof: Array, most: float) -> float:
    """Weight of the universe's variances by the log scores of the days that are known, from zero to ``most``.

    The mean Student-t log score of a pool of two forecasts is all but a parabola in the weight; its top is the best
    weight of the past (Geweke and Amisano 2011). The parameters of each asset's own GARCH come from these very days and
    the universe's do not, which lowers the top by some .1 to .2: at .2 the component model has all its weight already,
    and at zero, where the tops of independent series lie, none.

    Parameters
    ----------
    returns : (time, assets) less their means, NaN where missing
    universe, garch : (time, assets) variances by the component model, and of each asset by itself
    dof : (assets,)
    most : weight where all is common

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> common = 1e-4 * np.exp(np.repeat(rng.standard_normal(50), 10))[:, None] * np.ones(8)
    >>> rows, flat = np.sqrt(common) * rng.standard_normal((500, 8)), np.full((500, 8), 1.6e-4)
    >>> [evident_weight(rows, one, other, np.full(8, 30.0), 0.7) for one, other in ((common, flat), (flat, common))]
    [0.7, 0.0]
    """
    if most <= 0:
        return 0.0
    seen = ~np.isnan(returns)
    if not seen.any():
        return most
    square = np.where(seen, returns, 0.0) ** 2
    none, half, whole = (
        np.mean(_log_scores(square, joined(universe, garch, weight), 1 / dof), where=seen)
        for weight in (0.0, most / 2, most)
    )
    slope, bend = (4 * half - 3 * none - whole) / most, 2 * (whole - 2 * half + none) / most**2
    top = np.inf if bend >= 0 and slope > 0 else slope / max(-2 * bend, 1e-300)
    return float(most * np.clip(top / EVIDENT, 0.0, 1.0))


def _log_scores(square: Array, variance: Array, eta: Array) -> Array:
    """Student-t log densities less what the variance does not move."""
    eta = np.maximum(eta, 1e-6)
    return -((1 + 1 / eta) * np.log1p(eta * square / ((1 - 2 * eta) * variance)) + np.log(variance)) / 2
