"""The desk decides as a backtest does, morning by morning, keeps its limits, and says what it could not do."""

from __future__ import annotations

import functools
import inspect
import json
import os
import shutil
import signal
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine import (
    Constraints,
    Decision,
    EqualWeight,
    NeuralCalibrator,
    OptimizedStrategy,
    Panel,
    WalkForward,
    run_backtest,
)
from riskengine.backtest.strategy_files import load_builder
from riskengine.cli import FLAGGED
from riskengine.covariance import LedoitWolf
from riskengine.desk import Desk, Holdings, read_desk, read_holdings
from riskengine.desk.orders import trade_list
from riskengine.desk.rebalance import rebalance
from riskengine.desk.rebalance_files import read_history, write_rebalance
from riskengine.desk.strategy_state import Shown, decide, keep
from riskengine.errors import DataError, SettingsError, StrategyError
from riskengine.portfolio import DrawdownControl, Group, VolatilityTarget
from riskengine.portfolio.ask import stated_limits
from riskengine.portfolio.imposed import WeightLimits, nearest, with_limits
from riskengine.report.rebalance_page import render_rebalance

ROOT = Path(__file__).parents[2]
STRATEGIES = sorted(path for path in (ROOT / "strategies").glob("*.py") if path.stem != "__init__")
NAMES = ("JNJ", "PEP", "KO", "XOM", "RRC")  # those that Black-Litterman has views on, and two more


def simulated(days: int, names: tuple[str, ...] = NAMES, seed: int = 3) -> pd.DataFrame:
    """Prices of correlated returns whose volatility doubles late, business days."""
    rng = np.random.default_rng(seed)
    own = rng.standard_t(5, (days, len(names))) * 0.008
    moves = own + rng.standard_t(5, (days, 1)) * 0.006
    moves[-40:] *= 2
    return pd.DataFrame(
        100 * np.exp(np.cumsum(moves, axis=0)), pd.bdate_range("2020-01-01", periods=days), names
    )


# ------------------------------------------------------------------ one way to ask, one state


