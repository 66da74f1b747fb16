"""What the commands of the desk print of their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from riskengine.cli.console import new_table, plainly


def show_rebalance(console: Console, content: dict[str, Any], page: Path) -> None:
    """The orders, what they cost, risk before and after, limits, notes and flags of a morning."""
    from riskengine.report import RISK_LABELS, limit_label, state_line

    table = new_table(f"{escape(content['strategy'])}, {content['date']}: {content['status']}")
    for heading in ("asset", "side", "units", "value"):
        table.add_column(heading, justify="left" if heading == "asset" else "right")
    for row in content["trades"]:
        table.add_row(escape(row["asset"]), row["side"], f"{row['units']:,.0f}", f"{row['value']:,.0f}")
    console.print(table)
    before, after = content["risk"]["before"], content["risk"]["after"]
    figures = [f"{shown} {before[name]:.2%} -> {after[name]:.2%}" for name, shown in RISK_LABELS.items()]
    plainly(
        console,
        f"wealth {content['wealth']:,.2f}, turnover {content['turnover']:.1%}, cost {content['cost']:,.2f}, "
        f"cash afterwards {content['cash']:,.2f}",
        f"{', '.join(figures)} (volatility a year, the others to the next {content['period']}'s close)",
        *(
            f"{limit_label(row['name'])}: {row['after']:.2%} of at most {row['limit']:.2%}, {row['how']}, "
            f"{row['light']}"
            for row in content["limits"]
        ),
        state_line(content),
        *(f"note: {note}" for note in content["notes"]),
        *(f"- {flag}" for flag in content["flags"]),
    )
    console.print(f"[bold]{page}[/bold]")


def show_stress(console: Console, content: dict[str, Any], page: Path) -> None:
    """A row a scenario, then limits, flags and notes."""
    from riskengine.report import loss_horizon, stress_cell

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
        plainly(console, f"limit {row['name']} at most {row['limit']:.2%}: {said} ({row['on']})")
    plainly(console, *(f"{kind[:-1]}: {line}" for kind in ("flags", "notes") for line in content[kind]))
    console.print(f"[bold]{page}[/bold]")


def show_validation(console: Console, summary: str, content: dict[str, Any]) -> None:
    """The tests of a file of forecasts, and notes on how it was read."""
    plainly(console, summary, *(f"note: {note}" for note in content["notes"]))
