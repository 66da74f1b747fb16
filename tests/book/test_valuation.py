"""Value and exposure of a book against a plain loop in decimals, and what is never valued in silence."""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.book import CashBalance, FxRates, Kind, Position, PositionBook, value_book
from riskengine.errors import DataError

CENT = Decimal("0.01")
CURRENCIES = ("EUR", "USD", "GBP", "JPY")
COLUMNS = {"EURUSD": "1.0843", "GBPUSD": "1.2671", "USDJPY": "147.32"}


def rates_of(columns=COLUMNS, base="EUR"):
    days = pd.bdate_range("2024-01-01", periods=2)
    return FxRates.of(pd.DataFrame({name: [1.0, float(x)] for name, x in columns.items()}, days), base)


def large_book():
    """Three hundred lines in four currencies and two accounts, as text: what the loop reads."""
    rng = np.random.default_rng(11)
    rows = []
    for k in range(300):
        future = k % 15 == 0
        rows.append(
            {
                "symbol": f"S{k % 200}",
                "account": "one" if k < 200 else "two",
                "quantity": str(
                    int(rng.integers(-40, 40) or 7) if future else round(float(rng.normal(800, 1500)), 3)
                ),
                "price": str(round(float(np.exp(rng.normal(4, 1))), 4)),
                "currency": CURRENCIES[k % 4],
                "multiplier": str(int(rng.choice([5, 50, 1000]))) if future else "1",
                "kind": "future" if future else "fund" if k % 7 == 0 else "equity",
                "accrued": str(round(float(rng.normal(0, 40)), 2)) if k % 9 == 0 else "0",
            }
        )
    cash = [
        (account, currency, str(round(float(rng.normal(10_000, 30_000)), 2)))
        for account in ("one", "two")
        for currency in CURRENCIES
    ]
    return rows, cash


def test_a_book_of_three_hundred_lines_is_worth_what_a_loop_in_decimals_says():
    getcontext().prec = 50
    rows, cash = large_book()
    book = PositionBook(
        tuple(
            Position(
                row["symbol"],
                float(row["quantity"]),
                float(row["price"]),
                row["currency"],
                row["account"],
                float(row["multiplier"]),
                Kind(row["kind"]),
                accrued=float(row["accrued"]),
            )
            for row in rows
        ),
        tuple(CashBalance(float(amount), currency, account) for account, currency, amount in cash),
        "EUR",
    )
    found = value_book(book, None, rates_of())
    dollars = Decimal(1) / Decimal(COLUMNS["EURUSD"])
    into_euros = {
        "EUR": Decimal(1),
        "USD": dollars,
        "GBP": Decimal(COLUMNS["GBPUSD"]) * dollars,
        "JPY": dollars / Decimal(COLUMNS["USDJPY"]),
    }
    names = ("value", "cash", "accrued", "long", "short")
    loop = {account: dict.fromkeys(names, Decimal(0)) for account in ("one", "two", "all")}
    for row in rows:
        rate = into_euros[row["currency"]]
        exposure = Decimal(row["quantity"]) * Decimal(row["price"]) * Decimal(row["multiplier"]) * rate
        for account in (row["account"], "all"):
            sums = loop[account]
            if row["kind"] != "future":
                sums["value"] += exposure
            sums["accrued"] += Decimal(row["accrued"]) * rate
            sums["long" if exposure > 0 else "short"] += abs(exposure)
    for account, currency, amount in cash:
        for name in (account, "all"):
            loop[name]["cash"] += Decimal(amount) * into_euros[currency]
    assert not found.unpriced
    for account, totals in (*found.accounts.items(), ("all", found.total)):
        said = loop[account]
        for name in names:
            assert Decimal(getattr(totals, name)).quantize(CENT) == said[name].quantize(CENT), (account, name)
        wealth = said["value"] + said["cash"] + said["accrued"]
        assert Decimal(totals.wealth).quantize(CENT) == wealth.quantize(CENT)
        assert Decimal(totals.gross).quantize(CENT) == (said["long"] + said["short"]).quantize(CENT)
        assert totals.leverage == pytest.approx(float((said["long"] + said["short"]) / wealth), rel=1e-12)
    for group in ("account", "currency", "kind"):
        parts = found.by(group).values()
        assert sum(part.wealth for part in parts) == pytest.approx(found.total.wealth, rel=1e-12)
        assert sum(part.gross for part in parts) == pytest.approx(found.total.gross, rel=1e-12)


