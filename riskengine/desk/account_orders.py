"""Orders of several accounts to one model: of each from its own holdings and cash, and their sum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from riskengine.desk.holdings import Holdings
from riskengine.desk.orders import TradeList, trade_list
from riskengine.desk.rules import Desk

Array = np.ndarray


def account_orders(
    holdings: Holdings,
    prices: Array,
    targets: Array,
    desk: Desk,
    tradable: Array | None = None,
    only_sales: bool = False,
) -> TradeList:
    """The orders of :func:`~riskengine.desk.orders.trade_list`, of each account where there are several.

    Every account goes for the same weights of its own wealth, sells what it holds and buys with its own money; the
    volume that may be traded is shared by wealth. An account without wealth is left as it is, with a flag.

    Parameters
    ----------
    holdings, prices, targets, desk, tradable, only_sales : as there

    Examples
    --------
    >>> one = Holdings(("A", "B"), np.array([10.0, 0.0]), 0.0)
    >>> two = Holdings(("A", "B"), np.array([0.0, 0.0]), 300.0)
    >>> both = Holdings(("A", "B"), np.array([10.0, 0.0]), 300.0, accounts={"one": one, "two": two})
    >>> done = account_orders(both, np.array([10.0, 10.0]), np.array([0.5, 0.5]), Desk(cost_rate=0.0))
    >>> done.units, {name: part.units for name, part in done.accounts.items()}
    (array([10., 20.]), {'one': array([-5.,  5.]), 'two': array([15., 15.])})
    """
    if not holdings.accounts:
        return trade_list(holdings, prices, targets, desk, tradable, only_sales)
    total, parts, flags = holdings.wealth(prices), {}, []
    for name, part in holdings.accounts.items():
        wealth = part.wealth(prices)
        if not wealth > 0:
            flags.append(f"account {name}: a wealth of {wealth:,.2f}, nothing is traded there")
            continue
        shared = replace(desk, volume={asset: units * wealth / total for asset, units in desk.volume.items()})
        parts[name] = trade_list(part, prices, targets, shared, tradable, only_sales)
    if not parts:
        return trade_list(holdings, prices, targets, desk, tradable, only_sales)
    return _sum(holdings, prices, targets, desk, parts, flags)


def _sum(
    holdings: Holdings,
    prices: Array,
    targets: Array,
    desk: Desk,
    parts: dict[str, TradeList],
    flags: list[str],
) -> TradeList:
    """All accounts as one list of orders."""
    idle = [part for name, part in holdings.accounts.items() if name not in parts]
    units = np.sum([part.units for part in parts.values()], axis=0)
    after = holdings.quantity + units
    wealth = holdings.wealth(prices)
    return TradeList(
        units,
        np.sum([part.value for part in parts.values()], axis=0),
        np.sum([np.abs(part.units) for part in parts.values()], axis=0) / desk.volumes(holdings.assets),
        after,
        np.sum([part.waiting for part in parts.values()], axis=0),
        float(sum(part.cash for part in parts.values()) + sum(part.cash for part in idle)),
        float(sum(part.cost for part in parts.values())),
        wealth,
        holdings.exposures(prices, after) / wealth - targets,
        (*flags, *(f"account {name}: {flag}" for name, part in parts.items() for flag in part.flags)),
        parts,
    )
