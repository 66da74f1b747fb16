"""`riskengine rebalance`: today's targets, orders, risk before and after, limits, stress, and what has changed since.

``report.json`` holds

- ``date``, ``strategy``, ``status`` (``clean`` or ``flagged``), ``flags``, ``notes``
- ``state``: ``from``, the date of the morning whose state the strategy went on from, null if it began anew;
  ``forgotten``, the date of a state that ``--fresh`` passed over
- ``decision``: the strategy's status, ``ok`` or what it fell back to
- ``trades``: rows of asset, side, units, price, value, participation; ``waiting``: orders that wait for a price;
  ``cash``, ``cost``, ``turnover``, ``wealth``, ``drift``
- ``targets``: the strategy's own; ``imposed``: targets after the limits of the desk; ``weights``: reached by the
  trades; ``before``: held before
- ``risk``: ``before`` and ``after``, each with volatility a year, VaR and CVaR of one period between closes,
  contributions by asset; ``period`` names that period, ``periods_per_year`` counts it
- ``limits``: rows of name, limit, before, after, light, how it was kept (``imposed`` or ``judged``)
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
from typing import Any, NamedTuple

import numpy as np

from riskengine.backtest.provenance import panel_provenance
from riskengine.calibration import Calibration, Calibrator, Status
from riskengine.covariance import for_frequency
from riskengine.desk.holdings import Holdings
from riskengine.desk.orders import TradeList, trade_list
from riskengine.desk.period_returns import period_returns
from riskengine.desk.portfolio_stress import StressSettings, figures, stress_test
from riskengine.desk.portfolio_var import held_risk
from riskengine.desk.price_checks import PriceChecks, check_prices
from riskengine.desk.rules import Desk
from riskengine.desk.strategy_state import Morning, Shown, close_name, decide
from riskengine.desk.stress_limits import light
from riskengine.errors import DataError, StrategyError
from riskengine.market import Panel
from riskengine.market.period_names import period_name
from riskengine.portfolio import Group, Strategy
from riskengine.portfolio.ask import stated_limits
from riskengine.portfolio.fallback import BEYOND_TURNOVER
from riskengine.portfolio.imposed import WeightLimits, nearest, with_limits
from riskengine.risk.scenario_model import ScenarioModel
from riskengine.risk.scenarios import Simulation

Array = np.ndarray

HISTORY = "history.jsonl"
_STRESS = StressSettings(Simulation(horizon=21, paths=2000))
RISK = ("volatility", "var_95", "var_99", "cvar_97.5")
_ROUNDING = 1e-6  # of weights


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
) -> Rebalance:
    """Ask the strategy at the last close of the panel, as a backtest does, and judge what it answers.

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

    Raises
    ------
    DataError
        If a holding has no price at all, there is no wealth, or the kept state is of other settings or prices.
    StrategyError
        If the strategy fails or breaks its contract.
    """
    known = panel.prices.ffill().to_numpy()[-1]
    open_ = ~np.isnan(panel.view(len(panel.dates) - 1).prices[-1])
    asked = _ask(strategy, panel, holdings, desk, known, out, shown, fresh)
    wanted = _wanted(strategy, asked, desk, panel.assets)
    judge = _Judge.of(panel, calibrator, window)
    orders = _orders_within(strategy, asked.before, wanted, holdings, known, open_, desk, judge)
    checks = _check(panel, holdings, orders.trades, window)
    stress = stress_test(panel, orders.after, judge.calibrator, replace(_STRESS, window=window))
    stressed = figures(stress, desk)
    limits = _limits(desk, panel.assets, asked.before, stressed, orders)
    flags = [
        *asked.flags,
        *wanted.flags,
        *orders.flags,
        *checks.flags,
        *judge.flags(panel.assets, (asked.before > 0) | (orders.after > 0)),
        *(flag for flag in stress.flags if flag.endswith("of the CVaR")),
        *_limit_flags(limits),
        *_test_flags(orders.tested),
    ]
    content = {
        "date": close_name(panel.dates[-1]),
        "strategy": strategy.name,
        "status": "flagged" if flags else "clean",
        "flags": flags,
        "notes": [*holdings.notes, *asked.morning.notes, *checks.notes],
        **_decision_content(asked.morning),
        **_order_content(orders.trades, panel.assets, known),
        "targets": _named(panel.assets, asked.morning.decision.weights),
        "imposed": _named(panel.assets, orders.scale * wanted.targets),
        "before": _named(panel.assets, asked.before),
        "weights": _named(panel.assets, orders.after),
        "drift": _named(panel.assets, orders.trades.drift),
        "period": period_name(judge.periods),
        "periods_per_year": judge.periods,
        "risk": {
            side: {name: value for name, value in row.items() if name != "contributions"}
            | {"contributions": _named(judge.model.assets, row["contributions"])}
            for side, row in orders.risk.items()
        },
        "limits": limits,
        "prices": {"findings": checks.findings, "staleness": checks.staleness},
        "backtest": orders.tested,
        "stress": stressed,
        "changes": _changes(judge, window, last, asked.before, orders.after),
        "provenance": panel_provenance(
            panel,
            strategy=strategy.name,
            window=window,
            shown="all returns" if shown is None or shown.window is None else f"{shown.window} returns",
            desk=json.dumps(asdict(desk), sort_keys=True),
        ),
    }
    return Rebalance(content, orders.trades, panel.assets, known, asked.morning)


class _Asked(NamedTuple):
    """The strategy's decision, and what it was asked under."""

    morning: Morning
    before: Array
    limits: WeightLimits
    able: bool  # the strategy takes the limits itself
    flags: list[str]