@pytest.fixture(scope="module")
def loaded_once():
    """The pretrained network, loaded once: it is the same for every strategy and costs seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NeuralCalibrator, "pretrained", functools.lru_cache(NeuralCalibrator.pretrained))
        yield


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
@pytest.mark.slow
def test_rebalancing_day_by_day_equals_the_backtest_to_the_bit(path, tmp_path, loaded_once):
    train, decisions = 260, 26  # more than the 21 days between calibrations
    panel = Panel(simulated(train + decisions + 1))
    build = load_builder(path)
    wanted = {"window": train, "upper": 0.4}
    settings = {name: value for name, value in wanted.items() if name in inspect.signature(build).parameters}
    result = run_backtest(build(**settings), panel, WalkForward(train=train, step=1, delay=1))
    assert len(result.targets) == decisions
    strategy = build(**settings)  # another object, which has seen nothing
    held = np.vstack([np.zeros(len(NAMES)), result.weights.to_numpy()])
    for k, (date, target) in enumerate(result.targets.iterrows()):
        today = Panel(panel.prices.loc[:date])
        morning = decide(strategy, today, held[k], tmp_path)
        keep(morning, tmp_path, f"{date:%Y-%m-%d}")
        assert np.array_equal(morning.decision.weights, target.to_numpy()), date
    assert morning.since is None or morning.since == f"{result.targets.index[-2]:%Y-%m-%d}"


def steady(**others) -> VolatilityTarget:
    """A strategy that learns, borrows, keeps its calibration for a while and trades part of the way."""
    inside = OptimizedStrategy(
        "minimum variance",
        LedoitWolf(250),
        window=250,
        refit=4,
        trade_rate=0.6,
        constraints=Constraints(upper=0.5),
    )
    return VolatilityTarget(
        **{"name": "steady", "strategy": inside, "volatility": 0.15, "leverage": 1.5} | others
    )


def test_a_strategy_that_learns_and_borrows_goes_on_over_days_without_a_morning(tmp_path):
    panel = Panel(simulated(330))
    result = run_backtest(steady(), panel, WalkForward(train=260, step=3, delay=1))
    fresh = decide(steady(), panel, result.weights.to_numpy()[-1], None).decision.weights
    assert result.targets.sum(axis=1).max() > 1.05  # borrowed, as its leverage allows
    for k, (date, target) in enumerate(result.targets.iterrows()):
        held = np.zeros(5) if k == 0 else result.weights.loc[date].to_numpy()
        morning = decide(steady(), Panel(panel.prices.loc[:date]), held, tmp_path)
        keep(morning, tmp_path, f"{date:%Y-%m-%d}")
        assert np.array_equal(morning.decision.weights, target.to_numpy()), date
    last = decide(steady(), panel, result.weights.to_numpy()[-1], tmp_path).decision.weights
    assert not np.allclose(fresh, last, atol=1e-3)  # what was learned matters


@pytest.fixture
def kept(tmp_path):
    """A folder with the state of one morning, the panel of it, and the whole panel."""
    panel = Panel(simulated(330))
    first = Panel(panel.prices.iloc[:320])
    keep(decide(steady(), first, np.full(5, 0.2), tmp_path), tmp_path, f"{first.dates[-1]:%Y-%m-%d}")
    return tmp_path, first, panel


def test_the_same_close_asked_twice_starts_from_the_state_before_it(kept):
    out, _, panel = kept
    again = []
    for _ in range(2):
        morning = decide(steady(), panel, np.full(5, 0.2), out)
        keep(morning, out, f"{panel.dates[-1]:%Y-%m-%d}")
        again.append(morning)
    assert again[0].content == again[1].content
    assert again[0].since == again[1].since == f"{panel.dates[319]:%Y-%m-%d}"
    assert len(list((out / "state").iterdir())) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: (steady(volatility=0.2), p), "state of other settings.*--fresh"),
        (lambda p: (steady(name="else"), p), "state of strategy 'steady', not of strategy 'else'"),
        (lambda p: (steady(), p.rename(columns={"XOM": "CVX"})), "other assets: CVX is in one"),
        (lambda p: (steady(), p[["PEP", "JNJ", "KO", "XOM", "RRC"]]), "their order differs"),
        (
            lambda p: (steady(), p.mul(np.where(p.index == p.index[100], 1.01, 1.0), axis=0)),
            "JNJ was revised, the first difference is on 2020-05-20",
        ),
        (
            lambda p: (steady(), p.drop(p.index[50])),
            "other dates of prices: 2020-03-11 is not there any more",
        ),
        (lambda p: (steady(), p.drop(p.index[319])), "does not have|do not have any more"),
        (lambda p: (steady(), p.iloc[:300]), "after the close of 2021-02-23.*--fresh"),
    ],
)
def test_a_state_of_other_settings_or_prices_is_refused_with_the_reason(kept, change, message):
    out, _, panel = kept
    strategy, prices = change(panel.prices)
    with pytest.raises(DataError, match=message):
        decide(strategy, Panel(prices), np.full(5, 0.2), out)
    anew = decide(strategy, Panel(prices), np.full(5, 0.2), out, fresh=True)
    assert anew.since is None


def test_prices_that_are_adjusted_anew_or_begin_later_are_the_same_prices(kept):
    out, _, panel = kept
    usual = decide(steady(), panel, np.full(5, 0.2), out)
    adjusted = panel.prices.copy()
    adjusted.loc[:, "KO"] *= 0.9931
    morning = decide(steady(), Panel(adjusted), np.full(5, 0.2), out)
    assert morning.notes == (
        f"prices of KO were adjusted since {panel.dates[319]:%Y-%m-%d}; their returns are the same",
    )
    np.testing.assert_allclose(morning.decision.weights, usual.decision.weights, atol=1e-9)
    later = decide(steady(), Panel(panel.prices.iloc[30:]), np.full(5, 0.2), out)
    assert np.array_equal(later.decision.weights, usual.decision.weights)


def test_what_a_strategy_is_shown_is_what_the_backtest_shows_it(tmp_path):
    panel = Panel(simulated(330))
    schedule = WalkForward(train=300, step=5, window=255)
    strategy = EqualWeight(min_history=250)
    target = run_backtest(strategy, panel, schedule).targets.iloc[-1]
    today = Panel(panel.prices.loc[: target.name])
    assert np.array_equal(decide(strategy, today, np.zeros(5), None, Shown(255)).decision.weights, target)
    assert not decide(strategy, today, np.zeros(5), None, Shown(200)).decision.weights.any()


# ------------------------------------------------------------------ killed in the middle of writing


@pytest.fixture(scope="module")
def second_morning(fixed_shape, tmp_path_factory):
    """A folder after the first morning, and the report of the second one, not written yet."""
    out = tmp_path_factory.mktemp("desk")
    panel = Panel(simulated(330))
    holdings = Holdings(NAMES, np.array([40.0, 30, 0, 0, 10]), 5000.0)

    def ask(folder, panel, strategy=None):
        _, last = read_history(folder, f"{panel.dates[-1]:%Y-%m-%d}")
        return rebalance(
            strategy or steady(leverage=1.0), panel, holdings, Desk(), fixed_shape, 300, last, folder
        )

    write(ask(out, Panel(panel.prices.iloc[:325])), out)
    return out, ask(out, panel), panel, holdings


def write(found, out):
    write_rebalance(found, render_rebalance(found.content), out)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.slow
def test_killed_between_any_two_steps_of_writing_a_rerun_gives_the_same_bytes(second_morning, tmp_path):
    before, found, panel, holdings = second_morning
    whole = tmp_path / "whole"
    shutil.copytree(before, whole)
    write(found, whole)
    wanted = everything(whole)
    assert len(wanted) == len(everything(before)) + 1
    _, last = read_history(before, found.content["date"])

    def write_and_die(folder: Path, steps: int) -> int:
        """Status of a child that is killed at a call or a return, of Python or of C, in the code that writes."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fork beside threads: the child only writes files
            child = os.fork()
        if child == 0:
            left = [steps]

            def count(frame, event, argument):
                if frame.f_code.co_filename.endswith(("files.py", "strategy_state.py", "rebalance_page.py")):
                    left[0] -= 1
                    if left[0] == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.setprofile(count)
            write(found, folder)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    steps, killed, seen = 1, 0, set()
    while True:
        folder = tmp_path / f"cut{steps}"
        shutil.copytree(before, folder)
        code = write_and_die(folder, steps)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        seen.add(tuple(name for name, content in wanted.items() if everything(folder).get(name) == content))
        # The same command again: the state before this close, the last entry before it, the same files.
        morning = decide(steady(leverage=1.0), panel, holdings.weights(panel.prices.to_numpy()[-1]), folder)
        assert morning.content == found.morning.content
        assert read_history(folder, found.content["date"])[1] == last
        write(replace(found, morning=morning), folder)
        assert everything(folder) == wanted
        shutil.rmtree(folder)
        steps += 1 if killed < 3 else 7
    assert killed > 20
    assert len(seen) >= 5  # nothing, the state, and each of the files after it had been written


