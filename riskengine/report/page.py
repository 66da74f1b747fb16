"""HTML pages: the template environment, the layout of charts, and pages made of sections.

A page is one file that needs no network, and holds no script unless it shows charts. Text from data is escaped.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

LAYOUT: dict[str, Any] = {
    "template": "plotly_white",
    "font": {"family": "system-ui, sans-serif", "size": 13, "color": "#1d2733"},
    "hovermode": "closest",
}
"""Of every chart; a page adds its margins and its legend."""


@dataclass(frozen=True)
class Section:
    """A part of a page: a table, a list, or both.

    Attributes
    ----------
    title, text : heading, and a quiet line under it
    headings, rows : of the table; cells ``green``, ``amber`` and ``red`` are shown as lights
    items : of the list
    chart : a figure, as markup
    brief : whether it belongs into the summary of a mail too
    """

    title: str
    text: str = ""
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    items: Sequence[str] = ()
    chart: Markup | None = None
    brief: bool = False


@dataclass(frozen=True)
class Page:
    """A report as sections.

    Attributes
    ----------
    title, subtitle, headline : texts above the sections
    sections : those without content are not shown
    origin : the provenance
    flagged : whether the headline is marked
    """

    title: str
    subtitle: str
    headline: str
    sections: Sequence[Section]
    origin: dict[str, Any]
    flagged: bool

    def html(self) -> str:
        """The page as text. Everything from data is escaped."""
        shown = [_filled(one) for one in self.sections if one.rows or one.items or one.text or one.chart]
        return render_template(
            "desk.html",
            title=self.title,
            subtitle=self.subtitle,
            headline=self.headline,
            sections=shown,
            provenance=list(self.origin.items()),
            flagged=self.flagged,
            charted=any(one.chart for one in self.sections),
        )


def render_template(name: str, charted: bool, **content: Any) -> str:
    """A template of the folder ``templates``, filled; with plotly's script if the page holds charts."""
    environment = Environment(
        loader=PackageLoader("riskengine.report", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name).render(plotly=_script() if charted else "", **content)


PLOTLY = "plotly-basic-4.1.1.min.js.gz"
"""Plotly's bundle of lines, bars and pies: a quarter of the whole one (package plotly.js-basic-dist-min, MIT)."""


def _script() -> Markup:
    packed = resources.files("riskengine.report").joinpath("plotly_script", PLOTLY).read_bytes()
    return Markup(gzip.decompress(packed).decode())


def chart(figure: Any, name: str) -> Markup:
    """A figure as a part of a page that holds plotly's script."""
    import plotly.io

    body = plotly.io.to_html(
        figure,
        full_html=False,
        include_plotlyjs=False,
        div_id=name,
        config={"displayModeBar": False, "responsive": True},
    )
    return Markup(body)  # plotly escapes its data; nothing else is in here


def page(
    title: str,
    subtitle: str,
    headline: str,
    sections: Sequence[Section],
    origin: dict[str, Any],
    flagged: bool,
) -> str:
    """The page as text. Everything from data is escaped."""
    return Page(title, subtitle, headline, sections, origin, flagged).html()


def _filled(section: Section) -> Section:
    """Without the columns that say nothing in any row."""
    kept = [k for k in range(len(section.headings)) if any(row[k] for row in section.rows)]
    return replace(
        section,
        headings=[section.headings[k] for k in kept],
        rows=[[row[k] for k in kept] for row in section.rows],
    )
