"""A hook of mkdocs: pages that are made of what stands elsewhere in the repository, and links to them.

The start is the README, results are those of the studies, the gallery is made of the strategies' own claims, and every
folder's face is a page of the API.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File
from study_gallery import PLOTS, RESULTS, bars, studies

ROOT = Path(__file__).parents[1]
FACES = (
    "market", "calibration", "covariance", "risk", "options", "portfolio", "backtest", "desk", "book", "garch", "ecosystem",
)  # fmt: skip
_MOVED = (
    (r"\]\((?:\.\./)?backtests/results/([\w-]+\.md)\)", r"](results/\1)"),
    (r"\]\(docs/", "]("),
    (r"\]\((?:\.\./)?CONTRIBUTING\.md\)", "](contributing.md)"),
    (r"\]\((?:\.\./)?CHANGELOG\.md\)", "](changelog.md)"),
)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    pages = {
        "index.md": (ROOT / "README.md").read_text(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(),
        "strategies.md": gallery(),
        "studies.md": studies(),
        "api/riskengine.md": face(
            "riskengine", "calibrate", "run_backtest", "load_panel", "standard_benchmarks"
        ),
        "api/datasets.md": "# riskengine.datasets\n\n::: riskengine.datasets\n",
    }
    pages |= {f"api/{name}.md": face(f"riskengine.{name}") for name in FACES}
    pages |= {
        f"results/{path.name}": path.read_text() for path in (ROOT / "backtests" / "results").glob("*.md")
    }
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links to files of the repository become links to their pages."""
    for pattern, instead in _MOVED:
        markdown = re.sub(pattern, instead, markdown)
    return markdown


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Links of a tutorial, which is no Markdown: to studies and pages by the name that they have on the site."""
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    html = re.sub(r'href="(?:\.\./)?backtests/results/([\w-]+)\.md"', r'href="results/\1.html"', html)
    return re.sub(r'href="([\w-]+)\.(?:md|ipynb)"', r'href="\1.html"', html)


def face(module: str, *only: str) -> str:
    """A page with every name of a folder's face, from where it is defined."""
    tree = ast.parse((ROOT / module.replace(".", "/") / "__init__.py").read_text())
    where = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    about = (ast.get_docstring(tree) or "").split("\n\n")[0]
    names = only or sorted(where, key=str.lower)
    parts = [f"::: {defined(where[name])}\n" for name in names]
    return "\n".join([f"# {module}\n\n{about}\n", *parts])


def defined(path: str) -> str:
    """Where a name is defined that a face imports from another face."""
    module, _, name = path.rpartition(".")
    init = ROOT / module.replace(".", "/") / "__init__.py"
    if not init.is_file():
        return path
    for node in ast.walk(ast.parse(init.read_text())):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return defined(f"{node.module}.{alias.name}")
    return path


def gallery() -> str:
    """Every strategy: its claim and its code, and how volatile those were that a study compares."""
    study = "realized_volatility"
    parts = [
        "# Strategies\n\nOne a file, each with a claim. `riskengine backtest NAME` runs it; `riskengine init DIR` copies "
        "them to change. Each has a page of its own once it ran: `out/report.html`.\n",
        bars(PLOTS[study], json.loads((RESULTS / f"{study}.json").read_text())["capped"]) + "\n",
    ]
    for path in sorted((ROOT / "strategies").glob("*.py")):
        if path.stem == "__init__":
            continue
        text = path.read_text()
        about = ast.get_docstring(ast.parse(text)) or ""
        parts.append(
            f"## {path.stem}\n\n{about}\n\n```python\n{text.split(chr(34) * 3, 2)[2].strip()}\n```\n"
        )
    return "\n".join(parts)
