"""A report in further forms beside its page: PDF, a workbook, a text for a mail, and a day in an archive."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from riskengine.files import write_atomically
from riskengine.report.archive import Archive
from riskengine.report.backtest_page import lead, render, summary_rows
from riskengine.report.excel_tables import need_openpyxl, workbook
from riskengine.report.page import Page, Section
from riskengine.report.pdf import find_chromium, print_pdf
from riskengine.report.rebalance_page import page_of_rebalance
from riskengine.report.risk_page import page_of_risk
from riskengine.report.stress_page import page_of_stress
from riskengine.report.summary_text import summary_text

_PAGES: dict[str, Callable[[dict[str, Any]], Page]] = {
    "report": page_of_rebalance,
    "risk": page_of_risk,
    "stress": page_of_stress,
}
"""Of the commands by the name of their files."""


@dataclass(frozen=True)
class Document:
    """What a command reports.

    Attributes
    ----------
    name : of its files, ``report`` say
    date : of the prices that it rests on
    page : title, headline and sections
    html : the page as it is written
    content : of its JSON; the workbook has its tables
    """

    name: str
    date: str
    page: Page
    html: str
    content: dict[str, Any]

    @classmethod
    def of(cls, name: str, content: dict[str, Any]) -> Document:
        """Of the content of a command: ``report`` of rebalance, ``risk`` or ``stress``."""
        page = _PAGES[name](content)
        return cls(name, str(content["date"]), page, page.html(), content)

    @classmethod
    def of_result(cls, result: Any) -> Document:
        """Of a backtest; its content has the weights held at the end and the decisions too."""
        content = json.loads(result.to_json())
        content["date"], held = content["last"], result.weights.iloc[-1]
        content["weights"] = {str(name): float(weight) for name, weight in held.items() if weight}
        summary = Section("Summary", "Figures a year, net of costs.", *summary_rows(result), brief=True)
        notes = [f"{flag.portfolio}: {flag.message}" for flag in result.flags]
        parts = [Section("Flags", items=notes, brief=True), summary]
        page = Page(result.name, f"Backtest to {content['last']}", lead(result), parts, {}, result.flagged)
        document = cls("backtest", content["last"], page, render(result), content)
        returns = result.returns.rename_axis("date").reset_index()
        targets = result.targets.rename_axis("date").reset_index()
        tables = {"returns": _rows(returns), "decisions": _rows(targets)}
        return replace(document, content=content | {"tables": tables})


@dataclass(frozen=True)
class Forms:
    """Which forms are asked for.

    Attributes
    ----------
    pdf, xlsx, summary : whether they are
    archive : folder of days that the report is filed in, or none
    """

    pdf: bool = False
    xlsx: bool = False
    summary: bool = False
    archive: Path | None = None

    def checked(self) -> Forms:
        """The same, once it is known that they can be had: better before hours of computing than after them.

        Raises
        ------
        DataError
            If a program or a package is not installed.
        """
        if self.pdf:
            find_chromium()
        if self.xlsx:
            need_openpyxl()
        return self


def _rows(frame: Any) -> list[dict[str, Any]]:
    """Rows of a table with dates as text."""
    frame["date"] = [f"{day:%Y-%m-%d}" for day in frame["date"]]
    found: list[dict[str, Any]] = frame.rename(columns=str).to_dict(orient="records")
    return found


def write_forms(made_document: Callable[[], Document], forms: Forms, out: Path) -> list[Path]:
    """Write the forms that are asked for; their files. The document is made where there are any.

    The same document gives the same bytes, with the same version of Chromium.

    Raises
    ------
    DataError
        As :meth:`Forms.checked`, or if printing fails.

    Examples
    --------
    >>> write_forms(lambda: Document.of("risk", {}), Forms(), Path("out"))
    []
    """
    if forms == Forms():
        return []
    document, made = made_document(), dict[str, bytes]()
    if forms.pdf:
        made["pdf"] = print_pdf(document.html, document.date)
    if forms.xlsx:
        made["xlsx"] = workbook(document.page, document.content)
    if forms.summary:
        made["txt"] = summary_text(document.page).encode()
    files = [out / f"{document.name}.{ending}" for ending in made]
    for file, content in zip(files, made.values(), strict=True):
        write_atomically(file, content)
    if forms.archive is not None:
        told = {name: value for name, value in document.content.items() if name != "tables"}
        made |= {"html": document.html.encode(), "json": (json.dumps(told, indent=1) + "\n").encode()}
        files.append(Archive(forms.archive).file(document.name, document.date, made))
    return files
