"""Every work that is cited stands in ``docs/references.md``, by its authors and year, and every one there is cited."""

from __future__ import annotations

import ast
import json
import re
import unicodedata
from pathlib import Path

ROOT = Path(__file__).parents[1]
YEAR = r"(?:1[89]|20)\d\d"
MENTION = re.compile(rf"((?:\b[A-Z][\w'-]*\w|\bal\.|\bothers)(?:'s?)?) \(?({YEAR})\b(?![-\d])")
"""A name before a year; ``et al.`` and ``and others`` stand for names."""
MORE_AUTHORS = re.compile(r"(\w|[A-Z][\w'-]*(,|,? and) )$")
"""Ends what stands before authors who are not all of them."""
NO_WORKS = {
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December", "Feb", "DAX", "RiskMetrics 2006"),
}


def plain(text: str) -> str:
    """On one line, in ASCII, so that Gârleanu is Garleanu."""
    letters = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("\u2019", "'"))
    return re.sub(r"\s+", " ", "".join(c for c in letters if not unicodedata.combining(c)))


def works() -> list[tuple[list[str], str]]:
    """Surnames and year of each work, in the order of the page."""
    found = re.findall(
        rf"^- (.+?) \(({YEAR})\)\. \S", (ROOT / "docs" / "references.md").read_text(), re.MULTILINE
    )
    return [(re.split(r", | and ", plain(authors)), year) for authors, year in found]


def citations(authors: list[str]) -> set[str]:
    """How the authors may be cited."""
    first, last = authors[0], authors[-1]
    whole = first if len(authors) == 1 else f"{', '.join(authors[:-1])} and {last}"
    return {whole} | ({f"{first} et al.", f"{first} and others"} if len(authors) > 2 else set())


def texts():
    """Path and text of every string of the code, and of the pages."""
    for top in ("riskengine", "strategies", "backtests"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield path, plain(node.value)
    for path in [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        if path.name != "references.md":
            yield path, plain(path.read_text())
    for path in sorted((ROOT / "docs").glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "markdown":
                yield path, plain("".join(cell["source"]))


def test_every_work_that_is_cited_is_listed_and_the_other_way_round():
    known: dict[str, dict[str, int]] = {}
    listed = works()
    for k, (authors, year) in enumerate(listed):
        known.setdefault(year, {}).update(dict.fromkeys(citations(authors), k))
    missing, cited = set(), set()
    for path, text in texts():
        for found in MENTION.finditer(text):
            name, year = re.sub(r"'s?$", "", found[1]), found[2]
            if NO_WORKS & {name, f"{name} {year}"}:
                continue
            before = text[: found.start()] + name
            matching = [
                number
                for who, number in known.get(year, {}).items()
                if before.endswith(who) and not MORE_AUTHORS.search(before.removesuffix(who))
            ]
            cited.update(matching)
            if not matching:
                missing.add(f"{path.relative_to(ROOT)}: ...{before[-60:]} ({year})")
    assert missing == set()
    assert [listed[k] for k in range(len(listed)) if k not in cited] == []


def test_works_are_listed_once_by_author_and_year():
    listed = works()
    entries = [
        line for line in (ROOT / "docs" / "references.md").read_text().splitlines() if line.startswith("- ")
    ]
    assert len(listed) == len(entries)
    keys = [(" ".join(authors), year) for authors, year in listed]
    assert len(set(keys)) == len(keys)
