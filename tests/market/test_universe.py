from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine import Panel, load_panel
from riskengine.errors import DataError, SettingsError
from riskengine.market import Delistings, Universe, load_series, load_volume
from riskengine.market.delisting import load_delistings
from riskengine.market.membership import load_membership

DATES = pd.bdate_range("2024-01-01", periods=60)
NAMES = list("ABCD")


@pytest.fixture
def frame():
    moves = 0.01 * np.random.default_rng(0).standard_normal((60, 4))
    return pd.DataFrame(100 * np.exp(np.cumsum(moves, axis=0)), DATES, NAMES)


@pytest.fixture
def write(tmp_path):
    def writer(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return writer


def test_intervals_include_both_ends_and_an_asset_may_return(frame, write):
    path = write(
        "asset,start,end\nA,2024-01-03,2024-01-05\nA,2024-02-01,\nB,2023-01-01,2024-01-02\nZ,2024-01-01,\n"
    )
    table = load_membership(path, frame)
    held = table["A"]
    assert held[held].index[0] == pd.Timestamp("2024-01-03")
    assert held.loc["2024-01-03":"2024-01-31"].sum() == 3
    assert held.loc["2024-02-01":].all()
    assert table["B"].sum() == 2
    assert not table[["C", "D"]].any(axis=None)
    assert Panel(frame, table).view("2024-01-04").member.tolist() == [True, False, False, False]


def test_a_snapshot_holds_from_its_date_until_the_next(frame, write):
    text = "date,ticker,member\n2024-01-10,A,true\n2024-01-10,B,1\n2024-01-20,A,False\n2024-01-20,C,TRUE\n"
    table = load_membership(write(text), frame)
    assert not table.loc[:"2024-01-09"].any(axis=None)  # nothing is known before it was published
    assert table.loc["2024-01-10"].tolist() == [True, True, False, False]
    assert table.loc["2024-01-19"].tolist() == [True, True, False, False]
    assert table.loc["2024-01-22"].tolist() == [False, False, True, False]
    listed = load_membership(write("date,asset\n2024-01-10,D\n"), frame)
    assert listed["D"].sum() == len(frame.loc["2024-01-10":])


def test_membership_files_are_told_apart_by_their_columns(frame, write, tmp_path):
    frame.to_csv(tmp_path / "prices.csv")
    long = load_panel(tmp_path / "prices.csv", write("asset,start,end\nA,2024-01-01,\n"))
    wide = pd.DataFrame(False, DATES, NAMES).assign(A=True)
    wide.to_csv(tmp_path / "wide.csv")
    pd.testing.assert_frame_equal(
        long.membership,
        load_panel(tmp_path / "prices.csv", tmp_path / "wide.csv").membership,
        check_freq=False,
    )
    pd.DataFrame({"date": DATES[:1], "ticker": ["A"], "in_panel": [True]}).to_parquet(
        tmp_path / "long.parquet"
    )
    again = load_panel(tmp_path / "prices.csv", tmp_path / "long.parquet")
    assert again.hash == long.hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asset,start\nA,2024-01-01\n", "membership is asset, start, end"),
        ("asset,start,end\nA,soon,\n", "row 2, column start: 'soon' is not a date"),
        ("asset,start,end\nA,2024-01-05,2024-01-04\n", "row 2 ends on 2024-01-04, before it starts"),
        ("asset,start,end\n,2024-01-05,\n", "row 2, column asset"),
        ("asset,start,end\nX,2024-01-05,\n", "no asset of the prices"),
        ("date,asset,member\n2024-01-05,A,perhaps\n", "true .1. or false"),
        ("asset,start,end\n", "no rows"),
        ("", "empty or damaged"),
    ],
)
def test_bad_membership_is_refused_with_its_place(text, message, frame, write):
    with pytest.raises(DataError, match=message):
        load_membership(write(text), frame)


def test_the_most_liquid_are_those_of_the_days_before(frame):
    volume = pd.DataFrame(1.0, DATES, NAMES)
    volume.loc[:, "B"] = 5.0
    volume.loc[: DATES[29], "C"] = 9.0
    volume.loc[DATES[30] :, "D"] = 9.0
    universe = Universe(top=2, lookback=10, volume=volume)
    panel = Panel(frame)
    early, late = (universe.restrict(panel.view(k)).member for k in (29, 50))
    assert early.tolist() == [False, True, True, False]
    assert late.tolist() == [False, True, False, True]
    other = volume.copy()
    other.iloc[30:] = 1e9 * np.random.default_rng(0).random((30, 4))
    again = Universe(top=2, lookback=10, volume=other).restrict(panel.view(29)).member
    np.testing.assert_array_equal(again, early)  # the future of volumes does not matter either