def _ask(
    strategy: Strategy,
    panel: Panel,
    holdings: Holdings,
    desk: Desk,
    known: Array,
    out: Path | None,
    shown: Shown | None,
    fresh: bool,
) -> _Asked:
    """Ask the strategy, under the limits of the desk where it takes them."""
    before, wealth = _held(holdings, known)
    limits = _weight_limits(desk, panel.assets, known, wealth)
    able = with_limits(strategy, limits)
    limited, gave_way = (strategy, ()) if able is None else able
    morning = decide(strategy, panel, before, out, shown, fresh, limited)
    flags = _start_flags(morning, holdings, wealth)
    if morning.decision.status != "ok":
        flags.append(f"decision: {morning.decision.status}")
    flags += [str(note) for note in (*morning.decision.notes, *gave_way)]
    return _Asked(morning, before, limits, able is not None, flags)


class _Wanted(NamedTuple):
    """Targets of the orders."""

    targets: Array
    only_sales: bool
    flags: list[str]


def _wanted(strategy: Strategy, asked: _Asked, desk: Desk, assets: tuple[str, ...]) -> _Wanted:
    """Targets that orders paid for from cash can have, within the limits of the desk."""
    decision, flags = asked.morning.decision, []
    targets = _long(strategy, decision.weights, assets)
    if targets.sum() > 1 + _ROUNDING:
        flags.append(
            f"the strategy wants to borrow {targets.sum() - 1:.1%} of wealth; orders here are paid for from cash, and "
            f"its targets are scaled to {1 - desk.cash:.0%}"
        )
    if targets.sum() > asked.limits.budget:
        targets = targets * (asked.limits.budget / targets.sum())
    targets, moved, only_sales = _within(
        targets, asked.limits, asked.before, assets, asked.able, decision.status
    )
    return _Wanted(targets, only_sales, flags + moved)


class _Orders(NamedTuple):
    """Orders, the weights after them, and their risk.

    ``scaled`` are the limits on risk that targets are scaled to keep, by ``scale``.
    """

    trades: TradeList
    after: Array
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


def _orders_within(
    strategy: Strategy,
    before: Array,
    wanted: _Wanted,
    holdings: Holdings,
    known: Array,
    open_: Array,
    desk: Desk,
    judge: _Judge,
) -> _Orders:
    """Whole lots; where the strategy allows cash, of targets scaled down until limits on risk hold."""
    stated = stated_limits(strategy)
    cash_allowed = stated is not None and stated.budget_range[0] < 1
    scale = 1.0
    for _ in range(4):
        trades = trade_list(holdings, known, scale * wanted.targets, desk, open_, wanted.only_sales)
        after = np.where(trades.after > 0, trades.after * known, 0.0) / trades.wealth
        risk, tested = judge(before, after)
        over = max(
            (risk["after"][name] / desk.limits[name] for name in RISK if desk.limits.get(name)), default=0.0
        )
        if not (cash_allowed and over > 1):
            break
        scale *= (1 - 1e-4) / over
    scaled = [name for name in RISK if name in desk.limits] if cash_allowed else []
    return _Orders(trades, after, risk, tested, scale, scaled)