# ------------------------------------------------------------------ what a strategy may not answer


@dataclass(frozen=True)
class Says:
    """Answers with these weights, whatever it is shown."""

    weights: tuple[float, ...]
    constraints: Constraints | None = None
    name: str = "says"

    def init(self, view):
        return None

    def decide(self, state, view, holdings):
        return Decision(np.array(self.weights)), state


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (
            Says((0.3, 0.3, 0.3, 0.3, 0.0)),
            r"weights that sum to 1.2 borrow 20.0% of wealth.*Constraints\(budget=\(0, 1.2\)\)",
        ),
        (
            Says((0.3, 0.3, 0.3, 0.3, 0.0), Constraints(budget=(0, 1.1))),
            r"allow a sum of 1.1 at most: raise the budget",
        ),
        (
            Says((1.5, -0.5, 0, 0, 0), Constraints(lower=-1, upper=2, leverage=1.6)),
            "gross exposure of 2 is above",
        ),
        (Says((0.5, 0.5)), "gave 2 weights on .* for 5 assets"),
        (Says((np.nan, 0, 0, 0, 0)), "'says' failed on .*finite"),
    ],
)
def test_backtest_and_desk_refuse_the_same_answers_by_name_and_date(strategy, message):
    panel = Panel(simulated(330))
    for run in (
        lambda: run_backtest(strategy, panel, WalkForward(train=300, step=5)),
        lambda: decide(strategy, panel, np.zeros(5), None),
    ):
        with pytest.raises(StrategyError, match=message) as raised:
            run()
        assert "2021-" in str(raised.value)


def test_a_weight_on_what_has_had_no_price_lately_is_refused():
    prices = simulated(330)
    prices.iloc[-7:, 0] = np.nan
    with pytest.raises(StrategyError, match=r"wants JNJ on 2021-04-06.*no price lately"):
        decide(Says((0.2,) * 5), Panel(prices), np.zeros(5), None)
    prices.iloc[-1, 0], prices.iloc[-1, 1] = 100.0, np.nan  # no price today is no reason
    assert decide(Says((0.2,) * 5), Panel(prices), np.zeros(5), None).decision.weights.sum() == pytest.approx(
        1
    )


