"""What the strategy wants this morning, and what of it orders and the desk's limits allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from riskengine.desk.holdings import Holdings
from riskengine.desk.rules import Desk
from riskengine.desk.strategy_state import Morning, Shown, decide
from riskengine.errors import DataError, listed
from riskengine.market import Panel
from riskengine.portfolio import Group, Strategy, WeightLimits
from riskengine.portfolio.fallback import BEYOND_TURNOVER
from riskengine.portfolio.imposed import nearest, with_limits

Array = np.ndarray

ROUNDING = 1e-6  # of weights
MARGIN = 0.005
"""Share of wealth above which cash that is owed is flagged; below, it is what settlement leaves behind."""


class Asked(NamedTuple):
    """The strategy's decision, and what it was asked under."""

    morning: Morning
    before: Array
    limits: WeightLimits
    able: bool  # the strategy takes the limits itself
    flags: list[str]


def ask_under_limits(
    strategy: Strategy,
    panel: Panel,
    holdings: Holdings,
    desk: Desk,
    known: Array,
    out: Path | None,
    shown: Shown | None,
    fresh: bool,
) -> Asked:
    """Ask the strategy, under the limits of the desk where it takes them."""
    before, wealth = _held(holdings, known)
    limits = _weight_limits(desk, panel.assets, known, wealth)
    able = with_limits(strategy, limits)
    limited, gave_way = (strategy, ()) if able is None else able
    morning = decide(strategy, panel, before, out, shown, fresh, limited)
    flags = _start_flags(morning, holdings, wealth)
    if morning.decision.status != "ok":
        flags.append(f"decision: {morning.decision.status}")
    flags += [str(note) for note in (*morning.decision.notes, *gave_way)]
    return Asked(morning, before, limits, able is not None, flags)


class Targets(NamedTuple):
    """What the orders go for, (assets,); whether they may only sell; and what was done to the strategy's own."""

    weights: Array
    only_sales: bool
    flags: list[str]


def reachable_targets(strategy: Strategy, asked: Asked, desk: Desk, assets: tuple[str, ...]) -> Targets:
    """Targets that orders paid for from cash can have, within the limits and the restricted lists of the desk."""
    decision, flags = asked.morning.decision, []
    targets = np.where(
        np.abs(decision.weights) > ROUNDING, decision.weights, np.maximum(decision.weights, 0.0)
    )
    targets, held_back = _unrestricted(targets, asked.before, desk, assets)
    flags += held_back
    if targets.sum() > 1 + ROUNDING:
        flags.append(
            f"the strategy wants to borrow {targets.sum() - 1:.1%} of wealth; orders here are paid for from cash, and "
            f"its targets are scaled to {1 - desk.cash:.0%}"
        )
    if targets.sum() > asked.limits.budget:
        targets = targets * (asked.limits.budget / targets.sum())
    targets, moved, only_sales = _within(
        targets, asked.limits, asked.before, assets, asked.able, decision.status
    )
    return Targets(targets, only_sales, flags + moved)


def _held(holdings: Holdings, known: Array) -> tuple[Array, float]:
    """Weights before trading, and wealth."""
    bare = (holdings.quantity != 0) & ~(known > 0)
    if bare.any():
        name = holdings.assets[int(np.argmax(bare))]
        raise DataError(f"{name} is held but has no price: add one, or write it off")
    wealth = holdings.wealth(known)
    if not (np.isfinite(wealth) and wealth > 0):
        owed = f", with a cash of {holdings.cash:,.2f}" if holdings.cash < 0 else ""
        raise DataError(
            f"wealth is {wealth:,.2f}{owed}: there is nothing to invest; the file of holdings lists quantities, "
            "and money as CASH"
        )
    return holdings.weights(known), wealth


