"""What is doubtful about the times of prices: how often they come, gaps that no return spans, closes hours apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from riskengine.market.audit import Finding
from riskengine.market.spans import ages

if TYPE_CHECKING:
    from riskengine.market.panel import Panel

Array = np.ndarray

_LEAD = 0.15
"""Correlation of one asset's return with another's next one, of its correlation today, that looks asynchronous."""


def time_findings(panel: Panel) -> tuple[Finding, ...]:
    """Irregular and missing dates, gaps longer than the staleness, stale last prices, sparse prices, and lead-lags.

    Parameters
    ----------
    panel : whose settings decide what is stale
    """
    return (*_irregular(panel), *_holes(panel), *_gaps(panel), *_sparse(panel), *_asynchronous(panel))


def _irregular(panel: Panel) -> list[Finding]:
    frequency = panel.frequency
    if not frequency.doubt:
        return []
    detail = (
        f"{frequency.doubt}; annualised by {frequency.periods_per_year:.1f}, the closes a year that there are: keep "
        "rows of one frequency, or state periods_per_year (--periods-per-year)"
    )
    return [Finding("irregular_dates", None, panel.dates[0], detail)]


def _holes(panel: Panel) -> list[Finding]:
    """Dates at which no asset has a row."""
    missing = panel.calendars.missing
    found = []
    for row in map(int, np.flatnonzero(missing)):
        lost = missing[row] + 1 > panel.staleness
        kind = "missing_dates" if lost else "skipped_dates"
        what = (
            "the move over them is no return, and a book earns it on one day"
            if lost
            else "the return spans them"
        )
        detail = f"the table lacks {missing[row]} close(s) after {panel.dates[row - 1]:%F}: {what}"
        found.append(Finding(kind, None, panel.dates[row], detail))
    return found


def _gaps(panel: Panel) -> list[Finding]:
    """Gaps in a life over which there is no return, and last prices that are too old to decide on."""
    found = []
    values, limit = panel.prices.to_numpy(), panel._times.limit
    clock = panel._times.clock
    for asset in np.flatnonzero(np.isnan(values).any(axis=0)):
        rows = np.flatnonzero(~np.isnan(values[:, asset]))
        times = rows if clock is None else clock[rows, asset]
        for k in np.flatnonzero(np.diff(times) > limit[asset]):
            detail = (
                f"no price for {int(times[k + 1] - times[k]) - 1} closes, more than the {limit[asset]} that a return "
                "spans: the move over them is lost"
            )
            found.append(Finding("long_gap", panel.assets[asset], panel.dates[rows[k] + 1], detail))
    old = ages(values, clock)
    for asset in np.flatnonzero((old >= limit) & np.isfinite(old) & (old < 20 * limit)):
        detail = f"last price, {old[asset]:.0f} closes old: nothing is decided on it"
        date = panel.dates[np.flatnonzero(~np.isnan(values[:, asset]))[-1]]
        found.append(Finding("stale_price", panel.assets[asset], date, detail))
    return found


def _sparse(panel: Panel) -> list[Finding]:
    spacing = panel.calendars.spacing
    return [
        Finding(
            "sparse_prices",
            panel.assets[k],
            None,
            f"a price every {spacing[k]} sessions: its returns are scaled to one, its correlations taken over all",
        )
        for k in np.flatnonzero(spacing > 1)
    ]


def _asynchronous(panel: Panel) -> list[Finding]:
    """Assets without a stated close whose returns follow the others' of the day before."""
    times = panel._times
    unknown = np.flatnonzero(np.isnan(times.closes) & (times.spacing == 1))
    if panel.frequency.unit != "day" or len(unknown) < 2:
        return []
    rows = panel.session_returns.to_numpy()[:, unknown]
    rows = rows[~np.isnan(rows).any(axis=1)]
    moved = rows.std(axis=0) > 0 if len(rows) else np.zeros(len(unknown), bool)
    if len(rows) < 250 or moved.sum() < 2:
        return []
    names = [panel.assets[k] for k in unknown[moved]]
    z = (rows[:, moved] - rows[:, moved].mean(axis=0)) / rows[:, moved].std(axis=0)
    # A day of a crash must not decide: ranks would cost more than cutting off does.
    z = np.clip(z, -4, 4)
    today, next_ = z.T @ z / len(z), z[1:].T @ z[:-1] / len(z)  # next_[i, j]: i follows j
    error = 1 / np.sqrt(len(z))
    lead = next_ - next_.T  # one-sided: what both have is no matter of closing times
    follows = (lead > 5 * error) & (next_ > _LEAD) & (next_ > _LEAD * np.abs(today))
    np.fill_diagonal(follows, False)
    found = []
    for k in np.flatnonzero(follows.any(axis=1)):
        leader = int(np.argmax(np.where(follows[k], next_[k], -np.inf)))
        detail = (
            f"its return goes with that of {names[leader]} the day before ({next_[k, leader]:.2f}; the same day "
            f"{today[k, leader]:.2f}): if it closes earlier, state closes, so that correlations are not underrated"
        )
        found.append(Finding("asynchronous_close", names[k], None, detail))
    return found
