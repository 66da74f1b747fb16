"""The page of other libraries runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "other-libraries.md").read_text()
BLOCKS = dict(
    zip(re.findall(r"^## (.+)$", TEXT, re.M), re.findall(r"```python\n(.*?)```", TEXT, re.S), strict=True)
)
SAID = {
    "skfolio": "1.0",
    "PyPortfolioOpt, Riskfolio-Lib": "(6, 6)",
    "cvxportfolio": "CvxportfolioForecaster",
    "quantstats": "equal weight None",
}


@pytest.mark.parametrize("library", BLOCKS)
def test_a_block_runs(library, capsys):
    if library == "skfolio":
        pytest.importorskip("skfolio")
    exec(BLOCKS[library], {})
    assert capsys.readouterr().out.strip() == SAID[library]
