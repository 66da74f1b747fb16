"""Returns, rows, forecasts and limits of another kind than is meant: refused, or flagged by name, and never taken."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskengine import ArchReference, MaximumLikelihood, NeuralCalibrator
from riskengine.calibration import CalibrationStream
from riskengine.cli import FLAGGED
from riskengine.covariance import (
    ConstantCorrelation,
    Ewma,
    FactorGarch,
    LedoitWolf,
    RiskMetrics2006,
    SampleCovariance,
)
from riskengine.covariance.evaluation import forecasts
from riskengine.desk import read_desk
from riskengine.desk.forecast_file import read_forecasts
from riskengine.desk.live import LiveEngine, LiveSettings
from riskengine.desk.stream import RowReader, Watch
from riskengine.desk.stream_settings import StreamSettings, begin, reconcile
from riskengine.desk.stream_start import Start
from riskengine.errors import DataError, ImplausibleError, SettingsError
from riskengine.market import Panel
from riskengine.market.checks import as_returns, as_row, as_weights
from riskengine.risk import (
    FilteredHistory,
    ScenarioModel,
    TailForecaster,
    empirical_tail,
    replay_returns,
    student_t_tail,
    validate,
)
from riskengine.risk.sampling_error import tail_error

NAMES = ("A", "B", "C", "D", "E")
DATES = pd.bdate_range("2022-01-03", periods=320)
RETURNS = 0.01 * np.random.default_rng(0).standard_normal((319, 5))
PRICES = pd.DataFrame(100 * np.vstack([np.ones(5), np.cumprod(1 + RETURNS, 0)]), DATES, list(NAMES))
FRAME = PRICES.pct_change().iloc[1:]


# One door for returns and for weights


def doors(calibrator):
    return {
        "network": NeuralCalibrator.pretrained(),
        "maximum likelihood": MaximumLikelihood(),
        "arch": ArchReference(),
        "stream of calibrations": CalibrationStream(NeuralCalibrator.pretrained(), 250).init,
        "sample covariance": SampleCovariance(250).init,
        "shrinkage": LedoitWolf(250).init,
        "ewma": Ewma().init,
        "riskmetrics": RiskMetrics2006().init,
        "constant correlation": ConstantCorrelation(calibrator).init,
        "factor model": FactorGarch(calibrator).init,
        "evaluation": lambda x: list(forecasts(SampleCovariance(250), x, 250)),
        "tails": TailForecaster(calibrator, windows=(300,)).init,
        "scenarios": lambda x: ScenarioModel.fit(x, calibrator, 250),
        "live engine": lambda x: LiveEngine(calibrator, x, NAMES, np.full(5, 0.2), LiveSettings(250)),
        "replay": lambda x: replay_returns(NAMES, np.full(5, 0.2), x),
    }


UNUSUAL = {
    "prices": (PRICES, "prices, not returns"),
    "small prices": (1e-3 * PRICES.to_numpy(), "prices, not returns"),
    "gross returns": (1 + RETURNS, "prices, not returns"),
    "percent": (100 * RETURNS, "percent"),
    "calm percent": (30 * RETURNS, "percent"),
    "basis points": (1e4 * RETURNS, "basis points"),
    "more than all lost": (np.vstack([RETURNS, np.full((1, 5), -1.5)]), "at or below -1"),
    "infinite": (np.vstack([RETURNS, np.full((1, 5), np.inf)]), "infinite"),
    "one dimension": (RETURNS[:, 0], "reshape one asset"),
    "three dimensions": (RETURNS[None], "time, assets"),
    "objects": (FRAME.astype(object), "type object"),
    "text": (RETURNS.astype(str), "must be numbers"),
    "truth values": (RETURNS > 0, "must be numbers"),
    "complex": (RETURNS + 0j, "must be numbers"),
    "unsorted dates": (FRAME.iloc[::-1], "not sorted"),
    "repeated dates": (pd.concat([FRAME, FRAME.iloc[-1:]]), "more than once"),
    "text dates": (FRAME.set_axis(FRAME.index.strftime("%d/%m/%Y"), axis=0), "to_datetime"),
    "dates across": (FRAME.T, "dates stand where"),
    "a name twice": (FRAME.set_axis(list("AABCD"), axis=1), "more than one column"),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_every_door_refuses_what_is_no_table_of_returns(kind, fixed_shape):
    bad, message = UNUSUAL[kind]
    taken = []
    for name, door in doors(fixed_shape).items():
        try:
            door(bad)
        except DataError as error:
            taken += [] if re.search(message, str(error)) else [f"{name}: {error}"]
        else:
            taken.append(name)
    assert not taken


def test_a_door_takes_what_returns_ordinary_markets_have():
    crash = RETURNS.copy()
    crash[100] = -0.25
    crash[50, 0], crash[200, 1] = 99.0, -0.99  # a wrong print there and back
    fund = np.abs(1e-4 * RETURNS[:, :1]) + 1e-5  # a money market: never a loss
    gaps = RETURNS.copy()
    gaps[:300, 0] = np.nan
    gaps[:, 1] = np.nan
    yearly = pd.DataFrame(30 * RETURNS[:40], pd.date_range("1980-12-31", periods=40, freq="YE"), list(NAMES))
    for good in (
        crash,
        fund,
        gaps,
        np.zeros((30, 2)),
        FRAME,
        FRAME.astype("Float64"),
        RETURNS.astype(np.float32),
        yearly,
    ):
        assert as_returns(good)[0].dtype == np.float64
    masked = np.ma.masked_array(RETURNS, RETURNS < -0.02)
    assert np.isnan(as_returns(masked)[0]).sum() == (RETURNS < -0.02).sum()
    assert as_returns(FRAME)[1] == NAMES


ROWS = {
    "prices": (PRICES.to_numpy()[-1], ImplausibleError),
    "percent": (np.array([-1.3, 0.4, 0.8, -0.2, 0.1]), ImplausibleError),
    "more than all lost": (np.array([-1.5, 0, 0, 0, 0]), ImplausibleError),
    "infinite": (np.array([np.inf, 0, 0, 0, 0]), DataError),
    "too short": (np.zeros(4), DataError),
    "objects": (np.zeros(5, object), DataError),
    "text": (np.array(["0.1"] * 5), DataError),
}


@pytest.mark.parametrize("kind", ROWS)
def test_every_door_refuses_what_is_no_row_of_returns(kind, fixed_shape):
    bad, error = ROWS[kind]
    updates = [
        (model, model.init(RETURNS))
        for model in (
            SampleCovariance(250),
            Ewma(),
            RiskMetrics2006(),
            ConstantCorrelation(fixed_shape),
            FactorGarch(fixed_shape),
            TailForecaster(fixed_shape, windows=(300,)),
        )
    ]
    for model, state in updates:
        with pytest.raises(error):
            model.update(state, bad)
    live = LiveEngine(fixed_shape, RETURNS, NAMES, np.full(5, 0.2), LiveSettings(250))
    before = live.snapshot()
    with pytest.raises(error):
        live.update(bad)
    assert live.snapshot() == before


def test_weights_go_by_name_and_are_finite():
    np.testing.assert_array_equal(as_weights(pd.Series({"E": 0.4, "A": 0.6}), NAMES), [0.6, 0, 0, 0, 0.4])
    np.testing.assert_array_equal(as_row({"E": 0.01}, NAMES)[[0, 4]], [np.nan, 0.01])
    for bad in (
        {"Q": 1.0},
        np.ones(4),
        np.array([np.nan, 0, 0, 0, 0]),
        np.array(["a"] * 5),
        np.full(5, np.inf),
    ):
        with pytest.raises(DataError):
            as_weights(bad, NAMES)


# Tail figures


@given(
    arrays(float, st.integers(100, 300), elements=st.floats(-0.5, 0.5)),
    st.sampled_from([0.6, 0.9, 0.95, 0.975, 0.99]),
)
def test_cvar_is_never_below_var(returns, level):
    """Of scenarios, of a Student-t, of filtered history, and errors are not negative."""
    slack = 1e-12
    tail = empirical_tail(returns, level)
    assert tail.conditional_value_at_risk >= tail.value_at_risk - slack
    assert min(tail_error(returns, level)) >= 0
    volatility = float(np.std(returns))
    for dof in (2.001, 3.0, 8.0, np.inf):
        law = student_t_tail(volatility, dof, level, mean=float(np.mean(returns)))
        assert law.conditional_value_at_risk >= law.value_at_risk - slack
    from riskengine.garch.params import GarchParams

    params = GarchParams(*(np.array([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    history = FilteredHistory(returns[:, None] * 10, params, np.array([1e-4]))
    for horizon in (1, 3):
        found = history.portfolio_tail(np.array([1.0]), level, horizon, paths=200)
        assert found.conditional_value_at_risk >= found.value_at_risk - slack


@pytest.mark.parametrize(("seed", "drift"), [(0, 0.5), (1, 1.0), (2, 1.5), (3, 2.0), (4, 3.0)])
def test_adaptive_tails_keep_cvar_above_var(seed, drift, fixed_shape):
    """Also for series that hardly ever lose, whose quantiles are below zero."""
    rng = np.random.default_rng(seed)
    rows = 0.002 * rng.standard_normal((320, 3)) + 0.002 * drift * np.array([0.0, 1.0, 3.0])
    forecaster = TailForecaster(fixed_shape, windows=(300,))
    state = forecaster.init(rows)
    for level in forecaster.levels:
        tail = forecaster.forecast(state, level)
        assert (tail.conditional_value_at_risk >= tail.value_at_risk - 1e-12).all()


# Commands, from files to files


@pytest.fixture
def run(quick_command):
    return quick_command


@pytest.fixture
def files(tmp_path):
    write(tmp_path, PRICES)
    (tmp_path / "holdings.csv").write_text("asset,quantity\nA,100\nB,50\nCASH,1000\n")
    return tmp_path


def write(folder, prices):
    prices.rename_axis("date").to_csv(folder / "prices.csv")


def stress(run, files, *more, paths=200):
    common = ("--prices", files / "prices.csv", "--holdings", files / "holdings.csv", "--out", files / "out")
    return run("stress", *common, "--paths", paths, "--horizon", 2, *more)


def test_stress_refuses_paths_without_a_tail_and_states_the_error_of_few(run, files):
    code, _, err = stress(run, files, paths=50)
    assert code == 1
    assert "50 paths have no tail at 99%: at least 100" in err
    said = set()
    for seed in range(6):
        code, text, err = stress(run, files, "--json", "--seed", seed)
        assert code == 0, err
        content = json.loads(text)
        for row in content["scenarios"]:
            if "var_99" in row:
                assert row["var_95"] <= row["var_99"] <= row["cvar_99"]
                assert row["cvar_99_error"] > 0
                assert sum(row["drivers"].values()) == pytest.approx(row["cvar_99"])
        base = content["scenarios"][0]
        coarse = base["cvar_99_error"] > 0.1 * base["cvar_99"]
        assert any("200 paths give the CVaR" in note for note in content["notes"]) == coarse
        said.add(coarse)
    assert True in said  # 200 paths are two beyond the 99%
    assert content["units"]["var_99"] == "loss as a fraction of wealth over 2 days, 99%"


def test_stress_judges_every_limit_or_says_that_it_does_not(run, files):
    limits = files / "limits.json"
    limits.write_text(
        json.dumps(
            {
                "limits": {"var_99": 0.001, "cvar_97.5": 0.5, "volatility": 0.01, "weight": 0.5, "participation": 0.1,
                           "group:tech": 0.3, "drawdown": 0.9},
                "groups": {"A": "tech"},
            }
        )
    )  # fmt: skip
    code, text, _ = stress(run, files, "--limits", limits, "--json")
    assert code == FLAGGED
    content = json.loads(text)
    lights = {row["name"]: row["light"] for row in content["limits"]}
    assert lights == {
        "var_99": "red", "cvar_97.5": "green", "volatility": "red", "weight": "red", "participation": None,
        "group:tech": "red", "drawdown": "green",
    }  # fmt: skip
    assert "not judged" in next(row["on"] for row in content["limits"] if row["name"] == "participation")
    code, text, _ = stress(run, files, "--limits", limits)
    assert "limit largest share of daily volume at most 10.00%: not judged" in text
    assert "limit var_99" in (files / "out" / "stress.html").read_text()


@pytest.mark.parametrize(
    ("name", "value", "meant"), [("drawdown", 5, "0.05"), ("var_99", 1, "0.01"), ("weight", 20, "0.2"),
                                 ("volatility", 15, "0.15"), ("cvar_97.5", 2.5, "0.025")]
)  # fmt: skip
def test_a_limit_that_nothing_breaks_is_refused_as_a_percentage(tmp_path, name, value, meant):
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"limits": {name: value}}))
    with pytest.raises(SettingsError, match=f"{value:g} means .*did you mean {meant}"):
        read_desk(path, NAMES)


def test_stress_flags_a_holding_without_recent_prices_with_its_share(run, files):
    prices = PRICES.copy()
    prices.iloc[-60:, 0] = np.nan
    write(files, prices)
    code, text, _ = stress(run, files)
    assert code == FLAGGED
    assert "A: no price for 60 closes, since 2022-12-30; valued at its last one, it carries" in text.replace(
        "\n", " "
    )
    assert "% of the CVaR" in text
    assert "no price for 60 closes" in (files / "out" / "stress.html").read_text()
    content = json.loads((files / "out" / "stress.json").read_text())
    assert content["status"] == "flagged"
    prices = PRICES.copy()
    prices.iloc[-2:, 0] = np.nan
    write(files, prices)
    code, text, _ = stress(run, files)
    assert (code, "no price for 2 closes" in text) == (0, True)


def test_stress_flags_a_possible_split_in_a_holding_alone(run, files):
    prices = PRICES.copy()
    prices.iloc[-1, 1] /= 2
    write(files, prices)
    code, text, _ = stress(run, files)
    assert code == FLAGGED
    assert "audit: possible_split: B" in text
    prices = PRICES.copy()
    prices.iloc[-1, 3] /= 2
    write(files, prices)
    assert stress(run, files)[0] == 0


def test_a_fund_priced_once_a_week_has_the_volatility_of_a_day(run, files):
    prices = PRICES.copy()
    prices.loc[prices.index.day_of_week != 4, "A"] = np.nan
    prices = prices.loc[:"2023-03-24"]
    write(files, prices)
    _, text, _ = stress(run, files, "--json", paths=4000)
    weekly = json.loads(text)["scenarios"][0]["var_99"]
    write(files, PRICES)
    _, text, _ = stress(run, files, "--json", paths=4000)
    assert weekly == pytest.approx(json.loads(text)["scenarios"][0]["var_99"], rel=0.35)


def test_stress_flags_a_holding_whose_price_hardly_moves(run, files):
    prices = PRICES.copy()
    prices["A"] = prices["A"].where(np.arange(320) % 3 == 0).ffill()
    write(files, prices)
    assert stress(run, files)[0] == FLAGGED
    content = json.loads((files / "out" / "stress.json").read_text())
    assert "A: 67% of its returns are exactly zero: stale prices" in content["flags"][0]


def test_weekly_prices_have_weekly_horizons(run, files):
    write(files, PRICES.set_axis(pd.date_range("2017-01-06", periods=320, freq="W-FRI"), axis=0))
    common = ("--prices", files / "prices.csv", "--out", files / "out", "--paths", 200, "--json")
    _, text, _ = run("stress", *common)
    content = json.loads(text)
    assert content["scenarios"][0]["horizon"] == 4
    assert "over 4 weeks" in content["units"]["var_99"]


# The stream


def start(calibrator, rows_are_prices=True, held=(0.6, 0.4, 0, 0, 0), prices=PRICES):
    def make():
        from riskengine.desk.stream_start import History

        engine = LiveEngine(
            calibrator,
            prices.pct_change().iloc[1:].to_numpy(),
            NAMES,
            np.array(held),
            LiveSettings(300, recalibrate=0),
        )
        last = (prices if rows_are_prices else prices.pct_change()).to_numpy()[-1]
        history = History(f"{prices.index[-1]:%Y-%m-%d}", tuple(map(float, last)))
        return Start(engine, prices.to_numpy()[-1], history)

    return make


def follow(folder, calibrator, lines, prices=True):
    out, problems = io.StringIO(), io.StringIO()
    watch = Watch(folder, start(calibrator, prices), calibrator, prices)
    watch.run(lines, out, problems)
    return (
        [json.loads(line) for line in out.getvalue().splitlines()],
        [json.loads(line) for line in problems.getvalue().splitlines()],
        watch,
    )


LAST = PRICES.to_numpy()[-1]
A = float(LAST[0])


def line(key, first, others=LAST[1:]):
    return f"{key}," + ",".join(
        [first if isinstance(first, str) else f"{first:.6f}", *(f"{x:.6f}" for x in others)]
    )


def test_a_return_after_a_missing_price_spans_the_gap(tmp_path, fixed_shape):
    """The news is of the size that it has with the last price carried forward, and the row says so."""
    empty, _, watch = follow(
        tmp_path / "a",
        fixed_shape,
        [line("2023-03-27", A), line("2023-03-28", ""), line("2023-03-29", 0.6 * A)],
    )
    carried, _, _ = follow(
        tmp_path / "b",
        fixed_shape,
        [line("2023-03-27", A), line("2023-03-28", A), line("2023-03-29", 0.6 * A)],
    )
    assert empty[1]["missing_names"] == ["A"]
    assert empty[2]["spans"] == {"A": 2}
    for figure in ("volatility", "var_99", "cvar_99"):
        assert empty[2][figure] == pytest.approx(carried[2][figure], rel=0.1)
        assert empty[2][figure] > 2 * empty[0][figure]
    assert watch.flagged  # -40% in a holding


def test_moves_over_gaps_leave_the_variance_unbiased(fixed_shape):
    """An asset with a price every fifth day, of five days' moves, has the volatility of a day."""
    rng = np.random.default_rng(8)
    live = LiveEngine(
        fixed_shape, RETURNS, NAMES, np.array([1.0, 0, 0, 0, 0]), LiveSettings(300, recalibrate=100)
    )
    found = []
    for day in range(600):
        row = 0.01 * rng.standard_normal(5)
        row[0] = 0.01 * rng.standard_normal() * np.sqrt(5) if day % 5 == 4 else np.nan
        live.update(row, spanning=True)
        found.append(np.sqrt(live.variance[0]))
    assert np.mean(found[200:]) == pytest.approx(0.01, rel=0.1)