def _check(panel: Panel, holdings: Holdings, trades: TradeList, window: int) -> PriceChecks:
    """Of the prices of what is held or bought."""
    bought = (trades.units > 0) | (trades.waiting > 0)
    return check_prices(panel, panel.view(len(panel.dates) - 1), holdings.quantity > 0, bought, window)


def _limit_flags(rows: list[dict[str, Any]]) -> list[str]:
    return [
        f"limit {row['name']}: {row['after']:.2%} against {row['limit']:.2%}"
        + (
            ", judged and not imposed: the strategy states no room for cash"
            * (row["how"] == "judged" and row["name"] in RISK)
        )
        for row in rows
        if row["light"] == "red"
    ]


def _test_flags(tested: dict[str, Any] | None) -> list[str]:
    if tested is None or tested["holds"]:
        return []
    return ["VaR of the holdings: rejected by " + ", ".join(tested["rejected"])]


def _decision_content(morning: Morning) -> dict[str, Any]:
    return {
        "state": {"from": morning.since, "forgotten": morning.forgotten},
        "decision": morning.decision.status,
    }


def _order_content(trades: TradeList, assets: tuple[str, ...], known: Array) -> dict[str, Any]:
    waiting = _orders(trades.waiting, trades, assets, known)
    return {
        "trades": _orders(trades.units, trades, assets, known),
        "waiting": [{name: row[name] for name in ("asset", "side", "units")} for row in waiting],
        "wealth": trades.wealth,
        "cash": trades.cash,
        "cost": trades.cost,
        "turnover": float(np.abs(trades.value).sum() / trades.wealth),
    }


def _held(holdings: Holdings, known: Array) -> tuple[Array, float]:
    """Weights before trading, and wealth."""
    bare = (holdings.quantity > 0) & ~(known > 0)
    if bare.any():
        name = holdings.assets[int(np.argmax(bare))]
        raise DataError(f"{name} is held but has no price: add one, or write it off")
    wealth = holdings.wealth(known)
    if not (np.isfinite(wealth) and wealth > 0):
        owed = f", with a cash of {holdings.cash:,.2f}" if holdings.cash < 0 else ""
        raise DataError(
            f"wealth is {wealth:,.2f}{owed}: there is nothing to invest; the file of holdings lists quantities, "
            "and money as CASH"
        )
    return holdings.weights(known), wealth


def _weight_limits(desk: Desk, assets: tuple[str, ...], known: Array, wealth: float) -> WeightLimits:
    """The limits of a desk on weights and trades, in the terms of an optimiser."""
    groups = []
    for name, limit in desk.limits.items():
        if name.startswith("group:"):
            group = name.removeprefix("group:")
            members = tuple(asset for asset in assets if desk.groups.get(asset) == group)
            groups.append(Group(f"{group} (desk)", members, upper=limit))
    return WeightLimits(
        weight=desk.limits.get("weight"),
        groups=tuple(groups),
        budget=1 - desk.cash,
        turnover=desk.limits.get("turnover"),
        participation=desk.limits.get("participation"),
        volume=desk.volumes(assets) * known / wealth if desk.volume else None,
    )


def _start_flags(morning: Morning, holdings: Holdings, wealth: float) -> list[str]:
    """Flags on where the decision starts from."""
    flags = []
    if morning.forgotten is not None:
        flags.append(
            f"the strategy begins anew, as --fresh asks: what it had learned up to {morning.forgotten} is forgotten"
        )
    if holdings.cash < -MARGIN * wealth:
        flags.append(
            f"cash is {holdings.cash:,.2f}, {-holdings.cash / wealth:.1%} of wealth is owed: sales pay it back"
        )
    return flags


