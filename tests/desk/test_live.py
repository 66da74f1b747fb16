"""Row by row: the same as in one go, the same after a restart, and exactly once after a kill."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.covariance.margin import conditional_variance
from riskengine.desk.live import LiveEngine, LiveSettings
from riskengine.desk.stream import RowReader, Watch, later
from riskengine.errors import DataError, SettingsError
from riskengine.risk import empirical_tail
from riskengine.serialization import pack

ASSETS = ("A", "B", "C")
WEIGHTS = np.array([0.5, 0.3, 0.0])
SETTINGS = LiveSettings(window=200, recalibrate=0)


@pytest.fixture(scope="module")
def history():
    return 0.01 * np.random.default_rng(1).standard_t(5, (300, 3))


@pytest.fixture(scope="module")
def rows():
    return 0.01 * np.random.default_rng(2).standard_t(5, (40, 3))


def engine(fixed_shape, history, **changes):
    return LiveEngine(fixed_shape, history, ASSETS, WEIGHTS, LiveSettings(**{"window": 200, **changes}))


def test_streamed_equals_batched(fixed_shape, history, rows):
    """Filter-only rows: the variances and the tail of one pass over history and rows with the same parameters."""
    rows = rows.copy()
    rows[5, 1] = np.nan
    live = engine(fixed_shape, history, recalibrate=0)
    for row in rows:
        risk = live.update(row)
    past = np.vstack([history[-200:], rows])
    path = conditional_variance(fixed_shape(history[-200:]), past)
    np.testing.assert_allclose(live.variance, path[-1], rtol=1e-10)
    residuals = np.nan_to_num((past / np.sqrt(path[:-1]))[-200:])
    outcome = residuals @ (np.sqrt(path[-1]) * WEIGHTS)
    assert risk.value_at_risk[0.99] == pytest.approx(empirical_tail(outcome, 0.99).value_at_risk)
    assert risk.volatility == pytest.approx(np.sqrt(np.mean(outcome**2)))
    assert risk.rows == 40


def test_a_recalibration_is_that_of_the_window(fixed_shape, history, rows):
    live = engine(fixed_shape, history, recalibrate=20)
    flags = [live.update(row).recalibrated for row in rows]
    assert [k + 1 for k, flag in enumerate(flags) if flag] == [20, 40]
    window = np.vstack([history, rows])[-200:]
    np.testing.assert_allclose(
        live.variance, conditional_variance(fixed_shape(window), window)[-1], rtol=1e-10
    )


def test_a_restored_engine_goes_on_bit_by_bit(fixed_shape, history, rows):
    live = engine(fixed_shape, history, recalibrate=15)
    for row in rows[:10]:
        live.update(row)
    again = LiveEngine.restore(live.snapshot(), fixed_shape)
    for row in rows[10:]:
        assert live.update(row) == again.update(row)
    assert live.snapshot() == again.snapshot()
    for content, message in ((b"nothing", "damaged"), (pack({"rows": 1}), "no snapshot")):
        with pytest.raises(DataError, match=message):
            LiveEngine.restore(content, fixed_shape)


def related(days, seed=7):
    """Returns of eight assets with a common factor."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_t(5, (days, 1))
    return 0.008 * (0.8 * factor + 0.6 * rng.standard_t(5, (days, 8)))


@pytest.mark.parametrize("days", [20, 100, 400])
def test_a_newly_listed_copy_shows_the_risk_of_what_it_copies(fixed_shape, days):
    """Days before a listing counted as no move: with 60% in a copy listed for 20 days of 500, 43% of the VaR showed."""
    names, settings, ratios = tuple("ABCDEFGHI"), LiveSettings(window=500, recalibrate=0), []
    for held in (np.r_[np.zeros(8), 1.0], np.r_[np.full(8, 0.05), 0.6]):
        for seed in range(8):
            rows = related(600, seed)
            both = np.column_stack([rows, rows[:, 0]])
            young = both.copy()
            young[: len(young) - days, -1] = np.nan
            same = fixed_shape(both)  # parameters of a few days are no subject here
            old, new = (
                LiveEngine(lambda _, fit=same: fit, x[:-5], names, held, settings) for x in (both, young)
            )
            for row in both[-5:]:
                full, short = old.update(row), new.update(row)
            assert full.short_history == {}
            assert short.short_history == short.to_dict()["short_history"] == {"I": 500 - days}
            assert not short.flagged
            ratios.append(
                [short.volatility / full.volatility]
                + [short.value_at_risk[level] / full.value_at_risk[level] for level in (0.95, 0.99)]
            )
    np.testing.assert_allclose(ratios, 1, atol=0.15)  # of other days, as any two windows
    np.testing.assert_allclose(np.mean(ratios, axis=0), 1, atol=0.03)


