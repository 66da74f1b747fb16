"""An archive of reports: a folder a day, an index of all days, and what changed from one day to the next.

``index.html`` and the pages of changes are made anew from the JSON of the days whenever a day is filed, so that a day
that is taken out, added by hand or damaged shows at the next one. A file that cannot be read is a row that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.market import periods
from riskengine.report.archive_days import DAY, KINDS, Day, read_days
from riskengine.report.day_changes import changes_page
from riskengine.report.page import render_template
from riskengine.report.rebalance_sections import limit_label

_FORMS = ("html", "pdf", "xlsx", "txt", "json")


class Archive:
    """A folder of days.

    Parameters
    ----------
    folder : made with the first day
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, kind: str, date: str, files: Mapping[str, bytes]) -> Path:
        """Put the files of a report into the folder of its day, and make the index anew; the index.

        Parameters
        ----------
        kind : name of the files
        date : of the report, 2024-01-31
        files : contents by ending; ``json`` and ``html`` among them

        Raises
        ------
        DataError
            If the date is none.
        """
        day = date.replace(":", "")
        if not DAY.fullmatch(day):
            raise DataError(f"a report of {date!r} cannot be filed: its date is no day like 2024-01-31")
        for ending, content in files.items():
            write_atomically(self.folder / day / f"{kind}.{ending}", content)
        return self.rebuild()

    def days(self) -> list[Day]:
        """All reports, the oldest first."""
        return read_days(self.folder)

    def rebuild(self) -> Path:
        """Make ``index.html`` and the pages of changes anew; the index.

        Raises
        ------
        DataError
            If there is no day.
        """
        days = self.days()
        if not days:
            raise DataError(f"{self.folder} holds no day: file one with --archive {self.folder}")
        for kind in {day.kind for day in days}:
            for before, now in pairwise([day for day in days if day.kind == kind and day.readable]):
                page = changes_page(before, now).html().encode()
                target = self.folder / now.date / f"changes-{kind}.html"
                if not target.is_file() or target.read_bytes() != page:
                    write_atomically(target, page)
        write_atomically(self.folder / "index.html", _index(self.folder, days).encode())
        return self.folder / "index.html"

    def day(self, date: str, kind: str | None = None) -> Day:
        """The report of a day; the first one where no kind is named.

        Raises
        ------
        DataError
            If there is none, or it cannot be read.
        """
        days = self.days()
        found = [day for day in days if day.date == date.replace(":", "") and kind in (None, day.kind)]
        if not found:
            known = sorted({day.date for day in days})
            count = f"{len(known)} day{'s' * (len(known) > 1)}"
            held = f"{known[0]} to {known[-1]}, {count}" if known else "nothing"
            raise DataError(f"{self.folder} has no {kind or 'report'} of {date}: it holds {held}")
        if not found[0].readable:
            raise DataError(f"{self.folder / found[0].date}: {found[0].status}")
        return found[0]


def _index(archive: Path, days: list[Day]) -> str:
    """The index as text, the newest day first."""
    rows = []
    for day in reversed(days):
        red = [name for name, row in day.limits.items() if row["light"] == "red"]
        first = [f"{limit_label(name)} {value:.2%}" for name, value in list(day.risk.items())[:3]]
        links = [
            (form, _link(day.date, f"{day.kind}.{form}")) for form in _FORMS if _there(archive, day, form)
        ]
        if (archive / day.date / f"changes-{day.kind}.html").is_file() and day.readable:
            links.append(("what changed", _link(day.date, f"changes-{day.kind}.html")))
        rows.append(
            {
                "date": day.date,
                "kind": KINDS[day.kind],
                "light": {"clean": "green", "flagged": "amber"}.get(day.status, "red") if not red else "red",
                "status": day.status if day.readable else "damaged",
                "risk": ", ".join(first) if day.readable else day.status,
                "said": _said(day.flags or [f"limit {limit_label(name)} broken" for name in red]),
                "links": links,
            }
        )
    dates = [day.date for day in days]
    last = [day for day in days if day.date == dates[-1]]
    return render_template(
        "archive.html",
        charted=False,
        title="Archive of reports",
        subtitle=f"{periods(len(set(dates)), 252.0)}, {min(dates)} to {max(dates)}",
        headline=f"The last day, {dates[-1]}: {', '.join(f'{KINDS[day.kind]} {day.status}' for day in last)}.",
        flagged=any(day.status != "clean" for day in last),
        provenance=[],
        rows=rows,
    )


def _said(sentences: Sequence[str], most: int = 3) -> str:
    """The first of them, and how many more there are."""
    return "; ".join(sentences[:most]) + (
        f"; and {len(sentences) - most} more" if len(sentences) > most else ""
    )


def _there(archive: Path, day: Day, form: str) -> bool:
    return (archive / day.date / f"{day.kind}.{form}").is_file()


def _link(*parts: str) -> str:
    return "/".join(quote(part) for part in parts)