MARGIN = 0.005
"""Share of wealth above which cash that is owed is flagged; below, it is what settlement leaves behind."""


def _long(strategy: Strategy, weights: Array, assets: tuple[str, ...]) -> Array:
    """Targets that a list of orders can have: none negative, but for what rounding leaves."""
    if (weights < -_ROUNDING).any():
        worst = int(np.argmin(weights))
        raise StrategyError(
            f"strategy {strategy.name!r} goes short, {assets[worst]} at {weights[worst]:.2%}, which a list of whole "
            "lots cannot: set the lower bounds among its limits to 0"
        )
    return np.maximum(weights, 0.0)


def _within(
    targets: Array,
    limits: WeightLimits,
    before: Array,
    assets: tuple[str, ...],
    able: bool,
    status: str,
) -> tuple[Array, list[str], bool]:
    """Targets within the limits of the desk, or as near as trades bring them; what was done; whether to sell only."""
    if status == BEYOND_TURNOVER:  # by the least that the others leave, and its notes say by how much
        limits = replace(limits, turnover=None)
    broken = limits.broken(targets, before, assets, _ROUNDING)
    if not broken:
        return targets, [], False
    only_sales = able and status != "ok" and bool(before.any())
    flags, said = [], "; ".join(broken)
    clash = limits.clashing(float(targets.sum()), before, assets, targets)
    if clash:
        flags.append(f"limits clash: {'; '.join(clash)}")
    if able and status != "ok":
        # What the strategy fell back to breaks limits: go towards them, and buy nothing meanwhile, unless all is cash.
        base = np.minimum(targets, before) if only_sales else targets
        found = nearest(base, limits, before, assets, keep_budget=False)
        flags.append(
            f"no portfolio keeps all limits ({said} of what was fallen back to): holdings are brought nearer to "
            "them, the rest is cash"
        )
    else:
        found = nearest(targets, limits, before, assets)
        cause = "the strategy takes no limits" if not able else "a limit on its total"
        flags.append(f"targets moved to the nearest within the limits ({cause}): {said}")
    flags += [f"cannot be met today: {one}" for one in limits.broken(found, before, assets, _ROUNDING)]
    return found, flags, only_sales


@dataclass(frozen=True, eq=False)
class _Judge:
    """Risk figures of portfolios before and after trading, all from one calibration.

    Attributes
    ----------
    sessions : the closes that the figures rest on: the days in common, where markets have other trading days
    rows : (window, alive) returns of one period
    fit, model : of these rows
    calibrator : for their frequency
    alive : places of the assets that have returns
    """

    sessions: Panel
    rows: Array
    fit: Calibration
    calibrator: Calibrator
    model: ScenarioModel
    alive: Array

    @classmethod
    def of(cls, panel: Panel, calibrator: Calibrator, window: int) -> _Judge:
        """Calibrate the last closes.

        Raises
        ------
        DataError
            If no asset has returns.
        """
        sessions = panel.at_sessions()
        single = period_returns(sessions)[1]
        rows = single.to_numpy()
        alive = np.flatnonzero((~np.isnan(rows[-window:])).sum(axis=0) >= 2)
        if not len(alive):
            raise DataError("no asset has returns in the window: bring more history")
        table = single.iloc[:, alive]
        fit = calibrator(table.iloc[-window:])
        calibrator, _ = for_frequency(calibrator, sessions.periods_per_year)
        model = ScenarioModel.fit(table, calibrator, window, calibration=fit)
        return cls(sessions, rows[-window:, alive], fit, calibrator, model, alive)

    @property
    def periods(self) -> float:
        """A year."""
        return self.sessions.periods_per_year

    def flags(self, assets: tuple[str, ...], held: Array) -> list[str]:
        """Holdings that no figure knows, and calibrations to be looked at."""
        gone = sorted(set(np.flatnonzero(held)) - set(self.alive.tolist()))
        statuses = zip(self.fit.assets, self.fit.status, strict=True)
        return [
            *(f"{assets[j]}: held, but without returns; no risk figure knows it" for j in gone),
            *(f"calibration: {note}" for note in self.model.notes),
            *(
                f"prices of {name}: unlike any that the network was trained on, look for a bad one"
                for name, status in statuses
                if status is Status.ROBUST
            ),
        ]

    def __call__(
        self, before: Array, after: Array
    ) -> tuple[dict[str, dict[str, Any]], dict[str, Any] | None]:
        held = {"before": before[self.alive], "after": after[self.alive]}
        figured, tested = held_risk(self.rows, np.array([*held.values()]), self.calibrator)
        risk = {
            name: _volatility(self.model, weights, self.periods) | tails
            for (name, weights), tails in zip(held.items(), figured, strict=True)
        }
        return risk, tested


