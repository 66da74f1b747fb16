"""How a file was read and what looks wrong in it, where people read: one way for all commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console

SHOWN = 8
"""Serious findings that a command shows; `riskengine audit` shows all."""


def show_findings(console: Console, findings: Sequence[Any], most: int = SHOWN) -> None:
    """How the file was read, the serious findings one by one, and the others counted."""
    for finding in findings:
        if finding.kind == "reading":
            console.print(f"prices: {finding.detail}", style="dim", highlight=False, markup=False)
    serious = [finding for finding in findings if finding.serious]
    for finding in serious[:most]:
        console.print(f"! {finding}", style="yellow", highlight=False, markup=False)
    if len(serious) > most:
        console.print(f"! and {len(serious) - most} more serious findings", style="yellow", highlight=False)
    others = Counter(
        finding.kind for finding in findings if not finding.serious and finding.kind != "reading"
    )
    if others:
        counts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in others.items())
        console.print(f"prices: {counts}", style="dim", highlight=False, markup=False)
    if serious or others:
        console.print("prices: `riskengine audit FILE` shows each with a plot", style="dim", highlight=False)


def in_lines(findings: Sequence[Any]) -> list[str]:
    """How the file was read, and how many findings are serious, with the first; for lists of notes."""
    lines = [f"prices: {finding.detail}" for finding in findings if finding.kind == "reading"]
    serious = [finding for finding in findings if finding.serious]
    if serious:
        more = f", the first of {len(serious)} serious findings" if len(serious) > 1 else ""
        lines.append(f"prices: {serious[0]}{more}; `riskengine audit FILE` shows them")
    return lines


def within(findings: Sequence[Any], first: Any) -> list[Any]:
    """Findings on or after a close, and those that are about no day."""
    return [
        one for one in findings if one.date is None or one.date >= first or one.kind.startswith("looks_like")
    ]


def content_of(findings: Sequence[Any]) -> dict[str, Any]:
    """For JSON: how the file was read, every serious finding, and counts of the others."""
    return {
        "reading": [finding.detail for finding in findings if finding.kind == "reading"],
        "findings": [finding.to_dict() for finding in findings if finding.serious],
        "others": dict(
            Counter(finding.kind for finding in findings if not finding.serious and finding.kind != "reading")
        ),
    }
