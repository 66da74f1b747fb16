"""Shorts in a stress test: weights, wealth and replayed losses against a plain loop over positions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from riskengine.desk import StressSettings, read_holdings, stress_test
from riskengine.errors import DataError
from riskengine.risk import Simulation

BOOK = {"A": 130.0, "B": -70.0, "C": 12.5, "D": -3.0}
CASH = 9000.0


def written(tmp_path, book=BOOK, cash=CASH):
    path = tmp_path / "book.csv"
    path.write_text("asset,quantity\n" + "".join(f"{k},{v}\n" for k, v in book.items()) + f"CASH,{cash}\n")
    return path


def test_wealth_and_weights_are_those_of_a_loop(prices, tmp_path):
    held = read_holdings(written(tmp_path), tuple(prices.columns), shorts=True)
    last = prices.iloc[-1]
    wealth = CASH
    for name, units in BOOK.items():
        wealth += units * last[name]
    assert held.wealth(last.to_numpy()) == pytest.approx(wealth, rel=1e-14)
    for name, weight in zip(prices.columns, held.weights(last.to_numpy()), strict=True):
        assert weight == pytest.approx(BOOK.get(name, 0.0) * last[name] / wealth, rel=1e-13)


def test_a_stress_test_of_a_book_with_shorts(quick_command, prices, tmp_path):
    file, book = tmp_path / "p.csv", written(tmp_path)
    prices.iloc[:640].to_csv(file, index_label="date")
    limits = tmp_path / "limits.toml"
    limits.write_text("[limits]\nweight = 0.3\n")
    out = tmp_path / "out"
    status, _, said = quick_command(
        "stress", "--prices", file, "--holdings", book, "--limits", limits, "--out", out, "--paths", 500
    )
    content = json.loads((out / "stress.json").read_text())
    table = prices.iloc[:640]
    wealth = CASH + sum(units * table.iloc[-1][name] for name, units in BOOK.items())
    (largest,) = [row for row in content["limits"] if row["name"] == "weight"]
    wanted = max(abs(units * table.iloc[-1][name]) / wealth for name, units in BOOK.items())
    assert largest["value"] == pytest.approx(wanted, rel=1e-12)
    assert status == (3 if wanted > 0.3 or content["flags"] else 0), said
    base = content["scenarios"][0]
    assert base["cvar_99"] >= base["var_99"] > 0
    # A holding that is short loses where the asset gains: the drivers of all paths add up to the mean loss.
    assert set(base["drivers"]) <= set(BOOK)
    assert sum(base["drivers"].values()) == pytest.approx(base["cvar_99"], rel=1e-4)


def test_a_mirrored_book_loses_what_the_book_gains(quick_command, prices, tmp_path):
    """Replayed and simulated by the same paths, minus the weights is minus the outcome, whatever the cash."""
    file = tmp_path / "p.csv"
    prices.iloc[:640].to_csv(file, index_label="date")
    last, found = prices.iloc[639], {}
    for sign in (1, -1):
        units = {name: sign * 0.2 * 1000 / last[name] for name in "AB"}
        folder = tmp_path / str(sign)
        folder.mkdir()
        book = written(folder, units, 1000 * (1 - sign * 0.4))
        status, _, said = quick_command(
            "stress", "--prices", file, "--holdings", book, "--out", folder, "--paths", 500
        )
        assert status in (0, 3), said
        found[sign] = json.loads((folder / "stress.json").read_text())["scenarios"][0]
    assert found[1]["loss_median"] == pytest.approx(-found[-1]["loss_median"], abs=1e-5)
    assert not np.isclose(found[1]["cvar_99"], found[-1]["cvar_99"], rtol=1e-3)


def test_what_is_still_refused(quick_command, prices, tmp_path):
    file = tmp_path / "p.csv"
    prices.iloc[:640].to_csv(file, index_label="date")
    with pytest.raises(DataError, match="`riskengine stress` and `rebalance` take them"):
        read_holdings(written(tmp_path), tuple("ABCDEF"))
    broke = written(tmp_path, {"A": -100.0}, 10.0)
    status, _, said = quick_command("stress", "--prices", file, "--holdings", broke, "--out", tmp_path / "o")
    assert status == 1
    assert "more is owed than held" in said


def test_a_replayed_episode_is_a_loop_over_positions(bundled, fixed_shape, tmp_path):
    """March 2020 as it was: each position, long or short, carried from close to close, in money of today."""
    panel = bundled.between("2019-06-03", "2020-06-30")
    held = read_holdings(
        written(tmp_path, {"AAPL": 40.0, "XOM": -55.0, "JPM": -10.0}, 5000.0), panel.assets, True
    )
    last = panel.prices.iloc[-1].to_numpy()
    test = stress_test(panel, held.weights(last), fixed_shape, StressSettings(Simulation(paths=200)))
    (found,) = [outcome for outcome in test.outcomes if outcome.name == "2020 March, as it was"]
    # The episode begins at the close before its first day.
    days = panel.dates
    begin = int(days.searchsorted(np.datetime64("2020-02-20"))) - 1
    end = int(days.searchsorted(np.datetime64("2020-03-23")))
    money = 0.0
    for name, units in (("AAPL", 40.0), ("XOM", -55.0), ("JPM", -10.0)):
        closes = panel.prices[name].to_numpy()
        value = units * closes[-1]
        for day in range(begin + 1, end + 1):
            value *= closes[day] / closes[day - 1]
        money += value - units * closes[-1]
    assert float(found.losses[0]) * held.wealth(last) == pytest.approx(-money, rel=1e-6)


def test_a_stream_takes_no_book_of_several_currencies_or_futures(tmp_path):
    path = tmp_path / "book.csv"
    for text, said in (
        ("Symbol,Quantity,Currency\nA,1,EUR\nB,1,USD\n", "positions in EUR, USD"),
        ("Symbol,Quantity,Multiplier\nA,1,50\n", "'A' with a multiplier"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=said):
            read_holdings(path, tuple("ABCDEF"))
