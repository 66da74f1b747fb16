"""Limits of a desk on what a stream knows: risk of the next period, and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from riskengine.desk.live import LiveEngine, LiveRisk
from riskengine.desk.risk_limits import judge_book
from riskengine.desk.rules import Desk


def judge_live(
    desk: Desk, engine: LiveEngine, risk: LiveRisk, periods_per_year: float
) -> list[dict[str, Any]]:
    """A row a limit that can be judged, as :func:`riskengine.desk.risk_limits.judge_book` makes them.

    The volatility is that of a year, as in every limits file. A level that the window is too short for is red.
    """
    if not (desk.limits or desk.at_least):
        return []
    measures: dict[str, float] = {"volatility": risk.volatility * periods_per_year**0.5}
    for name, table in (("var", risk.value_at_risk), ("cvar", risk.conditional_value_at_risk)):
        measures |= {f"{name}_{100 * level:g}": value for level, value in table.items()}
    return judge_book(_within(desk, engine), measures | _exposures(desk, engine))


def broken(rows: list[dict[str, Any]]) -> list[str]:
    """Reasons of the limits that are broken."""
    return [row["reason"] for row in rows if row["light"] == "red"]


def not_judged(desk: Desk, engine: LiveEngine) -> list[str]:
    """A sentence on every limit that a stream knows nothing of."""
    known = _within(desk, engine)
    return [
        f"limit {name}: not judged here; `riskengine risk` and `rebalance` do"
        for given, kept in ((desk.limits, known.limits), (desk.at_least, known.at_least))
        for name in given
        if name not in kept
    ]


def add_level(engine: LiveEngine, desk: Desk) -> None:
    """Have the engine tell CVaR at 97.5% too where there is a limit on it."""
    levels = engine.settings.levels
    if "cvar_97.5" in desk.limits and 0.975 not in levels:
        engine.settings = replace(engine.settings, levels=tuple(sorted((*levels, 0.975))))


def _exposures(desk: Desk, engine: LiveEngine) -> dict[str, float]:
    """Measures of the weights, by the names of limits."""
    weights = engine.weights
    found = {
        "weight": float(np.abs(weights).max()),
        "gross": float(np.abs(weights).sum()),
        "net": float(weights.sum()),
        "leverage": float(np.maximum(weights, 0).sum()),
    }
    named = {
        name.removeprefix("weight:") for name in (*desk.limits, *desk.at_least) if name.startswith("weight:")
    }
    found |= {f"weight:{name}": float(weights[engine.assets.index(name)]) for name in named}
    for group in set(desk.groups.values()):
        inside = np.array([desk.groups.get(name) == group for name in engine.assets])
        found[f"group:{group}"] = float(np.abs(weights[inside]).sum())
    return found


def _within(desk: Desk, engine: LiveEngine) -> Desk:
    """The desk with the limits that a stream can judge alone."""
    judged = {"volatility", "weight", "gross", "net", "leverage"}
    for level in engine.settings.levels:
        judged |= {f"var_{100 * level:g}", f"cvar_{100 * level:g}"}

    def kept(limits: Mapping[str, float]) -> dict[str, float]:
        return {
            name: limit
            for name, limit in limits.items()
            if name in judged or name.startswith(("weight:", "group:"))
        }

    return replace(desk, limits=kept(desk.limits), at_least=kept(desk.at_least))
