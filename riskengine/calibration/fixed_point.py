"""Fixed points of a map that contracts slowly, by Anderson's acceleration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray

_MEMORY = 5  # differences that a step is extrapolated from
_FARTHEST = 3.0  # of an extrapolation from what the map says


def fixed_point(step: Callable[[Array], Array], start: Array, tolerance: float, most: int) -> Array:
    """Where a map leads to, by Anderson's acceleration of its iteration.

    The next point is the combination of the last results of the map whose residuals cancel best (Anderson 1965; Walker
    and Ni 2011), where the map itself would take many small steps in nearly one direction, as EM does. Without such a
    combination nearby, the map's own result is taken.

    Parameters
    ----------
    step : the map, of vectors whose coordinates are of comparable size
    start : (size,)
    tolerance : largest change of a coordinate by the map at which it ends
    most : evaluations of the map

    Examples
    --------
    >>> calls = []
    >>> half = lambda x: calls.append(x) or 0.95 * x + 0.05 * np.array([1.0, 2.0])
    >>> fixed_point(half, np.zeros(2), 1e-9, 100).round(6), len(calls)
    (array([1., 2.]), 3)
    """
    point, result = start, step(start)
    residual = result - point
    changes: list[Array] = []  # of results and of residuals, from evaluation to evaluation
    for _ in range(most - 1):
        if np.abs(residual).max() < tolerance:
            break
        point = result
        if changes:
            of_results, of_residuals = np.array(changes[-_MEMORY:]).transpose(1, 2, 0)
            away = of_results @ np.linalg.lstsq(of_residuals, residual, rcond=None)[0]
            if np.abs(away).max() <= _FARTHEST:
                point = result - away
        before = np.array([result, residual])
        result = step(point)
        residual = result - point
        changes.append(np.array([result, residual]) - before)
    return result
