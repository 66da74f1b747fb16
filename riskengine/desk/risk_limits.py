"""Limits of a desk on everything that a risk report sees: a row a limit, with the reason where it is broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskengine.desk.rules import Desk
from riskengine.desk.stress_limits import light
from riskengine.errors import SettingsError
from riskengine.schema import did_you_mean

NOT_HERE = ("participation", "turnover", "drawdown")
"""Limits on trades and paths, that `rebalance` and `stress` judge."""

_NEEDS = {
    "tracking_error": "a benchmark, --benchmark",
    "beta": "a benchmark, --benchmark",
    "active_share": "a benchmark, --benchmark",
    "days_to_liquidate": "the volume of every position, --volume",
    "unsold_1": "volumes, --volume",
    "unsold_5": "volumes, --volume",
    "unsold_20": "volumes, --volume",
    "factor": "factors of that name, --factors or --exposures",
}

_UNITS = {"beta": "number", "factor": "number", "days_to_liquidate": "days"}
"""Of limits that are no fractions."""


def judge_book(
    desk: Desk, measures: Mapping[str, float], before: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """A row a limit: name, side (``at most`` or ``at least``), limit, value, light, and the reason where it is red.

    What cannot be judged for want of an input is red too: a limit that nobody looks at is none.

    Parameters
    ----------
    desk : limits
    measures : by the names of limits
    before : the same before trades, shown beside

    Raises
    ------
    SettingsError
        If a limit is on a name that no position has, of a label that there is.

    Examples
    --------
    >>> (row,) = judge_book(Desk(limits={"gross": 1.5}), {"gross": 1.8})
    >>> row["light"], row["reason"]
    ('red', 'gross: 180.00% against at most 150.00%')
    """
    rows = []
    sides = [("at most", desk.limits), ("at least", desk.at_least)]
    for side, name, limit in [(side, name, limit) for side, given in sides for name, limit in given.items()]:
        if name in NOT_HERE:
            rows.append(_row(name, side, limit, None, None, "not judged here: `rebalance` and `stress` do"))
            continue
        value = _value(name, measures)
        if value is None:
            reason = f"{name}: cannot be judged without {_lacking(name, measures)}"
            rows.append(_row(name, side, limit, None, "red", reason))
            continue
        if side == "at most":
            size = abs(value) if name == "net" or name.startswith(("factor:", "weight:")) else value
            shade = light(size, limit)
        else:
            shade = "green" if value >= limit else "red"
        reason = f"{name}: {_said(name, value)} against {side} {_said(name, limit)}" if shade == "red" else ""
        row = _row(name, side, limit, value, shade, reason)
        rows.append(row | ({} if before is None else {"before": _value(name, before)}))
    return rows


def unit_of(name: str) -> str:
    """Unit of a figure by its name: ``fraction``, ``number`` or ``days``.

    Examples
    --------
    >>> unit_of("var_99"), unit_of("factor:SMB"), unit_of("days_to_liquidate")
    ('fraction', 'number', 'days')
    """
    return _UNITS.get(name.partition(":")[0], "fraction")


def _said(name: str, value: float) -> str:
    """A figure in the reason of a limit."""
    form = {"fraction": ".2%", "number": ".2f", "days": ".1f"}[unit_of(name)]
    return f"{value:{form}}"


def _row(
    name: str, side: str, limit: float, value: float | None, shade: str | None, reason: str
) -> dict[str, Any]:
    return {
        "name": name, "side": side, "limit": limit, "value": value, "unit": unit_of(name), "light": shade,
        "reason": reason,
    }  # fmt: skip


def _value(name: str, measures: Mapping[str, float]) -> float | None:
    """Of a measure; an asset that is not held weighs nothing. NaN is no value."""
    if name.startswith("weight:"):
        return measures.get(name, 0.0)
    value = measures.get(name)
    return None if value is None or value != value else value


def _lacking(name: str, measures: Mapping[str, float]) -> str:
    """What a limit needs that is not there; a limit on what no position is labelled with is refused."""
    kind = name.rpartition(":")[0]
    if not kind or kind == "factor":
        return _NEEDS.get(name, _NEEDS.get(kind, "its inputs"))
    if kind == "stress":
        raise SettingsError(
            f"limit {name!r}: the library has no scenario of that name; `riskengine scenarios` lists them"
        )
    known = [one for one in measures if one.rpartition(":")[0] == kind]
    if known:
        raise SettingsError(f"limit {name!r}: there is no such label; {did_you_mean(name, known)}")
    label = kind.removeprefix("risk:")
    return f"labels with a column {label}, --labels"