def test_a_missing_return_is_marked_and_its_holding_stale_after_a_while(tmp_path, fixed_shape):
    rows, _, watch = follow(
        tmp_path,
        fixed_shape,
        [f"2023-03-{27 + k},,0.001,0.001,0,0" for k in range(5)]
        + [f"2023-04-{3 + k:02d},,0.001,0.001,0,0" for k in range(2)],
        prices=False,
    )
    assert [row.get("stale") for row in rows] == [None] * 5 + [["A"]] * 2
    assert watch.flagged
    assert json.loads((tmp_path / "state.json").read_text())["rows_without_a_value"] == {"A": 7}


def test_keys_go_on_from_the_history(tmp_path, fixed_shape):
    lines = [
        line("2019-01-02", A),
        line("2023-03-24", A),
        line("2023-03-27", 1.01 * A),
        line("2023-03-27", 1.01 * A),
        line("2023-03-27", 1.02 * A),
        line("2023-03-28", 1.02 * A),
        line("2023-03-27", 1.01 * A),
    ]
    rows, problems, watch = follow(tmp_path, fixed_shape, lines)
    assert [row["key"] for row in rows] == ["2023-03-27", "2023-03-28"]
    assert [p["problem"] for p in problems] == ["late", "duplicate", "duplicate", "corrected", "duplicate"]
    assert "within the history, which ends on 2023-03-24" in problems[0]["detail"]
    assert "last row of the history" in problems[1]["detail"]
    assert "not applied" in problems[3]["detail"]
    assert watch.flagged
    _, problems, _ = follow(tmp_path / "numbers", fixed_shape, [line("1", A), line("2", 1.01 * A)])
    assert [p["problem"] for p in problems] == ["duplicate"]


