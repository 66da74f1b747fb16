"""The live page of a stream: empty tables, and the script that fills them from Server-Sent Events."""

from __future__ import annotations

from typing import Any

from riskengine.report.page import render_template

_TABLES = (
    ("limits", "Limits", ("limit", "", "set", "is")),
    ("exceptions", "Losses beyond VaR", ("row", "return", "beyond")),
    ("marks", "To look at", ("row", "what", "detail")),
    ("problems", "Rows that were not taken", ("line", "problem", "detail")),
)
"""Id, title and headings."""


def render_live(facts: dict[str, Any], period: str) -> str:
    """The page as text, of what a watch says of itself; its script shows text from data as text.

    Parameters
    ----------
    facts : of :meth:`riskengine.desk.Watch.facts`
    period : what a row stands for, a day say

    Examples
    --------
    >>> facts = {"history": {"end": None}, "rows_are": "returns", "weights": {"<A>": 1.0}, "rows": 0, "last_key": None}
    >>> page = render_live(facts | {"window": 1000, "recalibrate": 21}, "day")
    >>> "Risk of the next day" in page, "&lt;A&gt; 100.0%" in page
    (True, True)
    """
    history = facts["history"]
    shown = {
        "history": f"{history.get('prices', '')}, {history.get('closes', '')} closes to {history['end']}",
        "rows are": facts["rows_are"],
        "holdings": f"{len(facts['weights'])}, weights {', '.join(_held(facts['weights']))}",
        "window": f"{facts['window']} rows, calibrated every {facts['recalibrate']}",
        "rows before": f"{facts['rows']}, the last one {facts['last_key']}",
    }
    return render_template(
        "live.html",
        title="Risk as rows arrive",
        subtitle=f"{len(facts['weights'])} holdings, a row a {period}; VaR and CVaR by filtered historical simulation",
        headline="Waiting for rows.",
        flagged=False,
        charted=False,
        period=period,
        tables=_TABLES,
        provenance=list(shown.items()),
    )


def _held(weights: dict[str, float], most: int = 12) -> list[str]:
    """The largest weights, as text."""
    largest = sorted(weights.items(), key=lambda one: -abs(one[1]))
    rest = [f"and {len(largest) - most} more"] if len(largest) > most else []
    return [f"{name} {weight:.1%}" for name, weight in largest[:most]] + rest
