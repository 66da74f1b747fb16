"""`riskengine rebalance`: today's targets, orders, risk before and after, limits, stress, and what has changed since.

``report.json`` holds

- ``date``, ``strategy``, ``status`` (``clean`` or ``flagged``), ``flags``, ``notes``
- ``state``: ``from``, the date of the morning whose state the strategy went on from, null if it began anew;
  ``forgotten``, the date of a state that ``--fresh`` passed over
- ``decision``: the strategy's status, ``ok`` or what it fell back to
- ``trades``: rows of asset, side, units, price, value, participation; ``waiting``: orders that wait for a price;
  ``cash``, ``cost``, ``turnover``, ``wealth``, ``drift``
- of a book with accounts, currencies or lots: ``account``, ``currency`` and the local price with each trade,
  ``blocks`` (sums of accounts), ``money`` (cash by currency, what trades and exchanges move), ``gains`` (realised, an
  estimate by lots) and ``book`` (its value)
- ``targets``: the strategy's own; ``imposed``: targets after the limits of the desk; ``weights``: reached by the
  trades; ``before``: held before
- ``risk``: ``before`` and ``after``, each with volatility a year, VaR and CVaR of one period between closes,
  contributions by asset; ``period`` names that period, ``periods_per_year`` counts it
- ``limits``: rows of name, limit, before, after, light, how it was kept (``imposed`` or ``judged``); ``risk_limits``:
  rows of the others, on labels, factors, a benchmark, liquidity and the stress library, as in ``risk.json``
- ``prices``: ``findings`` of the audit and ``staleness`` in closes, of what is held or bought
- ``backtest``: a :class:`~riskengine.risk.validation.Validation` of the holdings' daily VaR, as a table
- ``stress``: scenarios and reverse stress, see :mod:`riskengine.desk.portfolio_stress`
- ``changes``: volatility forecast of the last report, and by how much trades, prices, volatilities, correlations and
  today's trades have moved it; they add up
- ``provenance``
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.backtest import panel_provenance
from riskengine.calibration import Calibrator
from riskengine.desk.book_orders import book_orders
from riskengine.desk.daily_risk import DailyRisk, volatility_changes
from riskengine.desk.held_book import HeldBook
from riskengine.desk.holdings import Holdings
from riskengine.desk.limited_orders import (
    LimitedOrders,
    limit_flags,
    limit_rows,
    order_content,
    orders_within,
)
from riskengine.desk.order_limits import judge_orders
from riskengine.desk.orders import TradeList
from riskengine.desk.portfolio_stress import StressSettings, figures, stress_test
from riskengine.desk.price_checks import PriceChecks, check_prices
from riskengine.desk.risk_inputs import RiskFiles
from riskengine.desk.rules import Desk
from riskengine.desk.strategy_state import Morning, Shown, close_name
from riskengine.desk.targets import Asked, Targets, ask_under_limits, reachable_targets
from riskengine.market import Panel, period_name
from riskengine.portfolio import Strategy
from riskengine.risk import Simulation

Array = np.ndarray

_STRESS = StressSettings(Simulation(horizon=21, paths=2000))


@dataclass(frozen=True, eq=False)
class Rebalance:
    """The content of a daily report; see the module.

    Attributes
    ----------
    content : as in ``report.json``
    trades : the orders
    assets, prices : of the panel at the close
    morning : the decision, and the state to keep
    """

    content: dict[str, Any]
    trades: TradeList
    assets: tuple[str, ...]
    prices: Array
    morning: Morning

    @property
    def flagged(self) -> bool:
        """Whether something needs a look."""
        return bool(self.content["status"] == "flagged")


def rebalance(
    strategy: Strategy,
    panel: Panel,
    holdings: Holdings,
    desk: Desk,
    calibrator: Calibrator,
    window: int = 1250,
    last: dict[str, Any] | None = None,
    out: Path | None = None,
    shown: Shown | None = None,
    fresh: bool = False,
    book: HeldBook | None = None,
    files: RiskFiles | None = None,
) -> Rebalance:
    """Daily report: decision, orders, risk, stress and limits at the last close of a panel.

    Parameters
    ----------
    strategy : the object that a backtest takes
    panel : prices up to today
    holdings : before trading
    desk : rules and limits; those on weights and trades are imposed on the strategy
    calibrator : for the risk figures
    window : closes that they rest on
    last : entry of the last report in the history
    out : folder in which earlier mornings have left the strategy's state; none is looked for if not given
    shown : what the strategy is shown; everything if not given
    fresh : whether the strategy begins anew
    book : that the holdings are of, and the panel its own; for orders by account and currency, and realised gains
    files : labels, benchmark, factors, exposures and library, for the limits on them

    Raises
    ------
    DataError
        If a holding has no price at all, there is no wealth, or the kept state is of other settings or prices.
    StrategyError
        If the strategy fails or breaks its contract.

    Examples
    --------
    >>> from riskengine import EqualWeight, ArchReference, Panel, datasets
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> held = Holdings(panel.assets, np.zeros(2), cash=1e5)
    >>> found = rebalance(EqualWeight(), panel, held, Desk(), ArchReference(), window=250)
    >>> [(row["asset"], row["units"]) for row in found.content["trades"]], found.content["status"]
    ([('KO', 1008.0), ('AAPL', 696.0)], 'clean')
    """
    known = panel.prices.ffill().to_numpy()[-1]
    open_ = ~np.isnan(panel.view(len(panel.dates) - 1).prices[-1])
    asked = ask_under_limits(strategy, panel, holdings, desk, known, out, shown, fresh)
    wanted = reachable_targets(strategy, asked, desk, panel.assets)
    risk = DailyRisk.of(panel, calibrator, window)
    orders = orders_within(strategy, asked.before, wanted, holdings, known, open_, desk, risk)
    checks = _check(panel, holdings, orders.trades, window)
    before, after = asked.before + orders.money[0], orders.after + orders.money[1]
    stress = stress_test(panel, after, risk.calibrator, replace(_STRESS, window=window))
    stressed = figures(stress, desk)
    limits = limit_rows(desk, panel.assets, asked.before, stressed, orders)
    on_risk = judge_orders(
        panel, risk, files or RiskFiles(), desk, risk.calibrator, holdings, orders.trades, book
    )
    flags = [
        *(() if book is None else book.value.flags),
        *asked.flags,
        *wanted.flags,
        *orders.flags,
        *checks.flags,
        *risk.flags(panel.assets, (before != 0) | (after != 0)),
        *(flag for flag in stress.flags if flag.endswith("of the CVaR")),
        *limit_flags(limits),
        *(f"limit {row['reason']}" for row in on_risk if row["light"] == "red"),
        *_test_flags(orders.tested),
    ]
    content = {
        "date": close_name(panel.dates[-1]),
        "strategy": strategy.name,
        "status": "flagged" if flags else "clean",
        "flags": flags,
        "notes": [*holdings.notes, *asked.morning.notes, *checks.notes],
        **_decision_content(asked.morning),
        **order_content(orders.trades, holdings, known),
        **({} if book is None or book.plain else book_orders(book, orders, known)),
        **_weight_content(panel.assets, asked, wanted, orders),
        **_risk_content(risk, orders),
        "limits": limits,
        "risk_limits": on_risk,
        "prices": {"findings": checks.findings, "staleness": checks.staleness},
        "backtest": orders.tested,
        "stress": stressed,
        "changes": volatility_changes(risk, window, last, before, after),
        "provenance": _provenance(panel, strategy, window, shown, desk),
    }
    return Rebalance(content, orders.trades, panel.assets, known, asked.morning)


def _check(panel: Panel, holdings: Holdings, trades: TradeList, window: int) -> PriceChecks:
    """Of the prices of what is held or bought."""
    bought = (trades.units != 0) | (trades.waiting != 0)
    return check_prices(panel, panel.view(len(panel.dates) - 1), holdings.quantity != 0, bought, window)


def _test_flags(tested: dict[str, Any] | None) -> list[str]:
    if tested is None or tested["holds"]:
        return []
    return ["VaR of the holdings: rejected by " + ", ".join(tested["rejected"])]


def _decision_content(morning: Morning) -> dict[str, Any]:
    return {
        "state": {"from": morning.since, "forgotten": morning.forgotten},
        "decision": morning.decision.status,
    }


def _weight_content(
    assets: tuple[str, ...], asked: Asked, wanted: Targets, orders: LimitedOrders
) -> dict[str, dict[str, float]]:
    """Weights from the strategy's targets to what the orders reach, by name."""
    return {
        "targets": _named(assets, asked.morning.decision.weights),
        "imposed": _named(assets, orders.scale * wanted.weights),
        "before": _named(assets, asked.before + orders.money[0]),
        "weights": _named(assets, orders.after + orders.money[1]),
        "drift": _named(assets, orders.trades.drift),
    }


def _risk_content(risk: DailyRisk, orders: LimitedOrders) -> dict[str, Any]:
    """Figures before and after trading, and the period that they are of."""
    return {
        "period": period_name(risk.periods),
        "periods_per_year": risk.periods,
        "risk": {
            side: {name: value for name, value in row.items() if name != "contributions"}
            | {"contributions": _named(risk.model.assets, row["contributions"])}
            for side, row in orders.risk.items()
        },
    }


def _provenance(
    panel: Panel, strategy: Strategy, window: int, shown: Shown | None, desk: Desk
) -> dict[str, Any]:
    return panel_provenance(
        panel,
        strategy=strategy.name,
        window=window,
        shown="all returns" if shown is None or shown.window is None else f"{shown.window} returns",
        desk=json.dumps(asdict(desk), sort_keys=True),
    )


def _named(assets: tuple[str, ...], values: Array) -> dict[str, float]:
    """What is not zero, by name."""
    return {name: float(v) for name, v in zip(assets, values, strict=True) if abs(v) > 1e-12}