def _named(assets: tuple[str, ...], values: Array) -> dict[str, float]:
    """What is not zero, by name."""
    return {name: float(v) for name, v in zip(assets, values, strict=True) if abs(v) > 1e-12}


def _volatility(model: ScenarioModel, weights: Array, periods: float) -> dict[str, Any]:
    """Of a year, and the contributions to it."""
    pulled, variance = model.pull(weights)
    deviation = np.sqrt(periods * variance)
    share = periods * weights * pulled / deviation if deviation > 0 else np.zeros(len(weights))
    return {"volatility": float(deviation), "contributions": share}


def _limits(
    desk: Desk,
    assets: tuple[str, ...],
    before: Array,
    stressed: dict[str, Any],
    orders: _Orders,
) -> list[dict[str, Any]]:
    """A row a limit, in the order of the file."""
    trades, after, risk, rows = orders.trades, orders.after, orders.risk, []
    for name, limit in desk.limits.items():
        old: float | None = None
        if name in RISK:
            old, new = risk["before"][name], risk["after"][name]
        elif name == "weight":
            old, new = float(before.max()), float(after.max())
        elif name == "drawdown":
            new = stressed["scenarios"][0]["drawdown"]
        elif name == "turnover":
            new = float(np.abs(trades.value).sum() / trades.wealth)
        elif name == "participation":
            new = float(np.nanmax(trades.participation, initial=0.0)) if len(assets) else 0.0
        else:
            members = np.array([desk.groups.get(asset) == name.removeprefix("group:") for asset in assets])
            old, new = float(before[members].sum()), float(after[members].sum())
        how = "judged" if name == "drawdown" or (name in RISK and name not in orders.scaled) else "imposed"
        # Rounding in the last digit breaks no limit.
        shade = light(new if new > limit * (1 + 1e-9) else min(new, limit), limit)
        rows.append({"name": name, "limit": limit, "before": old, "after": new, "light": shade, "how": how})
    return rows


def _orders(units: Array, trades: TradeList, assets: tuple[str, ...], prices: Array) -> list[dict[str, Any]]:
    """Sales first, the largest value first."""
    value = np.abs(np.where(units != 0, units * prices, 0.0))
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


def _changes(
    judge: _Judge,
    window: int,
    last: dict[str, Any] | None,
    before: Array,
    after: Array,
) -> dict[str, Any] | None:
    """By how much each cause has moved the volatility forecast since the last report; the steps add up."""
    if last is None:
        return None
    model = judge.model
    earlier = period_returns(judge.sessions.between(end=last["date"]))[1].loc[:, list(model.assets)]
    if np.any((~np.isnan(earlier.to_numpy()[-window:])).sum(axis=0) < 2):
        return None
    old = ScenarioModel.fit(earlier, judge.calibrator, window)
    place = {name: j for j, name in enumerate(model.assets)}
    weights = np.zeros(len(place))
    for name, weight in last["weights"].items():
        if name in place:
            weights[place[name]] = weight
    mixed = replace(old, variance=model.variance)

    def volatility(state: ScenarioModel, held: Array) -> float:
        return float(np.sqrt(judge.periods * state.pull(held)[1]))

    steps = [
        ("last report", volatility(old, weights)),
        ("prices and trades since", volatility(old, before[judge.alive])),
        ("volatilities", volatility(mixed, before[judge.alive])),
        ("correlations", volatility(model, before[judge.alive])),
        ("today's trades", volatility(model, after[judge.alive])),
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
