"""Prices by themselves: `audit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.markup import escape

from riskengine.cli.app import app
from riskengine.cli.arguments import AuditFolder, Json, PricesToAudit, RepairedCopy
from riskengine.cli.console import FLAGGED, new_table, plainly, screen, working, write
from riskengine.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from riskengine.market import Finding, Repair, Source

_MOST = 40


@app.command()
def audit(
    prices: PricesToAudit,
    out: AuditFolder = Path("out/audit"),
    repair_to: RepairedCopy = None,
    as_json: Json = False,
) -> None:
    """Audit a file of prices: how it is read and what looks wrong in it, with a plot of each finding.

    Exit status 3 if a finding is serious: if it is an error of the file, returns are wrong.
    """
    from riskengine.market import Finding, audit_table, load_prices
    from riskengine.report import ordered_findings, write_audit

    if repair_to is not None:
        _check_copy(prices, repair_to)
    console = screen(as_json)
    with working(console, "reading, checking and drawing"):
        read = load_prices(prices)
        findings = [*(Finding("reading", None, None, note) for note in read.notes), *audit_table(read.close)]
        content = write_audit(prices, read.close, findings, out)
    mended = None if repair_to is None else _repaired(read.close, repair_to, content)
    if as_json:
        print(json.dumps(content))
    else:
        _show(console, content, ordered_findings(findings))
        if mended is not None:
            plainly(console, str(mended))
            copy, log = content["repair"]["file"], content["repair"]["log"]
            console.print(f"[bold]{escape(copy)}[/bold], {escape(log)}", highlight=False)
        console.print(f"[bold]{escape(str(out / 'audit.html'))}[/bold]")
    if content["serious"]:
        raise typer.Exit(FLAGGED)


def _check_copy(prices: Source, copy: Path) -> None:
    """Refuse to write a repaired copy over what it comes from, or in a form that is not written."""
    source, target = prices.resolve(), copy.resolve()
    if isinstance(source, Path) and (source == target or source in target.parents):
        raise SettingsError(f"--repair {copy} is where the prices come from: name another file for the copy")
    if copy.suffix not in (".csv", ".parquet"):
        raise SettingsError(f"--repair {copy}: the copy is written as .csv or .parquet")


def _repaired(close: pd.DataFrame, copy: Path, content: dict[str, Any]) -> Repair:
    """Write the repaired copy and its log, and say so in ``content``."""
    from riskengine.market import repair, save_prices

    mended = repair(close)
    save_prices(mended.prices, copy)
    log = copy.with_name(f"{copy.stem}.log.csv")
    write(log, mended.changes.to_csv(index=False))
    content["repair"] = {"file": str(copy), "log": str(log), "changes": len(mended.changes)}
    return mended


def _show(console: Console, content: dict[str, Any], findings: Sequence[Finding]) -> None:
    """How the file was read, and a row a finding."""
    for note in content["reading"]:
        console.print(f"prices: {note}", style="dim", highlight=False, markup=False)
    title = f"{content['assets']} assets, {content['closes']} closes, {content['first']} to {content['last']}"
    if not findings:
        plainly(console, f"{title}: nothing looks wrong")
        return
    from riskengine.report import counted_findings as counted

    table = new_table(f"{title}: {counted(findings, content['serious'])}")
    for heading in ("finding", "asset", "date", "detail"):
        whole = heading in ("finding", "date")
        table.add_column(heading, no_wrap=whole, overflow="ellipsis" if whole else "fold")
    for finding in findings[:_MOST]:
        date = finding.to_dict()["date"] or ""
        cells = (finding.kind.replace("_", " "), finding.asset or "", date, finding.detail)
        table.add_row(*map(escape, cells), style="yellow" if finding.serious else None)
    console.print(table)
    if len(findings) > _MOST:
        console.print(f"and {len(findings) - _MOST} more, in the page", style="dim", highlight=False)