def test_limits_are_stated_through_wrappers():
    inside = OptimizedStrategy("x", LedoitWolf(), constraints=Constraints(upper=0.3))
    assert stated_limits(VolatilityTarget(inside, leverage=1.5)).budget == (0.0, 1.5)
    assert stated_limits(VolatilityTarget(inside, leverage=1.5)).leverage == 1.5
    assert stated_limits(DrawdownControl(VolatilityTarget(inside, leverage=2.0))).budget == (0.0, 2.0)

    @dataclass(frozen=True)
    class Own:
        strategy: OptimizedStrategy
        leverage: float = 1.3
        name: str = "own"
        init = decide = None

    Own.init = Own.decide = lambda self, *given: None
    assert stated_limits(Own(inside)).budget == (0.0, 1.3)
    assert stated_limits(EqualWeight()) is None


# ------------------------------------------------------------------ limits are imposed


@st.composite
def limited_books(draw):
    n = draw(st.integers(3, 7))
    names = tuple(map(str, range(n)))
    prices = np.array(draw(st.lists(st.floats(1, 900), min_size=n, max_size=n)))
    held = np.array(draw(st.lists(st.integers(0, 400), min_size=n, max_size=n)), float)
    groups = {name: draw(st.sampled_from("xyz")) for name in names}
    limits = {f"group:{g}": draw(st.floats(0.1, 0.9)) for g in sorted(set(groups.values()))}
    limits["weight"] = draw(st.floats(0.1, 0.8))
    desk = Desk(groups=groups, limits=limits, lot={"*": draw(st.sampled_from([1, 10]))}, cost_rate=0.001)
    targets = np.array(draw(st.lists(st.floats(0, 1), min_size=n, max_size=n)))
    return Holdings(names, held, draw(st.floats(1000, 1e6))), prices, targets / max(targets.sum(), 1.0), desk


@settings(max_examples=60)
@given(limited_books())
def test_no_order_leaves_a_weight_or_a_group_above_its_limit(book):
    holdings, prices, targets, desk = book
    names = holdings.assets
    limits = WeightLimits(
        desk.limits["weight"],
        tuple(
            Group(name[6:], tuple(a for a in names if desk.groups[a] == name[6:]), upper=limit)
            for name, limit in desk.limits.items()
            if name != "weight"
        ),
    )
    wanted = nearest(targets, limits, holdings.weights(prices), names)
    assert not limits.broken(wanted, wanted, names, 1e-6)
    done = trade_list(holdings, prices, wanted, desk)
    weights = done.after * prices / done.wealth
    lots = desk.lots(names)
    odd = holdings.quantity % lots > 0  # what is left of an odd lot cannot be sold
    left = np.where(odd, holdings.quantity % lots * prices, 0.0) / done.wealth
    assert (weights <= desk.limits["weight"] + left + 1e-9).all()
    for name, limit in desk.limits.items():
        if name != "weight":
            members = np.array([desk.groups[asset] == name[6:] for asset in names])
            assert weights[members].sum() <= limit + left[members].sum() + 1e-9
    assert done.cash >= -1e-9 * done.wealth


def test_limits_of_a_desk_go_into_the_optimiser_of_a_strategy_and_through_wrappers():
    panel = Panel(simulated(330))
    plain = OptimizedStrategy(
        "x", LedoitWolf(250), window=250, constraints=Constraints(upper=0.6, lower=0.05)
    )
    limits = WeightLimits(weight=0.4, groups=(Group("g", ("JNJ", "PEP", "KO"), upper=0.3),), budget=0.98)
    strategy, notes = with_limits(plain, limits)
    weights = decide(strategy, panel, np.zeros(5), None).decision.weights
    assert not notes
    assert weights.sum() == pytest.approx(0.98)
    assert weights[:3].sum() == pytest.approx(0.3, abs=1e-6)
    assert weights.max() <= 0.4 + 1e-9
    covered, _ = with_limits(DrawdownControl(plain), limits)
    assert covered.strategy.constraints.upper == 0.4
    assert with_limits(EqualWeight(), limits) is None
    _, notes = with_limits(replace(plain, constraints=Constraints(lower=0.1)), WeightLimits(weight=0.05))
    assert notes == ("the strategy's lower bound of 0.1 gives way to the limit on weight of 0.05",)


