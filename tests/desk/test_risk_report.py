"""`riskengine risk` from files to files: attributions, limits on everything, what-if, stress library, options."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from riskengine.desk import Desk, RiskFiles, read_library, risk_report
from riskengine.desk.daily_risk import DailyRisk
from riskengine.errors import DataError, SettingsError
from riskengine.market import Panel

HELD = {"A": 130.0, "B": -70.0, "C": 100.0, "D": 60.0}


@pytest.fixture(scope="module")
def files(prices, tmp_path_factory):
    folder = tmp_path_factory.mktemp("risk")
    table = prices.iloc[:640]
    table.to_csv(folder / "prices.csv", index_label="date")
    (table * 50).to_csv(folder / "volume.csv", index_label="date")
    texts = {
        "holdings.csv": "asset,quantity\n" + "".join(f"{k},{v}\n" for k, v in HELD.items()) + "CASH,9000\n",
        "labels.csv": "Symbol,sector,country,class\nA,tech,US,equity\nB,tech,DE,equity\nC,oil,US,commodity\n"
        "D,oil,DE,equity\nE,oil,US,equity\nF,tech,US,equity\n",
        "benchmark.csv": "asset,weight\nA,50\nB,25\nE,25\n",
        "exposures.csv": "asset,value,size\nA,1,0.5\nB,-1,0\nC,0.5,1\nD,0,-1\nE,1,1\nF,-0.5,0.2\n",
        "trades.csv": "asset,side,units\nA,sell,30\nE,buy,20\n",
        "options.csv": "underlying,kind,strike,maturity,quantity,volatility\n"
        f"A,put,{table['A'].iloc[-1]:.2f},0.5,-20,0.3\n",
        "library.toml": "[scenarios.house]\nshocks = { equity = -0.3, commodity = -0.1 }\nvolatility = 2.0\n"
        '[scenarios.quiet]\nfirst = "2016-02-01"\nlast = "2016-02-29"\n',
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    market = table.pct_change(fill_method=None).mean(axis=1).iloc[1:]
    rows = [f"{date:%Y%m%d},{100 * x:9.4f},{0.01:7.3f}" for date, x in market.items()]
    rows[5] = rows[5].split(",")[0] + ",-99.99,0.010"
    (folder / "factors.csv").write_text(
        "This file was created by hand\n\n,Mkt-RF,RF\n" + "\n".join(rows) + "\n\nCopyright\n"
    )
    return folder


def given(folder, *left_out, **more):
    names = ("holdings", "labels", "factors", "exposures", "volume", "options", "library", "benchmark")
    found = {name: folder / f"{name}.csv" for name in names if name not in left_out}
    if "library" in found:
        found["library"] = folder / "library.toml"
    return {name: path if name != "benchmark" else str(path) for name, path in (found | more).items()}


@pytest.fixture(scope="module")
def content(files, prices, fixed_shape):
    panel = Panel(prices.iloc[:640])
    return risk_report(
        panel, RiskFiles(**given(files, trades=files / "trades.csv")), Desk(), fixed_shape, 600
    )


def test_every_grouping_adds_up_to_every_figure(content):
    figures = {row["name"]: row["value"] for row in content["figures"]}
    assert set(content["attribution"]) == {"asset", "sector", "country", "class", "position"}
    for rows in content["attribution"].values():
        for name in ("volatility", "var_95", "var_99", "cvar_97.5"):
            assert sum(row[name] for row in rows) == pytest.approx(figures[name], abs=1e-10)
    for rows in content["factors"].values():
        assert sum(row["volatility"] for row in rows) == pytest.approx(figures["volatility"], abs=1e-10)
        assert sum(row["share"] for row in rows) == pytest.approx(1, abs=1e-10)
        assert sum(row["var"] for row in rows) == pytest.approx(figures["var_99"], abs=1e-10)
    active = content["active"]
    for rows in (active["rows"], active["by_sector"], active["by_country"]):
        assert sum(row["contribution"] for row in rows) == pytest.approx(active["tracking_error"], abs=1e-10)
    for rows in active["factors"].values():
        assert sum(row["contribution"] for row in rows) == pytest.approx(active["tracking_error"], abs=1e-10)


def test_the_sectors_are_those_of_a_loop(content, prices):
    last = prices.iloc[639]
    units = HELD | {"A": HELD["A"] - 30, "E": 20.0}
    sector = {"A": "tech", "B": "tech", "C": "oil", "D": "oil", "E": "oil"}
    traded = 30 * last["A"] + 20 * last["E"]
    cash = 9000 + 30 * last["A"] - 20 * last["E"] - 0.0005 * traded
    root = np.sqrt(0.5)
    d1 = 0.3 * root / 2 + np.log(last["A"] / round(last["A"], 2)) / (0.3 * root)
    strike = round(last["A"], 2)
    put = strike * norm.cdf(0.3 * root - d1) - last["A"] * norm.cdf(-d1)
    wealth = cash - 20 * put + sum(units[name] * last[name] for name in units)
    assert content["wealth"] == pytest.approx(wealth, rel=1e-9)
    sums = {"tech": -20 * -norm.cdf(-d1) * last["A"], "oil": 0.0}
    for name, held in units.items():
        sums[sector[name]] += held * last[name]
    for row in content["attribution"]["sector"]:
        assert row["weight"] == pytest.approx(sums[row["name"]] / wealth, rel=1e-6)


def test_a_what_if_is_the_report_of_the_book_after_it(content, files, prices, fixed_shape):
    panel = Panel(prices.iloc[:640])
    before = risk_report(panel, RiskFiles(**given(files)), Desk(), fixed_shape, 600)
    was = {row["name"]: row["value"] for row in before["figures"]}
    for row in content["figures"]:
        assert row["before"] == pytest.approx(was[row["name"]], rel=1e-12)
        assert row["change"] == pytest.approx(row["value"] - row["before"], abs=1e-15)
    stress = {row["name"]: row["loss"] for row in before["stress"]}
    assert all(row["before"] == pytest.approx(stress[row["name"]]) for row in content["stress"])


def test_stress_moves_each_position_and_values_options_anew(files, prices, fixed_shape):
    """Against a loop over positions, with Black's formula written out."""
    panel, last = Panel(prices.iloc[:640]), prices.iloc[639]
    found = risk_report(panel, RiskFiles(**given(files, "factors", "exposures")), Desk(), fixed_shape, 600)
    house = next(row for row in found["stress"] if row["name"] == "house")
    strike = round(last["A"], 2)

    def put(spot, volatility):
        s = volatility * np.sqrt(0.5)
        d1 = np.log(spot / strike) / s + s / 2
        return strike * norm.cdf(s - d1) - spot * norm.cdf(-d1)

    wealth = 9000 + sum(units * last[name] for name, units in HELD.items()) - 20 * put(last["A"], 0.3)
    lost = sum(units * last[name] * (0.1 if name == "C" else 0.3) for name, units in HELD.items())
    options = 20 * (put(0.7 * last["A"], 0.6) - put(last["A"], 0.3))
    assert house["options"] == pytest.approx(options / wealth, rel=1e-9)
    assert house["loss"] == pytest.approx((lost + options) / wealth, rel=1e-9)
    quiet = next(row for row in found["stress"] if row["name"] == "quiet")
    assert quiet["how"] == "replayed"
    closes = prices.loc["2016-01-29":"2016-02-29"]
    moves = closes.iloc[-1] / closes.iloc[0] - 1
    plain = -sum(units * last[name] * moves[name] for name, units in HELD.items())
    gone = 20 * (put((1 + moves["A"]) * last["A"], 0.3) - put(last["A"], 0.3))
    assert quiet["loss"] == pytest.approx((plain + gone) / wealth, rel=1e-9)
    crash = next(row for row in found["stress"] if row["name"] == "2008 Lehman")
    assert crash["how"] == "shocks"


