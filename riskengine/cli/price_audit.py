"""Prices by themselves: `audit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from riskengine.cli.app import app
from riskengine.cli.console import FLAGGED, Json, new_table, screen, write
from riskengine.errors import SettingsError

_MOST = 40


@app.command()
def audit(
    prices: Annotated[Path, typer.Argument(help="File of prices, or folder of one file an asset.")],
    out: Annotated[Path, typer.Option(help="Folder for audit.json and audit.html.")] = Path("out/audit"),
    repair_to: Annotated[
        Path | None,
        typer.Option(
            "--repair",
            help="Write a mended copy, .csv or .parquet, and beside it a log of each change. Splits and changes of "
            "unit are adjusted back, wrong prints emptied; nothing is filled.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how a file of prices is read and what looks wrong in it, with a plot of each finding.

    Exit status 3 if a finding is serious: returns are wrong if it is what it looks like.
    """
    from riskengine.market import Finding, load_prices
    from riskengine.market.loading import save_prices
    from riskengine.market.panel import audit_table
    from riskengine.market.repair import repair
    from riskengine.report.audit_page import ordered, write_audit

    if repair_to is not None:
        source, target = prices.resolve(), repair_to.resolve()
        if source == target or source in target.parents:
            raise SettingsError(
                f"--repair {repair_to} is where the prices come from: name another file for the copy"
            )
        if repair_to.suffix not in (".csv", ".parquet"):
            raise SettingsError(f"--repair {repair_to}: the copy is written as .csv or .parquet")
    console = screen(as_json)
    read = load_prices(prices)
    findings = [Finding("reading", None, None, note) for note in read.notes]
    findings += audit_table(read.close)
    content = write_audit(prices, read.close, findings, out)
    if repair_to is not None:
        mended = repair(read.close)
        save_prices(mended.prices, repair_to)
        log = repair_to.with_name(f"{repair_to.stem}.log.csv")
        write(log, mended.changes.to_csv(index=False))
        content["repair"] = {"file": str(repair_to), "log": str(log), "changes": len(mended.changes)}
    if as_json:
        print(json.dumps(content))
    else:
        for note in content["reading"]:
            console.print(f"prices: {note}", style="dim", highlight=False, markup=False)
        told = ordered(findings)
        title = (
            f"{content['assets']} assets, {content['closes']} closes, {content['first']} to {content['last']}"
        )
        if told:
            table = new_table(f"{title}: {len(told)} findings, {content['serious']} serious")
            table.add_column("finding", no_wrap=True)
            table.add_column("asset", overflow="fold")
            table.add_column("date", no_wrap=True)
            table.add_column("detail", overflow="fold")
            for finding in told[:_MOST]:
                cells = (finding.kind.replace("_", " "), finding.asset or "", finding.to_dict()["date"] or "")
                table.add_row(
                    *map(_plain, (*cells, finding.detail)), style="yellow" if finding.serious else None
                )
            console.print(table)
            if len(told) > _MOST:
                console.print(f"and {len(told) - _MOST} more, in the page", style="dim", highlight=False)
        else:
            console.print(f"{title}: nothing looks wrong", highlight=False, markup=False)
        if repair_to is not None:
            console.print(str(mended), highlight=False, markup=False)
            console.print(f"[bold]{_plain(str(repair_to))}[/bold], {_plain(str(log))}", highlight=False)
        console.print(f"[bold]{_plain(str(out / 'audit.html'))}[/bold]")
    if content["serious"]:
        raise typer.Exit(FLAGGED)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
