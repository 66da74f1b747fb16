"""The desk: orders in whole lots, files that nobody checked, reports that are the same to the byte."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from riskengine import EqualWeight, Panel, load_panel
from riskengine.calibration import Status
from riskengine.desk import Desk, Holdings, read_desk, read_holdings
from riskengine.desk.orders import trade_list
from riskengine.desk.portfolio_stress import StressSettings, stress_content, stress_test
from riskengine.desk.rebalance import rebalance
from riskengine.desk.rebalance_files import read_history, write_rebalance
from riskengine.errors import DataError, RiskEngineError
from riskengine.report.page import Section, page
from riskengine.report.rebalance_page import render_rebalance
from riskengine.report.stress_page import render_stress
from riskengine.risk.scenarios import Simulation

NASTY = "<script>alert(1)</script>"
NAMES = ("A", "B", "C", "D")


@st.composite
def books(draw):
    """Holdings, prices, targets and rules of a desk."""
    n = draw(st.integers(1, 5))
    lot = draw(st.sampled_from([1, 5, 100]))
    prices = np.array(draw(st.lists(st.floats(0.5, 900), min_size=n, max_size=n)))
    held = np.array(draw(st.lists(st.integers(0, 40), min_size=n, max_size=n)), float) * lot
    targets = np.array(draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    total = targets.sum()
    targets = targets / total * draw(st.floats(0.2, 1)) if total > 0.01 else np.zeros(n)
    cash = draw(st.floats(1, 1e6))
    desk = Desk(
        lot={"*": lot},
        cash=draw(st.sampled_from([0.0, 0.02])),
        cost_rate=draw(st.sampled_from([0.0, 0.001])),
        minimum_trade=draw(st.sampled_from([0.0, 1000.0])),
    )
    return Holdings(tuple(map(str, range(n))), held, cash), prices, targets, desk


@settings(max_examples=300)
@given(books())
def test_orders_are_whole_lots_that_are_paid_for(book):
    holdings, prices, targets, desk = book
    done = trade_list(holdings, prices, targets, desk)
    lots = desk.lots(holdings.assets)
    assert np.all(np.abs(done.units / lots - np.round(done.units / lots)) < 1e-9)
    assert (done.after >= -1e-9).all()  # never more than held
    traded = np.abs(done.value)
    assert np.all((traded == 0) | (traded >= desk.minimum_trade - 1e-6))
    spent = done.value.sum() + desk.cost_rate * traded.sum()
    assert done.cash == pytest.approx(holdings.cash - spent)
    assert done.cash >= -1e-6 * done.wealth
    sides = np.sign(done.units[done.order()])
    assert (np.diff(sides) >= 0).all()  # sells before buys
    if desk.minimum_trade == 0:
        goal = targets.sum() * min(1.0, (1 - desk.cash) / targets.sum()) if targets.sum() > 0 else 0.0
        invested = float(done.after @ prices)
        assert abs(invested - goal * done.wealth) <= done.cost + (lots * prices).max() + 1e-6


def test_participation_and_what_cannot_be_traded():
    holdings = Holdings(("A", "B"), np.array([1000.0, 0.0]), 0.0)
    desk = Desk(volume={"A": 2000.0}, limits={"participation": 0.1}, cost_rate=0.0)
    done = trade_list(holdings, np.array([10.0, 5.0]), np.array([0.0, 1.0]), desk)
    assert done.units[0] == -200
    assert done.participation[0] == pytest.approx(0.1)
    assert any("participation" in flag for flag in done.flags)
    stuck = trade_list(holdings, np.array([10.0, 5.0]), np.array([0.5, 0.5]), Desk(), np.array([False, True]))
    assert stuck.units[0] == 0
    assert any("its order waits" in flag for flag in stuck.flags)
    with pytest.raises(DataError, match="no price"):
        trade_list(holdings, np.array([np.nan, 5.0]), np.array([0.5, 0.5]), Desk())
    with pytest.raises(DataError, match="every one a number"):
        trade_list(holdings, np.array([10.0, 5.0]), np.array([1.2, np.nan]), Desk())


TEXT = st.text(max_size=60)
CELL = st.one_of(
    st.sampled_from(["A", "B", "CASH", "Z", "", "1", "-1", "nan", "inf", "1e999", "0x1", "1,2", '"', "\x00"]),
    TEXT,
)
TABLE = st.lists(st.lists(CELL, max_size=3).map(",".join), max_size=6).map("\n".join)


def clear_error(read, known=False):
    """What was read, or None where one of the engine's own errors was raised; any other error fails the test.

    What is ``known`` to be good has to be read: a reader that refuses everything fails too.
    """
    try:
        found = read()
    except RiskEngineError:
        assert not known
        event("refused")
        return None
    event("read")
    return found


GOOD_HOLDINGS = b"asset,quantity\nA,1\nCASH,5\n"
GOOD_LIMITS = b'{"lot": {"*": 5}, "cash": 0.1, "limits": {"weight": 0.5}}'
GOOD_PRICES = b"date,A,B\n2020-01-02,10,11\n2020-01-03,10.5,11\n2020-01-06,11,10\n"


@settings(max_examples=250)
@example(GOOD_HOLDINGS)
@given(st.one_of(TABLE, TABLE.map("asset,quantity\n{}".format)).map(str.encode) | st.binary(max_size=40))
def test_any_file_of_holdings_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "holdings.csv"
    path.write_bytes(content)
    found = clear_error(lambda: read_holdings(path, NAMES), content == GOOD_HOLDINGS)
    if found is not None:
        assert (found.quantity >= 0).all()
        assert np.isfinite(found.quantity).all()
        assert np.isfinite(found.cash)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["A", "*", "x"]) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["A", "*", "weight", "group:x", "var_99", "?"]), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(["lot", "cash", "cost_rate", "minimum_trade", "volume", "groups", "limits", "other"])


@settings(max_examples=250)
@example(GOOD_LIMITS)
@example(b'{"cash": ' + b"9" * 5000 + b"}")
@example(b'{"minimum_trade": ' + b"9" * 400 + b"}")
@example(b"[" * 100_000)
@given(st.dictionaries(KEYS, JSON, max_size=4).map(lambda x: json.dumps(x).encode()) | st.binary(max_size=40))
def test_any_file_of_limits_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "limits.json"
    path.write_bytes(content)
    found = clear_error(lambda: read_desk(path, NAMES), content == GOOD_LIMITS)
    if found is not None:
        assert (found.lots(NAMES) >= 1).all()
        assert all(np.isfinite(limit) for limit in found.limits.values())


DAY = st.sampled_from(
    ["2020-01-02", "2020-01-03", "2020-01-06", "01/07/2020", "2020-13-01", "x", "", "0", "nan"]
)
PRICE = st.sampled_from(
    ["10", "10.5", "11", "0", "-3", "", "nan", "inf", "1e308", "1e-308", "1e999", "x", '"', "1,2"]
)
PRICES = st.lists(st.tuples(DAY, PRICE, PRICE).map(",".join), max_size=6).map("\n".join)


@settings(max_examples=250)
@example(GOOD_PRICES)
@given(
    st.sampled_from(["date,A,B\n", "date,A,A\n", "date,A\n", ",,\n", "", "A,B\n"]).flatmap(
        lambda head: PRICES.map(lambda rows: (head + rows).encode())
    )
    | TABLE.map(str.encode)
    | st.binary(max_size=40)
)
def test_any_file_of_prices_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "prices.csv"
    path.write_bytes(content)
    found = clear_error(lambda: load_panel(path), content == GOOD_PRICES)
    if found is not None:
        prices = found.prices.to_numpy()
        assert not np.isinf(prices).any()
        assert not (prices <= 0).any()
        assert found.dates.is_monotonic_increasing
        assert found.dates.is_unique
        assert len(set(found.assets)) == len(found.assets)
        found.audit()


def test_errors_name_row_and_cause(tmp_path):
    path = tmp_path / "h.csv"
    for text, message in (
        ("asset,quantity\nA,1\nA,2\n", "row 3 holds 'A' again"),
        ("asset,quantity\nQ,1\n", "row 2 holds 'Q', which has no prices"),
        ("asset,quantity\nA,-4\n", "row 2, 'A': -4 is not a quantity"),
        ("asset,quantity\nA,x\n", "'x' is not a number"),
        ("A,1\n", "first row"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_holdings(path, NAMES)
    path.write_text('{"limit": {}}')
    with pytest.raises(RiskEngineError, match="unknown key 'limit'"):
        read_desk(path, NAMES)
    path.write_text('{"limits": {"group:x": 0.3}}')
    with pytest.raises(RiskEngineError, match="without assets"):
        read_desk(path, NAMES)


@pytest.fixture(scope="module")
def panel(prices):
    return Panel(prices.rename(columns={"A": NASTY}))


@pytest.fixture(scope="module")
def reports(panel, fixed_shape, tmp_path_factory):
    """Two days of reports in one folder, the second day twice."""
    out = tmp_path_factory.mktemp("desk")
    desk = Desk(
        lot={"*": 10},
        cash=0.02,
        groups={NASTY: "g", "B": "g"},
        limits={"var_99": 0.001, "weight": 0.5, "group:g": 0.36, "volatility": 0.4, "drawdown": 0.5},
    )
    holdings = Holdings(panel.assets, np.array([400.0, 300, 0, 0, 0, 0]), 5000.0)
    written = []
    with pytest.MonkeyPatch.context() as patch:
        # The checkout may change while the tests run; a report says which commit made it.
        patch.setattr("riskengine.backtest.provenance.commit", lambda: "0123456789ab")
        for end in ("2018-05-01", "2018-06-01", "2018-06-01"):
            part = panel.between(end=end)
            _, last = read_history(out, f"{part.dates[-1]:%Y-%m-%d}")
            found = rebalance(EqualWeight(min_history=100), part, holdings, desk, fixed_shape, 600, last, out)
            write_rebalance(found, render_rebalance(found.content), out)
            files = sorted(path for path in out.rglob("*") if path.is_file())
            written.append({path.name: path.read_bytes() for path in files})
    return out, written, desk


def test_the_same_inputs_give_the_same_bytes_and_history_only_grows(reports):
    _, (first, second, again), _ = reports
    assert second == again
    lines = second["history.jsonl"].splitlines()
    assert len(lines) == 2
    assert first["history.jsonl"].splitlines() == lines[:1]
    states = {"2018-05-01.npz", "2018-06-01.npz"}
    assert set(second) == {"history.jsonl", "report.html", "report.json", "trades.csv"} | states


def test_the_report_adds_up(reports, panel):
    _, (_, last, _), _ = reports
    content = json.loads(last["report.json"])
    assert content["status"] == "flagged"
    assert any("var_99" in flag for flag in content["flags"])
    lights = {row["name"]: row["light"] for row in content["limits"]}
    assert lights == {
        "var_99": "red",
        "weight": "green",
        "group:g": "amber",
        "volatility": "green",
        "drawdown": "green",
    }
    changes = content["changes"]
    assert changes["last"] + sum(changes["moved"].values()) == pytest.approx(changes["now"], abs=1e-12)
    for side in ("before", "after"):
        risk = content["risk"][side]
        assert sum(risk["contributions"].values()) == pytest.approx(risk["volatility"], abs=1e-10)
    value = sum(row["value"] * (1 if row["side"] == "buy" else -1) for row in content["trades"])
    assert content["cash"] == pytest.approx(5000 - value - content["cost"])
    assert content["cash"] / content["wealth"] == pytest.approx(0.02, abs=0.02)
    assert sum(content["weights"].values()) + content["cash"] / content["wealth"] == pytest.approx(
        1 - content["cost"] / content["wealth"], abs=1e-9
    )
    trades = pd.read_csv(pd.io.common.BytesIO(last["trades.csv"]))
    assert list(trades["side"]) == sorted(trades["side"], key=["sell", "buy"].index)
    assert (trades["units"] % 10 == 0).all()


def test_a_print_that_only_the_robust_network_can_take_is_flagged(panel, fixed_shape):
    def doubtful(returns):
        fit = fixed_shape(returns)
        return replace(fit, status=(*fit.status[:-1], Status.ROBUST))

    holdings = Holdings(panel.assets, np.array([400.0, 300, 0, 0, 0, 0]), 5000.0)
    found = rebalance(EqualWeight(min_history=100), panel, holdings, Desk(), doubtful, 600)
    assert found.flagged
    assert [
        flag for flag in found.content["flags"] if flag.startswith(f"prices of {panel.assets[-1]}: unlike")
    ]


def test_names_from_data_are_shown_as_text(reports):
    text = reports[1][1]["report.html"].decode()
    assert NASTY not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_damaged_history_is_a_clear_error(tmp_path):
    assert read_history(tmp_path, "2020-01-01") == ([], None)
    (tmp_path / "history.jsonl").write_text('{"date": "2019-01-01"}\nbroken\n')
    with pytest.raises(DataError, match="damaged"):
        read_history(tmp_path, "2020-01-01")


@pytest.fixture(scope="module")
def stressed(panel, fixed_shape, tmp_path_factory):
    """A stress test, its content, and the file of its paths."""
    file = tmp_path_factory.mktemp("stress") / "paths.parquet"
    how = StressSettings(Simulation(horizon=3, paths=300), window=600)
    found = stress_test(panel, np.full(6, 1 / 6), fixed_shape, how, file)
    return found, stress_content(found, panel, Desk(limits={"drawdown": 0.01}), how), file


def test_stress_writes_every_path_once(panel, stressed):
    found, content, file = stressed
    table = pq.read_table(file).to_pandas()
    assert len(table) == 900
    assert table.groupby("path")["day"].apply(list).map(lambda d: d == [1, 2, 3]).all()
    grown = (1 + table[list(found.model.assets)].astype(float)).groupby(table["path"]).prod() - 1
    np.testing.assert_allclose(grown.to_numpy(), found.outcomes[0].returns, atol=1e-5)
    assert content["status"] == "flagged"
    names = [row["name"] for row in content["scenarios"]]
    assert names[:5] == [
        "as it is",
        "volatility x 3",
        "correlation 0.8",
        "volatility and correlation",
        "market -20% on day one",
    ]
    base, market = content["scenarios"][0], content["scenarios"][4]
    assert market["loss_median"] == pytest.approx(0.2, abs=0.03)
    assert base["var_99"] < content["scenarios"][1]["var_99"]
    assert sum(base["drivers"].values()) == pytest.approx(base["cvar_99"], abs=1e-10)
    assert NASTY not in render_stress(content)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_without_errors_or_clipped_tables(reports, dom_of, width, tmp_path):
    """A probe in the page says whether anything sticks out of the window; scrolling tables may be wider inside."""
    text = (reports[0] / "report.html").read_text()
    probe = (
        "<script>addEventListener('load',()=>{document.title=JSON.stringify({w:document.documentElement."
        "scrollWidth,i:innerWidth,t:document.querySelectorAll('table').length})});</script></body>"
    )
    file = tmp_path / "page.html"
    file.write_text(text.replace("</body>", probe))
    title = dom_of(file, width).split("<title>")[1].split("</title>")[0]
    found = json.loads(title)
    assert found["t"] >= 6
    assert found["w"] <= found["i"]


@pytest.mark.browser
def test_axe_finds_nothing_serious_in_the_morning_and_the_stress_test(reports, stressed, axe_findings):
    assert axe_findings((reports[0] / "report.html").read_text()) == []
    assert axe_findings(render_stress(stressed[1])) == []


def test_a_page_without_content_has_no_empty_sections():
    text = page("t", "s", "h", [Section("nothing"), Section("list", items=["x"])], {}, False)
    assert "nothing" not in text
    assert "<li>x</li>" in text


def test_a_column_that_is_empty_in_every_row_is_not_shown():
    section = Section("t", headings=["a", "of daily volume", "b"], rows=[["1", "", "x"], ["2", "", ""]])
    text = page("t", "s", "h", [section], {}, False)
    assert "of daily volume" not in text
    assert text.count("<th scope=") == 2
    assert "<td>2</td><td></td>" in text