GROUPS = {"JNJ": "Care", "PEP": "Staples", "KO": "Staples", "XOM": "Energy", "RRC": "Energy"}


def desk_report(strategy, desk, shape, held=(0, 0, 0, 0, 0), cash=1e6, prices=None):
    panel = Panel(simulated(330) if prices is None else prices)
    return rebalance(strategy, panel, Holdings(NAMES, np.array(held, float), cash), desk, shape, 300)


def test_a_group_limit_is_kept_by_the_orders_of_any_strategy(fixed_shape):
    desk = Desk(groups=GROUPS, limits={"group:Staples": 0.3, "weight": 0.4})
    inside = OptimizedStrategy("x", LedoitWolf(250), window=250)
    for strategy, how in ((EqualWeight(min_history=100), "takes no limits"), (inside, None)):
        found = desk_report(strategy, desk, fixed_shape, (0, 1500, 1500, 1000, 500), 1000.0)
        rows = {row["name"]: row for row in found.content["limits"]}
        assert rows["group:Staples"]["after"] <= 0.3
        assert rows["group:Staples"]["light"] != "red"
        assert rows["group:Staples"]["how"] == "imposed"
        assert sum(found.content["weights"].values()) > 0.98  # what is cut away goes to the others
        assert any("moved to the nearest" in flag and how in flag for flag in found.content["flags"]) == bool(
            how
        )


def test_limits_that_clash_are_named_and_orders_only_bring_the_portfolio_nearer(fixed_shape):
    desk = Desk(limits={"weight": 0.15})
    strategy = OptimizedStrategy("x", LedoitWolf(250), window=250)
    found = desk_report(strategy, desk, fixed_shape, (5000, 1500, 1500, 1000, 500), 1000.0)
    flags = " / ".join(found.content["flags"])
    assert found.flagged
    assert "infeasible: budget = 1; upper bound 0.15" in flags
    assert "holdings are brought nearer" in flags
    assert {row["side"] for row in found.content["trades"]} == {"sell"}
    assert max(found.content["weights"].values()) <= 0.15
    first = desk_report(strategy, desk, fixed_shape)  # all in cash: as much as the limits allow
    assert first.content["weights"].keys() == set(NAMES)
    assert max(first.content["weights"].values()) <= 0.15


def test_a_limit_on_risk_is_kept_by_holding_cash_where_the_strategy_may_or_is_said_to_be_judged_only(
    fixed_shape,
):
    desk = Desk(limits={"volatility": 0.08, "var_99": 0.5})
    free = OptimizedStrategy("x", LedoitWolf(250), window=250)
    found = desk_report(free, desk, fixed_shape)
    assert found.content["limits"][0]["light"] == "red"
    assert any(
        "limit volatility" in flag and "judged and not imposed" in flag for flag in found.content["flags"]
    )
    found = desk_report(DrawdownControl(free), desk, fixed_shape)
    assert found.content["limits"][0]["after"] <= 0.08
    assert found.content["limits"][0]["how"] == "imposed"
    assert any(
        "the rest in cash, to keep the limits on volatility" in flag for flag in found.content["flags"]
    )


def test_limits_that_are_no_fractions_are_refused(tmp_path):
    path = tmp_path / "limits.json"
    for text, message in (
        ('{"limits": {"drawdown": 5}}', "5 means 500%, which nothing breaks: did you mean 0.05"),
        ('{"limits": {"weight": 30}}', "weight: 30 means 3000%"),
    ):
        path.write_text(text)
        with pytest.raises(SettingsError, match=message):
            read_desk(path, NAMES)


