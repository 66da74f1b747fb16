"""The books: weights drift with prices, trades cost, cash earns, what is delisted becomes cash, orders wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError, StrategyError, listed
from riskengine.portfolio import Constraints, broken_limits, settle, unfilled
from riskengine.portfolio.broken_limits import TOLERANCE

Array = np.ndarray
YEAR = 252.0

VANISHED_AFTER = 5
"""Business days without a price after which a holding that never gets one again counts as delisted: it becomes cash.

A holding whose prices come back was not delisted: through a long holiday or a suspension it stays at its last price.
"""


def vanished_after(periods_per_year: float) -> int:
    """Closes without a price after which a holding is taken as delisted: those of five business days, five at least.

    Examples
    --------
    Daily, seven days a week, weekly, and seven hours a day:

    >>> [vanished_after(periods) for periods in (252.0, 365.0, 52.0, 7 * 252.0)]
    [5, 8, 5, 35]
    """
    return max(VANISHED_AFTER, math.ceil(VANISHED_AFTER * periods_per_year / YEAR))


def daily_cash(
    cash: float | pd.Series, dates: pd.DatetimeIndex, periods_per_year: float = YEAR, what: str = "cash"
) -> Array:
    """Return of cash, or cost of borrowing it, over the day after each date but the last, ``(days - 1,)``.

    Parameters
    ----------
    cash : rate a year; a series holds the rate from each of its dates on, as known then
    dates : closes
    periods_per_year : closes a year; each day earns its share of the rate
    what : ``"cash"`` or ``"borrow"``, for messages

    Raises
    ------
    SettingsError
        If a rate is not a small fraction.
    DataError
        If a series has no dates, or none at or before the first.
    """
    if not isinstance(cash, pd.Series):
        rates = np.full(len(dates) - 1, float(cash))
    else:
        series = cash.dropna()
        if not isinstance(series.index, pd.DatetimeIndex) or not series.index.is_monotonic_increasing:
            raise DataError(f"a series of {what} rates needs sorted dates as its index")
        last = series.index.searchsorted(dates[:-1], side="right") - 1
        if len(last) and last.min() < 0:
            raise DataError(
                f"there is no {what} rate on {dates[0]:%Y-%m-%d} or before: begin the series earlier"
            )
        rates = series.to_numpy(np.float64)[last]
    if not np.all(np.abs(rates) < 1):
        raise SettingsError(f"a {what} rate is a fraction a year like 0.03")
    return rates / periods_per_year


class Breach(NamedTuple):
    """A stated limit that a book broke at a close because orders could not be done.

    Attributes
    ----------
    date : of the close
    limit : its name
    asset : whose bound it is; for limits on sums the assets whose orders wait
    value, bound : what the book had after the close's trades, and what it may have
    """

    date: str
    limit: str
    asset: str
    value: float
    bound: float

    def __str__(self) -> str:
        return f"{self.date}: {self.limit} is broken at {self.value:.4g}: {self.asset} cannot be traded as decided"


@dataclass(frozen=True, eq=False)
class Orders:
    """What of a decision's trades is not done yet.

    Attributes
    ----------
    goal : (assets,) weights that the decision asked for
    waiting : (assets,) whose trades are not finished
    stuck : (assets,) those of them that had no price when they were tried last; the others wait for the money
    net, gross : of the decision: sum of its weights, and of their absolute values
    date : of the decision's trade
    told : (assets,) whether a note says that the order waits
    """

    goal: Array
    waiting: Array
    stuck: Array
    net: float
    gross: float
    date: str
    told: Array

    def without(self, gone: Array) -> Orders:
        """The same orders, those of some assets dropped."""
        return replace(self, waiting=self.waiting & ~gone, stuck=self.stuck & ~gone)


@dataclass
class Book:
    """Weights of one portfolio, moved through time day by day. Cash is what the weights leave of one.

    An order for what has no price waits, and with it the purchases that it was to pay for; both are done at the
    first close that allows it, until the next decision is traded.

    Attributes
    ----------
    weights : (assets,) fractions of wealth at the last close
    silent : (assets,) days since the last price
    awaited : (assets,) whether a delisting return is stated for a day to come, until when a holding is kept
    default_delisting : return of a holding that vanishes and for which none is stated
    limits : that the strategy states; None if it states none
    patience : closes without a price after which a holding is taken as delisted
    gone : (assets,) delisted by now, for good
    orders : that wait; None if none do
    flags : what had to be done without being asked, one line each
    breaches : limits that the book breaks because orders wait
    """

    assets: tuple[str, ...]
    weights: Array
    silent: Array
    awaited: Array
    default_delisting: float = 0.0
    limits: Constraints | None = None
    patience: int = VANISHED_AFTER
    gone: Array = field(default_factory=lambda: np.zeros(0, bool))
    orders: Orders | None = None
    flags: list[str] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)
    _freed: bool = False  # whether a stuck order fell away today, so that the others can be tried again

    @classmethod
    def empty(
        cls,
        assets: tuple[str, ...],
        awaited: Array,
        default_delisting: float = 0.0,
        limits: Constraints | None = None,
        patience: int = VANISHED_AFTER,
    ) -> Book:
        """All in cash."""
        nothing = np.zeros(len(assets))
        silent, gone = nothing.astype(int), nothing.astype(bool)
        return cls(assets, nothing, silent, awaited, default_delisting, limits, patience, gone)

    def pass_day(
        self,
        growth: Array,
        priced: Array,
        date: str,
        cash: float,
        delisted: Mapping[int, float],
        borrow: float | None = None,
        returning: Array | None = None,
    ) -> float:
        """Let prices move and return the portfolio's gross return.

        Parameters
        ----------
        growth : (assets,) price over the last known price; one where there is no price today
        priced : (assets,) whether there is a price today
        date : for flags
        cash : return of cash over the day
        delisted : column to its delisting return today
        borrow : what borrowed cash costs over the day; the return of cash if not given
        returning : (assets,) whether a price is still to come, until when a holding is kept; none if not given

        Raises
        ------
        StrategyError
            If nothing is left of the wealth.
        """
        growth, sold = growth.copy(), []
        self.silent = np.where(priced, 0, self.silent + 1)
        for asset, loss in delisted.items():
            growth[asset] = 1 + loss
            self.awaited[asset] = False
            self.gone[asset] = True
            if self.weights[asset] != 0:
                sold.append(asset)
                self.flags.append(f"{date}: {self.assets[asset]} delisted, return {loss:+.1%}")
        vanished = (self.silent == self.patience) & (self.weights != 0) & ~self.awaited
        if returning is not None:
            vanished &= ~returning
        vanished[list(delisted)] = False
        for asset in map(int, np.flatnonzero(vanished)):
            growth[asset] = 1 + self.default_delisting
            sold.append(asset)
            how = (
                f"{self.default_delisting:+.1%} from its last one"
                if self.default_delisting
                else "its last one"
            )
            self.flags.append(f"{date}: {self.assets[asset]} has no price any more, sold at {how}")
        value, free = self.weights * growth, 1 - self.weights.sum()
        rate = borrow if free < 0 and borrow is not None else cash
        wealth = free * (1 + rate) + value.sum()
        if not wealth > 0:
            raise StrategyError(f"all wealth is lost on {date}: limit the leverage of the strategy")
        self.weights = value / wealth
        self.weights[sold] = 0.0
        self._drop_orders([*delisted, *sold], date)
        return float(wealth - 1)

    def trade(self, goal: Array, priced: Array, date: str) -> Array:
        """Trade towards the weights of a decision and return the trades ``(assets,)``; what cannot be done waits.

        Whatever waited of an earlier decision is replaced.
        """
        if self.orders is not None:
            for asset in np.flatnonzero(self.orders.told & self.orders.waiting & priced):
                order = f"{self.assets[asset]}'s order of {self.orders.date}"
                self.flags.append(f"{date}: {order} is replaced by that of a new decision")
        for asset in np.flatnonzero(self.gone & unfilled(self.weights, goal)):
            self.flags.append(f"{date}: {self.assets[asset]} was delisted, its order lapses")
        nobody = np.zeros(len(goal), bool)
        net, gross = float(goal.sum()), float(np.abs(goal).sum())
        everything = Orders(goal, ~self.gone, nobody, net, gross, date, nobody)
        # The sums of a goal that can be reached are no limit to anything: then it is reached to the bit.
        reached = settle(self.weights, goal, priced)
        return self._book(reached, everything, goal, priced, date)

    def retry(self, priced: Array, date: str) -> Array | None:
        """Try again what waits, once something that was stuck has a price or is gone; the trades, None if none can.

        By the rule of :meth:`trade`: what does not wait keeps its weight, and the sums of the decision are the limits.
        """
        orders = self.orders
        if orders is None or not (self._freed or (orders.stuck & priced).any()):
            return None
        goal = np.where(orders.waiting, orders.goal, self.weights)
        return self._book(
            settle(self.weights, goal, priced, orders.net, orders.gross), orders, goal, priced, date
        )

    def _book(self, reached: Array, orders: Orders, goal: Array, priced: Array, date: str) -> Array:
        """Take over what was reached, keep what waits, and note both."""
        trades = reached - self.weights
        self.weights, self._freed = reached, False
        left = orders.waiting & unfilled(reached, goal)
        stuck = left & ~priced
        for asset in np.flatnonzero(stuck & ~orders.told):
            self.flags.append(f"{date}: {self.assets[asset]} has no price, its order waits")
        short_of_money = left & ~stuck & (np.abs(goal - reached) > TOLERANCE)
        if orders is not self.orders and stuck.any() and short_of_money.any():
            names = listed([self.assets[j] for j in np.flatnonzero(short_of_money)])
            self.flags.append(f"{date}: {names} traded only as far as cash and limits allow until then")
        for asset in np.flatnonzero(orders.told & orders.waiting & ~(left if stuck.any() else stuck)):
            part = ""
            if abs(goal[asset] - reached[asset]) > TOLERANCE:
                part = f" as far as cash and limits allow: {reached[asset]:.1%} of {goal[asset]:.1%}"
            self.flags.append(f"{date}: {self.assets[asset]}'s order of {orders.date} is done{part}")
        lapsed = self.gone & unfilled(reached, goal)
        if (stuck | lapsed).any():
            self._judge(goal, stuck | lapsed, date)
        self.orders = None
        if stuck.any():
            self.orders = replace(orders, waiting=left, stuck=stuck, told=orders.told | stuck)
        return trades

    def _drop_orders(self, assets: list[int], date: str) -> None:
        """Orders for what was delisted, or was sold as such, lapse."""
        if self.orders is None or not assets:
            return
        lost = np.zeros(len(self.weights), bool)
        lost[assets] = True
        for asset in np.flatnonzero(lost & self.orders.told & self.orders.waiting):
            order = f"{self.assets[asset]}'s order of {self.orders.date}"
            self.flags.append(f"{date}: {order} lapses, what was held is sold as delisted")
        self._freed = bool((lost & self.orders.stuck).any())
        self.orders = self.orders.without(lost)

    def _judge(self, goal: Array, undone: Array, date: str) -> None:
        """List the limits that are broken because orders cannot be done: further than the goal itself breaks them."""
        if self.limits is None:
            return
        asked = {
            (broken.limit, broken.asset): broken.excess
            for broken in broken_limits(self.limits, self.assets, goal, 0.0)
        }
        names = listed([self.assets[j] for j in np.flatnonzero(undone)])
        for broken in broken_limits(self.limits, self.assets, self.weights):
            if broken.excess > asked.get((broken.limit, broken.asset), 0.0) + TOLERANCE:
                who = broken.asset or names
                self.breaches.append(Breach(date, broken.limit, who, broken.value, broken.bound))
                self.flags.append(str(self.breaches[-1]))
