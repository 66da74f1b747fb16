"""`riskengine holdings` from a broker's file to its page, and what each exit status says."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from riskengine.cli import FLAGGED

NASTY = "<script>alert(1)</script>"


@pytest.fixture
def files(tmp_path):
    days = pd.bdate_range("2024-01-01", periods=40)
    table = pd.DataFrame({"SAP": 100.0, "XOM": 50.0, "EURUSD": 1.25}, days)
    table.to_csv(tmp_path / "prices.csv", index_label="date")
    table.loc[days[-12:], "XOM"] = np.nan
    table.to_csv(tmp_path / "stale.csv", index_label="date")
    (tmp_path / "good.csv").write_text(
        "Account,Symbol,Quantity,Currency\nA,SAP,10,EUR\nB,XOM,-5,USD\nB,CASH,1000,USD\n"
    )
    (tmp_path / "bad.csv").write_text(
        f"Account,Symbol,Quantity,Price,Currency\n{NASTY},SAP,10,,EUR\nB,{NASTY},5,7,EUR\nB,FOO,5,,EUR\n"
    )
    return tmp_path


def test_a_clean_book_ends_with_zero_and_its_totals(command, files):
    given = (
        "holdings",
        files / "good.csv",
        "--prices",
        files / "prices.csv",
        "--base",
        "eur",
        "--out",
        files / "out",
    )
    code, text, _ = command(*given, "--json")
    content = json.loads(text)
    assert code == 0
    assert content == json.loads((files / "out" / "holdings.json").read_text())
    assert content["total"]["wealth"] == pytest.approx(1000 - 250 * 0.8 + 1000 * 0.8)
    assert content["accounts"]["B"]["leverage"] == pytest.approx(200 / 600)
    code, text, _ = command(*given)
    assert code == 0
    assert "1,600.00" in text
    assert "All in EUR" in (files / "out" / "holdings.html").read_text()


def test_what_needs_a_look_ends_with_three_and_names_are_text(command, files):
    code, text, _ = command(
        "holdings", files / "bad.csv", "--prices", files / "prices.csv", "--out", files / "out"
    )
    assert code == FLAGGED
    assert "FOO in account B: 5 held and no price in the prices or the file" in " ".join(text.split())
    page = (files / "out" / "holdings.html").read_text()
    assert NASTY not in page
    assert "&lt;script&gt;" in page
    code, text, _ = command(
        "holdings",
        files / "good.csv",
        "--prices",
        files / "stale.csv",
        "--base",
        "EUR",
        "--out",
        files / "out",
    )
    assert code == FLAGGED
    assert "XOM in account B: stale, no price for 12 closes" in " ".join(text.split())


def test_what_is_missing_is_one_line_with_the_remedy(command, files):
    for given, said in (
        (("--prices", files / "prices.csv"), "--base EUR"),
        (("--prices", files / "prices.csv", "--base", "GBP"), "add a column EURGBP to the prices"),
        (("--prices", files / "prices.csv", "--base", "XYZ"), "'XYZ' is no currency"),
        (("--book", files / "nothing.toml"), "nothing.toml"),
    ):
        code, _, err = command("holdings", files / "good.csv", *given)
        assert code == 1
        assert err.count("\n") == 1
        assert said in err


def test_the_example_of_a_book_loads(command, files):
    code, text, _ = command("holdings", "--example")
    assert code == 0
    (files / "book.toml").write_text(text)
    code, text, err = command(
        "holdings", files / "good.csv", "--prices", files / "prices.csv", "--book", files / "book.toml", "--json",
        "--out", files / "out",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(text)["base"] == "EUR"
    code, text, _ = command("holdings", "--schema")
    assert "hedged" in json.loads(text)["properties"]