TIGHT = {
    "volatility": 0.001, "var_95": 0.001, "var_99": 0.001, "cvar_97.5": 0.001, "weight": 0.001, "weight:A": 0.001,
    "gross": 0.1, "net": 0.1, "long": 0.1, "short": 0.01, "group:g": 0.01, "sector:tech": 0.01, "country:US": 0.01,
    "risk:sector:oil": 0.001, "risk:asset:C": 0.001, "factor:Mkt-RF": 0.001, "factor:value": 0.001,
    "factor:factor 1": 1e-5, "tracking_error": 0.001, "beta": 0.01, "active_share": 0.01, "days_to_liquidate": 0.01,
    "unsold_1": 0.01, "unsold_5": 0.001, "stress": 0.01, "stress:house": 0.01, "stress:2020 March": 0.01,
}  # fmt: skip


def run(quick_command, folder, limits, *more):
    (folder / "limits.json").write_text(json.dumps(limits))
    paths = [part for name, path in given(folder, "options").items() for part in (f"--{name}", path)]
    common = ("--prices", folder / "prices.csv", "--limits", folder / "limits.json", "--out", folder / "out")
    return quick_command("risk", *common, *paths, "--window", 600, *more)


def test_every_limit_broken_is_red_flagged_and_explained(quick_command, files):
    limits = {
        "groups": {"C": "g", "D": "g"},
        "limits": TIGHT,
        "at_least": {"net": 5.0, "sector:oil": 5.0, "beta": 9.0, "factor:value": 50.0},
        "take": 0.001,
    }
    status, text, said = run(quick_command, files, limits, "--json")
    assert status == 3, said
    found = json.loads(text)
    assert {row["name"] for row in found["limits"] if row["side"] == "at most"} == set(TIGHT)
    for row in found["limits"]:
        assert row["light"] == "red", row
        assert row["reason"].startswith(row["name"])
        assert f"limit {row['reason']}" in found["flags"]
    page = (files / "out" / "risk.html").read_text()
    assert page.count('<td class="red">') == len(found["limits"])
    assert json.loads((files / "out" / "risk.json").read_text()) == found


