"""The risk of a book of several currencies and accounts, shorts and futures, against plain loops."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from riskengine.desk import Desk, RiskFiles, risk_report
from riskengine.errors import DataError
from riskengine.market import Panel


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """300 lines in four currencies, short and long, two accounts, futures; with rates of exchange and prices."""
    folder, rng = tmp_path_factory.mktemp("book"), np.random.default_rng(11)
    days, count = pd.bdate_range("2020-01-01", periods=320), 160
    market = 0.008 * rng.standard_normal((320, 1))
    moves = 0.7 * market + 0.012 * rng.standard_t(6, (320, count))
    names = [f"S{k:03d}" for k in range(count)]
    table = pd.DataFrame(50 * np.cumprod(1 + moves, axis=0), days, names)
    for pair, start in (("EURUSD", 1.1), ("EURJPY", 130.0), ("EURGBP", 0.87)):
        table[pair] = start * np.cumprod(1 + 0.004 * rng.standard_normal(320))
    code = {name: ("EUR", "USD", "JPY", "GBP")[k % 4] for k, name in enumerate(names)}
    lines, rows = [], ["Account,Symbol,Quantity,Currency"]
    for account in ("North", "South"):
        for name in names if account == "North" else names[:140]:
            units = float(rng.integers(-60, 200)) or 1.0
            lines.append((account, name, units))
            rows.append(f"{account},{name},{units:g},{code[name]}")
        for currency, amount in (("EUR", 400_000), ("USD", -20_000), ("JPY", 3e6)):
            rows.append(f"{account},CASH,{amount:g},{currency}")
    futures = set(names[:12])
    (folder / "book.csv").write_text("\n".join(rows) + "\n")
    said = {
        "base": "EUR",
        "kind": dict.fromkeys(futures, "future"),
        "multiplier": dict.fromkeys(futures, 25.0),
    }
    (folder / "book.json").write_text(json.dumps(said))
    groups = "".join(f"{name},{'abc'[k % 3]},{'xy'[k % 2]}\n" for k, name in enumerate(names))
    (folder / "labels.csv").write_text("asset,sector,country\n" + groups)
    return folder, table, code, lines, futures


@pytest.fixture(scope="module")
def book_report(book, fixed_shape):
    folder, table, *_ = book
    files = RiskFiles(folder / "book.csv", folder / "labels.csv", book=folder / "book.json")
    return risk_report(Panel(table), files, Desk(), fixed_shape, 300)


def test_a_book_of_300_lines_adds_up_by_every_grouping(book, book_report):
    (_, table, code, lines, futures), content = book, book_report
    assert len(lines) == 300
    last = table.iloc[-1]
    rate = {"EUR": 1.0, "USD": 1 / last["EURUSD"], "JPY": 1 / last["EURJPY"], "GBP": 1 / last["EURGBP"]}
    cash = 2 * (400_000 - 20_000 * rate["USD"] + 3e6 * rate["JPY"])
    wealth, by_account, by_currency, by_kind = cash, {}, {}, {}
    for account, name, units in lines:
        exposure = units * last[name] * rate[code[name]] * (25.0 if name in futures else 1.0)
        wealth += 0.0 if name in futures else exposure
        for sums, key in (
            (by_account, account), (by_currency, code[name]), (by_kind, "future" if name in futures else "equity"),
        ):  # fmt: skip
            sums[key] = sums.get(key, 0.0) + exposure
    for currency, amount in (("USD", -20_000), ("JPY", 3e6)):
        by_currency[currency] += 2 * amount * rate[currency]
        for account in by_account:
            by_account[account] += amount * rate[currency]
    assert content["wealth"] == pytest.approx(wealth, abs=0.005)
    found = content["attribution"]
    for kind, sums in (("account", by_account), ("currency", by_currency)):
        assert {row["name"]: row["weight"] for row in found[kind]} == pytest.approx(
            {name: value / wealth for name, value in sums.items()}, rel=1e-9
        )
    kinds = {row["name"]: row["weight"] for row in found["kind"]}
    assert kinds["future"] == pytest.approx(by_kind["future"] / wealth, rel=1e-9)
    figures = {row["name"]: row["value"] for row in content["figures"]}
    # Exposures are of positions, as in the value of the book; foreign money is risk and no exposure.
    for name in ("gross", "net", "long", "short"):
        assert figures[name] == pytest.approx(content["book"]["total"][name] / wealth, rel=1e-9)
    assert {"asset", "position", "account", "currency", "kind", "sector", "country"} == set(found)
    for rows in found.values():
        for name in ("volatility", "var_95", "var_99", "cvar_97.5"):
            assert sum(row[name] for row in rows) == pytest.approx(figures[name], abs=1e-10)
    for rows in content["factors"].values():
        assert sum(row["volatility"] for row in rows) == pytest.approx(figures["volatility"], abs=1e-10)


def test_a_what_if_in_a_book_is_paid_in_its_currency_and_account(book, book_report, fixed_shape):
    folder, table, code, _, futures = book
    name = next(one for one in code if code[one] == "USD" and one not in futures)
    (folder / "trades.csv").write_text(f"account,asset,units\nNorth,{name},100\n")
    common = {"holdings": folder / "book.csv", "book": folder / "book.json"}
    wanted = RiskFiles(**common, trades=folder / "trades.csv")
    content = risk_report(Panel(table), wanted, Desk(), fixed_shape, 300)
    bought = 100 * table[name].iloc[-1] / table["EURUSD"].iloc[-1]
    rows = {row["name"]: row for row in content["attribution"]["currency"]}
    # What was money in dollars is a share in dollars: only the cost has left.
    moved = (rows["USD"]["weight"] - rows["USD"]["weight_before"]) * content["wealth"]
    assert moved == pytest.approx(-0.0005 * bought, abs=1e-3 * bought)
    wealth = content["wealth"] + 0.0005 * bought
    assert book_report["wealth"] == pytest.approx(wealth, abs=0.005)
    (folder / "trades.csv").write_text(f"asset,units\n{name},100\n")
    with pytest.raises(DataError, match="name one for each trade"):
        risk_report(Panel(table), wanted, Desk(), fixed_shape, 300)


def test_volumes_of_other_currencies_are_brought_to_the_base(book, fixed_shape):
    folder, table, code, lines, futures = book
    names = [name for name in table.columns if name in code]
    traded = table[names] * 1000.0  # in the currency of each
    traded.to_csv(folder / "volume.csv", index_label="date")
    files = RiskFiles(folder / "book.csv", book=folder / "book.json", volume=folder / "volume.csv")
    content = risk_report(Panel(table), files, Desk(take=0.1), fixed_shape, 300)
    days = {row["name"]: row["days"] for row in content["liquidity"]["rows"]}
    assert set(days) == {name for _, name, _ in lines}
    assert not any("liquidity" in flag for flag in content["flags"])
    for name in ("S001", "S002", "S003", "S000"):  # dollars, yen, pounds, and a future in euros
        units = abs(sum(held for _, one, held in lines if one == name))
        wanted = units * table[name].iloc[-1] / (0.1 * traded[name].iloc[-21:].mean())
        assert days[name] == pytest.approx(wanted, rel=1e-9), (name, code[name], name in futures)
