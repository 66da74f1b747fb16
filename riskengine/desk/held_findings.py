"""What an audit of prices says of what is held."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskengine.market import Panel

Array = np.ndarray

RECENT = 30
"""Closes within which a finding of the audit is shown by itself, and large moves are shown at all."""


def held_findings(panel: Panel, held: Array, window: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Serious findings on holdings, as text: those of the last ``window`` closes, and those before.

    Large moves of the last closes are among them: they may be splits, or another currency.

    Parameters
    ----------
    panel : prices
    held : (assets,) bool
    window : closes that figures rest on

    Examples
    --------
    >>> prices = pd.DataFrame({"A": [100.0, 101.0, 50.4, 50.0]}, pd.bdate_range("2024-01-01", periods=4))
    >>> held_findings(Panel(prices), np.array([True]), 250)[0]
    ('possible_split: A 2024-01-03: price ratio 0.4990, near 1:2',)
    """
    names = {panel.assets[k] for k in np.flatnonzero(held)}
    first = panel.dates[-min(window + 1, len(panel.dates))]
    recently = panel.dates[-min(RECENT, len(panel.dates))]
    recent: list[str] = []
    older: list[str] = []
    for finding in panel.audit():
        dated = isinstance(finding.date, pd.Timestamp)
        doubtful = finding.serious or (finding.kind == "large_move" and dated and finding.date >= recently)
        if not doubtful or (finding.asset is not None and finding.asset not in names):
            continue
        before = dated and finding.date < first
        (older if before else recent).append(str(finding))
    return tuple(recent), tuple(older)
