"""A finished backtest again: `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from riskengine.cli.app import app
from riskengine.cli.console import FLAGGED, Json, screen
from riskengine.cli.result_tables import show_result


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that `riskengine backtest --out` wrote.")] = Path(
        "out"
    ),
    as_json: Json = False,
) -> None:
    """Show a finished backtest again, as `backtest` showed it, and its provenance.

    Exit status 3 if decisions of the strategy fell back, a limit of it was broken, or prices of what it held look
    wrong.
    """
    from riskengine.backtest import load_result
    from riskengine.report import headline, provenance_text

    result = load_result(folder)
    if as_json:
        print(result.to_json())
    else:
        console = screen(as_json)
        show_result(console, result)
        console.print(headline(result), highlight=False, markup=False)
        for key, value in result.provenance.items():
            console.print(f"{key:12} {provenance_text(value)}", highlight=False, markup=False)
        page = folder / "report.html"
        if page.is_file():
            console.print(f"[bold]{page}[/bold]")
    if result.flagged:
        raise typer.Exit(FLAGGED)
