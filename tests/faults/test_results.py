"""Numbers that are read: what they are over, how they were come by, what is missing, and that nothing is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskengine import (
    Constraints,
    Decision,
    EqualWeight,
    OptimizedStrategy,
    Panel,
    ProportionalCosts,
    SampleCovariance,
    WalkForward,
    backtest,
    load_strategy,
    run_backtest,
)
from riskengine.backtest import (
    Grid,
    Market,
    deflated_sharpe_ratios,
    load_grid,
    load_result,
    plan,
    run_sweep,
    save_result,
)
from riskengine.backtest.accounting import Breach
from riskengine.backtest.cost_sensitivity import break_even_cost, cost_sensitivity
from riskengine.backtest.grid import distinct_names, named_markets
from riskengine.backtest.ratios import sharpe_ratio, sortino_ratio
from riskengine.backtest.schedule import usual_train
from riskengine.cli import FLAGGED
from riskengine.errors import DataError, SettingsError
from riskengine.report import figures
from riskengine.report.backtest_page import render

NAMES = list("ABCDEFGH")
SCHEDULE = WalkForward(train=150, step=21)


def simulated(days=320, assets=8, seed=0, freq="B"):
    z = np.random.default_rng(seed).standard_normal((days, assets))
    dates = pd.date_range("2022-01-03", periods=days, freq=freq)
    return pd.DataFrame(100 * np.exp(np.cumsum(0.01 * z, 0)), dates, NAMES[:assets])


@dataclass(frozen=True)
class Share:
    """So much of wealth in equal parts of everything, the rest in cash."""

    share: float
    name: str = "share"

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        count = len(holdings)
        return Decision(np.full(count, self.share / count)), None


CALM = """
from riskengine import Constraints, OptimizedStrategy, SampleCovariance

def build(*, upper=0.3):
    return OptimizedStrategy(
        "calm", SampleCovariance(150), constraints=Constraints(upper=upper), window=150, min_history=100
    )
"""
EQUAL = """
from riskengine import EqualWeight

def build(*, min_history=100):
    return EqualWeight("equal", min_history)
"""
CASH = """
from dataclasses import dataclass
import numpy as np
from riskengine import Decision

@dataclass(frozen=True)
class Cash:
    name: str = "cash"

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        return Decision(np.zeros(len(holdings))), None

def build():
    return Cash()
