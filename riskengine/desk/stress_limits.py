"""The limits of a desk on what a stress test can see; the others are named as not judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riskengine.desk.book_risk import TAILS, BookRisk

AS_IT_WAS, BY_SHOCKS = ", as it was", ", shocks"
"""Ends of the names of outcomes that are scenarios of the library."""

EXPOSURES: dict[str, Callable[[np.ndarray], float]] = {
    "gross": lambda held: float(np.abs(held).sum()),
    "net": lambda held: float(abs(held.sum())),
    "long": lambda held: float(np.maximum(held, 0).sum()),
    "short": lambda held: float(np.maximum(-held, 0).sum()),
}
"""Sums of weights ``(assets,)`` by the name of the limit on them."""


def judge(risk: BookRisk, numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """A row a limit, in the order of the file: what it is on, the value, and a light; None where it is not judged.

    VaR and CVaR are those of the next period by filtered historical simulation; the drawdown is that of the worst
    scenario. Options are valued anew in all of them, and weigh by their deltas.

    Parameters
    ----------
    risk : of the book, options among it
    numbers : of all scenarios
    """
    desk, rows = risk.view.desk, []
    for name, limit in desk.limits.items():
        value, on = _judged(name, risk, numbers)
        lit = None if value is None else light(value, limit)
        rows.append({"name": name, "limit": limit, "value": value, "on": on, "light": lit})
    for name, limit in desk.at_least.items():
        on = "a lower limit, not judged here: `riskengine risk` does"
        rows.append({"name": name, "limit": limit, "value": None, "on": on, "light": None})
    return rows


def _judged(name: str, risk: BookRisk, numbers: dict[str, Any]) -> tuple[float | None, str]:
    """Value of a limit's figure, None where it is not judged here, and what it is on."""
    measures, kind = risk.measures, name.partition(":")[0]
    deltas = "" if risk.book.options is None else ", options by their deltas"
    if name in ("participation", "turnover"):
        return None, "not judged here: it is on trades, which `rebalance` makes"
    if name in TAILS:
        return measures[name], f"loss as a fraction of wealth over 1 {risk.view.period}, as it is"
    if name == "volatility":
        return measures[name], "fraction of wealth, standard deviation per year, as it is"
    if name == "drawdown":
        paths = [row for row in numbers["scenarios"] if not row["name"].endswith(BY_SHOCKS)]
        worst = max(paths, key=lambda row: row["drawdown"])
        return float(worst["drawdown"]), f"the worst scenario: {worst['name']}"
    if kind == "stress":
        return _library_loss(numbers, name.partition(":")[2])
    if name == "weight":
        return measures[name], f"the largest holding, long or short, a fraction of wealth{deltas}"
    if kind == "weight":
        return abs(measures.get(name, 0.0)), f"long or short, a fraction of wealth{deltas}"
    if name in EXPOSURES:
        return abs(measures[name]), f"a fraction of wealth{deltas}"
    if kind == "group":
        return measures.get(name, 0.0), f"a fraction of wealth{deltas}"
    return None, "not judged here: `riskengine risk` does"


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
