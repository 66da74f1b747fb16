"""Files as vendors and brokers write them are read to the last digit, or refused with cause and remedy."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskengine.errors import DataError, RiskEngineError
from riskengine.market import load_panel, load_volume
from riskengine.market.number_cells import convention

HERE = Path(__file__).parent


def _script():
    """The script that makes the files, a module beside this one."""
    spec = importlib.util.spec_from_file_location("vendor_files", HERE / "vendor_files.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["vendor_files"] = module
    spec.loader.exec_module(module)
    return module


vendor_files = _script()
CASES = vendor_files.all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.vendor}: {case.name}")
def test_a_file_is_read_right_or_refused_with_cause_and_remedy(case, tmp_path):
    found = vendor_files.outcome(case, tmp_path)
    if case.values is None:
        assert found.refused, f"read as {found.values}"
        assert case.refused in found.refused
        return
    assert not found.refused
    assert list(found.values) == list(case.values)
    for name, wanted in case.values.items():
        np.testing.assert_allclose(found.values[name], wanted, rtol=1e-14)
    if not case.holdings:
        assert found.days == case.days
    assert case.noted in "; ".join(found.notes)


def test_there_are_enough_files_of_enough_vendors():
    assert len(CASES) >= 60
    assert len({case.vendor.split(",")[0] for case in CASES}) >= 12
    assert len({(case.vendor, case.name, case.holdings) for case in CASES}) == len(CASES)


def test_the_table_in_the_docs_is_current():
    """Made by ``python tests/faults/vendor_files.py``."""
    assert vendor_files.PAGE.read_text(encoding="utf-8") == vendor_files.page()


@pytest.mark.parametrize("kind", [".csv", ".parquet"])
def test_a_wide_file_of_iso_dates_needs_no_words(kind, tmp_path):
    frame = vendor_files.frame()
    path = tmp_path / f"p{kind}"
    frame.to_csv(path) if kind == ".csv" else frame.to_parquet(path)
    assert load_panel(path).notes == ()


def test_without_openpyxl_a_workbook_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "p.xlsx").write_bytes(b"PK")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"pip install \"riskengine\[excel\]\""):
        load_panel(tmp_path / "p.xlsx")


def test_volumes_beside_prices_are_traded_values(tmp_path):
    (tmp_path / "A.csv").write_text("\n".join(vendor_files.ohlcv()) + "\n")
    value = load_volume(tmp_path / "A.csv")["A"]
    np.testing.assert_allclose(value, np.array(vendor_files.AAPL) * vendor_files.VOLUME)


@settings(max_examples=150)
@given(
    st.binary(max_size=60)
    | st.lists(
        st.lists(
            st.sampled_from(
                ["Date", "Close", "A", "Ticker", "2024-01-02", "01/02/2024", "1.5", "1,5", "-", "", "x", "1.234"]
            ),
            min_size=1, max_size=4,
        ),
        max_size=5,
    ).flatmap(lambda rows: st.sampled_from([",", ";", "\t"]).map(lambda mark: "\n".join(map(mark.join, rows)).encode()))
)  # fmt: skip
@example(b",\0\nDate\nDate\n\0,\0")  # a header of rows of different lengths
def test_any_file_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    try:
        panel = load_panel(path)
    except RiskEngineError:
        return
    assert panel.dates.is_monotonic_increasing
    values = panel.prices.to_numpy()
    assert np.all(np.isnan(values) | (values > 0))


@pytest.mark.parametrize(
    ("cells", "delimiter", "wanted"),
    [
        (["1,5", "2"], ";", ","), (["1,234.5"], ",", "."), (["1.234,5"], ";", ","), (["1,234,567"], ";", "."),
        (["0,123", "1,234"], ";", ","), (["1.234", "5.678"], ",", "."), (["1.5", "1,5"], ";", ""),
    ],
)  # fmt: skip
def test_the_decimal_mark_is_what_the_whole_file_says(cells, delimiter, wanted):
    assert convention(cells, delimiter) == (wanted, None if wanted else cells[1])
