"""The pages of the desk: tables, lists and lights. They need no network, and no script unless they show charts."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from riskengine.backtest.provenance import commit, weights_hash
from riskengine.market import Panel


@dataclass(frozen=True)
class Section:
    """A part of a page: a table, a list, or both.

    Attributes
    ----------
    title, text : heading, and a quiet line under it
    headings, rows : of the table; cells ``green``, ``amber`` and ``red`` are shown as lights
    items : of the list
    chart : a figure, as markup
    """

    title: str
    text: str = ""
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    items: Sequence[str] = ()
    chart: Markup | None = None


def page(
    title: str,
    subtitle: str,
    headline: str,
    sections: Sequence[Section],
    origin: dict[str, Any],
    flagged: bool,
) -> str:
    """The page as text. Everything from data is escaped."""
    environment = Environment(
        loader=PackageLoader("riskengine.report", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("desk.html").render(
        title=title,
        subtitle=subtitle,
        headline=headline,
        sections=[
            _filled(section)
            for section in sections
            if section.rows or section.items or section.text or section.chart
        ],
        provenance=list(origin.items()),
        flagged=flagged,
        plotly=Markup(get_plotlyjs()) if any(section.chart for section in sections) else "",
    )


def _filled(section: Section) -> Section:
    """Without the columns that say nothing in any row."""
    kept = [k for k in range(len(section.headings)) if any(row[k] for row in section.rows)]
    return replace(
        section,
        headings=[section.headings[k] for k in kept],
        rows=[[row[k] for k in kept] for row in section.rows],
    )


def origin(panel: Panel, **others: Any) -> dict[str, Any]:
    """What is needed to make a page again. Holds no time of day, so that equal runs are equal."""
    return {
        "riskengine": version("riskengine"),
        "commit": commit(),
        "python": platform.python_version(),
        "jax": version("jax"),
        "data": panel.hash,
        "range": f"{panel.dates[0]:%Y-%m-%d} .. {panel.dates[-1]:%Y-%m-%d}",
        "weights": weights_hash(),
    } | others


def light(value: float, limit: float) -> str:
    """Green up to four fifths of a limit, amber up to the limit, red beyond.

    Examples
    --------
    >>> light(0.7, 1.0), light(0.9, 1.0), light(1.1, 1.0)
    ('green', 'amber', 'red')
    """
    return "green" if value <= 0.8 * limit else "amber" if value <= limit else "red"
