"""What the commands of the desk print of their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from riskengine.cli.console import new_table, plainly


def show_rebalance(console: Console, content: dict[str, Any], page: Path) -> None:
    """The orders, what they cost, risk before and after, limits, notes and flags of a morning."""
    from riskengine.report import RISK_LABELS, limit_label, risk_cell, state_line

    table = new_table(f"{escape(content['strategy'])}, {content['date']}: {content['status']}")
    several = len({row.get("account") for row in content["trades"]}) > 1
    for heading in (*(["account"] if several else []), "asset", "side", "units", "value"):
        table.add_column(heading, justify="left" if heading in ("asset", "account") else "right")
    for row in content["trades"]:
        account = [escape(row["account"])] if several else []
        cells = (escape(row["asset"]), row["side"], f"{row['units']:,.0f}", f"{row['value']:,.0f}")
        table.add_row(*account, *cells)
    console.print(table)
    before, after = content["risk"]["before"], content["risk"]["after"]
    figures = [f"{shown} {before[name]:.2%} -> {after[name]:.2%}" for name, shown in RISK_LABELS.items()]
    plainly(
        console,
        f"wealth {content['wealth']:,.2f}, turnover {content['turnover']:.1%}, cost {content['cost']:,.2f}, "
        f"cash afterwards {content['cash']:,.2f}",
        *_book_lines(content),
        f"{', '.join(figures)} (volatility a year, the others to the next {content['period']}'s close)",
        *(
            f"{limit_label(row['name'])}: {row['after']:.2%} of at most {row['limit']:.2%}, {row['how']}, "
            f"{row['light']}"
            for row in content["limits"]
        ),
        *(
            f"{limit_label(row['name'])}: {risk_cell(row) or 'not judged'}, {row['side']} {risk_cell(row, 'limit')}, "
            f"{row['light']}"
            for row in content["risk_limits"]
        ),
        state_line(content),
        *(f"note: {note}" for note in content["notes"]),
        *(f"- {flag}" for flag in content["flags"]),
    )
    console.print(f"[bold]{page}[/bold]")


def _book_lines(content: dict[str, Any]) -> list[str]:
    """What a book of accounts, currencies and lots adds."""
    from riskengine.report import gains_line, leverage, money

    if "book" not in content:
        return []
    total, base = content["book"]["total"], content["book"]["base"]
    lines = [f"before trading: gross {money(total['gross'], base)}, net {money(total['net'], base)}, leverage "
             f"{leverage(total)}"]  # fmt: skip
    lines += [
        f"{row['account'] + ': ' if row['account'] else ''}{'buy' if row['exchanged'] > 0 else 'sell'} "
        f"{abs(row['exchanged']):,.2f} {row['currency']} against the others"
        for row in content.get("money", ())
        if row["exchanged"] and row["currency"] != base
    ]
    return [*lines, *([gains_line(content["gains"], base)] if "gains" in content else [])]


def show_holdings(console: Console, content: dict[str, Any], page: Path) -> None:
    """Totals by account, then flags and notes."""
    from riskengine.report import leverage, money

    base, date = content["base"], content["date"] or "prices of the file"
    table = new_table(f"Holdings of {escape(content['file'])}, {date}: {content['status']}")
    parts = {"all": content["total"]} | (content["accounts"] if len(content["accounts"]) > 1 else {})
    for heading in ("", "wealth", "cash", "gross", "net", "leverage"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, one in parts.items():
        cells = (f"{one[key]:,.2f}" for key in ("wealth", "cash", "gross", "net"))
        table.add_row(escape(name), *cells, leverage(one))
    console.print(table)
    currencies = [
        f"{name} {money(one['wealth'], base)}" for name, one in content["currencies"].items() if name
    ]
    plainly(
        console,
        f"{len(content['positions'])} positions"
        + (f"; all in {base}: {', '.join(currencies)}" if base else ""),
        *(f"note: {note}" for note in content["notes"]),
        *(f"- {flag}" for flag in content["flags"]),
    )
    console.print(f"[bold]{page}[/bold]")


def show_stress(console: Console, content: dict[str, Any], page: Path) -> None:
    """A row a scenario, then limits, flags and notes."""
    from riskengine.report import limit_label, loss_horizon, stress_cell

    over = loss_horizon(content)
    table = new_table(f"Stress, {content['date']}: losses over {over}, % of wealth, ± standard error")
    for heading in ("scenario", "VaR 99%", "CVaR 99%", "drawdown"):
        table.add_column(heading, justify="left" if heading == "scenario" else "right")
    for row in content["scenarios"]:
        columns = ("loss", None) if "loss" in row else ("var_99", "cvar_99")
        cells = ["" if name is None else stress_cell(row, name) for name in (*columns, "drawdown")]
        table.add_row(escape(row["name"]), *cells)
    console.print(table)
    for row in content["limits"]:
        said = "not judged" if row["value"] is None else f"{row['value']:.2%}, {row['light']}"
        plainly(console, f"limit {limit_label(row['name'])} at most {row['limit']:.2%}: {said} ({row['on']})")
    plainly(console, *(f"{kind[:-1]}: {line}" for kind in ("flags", "notes") for line in content[kind]))
    console.print(f"[bold]{page}[/bold]")


def show_validation(console: Console, summary: str, content: dict[str, Any]) -> None:
    """The tests of a file of forecasts, and notes on how it was read."""
    for line in summary.splitlines():
        rejected = line.startswith(tuple(content["rejected"]))
        console.print(line, style="red" if rejected else None, highlight=False, markup=False)
    plainly(console, *(f"note: {note}" for note in content["notes"]))
