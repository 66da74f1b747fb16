"""Cash of one account in each currency: what trades take and bring, and what has to be exchanged for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.desk.holdings import Holdings
from riskengine.desk.orders import TradeList

Array = np.ndarray

_CENT = 0.005


@dataclass(frozen=True, eq=False)
class CurrencyCash:
    """Money by currency, each in its own units; the base comes first.

    Attributes
    ----------
    columns : of the rates in the panel; -1 for the base
    rates : value of one unit in the base
    before, traded : held, and what trades bring less what they cost
    exchanged : bought of each currency against the others, negative what is sold
    """

    columns: Array
    rates: Array
    before: Array
    traded: Array
    exchanged: Array

    @property
    def after(self) -> Array:
        return self.before + self.traded + self.exchanged

    def foreign(self, count: int) -> Array:
        """Money after trading at the columns of a panel ``(count,)``."""
        found = np.zeros(count)
        found[self.columns[1:]] = self.after[1:]
        return found


def currency_cash(holdings: Holdings, trades: TradeList, prices: Array, cost_rate: float) -> CurrencyCash:
    """What trades leave in each currency.

    A trade is paid for in the currency of its asset. What a currency then lacks is bought with the base, and what that
    lacks with the currency of which most is left. A debit that was there before trading, the other side of a hedge
    say, stays as it is.

    Parameters
    ----------
    holdings : of the account, before
    trades : of the account
    prices : (assets,) in the base
    cost_rate : of the value traded

    Examples
    --------
    Five units of ``B``, at 10 dollars of half a euro, are bought with the euros that are there:

    >>> names, prices = ("A", "B", "cash in USD"), np.array([4.0, 5.0, 0.5])
    >>> held = Holdings(names, np.zeros(3), 100.0, foreign=np.zeros(3), money_column=np.array([-1, 2, -1]))
    >>> none = np.zeros(3)
    >>> units, value = np.array([0.0, 5.0, 0.0]), np.array([0.0, 25.0, 0.0])
    >>> done = TradeList(units, value, none, none, none, 75.0, 0.0, 100.0, none, ())
    >>> moves = currency_cash(held, done, prices, 0.0)
    >>> moves.before, moves.traded, moves.exchanged, moves.after
    (array([100.,   0.]), array([  0., -50.]), array([-25.,  50.]), array([75.,  0.]))
    """
    count = len(holdings.assets)
    place = np.full(count, -1) if holdings.money_column is None else holdings.money_column
    columns = np.array([-1, *sorted({int(k) for k in place if k >= 0})])
    rates = np.array([1.0, *prices[columns[1:]]])
    foreign = np.zeros(count) if holdings.foreign is None else holdings.foreign
    money = foreign[columns[1:]]
    before = np.array([holdings.cash - float(money @ rates[1:]), *money])
    flows = -(trades.value * holdings.cost_share) - cost_rate * np.abs(trades.value)
    traded = np.array([flows[place == column].sum() for column in columns]) / rates
    return CurrencyCash(columns, rates, before, traded, _exchanged(before, before + traded, rates))


def _exchanged(before: Array, after: Array, rates: Array) -> Array:
    """Units of each currency that are bought, so that trading leaves no debit which was not there."""
    found = np.zeros(len(after))
    lacking = np.maximum(np.minimum(before, 0.0) - after, 0.0)
    for k in (*range(1, len(after)), 0):
        need = lacking[k] * rates[k]
        for source in (0, *np.argsort(-after[1:] * rates[1:], kind="stable") + 1):
            spare = max(after[source] + found[source], 0.0) * rates[source]
            value = min(need, spare)
            if source == k or value <= _CENT:
                continue
            found[k] += value / rates[k]
            found[source] -= value / rates[source]
            need -= value
    return found
