"""Reports that are finished: `report` of a backtest, and an `archive` of days."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from riskengine.cli.app import app
from riskengine.cli.arguments import FinishedFolder, Json
from riskengine.cli.console import FLAGGED, plainly, screen, show_files, write
from riskengine.cli.form_options import ArchiveFolder, AsPdf, AsSummary, AsWorkbook
from riskengine.cli.result_tables import show_with_page
from riskengine.errors import SettingsError


@app.command()
def report(
    folder: FinishedFolder = Path("out"),
    pdf: AsPdf = False,
    xlsx: AsWorkbook = False,
    summary: AsSummary = False,
    archive: ArchiveFolder = None,
    as_json: Json = False,
) -> None:
    """Show a finished backtest again, as `backtest` showed it, and its provenance; in further forms if asked for.

    Exit status 3 if decisions of the strategy fell back, a limit of it was broken, or prices of what it held look
    wrong.
    """
    from riskengine.backtest import load_result
    from riskengine.report import Document, Forms, write_forms

    forms = Forms(pdf, xlsx, summary, archive).checked()
    result = load_result(folder)
    files = write_forms(lambda: Document.of_result(result), forms, folder)
    if as_json:
        print(result.to_json())
    else:
        page = folder / "report.html"
        show_with_page(screen(as_json), result, page if page.is_file() else None, provenance=True)
        show_files(screen(as_json), files)
    if result.flagged:
        raise typer.Exit(FLAGGED)


@app.command()
def archive(
    folder: Annotated[Path, typer.Argument(help="Folder that --archive of other commands fills.")],
    days: Annotated[
        list[str] | None,
        typer.Argument(help="Two days to compare, the earlier one first.", metavar="[DAY DAY]"),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Of the reports: report (of rebalance), risk, stress or backtest.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the index of an archive anew, or compare two of its days: weights, risk, limits and flags."""
    from riskengine.report import KINDS, Archive, changes_page, day_changes, summary_text

    if kind is not None and kind not in KINDS:
        raise SettingsError(f"--kind {kind}: there are {', '.join(KINDS)}")
    if days and len(days) != 2:
        raise SettingsError("name two days to compare, the earlier one first, or none to make the index anew")
    console = screen(as_json)
    if not days:
        index = Archive(folder).rebuild()
        print(json.dumps({"index": str(index)})) if as_json else show_files(console, [index])
        return
    first = Archive(folder).day(days[0], kind)
    second = Archive(folder).day(days[1], kind or first.kind)
    if as_json:
        print(json.dumps(day_changes(first, second)))
        return
    page = changes_page(first, second)
    target = folder / f"changes-{first.kind}-{first.date}-{second.date}.html"
    write(target, page.html())
    plainly(console, summary_text(page))
    show_files(console, [target])
