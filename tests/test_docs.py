"""The tutorials run from top to bottom, on what is in the repository, with fewer series, paths and points."""

from __future__ import annotations

import doctest
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs").glob("*.ipynb"))

SMALLER = {
    "calibration": {
        "series=400": "series=16",
        "full(400,": "full(16,",
        "range(500, 750, 25)": "range(500, 750, 125)",
    },
    "daily_desk": {"paths=2000": "paths=500"},
    "exotics": {
        "in range(12)": "in range(4)",
        "np.arange(1, 21)": "np.arange(1, 21, 6)",
        "paths=2**14": "paths=2**10",
        '"paths": 2**13': '"paths": 2**10',
    },
    "portfolio": {"504": "126", "day + 252": "day + 63", "step=42": "step=126"},
    "risk": {
        "2009-06-30": "2008-03-31",
        "draws=3999": "draws=399",
        "(1, 2, 3, 5, 7, 10, 15, 21)": "(1, 5, 21)",
        "paths=20_000": "paths=2_000",
    },
}
"""Sizes of a tutorial, and those that take their place here: every cell runs, and calls all that the reader's calls."""


def made_smaller(notebook: nbformat.NotebookNode, sizes: dict[str, str]) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for theirs, ours in sizes.items():
        assert any(theirs in cell.source for cell in cells), f"{theirs} is no longer in the tutorial"
        for cell in cells:
            cell.source = cell.source.replace(theirs, ours)


def pictures(notebook: nbformat.NotebookNode) -> int:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.slow
def test_a_tutorial_runs_and_shows_as_many_figures_as_the_committed_one(path):
    notebook = nbformat.read(path, as_version=4)
    committed = pictures(notebook)
    assert committed > 3
    made_smaller(notebook, SMALLER[path.stem])
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
