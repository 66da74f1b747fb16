"""Orders whose risk keeps the desk's limits, and a row for each limit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from riskengine.desk.account_orders import account_orders
from riskengine.desk.currency_cash import CurrencyCash, currency_cash
from riskengine.desk.daily_risk import RISK, DailyRisk
from riskengine.desk.holdings import Holdings
from riskengine.desk.orders import TradeList
from riskengine.desk.rules import Desk
from riskengine.desk.stress_limits import EXPOSURES, light
from riskengine.desk.targets import Targets
from riskengine.portfolio import Strategy, stated_limits

Array = np.ndarray


class LimitedOrders(NamedTuple):
    """Orders, the weights after them, and their risk.

    ``scaled`` are the limits on risk that targets are scaled to keep, by ``scale``; ``money`` is that of other
    currencies before and after, as weights, and ``cash`` all of it by account.
    """

    trades: TradeList
    after: Array
    money: tuple[Array, Array]
    cash: dict[str, CurrencyCash]
    risk: dict[str, dict[str, Any]]
    tested: dict[str, Any] | None
    scale: float
    scaled: list[str]

    @property
    def flags(self) -> list[str]:
        """What was scaled, and what could not be done."""
        kept = f"the rest in cash, to keep the limits on {', '.join(self.scaled)}"
        scaled = [f"targets are scaled to {self.scale:.1%}, {kept}"] if self.scale < 1 else []
        return [*scaled, *self.trades.flags]


def orders_within(
    strategy: Strategy,
    before: Array,
    wanted: Targets,
    holdings: Holdings,
    known: Array,
    open_: Array,
    desk: Desk,
    risk_of: DailyRisk,
) -> LimitedOrders:
    """Whole lots; where the strategy allows cash, of targets scaled down until limits on risk hold."""
    stated = stated_limits(strategy)
    cash_allowed = stated is not None and stated.budget_range[0] < 1
    scale = 1.0
    for _ in range(4):
        trades = account_orders(holdings, known, scale * wanted.weights, desk, open_, wanted.only_sales)
        after = holdings.exposures(known, trades.after) / trades.wealth
        cash = _cash(holdings, trades, known, desk)
        left = sum(moves.foreign(len(known)) for moves in cash.values())
        money = (holdings.money(known), np.where(left != 0, left * known, 0.0) / trades.wealth)
        risk, tested = risk_of(before + money[0], after + money[1])
        over = max(
            (risk["after"][name] / desk.limits[name] for name in RISK if desk.limits.get(name)), default=0.0
        )
        if not (cash_allowed and over > 1):
            break
        scale *= (1 - 1e-4) / over
    scaled = [name for name in RISK if name in desk.limits] if cash_allowed else []
    return LimitedOrders(trades, after, money, cash, risk, tested, scale, scaled)


def _cash(holdings: Holdings, trades: TradeList, known: Array, desk: Desk) -> dict[str, CurrencyCash]:
    """By account; of one that does not trade as it is."""
    if not holdings.accounts:
        return {"": currency_cash(holdings, trades, known, desk.cost_rate)}
    still = replace(trades, value=np.zeros(len(known)))
    return {
        name: currency_cash(part, trades.accounts.get(name, still), known, desk.cost_rate)
        for name, part in holdings.accounts.items()
    }


def limit_rows(
    desk: Desk,
    assets: tuple[str, ...],
    before: Array,
    stressed: dict[str, Any],
    orders: LimitedOrders,
) -> list[dict[str, Any]]:
    """A row a limit, in the order of the file."""
    trades, after, risk, rows = orders.trades, orders.after, orders.risk, []
    for name, limit in desk.limits.items():
        old: float | None = None
        if name in RISK:
            old, new = risk["before"][name], risk["after"][name]
        elif name == "weight":
            old, new = float(np.abs(before).max()), float(np.abs(after).max())
        elif name == "drawdown":
            new = stressed["scenarios"][0]["drawdown"]
        elif name == "turnover":
            new = float(np.abs(trades.value).sum() / trades.wealth)
        elif name == "participation":
            new = float(np.nanmax(trades.participation, initial=0.0)) if len(assets) else 0.0
        elif name.startswith("group:"):
            members = np.array([desk.groups.get(asset) == name.removeprefix("group:") for asset in assets])
            old, new = float(before[members].sum()), float(after[members].sum())
        elif name in EXPOSURES:
            old, new = EXPOSURES[name](before), EXPOSURES[name](after)
        elif name.removeprefix("weight:") in assets:
            place = assets.index(name.removeprefix("weight:"))
            old, new = float(before[place]), float(after[place])
        else:
            continue  # see order_limits
        seen = name in ("drawdown", *EXPOSURES) or name.startswith("weight:")
        how = "judged" if seen or (name in RISK and name not in orders.scaled) else "imposed"
        # Rounding in the last digit breaks no limit.
        shade = light(new if new > limit * (1 + 1e-9) else min(new, limit), limit)
        rows.append({"name": name, "limit": limit, "before": old, "after": new, "light": shade, "how": how})
    return rows


def limit_flags(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"limit {row['name']}: {row['after']:.2%} against {row['limit']:.2%}"
        + (
            ", judged and not imposed: the strategy states no room for cash"
            * (row["how"] == "judged" and row["name"] in RISK)
        )
        for row in rows
        if row["light"] == "red"
    ]


def order_content(trades: TradeList, holdings: Holdings, known: Array) -> dict[str, Any]:
    waiting = order_rows(trades.waiting, trades, holdings, known)
    return {
        "trades": order_rows(trades.units, trades, holdings, known),
        "waiting": [{name: row[name] for name in ("asset", "side", "units")} for row in waiting],
        "wealth": trades.wealth,
        "cash": trades.cash,
        "cost": trades.cost,
        "turnover": float(np.abs(trades.value).sum() / trades.wealth),
    }


def order_rows(units: Array, trades: TradeList, holdings: Holdings, prices: Array) -> list[dict[str, Any]]:
    """Sales first, the largest value first."""
    assets, value = holdings.assets, np.abs(holdings.exposures(prices, units))
    return [
        {
            "asset": assets[j],
            "side": "sell" if units[j] < 0 else "buy",
            "units": float(abs(units[j])),
            "price": float(prices[j]),
            "value": float(value[j]),
            "participation": None if np.isnan(trades.participation[j]) else float(trades.participation[j]),
        }
        for j in np.lexsort((-value, units >= 0))
        if units[j] != 0
    ]
