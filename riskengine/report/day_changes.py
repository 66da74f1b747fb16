"""What changed between two reports of an archive: weights, risk, limits, flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskengine.errors import DataError
from riskengine.report.archive_days import KINDS, Day
from riskengine.report.page import Page, Section
from riskengine.report.rebalance_sections import limit_label

_MOST = 50
_SMALL = 5e-7
"""Changes of a fraction below which nothing changed."""


def day_changes(before: Day, now: Day) -> dict[str, Any]:
    """Rows of what changed, the largest change first.

    Raises
    ------
    DataError
        If the reports are of two kinds.

    Examples
    --------
    >>> first = Day("2024-01-30", "report", "clean", {"A": 1.0}, {"volatility": 0.10})
    >>> found = day_changes(first, Day("2024-01-31", "report", "clean", {"A": 0.4, "B": 0.6}, {"volatility": 0.12}))
    >>> [(row["name"], row["change"]) for row in found["weights"]]
    [('A', -0.6), ('B', 0.6)]
    """
    if before.kind != now.kind:
        raise DataError(
            f"{before.date} has a report of {KINDS[before.kind]} and {now.date} one of {KINDS[now.kind]}: name one "
            "kind with --kind"
        )
    limits = []
    for name in dict.fromkeys([*before.limits, *now.limits]):
        one, other = before.limits.get(name), now.limits.get(name)
        if one is None or other is None or _limit_moved(one, other):
            limits.append({"name": name, "before": one, "now": other})
    return {
        "before": before.date,
        "now": now.date,
        "kind": KINDS[now.kind],
        "weights": _rows(before.weights, now.weights),
        "risk": _rows(before.risk, now.risk),
        "limits": limits,
        "flags_new": [flag for flag in now.flags if flag not in before.flags],
        "flags_gone": [flag for flag in before.flags if flag not in now.flags],
    }


def _limit_moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the limit, its light or the value is another."""
    if before["limit"] != now["limit"] or before["light"] != now["light"]:
        return True
    values = before["value"], now["value"]
    return values[0] is not values[1] if None in values else abs(values[1] - values[0]) > _SMALL


def _rows(before: Any, now: Any) -> list[dict[str, Any]]:
    names = dict.fromkeys([*before, *now])
    rows = [
        {"name": name, "before": before.get(name), "now": now.get(name)}
        | {"change": round(now.get(name, 0.0) - before.get(name, 0.0), 12)}
        for name in names
    ]
    return sorted(
        (row for row in rows if abs(row["change"]) > _SMALL),
        key=lambda row: (-abs(row["change"]), row["name"]),
    )


def changes_page(before: Day, now: Day) -> Page:
    """The same as a page.

    Examples
    --------
    >>> first = Day("2024-01-30", "report", "clean", {"A": 1.0}, {"volatility": 0.10})
    >>> changes_page(first, Day("2024-01-31", "report", "clean", {"A": 1.0}, {"volatility": 0.12})).headline
    '0.0% of wealth in other assets; volatility 10.00% to 12.00%.'
    """
    found = day_changes(before, now)
    turned = sum(abs(row["change"]) for row in found["weights"]) / 2
    moved = [
        f"{limit_label(row['name'])} {_cell(row['before'])} to {_cell(row['now'])}" for row in found["risk"]
    ]
    headline = (
        f"{turned:.1%} of wealth in other assets; {'; '.join(moved[:2]) or 'no figure of risk changed'}."
    )
    sides, weights = [before.date, now.date], _cells(found["weights"][:_MOST])
    parts = [
        Section("New flags", items=found["flags_new"], brief=True),
        Section("Flags that are gone", items=found["flags_gone"]),
        Section("Risk", "", ["figure", *sides, "change"], _cells(found["risk"], limit_label), brief=True),
        Section(
            "Limits", "", ["limit", *sides, "now"], [_limit_cells(row) for row in found["limits"]], brief=True
        ),
        Section("Weights", _said(found["weights"]), ["asset", *sides, "change"], weights, brief=True),
    ]
    kind = KINDS[now.kind]
    return Page(
        f"What changed: {kind}", f"{before.date} to {now.date}", headline, parts, {}, bool(found["flags_new"])
    )


def _said(rows: list[dict[str, Any]]) -> str:
    return f"The largest {_MOST} of {len(rows)} changes." if len(rows) > _MOST else ""


def _cells(rows: list[dict[str, Any]], label: Any = str) -> list[list[str]]:
    return [
        [label(row["name"]), _cell(row["before"]), _cell(row["now"]), f"{row['change']:+.2%}"] for row in rows
    ]


def _cell(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"


def _limit_cells(row: dict[str, Any]) -> list[str]:
    """Value against limit on both days, and the light now."""
    said = [
        "no limit" if one is None else f"{_number(one['value'])} of {_number(one['limit'])}"
        for one in (row["before"], row["now"])
    ]
    return [limit_label(row["name"]), *said, (row["now"] or {}).get("light") or ""]


def _number(value: float | None) -> str:
    """A figure of any unit in a few digits."""
    return "not judged" if value is None else f"{value:.4g}"
