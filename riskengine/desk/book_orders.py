"""Orders of a book for JSON and for a page: by account, in each currency, with money exchanged and gains realised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from riskengine.book import Position, realised_gain
from riskengine.desk.currency_cash import CurrencyCash
from riskengine.desk.held_book import HeldBook, book_content
from riskengine.desk.limited_orders import LimitedOrders, order_rows
from riskengine.desk.orders import TradeList

Array = np.ndarray


def book_orders(held: HeldBook, orders: LimitedOrders, known: Array) -> dict[str, Any]:
    """What the report of a morning says beside the orders of one account in one currency."""
    parts = orders.trades.accounts or {held.book.accounts[0] if held.book.accounts else "": orders.trades}
    rows = [row for name, part in parts.items() for row in _orders(held, name, part, known)]
    content: dict[str, Any] = {"trades": rows}
    if orders.trades.accounts:
        content["blocks"] = order_rows(orders.trades.units, orders.trades, held.holdings, known)
    money = [row for name, moves in orders.cash.items() for row in _money(held, name, moves)]
    if len({row["currency"] for row in money}) > 1:
        content["money"] = money
    gains = _gains(held, parts)
    if gains["rows"]:
        content["gains"] = gains
    return content | {"book": book_content(held)}


def _orders(held: HeldBook, account: str, part: TradeList, known: Array) -> list[dict[str, Any]]:
    """Rows of one account, prices in the currency of each asset."""
    rows = []
    for row in order_rows(part.units, part, held.holdings, known):
        terms = held.terms[row["asset"]]
        rate = held.rates.rate(terms.currency)
        rows.append(
            {"account": account}
            | row
            | {"price": row["price"] / rate, "currency": terms.quoted or held.book.base}
        )
    return rows


def _money(held: HeldBook, account: str, moves: CurrencyCash) -> list[dict[str, Any]]:
    names = held.panel.assets
    return [
        {
            "account": account,
            "currency": held.book.base if column < 0 else names[column].rpartition(" ")[2],
            "before": float(moves.before[k]),
            "traded": float(moves.traded[k]),
            "exchanged": float(moves.exchanged[k]),
            "after": float(moves.after[k]),
        }
        for k, column in enumerate(moves.columns)
        if moves.before[k] or moves.traded[k] or moves.exchanged[k]
    ]


def _gains(held: HeldBook, parts: Mapping[str, TradeList]) -> dict[str, Any]:
    """An estimate in the base, at today's prices and rates, by account and asset."""
    rows: list[dict[str, Any]] = []
    settings = held.settings
    positions: dict[tuple[str, str], Position] = {
        (one.account, one.symbol): one for one in held.book.positions
    }
    local = {line.position.symbol: line.price for line in held.value.lines}
    any_lots = any(held_one.lots for held_one in held.book.positions)
    today = pd.Timestamp(held.panel.dates[-1]).date()
    for name, part in parts.items():
        for j in np.flatnonzero(part.units):
            one = positions.get((name, held.panel.assets[j]))
            if one is None:
                continue
            found = realised_gain(
                one, float(part.units[j]), local[one.symbol], today, settings.lots, settings.long_term_days
            )
            if not found.units or not any_lots:
                continue
            rate = held.rates.rate(one.currency)
            rows.append(
                {
                    "account": name,
                    "asset": one.symbol,
                    "units": found.units,
                    "proceeds": found.proceeds * rate,
                    "cost": found.cost * rate,
                    "short_term": found.short_term * rate,
                    "long_term": found.long_term * rate,
                    "unknown": found.unknown,
                }
            )
    total = {name: sum(row[name] for row in rows) for name in ("short_term", "long_term")}
    return {"lots": settings.lots, "long_term_days": settings.long_term_days, **total, "rows": rows}