# ------------------------------------------------------------------ messages that name the cause


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("asset,quantity\nko,1\n", "row 2 holds 'ko', which has no prices: is it 'KO' there"),
        ("asset,quantity\nXON,1\n", "is it 'XOM' there"),
        ("asset,quantity\nUSD,1\n", "money is called CASH"),
        ("asset,quantity\nKO,5%\n", "'5%' is a percentage: give the number of units"),
        ("asset,quantity\nKO,$5\n", "is an amount of money: give the number of units"),
        ("asset,quantity\nKO,nan\n", "'nan' is not a number"),
        ("asset,quantity\nKO,\n", "has no quantity: write 0"),
        ("asset,quantity\n,5\n", "a quantity, '5', and no asset"),
        (
            "asset,quantity\nKO,1,234\n",
            "row 2 has 3 cells, the first row 2: put a number with commas in quotes",
        ),
        ("asset;quantity\nKO;1.234\n", "may be a thousand or a fraction"),
        ("asset,quantity\nKO,1\nKO,2\n", "holds 'KO' again, after row 2: add the two up"),
        ("asset,quantity\nKO,(5)\n", "-5 is not a quantity at or above zero; short holdings are not kept"),
        ("asset,quantity\nCASH,x\n", "row 2, cash: 'x' is not a number"),
        ("name,weight\nKO,1\n", "no column of assets"),
        ("", "is empty"),
    ],
)
def test_a_file_of_holdings_is_refused_with_cause_and_remedy(text, message, tmp_path):
    path = tmp_path / "holdings.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message.replace("(", "\\(").replace(")", "\\)").replace("$", "\\$")):
        read_holdings(path, NAMES)


@pytest.mark.parametrize(
    ("text", "held", "cash"),
    [
        ("asset,quantity\nKO,10\nCASH,-0.37\n", 10, -0.37),
        ("\ufeffticker\tshares\nKO\t10\ncash\t5\n", 10, 5),
        ('Symbol,Qty\nKO,"1,234.5"\nCash,"$1,000"\n', 1234.5, 1000),
        ("Symbol;Quantity\nKO;1.234,5\nCASH;-12,5\n", 1234.5, -12.5),
        (
            '"Positions as of 4:00 PM"\n\n"Symbol","Description","Quantity","Price","Market Value"\n'
            '"KO","COCA COLA","1,200","$60.10","$72,120.00"\n"Cash & Cash Investments","--","--","--","($12.50)"\n'
            '"Account Total","--","--","--","$72,107.50"\n\n"This is not an offer to buy or sell anything."\n',
            1200,
            -12.5,
        ),
    ],
)
def test_holdings_are_read_as_brokers_write_them(text, held, cash, tmp_path):
    path = tmp_path / "holdings.csv"
    path.write_text(text)
    found = read_holdings(path, NAMES)
    assert (found.quantity[2], found.quantity.sum(), found.cash) == (held, held, cash)
    if "Total" in text:
        assert any("row 6 is passed over" in note for note in found.notes)


def test_cash_that_is_owed_is_paid_from_sales(fixed_shape):
    held = Holdings(("A", "B"), np.array([50.0, 50.0]), -0.37)
    done = trade_list(held, np.array([10.0, 10.0]), np.array([0.5, 0.5]), Desk(cost_rate=0.0))
    assert done.units.sum() == -1
    assert done.cash == pytest.approx(9.63)
    assert not done.flags
    found = desk_report(EqualWeight(min_history=100), Desk(), fixed_shape, (100, 100, 100, 100, 100), -5000.0)
    assert any("of wealth is owed" in flag for flag in found.content["flags"])
    assert found.content["cash"] >= 0


def test_targets_that_no_lot_can_reach_are_flagged_with_the_cause():
    names = tuple("ABCDEFGH")
    done = trade_list(Holdings(names, np.zeros(8), 20.0), np.full(8, 100.0), np.full(8, 0.125), Desk())
    assert not done.units.any()
    assert len(done.flags) == 1
    assert "one lot costs more than the target" in done.flags[0]
    assert "A: 100.00 for a target of 2.50" in done.flags[0]
    undone = trade_list(
        Holdings(names, np.zeros(8), 4000.0), np.full(8, 100.0), np.full(8, 0.125), Desk(minimum_trade=900)
    )
    assert "below the smallest trade of 900" in undone.flags[0]
    plain = trade_list(Holdings(names, np.zeros(8), 4e7), np.full(8, 100.0), np.full(8, 0.125), Desk())
    assert plain.flags == ()  # costs are paid, and no target is missed by more than that and a lot


def test_dust_below_zero_is_no_short_position(fixed_shape):
    found = desk_report(Says((0.5, 0.5, 3e-9, -3e-9, 0.0)), Desk(), fixed_shape)
    assert set(found.content["weights"]) == {"JNJ", "PEP"}
    found = desk_report(Says((0.5, 0.5, 0.0, -0.05, 0.0)), Desk(), fixed_shape)
    assert found.content["weights"]["XOM"] == pytest.approx(-0.05, abs=0.001)