def test_rows_that_were_missed_are_counted_in_the_gap(tmp_path, fixed_shape):
    rows, _, watch = follow(tmp_path, fixed_shape, [line("2023-04-24", 1.05 * A)])
    assert rows[0]["skipped"] == 20
    assert rows[0]["spans"]["A"] == 21
    assert watch.flagged


@pytest.mark.parametrize(
    "key", ["2023-3-27", "2023-99-99", "2023-02-30", "27/03/2023", "soon", "1.5", "", "true"]
)
def test_keys_are_whole_numbers_or_iso_dates(tmp_path, fixed_shape, key):
    _, problems, watch = follow(tmp_path, fixed_shape, [line(key, A)])
    assert [p["problem"] for p in problems] == ["malformed"]
    assert watch.flagged


def test_keys_of_two_kinds_do_not_mix(tmp_path, fixed_shape):
    _, problems, _ = follow(
        tmp_path, fixed_shape, [line("1", 1.01 * A), line("2023-03-28", A), line("10", A), line("9", A)]
    )
    assert [p["problem"] for p in problems] == ["malformed", "late"]
    _, problems, _ = follow(tmp_path / "far", fixed_shape, [line("2203-03-28", A)])
    assert "slip of the pen" in problems[0]["detail"]


def test_a_header_that_is_not_understood_stops_the_rows_until_a_good_one(tmp_path, fixed_shape):
    lines = [
        "date,B,a,Q",
        line("2023-03-27", 0.7 * A),
        '{"date": "2023-03-28", "A": %.4f}' % (1.01 * A),
        "date,E,D,C,B,A",
        "2023-03-29," + ",".join(f"{x:.4f}" for x in LAST[::-1]),
    ]
    rows, problems, _ = follow(tmp_path, fixed_shape, lines)
    assert [row["key"] for row in rows] == ["2023-03-28", "2023-03-29"]
    assert [p["problem"] for p in problems] == ["no valid header"] * 2
    assert "'a' (did you mean A?), 'Q'" in problems[0]["detail"]
    reader = RowReader(NAMES)
    for bad in ("date,A,A", "A,B,C", "when,x,y", "date,600519,A"):
        with pytest.raises(DataError):
            reader.read(bad)
        assert reader.refused, bad


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("-1.5,0,0,0,0", "a loss of more than there was"),
        ("-0.8,0.9,-0.6,0.5,0.7", "percent"),
        ("101.2,99.1,100.4,98,102", "a price, or a percentage"),
        ("0.01,60.5,0.01,0,0", "a price, or a percentage"),
    ],
)
def test_implausible_returns_are_refused_with_the_likely_unit(tmp_path, fixed_shape, row, message):
    before = start(fixed_shape, False)().engine.snapshot()
    _, problems, watch = follow(tmp_path, fixed_shape, [f"2023-03-27,{row}"], prices=False)
    assert [p["problem"] for p in problems] == ["implausible"]
    assert message in problems[0]["detail"]
    assert watch.engine.snapshot() == before
    assert watch.now["implausible"] == 1