def test_past_days_of_a_holding_are_filled_as_if_taken_in_one_go(fixed_shape):
    """Listed in the middle of the stream, without returns for longer than the window, gone again: ring and restart."""
    rows = related(260)
    rows[:150, 1] = np.nan  # listed late
    rows[40:250, 2] = np.nan  # out of the window, and back
    rows[60:, 3] = np.nan  # gone
    rows[120] = np.nan  # a day of which nothing is known
    rows[130:140, 4] = np.nan  # a gap that becomes the oldest part of the window
    names, settings = tuple("ABCDEFGH"), LiveSettings(window=100, levels=(0.95,), recalibrate=0)
    live = LiveEngine(fixed_shape, rows[:50], names, np.full(8, 1 / 8), settings)
    named = set()
    for row in rows[50:]:
        again = LiveEngine.restore(live.snapshot(), fixed_shape)
        risk = live.update(row)
        assert risk == again.update(row)
        np.testing.assert_array_equal(live._short.unlisted, again._short.unlisted)
        fresh = LiveEngine.restore(live.snapshot(), fixed_shape)
        np.testing.assert_array_equal(live._short.unlisted, fresh._short.unlisted)
        assert fresh.risk().volatility == risk.volatility
        named |= set(risk.short_history)
    assert named == {"B", "C", "E"}


def test_bad_rows_leave_the_engine_as_it_was(fixed_shape, history):
    live = engine(fixed_shape, history)
    before = live.snapshot()
    for bad in (np.zeros(2), np.array([np.inf, 0, 0])):
        with pytest.raises(DataError):
            live.update(bad)
    assert live.snapshot() == before
    with pytest.raises(SettingsError, match="tail"):
        LiveSettings(window=50)
    with pytest.raises(DataError, match="finite"):
        LiveEngine(fixed_shape, history, ASSETS, np.array([np.nan, 0, 0]))


def watch(folder, fixed_shape, history, lines, every=7, prices=False):
    def start():
        return engine(fixed_shape, history, recalibrate=9), np.array([100.0, 50.0, 20.0])

    out, problems = io.StringIO(), io.StringIO()
    counts = Watch(folder, start, fixed_shape, prices, every).run(lines, out, problems)
    return out.getvalue().splitlines(), problems.getvalue().splitlines(), counts


def as_lines(rows):
    return [
        f"2024-{1 + k // 28:02d}-{1 + k % 28:02d}," + ",".join(f"{x!r}" for x in row.tolist())
        for k, row in enumerate(rows)
    ]


def test_rows_that_cannot_be_taken_are_counted_and_end_nothing(fixed_shape, history, rows, tmp_path):
    good = as_lines(rows[:6])
    lines = [
        "date,B,A,C",
        good[0],
        good[0],
        "2023-12-31,0,0,0",
        "soon",
        "2024-02-01,0,x,0",
        "2024-02-01,0,inf,0",
        '{"key": "2024-02-01", "D": 1}',
        "{broken",
        "[]",
        "",
        '{"date": "2024-02-02", "A": 0.01}',
        '["2024-02-03", 0.01, null, 0]',
    ]
    out, problems, counts = watch(tmp_path, fixed_shape, history, lines)
    assert counts == {"taken": 3, "duplicate": 1, "late": 1, "malformed": 6}
    assert [json.loads(line)["key"] for line in out] == ["2024-01-01", "2024-02-02", "2024-02-03"]
    assert [json.loads(line)["missing"] for line in out] == [0, 2, 1]
    assert len(problems) == 8
    assert json.loads((tmp_path / "problems.json").read_text())["late"] == 1


def test_prices_become_returns(fixed_shape, history, tmp_path):
    returns, _, _ = watch(tmp_path / "a", fixed_shape, history, ["1,0.1,-0.1,0.0", "2,0.1,0.1,"])
    prices, _, counts = watch(
        tmp_path / "b", fixed_shape, history, ["1,110,45,20", "2,121,49.5,", "3,1,-1,1"], prices=True
    )
    assert counts["malformed"] == 1
    for one, other in zip(returns, prices, strict=True):
        first, second = json.loads(one), json.loads(other)
        assert first["var_99"] == pytest.approx(second["var_99"])
        assert first["missing"] == second["missing"]


@settings(max_examples=12)
@given(st.integers(1, 39), st.integers(1, 12))
def test_a_stream_cut_anywhere_goes_on_as_if_it_had_not_been(fixed_shape, history, rows, cut, every):
    """Two runs on the same folder, the second fed everything again, write what one run writes."""
    lines = as_lines(rows)
    with tempfile.TemporaryDirectory() as folder:
        whole, _, _ = watch(Path(folder) / "a", fixed_shape, history, lines)
        first, _, _ = watch(Path(folder) / "b", fixed_shape, history, lines[:cut], every)
        second, _, counts = watch(Path(folder) / "b", fixed_shape, history, lines, every)
        assert first + second == whole
        assert counts["late"] + counts["duplicate"] == cut
        assert (Path(folder) / "b" / "output.jsonl").read_text().splitlines() == whole


