"""Pages of the documentation: their links lead somewhere, and what they say of the package is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += [*(ROOT / "docs").glob("*.md"), *(ROOT / "data").glob("*/README.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    broken = [one for one in targets if "://" not in one and not (page.parent / one).exists()]
    assert broken == []


def test_the_readme_is_one_screen_and_its_python_is_what_a_newcomer_needs():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 95
    begin, end = (lines.index(mark) for mark in ("```python", "prints"))
    code = [line for line in lines[begin + 1 : end - 2] if line]
    assert 8 <= len(code) <= 14
    compile("\n".join(code), "README.md", "exec")


def test_every_page_of_the_site_is_in_its_contents():
    named = re.findall(r"[\w-]+\.(?:md|ipynb)", (ROOT / "mkdocs.yml").read_text())
    assert {path.name for kind in ("md", "ipynb") for path in (ROOT / "docs").glob(f"*.{kind}")} <= set(named)


def test_the_glossary_names_what_there_is():
    text = (ROOT / "docs" / "glossary.md").read_text()
    cells = [line.rstrip("| ").rpartition("|")[2] for line in text.splitlines() if line.startswith("| ")][1:]
    words = set().union(
        *(re.findall(r"\w+", path.read_text()) for path in (ROOT / "riskengine").rglob("*.py"))
    )
    for code in re.findall(r"`([^`]+)`", " ".join(cells)):
        if code.endswith(".py"):
            assert (ROOT / "riskengine" / code).is_file(), code
        else:
            folders = {path.name for path in (ROOT / "riskengine").iterdir()}
            assert set(re.findall(r"\w+", code)) <= words | folders, code
