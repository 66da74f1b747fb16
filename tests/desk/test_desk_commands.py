"""The commands of the desk from files to files, with a calibrator that costs nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from riskengine.cli import FLAGGED

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(quick_command):
    return quick_command


@pytest.fixture
def files(prices, tmp_path):
    prices.to_csv(tmp_path / "prices.csv")
    (tmp_path / "holdings.csv").write_text("asset,quantity\nA,100\nB,50\nCASH,1000\n")
    (tmp_path / "limits.json").write_text('{"limits": {"drawdown": 0.01}, "lot": 5}')
    return tmp_path


def test_rebalance_writes_its_files_and_flags_a_broken_limit(run, files):
    common = ("--prices", files / "prices.csv", "--holdings", files / "holdings.csv", "--out", files / "out")
    strategy = ROOT / "strategies" / "equal_weight.py"
    code, text, _ = run(
        "rebalance", strategy, *common, "--limits", files / "limits.json", "--window", 600, "--json"
    )
    assert code == FLAGGED
    content = json.loads(text)
    assert content == json.loads((files / "out" / "report.json").read_text())
    assert all(row["units"] % 5 == 0 for row in content["trades"])
    forms = ("--summary", "--xlsx", "--archive", files / "days")
    code, text, _ = run("rebalance", strategy, *common, "--asof", "2018-05-31", "--window", 600, *forms)
    assert code == 0, text
    assert "clean" in text
    assert (files / "out" / "report.txt").read_text().startswith("Rebalance: equal weight, 2018-05-31\n\n")
    assert (files / "out" / "report.xlsx").is_file()
    assert (files / "days" / "2018-05-31" / "report.json").read_bytes() == (
        files / "out" / "report.json"
    ).read_bytes()
    code, text, _ = run("archive", files / "days")
    assert (code, "index.html" in text) == (0, True)
    (files / "holdings.csv").write_text("asset,quantity\nQ,1\n")
    code, _, err = run("rebalance", strategy, *common)
    assert code == 1
    assert err.count("\n") == 1
    assert "no prices" in err


def test_stress_shows_its_scenarios(run, files):
    common = ("--prices", files / "prices.csv", "--paths", 300, "--horizon", 3, "--out", files / "stress")
    forms = ("--summary", "--archive", files / "days")
    code, text, _ = run("stress", *common, "--holdings", files / "holdings.csv", "--write-paths", *forms)
    assert code == 0
    assert "VaR 99%" in (files / "days" / "index.html").read_text()
    assert "volatility x 3" in text
    assert (files / "stress" / "paths.parquet").stat().st_size > 0
    code, text, _ = run("stress", *common, "--limits", files / "limits.json", "--filtered", "--json")
    assert code == FLAGGED
    assert json.loads(text)["reverse"][0]["loss"] == 0.1
    code, _, err = run("stress", *common, "--market", "-2")
    assert code == 1
    assert "market shock" in err


def test_validate_reads_a_table(run, tmp_path):
    returns = 0.01 * np.random.default_rng(3).standard_normal(600)
    path = tmp_path / "f.csv"
    rows = "\n".join(f"{k},{x!r},0.0196,0.02338" for k, x in enumerate(returns.tolist()))
    path.write_text("date,return,var,cvar\n" + rows)
    code, text, _ = run("validate", path, "--level", 0.975, "--draws", 199)
    assert (code, "no test rejects" in text) == (0, True)
    path.write_text("date,return,var\n" + rows.replace(",0.0196,0.02338", ",0.012"))
    code, text, _ = run("validate", path, "--level", 0.975, "--draws", 199, "--json")
    assert code == FLAGGED
    assert "unconditional coverage" in json.loads(text)["rejected"]
    for bad, message in (
        ("a,b\n1,2\n", "needs the columns"),
        ("return,var\nx,y\n", "not a table of numbers"),
    ):
        path.write_text(bad)
        code, _, err = run("validate", path)
        assert code == 1
        assert message in err


def test_watch_goes_on_where_it_was(run, files):
    common = ("watch", "--state", files / "state", "--prices", files / "prices.csv", "--window", 500)
    rows = "key,A,B\n1,0.01,0.02\n2,-0.01,\n"
    code, text, err = run(*common, given=rows)
    assert code == 0
    assert [json.loads(line)["row"] for line in text.splitlines()] == [1, 2]
    assert "2 taken" in err
    code, text, err = run(*common, given=rows + "3,0.0,0.0\n")
    assert [json.loads(line)["key"] for line in text.splitlines()] == ["3"]
    assert "2 duplicate" in err