def _weight_limits(desk: Desk, assets: tuple[str, ...], known: Array, wealth: float) -> WeightLimits:
    """The limits of a desk on weights and trades, in the terms of an optimiser."""
    groups = []
    for name, limit in desk.limits.items():
        if name.startswith("group:"):
            group = name.removeprefix("group:")
            members = tuple(asset for asset in assets if desk.groups.get(asset) == group)
            groups.append(Group(f"{group} (desk)", members, upper=limit))
    return WeightLimits(
        weight=desk.limits.get("weight"),
        groups=tuple(groups),
        budget=1 - desk.cash,
        turnover=desk.limits.get("turnover"),
        participation=desk.limits.get("participation"),
        volume=desk.volumes(assets) * known / wealth if desk.volume else None,
    )


def _start_flags(morning: Morning, holdings: Holdings, wealth: float) -> list[str]:
    """Flags on where the decision starts from."""
    flags = []
    if morning.forgotten is not None:
        flags.append(
            f"the strategy begins anew, as --fresh asks: what it had learned up to {morning.forgotten} is forgotten"
        )
    if holdings.cash < -MARGIN * wealth:
        flags.append(
            f"cash is {holdings.cash:,.2f}, {-holdings.cash / wealth:.1%} of wealth is owed: sales pay it back"
        )
    return flags


def _unrestricted(
    targets: Array, before: Array, desk: Desk, assets: tuple[str, ...]
) -> tuple[Array, list[str]]:
    """Targets that ask for nothing which the desk may not buy or sell; the others share what that leaves of the sum."""
    buy, sell = desk.allowed(assets)
    wanted = np.where(buy, targets, np.minimum(targets, before))
    wanted = np.where(sell, wanted, np.maximum(wanted, before))
    moved = np.abs(wanted - targets) > ROUNDING
    if not moved.any():
        return targets, []
    free = ~moved & buy & sell & (targets > 0)
    rest = float(targets[free].sum())
    if rest > 0:
        share = max(0.0, rest - float((wanted - targets).sum())) / rest
        wanted = np.where(free, wanted * share, wanted)
    names = listed([assets[j] for j in np.flatnonzero(moved)])
    return wanted, [
        f"restricted: {names} may not be traded as the strategy wants; the others share the difference"
    ]


def _within(
    targets: Array,
    limits: WeightLimits,
    before: Array,
    assets: tuple[str, ...],
    able: bool,
    status: str,
) -> tuple[Array, list[str], bool]:
    """Targets within the limits of the desk, or as near as trades bring them; what was done; whether to sell only."""
    if status == BEYOND_TURNOVER:  # by the least that the others leave, and its notes say by how much
        limits = replace(limits, turnover=None)
    if limits.weight is not None:
        targets = np.maximum(targets, -limits.weight)
    broken = limits.broken(targets, before, assets, ROUNDING)
    if not broken:
        return targets, [], False
    if (targets < 0).any():
        return targets, [f"judged and not imposed on a portfolio with shorts: {'; '.join(broken)}"], False
    only_sales = able and status != "ok" and bool(before.any())
    flags, said = [], "; ".join(broken)
    clash = limits.clashing(float(targets.sum()), before, assets, targets)
    if clash:
        flags.append(f"limits clash: {'; '.join(clash)}")
    if able and status != "ok":
        # What the strategy fell back to breaks limits: go towards them, and buy nothing meanwhile, unless all is cash.
        base = np.minimum(targets, before) if only_sales else targets
        found = nearest(base, limits, before, assets, keep_budget=False)
        flags.append(
            f"no portfolio keeps all limits ({said} of what was fallen back to): holdings are brought nearer to "
            "them, the rest is cash"
        )
    else:
        found = nearest(targets, limits, before, assets)
        cause = "the strategy takes no limits" if not able else "a limit on its total"
        flags.append(f"targets moved to the nearest within the limits ({cause}): {said}")
    flags += [f"cannot be met today: {one}" for one in limits.broken(found, before, assets, ROUNDING)]
    return found, flags, only_sales
