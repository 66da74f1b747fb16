"""The days of an archive as they are read from its JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = {"report": "rebalance", "risk": "risk", "stress": "stress", "backtest": "backtest"}
"""Names of the files of a day, and the commands that write them."""

DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{4,6})?")
"""Names of the folders of days."""


@dataclass(frozen=True)
class Day:
    """What the archive knows of a report of a day.

    Attributes
    ----------
    date, kind : of the report; the kind is the name of its files
    status : ``clean``, ``flagged``, or why it could not be read
    weights : fractions of wealth by asset
    risk : figures by name, fractions of wealth
    limits : rows by the name of the limit, with ``limit``, ``value`` and ``light``
    flags : sentences
    """

    date: str
    kind: str
    status: str
    weights: Mapping[str, float] = field(default_factory=dict)
    risk: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        """Whether its JSON is a report."""
        return self.status in ("clean", "flagged")


def read_days(archive: Path) -> list[Day]:
    """All reports of an archive, the oldest first."""
    if not archive.is_dir():
        return []
    folders = sorted(path for path in archive.iterdir() if path.is_dir() and DAY.fullmatch(path.name))
    files = [(folder / f"{kind}.json", kind) for folder in folders for kind in KINDS]
    return [_read(path, kind) for path, kind in files if path.is_file()]


def _read(path: Path, kind: str) -> Day:
    date = path.parent.name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Day(
            date,
            kind,
            "flagged" if content["flags"] or content.get("status") == "flagged" else "clean",
            _weights(content),
            _risk(content, kind),
            {_named(row): _limit(row) for row in content.get("limits", ())},
            tuple(_sentence(flag) for flag in content["flags"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        return Day(
            date,
            kind,
            f"{path.name} cannot be read ({type(error).__name__}): restore it, or file the day anew",
        )


def _sentence(flag: Any) -> str:
    return f"{flag['portfolio']}: {flag['message']}" if isinstance(flag, dict) else str(flag)


def _weights(content: dict[str, Any]) -> dict[str, float]:
    if "weights" in content:
        return _numbers(content["weights"])
    rows = content.get("attribution", {}).get("asset", ())
    return {str(row["name"]): float(row["weight"]) for row in rows}


def _risk(content: dict[str, Any], kind: str) -> dict[str, float]:
    """Figures of the day: those after trading, of the book, of the scenario as it is, of the backtest."""
    if kind == "report":
        return _numbers(content["risk"]["after"])
    if kind == "risk":
        return _numbers(
            {row["name"]: row["value"] for row in content["figures"] if row["unit"] == "fraction"}
        )
    if kind == "stress":
        first = content["scenarios"][0]
        worst = max(row["drawdown"] for row in content["scenarios"])
        shown = {"var_95": first["var_95"], "var_99": first["var_99"], "CVaR 99%": first["cvar_99"]}
        return _numbers(shown | {"worst drawdown": worst})
    found = _numbers(content["summary"][content["strategy"]])
    words = {"volatility": "volatility", "return": "return", "max_drawdown": "deepest drawdown"}
    return {word: found[name] for name, word in words.items() if name in found}


def _numbers(table: Mapping[str, Any]) -> dict[str, float]:
    return {
        str(k): float(x) for k, x in table.items() if isinstance(x, int | float) and not isinstance(x, bool)
    }


def _named(row: Mapping[str, Any]) -> str:
    """Of a limit, of which there may be two on one figure."""
    return f"{row['name']}, at least" if row.get("side") == "at least" else str(row["name"])


def _limit(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"limit": row["limit"], "value": row.get("value", row.get("after")), "light": row["light"]}