@given(st.integers(1, 4), st.integers(0, 40), st.integers(20, 59))
def test_a_universe_is_never_larger_than_asked_and_holds_only_members_with_history(top, least, when):
    frame = pd.DataFrame(100 * np.exp(np.cumsum(np.full((60, 4), 0.01), 0)), DATES, NAMES)
    frame.iloc[:15, 0] = np.nan
    member = pd.DataFrame(True, DATES, NAMES)
    member["D"] = False
    view = Panel(frame, member).view(when)
    held = Universe(top, least).restrict(view)
    assert held.member.sum() <= top
    assert not held.member[3]
    assert (view.history[held.member] >= least).all()
    wider = Universe(top + 1, least).restrict(view).member
    assert (wider | ~held.member).all()  # a larger universe holds the smaller one


def test_without_volumes_what_moves_is_liquid_and_longer_histories_come_first(frame):
    frame.iloc[30:, 0] = frame.iloc[30, 0]
    frame.iloc[:20, 1] = np.nan
    view = Panel(frame).view(59)
    assert Universe(top=3, lookback=20).restrict(view).member.tolist() == [False, True, True, True]
    assert Universe(top=2, lookback=20).restrict(view).member.tolist() == [False, False, True, True]
    assert Universe().restrict(view).member.all()


def test_universes_and_volumes_are_checked(frame):
    for bad in ({"top": 0}, {"min_history": -1}, {"lookback": 0}):
        with pytest.raises(SettingsError):
            Universe(**bad)
    with pytest.raises(DataError, match="sorted dates"):
        Universe(volume=frame.iloc[::-1])
    with pytest.raises(DataError, match="below zero"):
        Universe(volume=-frame)
    with pytest.raises(DataError, match="no volumes before"):
        Universe(top=1, volume=frame.iloc[30:]).restrict(Panel(frame).view(10))
    with pytest.raises(DataError, match="no volumes for A"):
        Universe(top=1, volume=frame.add_prefix("x")).restrict(Panel(frame).view(10))


def test_delistings_are_read_and_take_effect_on_the_first_day_without_a_price(frame, write):
    frame.iloc[20:, 1] = np.nan
    frame.iloc[30:, 2] = np.nan
    path = write(
        f"ticker,date,return\nB,{DATES[19]:%Y-%m-%d},-0.5\nC,{DATES[33]:%Y-%m-%d},0.1\nX,2024-01-01,0\n"
    )
    table = load_delistings(path, default=-0.3)
    assert table.proceeds(frame) == {20: {1: -0.5}, 33: {2: 0.1}}
    panel = Panel(frame, delistings=table)
    assert panel.hash != Panel(frame).hash
    assert panel.between("2024-01-15").delistings == table
    assert panel.select(["B"]).delistings == table
    for text, message in (
        ("asset,date\nA,2024-01-01\n", "no column return"),
        ("asset,date,return\nA,2024-01-01,x\n", "row 2, column return"),
        ("asset,date,return\nA,2024-01-01,0\nA,2024-01-02,0\n", "more than once"),
    ):
        with pytest.raises(DataError, match=message):
            load_delistings(write(text))
    with pytest.raises(SettingsError, match="at least -1"):
        Delistings({"A": ("2024-01-01", -1.5)})
    with pytest.raises(SettingsError, match="date and a return"):
        Delistings({"A": "2024-01-01"})
    with pytest.raises(DataError, match="A was delisted on 2024-01-13, and has prices after it"):
        Panel(frame, delistings=Delistings({"A": ("2024-01-13", 0.0)}))


def test_series_and_volumes_come_from_files_like_those_of_prices(tmp_path, frame):
    (frame * 0).to_parquet(tmp_path / "volume.parquet")
    assert load_volume(tmp_path / "volume.parquet").shape == frame.shape
    frame[["A"]].to_csv(tmp_path / "rate.csv")
    assert load_series(tmp_path / "rate.csv").name == "A"
    with pytest.raises(DataError, match="4 columns"):
        load_series(tmp_path / "volume.parquet")


def test_a_rolling_view_shows_no_more_than_its_window(frame):
    view = Panel(frame).view(50, window=10)
    np.testing.assert_array_equal(view.prices, frame.to_numpy()[40:51])
    np.testing.assert_array_equal(view.window(100), view.returns)
    assert Panel(frame).view(5, window=10).prices.shape == (6, 4)
