"""Pages of what a finished backtest is made of: its return by groups, and its reduction of volatility by causes."""

from __future__ import annotations

from typing import Any

from riskengine.report.page import Section, page


def render_brinson(content: dict[str, Any]) -> str:
    """The page as text, of the content of ``brinson.json``.

    Examples
    --------
    >>> effects = {"allocation": 0.01, "selection": 0.02, "interaction": 0.0}
    >>> group = {"name": "Energy", "weight": 0.3, "benchmark_weight": 0.2, "total": 0.03} | effects
    >>> content = {"portfolio": 0.13, "benchmark": 0.1, "against": "index", "active": 0.03, "other": 0.0}
    >>> content |= {"groups": [group], "by": "sector", "notes": []}
    >>> content |= {"strategy": "mine", "first": "2023", "last": "2024"}
    >>> content |= {"provenance": {}}
    >>> "13.00% against 10.00% of index: +3.00%" in render_brinson(content | effects)
    True
    """
    headline = (
        f"{content['portfolio']:.2%} against {content['benchmark']:.2%} of {content['against']}: "
        f"{content['active']:+.2%}, of it allocation {content['allocation']:+.2%}, selection "
        f"{content['selection']:+.2%}, interaction {content['interaction']:+.2%}."
    )
    rows = [
        [
            row["name"],
            f"{row['weight'] - row['benchmark_weight']:+.1%}",
            *(f"{row[effect]:+.2%}" for effect in ("allocation", "selection", "interaction", "total")),
        ]
        for row in content["groups"]
    ]
    rows.append(["costs and interest", "", "", "", "", f"{content['other']:+.2%}"])
    effects = (f"{content[effect]:+.2%}" for effect in ("allocation", "selection", "interaction", "active"))
    rows.append(["sum", "", *effects])
    text = (
        "Brinson and Fachler (1985), linked over the periods by Carino (1999): the effects add up to the difference of "
        "the compounded returns. Over: the mean weight less the benchmark's."
    )
    headings = [content["by"], "over", "allocation", "selection", "interaction", "sum"]
    parts = [
        Section(f"Return by {content['by']}", text, headings, rows),
        Section("Notes", items=content["notes"]),
    ]
    subtitle = f"{content['first']} to {content['last']}"
    return page(
        f"Attribution: {content['strategy']}",
        subtitle,
        headline,
        parts,
        content["provenance"],
        bool(content["notes"]),
    )


def render_reduction(content: dict[str, Any]) -> str:
    """The page as text, of the content of ``reduction.json``.

    Examples
    --------
    >>> part = {"name": "timing of variances", "points": 0.02, "low": 0.01, "high": 0.03}
    >>> content = {"name": "mine", "other": "index", "volatility": {"mine": 0.1, "index": 0.12}, "reduction": 1 / 6}
    >>> content |= {"parts": [part], "points": 0.02, "draws": 1000, "notes": [], "first": "2023", "last": "2024"}
    >>> content |= {"days": 252, "status": "clean", "provenance": {}}
    >>> "10.00% a year against 12.00% of index: 16.7% lower" in render_reduction(content)
    True
    """
    headline = (
        f"Volatility {content['volatility'][content['name']]:.2%} a year against "
        f"{content['volatility'][content['other']]:.2%} of {content['other']}: {content['reduction']:.1%} lower."
    )
    rows = [
        [
            part["name"],
            f"{100 * part['points']:+.2f}",
            f"{100 * part['low']:+.2f} to {100 * part['high']:+.2f}",
            f"{part['points'] / content['points']:.0%}" if content["points"] else "",
        ]
        for part in content["parts"]
    ]
    rows.append(["sum", f"{100 * content['points']:+.2f}", "", "100%"])
    text = (
        "Volatility points a year that each part takes away, net of costs, with 95% intervals of a bootstrap of all "
        f"runs together ({content['draws']} draws). Runs without limits, shorts allowed: with the window's sample "
        "covariance; with the strategy's variances, its correlations, or both in place of the sample's, each the mean "
        "of coming first and last. Limits come last. What this history made of it, not what a cause is worth."
    )
    runs = [[name, f"{value:.2%}"] for name, value in content["volatility"].items()]
    parts = [
        Section("Parts of the reduction", text, ["part", "points", "95% interval", "of it"], rows),
        Section("Realized volatility of the runs", "A year, net of costs.", ["run", "volatility"], runs),
        Section("Notes", items=content["notes"]),
    ]
    subtitle = f"{content['first']} to {content['last']}, {content['days']} days"
    flagged = content["status"] != "clean"
    return page(f"Reduction: {content['name']}", subtitle, headline, parts, content["provenance"], flagged)
