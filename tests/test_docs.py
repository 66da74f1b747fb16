"""The tutorials run from top to bottom, on what is in the repository."""

from __future__ import annotations

import doctest
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs").glob("*.ipynb"))


def pictures(notebook: nbformat.NotebookNode) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_a_tutorial_runs_and_shows_as_many_figures_as_the_committed_one(path):
    notebook = nbformat.read(path, as_version=4)
    committed = pictures(notebook)
    assert committed > 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's client, which is not ours
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert pictures(notebook) == committed
    assert not [
        cell for cell in notebook.cells if any(o.output_type == "error" for o in cell.get("outputs", []))
    ]


@pytest.mark.parametrize(
    "page", [p for p in (ROOT / "docs").glob("*.md") if ">>> " in p.read_text()], ids=lambda p: p.stem
)
def test_examples_of_a_page_print_what_it_says(page):
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testfile(str(page), module_relative=False, optionflags=flags).failed == 0
