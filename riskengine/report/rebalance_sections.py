"""The sections of the page of a daily report, each a function of the content of ``report.json``."""

from __future__ import annotations

from typing import Any

from riskengine.report import stress_page
from riskengine.report.labels import RISK_LABELS, limit_label
from riskengine.report.page import Section
from riskengine.report.svg import share_cell


def state_line(content: dict[str, Any]) -> str:
    """Where the strategy's state came from.

    Examples
    --------
    >>> state_line({"state": {"from": "2024-01-31", "forgotten": None}})
    'the strategy went on from its state of 2024-01-31'
    """
    state = content["state"]
    if state["from"] is not None:
        return f"the strategy went on from its state of {state['from']}"
    if state["forgotten"] is not None:
        return f"the strategy began anew; its state of {state['forgotten']} was passed over"
    return "the strategy began anew: no earlier state is kept in this folder, or it needs none"


def flags(content: dict[str, Any]) -> Section:
    """What needs a look before anything is sent."""
    return Section("Flags", items=content["flags"], brief=True)


def notes(content: dict[str, Any]) -> Section:
    """Where the strategy's state came from, and notes of all steps."""
    return Section("Notes", items=[state_line(content), *content["notes"]])


def stress(content: dict[str, Any]) -> list[Section]:
    """Those of the stress test of what is then held."""
    return stress_page.sections(content["stress"])


def risk(content: dict[str, Any]) -> Section:
    """Volatility, VaR and CVaR before and after trading."""
    before, after = content["risk"]["before"], content["risk"]["after"]
    return Section(
        "Risk before and after",
        f"Volatility a year, of {content['periods_per_year']:g} closes; VaR and CVaR of one {content['period']} to the "
        "next close, from the tail of past standardised residuals, adapted to the exceptions so far.",
        ["", "before", "after"],
        [[shown, f"{before[name]:.2%}", f"{after[name]:.2%}"] for name, shown in RISK_LABELS.items()],
        brief=True,
    )


def waiting(content: dict[str, Any]) -> Section:
    """Orders without a price today."""
    rows = [[row["asset"], row["side"], f"{row['units']:,.0f}"] for row in content["waiting"]]
    text = "Not to be sent today: there is no price. The next report decides anew." if rows else ""
    return Section("Orders that wait", text, ["asset", "side", "about units"], rows)


def trades(content: dict[str, Any]) -> Section:
    """Orders to send, sales first."""
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
    return Section("Trades", text, headings, rows, brief=True)


def limits(content: dict[str, Any]) -> Section:
    """Limits of the desk, with their lights."""
    rows = [
        [
            limit_label(row["name"]),
            "" if row["before"] is None else f"{row['before']:.2%}",
            f"{row['after']:.2%}",
            f"{row['limit']:.2%}",
            share_cell(row["after"], row["limit"], row["light"]),
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
        "Limits",
        text if rows else "",
        ["limit", "before", "after", "at most", "used", "how", "light"],
        rows,
        brief=True,
    )


def changes(content: dict[str, Any]) -> list[Section]:
    """Causes of the change in forecast volatility since the last report; nothing in a first report."""
    found = content["changes"]
    if found is None:
        return []
    text = f"Volatility forecast: {found['last']:.2%} on {found['since']}, {found['now']:.2%} now."
    rows = [[name, f"{move:+.2%}"] for name, move in found["moved"].items()]
    return [Section("What has changed", text, ["cause", "moved by"], rows)]


def weights(content: dict[str, Any]) -> Section:
    """Weights before, wanted and reached, and contributions to volatility."""
    before, targets, after = content["before"], content["targets"], content["weights"]
    parts = content["risk"]["after"]["contributions"]
    names = sorted(set(before) | set(targets) | set(after), key=lambda name: (-after.get(name, 0.0), name))
    rows = [
        [
            name,
            f"{before.get(name, 0.0):.2%}",
            f"{targets.get(name, 0.0):.2%}",
            f"{after.get(name, 0.0):.2%}",
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


def var_tests(content: dict[str, Any]) -> list[Section]:
    """Tests of the daily VaR of the holdings; nothing without a backtest of it."""
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