SCRIPT = """
import sys
sys.path[:0] = [{root!r}, {tests!r}]
from pathlib import Path
import numpy as np
from conftest import FixedShape
from riskengine.desk.live import LiveEngine, LiveSettings
from riskengine.desk.stream import Watch
import os, signal

folder, rows, kills = Path({folder!r}), {rows}, {kills!r}
fixed = FixedShape()

def start():
    history = 0.01 * np.random.default_rng(1).standard_t(5, (300, 3))
    settings = LiveSettings(200, recalibrate=0)
    return LiveEngine(fixed, history, ("A", "B", "C"), np.array([0.5, 0.3, 0.0]), settings), np.ones(3)

data = 0.01 * np.random.default_rng(2).standard_t(5, (rows, 3))
lines = [f"{{k}}," + ",".join(map(repr, row.tolist())) for k, row in enumerate(data, start=1)]

def die_after(steps):
    # SIGKILL at a call or a return, of Python or of C, somewhere in the code that reads, logs and writes.
    left = [steps]

    def count(frame, event, argument):
        if frame.f_code.co_filename.endswith(("/stream.py", "/stream_store.py")):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)

for steps in [*kills, None]:
    child = os.fork()
    if child == 0:
        out = (folder / "stdout").open("a+")
        watch = Watch(folder / "state", start, fixed, snapshot_every=37)
        if steps is not None:
            die_after(steps)
        watch.run(lines, out, (folder / "stderr").open("a"))
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert status == (0 if steps is None else signal.SIGKILL), (steps, status)
"""


def killed(folder: Path, rows: int, kills: list[int]) -> list[str]:
    """Standard output of a watch that is killed again and again, restarted with the whole stream each time."""
    folder.mkdir()
    root = Path(__file__).parents[2]
    code = SCRIPT.format(
        root=str(root), tests=str(root / "tests"), folder=str(folder), rows=rows, kills=kills
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    text = (folder / "stdout").read_text()
    assert (folder / "state" / "output.jsonl").read_text() == text
    return text.splitlines()


KILLS = int(os.environ.get("RISKENGINE_KILLS", "6"))  # 50 for a stream of 1,000 rows, in a minute or two


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.slow
def test_kills_at_random_points_lose_and_double_nothing(tmp_path):
    """SIGKILL while rows are taken; set by the clock, and shown when it fails."""
    rng = np.random.default_rng(int(time.time()))
    rows = 20 * KILLS
    whole = killed(tmp_path / "whole", rows, [])
    assert [json.loads(line)["row"] for line in whole] == list(range(1, rows + 1))
    kills = rng.integers(1, 20 * rows, KILLS).tolist()
    assert killed(tmp_path / "cut", rows, kills) == whole, kills


def test_what_a_kill_has_left_of_a_line_is_mended(fixed_shape, history, rows, tmp_path):
    """As if the process had died while it wrote the last line, to the log and to standard output."""
    lines = as_lines(rows[:5])
    whole, _, _ = watch(tmp_path, fixed_shape, history, lines)
    path, out = tmp_path / "output.jsonl", tmp_path / "stdout"
    for left in ("", whole[-1][:7], whole[-1] + "\n"):
        with closing(sqlite3.connect(tmp_path / "stream.sqlite")) as db, db:
            db.execute("UPDATE kept SET content = '' WHERE name = 'clean'")
        for file in (path, out):
            file.write_text("\n".join(whole[:-1]) + "\n" + left)
        with out.open("a") as sink:
            Watch(tmp_path, None, fixed_shape).run(lines, sink, io.StringIO())
        assert path.read_text().splitlines() == out.read_text().splitlines() == whole


def test_a_header_outlives_the_process_that_read_it(fixed_shape, history, tmp_path):
    def start():
        return engine(fixed_shape, history), np.ones(3)

    with pytest.raises(BrokenPipeError):
        Watch(tmp_path, start, fixed_shape).run(broken_off(["date,C,B,A"]), io.StringIO(), io.StringIO())
    again = Watch(tmp_path, start, fixed_shape)
    again.close()
    assert again.reader.columns == [2, 1, 0]


def broken_off(lines):
    yield from lines
    raise BrokenPipeError


def test_a_folder_that_cannot_be_gone_on_from_is_refused(fixed_shape, history, rows, tmp_path):
    def start():
        return engine(fixed_shape, history), np.ones(3)

    holder = Watch(tmp_path / "held", start, fixed_shape)
    with pytest.raises(DataError, match="end the process that holds it"):
        Watch(tmp_path / "held", start, fixed_shape)
    holder.close()
    watch(tmp_path / "held", fixed_shape, history, as_lines(rows[:2]))
    store = tmp_path / "held" / "stream.sqlite"
    store.write_bytes(b"x" * 5000)
    with pytest.raises(DataError, match="damaged"):
        Watch(tmp_path / "held", start, fixed_shape)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "snapshot-100.npz").touch()
    with pytest.raises(DataError, match="earlier version"):
        Watch(tmp_path / "old", start, fixed_shape)


def test_keys_and_headers():
    assert later("10", "9")
    assert not later("2024-01-02", "2024-01-02")
    reader = RowReader(ASSETS)
    with pytest.raises(DataError, match="twice"):
        reader.read("date,A,A")
    with pytest.raises(DataError, match="no key"):
        reader.read('{"key": 1.5, "A": 0}')
    assert reader.read("date,C") is None
    np.testing.assert_array_equal(reader.read("2024-01-02,0.5").values, [np.nan, np.nan, 0.5])
