"""The page of a daily report, of what `riskengine rebalance` writes as ``report.json``."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any

from riskengine.report.page import Page, Section

SECTIONS = (
    "rebalance_sections:flags",
    "rebalance_sections:trades",
    "rebalance_sections:waiting",
    "holdings_page:order_sections",
    "holdings_page:held",
    "rebalance_sections:risk",
    "rebalance_sections:limits",
    "risk_page:order_limits",
    "rebalance_sections:changes",
    "rebalance_sections:weights",
    "rebalance_sections:var_tests",
    "rebalance_sections:stress",
    "rebalance_sections:notes",
)
"""What stands on the page, in this order: file and function of this folder, which takes the content and returns a
:class:`Section` or a list of them."""


def render_rebalance(content: dict[str, Any]) -> str:
    """HTML page as text.

    Examples
    --------
    >>> import numpy as np
    >>> from riskengine import ArchReference, EqualWeight, Panel, datasets
    >>> from riskengine.desk import Desk, Holdings, rebalance
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> held = Holdings(panel.assets, np.zeros(2), cash=1e5)
    >>> found = rebalance(EqualWeight(), panel, held, Desk(), ArchReference(), window=250)
    >>> "2 trades" in render_rebalance(found.content)
    True
    """
    return page_of_rebalance(content).html()


def page_of_rebalance(content: dict[str, Any]) -> Page:
    """The same as sections."""
    before, after = content["risk"]["before"], content["risk"]["after"]
    flagged = content["status"] != "clean"
    headline = (
        f"{len(content['trades'])} trades, {sum(row['value'] for row in content['trades']):,.0f} of "
        f"{content['wealth']:,.0f}; volatility {before['volatility']:.1%} before and {after['volatility']:.1%} after; "
        + (f"{len(content['flags'])} flags." if flagged else "nothing flagged.")
    )
    parts: list[Section] = []
    for name in SECTIONS:
        made = resolve_name(f"riskengine.report.{name}")(content)
        parts += [made] if isinstance(made, Section) else made
    title = f"Rebalance: {content['strategy']}"
    return Page(title, content["date"], headline, parts, content["provenance"], flagged)
