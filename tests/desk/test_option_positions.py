"""Options that are held: read from files, and valued at the end of every path."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from riskengine.desk.exposures import Exposures
from riskengine.desk.option_outcomes import HeldOptions
from riskengine.desk.option_positions import Exchange, OptionPositions, read_options
from riskengine.garch import GarchParams
from riskengine.options import HestonParams, SsviParams, ssvi_volatility
from riskengine.risk import ScenarioModel, Simulation, replay_returns, simulate


def black_put(spot, years):
    """At a strike of 100, a volatility of 30% and a rate of 2%."""
    if years <= 0:
        return max(100 - spot, 0.0)
    s = 0.3 * np.sqrt(years)
    forward = spot * np.exp(0.02 * years)
    d1 = np.log(forward / 100) / s + s / 2
    return np.exp(-0.02 * years) * (100 * norm.cdf(s - d1) - forward * norm.cdf(-d1))


def puts(maturity):
    """Ten written on the second asset, of wealth 10,000; and one on an asset that no scenario moves."""
    ones = np.ones(2)
    positions = OptionPositions(
        ("put", "gone"), ("B", "C"), np.array(["put", "put"]), 100 * ones, maturity * ones, np.array([-10.0, 1.0]),
        100 * ones, 0.3 * ones, 0.02 * ones, 0 * ones,
    )  # fmt: skip
    return HeldOptions(positions, 10_000.0)


@pytest.mark.parametrize("maturity", [0.5, 2 / 12])
def test_options_on_the_way_are_a_loop_over_days_and_paths(maturity):
    """Months of three; the shorter options expire after the second, and are cash from then on."""
    growth = np.array([[[1.0, 0.8], [1.0, 1.1]], [[1.0, 0.7], [1.0, 1.0]], [[1.0, 1.2], [1.0, 0.5]]])
    found = puts(maturity).beside("plain", ("A", "B"), 12.0).gains(growth)
    for day in range(3):
        for path in range(2):
            left = maturity - (day + 1) / 12
            settled = min(day, 1) if maturity < 0.5 else day
            worth = black_put(100 * growth[settled, path, 1], max(left, 0.0))
            gain = -10 * (worth - black_put(100, maturity)) / 10_000
            assert found[day, path, 0] == pytest.approx(gain, abs=1e-12)
            still = black_put(100, max(left, 0.0)) - black_put(100, maturity)
            assert found[day, path, 1] == pytest.approx(still / 10_000, abs=1e-12)


def test_an_episode_takes_no_time_and_its_drawdown_counts_options_on_the_way():
    returns = np.array([[0.0, -0.4], [0.0, 2 / 3]])
    beside = puts(0.5).beside("plain", ("A", "B"))
    found = replay_returns(("A", "B"), np.array([0.3, 0.5]), returns, "plain", beside)
    deepest = 0.2 + 10 * (black_put(60, 0.5) - black_put(100, 0.5)) / 10_000
    assert found.losses[0] == pytest.approx(0.0, abs=1e-12)
    assert found.drawdowns[0] == pytest.approx(deepest, abs=1e-12)
    assert found.assets == ("A", "B", "put", "gone")


def test_simulated_paths_with_options_are_those_of_the_assets(model_of_two):
    """The same draws; every path's end against the loop, and drivers that add up."""
    weights, how = np.array([0.3, 0.5]), Simulation(horizon=2, paths=400)
    plain = simulate(model_of_two, weights, how)
    both = simulate(model_of_two, weights, how, beside=puts(0.5).beside("plain", ("A", "B"), 12.0))
    np.testing.assert_array_equal(both.returns[:, :2], plain.returns)
    for loss, before, row in zip(both.losses[:50], plain.losses, plain.returns, strict=False):
        gain = -10 * (black_put(100 * (1 + row[1]), 4 / 12) - black_put(100, 0.5))
        gain += black_put(100, 4 / 12) - black_put(100, 0.5)
        assert loss == pytest.approx(before - gain / 10_000, abs=1e-8)
    assert both.drivers(0.99).sum() == pytest.approx(
        float(both.tail(0.99).conditional_value_at_risk), abs=1e-9
    )
    assert (both.drawdowns >= both.losses - 1e-7).all()


