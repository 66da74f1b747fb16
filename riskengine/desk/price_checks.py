"""Data quality of a report's prices: staleness, findings of the audit, assets whose prices hardly move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from riskengine.desk.held_findings import RECENT
from riskengine.market import Finding, MarketView, Panel

Array = np.ndarray

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


def check_prices(panel: Panel, view: MarketView, held: Array, bought: Array, window: int) -> PriceChecks:
    """Judge the prices of what is held or bought.

    Parameters
    ----------
    panel : prices up to today
    view : the last close, with its members
    held, bought : (assets,) masks
    window : closes that the risk figures rest on
    """
    flags, shut = [], []
    seen = ~np.isnan(panel.prices.to_numpy())
    rows_since = np.where(seen.any(axis=0), np.argmax(seen[::-1], axis=0), 0)
    known, last = panel.prices.ffill().to_numpy()[-1], len(panel.dates) - 1
    # In closes of its own market: a stock is as fresh on a Sunday as on Friday, a weekly fund within its week.
    age = np.where(np.isfinite(view.age), view.age, rows_since).astype(int)
    stale = np.where(view.member, ~view.fresh, age >= panel.staleness * view.spacing)
    for j in np.flatnonzero(held & (rows_since > 0)):
        name, closes = panel.assets[j], f"{age[j]} close{'' if age[j] == 1 else 's'}"
        value = f"{known[j]:,.2f} of {panel.dates[last - rows_since[j]]:%Y-%m-%d}"
        if stale[j]:
            flags.append(
                f"{name}: stale, no price for {closes}, where a decision may rest on one of less than "
                f"{panel.staleness * view.spacing[j]}; valued at {value}, and its risk is not known: find a price, "
                "or write it off"
            )
        elif age[j] < view.spacing[j]:
            shut.append(f"{name}: its market is shut or it is priced seldom; valued at {value}")
        else:
            flags.append(f"{name}: no price today, valued at its last one, {value} ({closes} ago)")
    chosen = held | bought
    rows = panel.returns.to_numpy()[-window:]
    quiet = np.sum(rows == 0, axis=0) / np.maximum(np.sum(~np.isnan(rows), axis=0), 1)
    for j in np.flatnonzero(chosen & (quiet > _QUIET)):
        flags.append(
            f"{panel.assets[j]}: {quiet[j]:.0%} of its returns are zero: it seldom trades, or its prices are carried "
            "forward, and its risk figures are doubtful"
        )
    names = [name for name, hit in zip(panel.assets, chosen, strict=True) if hit]
    found = [one for one in panel.select(names).audit() if one.serious] if names else []
    told, older = _told(found, panel, window)
    return PriceChecks(
        (*flags, *told, *_large_moves(panel, names)),
        (*shut, *older),
        [one.to_dict() for one in found],
        {panel.assets[j]: int(age[j]) for j in np.flatnonzero(chosen & (rows_since > 0))},
    )


def _large_moves(panel: Panel, names: list[str]) -> list[str]:
    """Recent moves that the audit takes for real ones: before an order the price of a mistake is higher."""
    recent = panel.dates[max(0, len(panel.dates) - RECENT)]
    found = panel.select(names).audit() if names else ()
    return [
        f"{one.asset}: {one.detail} on {one.date:%Y-%m-%d}: if it was no real move, adjust the prices before it, "
        "or its holding"
        for one in found
        if one.kind == "large_move" and one.date >= recent
    ]


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
