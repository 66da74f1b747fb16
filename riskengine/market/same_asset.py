"""One asset in two columns of prices: twins, and a life that goes on under another name."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

Array = np.ndarray

_HANDOVER = 5
"""Closes between the last price under one name and the first under the next, at most."""

_LIFE = 20
"""Moves of the ended column below which nothing is known of how far it goes in a day."""

_FAR = 4.0
"""Root mean square moves that the first price may lie from the last one."""


def twins_of(moves: Array, columns: pd.Index) -> dict[int, str]:
    """Columns that move as an earlier one does on every day, and its name.

    Parameters
    ----------
    moves : (T - 1, N) log returns
    """
    enough = np.sum(~np.isnan(moves) & (moves != 0), axis=0) >= 20
    places = np.flatnonzero(enough)
    if len(places) < 2:
        return {}
    weights = np.random.default_rng(0).standard_normal(len(moves))
    marks = weights @ np.nan_to_num(moves[:, places])
    order = np.argsort(marks)
    found: dict[int, str] = {}
    for one, two in pairwise(order):
        first, second = sorted((int(places[one]), int(places[two])))
        if abs(marks[one] - marks[two]) < 1e-6 and np.allclose(
            moves[:, first], moves[:, second], rtol=0, atol=1e-9, equal_nan=True
        ):
            found[second] = str(columns[first])
    return found


def former_names(values: Array, columns: pd.Index) -> dict[int, tuple[int, str]]:
    """Columns that begin where another ends, near its last price: first row, and the name before.

    Only where no other begins or ends in these days: where an index changes its members, near prices are chance.

    Parameters
    ----------
    values : (T, N) prices, NaN where there is none

    Examples
    --------
    >>> price = 100 * np.exp(0.01 * np.sin(np.arange(60.0)))
    >>> one, two = np.where(np.arange(60) < 40, price, np.nan), np.where(np.arange(60) < 40, np.nan, price)
    >>> former_names(np.column_stack([one, two]), pd.Index(["FB", "META"]))
    {1: (40, 'FB')}
    """
    seen = np.isfinite(values) & (values > 0)
    alive = seen.any(axis=0)
    first = np.argmax(seen, axis=0)
    last = len(values) - 1 - np.argmax(seen[::-1], axis=0)
    found: dict[int, tuple[int, str]] = {}
    for new in np.flatnonzero(alive & (first > 0)):
        begun = alive & (np.abs(first - first[new]) <= _HANDOVER)
        ended = np.flatnonzero(alive & (np.abs(first[new] - last) <= _HANDOVER) & (last < len(values) - 1))
        if begun.sum() > 1 or len(ended) != 1 or last[ended[0]] >= first[new]:
            continue
        old, apart = int(ended[0]), int(first[new] - last[ended[0]])
        moves = np.diff(np.log(values[seen[:, old], old]))
        step = abs(float(np.log(values[first[new], new] / values[last[old], old])))
        if len(moves) >= _LIFE and step <= _FAR * np.sqrt(apart * np.mean(moves**2)):
            found[int(new)] = (int(first[new]), str(columns[old]))
    return found
