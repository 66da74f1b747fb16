"""What is wrong with prices is found, said where people read, and mended only in a copy when asked for."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from riskengine import EqualWeight, Panel, WalkForward, load_panel, run_backtest
from riskengine.cli import app
from riskengine.errors import DataError, SettingsError
from riskengine.market import audit_prices, load_prices, repair

DAYS = pd.bdate_range("2022-01-03", periods=320)
P = pd.DataFrame(
    100 * np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal((320, 5)), 0)), DAYS, list("ABCDE")
)


def changed(asset: str, rows: slice | int, factor: float) -> pd.DataFrame:
    found = P.copy()
    column = found.columns.get_loc(asset)
    values = found[asset].to_numpy().copy()
    values[rows] *= factor
    found.isetitem(column, values)
    return found


def kinds(prices: pd.DataFrame) -> list[tuple]:
    return [(f.kind, f.asset, f.date) for f in audit_prices(prices) if f.serious]


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 10, 20, 1.5, 1 / 4, 1 / 10, 1 / 20])
def test_a_split_is_found_also_over_a_gap_and_on_the_last_day(ratio):
    split = changed("A", slice(200, None), 1 / ratio)
    assert kinds(split) == [("possible_split", "A", DAYS[200])]
    if ratio != 1.5:  # so small a one is told from a move of several days only where the asset is very calm
        split.iloc[197:200, 0] = np.nan
        assert kinds(split) == [("possible_split", "A", DAYS[200])]
        assert kinds(changed("B", slice(319, None), 1 / ratio)) == [("possible_split", "B", DAYS[319])]


@pytest.mark.parametrize("factor", [100, 0.01, 1000])
def test_another_unit_is_found_once_or_back_and_forth(factor):
    for rows in (slice(200, None), 200, slice(200, 203)):
        assert kinds(changed("A", rows, factor)) == [("possible_unit_change", "A", DAYS[200])]


@pytest.mark.parametrize("factor", [10, 0.1, 2.5])
def test_a_wrong_print_is_one_finding(factor):
    assert kinds(changed("A", 200, factor)) == [("wrong_print", "A", DAYS[200])]


def test_a_crash_is_no_split():
    moves = np.diff(np.log(P["A"].to_numpy()))
    moves[200] = -0.72
    moves[201:] *= 6
    crash = P.assign(A=100 * np.exp(np.concatenate([[0], np.cumsum(moves)])))
    assert not kinds(crash)
    assert ("large_move", "A") in {(f.kind, f.asset) for f in audit_prices(crash)}


def test_a_common_jump_is_another_currency():
    found = P.copy()
    found.iloc[150:, :4] *= 1.3
    assert ("common_jump", None, DAYS[150]) in kinds(found)


def test_one_asset_under_two_names_weekends_and_long_gaps_are_named():
    twin = P.assign(F=P["B"] * 7)
    assert [
        (f.asset, f.detail.split(" on")[0]) for f in audit_prices(twin) if f.kind == "duplicate_series"
    ] == [("F", "moves as B")]
    sunday = pd.concat([P, P.iloc[[100]].set_axis([DAYS[100] + pd.offsets.Week(weekday=6)])]).sort_index()
    assert [f.kind for f in audit_prices(sunday)] == ["weekend_price"]
    gap = P.copy()
    gap.iloc[100:140, 2] = np.nan
    assert "40 at a stretch" in next(f.detail for f in audit_prices(gap) if f.kind == "gap")


def test_returns_and_volumes_where_prices_belong_are_serious(tmp_path):
    returns = P.pct_change().iloc[1:]
    assert {f.kind for f in audit_prices(1 + returns)} == {"looks_like_returns"}
    volume = pd.DataFrame(
        np.exp(13 + 0.5 * np.random.default_rng(1).standard_normal((320, 2))).round(), DAYS, ["A", "B"]
    )
    assert {f.kind for f in audit_prices(volume)} == {"looks_like_volume"}
    returns.to_csv(tmp_path / "r.csv")
    with pytest.raises(DataError, match="look like returns"):
        load_panel(tmp_path / "r.csv")


def test_fields_and_tuples_are_not_taken_for_assets():
    fields = pd.concat({"Close": P, "Volume": P}, axis=1)
    with pytest.raises(DataError, match="several names"):
        Panel(fields)
    flat = fields.set_axis([str(name) for name in fields.columns], axis=1)
    assert {f.kind for f in audit_prices(flat) if f.serious} == {"tuple_name"}
    bars = P.set_axis(["Open", "High", "Low", "Close", "Volume"], axis=1)
    assert [f.asset for f in audit_prices(bars) if f.kind == "field_name"] == list(bars.columns)
    assert not audit_prices(P.set_axis(["LOW", "NAV", "TRI", "MSFT", "AAPL"], axis=1))


def test_findings_say_all_in_json():
    (found,) = audit_prices(changed("A", slice(200, None), 0.5))
    assert json.loads(json.dumps(found.to_dict())) == {
        "kind": "possible_split", "asset": "A", "date": f"{DAYS[200]:%F}", "detail": found.detail, "serious": True,
    }  # fmt: skip


def test_a_backtest_through_a_split_says_so_and_one_before_it_was_held_is_not_flagged():
    schedule = WalkForward(train=250, step=21)
    through = run_backtest(
        EqualWeight(min_history=200), Panel(changed("A", slice(290, None), 0.25)), schedule
    )
    assert through.flagged
    assert "possible_split: A" in next(flag.message for flag in through.flags)
    before = run_backtest(EqualWeight(min_history=200), Panel(changed("A", slice(100, None), 0.25)), schedule)
    assert not before.flagged
    assert any("possible_split: A" in note for note in before.notes)
    assert not run_backtest(EqualWeight(min_history=200), Panel(P), schedule).notes


def test_what_is_mended_is_logged_and_nothing_else_changes():
    broken = changed("A", slice(290, None), 0.25)
    broken.iloc[100, 1] *= 100
    broken.iloc[:200, 2] *= 100
    broken.iloc[260, 3] *= 0.1
    broken.iloc[50:54, 4] /= 100
    found = repair(broken)
    wanted = P.copy()
    wanted["A"] *= 0.25
    wanted.iloc[100, 1] = wanted.iloc[260, 3] = np.nan
    np.testing.assert_allclose(found.prices, wanted, rtol=1e-12)
    log = found.changes
    assert log.groupby("asset").size().to_dict() == {"A": 290, "B": 1, "C": 200, "D": 1, "E": 4}
    for _, row in log.iterrows():
        assert row["old"] == broken.loc[row["date"], row["asset"]]
        np.testing.assert_equal(row["new"], found.prices.loc[row["date"], row["asset"]])
    untouched = found.prices == broken
    assert untouched.to_numpy().sum() == 5 * 320 - len(log)
    assert repair(P).changes.empty
    assert not kinds(found.prices)


def test_the_command_shows_and_draws_findings_and_escapes_names(tmp_path):
    broken = changed("A", slice(290, None), 0.25).rename(columns={"A": "<script>x</script>[red]"})
    path = tmp_path / "p.csv"
    broken.to_csv(path)
    done = CliRunner().invoke(app, ["audit", str(path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 3
    assert "possible split" in done.stdout
    assert "1:4" in done.stdout
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "<script>x" not in page
    assert "finding-0" in page
    content = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert content["serious"] == 1
    P.to_csv(path)
    clean = CliRunner().invoke(app, ["audit", str(path), "--out", str(tmp_path / "out"), "--json"])
    assert clean.exit_code == 0
    assert json.loads(clean.stdout)["findings"] == []


@pytest.mark.browser
def test_axe_finds_nothing_serious_in_the_page(tmp_path, axe_findings):
    changed("A", slice(290, None), 0.25).to_csv(tmp_path / "p.csv")
    assert CliRunner().invoke(app, ["audit", str(tmp_path / "p.csv"), "--out", str(tmp_path)]).exit_code == 3
    assert axe_findings((tmp_path / "audit.html").read_text()) == []


def test_a_mended_copy_is_never_in_place(tmp_path):
    path, copy = tmp_path / "p.csv", tmp_path / "mended.csv"
    changed("A", slice(290, None), 0.25).to_csv(path)
    held = path.read_bytes()
    for target in (path, tmp_path / "x" / ".." / "p.csv"):
        done = CliRunner().invoke(
            app, ["audit", str(path), "--out", str(tmp_path / "o"), "--repair", str(target)]
        )
        assert isinstance(done.exception, SettingsError)
    done = CliRunner().invoke(app, ["audit", str(path), "--out", str(tmp_path / "o"), "--repair", str(copy)])
    assert done.exit_code == 3
    assert path.read_bytes() == held
    assert not kinds(load_panel(copy).prices)
    assert len(pd.read_csv(tmp_path / "mended.log.csv")) == 290


def test_the_range_of_the_day_comes_on_the_scale_of_the_close(tmp_path):
    rows = "Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-02,10,12,9,11,5.5,100\n2024-01-03,11,12,10,12,6,200\n"
    (tmp_path / "A.csv").write_text(rows)
    found = load_prices(tmp_path / "A.csv")
    assert found.adjusted
    np.testing.assert_allclose(found.close["A"], [5.5, 6])
    np.testing.assert_allclose(found.open["A"], [5, 5.5])
    np.testing.assert_allclose(found.high["A"], [6, 6])
    np.testing.assert_allclose(found.low["A"], [4.5, 5])
    np.testing.assert_allclose(found.volume["A"], [100, 200])
    np.testing.assert_allclose(found.unadjusted["A"], [11, 12])


@pytest.fixture
def steady():
    """Prices of five assets that move one percent a day."""
    moves = np.random.default_rng(0).standard_normal((320, 5)) * 0.01
    return pd.DataFrame(100 * np.exp(moves.cumsum(axis=0)), DAYS, list("ABCDE"))


@pytest.mark.parametrize("factor", [1.3, 0.75, 1.5, 0.85])
def test_a_move_of_many_usual_days_is_never_passed_over(steady, factor):
    """Another currency in one asset, a small split, a special dividend: too small for a split, too large for a day."""
    steady.iloc[265:, 0] *= factor
    (found,) = [one for one in Panel(steady).audit() if one.kind in ("large_move", "possible_split")]
    assert (found.asset, found.date) == ("A", steady.index[265])


@pytest.mark.parametrize("closes", [5, 30])
def test_a_price_that_is_carried_forward_is_serious(steady, closes):
    steady.iloc[-closes:, 0] = steady.iloc[-closes - 1, 0]
    (found,) = [one for one in Panel(steady).audit() if one.serious]
    assert (found.kind, found.asset, found.date) == ("carried_forward", "A", steady.index[-closes])
    assert f"{closes} closes" in found.detail


def test_a_price_that_often_stands_still_is_not_carried_forward(steady):
    """Cents on a price of one: half of the days do not move it."""
    steady["A"] = (steady["A"] / 100).round(2)
    steady.iloc[-6:, 0] = steady.iloc[-7, 0]
    assert not [one for one in Panel(steady).audit() if one.serious]


def test_a_backtest_notes_large_moves_of_what_it_held(steady):
    steady.iloc[265:, 0] *= 1.3
    steady["F"] = np.nan
    result = run_backtest(EqualWeight(min_history=200), Panel(steady), WalkForward(train=250, step=21))
    assert any(
        note.startswith("prices: large_move: A 2023-01-09: +27.5% in one close") for note in result.notes
    )
    assert "prices: F has none: it is left out" in result.notes
    steady.iloc[-20:, 1] = steady.iloc[-21, 1]
    result = run_backtest(EqualWeight(min_history=200), Panel(steady), WalkForward(train=250, step=21))
    assert any("carried_forward" in flag.message and flag.serious for flag in result.flags)
