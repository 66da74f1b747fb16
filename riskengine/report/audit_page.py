"""The page of an audit: every finding in a table, and the prices around it drawn."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically
from riskengine.market import Finding, Panel, Source
from riskengine.report.figures import PALETTE, figure_of
from riskengine.report.page import Section, chart, page

AROUND = 40
"""Closes that a drawing shows on either side of a finding."""
MOST_CHARTS = 40
"""Findings that are drawn; the serious ones come first."""

MEANING = {
    "possible_split": "a split that the prices are not adjusted for",
    "possible_unit_change": "another unit of price, pence for pounds say",
    "wrong_print": "a wrong price of a single close",
    "common_jump": "another currency or vendor from this day on",
    "large_move": "a move above 50%, or one there and back",
    "stale_run": "a price that stands still",
    "carried_forward": "the last price, carried forward: no longer traded, or not updated",
    "gap": "closes without a price between others",
    "late_listing": "prices that begin later",
    "early_end": "prices that end earlier",
    "duplicate_series": "one asset under two names",
    "weekend_price": "closes on Saturdays or Sundays in a five-day file",
    "looks_like_returns": "returns where prices belong",
    "looks_like_volume": "volumes where prices belong",
    "non_positive_price": "prices at or below zero",
    "field_name": "a field of an asset taken for an asset",
    "tuple_name": "a name that is a field and an asset",
    "no_prices": "no price at all",
    "constant_price": "one price on all days",
    "not_finite": "cells that are no numbers",
    "duplicate_date": "a date more than once",
    "unsorted_date": "dates out of order",
    "duplicate_asset": "a name more than once",
}  # fmt: skip


def neighbourhood(prices: pd.DataFrame, finding: Finding) -> go.Figure | None:
    """Prices around a finding; None for one without asset and date."""
    if finding.asset is None or finding.date is None or finding.date not in prices.index:
        return None
    place = prices.columns.map(str).get_loc(finding.asset)
    where = prices.index.get_loc(finding.date)
    if not isinstance(place, int) or not isinstance(where, int):
        return None  # a name or a date that stands there twice
    part = prices.iloc[max(0, where - AROUND) : where + AROUND + 1, place]
    figure = figure_of("price", "~g", height=240, hovermode="x unified")
    figure.add_scatter(
        x=part.index,
        y=part.to_numpy(float),
        mode="lines+markers",
        marker={"size": 4},
        line={"color": PALETTE[0], "width": 1.4},
        connectgaps=False,
        showlegend=False,
        name="price",
    )
    figure.add_vline(x=finding.date, line={"color": PALETTE[1], "width": 1, "dash": "dot"})
    seen = part.dropna()
    if len(seen) and (seen > 0).all() and seen.max() > 8 * seen.min():
        figure.update_yaxes(type="log")
    return figure


def ordered_findings(findings: Sequence[Finding]) -> list[Finding]:
    """Serious ones first, how the file was read left out.

    Examples
    --------
    >>> found = [Finding("reading", "", None, "as a wide table"), Finding("gap", "KO", None, "5 closes")]
    >>> [one.kind for one in ordered_findings(found)]
    ['gap']
    """
    return sorted((f for f in findings if f.kind != "reading"), key=lambda f: not f.serious)


def counted_findings(findings: Sequence[Finding], serious: int) -> str:
    """How many there are, and how many of them are serious.

    Examples
    --------
    >>> counted_findings([Finding("gap", "KO", None, "5 closes")], 0)
    '1 finding, none serious'
    """
    number = f"{len(findings)} finding" + "s" * (len(findings) != 1)
    return f"{number}, {serious or 'none'} serious"


def audit_content(path: Source, prices: pd.DataFrame, findings: Sequence[Finding]) -> dict[str, Any]:
    """Everything as one object for JSON."""
    told = ordered_findings(findings)
    return {
        "file": str(path),
        "first": f"{prices.index[0]:%Y-%m-%d}",
        "last": f"{prices.index[-1]:%Y-%m-%d}",
        "closes": len(prices),
        "assets": prices.shape[1],
        "reading": [f.detail for f in findings if f.kind == "reading"],
        "serious": sum(f.serious for f in told),
        "counts": dict(Counter(f.kind for f in told)),
        "findings": [f.to_dict() for f in told],
    }


def render_audit(
    path: Source, prices: pd.DataFrame, findings: Sequence[Finding], content: dict[str, Any]
) -> str:
    """The page as text; names of assets are escaped."""
    told = ordered_findings(findings)
    counts = content["counts"]
    serious = content["serious"]
    meant = " Returns are wrong if they are what they look like." if serious else ""
    headline = f"{counted_findings(told, serious)}.{meant}" if told else "Nothing looks wrong."
    parts = [Section("How the file was read", items=content["reading"])] if content["reading"] else []
    kinds = [
        [kind.replace("_", " "), str(count), MEANING.get(kind, "")]
        for kind, count in sorted(counts.items(), key=lambda item: -item[1])
    ]
    if kinds:
        parts.append(Section("Kinds", headings=["kind", "findings", "what it may be"], rows=kinds))
        rows = [
            [
                f.kind.replace("_", " "),
                "yes" if f.serious else "",
                f.asset or "",
                f.to_dict()["date"] or "",
                f.detail,
            ]
            for f in told
        ]
        parts.append(Section("Findings", headings=["kind", "serious", "asset", "date", "detail"], rows=rows))
    drawn = 0
    for finding in told:
        figure = neighbourhood(prices, finding) if drawn < MOST_CHARTS else None
        if figure is not None:
            title = f"{finding.asset} {finding.to_dict()['date']}: {finding.kind.replace('_', ' ')}"
            parts.append(Section(title, finding.detail, chart=chart(figure, f"finding-{drawn}")))
            drawn += 1
    origin = {"riskengine": version("riskengine"), "file": path.name}
    if isinstance(path, Path) and path.is_file():
        origin["sha256"] = sha256(path)
    else:
        origin |= _hash_of_rows(prices)
    span = f"{content['first']} to {content['last']}"
    subtitle = f"{path.name}, {content['assets']} assets, {content['closes']} closes, {span}"
    return page("Audit of prices", subtitle, headline, parts, origin, bool(serious))


def _hash_of_rows(prices: pd.DataFrame) -> dict[str, str]:
    """What identifies prices that come from several files or a database; nothing where they are no panel."""
    try:
        return {"sha256 of the rows": Panel(prices).hash}
    except DataError:
        return {}


def write_audit(path: Source, prices: pd.DataFrame, findings: Sequence[Finding], out: Path) -> dict[str, Any]:
    """Write ``audit.json`` and ``audit.html`` into a folder; the content of the first.

    Examples
    --------
    >>> import tempfile
    >>> prices = pd.DataFrame({"KO": [60.0, 61.0]}, pd.bdate_range("2024-01-02", periods=2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     content = write_audit(Path("prices.csv"), prices, [Finding("gap", "KO", None, "5 closes")], Path(folder))
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['audit.html', 'audit.json']
    """
    content = audit_content(path, prices, findings)
    write_atomically(out / "audit.json", (json.dumps(content, indent=1) + "\n").encode())
    write_atomically(out / "audit.html", render_audit(path, prices, findings, content).encode())
    return content