"""


@pytest.fixture
def files(tmp_path):
    (tmp_path / "calm.py").write_text(CALM)
    (tmp_path / "equal.py").write_text(EQUAL)
    (tmp_path / "cash.py").write_text(CASH)
    for name, seed in (("a", 0), ("b", 1)):
        (tmp_path / name).mkdir()
        simulated(seed=seed).to_csv(tmp_path / name / "p.csv")
    return tmp_path


@pytest.fixture
def run(command, monkeypatch):
    """The command line without the benchmarks and the monitor that have to be compiled."""
    monkeypatch.setattr(backtest, "standard_benchmarks", lambda *_, **__: (EqualWeight(min_history=100),))
    monkeypatch.setattr(backtest, "RiskMonitor", lambda *_, **__: None)
    return command


def sweep(files, *arguments):
    return ("sweep", *arguments, "--jobs", 1, "--out", files / "sweep")


# Rates: every ratio of reward to risk is taken over cash.


def test_a_rate_that_the_engine_holds_is_in_every_ratio_of_reward_to_risk():
    """Against a plain computation from the returns alone; half in cash seemed to earn .464 for its risk."""
    prices = simulated(assets=5)
    result = run_backtest(
        Share(0.5),
        Panel(prices),
        WalkForward(train=250, step=21),
        benchmarks=(EqualWeight(min_history=200),),
        cash=0.05,
    )
    excess = [one - (0.05 / 252 if day else 0.0) for day, one in enumerate(result.returns)]
    mean = sum(excess) / len(excess)
    variance = sum((one - mean) ** 2 for one in excess) / len(excess)
    below = sum(min(one, 0.0) ** 2 for one in excess) / len(excess)
    row = result.statistics()
    assert row["sharpe"] == pytest.approx(252**0.5 * mean / variance**0.5, rel=1e-12)
    assert row["sortino"] == pytest.approx(252**0.5 * mean / below**0.5, rel=1e-12)
    naive = result.returns.mean() / result.returns.std(ddof=0) * 252**0.5
    assert naive - row["sharpe"] > 0.3
    assert row["cash_return"] == pytest.approx(1.05 - 1, rel=0.06)
    active = [
        mine - theirs for mine, theirs in zip(result.returns, result.benchmarks[0].returns, strict=True)
    ]
    mean_active = sum(active) / len(active)
    tracking = (sum((one - mean_active) ** 2 for one in active) / len(active)) ** 0.5
    found = result.summary().loc["equal weight", "information_ratio"]
    assert found == pytest.approx(252**0.5 * mean_active / tracking, rel=1e-9)
    rate = break_even_cost(result)
    traded = list(result.turnover)
    left = sum(
        gross - cash - rate * trade
        for gross, cash, trade in zip(result.gross, result.cash, traded, strict=True)
    )
    assert left == pytest.approx(0, abs=1e-12)
    assert cost_sensitivity(result, (0.0005,)).loc[0.0005, "sharpe"] == pytest.approx(row["sharpe"], abs=1e-3)


def test_all_in_cash_has_no_ratio_instead_of_a_huge_one(tmp_path):
    prices = Panel(simulated())
    for cash in (0.05, pd.Series([0.01, 0.04], pd.to_datetime(["2022-01-01", "2022-11-01"]))):
        result = run_backtest(
            Share(0.0), prices, SCHEDULE, benchmarks=(EqualWeight(min_history=100),), cash=cash
        )
        row = result.statistics()
        assert np.isnan(row["sharpe"])
        assert np.isnan(row["sortino"])
        assert "no excess return over cash" in result.remarks()[0]
        content = json.loads(result.to_json())
        assert content["summary"]["share"]["sharpe"] is None
        assert "no excess return" in content["remarks"][0]
        page = render(result)
        assert "no excess return over cash" in page
        assert "<td>-</td>" in page
        assert deflated_sharpe_ratios(pd.DataFrame({"a": result.excess})).isna().all()
        assert np.isnan(cost_sensitivity(result)["sharpe"]).all()
        assert not np.isfinite(break_even_cost(result))
        equal = result.benchmarks[0]
        assert equal.statistics()["sharpe"] == pytest.approx(sharpe_ratio(equal.excess))


@pytest.mark.parametrize("values", [np.full(50, 2e-4), 1e-17 * np.arange(50), np.full(50, 0.01) + 1e-12])
def test_a_ratio_of_two_rounding_errors_is_none(values):
    assert np.isnan(sharpe_ratio(values))
    assert np.isnan(sortino_ratio(values))


def test_a_deflated_ratio_is_over_cash_too():
    rng = np.random.default_rng(0)
    cash = pd.Series(np.full(400, 5e-4))
    table = pd.DataFrame(rng.standard_normal((400, 3)) * 0.01)
    pd.testing.assert_series_equal(
        deflated_sharpe_ratios(table.add(cash, axis=0), cash), deflated_sharpe_ratios(table), rtol=1e-9
    )
    with_cash = table.add(cash, axis=0).assign(cash=cash)
    found = deflated_sharpe_ratios(with_cash, cash)
    assert np.isnan(found["cash"])
    np.testing.assert_allclose(found.iloc[:3], deflated_sharpe_ratios(table), rtol=1e-9)


def test_a_saved_result_keeps_its_cash_and_one_without_it_still_loads(tmp_path):
    result = run_backtest(Share(0.5), Panel(simulated(freq="7D")), SCHEDULE, cash=0.05)
    again = load_result(save_result(result, tmp_path / "new"))
    pd.testing.assert_series_equal(again.excess, result.excess, check_exact=True, check_freq=False)
    assert again.periods_per_year == 52
    assert again.statistics() == result.statistics() | {"bias": pytest.approx(np.nan, nan_ok=True)}
    old = save_result(replace(result, cash=None), tmp_path / "old")
    content = json.loads((old / "result.json").read_text())
    for key in ("periods_per_year", "breaches", "flags", "units"):
        content.pop(key)
    (old / "result.json").write_text(json.dumps(content))
    before = load_result(old)
    assert before.periods_per_year == 252
    pd.testing.assert_series_equal(before.excess, before.returns)


@pytest.mark.parametrize(
    ("freq", "periods", "word"), [("7D", 52, "week"), ("D", 365, "day"), ("MS", 12, "month")]
)
def test_figures_a_year_are_made_of_the_periods_of_the_prices(freq, periods, word):
    forecast = OptimizedStrategy("sample", SampleCovariance(150), window=150, min_history=100)
    result = run_backtest(
        forecast, Panel(simulated(freq=freq)), SCHEDULE, benchmarks=(EqualWeight(min_history=100),), cash=0.05
    )
    net = result.returns.to_numpy()
    row = result.statistics()
    assert row["volatility"] == pytest.approx(net.std() * periods**0.5)
    over = net - np.r_[0, np.full(len(net) - 1, 0.05 / periods)]
    assert row["sharpe"] == pytest.approx(over.mean() / over.std() * periods**0.5)
    assert row["turnover"] == pytest.approx(result.turnover.sum() * periods / len(net))
    assert 0.7 < row["bias"] < 1.4  # forecast and realized in one unit
    assert result.compare(result.benchmarks[0]).volatility == row["volatility"]
    drawn = figures.rolling_volatility(result).data[0]
    window = max(12, round(periods / 4))
    assert drawn.y[-1] == pytest.approx(net[-window:].std() * periods**0.5, rel=1e-5)
    page = render(result)
    assert f"{len(net)} {word}s" in page
    assert (
        json.loads(result.to_json())["units"]["summary"]["volatility"].count(f"{periods} {word}s a year") == 1
    )


# Status: what was not done as asked stands where the numbers are.


@pytest.fixture
def impossible(files):
    (files / "impossible.py").write_text(CALM.replace("0.3", "0.05"))
    return files / "impossible.py"


def test_decisions_that_fell_back_are_in_console_page_json_and_exit_status(files, impossible, run):
    out = files / "out"
    arguments = ("backtest", impossible, "--prices", files / "a" / "p.csv", "--train", 150, "--out", out)
    code, text, _ = run(*arguments)
    assert code == FLAGGED
    wanted = "9 of 9 decisions were infeasible: budget = 1 and upper bound 0.05 clash; fell back to"
    assert f"calm: {wanted}" in text
    assert "calm (!)" in text
    page = (out / "report.html").read_text()
    assert wanted in page
    assert page.index('id="alerts"') < page.index('class="headline"')
    code, again, _ = run("report", out)
    assert code == FLAGGED
    assert again.startswith(text[: text.index(str(out))])  # the same tables, word for word
    for command in (arguments, ("report", out)):
        code, text, _ = run(*command, "--json")
        content = json.loads(text)
        assert code == FLAGGED
        assert content["flagged"] is True
        assert content["flags"][0]["kind"] == "infeasible"
        assert content["flags"][0]["count"] == content["flags"][0]["of"] == 9
        assert sum(content["statuses"].values()) == 9


def test_a_clean_run_exits_with_zero_and_what_a_benchmark_did_is_said(files, run, monkeypatch):
    arguments = ("backtest", files / "equal.py", "--prices", files / "a" / "p.csv", "--train", 150)
    arguments += ("--out", files / "out")
    code, text, _ = run(*arguments)
    assert code == 0
    assert "fell back" not in text
    late = EqualWeight(min_history=200)
    monkeypatch.setattr(backtest, "standard_benchmarks", lambda *_, **__: (late,))
    code, text, _ = run(*arguments)
    assert code == 0
    assert "equal weight (benchmark): 3 of 9 decisions were all in cash: no asset is eligible" in text
    flags = load_result(files / "out").flags
    assert [(flag.portfolio, flag.serious) for flag in flags] == [("equal weight", False)]
    assert 'id="alerts" class="mild"' in (files / "out" / "report.html").read_text()


def test_all_in_cash_for_want_of_assets_and_a_broken_limit_are_flags():
    result = run_backtest(EqualWeight(min_history=200), Panel(simulated()), SCHEDULE)
    assert [flag.kind for flag in result.flags] == ["all in cash"]
    assert result.flagged
    breach = Breach("2022-09-01", "upper bound 0.3", "A", 0.4, 0.3)
    clean = run_backtest(Share(1.0), Panel(simulated()), SCHEDULE)
    assert not clean.flagged
    broken = replace(clean, breaches=(breach, breach))
    assert broken.flagged
    assert "upper bound 0.3 (A) at 40.0% on 2022-09-01, and 1 more" in broken.flags[0].message


def test_a_dropped_turnover_limit_is_a_flag_with_its_clash():
    limits = Constraints(upper=0.3, turnover=0.01, lower={"A": 0.2, "*": 0.0})
    strategy = OptimizedStrategy(
        "slow", SampleCovariance(150), constraints=limits, window=150, min_history=100
    )
    prices = simulated()
    prices.iloc[:200, 0] = np.nan  # A becomes eligible later: its least weight needs a trade of .4
    result = run_backtest(strategy, Panel(prices), SCHEDULE)
    assert result.flagged
    assert any("infeasible" in flag.message and "turnover <= 0.01" in flag.message for flag in result.flags)


def test_a_row_of_a_sweep_with_decisions_that_fell_back_is_marked(files, run):
    arguments = sweep(files, files / "calm.py", "--set", "upper=0.05,0.3", "--prices", files / "a" / "p.csv")
    code, text, _ = run(*arguments, "--train", 150)
    assert code == FLAGGED
    assert "calm upper=0.05 (!)" in text
    assert "calm upper=0.3 (!)" not in text
    assert (
        "(!) calm upper=0.05: 9 of 9 decisions were infeasible: budget = 1 and upper bound 0.05 clash" in text
    )
    content = json.loads((files / "sweep" / "sweep.json").read_text())
    assert [cell["fell_back"] for cell in content["cells"]] == [0, 9, 0]
    assert content["cells"][1]["flags"][0]["kind"] == "infeasible"
    assert content["flagged"] is True
    assert "volatility" in next(iter(content["units"].values()))
    code, _, _ = run(*sweep(files, files / "equal.py", "--prices", files / "a" / "p.csv", "--train", 150))
    assert code == 0


# Names: labels are for people, never what tells one thing from another.


def test_files_of_one_name_in_two_folders_are_two_universes(files, run):
    prices = ("--prices", files / "a" / "p.csv", "--prices", files / "b" / "p.csv")
    again = ("--prices", files / "b" / ".." / "a" / "p.csv")
    code, text, _ = run(*sweep(files, files / "equal.py", *prices, *again, "--train", 150))
    assert code == 0
    assert "a/p: net of costs" in text
    assert "b/p: net of costs" in text
    assert "asked for more than once: it runs once" in text
    content = json.loads((files / "sweep" / "sweep.json").read_text())
    assert [cell["universe"] for cell in content["cells"]] == ["a/p", "a/p", "b/p", "b/p"]
    assert content["cells"][0]["volatility"] != content["cells"][2]["volatility"]


def test_a_universe_of_the_command_line_never_replaces_one_of_the_grid(files):
    named = {"p": Market(files / "a" / "p.csv")}
    found = named_markets([Market(files / "b" / "p.csv"), Market(files / "a" / "p.csv")], named)
    assert found["p"] == named["p"]
    assert {market.resolved() for market in found.values()} == {
        Market(files / name / "p.csv").resolved() for name in "ab"
    }


def test_prices_in_the_working_folder_have_a_name(files, run, monkeypatch):
    folder = files / "mine"
    folder.mkdir()
    simulated().to_csv(folder / "prices.csv")
    monkeypatch.chdir(folder)
    _, text, _ = run(*sweep(files, files / "equal.py", "--prices", "prices.csv", "--train", 150))
    assert text.startswith("mine: net of costs")


def test_a_value_given_twice_runs_once(files, run):
    arguments = sweep(files, files / "calm.py", files / "calm.py", "--set", "upper=0.3,0.3")
    code, text, _ = run(*arguments, "--prices", files / "a" / "p.csv", "--train", 150)
    assert code == 0
    assert "upper=0.3 was given more than once: it runs once" in text
    assert "calm.py was named more than once: it runs once" in text
    content = json.loads((files / "sweep" / "sweep.json").read_text())
    assert len(content["cells"]) == 2
    assert len(content["notes"]) == 2


def test_strategies_of_one_name_in_two_folders_are_two_rows_with_settings_of_their_own(files):
    for name, text in (("a", EQUAL), ("b", CALM)):
        (files / name / "mine.py").write_text(text)
    paths = (files / "a" / "mine.py", files / "b" / "mine.py", files / "a" / ".." / "a" / "mine.py")
    grid = Grid(
        paths,
        {"b/mine.upper": (0.3, 0.4), "mine.min_history": (100,)},
        {"one": Market(files / "a" / "p.csv")},
    )
    found = run_sweep(plan(grid, SCHEDULE, ProportionalCosts()), files / "sweep")
    assert not found.failures
    assert [cell.label for cell in found.cells[1:]] == [
        "a/mine min_history=100",
        "b/mine upper=0.3",
        "b/mine upper=0.4",
    ]
    assert [result.name for result in found.results[1:]] == ["equal", "calm", "calm"]
    first, second = load_strategy(paths[0]), load_strategy(paths[1])
    assert (first.name, second.name) == ("equal", "calm")


def test_a_grid_of_toml_names_each_thing_once(files):
    path = files / "grid.toml"
    path.write_text(
        'strategies = ["equal.py", "./equal.py"]\n[settings]\nmin_history = [100, 100]\n'
        '[universes.one]\nprices = "a/p.csv"\n[universes.two]\nprices = "./a/p.csv"\n'
    )
    grid = load_grid(path)
    assert len(grid.combinations()) == 1
    assert len(grid.repeated) == 3


def test_names_are_as_short_as_they_can_be():
    paths = [Path("x/a/prices.csv"), Path("y/a/prices.csv"), Path("z/b/prices.csv"), Path("q.csv")]
    assert distinct_names(paths, "prices") == ["x/a/prices", "y/a/prices", "b", "q"]
    with pytest.raises(SettingsError, match="named twice"):
        distinct_names([Path("a/p.csv"), Path("./a/p.csv")])


def test_a_benchmark_that_shares_a_strategys_name_is_renamed_and_not_dropped():
    from riskengine.backtest.benchmarks import rivals_of

    rivals = (EqualWeight(min_history=100), Share(1.0, "other"))
    assert [one.name for one in rivals_of(Share(0.5, "equal weight"), rivals)] == [
        "equal weight (benchmark)",
        "other",
    ]
    assert [one.name for one in rivals_of(EqualWeight(min_history=100), rivals)] == ["other"]
    result = run_backtest(Share(1.0), Panel(simulated()), SCHEDULE)
    with pytest.raises(SettingsError, match="share a name"):
        result.beside((result,))


# Keys: what decides the numbers decides what runs again.

READING = """
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from riskengine import Decision