def test_kept_limits_are_green_and_exit_0(quick_command, files):
    loose = {
        "volatility": 3.0,
        "var_99": 0.9,
        "gross": 20,
        "beta": 10,
        "sector:tech": 1.0,
        "days_to_liquidate": 1e4,
    }
    status, text, said = run(
        quick_command, files, {"limits": loose, "at_least": {"net": 0.01}}, "--by", "sector"
    )
    assert status == 0, said + text
    assert "Risk by country" not in text
    assert "limit volatility at most 300.00%" in text
    found = json.loads((files / "out" / "risk.json").read_text())
    assert {row["light"] for row in found["limits"]} == {"green"}
    assert found["status"] == "clean"


def test_a_limit_that_cannot_be_judged_is_red_and_one_on_nothing_refused(files, prices, fixed_shape):
    panel, plain = Panel(prices.iloc[:640]), RiskFiles(files / "holdings.csv", files / "labels.csv")
    found = risk_report(panel, plain, Desk(limits={"beta": 1.2, "factor:SMB": 0.1}), fixed_shape, 600)
    assert [row["light"] for row in found["limits"]] == ["red", "red"]
    assert "--benchmark" in found["flags"][0]
    assert "--factors" in found["flags"][1]
    for limit, said in (
        ("sector:tehc", "did you mean 'sector:tech'"),
        ("stress:x", "scenarios"),
    ):
        with pytest.raises(SettingsError, match=said):
            risk_report(panel, plain, Desk(limits={limit: 0.5}), fixed_shape, 600)


def test_a_holding_of_a_few_weeks_has_no_regression_and_all_else(files, prices, fixed_shape):
    young = prices.iloc[:640].copy()
    young.loc[young.index[:600], "C"] = np.nan
    found = risk_report(Panel(young), RiskFiles(**given(files, "options")), Desk(), fixed_shape, 600)
    assert found["regression"] is None
    assert any("no regression" in note for note in found["notes"])
    volatility = next(row["value"] for row in found["figures"] if row["name"] == "volatility")
    for rows in found["factors"].values():
        assert sum(row["volatility"] for row in rows) == pytest.approx(volatility, abs=1e-10)


