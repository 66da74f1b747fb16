"""A report as plain text for a mail: a first line for its subject, the headline, and the tables that matter."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from riskengine.report.page import Page, Section

_WIDE = 78
_MOST_ROWS = 15


def summary_text(page: Page) -> str:
    """The text, a line of at most 78 characters where words allow it.

    Examples
    --------
    >>> table = Section("Limits", headings=["limit", "is"], rows=[["VaR 99%", "2.27%"]], brief=True)
    >>> print(summary_text(Page("Rebalance", "2024-01-31", "Nothing flagged.", [table], {}, False)))
    Rebalance, 2024-01-31
    <BLANKLINE>
    Nothing flagged.
    <BLANKLINE>
    Limits
    limit       is
    VaR 99%  2.27%
    <BLANKLINE>
    """
    subject = f"{page.title}, {page.subtitle}" + (": flagged" if page.flagged else "")
    parts = [_plain(subject), textwrap.fill(_plain(page.headline), _WIDE)]
    parts += [_section(one) for one in page.sections if one.brief and (one.rows or one.items)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    lines = [_plain(section.title)]
    rows = list(section.rows)
    if rows:
        lines += _table([section.headings, *rows[:_MOST_ROWS]])
    lines += [f"and {len(rows) - _MOST_ROWS} more"] if len(rows) > _MOST_ROWS else []
    lines += [
        textwrap.fill(f"- {_plain(item)}", _WIDE, subsequent_indent="  ")
        for item in section.items[:_MOST_ROWS]
    ]
    return "\n".join(lines)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their cells: the first to the left, the others to the right; columns without cells go."""
    cells = [[_plain(cell) for cell in row] for row in rows]
    kept = [k for k in range(len(cells[0])) if any(row[k] for row in cells[1:])]
    wide = {k: max(len(row[k]) for row in cells) for k in kept}
    return [
        "  ".join(
            row[k].rjust(wide[k]) if place else row[k].ljust(wide[k]) for place, k in enumerate(kept)
        ).rstrip()
        for row in cells
    ]


def _plain(text: str) -> str:
    """On one line: a name from data may hold what begins a header of a mail."""
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text)