def test_options_on_foreign_assets_and_in_pence(tmp_path):
    """A dollar asset and one in pence in a book of euros, against the formula in local money; strikes are local."""
    (tmp_path / "o.csv").write_text(
        "underlying,kind,strike,maturity,quantity,volatility,rate\nXOM,put,100,0.5,-10,0.3,0.02\nVOD,put,100,0.5,5,0.3,0.02\n"
    )
    names, rates = ("XOM", "VOD", "cash in USD", "cash in GBP"), (0.9, 1.2)
    last = np.array([100 * 0.9, 100 * 1.2, 0.9, 1.2])  # of a price in pence too
    exchange = {
        "XOM": Exchange(0.9, "cash in USD", 0.25),
        "VOD": Exchange(1.2, "cash in GBP", 0.0, 0.01),
    }
    found = read_options(tmp_path / "o.csv", names, last, pd.Timestamp("2024-01-01"), exchange)
    today = black_put(100, 0.5)
    np.testing.assert_allclose(found.value(), [-9 * today, 0.06 * today], rtol=1e-9)
    local, money = np.array([-0.2, 0.1]), np.array([0.1, -0.05])
    shares = np.array([0.75, 1.0])
    moves = np.concatenate([(1 + local) * (1 + shares * money) - 1, money])
    wanted = [
        quantity * rate * unit * ((1 + share * x) * black_put(100 * (1 + r), 0.5) - today)
        for quantity, rate, unit, share, x, r in zip(
            (-10, 5), rates, (1, 0.01), shares, money, local, strict=True
        )
    ]
    beside = HeldOptions(found, 1000.0).beside("episode", names)
    np.testing.assert_allclose(beside.gains(1 + moves[None, None])[0, 0] * 1000, wanted, rtol=1e-9)
    book = Exposures(("a", "b"), ("XOM", "VOD"), np.zeros(2), 1000.0, options=found)
    np.testing.assert_allclose(book.gains(moves[None], names)[0] * 1000, wanted, rtol=1e-9)


@pytest.fixture(scope="module")
def model_of_two():
    p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    ones = np.ones((2, 1))
    return ScenarioModel(("A", "B"), p, np.full(2, 1e-3), np.ones((1, 2)), 0.5 * ones, 0.75 * ones[:, 0])


def test_options_take_their_volatility_from_a_smile(tmp_path):
    """The surface of a `smile.json` at the option's strike and forward, and its rates."""
    surface = {"rho": -0.5, "eta": 0.8, "gamma": 0.4, "maturity": [0.5, 1.0], "theta": [0.03, 0.05]}
    heston = dict.fromkeys(HestonParams._fields, 0.1) | {"status": "ok"}
    market = [{"maturity": t, "rate": 0.03, "dividend": 0.01} for t in (0.5, 1.0)]
    content = {"heston": heston, "ssvi": surface, "spot": 100.0, "market": market}
    (tmp_path / "smile.json").write_text(json.dumps(content))
    (tmp_path / "options.csv").write_text(
        "underlying,kind,strike,expiry,quantity,multiplier,smile\nA,call,110,2024-07-01,-2,100,smile.json\n"
    )
    found = read_options(tmp_path / "options.csv", ("A",), np.array([100.0]), pd.Timestamp("2024-01-01"))
    years = 182 / 365
    forward = 100 * np.exp(0.02 * years)
    params = SsviParams(-0.5, 0.8, 0.4, np.array([0.5, 1.0]), np.array([0.03, 0.05]))
    volatility = float(ssvi_volatility(params, forward, 110.0, years))
    assert found.volatility[0] == pytest.approx(volatility, rel=1e-12)
    s = volatility * np.sqrt(years)
    d1 = np.log(forward / 110) / s + s / 2
    call = np.exp(-0.03 * years) * (forward * norm.cdf(d1) - 110 * norm.cdf(d1 - s))
    assert found.value()[0] == pytest.approx(-200 * call, rel=1e-10)
    delta = -200 * np.exp(-0.01 * years) * norm.cdf(d1) * 100
    assert found.deltas()[0] == pytest.approx(delta, rel=1e-6)
