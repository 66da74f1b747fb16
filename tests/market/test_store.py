"""A store of prices: what was known when is never lost, and comes back to the byte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine import load_panel
from riskengine.errors import DataError
from riskengine.market import add_prices, batches, history, load_prices, save_prices, withdraw


def saved(frame: pd.DataFrame, path: Path) -> Path:
    return save_prices(frame, path)


@pytest.fixture
def table(prices) -> pd.DataFrame:
    found = prices.iloc[:640].copy()
    found.iloc[3:9, 2] = np.nan
    return found


def test_a_store_gives_what_the_file_gave(table, tmp_path):
    file, store = saved(table, tmp_path / "p.parquet"), tmp_path / "s.store"
    found = add_prices(store, file, "2020-01-01T18:00")
    assert (found.added, found.corrected, found.same) == (int(table.notna().to_numpy().sum()), 0, 0)
    assert load_panel(f"store:///{store}").hash == load_panel(file).hash
    again = add_prices(store, file)
    assert (again.batch, again.added, again.same) == (0, 0, found.added)
    assert len(batches(store)) == 1


def test_open_to_volume_come_along(tmp_path):
    days = pd.bdate_range("2024-01-01", periods=4)
    rows = pd.DataFrame(
        {
            "date": days,
            "asset": "A",
            "close": [10.0, 11, 12, 13],
            "high": 14.0,
            "low": 9.0,
            "volume": [1, 2, 3, 4],
        }
    )
    rows.to_csv(tmp_path / "p.csv", index=False)
    add_prices(tmp_path / "s.store", tmp_path / "p.csv")
    panel, wanted = load_panel(f"store:///{tmp_path}/s.store"), load_panel(tmp_path / "p.csv")
    assert panel.hash == wanted.hash
    assert panel.high is not None


STATES = st.lists(
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.sampled_from("AB")), st.floats(1, 1000), min_size=1, max_size=6
    ),
    min_size=1,
    max_size=5,
)


@given(STATES)
@settings(max_examples=10)
def test_every_moment_comes_back_as_it_was(tmp_path_factory, states):
    """Oracle: a dictionary that each batch updates, and a copy of it after each."""
    folder = tmp_path_factory.mktemp("s")
    days, known, seen = pd.bdate_range("2024-01-01", periods=5), {}, []
    for k, state in enumerate(states):
        rows = [{"date": f"{days[d]:%Y-%m-%d}", "asset": a, "close": v} for (d, a), v in state.items()]
        path = folder / f"{k}.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        found = add_prices(folder / "s.store", path, f"2024-02-{k + 1:02d}T18:00")
        assert found.added == len(state.keys() - known.keys())
        assert found.corrected == sum(known[key] != v for key, v in state.items() if key in known)
        known = known | state
        seen.append(known)
    for k, wanted in enumerate(seen):
        close = load_prices(f"store:///{folder}/s.store?asof=2024-02-{k + 1:02d}T18:00").close
        cells = close.rename_axis("date").reset_index().melt("date").dropna()
        assert {(int(days.get_loc(d)), a): v for d, a, v in cells.itertuples(index=False)} == wanted


def test_a_correction_changes_todays_report_and_not_one_as_of_before(
    quick_command, table, tmp_path, fixed_shape
):
    store, holdings = tmp_path / "prices.store", tmp_path / "holdings.csv"
    holdings.write_text("asset,quantity\nA,10\nB,20\nCASH,1000\n")
    add_prices(store, saved(table.iloc[:-1], tmp_path / "first.csv"), "2024-05-01T18:00")
    add_prices(store, saved(table.iloc[-1:], tmp_path / "day.csv"), "2024-05-02T18:00")

    def report(name: str, asof: str) -> bytes:
        out = tmp_path / name
        status, _, said = quick_command(
            "rebalance",
            "min_variance",
            "--prices",
            f"store:///{store}{asof}",
            "--holdings",
            holdings,
            "--out",
            out,
        )
        assert status in (0, 3), said
        return (out / "report.json").read_bytes()

    before, today = report("before", "?asof=2024-05-02T18:00"), report("today", "")
    assert b"as it was known at 2024-05-02 18:00:00 UTC" in before
    wrong = table.iloc[[-30]].copy()
    wrong.iloc[0, 0] *= 1.04
    status, said, _ = quick_command(
        "store", "add", saved(wrong, tmp_path / "mended.csv"), "--store", store, "--known", "2024-05-03T09:00",
        "--json",
    )  # fmt: skip
    assert status == 3
    found = json.loads(said)
    assert (found["added"], found["corrected"], found["same"]) == (0, 1, 5)
    assert found["corrections"][0]["asset"] == "A"
    assert report("again", "?asof=2024-05-02T18:00") == before
    assert report("after", "") != today
    assert report("day", "?asof=2024-05-02") == before.replace(b"18:00:00 UTC", b"23:59:59 UTC")
    one = history(store, "A", f"{table.index[-30]:%Y-%m-%d}")
    assert [row["close"] for row in one] == [table.iloc[-30, 0], wrong.iloc[0, 0]]


def test_a_price_is_withdrawn_and_was_known(table, tmp_path, command):
    store, day = tmp_path / "s.store", f"{table.index[10]:%Y-%m-%d}"
    add_prices(store, saved(table, tmp_path / "p.csv"), "2024-05-01")
    with pytest.raises(DataError, match="has no price of 'Z'"):
        withdraw(store, "Z", day)
    status, said, _ = command("store", "withdraw", "A", day, "--store", store)
    assert status == 0, said
    assert np.isnan(load_panel(f"store:///{store}").prices.loc[day, "A"])
    assert load_panel(f"store:///{store}?asof=2024-05-01").prices.loc[day, "A"] == table.loc[day, "A"]
    assert history(store, "A", day)[-1]["close"] is None
    back = add_prices(store, saved(table.iloc[10:11], tmp_path / "back.csv"))
    assert (back.added, back.corrected, back.same) == (0, 1, 5)
    assert load_panel(f"store:///{store}").prices.loc[day, "A"] == table.loc[day, "A"]
    status, said, _ = command("store", "show", "--store", store)
    assert status == 0
    assert f"A on {day} withdrawn" in said


def test_what_is_refused_leaves_the_store_as_it_was(table, tmp_path):
    store = tmp_path / "s.store"
    with pytest.raises(DataError, match="no file"):
        add_prices(store, tmp_path / "absent.csv")
    with pytest.raises(DataError, match=r"no store .*store add FILE --store"):
        load_panel(f"store:///{store}")
    first = saved(table, tmp_path / "p.csv")
    with pytest.raises(DataError, match="lies in the future"):
        add_prices(store, first, "2124-01-01")
    assert not store.exists()
    add_prices(store, first, "2024-05-01T18:00")
    before = load_panel(f"store:///{store}").hash
    bad = saved(table.iloc[-3:] * 1.01, tmp_path / "bad.csv")
    with pytest.raises(DataError, match="is not after the last batch"):
        add_prices(store, bad, "2024-05-01T18:00")
    (tmp_path / "zero.csv").write_text("date,A\n2024-01-02,0\n2024-01-03,1\n")
    with pytest.raises(DataError, match="not a positive number"):
        add_prices(store, tmp_path / "zero.csv")
    with pytest.raises(
        DataError, match="knew no prices at 2023-01-01: the first batch is known from 2024-05-01T18"
    ):
        load_panel(f"store:///{store}?asof=2023-01-01")
    with pytest.raises(DataError, match="asof"):
        load_panel(f"store:///{store}?asof=01/05/2024")
    assert load_panel(f"store:///{store}").hash == before
    assert len(batches(store)) == 1


def test_traded_closes_do_not_join_adjusted_ones(tmp_path):
    head = "Date,Open,High,Low,Close,{}Volume\n"
    rows = "2024-01-02,9,11,8,10,5,100\n2024-01-03,9,11,8,10,5,7\n"
    (tmp_path / "A.csv").write_text(head.format("Adj Close,") + rows)
    (tmp_path / "B.csv").write_text(head.format("") + "2024-01-04,9,11,8,10,100\n2024-01-05,9,11,8,10,7\n")
    add_prices(tmp_path / "s.store", tmp_path / "A.csv")
    with pytest.raises(DataError, match=r"closes as they were traded, .* adjusted closes: bring one kind"):
        add_prices(tmp_path / "s.store", tmp_path / "B.csv")


def test_a_database_that_is_no_store_is_left_alone(table, tmp_path):
    path, file = tmp_path / "other.duckdb", saved(table, tmp_path / "p.csv")
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1 AS a")
    with pytest.raises(DataError, match="but no store"):
        add_prices(path, file)
    content = file.read_bytes()
    for place in (file, tmp_path / "new.csv", tmp_path):
        with pytest.raises(DataError, match="is no store: name a file"):
            add_prices(place, file)
    assert file.read_bytes() == content
    assert not (tmp_path / "new.csv").exists()
    damaged = tmp_path / "damaged.store"
    damaged.write_bytes(b"\0" * 8 + b"DUCK" + b"\1" * 90)
    with pytest.raises(DataError, match="no store, or a damaged one"):
        add_prices(damaged, file)
    assert load_panel(file).assets == tuple("ABCDEF")


def test_a_second_writer_is_refused_and_a_killed_one_leaves_nothing(table, tmp_path):
    store = tmp_path / "s.store"
    add_prices(store, saved(table, tmp_path / "p.csv"), "2024-05-01")
    code = (
        "import sys; from pathlib import Path; from riskengine.market.store_rows import opened\n"
        "with opened(Path(sys.argv[1]), writing=True) as c:\n"
        "    c.execute('DELETE FROM prices'); print('writing', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdin is not None
    try:
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(DataError, match="being written to by another process"):
            add_prices(store, tmp_path / "p.csv")
        with pytest.raises(DataError, match="being written to by another process"):
            load_panel(f"store:///{store}")
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
        other.stdin.close()
    assert load_panel(f"store:///{store}").hash == load_panel(tmp_path / "p.csv").hash
