"""Jumps of a price and what they look like: splits, other units, wrong prints, large moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

SPLITS: dict[tuple[int, int], float] = {
    (2, 1): 0.40, (3, 1): 0.12, (3, 2): 0.10, (4, 1): 0.08, (5, 1): 0.05, (10, 1): 0.05, (5, 2): 0.01, (20, 1): 0.03,
    (6, 1): 0.01, (7, 1): 0.01, (8, 1): 0.01, (15, 1): 0.01, (25, 1): 0.02, (30, 1): 0.01, (40, 1): 0.01,
    (50, 1): 0.03, (7, 2): 0.002,
}  # fmt: skip
"""Usual splits and how often each is met among them, roughly; reverse ones are these upside down."""

UNITS = (100.0, 1000.0)
"""Ratios of units of price: pence to pounds, cents to dollars, quotes per thousand."""

_REVERSE = {2: 0.1, 3: 0.3}
"""Reverse splits of so few to one are rarer than forward ones."""
_SPLIT_RATE = 1e-4
_MOVE_RATE = 4e-5
"""Moves above 33% in a day of a stock that moves 2% a day: 206 in 4.8 million stock-days of 2005 to 2017."""
_DECAY = 3.5
_ODDS = 1.0
"""With these, 7 of 563 real moves above 33% of adjusted prices count as splits, and of splits put into real prices
82% (2:1) to 99% (20:1), 44% of 3:2."""
_SMALLEST = np.log(1.46)
_LOOKED_AT = np.log(1.15)
_NAMED = np.log(1.35)
"""From here a move may be a split or another unit."""
_LARGE = 0.5
_ODD = 12.0
"""Daily volatilities, of the days around it and of the market, from which on a smaller move is large."""
_CALM = 0.004
_REVERTS_WITHIN = 5


@dataclass(frozen=True)
class Jump:
    """A jump of one asset.

    Attributes
    ----------
    kind : ``possible_split``, ``possible_unit_change``, ``wrong_print`` or ``large_move``
    day : position of the first price after it
    ratio : of that price to the one before
    nearest : ratio of the split or unit that it looks like, else NaN
    days : prices until it goes back, 0 if it stays
    named : the split or unit in words
    """

    kind: str
    day: int
    ratio: float
    nearest: float = np.nan
    days: int = 0
    named: str = ""


def jumps(seen: Array, unrest: Array, gaps: Array | None = None) -> Iterator[Jump]:
    """Jumps of one asset, in order.

    A jump counts as a split where that is likelier than an ordinary large move: the ratio is that of a usual split
    but for a day's return, the asset is calm before and after, and so are the others. A split stays; what is undone
    within a week is a wrong print where the price comes back at once to where it was, and else a large move there
    and back. A ratio of a hundred, once or back and forth, is taken for another unit.

    Parameters
    ----------
    seen : its prices, all positive and finite
    unrest : how much likelier large moves are on the day of each price than usually, at least 1
    gaps : closes from each price to the next one, one fewer than prices; all 1 if not given
    """
    move = np.diff(np.log(seen))
    returned = -1
    for k in map(int, np.flatnonzero(np.abs(move) > _LOOKED_AT)):
        day = k + 1
        if day <= returned:
            continue  # the way back of one that is told already
        size, ratio = abs(move[k]), float(seen[day] / seen[k])
        span = 1.0 if gaps is None else float(np.sqrt(gaps[k]))
        before, after = (span * side for side in _volatilities(move, k))
        sigma = max(before, after)
        unit = min(UNITS, key=lambda u: abs(np.log(u) - size))
        back = _back(seen, k, sigma)
        if size < _NAMED:
            if size > _ODD * sigma * np.sqrt(unrest[day]):
                yield Jump("large_move", day, ratio, days=back)
                returned = day + back if back else returned
        elif abs(np.log(unit) - size) < min(max(4 * sigma, 0.05), 0.25):
            nearest = unit if move[k] > 0 else 1 / unit
            yield Jump(
                "possible_unit_change",
                day,
                ratio,
                nearest,
                back,
                f"{unit:g}{' times' if move[k] > 0 else 'th part'}",
            )
            returned = day + back if back else returned
        elif back == 1 and size > np.log(2) - 0.05:
            yield Jump("wrong_print", day, ratio, days=1)
            returned = day + 1
        else:
            split = None if _undone(seen, k) else _split(move[k], before, after, unrest[day])
            if split is not None:
                n, m = split
                named, nearest = (f"{n}:{m}", n / m) if move[k] > 0 else (f"{m}:{n}", m / n)
                yield Jump("possible_split", day, ratio, nearest, 0, named)
            elif abs(ratio - 1) > _LARGE or size > _ODD * sigma * np.sqrt(unrest[day]):
                yield Jump("large_move", day, ratio)


def _volatilities(move: Array, k: int) -> tuple[float, float]:
    """Of a day, from the mean size of the moves before and after; where one side has none, the other's."""
    around = [move[max(k - 20, 0) : k], move[k + 1 : k + 11]]
    sizes = [
        1.2533 * float(np.mean(np.minimum(np.abs(part), 0.3))) if len(part) > 1 else None for part in around
    ]
    before, after = (
        max(size if size is not None else sizes[1 - i] or _CALM, _CALM) for i, size in enumerate(sizes)
    )
    return before, after


def _split(move: float, before: float, after: float, unrest: float) -> tuple[int, int] | None:
    """The usual split that a move is likelier to be than an ordinary one, if any.

    Bayes: a split and a day's return, Student's t with 4 degrees of freedom, against a large move, exponential in
    size and the more frequent the more restless the asset and the market are.
    """
    size, best, odds = abs(move), None, _ODDS
    restless, usual = max(before, after), np.sqrt(before * after)
    moves = _MOVE_RATE * (restless / 0.02) ** 2 * unrest * _DECAY * np.exp(-_DECAY * (size - _SMALLEST))
    for (n, m), share in SPLITS.items():
        error = (size - np.log(n / m)) / usual
        share *= 1.0 if move < 0 else _REVERSE.get(n, 1.0) if m == 1 else 0.1
        density = 0.375 / usual * (1 + error**2 / 4) ** -2.5
        if _SPLIT_RATE * share * density > odds * moves:
            best, odds = (n, m), _SPLIT_RATE * share * density / moves
    return best


def _back(seen: Array, k: int, sigma: float) -> int:
    """Prices until the level before the jump comes back, 0 if it does not within a week."""
    after = np.abs(np.log(seen[k + 2 : k + 2 + _REVERTS_WITHIN] / seen[k]))
    size = abs(np.log(seen[k + 1] / seen[k]))
    drift = np.maximum(3 * sigma, 0.03) * np.sqrt(np.arange(len(after)) + 2)
    near = np.flatnonzero(after < np.minimum(drift, size / 4))
    return int(near[0]) + 1 if len(near) else 0


def _undone(seen: Array, k: int) -> bool:
    """Whether the move from day k to k + 1 goes back within a week, or itself takes one back.

    Back means beyond the geometric middle of the two prices: half the move, in logarithms.
    """
    before, after = seen[max(k + 1 - _REVERTS_WITHIN, 0) : k + 1], seen[k + 1 : k + 1 + _REVERTS_WITHIN]
    middle = np.sqrt(seen[k] * seen[k + 1])
    above = seen[k] > middle
    return bool(np.any((after > middle) == above) or np.any((before > middle) != above))