AT_LOAD = json.loads(Path(__file__).with_name("load.json").read_text())

@dataclass(frozen=True)
class Reading:
    weight: float
    name: str = "reading"

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        late = pd.read_csv(Path(__file__).with_name("la" + "te.csv"))["weight"].iloc[0]
        stored = pd.read_parquet(Path(__file__).with_name("stored.parquet"))["weight"].iloc[0]
        share = self.weight + AT_LOAD["weight"] + late + stored
        return Decision(np.full(len(holdings), share / len(holdings))), None

def build(*, scale=1.0):
    return Reading(scale * float(np.load(Path(__file__).with_name("build.npy"))))
"""


def side(folder, name, weight):
    if name == "build.npy":
        np.save(folder / name, weight)
    elif name == "stored.parquet":
        pd.DataFrame({"weight": [weight]}).to_parquet(folder / name)
    elif name == "late.csv":
        pd.DataFrame({"weight": [weight]}).to_csv(folder / name)
    else:
        (folder / name).write_text(json.dumps({"weight": weight}))


SIDES = ("load.json", "build.npy", "late.csv", "stored.parquet")


@pytest.fixture
def reading(files):
    (files / "reading.py").write_text(READING)
    for name in SIDES:
        side(files, name, 0.1)
    return files


def reading_cells(files):
    return plan(
        Grid((files / "reading.py",), {}, {"one": Market(files / "a" / "p.csv")}),
        SCHEDULE,
        ProportionalCosts(),
    )


@pytest.mark.parametrize("name", SIDES)
def test_a_side_file_that_a_strategy_reads_decides_whether_a_cell_runs_again(name, reading, monkeypatch):
    from riskengine.backtest import sweep as module

    first = run_sweep(reading_cells(reading), reading / "sweep")
    assert not first.failures
    ran = []
    real = module._run
    monkeypatch.setattr(module, "_run", lambda k, *task: (ran.append(k), real(k, *task))[1])
    run_sweep(reading_cells(reading), reading / "sweep")
    assert ran == []
    side(reading, name, 0.2)
    second = run_sweep(reading_cells(reading), reading / "sweep")
    assert ran == [1]
    assert first.results[1].targets.iloc[0].sum() == pytest.approx(0.4)
    assert second.results[1].targets.iloc[0].sum() == pytest.approx(0.5)


def test_strategies_run_where_they_lie_in_other_processes_too(reading, tmp_path):
    alone = run_sweep(reading_cells(reading), tmp_path / "alone")
    beside = run_sweep(reading_cells(reading), tmp_path / "beside", jobs=2)
    assert not beside.failures
    for one, other in zip(alone.results, beside.results, strict=True):
        np.testing.assert_array_equal(one.returns, other.returns)


def test_a_machine_without_the_strategy_runs_what_is_sent_or_says_what_it_lacks(reading, tmp_path):
    cell = reading_cells(reading)[1]
    prepared = cell.prepare(send=True)
    wanted = cell.run(prepared)
    side(reading, "build.npy", 0.3)
    with pytest.raises(SettingsError, match="not the same on"):
        cell.run(prepared)
    for path in [*reading.glob("*.py"), *(reading / name for name in SIDES)]:
        path.unlink()
    with pytest.raises(Exception, match="share its folder with all workers"):
        cell.run(prepared)  # late.csv is read late, by a name that stands nowhere
    side(reading, "late.csv", 0.1)
    late = {**prepared.files, "late.csv": (reading / "late.csv").read_bytes()}
    np.testing.assert_array_equal(cell.run(prepared._replace(files=late)).returns, wanted.returns)


@pytest.mark.parametrize("name", SIDES)
def test_a_checkpoint_does_not_go_on_when_a_side_file_has_changed(name, reading, run):
    arguments = ("backtest", reading / "reading.py", "--prices", reading / "a" / "p.csv", "--train", 150)
    kept = ("--checkpoint", reading / "run", "--json", "--out", reading / "out")
    code, first, _ = run(*arguments, *kept)
    assert code == 0
    code, again, _ = run(*arguments, *kept, "--resume")
    assert code == 0
    assert again == first
    side(reading, name, 0.15)
    code, _, err = run(*arguments, *kept, "--resume")
    assert code == 1
    assert name in err


def test_a_run_that_was_stopped_twice_goes_on_twice(reading):
    strategy, panel = load_strategy(reading / "reading.py"), Panel(simulated())

    class StopError(Exception):
        pass

    def stop_at(count):
        def report(stage, done, total):
            if done == count:
                raise StopError

        return report

    for count in (2, 5):
        with pytest.raises(StopError):
            run_backtest(strategy, panel, SCHEDULE, report=stop_at(count), checkpoint=reading / "run")
    whole = run_backtest(strategy, panel, SCHEDULE)
    resumed = run_backtest(strategy, panel, SCHEDULE, checkpoint=reading / "run")
    np.testing.assert_array_equal(resumed.returns, whole.returns)
    kept = json.loads((reading / "run" / "00" / "reads.json").read_text())
    assert {Path(name).name for name in kept} == {"late.csv"}


def test_an_edit_within_the_same_second_is_an_edit(files):
    path = files / "equal.py"
    assert load_strategy(path).min_history == 100
    path.write_text(EQUAL.replace("100", "120"))
    assert load_strategy(path).min_history == 120


# Nothing that was computed is lost to a later fault.

FAULTY = """
import sys
from dataclasses import dataclass
from riskengine import EqualWeight

