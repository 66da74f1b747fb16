"""`riskengine rebalance`: today's targets, orders, risk before and after, limits, stress, and what has changed since.

``report.json`` holds

- ``date``, ``strategy``, ``status`` (``clean`` or ``flagged``), ``flags``
- ``trades``: rows of asset, side, units, price, value, participation; ``cash``, ``cost``, ``wealth``, ``drift``
- ``risk``: ``before`` and ``after``, each with volatility a year, VaR and CVaR of one day, contributions by asset
- ``limits``: rows of name, limit, before, after, light
- ``backtest``: a :class:`~riskengine.risk.validation.Validation` of the holdings' daily VaR, as a table
- ``stress``: scenarios and reverse stress, see :mod:`riskengine.report.stress`
- ``changes``: volatility forecast of the last report, and by how much trades, prices, volatilities, correlations and
  today's trades have moved it; they add up
- ``provenance``
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from riskengine.calibration import Calibrator, Status
from riskengine.errors import DataError, StrategyError
from riskengine.market import Panel
from riskengine.portfolio import Decision, Strategy
from riskengine.portfolio.ask import STRATEGY_FAULTS
from riskengine.report.desk_files import Desk, Holdings
from riskengine.report.desk_page import light, origin
from riskengine.report.held_risk import held_risk
from riskengine.report.stress import StressSettings, figures, stress_test
from riskengine.report.trades import TradeList, trade_list
from riskengine.risk.scenario_model import ScenarioModel
from riskengine.risk.scenarios import Simulation

Array = np.ndarray

HISTORY = "history.jsonl"
_STRESS = StressSettings(Simulation(horizon=21, paths=2000))
RISK = {"volatility": "volatility", "var_95": "VaR 95%", "var_99": "VaR 99%", "cvar_97.5": "CVaR 97.5%"}


@dataclass(frozen=True, eq=False)
class Rebalance:
    """The content of a daily report; see the module.

    Attributes
    ----------
    content : as in ``report.json``
    trades : the orders
    assets, prices : of the panel at the close
    """

    content: dict[str, Any]
    trades: TradeList
    assets: tuple[str, ...]
    prices: Array

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
) -> Rebalance:
    """Ask the strategy at the last close of the panel, and judge what it answers.

    Parameters
    ----------
    strategy : the object that a backtest takes
    panel : prices up to today
    holdings : before trading
    desk : rules and limits
    calibrator : for the risk figures
    window : days that they rest on
    last : entry of the last report in the history

    Raises
    ------
    DataError
        If a holding has no price at all, or there is no wealth.
    StrategyError
        If the strategy fails.
    """
    view = panel.view(len(panel.dates) - 1)
    known = panel.prices.ffill().to_numpy()[-1]
    flags = [
        f"{name}: no price today, valued at its last one"
        for name, now, held in zip(panel.assets, view.prices[-1], holdings.quantity, strict=True)
        if held > 0 and np.isnan(now)
    ]
    before = holdings.weights(known) if holdings.wealth(known) > 0 else np.zeros(len(known))
    decision = _decide(strategy, view, before)
    if decision.status != "ok":
        flags.append(f"decision: {decision.status}")
    flags += [str(note) for note in decision.notes]
    trades = trade_list(holdings, known, np.maximum(decision.weights, 0.0), desk, ~np.isnan(view.prices[-1]))
    if (decision.weights < -1e-12).any():
        raise StrategyError(f"strategy {strategy.name!r} goes short, which a list of whole lots cannot")
    flags += trades.flags
    after = np.where(trades.after > 0, trades.after * known, 0.0) / trades.wealth

    rows = panel.returns.to_numpy()
    alive = np.flatnonzero((~np.isnan(rows[-window:])).sum(axis=0) >= 2)
    if not len(alive):
        raise DataError("no asset has returns in the window: bring more history")
    table = panel.returns.iloc[:, alive]
    fit = calibrator(table.iloc[-window:])
    model = ScenarioModel.fit(table, calibrator, window, calibration=fit)
    flags += [f"calibration: {note}" for note in model.notes]
    strange = [name for name, s in zip(fit.assets, fit.status, strict=True) if s is Status.ROBUST]
    flags += [
        f"prices of {name}: unlike any that the network was trained on, look for a bad one"
        for name in strange
    ]
    held = {"before": before[alive], "after": after[alive]}
    figured, tested = held_risk(rows[-window:, alive], fit, np.array([*held.values()]), calibrator)
    risk = {
        name: _volatility(model, weights) | tails
        for (name, weights), tails in zip(held.items(), figured, strict=True)
    }
    stress = stress_test(panel, after, calibrator, replace(_STRESS, window=window))
    stressed = figures(stress, desk)
    limits = _limits(desk, panel.assets, before, after, risk, stressed, trades)
    flags += [
        f"limit {row['name']}: {row['after']:.2%} against {row['limit']:.2%}"
        for row in limits
        if row["light"] == "red"
    ]
    if tested is not None and not tested["holds"]:
        flags.append("VaR of the holdings: rejected by " + ", ".join(tested["rejected"]))
    content = {
        "date": f"{panel.dates[-1]:%Y-%m-%d}",
        "strategy": strategy.name,
        "status": "flagged" if flags else "clean",
        "flags": flags,
        "trades": _orders(trades, panel.assets, known),
        "wealth": trades.wealth,
        "cash": trades.cash,
        "cost": trades.cost,
        "targets": _named(panel.assets, decision.weights),
        "weights": _named(panel.assets, after),
        "drift": _named(panel.assets, trades.drift),
        "risk": {
            name: {key: value for key, value in found.items() if key != "contributions"}
            | {"contributions": _named(model.assets, found["contributions"])}
            for name, found in risk.items()
        },
        "limits": limits,
        "backtest": tested,
        "stress": stressed,
        "changes": _changes(panel, calibrator, window, last, model, before[alive], after[alive]),
        "provenance": origin(panel, strategy=strategy.name, window=window, desk=repr(desk)),
    }
    return Rebalance(content, trades, panel.assets, known)


def _decide(strategy: Strategy, view: Any, before: Array) -> Decision:
    try:
        decision, _ = strategy.decide(strategy.init(view), view, before.copy())
    except STRATEGY_FAULTS as error:
        raise StrategyError(f"strategy {strategy.name!r} failed: {type(error).__name__}: {error}") from error
    if not isinstance(decision, Decision) or decision.weights.shape != before.shape:
        raise StrategyError(
            f"strategy {strategy.name!r} gave no decision of one weight a column of the prices"
        )
    return decision


def _named(assets: tuple[str, ...], values: Array) -> dict[str, float]:
    """What is not zero, by name."""
    return {name: float(v) for name, v in zip(assets, values, strict=True) if abs(v) > 1e-12}


def _volatility(model: ScenarioModel, weights: Array) -> dict[str, Any]:
    """Of a year, and the contributions to it."""
    pulled, variance = model.pull(weights)
    deviation = np.sqrt(252 * variance)
    share = 252 * weights * pulled / deviation if deviation > 0 else np.zeros(len(weights))
    return {"volatility": float(deviation), "contributions": share}


def _limits(
    desk: Desk,
    assets: tuple[str, ...],
    before: Array,
    after: Array,
    risk: dict[str, dict[str, Any]],
    stressed: dict[str, Any],
    trades: TradeList,
) -> list[dict[str, Any]]:
    """A row a limit, in the order of the file."""
    rows = []
    for name, limit in desk.limits.items():
        old: float | None = None
        if name in RISK:
            old, new = risk["before"][name], risk["after"][name]
        elif name == "weight":
            old, new = float(before.max()), float(after.max())
        elif name == "drawdown":
            new = stressed["scenarios"][0]["drawdown"]
        elif name == "participation":
            new = float(np.nanmax(trades.participation, initial=0.0)) if len(assets) else 0.0
        else:
            members = np.array([desk.groups.get(asset) == name.removeprefix("group:") for asset in assets])
            old, new = float(before[members].sum()), float(after[members].sum())
        rows.append({"name": name, "limit": limit, "before": old, "after": new, "light": light(new, limit)})
    return rows


def _orders(trades: TradeList, assets: tuple[str, ...], prices: Array) -> list[dict[str, Any]]:
    return [
        {
            "asset": assets[j],
            "side": "sell" if trades.units[j] < 0 else "buy",
            "units": float(abs(trades.units[j])),
            "price": float(prices[j]),
            "value": float(abs(trades.value[j])),
            "participation": None if np.isnan(trades.participation[j]) else float(trades.participation[j]),
        }
        for j in trades.order()
    ]


def _changes(
    panel: Panel,
    calibrator: Calibrator,
    window: int,
    last: dict[str, Any] | None,
    model: ScenarioModel,
    before: Array,
    after: Array,
) -> dict[str, Any] | None:
    """By how much each cause has moved the volatility forecast since the last report; the steps add up."""
    if last is None:
        return None
    earlier = panel.between(end=last["date"]).returns.loc[:, list(model.assets)]
    if np.any((~np.isnan(earlier.to_numpy()[-window:])).sum(axis=0) < 2):
        return None
    old = ScenarioModel.fit(earlier, calibrator, window)
    place = {name: j for j, name in enumerate(model.assets)}
    weights = np.zeros(len(place))
    for name, weight in last["weights"].items():
        if name in place:
            weights[place[name]] = weight
    mixed = replace(old, variance=model.variance)

    def volatility(state: ScenarioModel, held: Array) -> float:
        return float(np.sqrt(252 * state.pull(held)[1]))

    steps = [
        ("last report", volatility(old, weights)),
        ("prices and trades since", volatility(old, before)),
        ("volatilities", volatility(mixed, before)),
        ("correlations", volatility(model, before)),
        ("today's trades", volatility(model, after)),
    ]
    moved = {name: value - steps[k][1] for k, (name, value) in enumerate(steps[1:])}
    return {"since": last["date"], "last": steps[0][1], "now": steps[-1][1], "moved": moved}


def read_history(out: Path, date: str) -> tuple[list[str], dict[str, Any] | None]:
    """Lines of the history, and its last entry before a date.

    Raises
    ------
    DataError
        If the history is damaged.
    """
    path = out / HISTORY
    if not path.is_file():
        return [], None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        earlier = [entry for entry in entries if entry["date"] < date and isinstance(entry["weights"], dict)]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}): move it away to begin a new history") from error
    return lines, earlier[-1] if earlier else None
