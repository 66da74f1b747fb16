"""p-values by simulation that are right in every sample (Dufour 2006), with a multiplicity correction."""

from __future__ import annotations

import hashlib

import numpy as np

from riskengine.errors import DataError

Array = np.ndarray


def rank_p_value(observed: float, null: Array, tie_breaker: float, small: bool = False) -> float:
    """Share of statistics at least as extreme as the observed one, among it and those drawn under the null.

    Statistics of exceptions take few values. Equal ones are put in a random order, so that the p-value is uniform
    under the null and a test at 5% rejects 5% of right forecasts, exactly, whenever ``0.05 (draws + 1)`` is whole.

    Parameters
    ----------
    observed : statistic; NaN where there was nothing to judge, which is no evidence
    null : (draws,) statistics of series drawn under the null
    tie_breaker : uniform on (0, 1)
    small : whether small values speak against the forecast, instead of large ones

    Examples
    --------
    >>> rank_p_value(3.0, np.array([0.0, 1.0, 2.0, 3.0]), tie_breaker=0.5)
    0.4
    """
    sign = -1.0 if small else 1.0
    value = sign * observed if np.isfinite(observed) else -np.inf
    others = np.where(np.isfinite(null), sign * null, -np.inf)
    # Series that have the same statistic sum their terms in another order: they are ties all the same.
    near = 1e-9 * max(1.0, abs(value)) if np.isfinite(value) else 0.0
    same = (others == value) | (np.abs(others - value) <= near) if np.isfinite(value) else others == value
    above = (others > value) & ~same
    ties = int(np.floor(tie_breaker * (same.sum() + 1)))
    return float((1 + above.sum() + ties) / (len(null) + 1))


def tie_breakers(count: int, *data: Array, seed: int = 0) -> Array:
    """Uniform numbers ``(count,)`` made of the data themselves: the same data give the same p-values.

    Examples
    --------
    >>> x = np.arange(3.0)
    >>> bool((tie_breakers(2, x) == tie_breakers(2, x)).all())
    True
    >>> bool((tie_breakers(2, x) == tie_breakers(2, x + 1)).any())
    False
    """
    digest = hashlib.sha256()
    for array in data:
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return np.random.default_rng([seed, *digest.digest()]).random(count)


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