def test_a_limit_on_what_is_not_held_is_kept(files, prices, fixed_shape, tmp_path):
    (tmp_path / "only.csv").write_text("asset,quantity\nA,100\nCASH,10\n")
    limits = {"sector:oil": 0.1, "risk:sector:oil": 0.1, "risk:asset:C": 0.1, "weight:C": 0.1}
    only = RiskFiles(tmp_path / "only.csv", files / "labels.csv")
    found = risk_report(Panel(prices.iloc[:640]), only, Desk(limits=limits), fixed_shape, 600)
    assert [(row["value"], row["light"]) for row in found["limits"]] == [(0.0, "green")] * 4


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("labels", "asset,price\nA,1\nB,2\n", "no column groups assets"),
        ("benchmark", "asset,weight\nX,1\nA,0.2\n", "only 17%"),
        ("factors", ",Mkt\n20150105,nonsense\n", "line 2 holds a cell that is no number"),
        ("exposures", "asset,value\nA,much\n", "is not a number"),
        ("options", "underlying,kind,strike,quantity,maturity\nA,put,100,1,0.5\n", "neither a volatility nor a smile"),
        ("trades", "asset,units\nQ,5\n", "no prices"),
        ("library", "[scenarios.x]\nsource = 'y'\n", "neither days nor shocks"),
    ],
)  # fmt: skip
def test_files_that_are_not_what_they_should_be(name, text, said, files, prices, fixed_shape, tmp_path):
    path = tmp_path / f"{name}.{'toml' if name == 'library' else 'csv'}"
    path.write_text(text)
    wrong = RiskFiles(holdings=files / "holdings.csv", **{name: str(path) if name == "benchmark" else path})
    with pytest.raises((DataError, SettingsError), match=said):
        risk_report(Panel(prices.iloc[:640]), wrong, Desk(), fixed_shape, 600)