def test_prices_of_another_unit_are_refused_and_splits_of_holdings_flagged(tmp_path, fixed_shape):
    lines = [line("2023-03-27", 100 * A), line("2023-03-28", 0.5 * A), "2023-03-29,0.01,-0.02,0.01,0.01,0.01"]
    rows, problems, watch = follow(tmp_path, fixed_shape, lines)
    assert [p["problem"] for p in problems] == ["implausible", "malformed"]
    assert "pence for pounds" in problems[0]["detail"]
    assert "are these returns?" in problems[1]["detail"]
    assert rows[0]["possible_splits"] == {"A": "price ratio 0.5000, near 1:2"}
    assert watch.marks["possible_splits"] == 1


def test_a_market_that_crashes_is_no_percentage(tmp_path, fixed_shape):
    rows, problems, _ = follow(
        tmp_path, fixed_shape, ["2023-03-27,-0.2,-0.22,-0.18,-0.25,-0.19"], prices=False
    )
    assert not problems
    assert rows[0]["volatility"] > 0.02


def test_settings_of_a_restart_are_applied_or_refused(tmp_path, fixed_shape):
    write(tmp_path, PRICES)
    (tmp_path / "h.csv").write_text("asset,quantity\nA,100\n")
    (tmp_path / "other.csv").write_text("asset,quantity\nA,100\nB,100\n")
    path, folder = tmp_path / "prices.csv", tmp_path / "state"

    def again(kind=True, **wanted):
        asked = StreamSettings(**wanted)
        watch = Watch(folder, lambda: begin(asked, path, fixed_shape, bool(kind)), fixed_shape, kind)
        try:
            done = [] if watch.fresh else reconcile(watch, asked)
            watch.run([], io.StringIO(), io.StringIO())
        finally:
            watch.close()
        return watch, done

    again(holdings=tmp_path / "h.csv", window=250)
    watch, done = again(kind=None)
    assert watch.prices
    assert done == ["holdings: those of the state, as no file is given"]
    with pytest.raises(DataError, match="rows of this state are prices, not returns"):
        again(kind=False)
    watch, done = again(holdings=tmp_path / "other.csv", recalibrate=5)
    assert np.count_nonzero(watch.engine.weights) == 2
    assert watch.engine.settings.recalibrate == 5
    assert len(done) == 2
    watch, done = again(holdings=tmp_path / "other.csv")
    assert done == []
    assert np.count_nonzero(watch.engine.weights) == 2
    with pytest.raises(SettingsError, match="window of 250 rows, not 300"):
        again(window=300)
    write(tmp_path, 1.5 * PRICES)
    with pytest.raises(DataError, match="not those that this state began with"):
        again(kind=None, prices=path)
    write(tmp_path, PRICES[["A", "B"]])
    with pytest.raises(DataError, match="other assets"):
        again(kind=None, prices=path)


