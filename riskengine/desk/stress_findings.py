"""What a stress test has to say of the prices of what is held: odd, stale, standing still."""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskengine.desk.held_findings import held_findings
from riskengine.market import STALE_AFTER, Panel, ages
from riskengine.risk import Outcome, ScenarioModel

Array = np.ndarray

_STILL = 0.2
"""Share of returns of exactly zero from which on the prices of a holding are called stale."""


def price_findings(panel: Panel, weights: Array, rows: Array, window: int) -> tuple[list[str], list[str]]:
    """Flags and notes on the prices of what is held."""
    held = weights != 0
    recent, older = held_findings(panel, held, window)
    silent = (~np.isnan(rows)).sum(axis=0) < 2
    flags = [f"audit: {line}" for line in recent]
    flags += [
        f"{panel.assets[j]}: {weights[j]:.1%} of wealth, but without returns in the window; it moves in no scenario"
        for j in np.flatnonzero(held & silent)
    ]
    flags += _still(panel.assets, rows, held)
    return flags, [f"audit, before the window: {line}" for line in older]


def closes_since(panel: Panel) -> Array:
    """Closes since the last price of each asset ``(assets,)``."""
    values = panel.prices.to_numpy()
    return np.minimum(ages(values), len(values)).astype(int)


def stale_holdings(
    model: ScenarioModel,
    weights: Array,
    ages: Array,
    base: Outcome,
    dates: pd.DatetimeIndex,
    notes: list[str],
    level: float,
) -> list[str]:
    """Holdings without a price lately, with what they carry of the risk."""
    carried = base.drivers(level)
    total, flags = carried.sum(), []
    for j in np.flatnonzero((weights != 0) & (ages > 0)):
        since = (
            f"no price for {ages[j]} close{'s' if ages[j] > 1 else ''}, since {dates[-1 - ages[j]]:%Y-%m-%d}"
        )
        line = f"{model.assets[j]}: {since}; valued at its last one"
        if ages[j] <= STALE_AFTER:
            notes.append(line)
            continue
        share = carried[j] / total if total > 0 else np.nan
        flags.append(f"{line}, it carries {share:.0%} of the CVaR")
    return flags


def _still(assets: tuple[str, ...], rows: Array, held: Array) -> list[str]:
    """Holdings whose prices often do not move at all."""
    with np.errstate(invalid="ignore"):
        zero = (rows == 0).sum(axis=0) / np.maximum((~np.isnan(rows)).sum(axis=0), 1)
    return [
        f"{assets[j]}: {zero[j]:.0%} of its returns are exactly zero: stale prices make its volatility "
        "and its correlations doubtful"
        for j in np.flatnonzero(held & (zero > _STILL))
    ]