def test_hostile_names_are_text(quick_command, files):
    bad = files / "bad.csv"
    bad.write_text("asset,sector\nA,<script>alert(1)</script>\nB,<script>alert(1)</script>\nC,x\nD,x\n")
    out = files / "hostile"
    common = ("--prices", files / "prices.csv", "--holdings", files / "holdings.csv", "--window", 600)
    status, text, said = quick_command("risk", *common, "--labels", bad, "--out", out)
    assert status == 0, said
    assert "<script>alert" in text
    page = (out / "risk.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_library_has_the_episodes_with_dates_and_sources():
    found = read_library()
    for name in (
        "1987",
        "1998",
        "dot-com",
        "2008",
        "2010",
        "2011",
        "2013",
        "2015",
        "2018 F",
        "2018 f",
        "2020",
        "2022",
    ):
        assert any(name in one for one in found), name
    assert all(one.source for one in found.values())
    assert all(one.shocks for one in found.values())


def test_stress_counts_options_path_by_path(quick_command, files, prices, fixed_shape):
    """`riskengine stress`: a shock as in the risk report, and simulated paths against a loop over them."""
    out = files / "stressed"
    named = [f"--{name}={files / name}.csv" for name in ("holdings", "labels", "options")]
    status, text, said = quick_command(
        "stress", "--prices", files / "prices.csv", *named, "--library", files / "library.toml", "--paths", 300,
        "--horizon", 3, "--out", out, "--json",
    )  # fmt: skip
    assert status == 0, said
    found = {row["name"]: row for row in json.loads(text)["scenarios"]}
    panel = Panel(prices.iloc[:640])
    report = risk_report(panel, RiskFiles(**given(files, "factors", "exposures")), Desk(), fixed_shape, 600)
    losses = {row["name"]: row["loss"] for row in report["stress"]}
    assert found["house, shocks"]["loss"] == pytest.approx(losses["house"], rel=1e-6)
    assert found["quiet, as it was"]["loss"] == pytest.approx(losses["quiet"], rel=1e-6)
    for row in found.values():
        if row["paths"] > 1:
            assert sum(row["drivers"].values()) == pytest.approx(row["cvar_99"], rel=1e-5)


def test_limits_in_stress_know_options(quick_command, files, prices, fixed_shape):
    """Each limit, between the figure with options and without, is green without them and red with them.

    The figures are those of the risk report.
    """
    long = files / "longer.csv"
    long.write_text("asset,quantity\nA,100\nB,60\nCASH,9000\n")
    names = (
        "volatility",
        "var_95",
        "var_99",
        "cvar_97.5",
        "drawdown",
        "weight",
        "weight:A",
        "group:tech",
        "gross",
    )
    names += ("long", "net", "stress", "stress:house")
    limits = {"limits": dict.fromkeys(names, 0.5), "groups": {"A": "tech", "B": "tech"}}

    def judged(*more):
        (files / "known.json").write_text(json.dumps(limits))
        status, text, said = quick_command(
            "stress", "--prices", files / "prices.csv", "--holdings", long, "--limits", files / "known.json",
            "--library", files / "library.toml", "--paths", 300, "--horizon", 3, "--out", files / "known", "--json",
            *more,
        )  # fmt: skip
        assert status in (0, 3), said
        content = json.loads(text)
        return status, {row["name"]: row for row in content["limits"]}, content["flags"]

    options = ("--options", files / "options.csv")
    plain, written = judged()[1], judged(*options)[1]
    report = risk_report(
        Panel(prices.iloc[:640]),
        RiskFiles(holdings=long, options=files / "options.csv", library=files / "library.toml"),
        Desk(groups=limits["groups"]), fixed_shape,
    )  # fmt: skip
    figures = {row["name"]: row["value"] for row in report["figures"]}
    for name in ("volatility", "var_95", "var_99", "cvar_97.5", "weight", "gross", "long", "net"):
        assert written[name]["value"] == pytest.approx(figures[name], rel=1e-9), name
    for name in names:
        assert written[name]["value"] > 1.02 * plain[name]["value"], name
        limits["limits"][name] = (plain[name]["value"] + written[name]["value"]) / 2
    assert {row["light"] for row in judged()[1].values()} <= {"green", "amber"}
    status, after, flags = judged(*options)
    assert status == 3
    assert {name: row["light"] for name, row in after.items()} == dict.fromkeys(names, "red")
    assert all(any(flag.startswith(f"limit {name}: ") for flag in flags) for name in names)


def test_the_volatility_of_options_is_more_than_their_deltas(files, prices, fixed_shape):
    """A straddle without delta: what it gains in the scenarios is all that there is."""
    last = prices.iloc[639]["A"]
    (files / "straddle.csv").write_text(
        "underlying,kind,strike,maturity,quantity,volatility\n"
        f"A,put,{last},0.1,-30,0.3\nA,call,{last},0.1,-30,0.3\n"
    )
    (files / "cash.csv").write_text("asset,quantity\nA,1\nCASH,20000\n")
    found = risk_report(
        Panel(prices.iloc[:640]),
        RiskFiles(holdings=files / "cash.csv", options=files / "straddle.csv"),
        Desk(), fixed_shape, 600,
    )  # fmt: skip
    figures = {row["name"]: row["value"] for row in found["figures"]}
    model = DailyRisk.of(Panel(prices.iloc[:640]), fixed_shape, 600).model
    by_delta = abs(figures["net"]) * np.sqrt(
        found["periods_per_year"] * model.variance[model.assets.index("A")]
    )
    assert figures["volatility"] > 1.2 * by_delta
    rows = found["attribution"]["position"]
    assert sum(row["volatility"] for row in rows) == pytest.approx(figures["volatility"], abs=1e-12)
    assert sum(row["share"] for row in found["factors"]["statistical"]) == pytest.approx(1, abs=1e-12)


def test_rebalance_judges_all_limits_on_its_orders_and_stress_names_those_that_it_does_not(
    quick_command, files
):
    limits = {"limits": {"gross": 0.5, "weight:A": 0.9, "sector:tech": 0.1}, "at_least": {"net": 0.5}}
    (files / "l.json").write_text(json.dumps(limits))
    (files / "long.csv").write_text("asset,quantity\nA,100\nB,50\nCASH,1000\n")
    common = ("--prices", files / "prices.csv", "--holdings", files / "long.csv", "--out", files / "d")
    common += ("--limits", files / "l.json", "--json")
    status, text, _ = quick_command("stress", *common, "--paths", 300, "--horizon", 3)
    lights = {row["name"]: row["light"] for row in json.loads(text)["limits"]}
    assert (status, lights) == (3, {"gross": "red", "weight:A": "green", "sector:tech": None, "net": None})
    asked = ("rebalance", "equal_weight", *common, "--window", 600)
    status, text, _ = quick_command(*asked)
    content = json.loads(text)
    assert status == 3
    assert [(row["name"], row["light"], row["how"]) for row in content["limits"]] == [
        ("gross", "red", "judged"), ("weight:A", "green", "judged"),
    ]  # fmt: skip
    on_risk = {row["name"]: (row["light"], row["reason"]) for row in content["risk_limits"]}
    assert on_risk["net"] == ("green", "")
    lacking = "sector:tech: cannot be judged without labels with a column sector, --labels"
    assert on_risk["sector:tech"] == ("red", lacking)
    limits["limits"] |= {"beta": 0.1, "factor:value": 0.01, "stress": 0.05, "risk:asset:C": 0.9}
    (files / "l.json").write_text(json.dumps(limits))
    more = [
        part
        for name in ("labels", "benchmark", "factors", "exposures")
        for part in (f"--{name}", files / f"{name}.csv")
    ]
    status, text, said = quick_command(*asked, *more, "--fresh")
    assert status == 3, said
    found = json.loads(text)
    assert {row["name"]: row["light"] for row in found["risk_limits"]} == {
        "sector:tech": "red", "beta": "red", "factor:value": "red", "stress": "red", "risk:asset:C": "green",
        "net": "green",
    }  # fmt: skip
    tech = next(row["value"] for row in found["risk_limits"] if row["name"] == "sector:tech")
    assert tech == pytest.approx(sum(found["weights"].get(name, 0.0) for name in "ABF"), rel=1e-3)
    assert all(f"limit {row['reason']}" in found["flags"] for row in found["risk_limits"] if row["reason"])
    assert "Limits on risk" in (files / "d" / "report.html").read_text()


def test_limits_and_scenarios_explain_themselves(command, tmp_path):
    for name, file in (("limits", "limits.toml"), ("scenarios", "library.toml")):
        status, text, _ = command(name, "--example")
        assert status == 0
        (tmp_path / file).write_text(text)
        status, schema, _ = command(name, "--schema")
        assert json.loads(schema)["type"] == "object"
    status, text, _ = command("limits", tmp_path / "limits.toml")
    assert (status, "group:technology: at most 0.4" in text) == (0, True)
    status, text, _ = command("scenarios", "--library", tmp_path / "library.toml", "--json")
    assert json.loads(text)["example"]["first"] == "2008-09-15"
    (tmp_path / "limits.toml").write_text("limits = { varr_99 = 0.1 }")
    status, _, said = command("limits", tmp_path / "limits.toml")
    assert status == 1
    assert "did you mean 'var_99'" in said


def test_factors_of_weekly_prices_are_compounded(prices):
    from riskengine.market.factor_files import FactorReturns

    daily = pd.DataFrame({"m": np.full(20, 0.01)}, pd.bdate_range("2020-01-06", periods=20))
    weekly = pd.DatetimeIndex([d for d in daily.index if d.day_of_week == 4])
    found = FactorReturns(daily, None, ()).between(weekly)
    np.testing.assert_allclose(found["m"], 1.01**5 - 1)
    with pytest.raises(DataError, match="as often"):
        FactorReturns(daily.iloc[::5], None, ()).between(pd.DatetimeIndex(daily.index))
