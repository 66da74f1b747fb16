"""The bundled prices are what their pages say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from riskengine import datasets
from riskengine.cli.console import prices_file
from riskengine.errors import SettingsError


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_page_beside_the_file_names_its_hash(name):
    path = datasets.path(name)
    page = (path.parent / "README.md").read_text()
    assert hashlib.sha256(path.read_bytes()).hexdigest() in page
    for word in ("Source", "Survivorship", "icence", "Made by"):
        assert word in page


@pytest.mark.parametrize("read", [datasets.us_equities_20, datasets.us_equities_100, datasets.etf18])
def test_a_panel_is_complete_and_daily(read):
    panel = read()
    assert not panel.prices.isna().any(axis=None)
    assert panel.periods_per_year == 252
    serious = {"duplicate_date", "unsorted_date", "non_positive_price", "no_prices", "gap"}
    assert not {finding.kind for finding in panel.audit()} & serious


def test_a_name_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(SettingsError, match="us_equities_20, us_equities_100, etf18_2006_2022"):
        datasets.path("sp500")


def test_a_bundled_panel_is_named_where_no_file_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prices_file(Path("us_equities_100")) == datasets.path("us_equities_100")
    (tmp_path / "us_equities_100").mkdir()
    assert prices_file(Path("us_equities_100")) == Path("us_equities_100")
    assert prices_file(Path("prices.csv")) == Path("prices.csv")
