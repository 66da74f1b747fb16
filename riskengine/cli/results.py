"""A finished backtest again: `report`."""

from __future__ import annotations

from pathlib import Path

import typer

from riskengine.cli.app import app
from riskengine.cli.arguments import FinishedFolder, Json
from riskengine.cli.console import FLAGGED, screen
from riskengine.cli.result_tables import show_with_page


@app.command()
def report(folder: FinishedFolder = Path("out"), as_json: Json = False) -> None:
    """Show a finished backtest again, as `backtest` showed it, and its provenance.

    Exit status 3 if decisions of the strategy fell back, a limit of it was broken, or prices of what it held look
    wrong.
    """
    from riskengine.backtest import load_result

    result = load_result(folder)
    if as_json:
        print(result.to_json())
    else:
        page = folder / "report.html"
        show_with_page(screen(as_json), result, page if page.is_file() else None, provenance=True)
    if result.flagged:
        raise typer.Exit(FLAGGED)
