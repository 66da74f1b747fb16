"""The limits of a desk on what a stress test can see; the others are named as not judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from riskengine.book import is_money
from riskengine.desk.rules import Desk
from riskengine.market import period_name
from riskengine.risk import ScenarioModel

_TAILS = {"var_95": (0.95, False), "var_99": (0.99, False), "cvar_97.5": (0.975, True)}

AS_IT_WAS, BY_SHOCKS = ", as it was", ", shocks"
"""Ends of the names of outcomes that are scenarios of the library."""

EXPOSURES: dict[str, Callable[[np.ndarray], float]] = {
    "gross": lambda held: float(np.abs(held).sum()),
    "net": lambda held: float(abs(held.sum())),
    "long": lambda held: float(np.maximum(held, 0).sum()),
    "short": lambda held: float(np.maximum(-held, 0).sum()),
}
"""Sums of weights ``(assets,)`` by the name of the limit on them."""


def judge(
    model: ScenarioModel,
    named: Mapping[str, float],
    numbers: dict[str, Any],
    desk: Desk,
    periods_per_year: float,
) -> list[dict[str, Any]]:
    """A row a limit, in the order of the file: what it is on, the value, and a light; None where it is not judged.

    ``named`` are weights of wealth by asset. VaR and CVaR are those of the next period by filtered historical
    simulation; the drawdown is that of the worst scenario.
    """
    weights = np.array([named.get(asset, 0.0) for asset in model.assets])
    invested = {asset: weight for asset, weight in named.items() if not is_money(asset)}
    period, rows = period_name(periods_per_year), []
    history = model.history()
    for name, limit in desk.limits.items():
        value: float | None = None
        on = "not judged here: `riskengine risk` does"
        if name in ("participation", "turnover"):
            on = "not judged here: it is on trades, which `rebalance` makes"
        if name in _TAILS:
            level, beyond = _TAILS[name]
            tail = history.portfolio_tail(weights, level)
            value = float(tail.conditional_value_at_risk if beyond else tail.value_at_risk)
            on = f"loss as a fraction of wealth over 1 {period}, as it is"
        elif name == "volatility":
            value = float(np.sqrt(periods_per_year * model.pull(weights)[1]))
            on = "fraction of wealth, standard deviation per year, as it is"
        elif name == "drawdown":
            paths = [row for row in numbers["scenarios"] if not row["name"].endswith(BY_SHOCKS)]
            worst = max(paths, key=lambda row: row["drawdown"])
            value, on = float(worst["drawdown"]), f"the worst scenario: {worst['name']}"
        elif name == "weight":
            value = max(map(abs, invested.values()), default=0.0)
            on = "the largest holding, long or short, a fraction of wealth"
        elif name.partition(":")[0] == "stress":
            value, on = _library_loss(numbers, name.partition(":")[2])
        elif name in EXPOSURES:
            value, on = EXPOSURES[name](np.array([*invested.values()])), "a fraction of wealth"
        elif name.startswith("weight:"):
            value, on = (
                abs(named.get(name.removeprefix("weight:"), 0.0)),
                "long or short, a fraction of wealth",
            )
        elif name.startswith("group:"):
            group = name.removeprefix("group:")
            value = sum(weight for asset, weight in named.items() if desk.groups.get(asset) == group)
            on = "a fraction of wealth"
        lit = None if value is None else light(value, limit)
        rows.append({"name": name, "limit": limit, "value": value, "on": on, "light": lit})
    for name, limit in desk.at_least.items():
        on = "a lower limit, not judged here: `riskengine risk` does"
        rows.append({"name": name, "limit": limit, "value": None, "on": on, "light": None})
    return rows


def _library_loss(numbers: dict[str, Any], name: str) -> tuple[float | None, str]:
    """Loss in a scenario of the library, in the worst one without a name."""
    ends = (AS_IT_WAS, BY_SHOCKS)
    losses = {row["name"]: row["loss"] for row in numbers["scenarios"] if row["name"].endswith(ends)}
    chosen = [one for one in losses if not name or one.removesuffix(ends[0]).removesuffix(ends[1]) == name]
    if not chosen:
        return None, "not judged: the library has no such scenario, see `riskengine scenarios`"
    worst = max(chosen, key=lambda one: losses[one])
    return float(losses[worst]), f"loss as a fraction of wealth: {worst}"


def light(value: float, limit: float) -> str:
    """Green up to four fifths of a limit, amber up to the limit, red beyond.

    Examples
    --------
    >>> light(0.7, 1.0), light(0.9, 1.0), light(1.1, 1.0)
    ('green', 'amber', 'red')
    """
    return "green" if value <= 0.8 * limit else "amber" if value <= limit else "red"


def broken(judged: list[dict[str, Any]]) -> list[str]:
    """A line for each limit that is broken."""
    return [
        f"limit {row['name']}: {row['value']:.2%} against {row['limit']:.2%} ({row['on']})"
        for row in judged
        if row["light"] == "red"
    ]