class OddError(Exception):
    pass

@dataclass(frozen=True)
class Faulty(EqualWeight):
    how: str = "no"

    def decide(self, state, view, holdings):
        if self.how == "raise":
            raise OddError("of a kind that nobody knows")
        if self.how == "exit":
            sys.exit("enough")
        return super().decide(state, view, holdings)

def build(*, how="no"):
    if how == "build":
        raise OddError("while it was built")
    return Faulty("faulty", 100, how)
"""


def test_no_fault_of_a_cell_ends_a_sweep(files, run):
    (files / "faulty.py").write_text(FAULTY)
    arguments = sweep(files, files / "faulty.py", "--set", "how=build,raise,exit,no")
    arguments += ("--prices", files / "a" / "p.csv", "--train", 150)
    code, text, _ = run(*arguments)
    assert code == FLAGGED
    content = json.loads((files / "sweep" / "sweep.json").read_text())
    assert [cell["settings"] for cell in content["cells"]] == [{}, {"how": "no"}]
    assert [failure["settings"]["how"] for failure in content["failures"]] == ["build", "raise", "exit"]
    for message in ("OddError: while it was built", "OddError: of a kind that nobody knows", "enough"):
        assert message in text
    assert "failed: faulty how=raise" in text


def test_a_sweep_in_which_all_fails_is_an_error_and_still_written(files, run, monkeypatch):
    from riskengine.backtest import sweep as module

    monkeypatch.setattr(module, "_run", lambda k, *task: (k, "not today"))
    code, _, err = run(*sweep(files, files / "equal.py", "--prices", files / "a" / "p.csv", "--train", 150))
    assert code == 1
    assert "not today" in err
    assert len(json.loads((files / "sweep" / "sweep.json").read_text())["failures"]) == 2


def test_too_few_days_for_a_test_and_no_variance_leave_the_rest_of_the_table(files, run):
    prices = ("--prices", files / "a" / "p.csv", "--prices", files / "b" / "p.csv", "--cash", "0.05")
    code, text, _ = run(*sweep(files, files / "cash.py", files / "equal.py", *prices, "--train", 300))
    assert code == 0
    content = json.loads((files / "sweep" / "sweep.json").read_text())
    assert len(content["cells"]) == 6
    assert content["cells"][2]["volatility"] > 0
    assert content["cells"][2]["deflated_sharpe"] is None
    assert content["cells"][1]["sharpe"] is None
    assert any("30 days are needed" in remark for remark in content["remarks"])
    assert "a/p, cash: no excess return over cash" in text
    code, text, _ = run(*sweep(files, files / "cash.py", files / "equal.py", *prices, "--train", 150))
    assert code == 0
    content = json.loads((files / "sweep" / "sweep.json").read_text())
    assert content["cells"][2]["deflated_sharpe"] > 0


def test_a_fault_of_one_universes_table_does_not_reach_the_other(files, monkeypatch):
    from riskengine.backtest import sweep_result

    real = sweep_result.confidence_set
    calls = []

    def once(losses):
        calls.append(losses)
        if len(calls) == 1:
            raise ZeroDivisionError
        return real(losses)

    monkeypatch.setattr(sweep_result, "confidence_set", once)
    markets = {name: Market(files / name / "p.csv") for name in "ab"}
    cells = plan(Grid((files / "equal.py",), {}, markets), SCHEDULE, ProportionalCosts())
    found = run_sweep(cells, files / "sweep")
    content = json.loads(found.to_json())
    assert [cell["mcs_p"] is None for cell in content["cells"]] == [True, True, False, False]
    assert content["remarks"] == ["a: no confidence set: ZeroDivisionError"]


def test_cells_that_finished_are_kept_when_a_later_one_stops_the_process(files):
    cells = plan(
        Grid((files / "equal.py",), {"min_history": (100, 110)}, {"one": Market(files / "a" / "p.csv")}),
        SCHEDULE,
        ProportionalCosts(),
    )

    def report(stage, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(cells, files / "sweep", report=report)
    assert len(list((files / "sweep").glob("*/result.json"))) == 2


def test_a_short_backtest_has_its_table_though_nothing_can_be_tested(files, run):
    arguments = ("backtest", files / "calm.py", "--prices", files / "a" / "p.csv", "--train", 300)
    code, text, _ = run(*arguments, "--out", files / "out")
    assert code == 0
    assert "days are too few to compare volatilities" in text
    assert (files / "out" / "report.html").is_file()


# Drawings keep what matters.


def long_result(days=2600):
    prices = simulated(days)
    prices.iloc[-300] *= 0.8  # a crash of one day
    return run_backtest(
        EqualWeight(min_history=100), Panel(prices), SCHEDULE, benchmarks=(Share(0.5), Share(1.0, "all"))
    )


def test_a_drawing_keeps_first_last_and_extremes_of_every_line():
    result = long_result()
    wealth = (1 + result.returns).cumprod()
    deviation = (result.returns.rolling(63).std(ddof=0) * 252**0.5).dropna()
    for draw, whole in (
        (figures.drawdowns, result.drawdown()),
        (figures.growth, wealth),
        (figures.rolling_volatility, deviation),
    ):
        figure = draw(result)
        assert len(figure.data) == 3
        line = figure.data[0]
        assert len(line.x) < len(whole)
        assert pd.Timestamp(line.x[-1]) == whole.index[-1]
        assert pd.Timestamp(line.x[0]) == whole.index[0]
        for extreme in (np.min, np.max):
            assert extreme(line.y) == pytest.approx(extreme(whole), rel=1e-5)
    assert min(figures.drawdowns(result).data[0].y) == pytest.approx(
        result.statistics()["max_drawdown"], rel=1e-5
    )


def test_extremes_of_each_stretch_are_kept_and_a_short_series_is_whole():
    rng = np.random.default_rng(0)
    series = pd.Series(rng.standard_normal(9999))
    kept = figures.thinned(series, most=400)
    assert len(kept) <= 400
    for begin, end in zip(range(0, 9999, 200), range(200, 9999, 200), strict=False):
        part = series[begin:end]
        assert {part.idxmin(), part.idxmax()} & set(kept.index)
    short = series.iloc[:1999]
    pd.testing.assert_series_equal(figures.thinned(short), short)


def test_weights_are_drawn_to_the_last_day_and_short_ones_below_zero():
    @dataclass(frozen=True)
    class Pair(Share):
        def decide(self, state, view, holdings):
            weights = np.zeros(len(holdings))
            weights[:2] = 1.3, -0.3
            return Decision(weights), None

    result = run_backtest(Pair(1.0), Panel(simulated()), SCHEDULE)
    drawn = figures.weights(result).data
    assert pd.Timestamp(drawn[0].x[-1]) == result.gross.index[-1]
    assert {trace.stackgroup for trace in drawn} == {"long", "short"}
    assert min(min(trace.y) for trace in drawn if trace.stackgroup == "short") == -0.3
    drawn = figures.forecast_and_realized(result).data
    assert len(drawn) == 1  # no forecast was made, so there is nothing but the line


def test_every_portfolio_is_drawn_however_many_there_are():
    result = long_result(400)
    many = result.beside(tuple(replace(result.benchmarks[0], name=f"b{k}") for k in range(12)))
    for draw in (figures.growth, figures.drawdowns, figures.rolling_volatility):
        assert len(draw(many).data) == 13


# Units, and what a reader meets.


def test_every_figure_of_the_json_has_its_unit(files, run):
    code, text, _ = run(
        "backtest", files / "calm.py", "--prices", files / "a" / "p.csv", "--train", 150, "--json",
        "--out", files / "out",
    )  # fmt: skip
    assert code == 0
    content = json.loads(text)
    named = set().union(*content["summary"].values())
    assert named <= set(content["units"]["summary"])
    assert "annualised with 252 days a year" in content["units"]["summary"]["volatility"]


def test_volatility_of_one_day_is_not_called_as_that_of_a_year(fixed_shape):
    from riskengine import RiskMonitor

    strategy = Share(1.0)
    result = run_backtest(
        strategy, Panel(simulated()), SCHEDULE, monitor=RiskMonitor(fixed_shape, window=150)
    )
    assert "volatility" not in result.risk
    assert result.risk["volatility_one_period"].iloc[-1] * 252**0.5 == pytest.approx(
        result.volatility, rel=0.3
    )
    page = render(result)
    for words in (
        "volatility a year",
        "beyond VaR 99%, one day",
        "Of one day, forecast at the close before",
        "share of days",
    ):
        assert words in page


def test_words_and_signs_of_the_lead_sentence_agree():
    result = run_backtest(
        Share(1.0), Panel(simulated()), SCHEDULE, benchmarks=(Share(0.5, "half"), Share(1.0, "same"))
    )
    from riskengine.report import headline

    said = headline(result)
    assert "more volatile than half; between" in said
    assert "-" not in said.replace("a-", "")
    assert "+" not in said
    assert "less volatile than share" in headline(result.benchmarks[0].beside((result,)))


def test_train_is_chosen_where_it_was_left_out_and_named_where_it_is_too_long(files, run):
    arguments = ("backtest", files / "equal.py", "--prices", files / "a" / "p.csv", "--out", files / "out")
    code, text, _ = run(*arguments)
    assert code == 0
    assert "train: 160 returns, chosen for the 320 closes" in text
    assert "160 returns" in load_result(files / "out").provenance["train"]
    code, _, err = run(*arguments, "--train", 1250)
    assert code == 1
    assert "set train to 317 at most, 160 say" in err
    assert usual_train(6000) == 1250
    with pytest.raises(DataError, match="bring more history"):
        WalkForward().folds(3)
