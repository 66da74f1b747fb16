"""Options of the commands that report: further forms of the report, see :class:`riskengine.report.Forms`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsPdf = Annotated[bool, typer.Option("--pdf", help="Print the page as PDF too, through Chromium.")]
AsWorkbook = Annotated[bool, typer.Option("--xlsx", help="Write the tables as an Excel workbook too.")]
AsSummary = Annotated[
    bool, typer.Option("--summary", help="Write a text for a mail too, its subject on the first line.")
]
ArchiveFolder = Annotated[
    Path | None,
    typer.Option(
        "--archive", help="Folder of days to file the report in too; its index.html says what changed."
    ),
]
