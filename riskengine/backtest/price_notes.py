"""What the audit of the prices says of what a backtest held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskengine.market import Finding, Panel

MOVES = frozenset({"large_move", "stale_run"})
"""Findings that may well be in order, and are worth a note where they are of what was held at the time."""

HELD = "data, while held: "
BEFORE = "data, while not held: "


def price_notes(panel: Panel, weights: pd.DataFrame) -> tuple[str, ...]:
    """How the prices were read, and what their audit found on what was held: serious findings, large moves, stillness.

    A split, a wrong print or another unit while an asset is held is a return that nobody made; while it is not held
    it still is in the history that decisions rest on. Findings on what was never held are left to the audit.

    Parameters
    ----------
    panel : prices
    weights : closes x assets, of the backtest

    Examples
    --------
    >>> prices = pd.DataFrame({"A": [100.0, 101.0, 50.4, 50.0]}, pd.bdate_range("2024-01-01", periods=4))
    >>> price_notes(Panel(prices), prices * 0 + 1)
    ('data, while held: possible_split: A 2024-01-03: price ratio 0.4990, near 1:2',)
    """
    found = []
    held = weights.to_numpy() != 0
    place = {name: k for k, name in enumerate(weights.columns)}
    for finding in panel.audit():
        if finding.kind == "reading":
            found.append(f"prices: {finding.detail}")
        elif finding.kind == "no_prices":
            found.append(f"prices: {finding.asset} has none: it is left out")
        elif finding.kind in MOVES:
            if _then(finding, weights, held[:, place[str(finding.asset)]]):
                found.append(f"prices: {finding}")
        elif finding.serious:
            column = held.any(axis=1) if finding.asset is None else held[:, place[finding.asset]]
            if column.any():
                found.append(f"{HELD if _then(finding, weights, column) else BEFORE}{finding}")
    return tuple(found)


def _then(finding: Finding, weights: pd.DataFrame, held: np.ndarray) -> bool:
    """Whether the asset was held at the close of a finding or the one before; always for one about all days."""
    if not isinstance(finding.date, pd.Timestamp) or finding.kind.startswith("looks_like"):
        return True
    dates = pd.DatetimeIndex(weights.index)
    if not dates[0] <= finding.date <= dates[-1]:
        return False
    day = int(dates.searchsorted(finding.date))
    return bool(held[max(0, day - 1) : day + 1].any())


def count_held(notes: Sequence[str]) -> tuple[int, str]:
    """How many notes are on findings while held, and the first of them."""
    found = [note.removeprefix(HELD) for note in notes if note.startswith(HELD)]
    return len(found), found[0] if found else ""
