"""The page of a daily report, of what `riskengine rebalance` writes as ``report.json``."""

from __future__ import annotations

from typing import Any

from riskengine.report.holdings_page import book_sections, order_sections
from riskengine.report.page import Section, page
from riskengine.report.stress_page import sections

RISK_LABELS = {
    "volatility": "volatility",
    "var_95": "VaR 95%",
    "var_99": "VaR 99%",
    "cvar_97.5": "CVaR 97.5%",
}
"""Figures of risk by their names in the content, in words."""


def render_rebalance(content: dict[str, Any]) -> str:
    """The page as text."""
    before, after = content["risk"]["before"], content["risk"]["after"]
    flagged = content["status"] != "clean"
    headline = (
        f"{len(content['trades'])} trades, {sum(row['value'] for row in content['trades']):,.0f} of "
        f"{content['wealth']:,.0f}; volatility {before['volatility']:.1%} before and {after['volatility']:.1%} after; "
        + (f"{len(content['flags'])} flags." if flagged else "nothing flagged.")
    )
    period = content["period"]
    risk = Section(
        "Risk before and after",
        f"Volatility a year, of {content['periods_per_year']:g} closes; VaR and CVaR of one {period} to the next "
        "close, from the tail of past surprises, steered by exceptions.",
        ["", "before", "after"],
        [[shown, f"{before[name]:.2%}", f"{after[name]:.2%}"] for name, shown in RISK_LABELS.items()],
    )
    parts = [
        Section("Flags", items=content["flags"]),
        _trades(content),
        _waiting(content),
        *order_sections(content),
        *(book_sections(content["book"]) if "book" in content else []),
        risk,
        _limits(content),
    ]
    parts += [*_changes(content), _weights(content), *_tests(content), *sections(content["stress"])]
    parts.append(Section("Notes", items=[state_line(content), *content["notes"]]))
    title = f"Rebalance: {content['strategy']}"
    return page(title, content["date"], headline, parts, content["provenance"], flagged)


def state_line(content: dict[str, Any]) -> str:
    """Where the strategy's state came from."""
    state = content["state"]
    if state["from"] is not None:
        return f"the strategy went on from its state of {state['from']}"
    if state["forgotten"] is not None:
        return f"the strategy began anew; its state of {state['forgotten']} was passed over"
    return "the strategy began anew: no earlier state is kept in this folder, or it needs none"


def limit_label(name: str) -> str:
    """What a limit is on, in words.

    Examples
    --------
    >>> limit_label("var_99"), limit_label("group:Staples"), limit_label("weight")
    ('VaR 99%', 'group Staples', 'largest weight')
    """
    if name.startswith("group:"):
        return f"group {name.removeprefix('group:')}"
    others = {"weight": "largest weight", "participation": "largest share of daily volume"}
    return RISK_LABELS.get(name) or others.get(name, name)


def _waiting(content: dict[str, Any]) -> Section:
    rows = [[row["asset"], row["side"], f"{row['units']:,.0f}"] for row in content["waiting"]]
    text = "Not to be sent today: there is no price. The next report decides anew." if rows else ""
    return Section("Orders that wait", text, ["asset", "side", "about units"], rows)


def _trades(content: dict[str, Any]) -> Section:
    rows = [
        [
            row.get("account", ""),
            row["asset"],
            row["side"],
            f"{row['units']:,.0f}",
            f"{row['price']:,.2f}",
            row.get("currency", ""),
            f"{row['value']:,.0f}",
            "" if row["participation"] is None else f"{row['participation']:.1%}",
        ]
        for row in content["trades"]
    ]
    text = (
        f"Sells first. Turnover {content['turnover']:.1%} of wealth, estimated cost {content['cost']:,.2f}; "
        f"cash afterwards {content['cash']:,.2f}."
    )
    headings = ["account", "asset", "side", "units", "price", "currency", "value", "of daily volume"]
    return Section("Trades", text, headings, rows)


def _limits(content: dict[str, Any]) -> Section:
    rows = [
        [
            limit_label(row["name"]),
            "" if row["before"] is None else f"{row['before']:.2%}",
            f"{row['after']:.2%}",
            f"{row['limit']:.2%}",
            row["how"],
            row["light"],
        ]
        for row in content["limits"]
    ]
    text = (
        "Green up to four fifths of a limit, amber up to it, red beyond. Imposed: the targets keep it; judged: only "
        "compared with what comes out."
    )
    return Section(
        "Limits", text if rows else "", ["limit", "before", "after", "at most", "how", "light"], rows
    )


def _changes(content: dict[str, Any]) -> list[Section]:
    found = content["changes"]
    if found is None:
        return []
    text = f"Volatility forecast: {found['last']:.2%} on {found['since']}, {found['now']:.2%} now."
    rows = [[name, f"{move:+.2%}"] for name, move in found["moved"].items()]
    return [Section("What has changed", text, ["cause", "moved by"], rows)]


def _weights(content: dict[str, Any]) -> Section:
    before, targets, weights = content["before"], content["targets"], content["weights"]
    parts = content["risk"]["after"]["contributions"]
    names = sorted(
        set(before) | set(targets) | set(weights), key=lambda name: (-weights.get(name, 0.0), name)
    )
    rows = [
        [
            name,
            f"{before.get(name, 0.0):.2%}",
            f"{targets.get(name, 0.0):.2%}",
            f"{weights.get(name, 0.0):.2%}",
            f"{content['drift'].get(name, 0.0):+.2%}",
            f"{parts.get(name, 0.0):.2%}",
        ]
        for name in names
    ]
    text = (
        "Target: of the strategy. Drift: weight reached less weight wanted. "
        "Contributions to the volatility after trading."
    )
    return Section(
        "Weights and risk", text, ["asset", "before", "target", "after", "drift", "contribution"], rows
    )


def _tests(content: dict[str, Any]) -> list[Section]:
    found = content["backtest"]
    if found is None:
        return []
    multiplier = f", multiplier {found['multiplier']:.2f}" if found["multiplier"] else ""
    text = (
        f"{found['exceptions']} exceptions at 99%, expected {found['expected']:.1f}; zone {found['zone']}{multiplier}. "
        "p-values by simulation, adjusted for the number of tests."
    )
    rows = [[test["name"], f"{test['p_value']:.3f}", f"{test['adjusted']:.3f}"] for test in found["tests"]]
    return [Section("VaR of the holdings, last 250 days", text, ["test", "p-value", "adjusted"], rows)]
