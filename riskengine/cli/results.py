"""A finished backtest again: `report`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from riskengine.cli.app import app
from riskengine.cli.console import Json, new_table, screen
from riskengine.errors import DataError


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="Folder that `riskengine backtest --out` wrote.")] = Path(
        "out"
    ),
    as_json: Json = False,
) -> None:
    """Show a finished backtest again: its table, flags and provenance."""
    path = folder / "result.json"
    if not path.is_file():
        raise DataError(
            f"no result.json in {folder}: make it with `riskengine backtest STRATEGY --out {folder}`"
        )
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise DataError(f"{path} is damaged ({error}): run the backtest again") from error
    if as_json:
        print(json.dumps(content))
        return
    console = screen(as_json)
    table = new_table(f"{content['strategy']}, {content['first']} to {content['last']}", gap=0)
    formats = {
        "volatility": "{:.2%}",
        "reduction": "{:+.1%}",
        "reduction_low": "{:+.1%}",
        "reduction_high": "{:+.1%}",
        "p_value": "{:.3f}",
        "sharpe": "{:.2f}",
        "bias": "{:.2f}",
    }
    table.add_column("portfolio", no_wrap=True)
    for name in formats:
        table.add_column(name.removeprefix("reduction_").replace("_", " "), justify="right", no_wrap=True)
    for name, row in content["summary"].items():
        cells = ("" if row.get(key) is None else text.format(row[key]) for key, text in formats.items())
        table.add_row(name, *cells)
    console.print(table)
    for note in content["notes"]:
        console.print(f"- {note}", highlight=False, markup=False)
    for key, value in content["provenance"].items():
        console.print(f"{key:12} {value}", highlight=False, markup=False)
    page = folder / "report.html"
    if page.is_file():
        console.print(f"[bold]{page}[/bold]")
