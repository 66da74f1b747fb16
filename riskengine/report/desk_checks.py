"""What prices a report rests on, and what is wrong with them: staleness, findings of the audit, quiet assets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from riskengine.market import Finding, MarketView, Panel
from riskengine.market.view import STALE_AFTER

Array = np.ndarray

RECENT = 30
"""Closes within which a finding of the audit is shown by itself; earlier ones are summed up in a line."""
_QUIET = 0.5  # share of zero returns from which figures are doubted


@dataclass(frozen=True, eq=False)
class PriceChecks:
    """What was found in the prices of what is held or bought.

    Attributes
    ----------
    flags : to be looked at, one line each
    notes : that are of no consequence today
    findings : of the audit that are serious, rows of kind, asset, date and detail
    staleness : closes since the last price, of what is held or bought and has none today
    """

    flags: tuple[str, ...]
    notes: tuple[str, ...]
    findings: list[dict[str, Any]]
    staleness: dict[str, int]


def staleness(panel: Panel) -> Array:
    """Closes since the last price of each asset ``(assets,)``; zero with a price today, -1 without any."""
    seen = ~np.isnan(panel.prices.to_numpy())
    return np.where(seen.any(axis=0), np.argmax(seen[::-1], axis=0), -1)


def check_prices(panel: Panel, view: MarketView, held: Array, bought: Array, window: int) -> PriceChecks:
    """Judge the prices of what is held or bought.

    Parameters
    ----------
    panel : prices up to today
    view : the last close, with its members
    held, bought : (assets,) masks
    window : closes that the risk figures rest on
    """
    age, flags = staleness(panel), []
    known, last = panel.prices.ffill().to_numpy()[-1], len(panel.dates) - 1
    stale = np.where(view.member, ~view.fresh, age >= STALE_AFTER)
    for j in np.flatnonzero(held & (age > 0)):
        name, since = panel.assets[j], f"{panel.dates[last - age[j]]:%Y-%m-%d}"
        if stale[j]:
            flags.append(
                f"{name}: stale, no price for {age[j]} closes, beyond the {STALE_AFTER} that a decision may rest on; "
                f"valued at {known[j]:,.2f} of {since}, and its risk is unknown: find a price, or write it off"
            )
        else:
            flags.append(
                f"{name}: no price today, valued at its last one, {known[j]:,.2f} of {since} ({age[j]} closes ago)"
            )
    chosen = held | bought
    rows = panel.returns.to_numpy()[-window:]
    seen = ~np.isnan(rows)
    quiet = np.sum(seen & (rows == 0), axis=0) / np.maximum(seen.sum(axis=0), 1)
    for j in np.flatnonzero(chosen & (quiet > _QUIET)):
        flags.append(
            f"{panel.assets[j]}: {quiet[j]:.0%} of its returns are zero: it seldom trades, or its prices are carried "
            "forward, and its risk figures are doubtful"
        )
    names = [name for name, hit in zip(panel.assets, chosen, strict=True) if hit]
    found = [one for one in panel.select(names).audit() if one.serious] if names else []
    told, older = _told(found, panel, window)
    return PriceChecks(
        (*flags, *told),
        older,
        [
            {
                "kind": one.kind,
                "asset": one.asset,
                "date": None if one.date is None else f"{one.date:%Y-%m-%d}",
                "detail": one.detail,
            }
            for one in found
        ],
        {panel.assets[j]: int(age[j]) for j in np.flatnonzero(chosen & (age > 0))},
    )


def _told(found: list[Finding], panel: Panel, window: int) -> tuple[list[str], tuple[str, ...]]:
    """Flags of serious findings, recent ones by themselves; and notes of those before the window."""
    dates = panel.dates
    recent, begin = dates[max(0, len(dates) - RECENT)], dates[max(0, len(dates) - 1 - window)]
    flags = [_line(one) for one in found if one.date is None or one.date >= recent]
    older = [one for one in found if one.date is not None and begin <= one.date < recent]
    before = [one for one in found if one.date is not None and one.date < begin]
    if older:
        first = f"{older[0].asset} {older[0].date:%Y-%m-%d} ({older[0].kind.replace('_', ' ')})"
        more = f" and {len(older) - 1} more" if len(older) > 1 else ""
        flags.append(
            f"prices of what is held or bought: earlier findings inside the window of the risk figures: {first}{more}; "
            "see `riskengine audit`"
        )
    notes: tuple[str, ...] = ()
    if before:
        names = ", ".join(sorted({str(one.asset) for one in before})[:6])
        notes = (
            f"{len(before)} finding(s) of the audit from before the window of the risk figures: {names}",
        )
    return flags, notes


def _line(one: Finding) -> str:
    what = {"possible_split": "possible split"}.get(one.kind, one.kind.replace("_", " "))
    when = "" if one.date is None else f" on {one.date:%Y-%m-%d}"
    remedy = (
        ": adjust its earlier prices, or its holding, if it was one"
        if one.kind == "possible_split"
        else ": look at its prices"
    )
    return f"{one.asset}: {what}{when}, {one.detail}{remedy}"


def unit(periods_per_year: float) -> str:
    """Name of the time between two closes.

    Examples
    --------
    >>> unit(252.0), unit(52.0), unit(1764.0)
    ('day', 'week', 'period')
    """
    for least, most, name in ((240, 370, "day"), (50, 54, "week"), (11, 13, "month"), (3.5, 4.5, "quarter")):
        if least <= periods_per_year <= most:
            return name
    return "period"
