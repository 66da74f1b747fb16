"""A mended copy of prices, with a line for each cell that was changed. Never in place, and only when asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskengine.market.audit import moves_of, unrest_of
from riskengine.market.jumps import Jump, jumps


@dataclass(frozen=True, eq=False)
class Repair:
    """Repaired prices, and every cell that was changed.

    Attributes
    ----------
    prices : the copy
    changes : a row a cell: asset, date, old, new (NaN where the cell is empty now), reason
    """

    prices: pd.DataFrame
    changes: pd.DataFrame

    def __str__(self) -> str:
        if self.changes.empty:
            return "nothing was repaired"
        counts = Counter(zip(self.changes["asset"], self.changes["reason"], strict=True))
        return "\n".join(f"{asset}: {reason}, {count} price(s)" for (asset, reason), count in counts.items())


def repair(prices: pd.DataFrame) -> Repair:
    """Repair splits, changes of unit and single wrong prints, as the audit finds them; nothing is filled.

    The prices before a split or a lasting change of unit are put on the scale of those after it, and those of a
    passing one on the scale around it. A wrong print becomes an empty cell. All else stays to the last digit: large
    moves, stale runs, gaps and common jumps are for people to judge.

    Parameters
    ----------
    prices : dates x assets, sorted, NaN where there is no price

    Examples
    --------
    >>> dates = pd.bdate_range("2024-01-01", periods=4)
    >>> found = repair(pd.DataFrame({"A": [100.0, 101.0, 50.4, 50.0]}, dates))
    >>> found.prices["A"].tolist()
    [50.0, 50.5, 50.4, 50.0]
    >>> print(found)
    A: back-adjusted for a split of 1:2 on 2024-01-03, 2 price(s)
    """
    values = prices.to_numpy(np.float64)
    unrest = unrest_of(moves_of(values))
    mended = values.copy()
    rows = []
    for column, name in enumerate(prices.columns):
        where = np.flatnonzero(np.isfinite(values[:, column]) & (values[:, column] > 0))
        if len(where) < 2:
            continue
        seen = values[where, column]
        reasons = np.full(len(seen), "", dtype=object)
        new = seen.copy()
        for jump in jumps(seen, unrest[where], np.diff(where)):
            day = f"{prices.index[where[jump.day]]:%Y-%m-%d}"
            part, factor, reason = _mending(jump, day, len(seen))
            if reason:
                new[part] *= factor
                for k in range(len(seen))[part]:
                    reasons[k] = f"{reasons[k]}; {reason}" if reasons[k] else reason
        changed = np.flatnonzero(reasons != "")
        mended[where[changed], column] = new[changed]
        rows += [(str(name), prices.index[where[k]], seen[k], new[k], reasons[k]) for k in changed]
    changes = pd.DataFrame(rows, columns=["asset", "date", "old", "new", "reason"])
    return Repair(pd.DataFrame(mended, prices.index, prices.columns), changes)


def _mending(jump: Jump, day: str, count: int) -> tuple[slice, float, str]:
    """Which prices are changed, by what factor (NaN empties them), and why; no reason where none is."""
    if jump.kind == "possible_split":
        return slice(0, jump.day), jump.nearest, f"back-adjusted for a split of {jump.named} on {day}"
    if jump.kind == "wrong_print" or (jump.kind == "possible_unit_change" and jump.days == 1):
        return (
            slice(jump.day, jump.day + 1),
            np.nan,
            f"wrong print on {day}, {jump.ratio:.4g} times the one before",
        )
    if jump.kind == "possible_unit_change" and jump.days:
        return (
            slice(jump.day, jump.day + jump.days),
            1 / jump.nearest,
            f"another unit for {jump.days} days from {day}",
        )
    if jump.kind == "possible_unit_change":
        return slice(0, jump.day), jump.nearest, f"put on the unit of the prices from {day} on"
    return slice(0, 0), 1.0, ""
