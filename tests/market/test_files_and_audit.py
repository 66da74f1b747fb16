from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from riskengine import load_panel
from riskengine.errors import DataError
from riskengine.files import sha256, write_atomically
from riskengine.market import audit_prices, save_prices


def kinds(prices):
    return {(finding.kind, finding.asset) for finding in audit_prices(prices)}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_saved_is_loaded(suffix, prices, tmp_path):
    gappy = prices.copy()
    gappy.iloc[3:5, 2] = np.nan
    path = save_prices(gappy, tmp_path / f"prices{suffix}")
    again = load_panel(path)
    assert again.assets == tuple("ABCDEF")
    np.testing.assert_allclose(again.prices.to_numpy(), gappy.to_numpy(), rtol=1e-15)


def test_empty_cells_and_names_for_missing_are_missing(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("date,A,B\n2024-01-01,1,\n2024-01-02,NaN,2\n2024-01-03, 3 ,NA\n")
    panel = load_panel(path)
    assert panel.prices.isna().to_numpy().tolist() == [[False, True], [True, False], [False, True]]


def test_dates_in_the_first_column_of_a_parquet_file(prices, tmp_path):
    path = tmp_path / "p.parquet"
    prices.rename_axis("when").reset_index().to_parquet(path)
    assert load_panel(path).dates.equals(pd.DatetimeIndex(prices.index))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.txt", b"date,A\n", "read from .csv or .parquet"),
        ("p.parquet", b"not parquet at all", "not a Parquet file"),
        ("p.csv", b"\xff\xfe\x00date", "not UTF-8"),
        ("p.csv", b"x,A\n1,2\n3,4\n", "not a date"),
        ("p.csv", b"date,A\n2024-01-01,1,9\n2024-01-02,1\n", "."),
    ],
)
def test_files_that_are_not_what_they_seem(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_panel(path)


def test_text_in_a_parquet_price_names_row_and_column(tmp_path):
    path = tmp_path / "p.parquet"
    dates = pd.bdate_range("2024-01-01", periods=2)
    pd.DataFrame({"A": ["1.0", "oops"], "B": [1.0, 2.0]}, dates).to_parquet(path)
    with pytest.raises(DataError, match="row 2, column A: 'oops'"):
        load_panel(path)


def test_the_audit_names_what_looks_wrong():
    dates = pd.bdate_range("2024-01-01", periods=60)
    rng = np.random.default_rng(0)
    fine = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(60)))
    split, jump, stale, gap = fine.copy(), fine.copy(), fine.copy(), fine.copy()
    split[30:] /= 3
    jump[30:] *= 1.71
    stale[20:35] = stale[20]
    gap[10:13] = np.nan
    late, early = np.where(np.arange(60) < 25, np.nan, fine), np.where(np.arange(60) > 40, np.nan, fine)
    table = pd.DataFrame(
        {
            "fine": fine, "split": split, "jump": jump, "stale": stale, "gap": gap, "late": late, "early": early,
            "empty": np.nan, "flat": 7.0, "negative": np.where(np.arange(60) == 5, -1.0, fine),
        },
        dates,
    )  # fmt: skip
    found = kinds(table)
    assert found >= {
        ("possible_split", "split"),
        ("large_move", "jump"),
        ("stale_run", "stale"),
        ("gap", "gap"),
        ("late_listing", "late"),
        ("early_end", "early"),
        ("no_prices", "empty"),
        ("constant_price", "flat"),
        ("non_positive_price", "negative"),
    }
    assert not {asset for _, asset in found} & {"fine"}
    messy = table[["fine"]].iloc[[0, 2, 1, 2]]
    assert {kind for kind, _ in kinds(messy)} >= {"duplicate_date", "unsorted_date"}
    assert "1:3" in next(f.detail for f in audit_prices(table[["split"]]))


def test_the_bundled_prices_are_what_their_page_says(bundled):
    assert bundled.prices.shape == (8313, 20)
    assert f"{bundled.dates[0]:%F} {bundled.dates[-1]:%F}" == "1990-01-02 2022-12-28"
    assert not bundled.prices.isna().any(axis=None)
    serious = {"duplicate_date", "unsorted_date", "non_positive_price", "no_prices", "gap"}
    assert not {finding.kind for finding in bundled.audit()} & serious


def test_files_are_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]
    assert sha256(path) == hashlib.sha256(b"old").hexdigest()
