"""The page of a risk report, of what `riskengine risk` writes as ``risk.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from riskengine.report.holdings_page import book_sections
from riskengine.report.labels import limit_label
from riskengine.report.page import Page, Section

MOST_ROWS = 25
"""Of a table of attributions; the others are one row."""

_HOW = {
    "statistical": "The engine's own factors, principal components of the standardised residuals",
    "series": "The factors of the file, with tomorrow's betas",
    "stated": "The exposures of the file, with factor returns of cross-sections",
}


def render_risk(content: dict[str, Any]) -> str:
    """HTML page as text.

    Examples
    --------
    >>> from riskengine import ArchReference, Panel, datasets
    >>> from riskengine.desk import Desk, RiskFiles, risk_report
    >>> panel = Panel(datasets.us_equities_20().between("2018-01-01", "2019-12-31").prices[["AAPL", "KO"]])
    >>> "VaR 99%" in render_risk(risk_report(panel, RiskFiles(), Desk(), ArchReference(), window=250))
    True
    """
    return page_of_risk(content).html()


def page_of_risk(content: dict[str, Any]) -> Page:
    """The same as sections."""
    figures = {row["name"]: row for row in content["figures"]}
    flagged = content["status"] != "clean"
    broken = sum(row["light"] == "red" for row in content["limits"])
    headline = (
        f"Volatility {risk_cell(figures['volatility'])} a year, VaR 99% {risk_cell(figures['var_99'])} of one "
        f"{content['period']}, worst scenario {risk_cell(figures['stress'])}; "
        if "stress" in figures
        else f"Volatility {risk_cell(figures['volatility'])} a year; "
    )
    headline += (
        f"{broken} limit{'s' * (broken > 1)} broken."
        if broken
        else "no limit broken."
        if content["limits"]
        else "no limits set."
    )
    parts = [
        Section("Flags", items=content["flags"], brief=True),
        limit_section(content["limits"]),
        _figures(content),
        *(book_sections(content["book"]) if "book" in content else []),
        *_attributions(content),
        *_factors(content),
        *_active(content),
        *_liquidity(content),
        _stress(content),
        Section("Notes", items=content["notes"]),
    ]
    title = "What-if" if _traded(content) else "Risk"
    return Page(title, content["date"], headline, parts, content["provenance"], flagged)


def risk_cell(row: dict[str, Any], key: str = "value", sign: bool = False) -> str:
    """A figure in its unit; empty where there is none.

    Examples
    --------
    >>> risk_cell({"value": 0.0312, "unit": "fraction"}), risk_cell({"value": 1.2, "unit": "number"})
    ('3.12%', '1.20')
    """
    value = row.get(key)
    if value is None or value != value:
        return ""
    plus = "+" if sign else ""
    return f"{value:{plus}{ {'fraction': '.2%', 'number': '.2f', 'days': '.1f'}[row['unit']] }}"


def _traded(content: dict[str, Any]) -> bool:
    return any("before" in row for row in content["figures"])


def limit_section(rows_of: Sequence[dict[str, Any]], title: str = "Limits") -> Section:
    """Limits as `riskengine risk` judges them, before trades too where there are some."""
    traded = any("before" in row for row in rows_of)
    headings = ["limit", *(["before"] if traded else []), "value", "bound", "light"]
    rows = [
        [
            limit_label(row["name"]),
            *([risk_cell(row, "before")] if traded else []),
            risk_cell(row),
            f"{row['side']} {risk_cell(row, 'limit')}",
            row["light"] or "",
        ]
        for row in rows_of
    ]
    text = "Green up to four fifths of a limit, amber up to it, red beyond. What cannot be judged is red."
    said = [row["reason"] for row in rows_of if row["reason"] and row["value"] is None]
    return Section(title, text if rows else "", headings, rows, said, brief=True)


def order_limits(content: dict[str, Any]) -> list[Section]:
    """Limits of a daily report beyond those on weights and trades; nothing where there are none."""
    rows = content.get("risk_limits", [])
    return [limit_section(rows, "Limits on risk")] if rows else []


def _figures(content: dict[str, Any]) -> Section:
    text = (
        f"Of a wealth of {content['wealth']:,.2f}. Volatility a year, of {content['periods_per_year']:g} closes; VaR "
        f"and CVaR of one {content['period']}, from past standardised residuals at today's volatilities."
    )
    if not _traded(content):
        rows = [[limit_label(row["name"]), risk_cell(row)] for row in content["figures"]]
        return Section("Figures", text, ["", "now"], rows, brief=True)
    rows = [
        [
            limit_label(row["name"]),
            risk_cell(row, "before"),
            risk_cell(row),
            risk_cell(row, "change", sign=True),
        ]
        for row in content["figures"]
    ]
    return Section(
        "Figures before and after the trades", text, ["", "before", "after", "change"], rows, brief=True
    )


def _attributions(content: dict[str, Any]) -> list[Section]:
    total = {row["name"]: row["value"] for row in content["figures"]}
    found = []
    for kind, rows in content["attribution"].items():
        traded = bool(rows) and "weight_before" in rows[0]
        headings = [
            kind,
            *(["before"] if traded else []),
            "weight",
            *(["before"] if traded else []),
            "volatility",
        ]
        headings += [*([] if traded else ["share"]), "VaR 99%", "CVaR 97.5%"]
        table = [_attributed(row, total["volatility"], traded) for row in _shortened(rows)]
        summed = {column: sum(row[column] for row in rows) for column in list(rows[0])[1:]} if rows else {}
        if rows:
            table.append(_attributed({"name": "sum", **summed}, total["volatility"], traded))
        found.append(
            Section(
                f"Risk by {kind}",
                "Euler contributions: weight times derivative, so that each column adds up to its figure.",
                headings,
                table,
            )
        )
    return found


def _attributed(row: dict[str, Any], volatility: float, traded: bool) -> list[str]:
    share = row["volatility"] / volatility if volatility else 0.0
    cells = [row["name"], *([f"{row['weight_before']:.1%}"] if traded else []), f"{row['weight']:.1%}"]
    cells += [f"{row[name]:.1%}" for name in ("volatility_before",) if traded] + [f"{row['volatility']:.2%}"]
    cells += [] if traded else [f"{share:.1%}"]
    return [*cells, *(f"{row[name]:.2%}" for name in ("var_99", "cvar_97.5"))]


def _shortened(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first rows, and one for all others."""
    shown, rest = list(rows[:MOST_ROWS]), rows[MOST_ROWS:]
    if rest:
        columns = [name for name, value in rest[0].items() if isinstance(value, float)]
        shown.append(
            {"name": f"{len(rest)} others"} | {name: sum(row[name] for row in rest) for name in columns}
        )
    return shown