def test_watch_ends_with_three_after_something_to_look_at(run, files):
    common = (
        "watch",
        "--state",
        files / "state",
        "--prices",
        files / "prices.csv",
        "--holdings",
        files / "holdings.csv",
    )
    code, text, err = run(*common, "--window", 300, given="date,A,B,C,D,E\n2023-03-27,0.01,0,0,0,0\n")
    assert code == 0, err
    assert json.loads(text)["horizon"] == "1 day"
    assert json.loads(text)["unit"] == "fraction of wealth"
    code, _, err = run(*common, given="2023-03-28,0.01,x,0,0,0\n")
    assert code == FLAGGED
    prices = PRICES.copy()
    prices.iloc[-1, 0] /= 4
    write(files, prices)
    code, _, err = run(
        "watch", "--state", files / "split", "--prices", files / "prices.csv", "--holdings", files / "holdings.csv",
        "--window", 300, given="",
    )  # fmt: skip
    assert code == FLAGGED
    assert "possible_split: A" in err
    assert "possible_split: A" in json.loads((files / "split" / "state.json").read_text())["findings"][0]


# Validation


def forecasts_file(path, order=slice(None), **columns):
    rng = np.random.default_rng(5)
    returns = 0.01 * rng.standard_normal(300)
    returns[-40:] *= 4
    table = pd.DataFrame(
        {"date": pd.bdate_range("2022-01-03", periods=300).strftime("%Y-%m-%d"), "return": returns}
    )
    for name, values in ({"var": 0.0233} | columns).items():
        table[name] = values(table) if callable(values) else values
    table.iloc[order].to_csv(path, index=False)
    return table


