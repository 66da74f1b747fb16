"""Every command on a terminal of eighty columns: nothing is cut or sticks out, and its last line says what is next."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from riskengine.cli import app
from riskengine.cli.next_step import NEXT, next_step

ROOT = Path(__file__).parents[1]
LONG = {"demo", "pretrain"}
"""Commands that take minutes: of them only the line itself is tested."""
RATES = "strike,maturity,forward,volatility\n" + "".join(
    f"{k}%,1,-0.2%,{v}\n"
    for k, v in ((-1, 0.0086), (-0.5, 0.0083), (-0.2, 0.0081), (0.1, 0.008), (0.5, 0.0081))
)
TERMS = """
[underlying]
spot = 100
rate = 0.03
[model]
name = "black-scholes"
volatility = 0.2
[product]
name = "barrier"
strike = 100
barrier = 130
maturity = 0.5
fixings = 2
[simulation]
paths = 2048
"""


def names(commands, before=""):
    for name, command in commands.items():
        yield from names(command.commands, f"{name} ") if hasattr(command, "commands") else [before + name]


ALL = set(names(typer.main.get_command(app).commands))


@pytest.fixture
def folder(prices, tmp_path, monkeypatch):
    """Files for every command, with a name that is longer than others."""
    monkeypatch.chdir(tmp_path)
    prices.rename(columns={"A": "A.LONG-NAME"}).to_csv("prices.csv")
    prices.iloc[-3:, :3].to_csv("day.csv")
    Path("holdings.csv").write_text("asset,quantity\nA.LONG-NAME,100\nB,50\nCASH,1000\n")
    Path("limits.toml").write_text("limits = { drawdown = 0.01, weight = 0.9 }\nlot = { '*' = 5 }\n")
    forecast = pd.DataFrame({"return": 0.01 * np.random.default_rng(3).standard_normal(300), "var": 0.0233})
    forecast.to_csv("forecasts.csv", index_label="date")
    Path("rates.csv").write_text(RATES)
    Path("terms.toml").write_text(TERMS)
    return tmp_path


DESK = "--prices prices.csv --holdings holdings.csv --limits limits.toml"
WALK = "--prices prices.csv --train 300 --step 300"
STRATEGY = ROOT / "strategies" / "equal_weight.py"
RUNS = {  # each with what has to be run before it
    "audit": ["audit prices.csv"],
    "backtest": [f"backtest {STRATEGY} {WALK}"],
    "calibrate": ["calibrate --prices prices.csv --method arch --window 300"],
    "init": ["init mine"],
    "limits": ["limits limits.toml"],
    "price": ["price terms.toml"],
    "rebalance": [f"rebalance {STRATEGY} {DESK} --window 600"],
    "report": [f"backtest {STRATEGY} {WALK}", "report out"],
    "scenarios": ["scenarios"],
    "smile": ["smile rates.csv --normal --beta 0"],
    "store add": ["store add day.csv"],
    "store show": ["store add day.csv", "store show"],
    "store withdraw": ["store add day.csv", "store withdraw A {day}"],
    "stress": [f"stress {DESK} --paths 300 --horizon 3"],
    "sweep": [f"sweep {STRATEGY} {WALK} --jobs 1"],
    "validate": ["validate forecasts.csv --draws 199"],
}
SHARED = {"archive", "brinson", "holdings", "reduction", "risk", "watch"}
"""Commands that their own tests run."""


def shown(text: str) -> list[str]:
    """The lines that stay on a terminal, without colours."""
    lines = [re.split(r"\x1b\[2K", line)[-1] for line in text.split("\n")]
    return [line for line in (re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\r", "", one) for one in lines) if line.strip()]


@pytest.mark.parametrize("name", RUNS)
def test_a_command_fits_eighty_columns_and_ends_with_what_is_next(
    name, folder, quick_command, prices, monkeypatch
):
    from riskengine import backtest

    monkeypatch.setattr(backtest, "standard_benchmarks", lambda *settings, **more: ())
    monkeypatch.setattr(backtest, "RiskMonitor", lambda *settings, **more: None)
    monkeypatch.setenv("COLUMNS", "80")
    *before, last = (line.format(day=f"{prices.index[-1]:%Y-%m-%d}").split() for line in RUNS[name])
    for words in before:
        assert quick_command(*words)[0] == 0
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich this is a terminal
    code, text, _ = quick_command(*last)
    lines = shown(text)
    assert code in (0, 3)
    assert lines[-1].startswith("Next: " + NEXT[name].partition("{")[0])
    assert [line for line in lines[:-1] if len(line.rstrip()) > 80] == []
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_nothing_of_it_goes_into_pipes_and_json(quick_command, monkeypatch):
    assert "Next:" not in quick_command("limits")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "Next:" in quick_command("limits")[1]
    assert "Next:" not in "".join(map(str, quick_command("limits", "--json")))


def test_every_command_has_its_line_and_no_other_has():
    assert set(NEXT) <= ALL
    assert set(RUNS) | SHARED | LONG <= set(NEXT)


def test_lines_name_what_was_given():
    given = {"strategy": "mine.py", "prices": Path("a b.csv"), "holdings": None, "out": Path("out")}
    assert next_step("backtest", given).startswith("riskengine rebalance mine.py --prices")
    assert next_step("stress", given).endswith("a b.csv'")
    bundled = {"strategy": "x", "prices": ROOT / "data" / "us_equities_100" / "prices.parquet"}
    assert next_step("backtest", bundled) == "riskengine rebalance x --prices us_equities_100 --holdings FILE"
    assert next_step("of a later version", {}) == "riskengine --help, the other commands"