@settings(max_examples=10)
@given(st.permutations(CURRENCIES), st.floats(0.2, 5), st.floats(0.2, 5), st.floats(50, 200))
def test_wealth_in_another_base_is_wealth_times_its_rate(codes, euro, pound, yen):
    columns = {"EURUSD": euro, "GBPUSD": pound, "USDJPY": yen}
    lines = tuple(Position(f"A{k}", 10.0 * (k - 1), 7.0 + k, code) for k, code in enumerate(codes))
    values = {}
    for base in CURRENCIES:
        rates = rates_of(columns, base)
        values[base] = value_book(PositionBook(lines, (), base), None, rates).total.wealth
        for other in CURRENCIES:  # every way round comes back to where it began
            assert rates.rate(other) * rates_of(columns, other).rate(base) == pytest.approx(1, rel=1e-12)
    assert values["EUR"] * rates_of(columns, "USD").rate("EUR") == pytest.approx(values["USD"], abs=1e-9)


def test_a_currency_without_a_rate_is_an_error_that_says_what_to_add():
    book = PositionBook((Position("A", 1, 5.0, "SEK"), Position("B", 1, 5.0, "NOK")), base="EUR")
    with pytest.raises(
        DataError, match=r"no exchange rate of SEK into EUR: add a column SEKEUR .* none of NOK"
    ):
        value_book(book, None, rates_of())
    found = value_book(book, None, FxRates("EUR", given={"SEK": 0.09, "NOK": 0.085}))
    assert found.total.wealth == pytest.approx(5 * 0.175)
    assert any("takes part in no risk" in note for note in found.notes)
    with pytest.raises(DataError, match="'XYZ' is no currency"):
        PositionBook((Position("A", 1, 5.0, "XYZ"),), base="EUR")


def test_what_has_no_price_is_in_no_total_and_flagged():
    book = PositionBook(
        (Position("A", 3), Position("B", -2, 5.0), Position("C", 1, 9.0)), (CashBalance(100.0),)
    )
    found = value_book(book, {"C": 10.0})
    assert [one.symbol for one in found.unpriced] == ["A"]
    assert found.total.wealth == 100 - 10 + 10
    flags = "\n".join(found.flags)
    assert "A: 3 held and no price in the prices or the file" in flags
    assert "B: no price in the price history" in flags
    assert "C: the file has a price of 9" in flags


def test_a_price_in_pence_beside_one_in_pounds_is_flagged():
    book = PositionBook((Position("VOD", 100, 0.75, "GBP"),), base="GBP")
    (flag,) = value_book(book, {"VOD": 75.0}).flags
    assert "in hundredths: GBX are pence" in flag


def test_stale_prices_and_rates_are_flagged():
    days = pd.bdate_range("2024-01-01", periods=12)
    fx = pd.DataFrame({"EURUSD": [1.1, *([np.nan] * 11)]}, days)
    book = PositionBook((Position("A", 3, currency="USD"),), base="EUR")
    found = value_book(book, {"A": 10.0}, FxRates.of(fx, "EUR"), {"A": 7})
    assert any("A: stale, no price for 7 closes" in flag for flag in found.flags)
    assert any("rate of USD into EUR is 11 closes old" in flag for flag in found.flags)


def test_one_symbol_twice_in_an_account_is_refused():
    with pytest.raises(DataError, match="held twice in account x"):
        PositionBook((Position("A", 1, account="x"), Position("A", 2, account="x")))
    assert PositionBook((Position("A", 1, account="x"), Position("A", 2, account="y"))).accounts == ("x", "y")
