"""Orders of a book: shorts, futures, restricted lists, several accounts and currencies, against plain loops."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.desk import Desk, Holdings, hold_book, rebalance
from riskengine.desk.account_orders import account_orders
from riskengine.desk.currency_cash import currency_cash
from riskengine.desk.orders import trade_list
from riskengine.errors import DataError, SettingsError
from riskengine.market import Panel
from riskengine.portfolio import Decision


@st.composite
def worlds(draw):
    """Holdings long and short, futures, two accounts; targets that need no loan; restricted lists."""
    n = draw(st.integers(2, 5))
    names = tuple(map(str, range(n)))
    numbers = lambda low, high: np.array(draw(st.lists(st.floats(low, high), min_size=n, max_size=n)))  # noqa: E731
    prices, lot = numbers(1, 300), draw(st.sampled_from([1, 10]))
    paid = np.array(draw(st.lists(st.sampled_from([True, True, False]), min_size=n, max_size=n)))
    multiplier = np.where(paid, 1.0, 5.0)
    parts = {}
    for name in ("one", "two"):
        units = np.array(draw(st.lists(st.integers(-30, 60), min_size=n, max_size=n)), float)
        value = float((units * prices * multiplier * paid).sum())
        parts[name] = Holdings(
            names, units, 20_000.0 + max(0.0, -2 * value), multiplier=multiplier, paid=paid
        )
    whole = Holdings(
        names, parts["one"].quantity + parts["two"].quantity, parts["one"].cash + parts["two"].cash, (), multiplier,
        paid, accounts=parts,
    )  # fmt: skip
    targets = numbers(-0.3, 0.5) / n
    picked = lambda: tuple(draw(st.lists(st.sampled_from(names), max_size=2, unique=True)))  # noqa: E731
    desk = Desk(
        lot={"*": lot}, cost_rate=draw(st.sampled_from([0.0, 0.001])), no_buy=picked(), no_sell=picked()
    )
    return whole, prices, targets, desk


@settings(max_examples=120)
@given(worlds())
def test_accounts_add_up_and_nothing_is_done_that_may_not_be(world):
    whole, prices, targets, desk = world
    done = account_orders(whole, prices, targets, desk)
    lots = desk.lots(whole.assets)
    sums = {"units": np.zeros(len(prices)), "cash": 0.0, "cost": 0.0}
    for name, part in whole.accounts.items():
        own = done.accounts[name]
        cash, cost = part.cash, 0.0
        for j, units in enumerate(own.units):
            exposure = units * prices[j] * part.multiplier[j]
            cash -= exposure if part.paid[j] else 0.0
            cost += desk.cost_rate * abs(exposure)
            after = part.quantity[j] + units
            assert abs(units / lots[j] - round(units / lots[j])) < 1e-9
            if whole.assets[j] in desk.no_buy:
                assert units <= 0
            if whole.assets[j] in desk.no_sell:
                assert units >= 0
            if targets[j] >= 0:  # a short that is no target is not made, a long one not left beyond zero
                assert after >= min(part.quantity[j], 0.0) - 1e-9
        assert own.cash == pytest.approx(cash - cost)
        assert own.cash >= min(part.cash, 0.0) - 1e-6 * own.wealth
        sums["units"] += own.units
        sums["cash"] += own.cash
        sums["cost"] += own.cost
    np.testing.assert_allclose(done.units, sums["units"])
    assert done.cash == pytest.approx(sums["cash"])
    assert done.cost == pytest.approx(sums["cost"])


def test_a_short_is_sold_bought_back_and_a_future_costs_nothing():
    names, prices = ("A", "B", "F"), np.array([10.0, 20.0, 100.0])
    multiplier, paid = np.array([1.0, 1.0, 50.0]), np.array([True, True, False])
    held = Holdings(names, np.array([0.0, -50.0, 0.0]), 101_000.0, (), multiplier, paid)
    done = trade_list(held, prices, np.array([-0.3, 0.0, -0.5]), Desk(cost_rate=0.0))
    assert done.units.tolist() == [-3000.0, 50.0, -10.0]
    assert done.cash == 101_000 + 30_000 - 1_000
    assert done.wealth == 100_000
    assert done.drift == pytest.approx(0, abs=1e-12)
    near = trade_list(held, prices, np.array([0.0, -0.01, 0.02]), Desk(cost_rate=0.0))
    assert near.units.tolist() == [0.0, 0.0, 0.0]  # a contract is 5%
    assert any("F: one lot costs more than the target" in flag for flag in near.flags)
    tight = trade_list(held, prices, np.array([-0.3, 0.0, 0.0]), Desk(limits={"weight": 0.2}))
    assert tight.after[0] == -2000.0


PRICES = {"SAP": 100.0, "XOM": 50.0, "ES": 4000.0, "VOD": 80.0}


class Says:
    """A strategy that says the same every day."""

    name = "says"

    def __init__(self, weights):
        self.weights = weights

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        self.seen = view.member, holdings
        wanted = np.array([self.weights.get(name, 0.0) for name in view.assets])
        return Decision(wanted), None


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(5)
    days = pd.bdate_range("2021-01-04", periods=640)
    levels = PRICES | {"EURUSD": 1.25, "GBPUSD": 1.50}
    moves = np.exp(np.cumsum(0.01 * rng.standard_normal((640, 6)), 0))
    return pd.DataFrame(moves / moves[-1] * list(levels.values()), days, list(levels))


BOOK = """Account,Symbol,Quantity,Currency,Multiplier,Asset Class,Open Date,Cost/Share
one,SAP,100,EUR,1,Equity,2021-05-03,60
one,XOM,-100,USD,1,Equity,2022-12-01,60
one,ES,1,USD,10,Future,,
one,CASH,40000,EUR,1,Cash,,
one,CASH,-1250,USD,1,Cash,,
two,VOD,10000,GBX,1,Equity,2023-05-02,100
two,CASH,5000,GBP,1,Cash,,
"""


@pytest.fixture
def held(table, tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return hold_book(path, Panel(table), base="EUR")


def test_weights_are_those_of_a_loop_over_lines(held):
    rates = {"EUR": 1.0, "USD": 0.8, "GBP": 1.2}
    wealth = 100 * 100 - 100 * 50 * 0.8 + 40_000 - 1250 * 0.8 + 10_000 * 0.80 * 1.2 + 5000 * 1.2
    assert held.value.total.wealth == pytest.approx(wealth)
    wanted = {
        "SAP": 100 * 100.0,
        "XOM": -100 * 50 * rates["USD"],
        "ES": 1 * 4000 * 10 * rates["USD"],
        "VOD": 10_000 * 0.80 * rates["GBP"],
        "cash in USD": -1250 * rates["USD"],
        "cash in GBP": 5000 * rates["GBP"],
    }
    found = dict(zip(held.panel.assets, held.weights(), strict=True))
    assert found == pytest.approx({name: value / wealth for name, value in wanted.items()})
    assert held.value.total.gross == pytest.approx(sum(abs(wanted[name]) for name in PRICES))
    assert held.holdings.wealth(held.last) == pytest.approx(wealth)


def test_a_morning_of_two_accounts_in_three_currencies(held, fixed_shape):
    strategy = Says({"SAP": 0.3, "XOM": -0.1, "VOD": 0.2, "ES": 0.5})
    desk = Desk(cost_rate=0.001, no_sell=("SAP",))
    known = held.last
    content = rebalance(strategy, held.panel, held.holdings, desk, fixed_shape, 500, book=held).content
    assert strategy.seen[0].tolist() == [True] * 4 + [False] * 2
    assert (strategy.seen[1][4:] == 0).all()  # money is nothing that a strategy trades
    local, rates = PRICES, {"EUR": 1.0, "USD": 0.8, "GBP": 1.2}
    units = {"SAP": 1, "XOM": 1, "ES": 10, "VOD": 0.01}
    money = {(row["account"], row["currency"]): row for row in content["money"]}
    flows = {}
    for row in content["trades"]:
        side = 1 if row["side"] == "buy" else -1
        assert row["price"] == pytest.approx(local[row["asset"]])
        exposure = row["units"] * local[row["asset"]] * units[row["asset"]]
        assert row["value"] == pytest.approx(exposure * rates[row["currency"].replace("GBX", "GBP")])
        paid = 0.0 if row["asset"] == "ES" else side * exposure
        key = row["account"], row["currency"].replace("GBX", "GBP")
        flows[key] = flows.get(key, 0.0) - paid - 0.001 * exposure
    for key, flow in flows.items():
        assert money[key]["traded"] == pytest.approx(flow)
    for account in ("one", "two"):
        rows = [row for row in content["money"] if row["account"] == account]
        for row in rows:
            assert row["after"] == pytest.approx(row["before"] + row["traded"] + row["exchanged"])
            assert row["after"] >= min(row["before"], 0.0) - 0.01  # no new debit
        assert sum(row["exchanged"] * rates[row["currency"]] for row in rows) == pytest.approx(0, abs=1e-6)
    total = sum(row["after"] * rates[row["currency"]] for row in content["money"])
    assert content["cash"] == pytest.approx(total)
    assert not any(row["asset"] == "SAP" and row["side"] == "sell" for row in content["trades"])
    assert {row["asset"] for row in content["blocks"]} == {row["asset"] for row in content["trades"]}
    assert known[-1] == pytest.approx(0.8)
    # VOD is sold in account two: 100 pence paid, 80 now, held less than a year
    (gain,) = [row for row in content["gains"]["rows"] if row["asset"] == "VOD"]
    assert gain["short_term"] + gain["long_term"] == pytest.approx(-0.20 * gain["units"] * 1.2)
    assert content["risk"]["after"]["volatility"] > 0
    json.dumps(content)


def test_a_hedged_currency_moves_no_return(table, tmp_path):
    from riskengine.book import BookSettings

    path = tmp_path / "book.csv"
    path.write_text("Symbol,Quantity,Currency\nXOM,10,USD\nSAP,10,EUR\n")
    said = BookSettings("EUR", currency={"*": "USD", "VOD": "GBX"}, hedged={"*": 1.0})
    hedged = hold_book(path, Panel(table), said).panel.returns["XOM"]
    np.testing.assert_allclose(hedged, Panel(table).returns["XOM"], atol=1e-14)


def test_what_is_bought_anew_has_the_multiplier_and_the_kind_of_the_settings(table, tmp_path, fixed_shape):
    from riskengine.book import BookSettings, Kind

    path = tmp_path / "book.csv"
    path.write_text("Symbol,Quantity,Currency\nCASH,100000,EUR\n")
    said = BookSettings(
        "EUR",
        currency={"*": "USD", "VOD": "GBX", "SAP": "EUR"},
        multiplier={"ES": 2.0},
        kind={"ES": Kind.FUTURE},
    )
    held = hold_book(path, Panel(table), said, trading=True)
    strategy = Says({"VOD": 0.24, "ES": 0.32})
    found = rebalance(strategy, held.panel, held.holdings, Desk(cost_rate=0.0), fixed_shape, 500, book=held)
    units = {row["asset"]: row["units"] for row in found.content["trades"]}
    assert units == {"VOD": 25_000, "ES": 5}  # 80 pence at 1.2; twice 4,000 at 0.8
    assert found.content["cash"] == pytest.approx(76_000)


@pytest.mark.parametrize(
    ("text", "base", "kind", "message"),
    [
        ("Symbol,Quantity,Currency\nSAP,1,EUR\nXOM,1,USD\n", "", SettingsError, "say in which currency .* --base EUR"),
        ("Symbol,Quantity,Currency\nSAP,1,EUR\nXOM,1,USD\n", "EUR", SettingsError, "prices of ES, VOD are"),
        ("Symbol,Quantity,Currency\nSAP,1,SEK\n", "EUR", DataError, "no exchange rate of SEK into EUR: add a column"),
        ("Symbol,Quantity\nSAP,1\nFOO,5\nBAR,5\n", "", DataError, "'FOO', which has no prices.*'BAR'"),
        (
            "Account,Symbol,Quantity,Multiplier\nx,SAP,1,1\ny,SAP,1,5\n", "", DataError,
            "'SAP' has the multiplier 1.0 in one account and 5.0 in another",
        ),
    ],
)  # fmt: skip
def test_what_is_open_is_asked_for(text, base, kind, message, table, tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(text)
    with pytest.raises(kind, match=message):
        hold_book(path, Panel(table), base=base, trading=True)


@settings(max_examples=60)
@given(
    st.lists(st.floats(-1000, 1000), min_size=3, max_size=3),
    st.lists(st.floats(-3000, 3000), min_size=3, max_size=3),
)
def test_exchanges_leave_no_new_debit_where_there_is_money(before, flows):
    names = ("A", "B", "C", "m", "n")
    rates = np.array([1.0, 0.5, 2.0])
    prices = np.array([1.0, 1.0, 1.0, 0.5, 2.0])
    place = np.array([-1, 3, 4, -1, -1])
    foreign = np.array([0, 0, 0, before[1], before[2]])
    cash = float(np.array(before) @ rates)
    held = Holdings(names, np.zeros(5), cash, foreign=foreign, money_column=place)
    value = np.array([*(-np.array(flows) * rates), 0, 0])
    none = np.zeros(5)
    moves = currency_cash(held, _done(value, none), prices, 0.0)
    assert moves.before == pytest.approx(before)
    assert moves.traded == pytest.approx(flows)
    assert moves.exchanged @ rates == pytest.approx(0, abs=1e-6)
    after = moves.after
    short = np.maximum(np.minimum(before, 0.0) - after, 0.0) @ rates
    spare = np.maximum(after, 0.0) @ rates
    assert min(short, spare) < 0.1  # either nothing lacks, or nothing is left to pay with


def _done(value, none):
    from riskengine.desk import TradeList

    return TradeList(none, value, none, none, none, 0.0, 0.0, 1.0, none, ())


def test_a_stale_rate_values_panel_and_book_alike_and_is_flagged(table, tmp_path):
    path = tmp_path / "book.csv"
    path.write_text("Symbol,Quantity,Currency\nXOM,10,USD\nSAP,10,EUR\nCASH,100,USD\n")
    stale = table.copy()
    stale.iloc[-9:, stale.columns.get_loc("EURUSD")] = np.nan
    held = hold_book(path, Panel(stale), base="EUR")
    assert held.holdings.wealth(held.last) == pytest.approx(held.value.total.wealth)
    assert any("USD into EUR is 9 closes old" in flag for flag in held.value.flags)
