"""From target weights to orders: whole lots, sells before buys, no short or loan that targets do not ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from riskengine.desk.holdings import Holdings
from riskengine.desk.rules import Desk
from riskengine.errors import DataError, listed

Array = np.ndarray


MATERIAL = 0.01
"""Share of wealth above which targets that whole lots or the smallest trade leave unreached are flagged."""


@dataclass(frozen=True, eq=False)
class TradeList:
    """Orders of one day. All arrays are ``(assets,)``, in the order of the holdings.

    Attributes
    ----------
    units : to trade; negative is a sale
    value : of the trades at the prices given
    participation : units over daily volume, NaN where the volume is not known
    after : units held once all is done
    waiting : units, in whole lots, of orders that wait for a price
    cash : left, after costs
    cost : estimated
    wealth : before trading
    drift : weights reached less weights wanted
    flags : what could not be done, one line each
    accounts : the same of each account, where there are several
    """

    units: Array
    value: Array
    participation: Array
    after: Array
    waiting: Array
    cash: float
    cost: float
    wealth: float
    drift: Array
    flags: tuple[str, ...]
    accounts: Mapping[str, TradeList] = field(default_factory=dict)

    def order(self) -> Array:
        """Positions of the trades: sells first, the largest value first."""
        kind = np.where(self.units < 0, 0, 1)
        order = np.lexsort((-np.abs(self.value), kind))
        return order[self.units[order] != 0]


def trade_list(
    holdings: Holdings,
    prices: Array,
    targets: Array,
    desk: Desk,
    tradable: Array | None = None,
    only_sales: bool = False,
) -> TradeList:
    """Whole lots that bring a portfolio as near to its targets as its cash allows.

    Sales go to the nearest lot, or as far as there are lots where the target is zero. Buys begin at the lot below the
    target; the cash that is left buys one more lot of whatever lacks most of one, while it lasts. No lot is bought that
    brings an asset or a group above its limit, and what rounding leaves above one is sold; so is what pays for cash
    that is owed. Orders for what has no price today wait, and their share of the wealth is not given to others.

    A target below zero is sold short, and what sales bring pays for purchases; a short that is no target any more is
    bought back. A future costs nothing but the cost of its trade. What the desk may not buy or sell is not.

    Parameters
    ----------
    holdings : before
    prices : (assets,), NaN where there is none
    targets : (assets,) exposures as fractions of wealth; scaled down to leave the desk's share of cash
    desk : lots, smallest trade, cash, cost and participation
    tradable : (assets,) whether an asset can be traded today; all that have a price if not given
    only_sales : whether nothing is bought, not even a lot to make up for rounding

    Raises
    ------
    DataError
        If a holding has no price, there is no wealth, or a target is no number.

    Examples
    --------
    >>> before = Holdings(("A", "B"), np.array([100.0, 0.0]), cash=50.0)
    >>> done = trade_list(before, np.array([10.0, 7.0]), np.array([0.5, 0.5]), Desk(cost_rate=0.0))
    >>> done.units, done.cash
    (array([-48.,  75.]), 5.0)
    """
    day = _Day.of(
        holdings, np.asarray(prices, dtype=np.float64), np.asarray(targets, dtype=np.float64), desk, tradable
    )
    units = _sales(day)
    units = units + _buys(day, units, only_sales)
    units = _settle(units, day, day.open & (day.wanted > 0) & (not only_sales))
    units = _obey(units, day)
    value = units * day.price
    cost = desk.cost_rate * float(np.abs(value).sum())
    cash = float(holdings.cash - (value * day.share).sum() - cost)
    after = holdings.quantity + units
    reached = np.where(after != 0, after * day.price, 0.0) / day.wealth
    waiting = _waiting(day)
    return TradeList(
        units,
        value,
        np.abs(units) / desk.volumes(holdings.assets),
        after,
        waiting,
        cash,
        cost,
        day.wealth,
        reached - targets,
        tuple(_flags(day, units, waiting, cash, cost)),
    )


@dataclass(frozen=True, eq=False)
class _Day:
    """What orders are made of. All arrays are ``(assets,)``.

    Attributes
    ----------
    holdings, desk : before trading; rules and limits
    price : exposure of a unit, 1 where there is none
    share : what a unit of exposure costs, 0 of a future
    lots : units of one
    open : what can be traded today
    buy, sell : what the desk may buy and sell
    wealth : before trading
    wanted : units of the targets, once the desk's share of cash is left
    most, capped : units that may be traded, and whether participation limits them
    ceiling : what limits on weights leave room for
    """

    holdings: Holdings
    desk: Desk
    price: Array
    share: Array
    lots: Array
    open: Array
    buy: Array
    sell: Array
    wealth: float
    wanted: Array
    most: Array
    capped: Array
    ceiling: Ceiling

    @classmethod
    def of(
        cls, holdings: Holdings, prices: Array, targets: Array, desk: Desk, tradable: Array | None
    ) -> _Day:
        """Checked; see :func:`trade_list` for the errors."""
        names, lots = holdings.assets, desk.lots(holdings.assets)
        bare = (holdings.quantity != 0) & ~(prices > 0)
        if bare.any():
            raise DataError(
                f"{names[int(np.argmax(bare))]} is held but has no price: add one, or write it off"
            )
        if not np.isfinite(targets).all():
            raise DataError("targets of a trade list are fractions of wealth, and every one a number")
        wealth = holdings.wealth(prices)
        if not (np.isfinite(wealth) and wealth > 0):
            raise DataError(f"wealth is {wealth:g}: there is nothing to invest")
        total = float(targets @ holdings.cost_share)
        scaled = targets * min(1.0, (1 - desk.cash) / total) if total > 0 else targets
        price = np.where(prices > 0, holdings.unit(prices), 1.0)
        most, capped = _most(holdings, desk, lots)
        ceiling = Ceiling.of(desk, names, price, lots, wealth)
        return cls(
            holdings,
            desk,
            price,
            holdings.cost_share,
            lots,
            prices > 0 if tradable is None else (prices > 0) & tradable,
            *desk.allowed(names),
            wealth,
            np.maximum(scaled * wealth / price, -ceiling.units),
            most,
            capped,
            ceiling,
        )

    @property
    def gap(self) -> Array:
        """Units that targets lack, or have too many; zero for what cannot be traded."""
        return np.where(self.open, self.wanted - self.holdings.quantity, 0.0)

    @property
    def kept(self) -> float:
        """Cash that stays."""
        return self.desk.cash * self.wealth


def _waiting(day: _Day) -> Array:
    """Units, in whole lots, of orders for what has no price today; all of what is to be closed."""
    held = day.holdings.quantity
    waiting = np.where(day.open, 0.0, np.round((day.wanted - held) / day.lots) * day.lots)
    return np.where(day.wanted != 0, waiting, np.where(day.open, 0.0, -held))


def _sales(day: _Day) -> Array:
    """Units sold, negative: to the nearest lot, all lots where the target is zero, into a short where it is below."""
    gap, lots = day.gap, day.lots
    whole = np.floor(np.maximum(day.holdings.quantity, 0.0) / lots + 1e-9) * lots
    rounded = np.floor if "turnover" in day.desk.limits else np.round
    near = rounded(-gap / lots) * lots
    sale = np.where(day.wanted < 0, near, np.minimum(np.where(day.wanted > 0, near, whole), whole))
    units = np.maximum(np.where((gap < 0) & day.sell, -sale, 0.0), -day.most)
    return np.where(np.abs(units) * day.price < day.desk.minimum_trade, 0.0, units)


def _buys(day: _Day, sold: Array, only_sales: bool) -> Array:
    """Units bought, of what is there once everything is sold and paid for: the lot below, then one more of whatever
    lacks most of one, while cash lasts."""
    held, desk, lots, gap = day.holdings.quantity, day.desk, day.lots, day.gap
    proceeds = -float((sold * day.price * (day.share - desk.cost_rate)).sum())
    budget = day.holdings.cash + proceeds - day.kept
    unit_cost = lots * day.price * (day.share + desk.cost_rate)
    room = np.maximum(np.minimum(day.most, day.ceiling.units - held), 0.0)
    wish = np.where((gap > 0) & day.buy & (not only_sales), np.minimum(gap, room), 0.0)
    lots_wanted = wish / lots
    base = np.floor(lots_wanted + 1e-9)
    if base @ unit_cost > max(budget, 0.0):  # sales fell short: all buys shrink alike
        shrunk = np.floor(base * max(budget, 0.0) / (base @ unit_cost))
        base = np.where(day.share > 0, shrunk, base)
    spare = budget - base @ unit_cost
    more = (wish > 1e-9 * lots) & ((base + 1) * lots <= day.most + 1e-9) & (day.wanted != 0)
    lack = np.where(more, lots_wanted - base, 0.0)
    lack = np.where((day.share > 0) | (lack >= 0.5), lack, 0.0)  # no cash keeps a future near its target
    for j in np.argsort(-lack, kind="stable"):
        if lack[j] <= 0:
            break
        if unit_cost[j] <= spare and day.ceiling.fits(held + sold + base * lots)[j]:
            base[j] += 1
            spare -= unit_cost[j]
    buys = base * lots
    return np.where(buys * day.price < desk.minimum_trade, 0.0, buys)


def _flags(day: _Day, units: Array, waiting: Array, cash: float, cost: float) -> list[str]:
    """What could not be done, one line each."""
    names, gap, after = day.holdings.assets, day.gap, day.holdings.quantity + units
    flags = [
        f"{names[j]}: no price today, its order waits "
        f"({'buy' if waiting[j] > 0 else 'sell'} about {abs(waiting[j]):g} units)"
        for j in np.flatnonzero(waiting)
    ]
    by_participation = day.capped & (np.abs(gap) > day.most + day.lots)
    flags += [
        f"{names[j]}: limited by participation, {abs(gap[j]) - abs(units[j]):.0f} units remain"
        for j in np.flatnonzero(by_participation)
    ]
    odd = (day.wanted == 0) & (np.abs(after) > 0) & day.open & ~by_participation
    flags += [f"{names[j]}: {after[j]:g} units remain of a holding to be closed" for j in np.flatnonzero(odd)]
    flags += _missed(day, after, cost, day.open & ~by_participation & ~odd)
    if cash < -1e-9 * day.wealth:
        flags.append(f"cash is {cash:,.2f} after trading: there is nothing to sell that would pay for it")
    return flags


@dataclass(frozen=True, eq=False)
class Ceiling:
    """What a desk's limits on weights leave room for.

    Attributes
    ----------
    units : (assets,) greatest holding, whole lots; infinite without a limit
    members : (groups, assets) which asset is in which limited group
    values : (groups,) greatest value of each
    price, lots : (assets,)
    """

    units: Array
    members: Array
    values: Array
    price: Array
    lots: Array

    @classmethod
    def of(cls, desk: Desk, names: tuple[str, ...], price: Array, lots: Array, wealth: float) -> Ceiling:
        """The limits of a desk in units and money."""
        most = desk.limits.get("weight")
        units = np.full(len(names), np.inf)
        if most is not None:
            units = np.floor(most * wealth / (lots * price) + 1e-9) * lots
        groups = {
            name.removeprefix("group:"): v for name, v in desk.limits.items() if name.startswith("group:")
        }
        members = np.array(
            [[desk.groups.get(name) == group for name in names] for group in groups], dtype=bool
        )
        values = np.array([limit * wealth for limit in groups.values()], dtype=np.float64)
        return cls(units, members.reshape(-1, len(names)), values, price, lots)

    def fits(self, after: Array) -> Array:
        """Where one more lot on top of holdings ``(assets,)`` stays within all limits, ``(assets,)``."""
        room = self.values - self.members @ (after * self.price)
        tight = self.members & (self.lots * self.price > room[:, None] * (1 + 1e-12) + 1e-9)
        return (after + self.lots <= self.units + 1e-9) & ~tight.any(axis=0)

    def excess(self, after: Array) -> Array:
        """Value that each asset would have to lose, if it alone were sold, ``(assets,)``."""
        alone = np.where(np.isfinite(self.units), (after - self.units) * self.price, 0.0)
        over = self.members @ (after * self.price) - self.values
        grouped = np.where(self.members, over[:, None], 0.0).max(axis=0, initial=0.0)
        found = np.maximum(alone, grouped)
        return np.where(found > 1e-9 * (1 + self.values.max(initial=0.0)), found, 0.0)


def _settle(units: Array, day: _Day, legal: Array) -> Array:
    """Lots of whatever lacks or exceeds most, one by one, until no single one brings the sum nearer to its goal."""
    holdings, desk, price, lots, most = day.holdings, day.desk, day.price, day.lots, day.most
    # What waits is no reason to hold more of the others.
    paid = price * day.share
    goal = float(np.where(day.open, day.wanted, holdings.quantity) @ paid)
    step = lots * price
    legal = legal & (day.share > 0) & (day.wanted > 0)
    traded = desk.limits.get("turnover", np.inf) * day.wealth
    for _ in range(4 * len(units)):
        after = holdings.quantity + units
        gap = goal - float(after @ paid)
        side = 1.0 if gap > 0 else -1.0
        value = units * price
        cash = holdings.cash - units @ paid - desk.cost_rate * np.abs(value).sum() - day.kept
        moved = units + side * lots
        able = (
            legal
            & (day.buy if side > 0 else day.sell)
            & (step < 2 * abs(gap) - 1e-9)
            & (np.abs(moved) <= most)
            & (after + side * lots >= 0)
        )
        able &= (moved == 0) | (np.abs(moved) * price >= desk.minimum_trade)
        able &= np.abs(value).sum() + (np.abs(moved) - np.abs(units)) * price <= traded + 1e-9
        if side > 0:
            able &= (step * (1 + desk.cost_rate) <= cash) & day.ceiling.fits(after)
        if not able.any():
            break
        need = np.where(able, side * (day.wanted - after) / lots, -np.inf)
        units = np.where(np.arange(len(units)) == np.argmax(need), moved, units)
    return units


def _obey(units: Array, day: _Day) -> Array:
    """Lots sold, of whatever exceeds its target most, while a weight is above its limit or cash is owed."""
    holdings, desk, price, lots, most = day.holdings, day.desk, day.price, day.lots, day.most
    open_, paid = day.open & day.sell, price * day.share
    step = lots * price
    for _ in range(8 * len(units)):
        after, value = holdings.quantity + units, units * price
        cash = holdings.cash - units @ paid - desk.cost_rate * np.abs(value).sum()
        need = day.ceiling.excess(after)
        if not need.any() and cash < -1e-9 * day.wealth:
            need = np.where(day.share > 0, -cash / (1 - desk.cost_rate), 0.0)
        whole = np.floor(after / lots + 1e-9)
        able = open_ & (need > 0) & (whole > 0) & (units - lots >= -most - 1e-9)
        if not able.any():
            break
        j = int(np.argmax(np.where(able, (after - day.wanted) / lots, -np.inf)))
        # As many lots at once as take it down to its target, or all that are needed if it is there already.
        above = np.ceil((after[j] - day.wanted[j]) / lots[j])
        count = min(np.ceil(need[j] / step[j] - 1e-9), whole[j], max(above, 1.0))
        sold = (
            max(units[j] - count * lots[j], -np.floor(most[j] / lots[j]) * lots[j])
            if np.isfinite(most[j])
            else (units[j] - count * lots[j])
        )
        if 0 < abs(sold) * price[j] < desk.minimum_trade:
            if units[j] <= 0:
                open_ = open_ & (np.arange(len(units)) != j)  # too small to be traded: try another
                continue
            sold = 0.0
        units = np.where(np.arange(len(units)) == j, sold, units)
    return units


def _missed(day: _Day, after: Array, cost: float, judged: Array) -> list[str]:
    """Targets that the orders do not reach, and why."""
    names, wanted, price, lots = day.holdings.assets, day.wanted, day.price, day.lots
    wealth, desk = day.wealth, day.desk
    miss = np.where(judged, wanted - after, 0.0)
    money = np.abs(miss) * price
    flags = []
    dear = judged & (wanted > 0) & (after == 0) & (wanted < lots)
    if money[dear].sum() > MATERIAL * wealth:
        j = int(np.argmax(np.where(dear, money, -1.0)))
        flags.append(
            f"{_listed(names, dear)}: one lot costs more than the target, nothing is bought "
            f"({names[j]}: {lots[j] * price[j]:,.2f} for a target of {wanted[j] * price[j]:,.2f})"
        )
    # Costs are paid from what all targets share.
    far = judged & (money > lots * price * (1 + 1e-9) + cost + 1e-9 * wealth)
    small = far & (money < desk.minimum_trade + lots * price)
    if money[small].sum() > MATERIAL * wealth:
        flags.append(
            f"{_listed(names, small)}: left undone, below the smallest trade of {desk.minimum_trade:,.0f} "
            f"({money[small].sum() / wealth:.1%} of wealth in all)"
        )
    for short, why in (
        (
            far & ~small & (miss > 0),
            "less is bought than the target wants: cash or a limit does not allow more",
        ),
        (far & ~small & (miss < 0), "less is sold than the target wants"),
    ):
        if short.any():
            flags.append(
                f"{_listed(names, short)}: {why} ({money[short].sum() / wealth:.1%} of wealth in all)"
            )
    return flags


def _listed(names: tuple[str, ...], mask: Array) -> str:
    chosen = [name for name, hit in zip(names, mask, strict=True) if hit]
    return listed(chosen, most=8)


def _most(holdings: Holdings, desk: Desk, lots: Array) -> tuple[Array, Array]:
    """Units of an asset that may be traded on a day, whole lots, and where that is limited."""
    share, volume = desk.limits.get("participation"), desk.volumes(holdings.assets)
    limited = np.isfinite(volume) & (share is not None)
    cap = np.floor(np.where(limited, volume * (share or 0.0), 0.0) / lots) * lots
    return np.where(limited, cap, np.inf), limited
