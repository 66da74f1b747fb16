"""Limits on factors, labels, liquidity and stress, judged on what orders of a morning would leave."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from riskengine.calibration import Calibrator
from riskengine.desk.book_risk import BookRisk
from riskengine.desk.daily_risk import RISK, DailyRisk
from riskengine.desk.exposures import after_trades, exposures_of
from riskengine.desk.held_book import HeldBook
from riskengine.desk.holdings import Holdings
from riskengine.desk.orders import TradeList
from riskengine.desk.risk_inputs import RiskFiles, file_labels, risk_view
from riskengine.desk.risk_limits import judge_book
from riskengine.desk.rules import Desk
from riskengine.desk.stress_limits import EXPOSURES
from riskengine.market import Panel

Array = np.ndarray

_BY_ORDERS = (*RISK, *EXPOSURES, "weight", "drawdown", "turnover", "participation")
"""Limits that rebalancing imposes or judges itself, beside those on groups and single weights."""


def limits_left(desk: Desk) -> Desk:
    """The desk with the limits alone that rebalancing does not see to itself.

    Examples
    --------
    >>> limits_left(Desk(limits={"var_99": 0.05, "beta": 1.1, "group:x": 0.3})).limits
    {'beta': 1.1}
    """
    left = {
        name: limit
        for name, limit in desk.limits.items()
        if name not in _BY_ORDERS and not name.startswith(("group:", "weight:"))
    }
    return replace(desk, limits=left)


def judge_orders(
    panel: Panel,
    risk: DailyRisk,
    files: RiskFiles,
    desk: Desk,
    calibrator: Calibrator,
    holdings: Holdings,
    trades: TradeList,
    book: HeldBook | None,
) -> list[dict[str, Any]]:
    """A row a limit that is left, as :func:`~.risk_limits.judge_book` makes them; none without such limits.

    Parameters
    ----------
    panel, risk : prices of the morning, and the model of them
    files : labels, benchmark, factors, exposures and library; the others are not read
    desk : rules and limits
    calibrator : of factors
    holdings, trades, book : before the orders, and the orders
    """
    left = limits_left(desk)
    if not left.limits and not left.at_least:
        return []
    labels = file_labels(files, desk, book)
    view = risk_view(panel, risk, files, left, labels, calibrator, book)
    known = panel.prices.ffill().to_numpy()[-1]
    parts = trades.accounts or {"": trades}
    asked = {
        (account, panel.assets[j]): float(one.units[j])
        for account, one in parts.items()
        for j in np.flatnonzero(one.units)
    }
    done = after_trades(holdings, asked, known, desk.cost_rate)
    terms = {} if book is None else book.terms
    before, after = (
        BookRisk(view, exposures_of(one, known, labels, None, terms)) for one in (holdings, done)
    )
    return judge_book(left, after.measures, before.measures)