# ------------------------------------------------------------------ prices of today


def test_an_order_for_what_has_no_price_today_waits_and_its_share_stays_in_cash(fixed_shape):
    prices = simulated(330)
    prices.iloc[-1, [0, 1]] = np.nan
    found = desk_report(Says((0.2,) * 5), Desk(), fixed_shape, prices=prices)
    assert {row["asset"] for row in found.content["waiting"]} == {"JNJ", "PEP"}
    assert {row["asset"] for row in found.content["trades"]} == {"KO", "XOM", "RRC"}
    assert all(weight < 0.202 for weight in found.content["weights"].values())
    assert found.content["cash"] / found.content["wealth"] > 0.39
    assert sum("its order waits" in flag for flag in found.content["flags"]) == 2
    held = desk_report(Says((0.2,) * 5), Desk(), fixed_shape, (100, 0, 0, 0, 0), prices=prices)
    assert any("JNJ: no price today, valued at its last one" in flag for flag in held.content["flags"])


def test_figures_of_weekly_prices_are_a_years(fixed_shape):
    rng = np.random.default_rng(5)
    moves = 0.10 / np.sqrt(52) * rng.standard_normal((400, 5))
    dates = pd.date_range("2012-01-06", periods=400, freq="W-FRI")
    prices = pd.DataFrame(100 * np.exp(np.cumsum(moves, 0)), dates, NAMES)
    found = desk_report(Says((1.0, 0, 0, 0, 0)), Desk(), fixed_shape, prices=prices)
    assert found.content["period"] == "week"
    assert found.content["risk"]["after"]["volatility"] == pytest.approx(0.10, rel=0.15)


# ------------------------------------------------------------------ the exit status


@pytest.fixture
def run(quick_command):
    return quick_command


STRATEGY = """
from riskengine import Constraints, OptimizedStrategy
from riskengine.covariance import LedoitWolf
def build(*, upper=1.0):
    return OptimizedStrategy("minimum variance", LedoitWolf(250), window=250, constraints=Constraints(upper=upper))
"""


def fine(prices):
    return prices


def halved(prices):
    prices.iloc[-1, 2] /= 2
    return prices


def halved_earlier(prices):
    prices.iloc[-100:, 2] /= 2
    return prices


def silent(prices):
    prices.iloc[-60:, 2] = np.nan
    return prices


@pytest.mark.parametrize(
    ("prices", "strategy", "limits", "flag"),
    [
        (fine, STRATEGY, {}, None),
        (fine, STRATEGY.replace("upper=1.0", "upper=0.1"), {}, "decision: "),
        (halved, STRATEGY, {}, "near the 1:2 of a possible split"),
        (halved_earlier, STRATEGY, {}, "earlier findings inside the window of the risk figures: KO"),
        (silent, STRATEGY, {}, "KO: stale, no price for 60 closes"),
        (fine, STRATEGY, {"limits": {"var_99": 0.001}}, "limit var_99"),
    ],
)
def test_no_decision_that_needs_a_look_leaves_with_status_zero(run, tmp_path, prices, strategy, limits, flag):
    files = {name: tmp_path / name for name in ("prices.csv", "strategy.py", "limits.json", "holdings.csv")}
    prices(simulated(330)).to_csv(files["prices.csv"])
    files["strategy.py"].write_text(strategy)
    files["limits.json"].write_text(json.dumps(limits))
    files["holdings.csv"].write_text("asset,quantity\nKO,400\nXOM,300\ncash,40000\n")
    command = (
        "rebalance", files["strategy.py"], "--prices", files["prices.csv"], "--holdings", files["holdings.csv"],
        "--limits", files["limits.json"], "--out", tmp_path / "out", "--window", 300,
    )  # fmt: skip
    code, out, err = run(*command)
    content = json.loads((tmp_path / "out" / "report.json").read_text())
    page = (tmp_path / "out" / "report.html").read_text()
    if flag is None:
        assert (code, content["flags"]) == (0, []), err
        assert "the strategy began anew: no earlier state" in out
        assert "volatility" in out
        again = run(*command, "--json")
        assert json.loads(again[1]) == content
        return
    assert code == FLAGGED
    assert content["status"] == "flagged"
    for text in (out, "\n".join(content["flags"]), page):
        assert flag in text