def _factors(content: dict[str, Any]) -> list[Section]:
    found = []
    for how, rows in content["factors"].items():
        table = [
            [
                row["name"],
                "" if row["exposure"] is None else f"{row['exposure']:.3f}",
                f"{row['share']:.1%}",
                f"{row['volatility']:.2%}",
                f"{row['var']:.2%}",
                f"{row['cvar']:.2%}",
            ]
            for row in rows
        ]
        specific = rows[-1]["share"] if rows else 0.0
        text = f"{_HOW[how]}. {1 - specific:.0%} of the variance is of factors, {specific:.0%} specific."
        headings = ["factor", "exposure", "of variance", "volatility", "VaR 99%", "CVaR 99%"]
        found.append(Section(f"Risk by factor, {how}", text, headings, table))
    fit = content["regression"]
    if fit is not None:
        table = [
            [row["name"], f"{row['beta']:.3f}", f"{row['error']:.3f}", f"{row['beta'] / row['error']:.1f}"]
            for row in fit["betas"]
        ]
        text = (
            f"Past returns at today's weights over cash on the factors, {fit['days']} rows: alpha {fit['alpha']:+.1%} "
            f"± {fit['alpha_error']:.1%} a year, R squared {fit['r_squared']:.2f}; errors of Newey and West, "
            f"{fit['lags']} lags."
        )
        found.append(Section("Regression on the factors", text, ["factor", "beta", "error", "t"], table))
    return found


