"""p-values by simulation (Dufour 2006), with the range that ties leave, and a multiplicity correction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray


class RankP(NamedTuple):
    """A p-value by simulation, and what ties make of it.

    Attributes
    ----------
    low, high : with all ties on the one side and on the other; a random order of ties gives any value between
    """

    low: float
    high: float

    @property
    def mid(self) -> float:
        """Half of the ties counted (Lancaster 1961): the same for the same data, and the mean of all random orders."""
        return (self.low + self.high) / 2


def rank_p_value(observed: float, null: Array, small: bool = False) -> RankP:
    """Share of statistics at least as extreme as the observed one, among it and those drawn under the null.

    Statistics of exceptions take few values, so that many are equal. With a random order of equal ones a test at 5%
    would reject 5% of right forecasts (Dufour 2006), and the same figures one day and not the other; the mid-p value
    has no such chance in it, and rejects as often as the statistic allows, at a few exceptions less often as a rule.

    Parameters
    ----------
    observed : statistic; NaN where there was nothing to judge, which is no evidence
    null : (draws,) statistics of series drawn under the null
    small : whether small values are evidence against the forecast, instead of large ones

    Examples
    --------
    >>> p = rank_p_value(3.0, np.array([0.0, 1.0, 2.0, 3.0]))
    >>> p.low, round(p.mid, 3), p.high
    (0.2, 0.3, 0.4)
    """
    sign = -1.0 if small else 1.0
    value = sign * observed if np.isfinite(observed) else -np.inf
    others = np.where(np.isfinite(null), sign * null, -np.inf)
    # Series that have the same statistic sum their terms in another order: they are ties all the same.
    near = 1e-9 * max(1.0, abs(value)) if np.isfinite(value) else 0.0
    same = (others == value) | (np.abs(others - value) <= near) if np.isfinite(value) else others == value
    above = int(((others > value) & ~same).sum())
    draws = len(null) + 1
    return RankP((1 + above) / draws, (1 + above + int(same.sum())) / draws)


def holm(p_values: Array) -> Array:
    """p-values adjusted for their number (Holm 1979); valid under any dependence between the tests.

    Raises
    ------
    DataError
        If one is no probability.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p_values, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise DataError("p-values lie between 0 and 1, one a test")
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
