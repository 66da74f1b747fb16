"""From target weights to orders: whole lots, sells before buys, never more than is held or paid for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError
from riskengine.report.desk_files import Desk, Holdings

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class TradeList:
    """Orders of one day. All arrays are ``(assets,)``, in the order of the holdings.

    Attributes
    ----------
    units : to trade; negative is a sale
    value : of the trades at the prices given
    participation : units over daily volume, NaN where the volume is not known
    after : units held once all is done
    cash : left, after costs
    cost : estimated
    wealth : before trading
    drift : weights reached less weights wanted
    flags : what could not be done, one line each
    """

    units: Array
    value: Array
    participation: Array
    after: Array
    cash: float
    cost: float
    wealth: float
    drift: Array
    flags: tuple[str, ...]

    def order(self) -> Array:
        """Positions of the trades: sells first, the largest value first."""
        kind = np.where(self.units < 0, 0, 1)
        order = np.lexsort((-np.abs(self.value), kind))
        return order[self.units[order] != 0]


def trade_list(
    holdings: Holdings, prices: Array, targets: Array, desk: Desk, tradable: Array | None = None
) -> TradeList:
    """Whole lots that bring a portfolio as near to its targets as its cash allows.

    Sales go to the nearest lot, or as far as there are lots where the target is zero. Buys begin at the lot below the
    target; the cash that is left buys one more lot of whatever lacks most of one, while it lasts.

    Parameters
    ----------
    holdings : before
    prices : (assets,) of a unit, NaN where there is none
    targets : (assets,) fractions of wealth, none negative; scaled down to leave the desk's share of cash
    desk : lots, smallest trade, cash, cost and participation
    tradable : (assets,) whether an asset can be traded today; all that have a price if not given

    Raises
    ------
    DataError
        If a holding has no price, there is no wealth, or a target is negative or on what cannot be traded.

    Examples
    --------
    >>> before = Holdings(("A", "B"), np.array([100.0, 0.0]), cash=50.0)
    >>> done = trade_list(before, np.array([10.0, 7.0]), np.array([0.5, 0.5]), Desk(cost_rate=0.0))
    >>> done.units, done.cash
    (array([-48.,  75.]), 5.0)
    """
    prices, targets = np.asarray(prices, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    lots, names = desk.lots(holdings.assets), holdings.assets
    bare = (holdings.quantity > 0) & ~(prices > 0)
    if bare.any():
        raise DataError(f"{names[int(np.argmax(bare))]} is held but has no price: add one, or write it off")
    if not (np.isfinite(targets).all() and (targets >= 0).all()):
        raise DataError(
            "targets of a trade list are fractions of wealth, none negative: it buys and sells, no more"
        )
    open_ = prices > 0 if tradable is None else (prices > 0) & tradable
    wealth = holdings.wealth(prices)
    if not (np.isfinite(wealth) and wealth > 0):
        raise DataError(f"wealth is {wealth:g}: there is nothing to invest")
    total = targets.sum()
    scaled = targets * min(1.0, (1 - desk.cash) / total) if total > 0 else targets
    stuck = ~open_ & (
        np.abs(scaled * wealth - np.where(holdings.quantity > 0, holdings.quantity * prices, 0)) > 1e-9
    )
    flags = [f"{names[j]}: cannot be traded today" for j in np.flatnonzero(stuck)]
    price = np.where(prices > 0, prices, 1.0)
    step = lots * price
    wanted = scaled * wealth / price
    gap = np.where(open_, wanted - holdings.quantity, 0.0)
    whole = np.floor(holdings.quantity / lots + 1e-9) * lots
    sale = np.minimum(np.where(scaled > 0, np.round(-gap / lots) * lots, whole), whole)
    units = np.where(gap < 0, -sale, 0.0)
    most, capped = _most(holdings, desk, lots)
    units = np.maximum(units, -most)
    units = np.where(np.abs(units) * price < desk.minimum_trade, 0.0, units)
    # What may be spent is what is there once everything is sold and paid for.
    kept = desk.cash * wealth
    proceeds = -(units * price).sum() * (1 - desk.cost_rate)
    budget = holdings.cash + proceeds - kept
    unit_cost = step * (1 + desk.cost_rate)
    wish = np.where(gap > 0, np.minimum(gap, most), 0.0)
    lots_wanted = wish / lots
    base = np.floor(lots_wanted + 1e-9)
    if base @ unit_cost > max(budget, 0.0):  # sales fell short: all buys shrink alike
        base = np.floor(base * max(budget, 0.0) / (base @ unit_cost))
    spare = budget - base @ unit_cost
    lack = np.where((wish > 0) & ((base + 1) * lots <= most + 1e-9), lots_wanted - base, 0.0)
    for j in np.argsort(-lack, kind="stable"):
        if lack[j] <= 0:
            break
        if unit_cost[j] <= spare:
            base[j] += 1
            spare -= unit_cost[j]
    buys = base * lots
    small = buys * price < desk.minimum_trade
    units = units + np.where(small, 0.0, buys)
    legal = open_ & (scaled > 0)
    units = _settle(units, holdings, price, wanted, legal, most, lots, desk, kept)
    value = units * price
    cost = desk.cost_rate * float(np.abs(value).sum())
    after = holdings.quantity + units
    cash = float(holdings.cash - value.sum() - cost)
    reached = np.where(after > 0, after * price, 0.0) / wealth
    for j in np.flatnonzero(capped & (np.abs(gap) > most + lots)):
        flags.append(f"{names[j]}: limited by participation, {abs(gap[j]) - abs(units[j]):.0f} units remain")
    odd = (scaled == 0) & (after > 0) & open_
    flags += [f"{names[j]}: {after[j]:g} units remain of a holding to be closed" for j in np.flatnonzero(odd)]
    if cash < -1e-9 * wealth:
        flags.append(f"cash is {cash:,.2f} after trading: it was missing before")
    return TradeList(
        units,
        value,
        np.abs(units) / desk.volumes(names),
        after,
        cash,
        cost,
        wealth,
        reached - targets,
        tuple(flags),
    )


def _settle(
    units: Array,
    holdings: Holdings,
    price: Array,
    wanted: Array,
    legal: Array,
    most: Array,
    lots: Array,
    desk: Desk,
    kept: float,
) -> Array:
    """Lots of whatever lacks or exceeds most, one by one, until no single one brings the sum nearer to its target."""
    step = lots * price
    goal = float(wanted @ price)
    for _ in range(4 * len(units)):
        after = holdings.quantity + units
        gap = goal - float(after @ price)
        side = 1.0 if gap > 0 else -1.0
        value = units * price
        cash = holdings.cash - value.sum() - desk.cost_rate * np.abs(value).sum() - kept
        moved = units + side * lots
        able = legal & (step < 2 * abs(gap) - 1e-9) & (np.abs(moved) <= most) & (after + side * lots >= 0)
        able &= (moved == 0) | (np.abs(moved) * price >= desk.minimum_trade)
        if side > 0:
            able &= step * (1 + desk.cost_rate) <= cash
        if not able.any():
            break
        need = np.where(able, side * (wanted - after) / lots, -np.inf)
        units = np.where(np.arange(len(units)) == np.argmax(need), moved, units)
    return units


def _most(holdings: Holdings, desk: Desk, lots: Array) -> tuple[Array, Array]:
    """Units of an asset that may be traded on a day, whole lots, and where that is limited."""
    share, volume = desk.limits.get("participation"), desk.volumes(holdings.assets)
    limited = np.isfinite(volume) & (share is not None)
    cap = np.floor(np.where(limited, volume * (share or 0.0), 0.0) / lots) * lots
    return np.where(limited, cap, np.inf), limited