def _active(content: dict[str, Any]) -> list[Section]:
    found = content["active"]
    if found is None:
        return []
    beta = "" if found["beta"] is None else f", beta {found['beta']:.2f}"
    text = (
        f"Tracking error {found['tracking_error']:.2%} a year{beta}, active share {found['active_share']:.1%}; the "
        f"benchmark's volatility is {found['benchmark_volatility']:.2%}. Contributions add up to the tracking error."
    )
    rows = [
        [row["name"], f"{row['weight']:+.2%}", f"{row['contribution']:.2%}"]
        for row in _shortened(found["rows"])
    ]
    sections = [Section("Active risk", text, ["asset", "active weight", "contribution"], rows)]
    for how, parts in found["factors"].items():
        rows = [
            [
                row["name"],
                "" if row["exposure"] is None else f"{row['exposure']:+.3f}",
                f"{row['share']:.1%}",
                f"{row['contribution']:.2%}",
            ]
            for row in parts
        ]
        headings = ["factor", "active exposure", "of variance", "contribution"]
        sections.append(Section(f"Active risk by factor, {how}", "", headings, rows))
    for key in found:
        if key.startswith("by_"):
            kind = key.removeprefix("by_")
            rows = [
                [row["name"], f"{row['weight']:+.2%}", f"{row['contribution']:.2%}"] for row in found[key]
            ]
            sections.append(
                Section(f"Active risk by {kind}", "", [kind, "active weight", "contribution"], rows)
            )
    return sections


def _liquidity(content: dict[str, Any]) -> list[Section]:
    found = content["liquidity"]
    if found is None:
        return []
    days = ["1", "5", "20"]
    sold = [
        [
            row["name"],
            f"{row['volume']:g}",
            *(f"{row[day]:.1%}" for day in days),
            "" if row["slowest"] is None else f"{row['slowest']:.1f}",
        ]
        for row in found["sold"]
    ]
    slow = [
        [row["name"], "not known" if row["days"] is None else f"{row['days']:.1f}", f"{row['share']:.1%}"]
        for row in found["rows"][:MOST_ROWS]
    ]
    text = f"Share of the book that is sold, at {found['take']:.0%} of what trades on a day."
    headings = ["volume", "times usual", "in 1 day", "in 5 days", "in 20 days", "slowest, days"]
    return [
        Section("Liquidity", text, headings, sold),
        Section("Days to liquidate", "The slowest positions.", ["asset", "days", "of the book"], slow),
    ]


def _stress(content: dict[str, Any]) -> Section:
    traded = _traded(content)
    headings = ["scenario", *(["before"] if traded else []), "loss", "cost to leave", "losers"]
    rows = [
        [
            row["name"],
            *([f"{row['before']:.1%}"] if traded else []),
            f"{row['loss']:.1%}",
            f"{row['exit_cost']:.2%}",
            ", ".join(f"{name} {loss:.1%}" for name, loss in list(row["losers"].items())[:2]),
        ]
        for row in content["stress"]
    ]
    text = (
        "Losses as fractions of wealth, the worst first. Replayed from the prices where they reach, else by shocks of "
        "asset classes; options are valued anew, on the spot. Cost to leave: of selling all at the scenario's spread."
    )
    sources = [
        f"{row['name']}, {row['how']}{', ' * bool(row['days'])}{row['days']}: {row['source']}"
        for row in content["stress"]
    ]
    return Section("Stress library", text if rows else "", headings, rows, sources)