def test_validation_reads_rows_in_the_order_of_their_dates(run, tmp_path):
    path = tmp_path / "f.csv"
    forecasts_file(path)
    code, text, _ = run("validate", path, "--draws", 99, "--json")
    forecasts_file(path, slice(None, None, -1))
    again, other, _ = run("validate", path, "--draws", 99, "--json")
    assert code == again == FLAGGED
    first, second = json.loads(text), json.loads(other)
    assert first["zone"] == second["zone"] == "red"
    assert first["tests"] == second["tests"]
    assert any("rows sorted by date" in note for note in second["notes"])
    path.write_text(path.read_text() + "2022-01-03,0.01,0.0233\n")
    code, _, err = run("validate", path)
    assert code == 1
    assert "2022-01-03 comes twice" in err


@pytest.mark.parametrize("name", ["es", "ES", "Expected Shortfall", "cvar", "CVaR 99%", "es_99"])
def test_validation_knows_the_usual_names(tmp_path, name):
    path = tmp_path / "f.csv"
    forecasts_file(path, **{name: 0.0267, "desk": "rates"})
    read = read_forecasts(path, 0.99)
    assert read.cvar is not None
    assert "columns not used: desk" in read.notes


def test_validation_recognises_negative_var_and_refuses_what_is_ambiguous(tmp_path):
    path = tmp_path / "f.csv"
    table = forecasts_file(path, var=-0.0233, es=-0.0267)
    read = read_forecasts(path, 0.99)
    np.testing.assert_allclose(read.value_at_risk, 0.0233)
    np.testing.assert_allclose(read.losses, -table["return"])
    assert sum("all negative" in note for note in read.notes) == 2
    for columns, message in (
        ({"var": lambda t: np.where(np.arange(len(t)) % 2, 0.02, -0.02)}, "one sign"),
        ({"var": 2.33}, "one unit"),
        ({"return": lambda t: 100 * t["return"]}, "one unit"),
        ({"pnl": 0.01}, "both a return"),
        ({"es_97.5": 0.03}, "level 0.99"),
        ({"var": "2%", "es": "x"}, "row 2, es"),
        ({"date": "03/01/2022"}, "row 2, date"),
    ):
        forecasts_file(path, **columns)
        with pytest.raises(DataError, match=message):
            read_forecasts(path, 0.99)
    forecasts_file(path, var="2.33%")
    np.testing.assert_allclose(read_forecasts(path, 0.99).value_at_risk, 0.0233)


def test_p_values_hold_no_chance_of_the_data():
    """250 days without an exception: the same p-value whatever the losses, with the range that ties leave."""
    found = []
    for seed in range(5):
        losses = np.minimum(0.01 * np.random.default_rng(seed).standard_normal(250), 0.02)
        test = validate(losses, np.full(250, 0.0233), level=0.99, draws=999).tests[0]
        found.append((test.low, test.p_value, test.high))
    assert len(set(found)) == 1
    low, mid, high = found[0]
    assert low < mid < high
    assert 0.005 < low < 0.03
    assert 0.07 < high < 0.13


def test_a_panel_of_returns_is_refused():
    with pytest.raises(DataError, match="prices, not returns"):
        Panel(FRAME)
