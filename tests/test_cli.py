"""The command line from end to end, as a user calls it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import riskengine
from riskengine import NeuralCalibrator, load_strategy
from riskengine.cli import app
from riskengine.portfolio.ask import ask, begin

ROOT = Path(__file__).parents[1]
BUNDLED = ROOT / "data" / "us_equities_20" / "prices.parquet"
STRATEGIES = sorted(path for path in (ROOT / "strategies").glob("*.py") if path.stem != "__init__")


@pytest.fixture
def run(command):
    return command


@pytest.fixture
def small(tmp_path) -> Path:
    """Two and a half years of the bundled prices as CSV."""
    path = tmp_path / "prices.csv"
    pd.read_parquet(BUNDLED).iloc[-640:, :6].to_csv(path)
    return path


COMMANDS = typer.main.get_command(app).commands


def test_the_help_lists_every_command_with_what_it_does():
    done = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exit_code == 0
    for name, command in COMMANDS.items():
        said = command.get_short_help_str(limit=200)
        assert said.endswith("."), f"{name}: a sentence"
        assert re.search(rf"{re.escape(name)}\s+{re.escape(said[:20])}", done.output), name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_explains_every_option_and_argument(name):
    done = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "300", "NO_COLOR": "1"})
    assert done.exit_code == 0
    text = " ".join(done.output.split())
    for parameter in COMMANDS[name].params:
        if parameter.name == "help":
            continue
        option = parameter.param_type_name == "option"
        shown = max(parameter.opts, key=len) if option else parameter.metavar or parameter.name.upper()
        assert shown.lower() in text.lower(), f"{name} {shown}"
        assert parameter.help, f"{name} {shown} is not explained"
        first = " ".join(parameter.help.split()[:3])
        assert first in text, f"{name} {shown}: {first}"


# Two whole runs: a strategy that is held to its budget, and one that wraps another and may hold cash. That every
# other file makes a backtest without looking ahead is shown in test_checkpoint.py, here that it decides.
WHOLE = ("min_variance", "steady_volatility")


@pytest.mark.parametrize("stem", WHOLE)
@pytest.mark.slow
def test_a_strategy_runs_from_prices_to_report(stem, run, tmp_path):
    out, strategy = tmp_path / "out", ROOT / "strategies" / f"{stem}.py"
    # As much history as the strategies look back on: windows of one length compile once.
    code, text, _ = run(
        "backtest", strategy, "--start", "2017-06-01", "--train", 1250, "--step", 63, "--out", out, "--json"
    )
    assert code == 0
    content = json.loads(text)
    assert len(content["summary"]) == 5
    for row in list(content["summary"].values())[1:]:
        assert row["reduction_low"] <= row["reduction"] <= row["reduction_high"]
    for name in ("report.html", "result.json", "returns.csv", "weights.csv"):
        assert (out / name).stat().st_size > 0
    weights = pd.read_csv(out / "weights.csv", index_col=0)
    invested = weights.sum(axis=1)
    if stem in MAY_HOLD_CASH:
        assert invested.between(0, 1 + 1e-6).all()
    else:
        np.testing.assert_allclose(invested, 1, atol=1e-6)


MAY_BE_SHORT = ("long_short",)
MAY_HOLD_CASH = ("drawdown_overlay", "steady_volatility", "target_volatility")


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_every_strategy_decides_on_the_bundled_prices(path, bundled):
    """With its own settings, on as much history as it looks back on, and once more from what it then holds."""
    view = bundled.view(len(bundled.dates) - 1, window=1250)
    strategy = load_strategy(path)
    first, state = ask(strategy, begin(strategy, view), view, np.zeros(len(view.assets)))
    again, _ = ask(strategy, state, view, first.weights)
    for decision in (first, again):
        assert decision.status == "ok"
        assert (decision.weights >= 0).all() or path.stem in MAY_BE_SHORT
        if path.stem != "equal_weight":
            assert decision.weights.max() <= 0.2 + 1e-6
            assert 0.02 < np.sqrt(252 * decision.covariance.variance(decision.weights)) < 0.5
        invested = decision.weights.sum()
        assert invested == pytest.approx(1, abs=1e-6) or (path.stem in MAY_HOLD_CASH and 0.2 < invested < 1)


@pytest.mark.slow
def test_backtest_then_report_show_tables(run, small, tmp_path):
    out = tmp_path / "out"
    strategy = ROOT / "strategies" / "equal_weight.py"
    code, text, _ = run("backtest", strategy, "--prices", small, "--train", 580, "--step", 21, "--out", out)
    assert code == 0
    for word in ("equal weight", "static Ledoit-Wolf", "legacy GARCH", "interval", "VaR"):
        assert word in text
    code, text, _ = run("report", out)
    assert code == 0
    assert "provenance" in json.loads((out / "result.json").read_text())
    assert "legacy GARCH" in text
    code, text, _ = run("report", out, "--json")
    assert json.loads(text)["strategy"] == "equal weight"


EQUAL = ROOT / "strategies" / "equal_weight.py"


def test_a_backtest_with_a_checkpoint_goes_on_only_when_asked(run, small, tmp_path, monkeypatch):
    """And the options of calendar, universe, cash and band reach the walk-forward."""
    from riskengine import backtest

    monkeypatch.setattr(backtest, "standard_benchmarks", lambda *settings, **more: ())
    monkeypatch.setattr(backtest, "RiskMonitor", lambda *settings, **more: None)
    options = (
        "--prices",
        small,
        "--train",
        300,
        "--step",
        "quarter",
        "--cash",
        "0.02",
        "--band",
        "0.5",
        "--top",
        4,
    )
    kept = ("--checkpoint", tmp_path / "run", "--json")
    code, first, _ = run("backtest", EQUAL, *options, *kept, "--out", tmp_path / "a")
    assert code == 0
    assert "step='quarter'" in json.loads(first)["provenance"]["schedule"]
    weights = pd.read_parquet(tmp_path / "a" / "targets.parquet")
    assert (weights > 0).sum(axis=1).eq(4).all()
    assert weights.index.to_period("Q").is_unique
    code, _, err = run("backtest", EQUAL, *options, *kept, "--out", tmp_path / "b")
    assert code == 1
    assert "add --resume" in err
    code, second, _ = run("backtest", EQUAL, *options, *kept, "--out", tmp_path / "b", "--resume")
    assert code == 0
    assert second == first
    code, _, err = run("backtest", EQUAL, *options[:-1], 5, *kept, "--resume")
    assert code == 1
    assert "schedule differs" in err


@pytest.mark.slow
def test_a_sweep_shows_its_table_and_is_not_run_twice(run, small, tmp_path):
    arguments = ("sweep", EQUAL, "--set", "min_history=100,310", "--prices", small, "--top", 3, "--top", 6)
    arguments += ("--train", 300, "--step", "month", "--jobs", 1, "--out", tmp_path / "sweep")
    code, text, _ = run(*arguments, "--json")
    assert code == 3  # too little history for one of the cells, which begins in cash
    content = json.loads(text)
    assert [cell["fell_back"] > 0 for cell in content["cells"]] == [False, False, True] * 2
    assert len(content["cells"]) == 6
    assert content["failures"] == []
    assert len({cell["universe"] for cell in content["cells"]}) == 2
    assert all(0 <= cell["deflated_sharpe"] <= 1 for cell in content["cells"])
    assert content["cells"][0]["costs"][0]["rate"] == 0
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*.parquet")}
    code, text, _ = run(*arguments)
    assert code == 3
    assert "equal_weight min_history=310 (!)" in text
    assert "no asset is eligible" in text
    assert "equal_weight min_history=100" in text
    assert "Superior ability" in text
    assert times == {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*.parquet")}


@pytest.mark.parametrize("method", ["network", "mle", "arch"])
def test_calibrate_gives_a_row_an_asset(method, run, small, tmp_path):
    code, text, _ = run("calibrate", "--prices", small, "--method", method, "--window", 600, "--json")
    assert code == 0
    rows = json.loads(text)
    assert [row["asset"] for row in rows] == list(pd.read_csv(small, index_col=0).columns)
    assert all(0 < row["beta"] < 1 and row["dof"] > 2 for row in rows)
    files = ("--out", tmp_path / "fit.csv", "--page", tmp_path / "fit.html")
    code, text, _ = run("calibrate", "--prices", small, "--method", method, *files)
    assert code == 0
    assert "persistence" in text
    table, page = pd.read_csv(tmp_path / "fit.csv"), (tmp_path / "fit.html").read_text()
    assert len(table) == 6
    assert all(
        f"<td>{row.asset}</td>" in page and f"{row.persistence:.4f}" in page for row in table.itertuples()
    )


def test_the_version_is_that_of_the_distribution():
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.output.strip() == riskengine.__version__ == version("riskengine")


def broken(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


HEADER = "date,A,B\n"
BAD_PRICES = {
    "empty file": ("", "empty"),
    "one column": ("date\n2024-01-01\n2024-01-02\n", "one column"),
    "text in a price": (HEADER + "2024-01-01,1,2\n2024-01-02,1,oops\n", "row 3, column B: 'oops'"),
    "unsorted dates": (
        HEADER + "2024-01-03,1,2\n2024-01-02,1,2\n2024-01-04,1,2\n",
        "row 3: 2024-01-02 comes after",
    ),
    "duplicate dates": (HEADER + "2024-01-03,1,2\n2024-01-03,1,2\n", "row 3: 2024-01-03 appears twice"),
    "negative price": (
        HEADER + "".join(f"2024-01-{day:02},1,2\n" for day in range(2, 20)) + "2024-01-22,-1,2\n",
        "price -1 of A on 2024-01-22",
    ),
    "not a date": (HEADER + "soon,1,2\n2024-01-03,1,2\n", "'soon' is not a date"),
    "duplicate asset": ("date,A,A\n2024-01-02,1,2\n", "column A appears more than once"),
    "header only": (HEADER, "no rows"),
    "too short": (HEADER + "2024-01-02,1,2\n2024-01-03,1,2\n", "too few"),
}


@pytest.mark.parametrize("name", BAD_PRICES)
def test_bad_prices_are_one_clear_line(name, run, tmp_path):
    text, message = BAD_PRICES[name]
    prices = broken(tmp_path, "prices.csv", text)
    code, out, err = run("backtest", ROOT / "strategies" / "equal_weight.py", "--prices", prices, "--json")
    assert code == 1
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("riskengine: ")
    assert message in err


BAD_STRATEGIES = {
    "syntax": ("def build(:\n", ":1: SyntaxError"),
    "name": ("x = 1\ny = z\n", ":2: NameError"),
    "no build": ("x = 1\n", "no build()"),
    "build fails": ("def build():\n    return 1 / 0\n", ":2: build() failed: ZeroDivisionError"),
    "not a strategy": ("def build():\n    return 3\n", "gave a int"),
    "infeasible": (
        "from riskengine import *\ndef build():\n    return OptimizedStrategy('x', SampleCovariance(300),"
        " constraints=Constraints(upper=0.1), window=300, fallback=False)\n",
        "budget = 1",
    ),
}


@pytest.mark.parametrize("name", BAD_STRATEGIES)
def test_a_strategy_file_with_an_error_is_one_clear_line(name, run, small, tmp_path):
    text, message = BAD_STRATEGIES[name]
    strategy = broken(tmp_path, "mine.py", text)
    code, _, err = run("backtest", strategy, "--prices", small, "--train", 300, "--json")
    assert code == 1
    assert err.strip().splitlines()[-1].startswith("riskengine: ")
    assert "Traceback" not in err
    assert message in err


def test_other_mistakes_are_one_clear_line(run, tmp_path):
    for arguments, message in (
        (("report", tmp_path), "no result.json"),
        (("backtest", tmp_path / "none.py"), "no strategy file"),
        (("calibrate", "--prices", tmp_path / "none.csv"), "no file"),
        (("calibrate", "--window", "-3"), "window"),
        (("backtest", EQUAL, "--resume"), "--checkpoint DIR"),
        (("backtest", EQUAL, "--step", "year"), "week, month, quarter"),
        (("backtest", EQUAL, "--cash", "none.csv"), "no file none.csv"),
        (("sweep", EQUAL, "--set", "nothing=1"), "takes the setting nothing"),
        (("sweep", "--grid", tmp_path / "none.toml"), "no file"),
        (("sweep", tmp_path / "none.py"), "no strategy file"),
        (("pretrain", "--steps", "0", "--out", tmp_path), "at least one step"),
    ):
        code, _, err = run(*arguments)
        assert code == 1
        assert message in err
        assert err.count("\n") == 1


@pytest.mark.slow
def test_odd_assets_are_flagged_and_the_run_goes_on(run, tmp_path):
    prices = pd.read_parquet(BUNDLED).iloc[-640:, :8].astype(float)
    prices["PEP"] = np.nan
    prices["EMPTY"] = np.nan
    prices["FLAT"] = 10.0
    prices["NEW"] = prices["KO"] if "KO" in prices else prices.iloc[:, 0]
    prices.loc[prices.index[:-30], "NEW"] = np.nan
    prices.iloc[400:, 0] *= 1.8  # a jump of twenty standard deviations or so
    path = tmp_path / "odd.parquet"
    prices.to_parquet(path)
    code, text, _ = run(
        "backtest",
        ROOT / "strategies" / "min_variance.py",
        "--prices",
        path,
        "--train",
        580,
        "--step",
        25,
        "--out",
        tmp_path,
        "--json",
    )
    assert code == 0
    assert json.loads(text)["summary"]["minimum variance"]["volatility"] > 0
    weights = pd.read_csv(tmp_path / "weights.csv", index_col=0)
    assert (weights[["EMPTY", "FLAT", "PEP", "NEW"]] == 0).all(axis=None)
    code, text, _ = run("calibrate", "--prices", path, "--window", 600, "--json")
    status = {row["asset"]: row["status"] for row in json.loads(text)}
    assert status["EMPTY"] == "fallback: no data"
    assert status["FLAT"] == "fallback: constant price"
    assert status["NEW"] == "fallback: too short"
    assert status[prices.columns[0]] == "outlier"


@pytest.mark.slow
def test_pretrain_writes_weights(run, tmp_path, monkeypatch):
    """With the shipped weights for those that training would end with."""
    from riskengine.calibration.training import loop, pretraining

    quick = partial(loop.Training, series=256, minibatch=64, lengths=(100,))
    monkeypatch.setattr(loop, "Training", quick)
    shipped = {robust: NeuralCalibrator.pretrained(robust=robust).trained.stages for robust in (False, True)}
    monkeypatch.setattr(
        pretraining, "train", lambda training, *_, **__: shipped[training.contaminants is not None]
    )
    short = partial(pretraining.pretrain, series=16, lengths=(250,), width_lengths=(250,))
    monkeypatch.setattr(pretraining, "pretrain", short)
    code, text, _ = run("pretrain", "--steps", 12, "--out", tmp_path / "w", "--json")
    assert code == 0
    assert json.loads(text)["plain"]["training"]["steps"] == 12
    assert (tmp_path / "w" / "robust" / "weights.npz").exists()
    code, text, _ = run("pretrain", "--steps", 12, "--out", tmp_path / "w")
    assert "persistence" in text


@pytest.mark.slow
def test_the_installed_command_runs():
    command = Path(sys.executable).parent / "riskengine"
    done = subprocess.run(
        [command, "--help"], capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"}
    )
    assert done.returncode == 0
    assert "backtest" in done.stdout
