"""Leverage, exposures, participation, least holdings, soft limits: kept, paid for, and named when they clash."""

import itertools

import numpy as np
import pytest

from riskengine.covariance.base import Covariance
from riskengine.errors import DataError, InfeasibleError, SettingsError
from riskengine.portfolio import (
    Constraints,
    Costs,
    Exposure,
    Group,
    MaximumReturn,
    MeanVariance,
    MinimumVariance,
    Optimizer,
)
from riskengine.portfolio.feasibility import clashing_limits

N = 5
NAMES = tuple("ABCDE")
RNG = np.random.default_rng(3)
RISK = Covariance(0.01 * RNG.standard_normal((N, 2)), RNG.uniform(1e-4, 3e-4, N), 21)
MU = np.array([8.0, 2.0, -4.0, 5.0, 1.0]) * 1e-4
HELD = np.array([0.3, 0.3, 0.2, 0.2, 0.0])
VOLUME = np.array([0.1, 0.5, 1.0, 2.0, 5.0])


def solve(constraints, objective=None, previous=None, costs=None, **today):
    optimizer = Optimizer(NAMES, objective or MeanVariance(2.0), constraints, costs)
    return optimizer.solve(RISK, MU, previous, **today)


def test_leverage_is_kept_and_named():
    found = solve(Constraints(lower=-2, upper=2, leverage=1.5))
    assert np.abs(found.weights).sum() == pytest.approx(1.5, abs=1e-6)
    assert "leverage" in found.binding


def test_exposures_are_kept_whether_given_once_or_each_day():
    beta = np.array([1.5, 1.0, 0.5, 1.2, 0.8])
    once = Constraints(exposures=(Exposure("beta", dict(zip(NAMES, beta, strict=True)), 0.9, 0.95),))
    found = solve(once)
    assert beta @ found.weights == pytest.approx(0.95, abs=1e-6)
    assert "exposure beta <= 0.95" in found.binding
    daily = Constraints(exposures=(Exposure("beta", lower=0.9, upper=0.95),))
    again = solve(daily, exposures={"beta": beta})
    np.testing.assert_allclose(again.weights, found.weights, atol=1e-8)
    with pytest.raises(SettingsError, match="exposure beta"):
        solve(daily)


def test_trades_take_no_more_than_their_share_of_the_volume():
    found = solve(Constraints(participation=0.1), previous=HELD, volume=VOLUME)
    trades = np.abs(found.weights - HELD)
    assert (trades <= 0.1 * VOLUME + 1e-8).all()
    assert "participation in A" in found.binding
    with pytest.raises(SettingsError, match="volume"):
        solve(Constraints(participation=0.1))
    with pytest.raises(DataError, match="A"):
        solve(Constraints(participation=0.1), volume=VOLUME * np.array([0, 1, 1, 1, 1]))


def test_a_budget_may_be_a_range():
    found = solve(Constraints(budget=(0.2, 0.6), upper=0.5), MinimumVariance())
    assert found.weights.sum() == pytest.approx(0.2, abs=1e-9)
    assert "budget (least)" in found.binding


def test_impact_spreads_trades_over_liquid_assets_and_borrowing_holds_shorts_back():
    long_short = Constraints(lower=-1, upper=1)
    free, dear = (solve(long_short, previous=HELD, costs=Costs(0.0, impact), volume=VOLUME)
                  for impact in (0.0, 10.0))  # fmt: skip
    assert np.abs(dear.weights - HELD)[0] < 0.5 * np.abs(free.weights - HELD)[0]
    lent = solve(long_short, previous=HELD, costs=Costs(0.0, borrow=0.5))
    assert np.minimum(lent.weights, 0).sum() > np.minimum(free.weights, 0).sum() + 0.05
    with pytest.raises(SettingsError, match="volume"):
        solve(Constraints(), costs=Costs(impact=1.0))


SOFT = {
    "budget": Constraints(budget=0.5),
    "lower": Constraints(lower=0.15),
    "upper": Constraints(upper=0.3),
    "turnover": Constraints(turnover=0.2),
    "leverage": Constraints(lower=-2, upper=2, leverage=1.2),
    "participation": Constraints(participation=0.05),
    "group g": Constraints(groups=(Group("g", ("A", "B"), upper=0.2),)),
    "exposure x": Constraints(exposures=(Exposure("x", {"A": 1.0, "D": 2.0}, upper=0.3),)),
}


@pytest.mark.parametrize("kind", SOFT)
def test_a_soft_limit_is_kept_at_a_high_price_exceeded_at_a_low_one_and_gone_at_none(kind):
    from dataclasses import replace

    hard = SOFT[kind]
    loose = {
        "budget": {"budget": (-3.0, 3.0)},
        "lower": {"lower": -5.0},
        "upper": {"upper": 5.0},
        "turnover": {"turnover": None},
        "leverage": {"leverage": None},
        "participation": {"participation": None},
        "group g": {"groups": ()},
        "exposure x": {"exposures": ()},
    }[kind]
    objective = MeanVariance(10.0)
    today = {"previous": HELD, "volume": VOLUME}
    kept = solve(hard, objective, **today).weights
    at = {
        price: solve(replace(hard, soft={kind: price}), objective, **today).weights
        for price in (10.0, 2e-4, 0.0)
    }
    np.testing.assert_allclose(at[10.0], kept, atol=1e-5)
    np.testing.assert_allclose(at[0.0], solve(replace(hard, **loose), objective, **today).weights, atol=1e-5)
    assert np.abs(at[0.0] - kept).max() > 1e-3


def test_the_price_is_in_the_unit_of_the_objective():
    # One asset above its soft cap by e: the slope of the utility there must be the price.
    price, aversion = 3e-4, 2.0
    risk = Covariance.dense(np.diag([4e-4, 4e-4]), 21)
    found = Optimizer(
        ("A", "B"),
        MeanVariance(aversion),
        Constraints(lower=-5, upper={"A": 0.2, "*": 5}, soft={"upper": price}),
    ).solve(risk, np.array([1e-3, 0.0]))
    a, b = found.weights
    assert a > 0.2
    assert (1e-3 - aversion * 4e-4 * a) - (0 - aversion * 4e-4 * b) == pytest.approx(price, rel=1e-4)


def test_positions_reach_the_least_holding_near_the_best_choice_of_assets():
    least = 0.15
    found = solve(Constraints(min_holding=least), MeanVariance(20.0))
    w = found.weights
    assert ((w == 0) | (w >= least - 1e-7)).all()
    best = -np.inf
    for held in itertools.product([False, True], repeat=N):
        if 0 < sum(held) * least <= 1:
            lower = {name: least for name, h in zip(NAMES, held, strict=True) if h}
            upper = {name: 0.0 for name, h in zip(NAMES, held, strict=True) if not h}
            best = max(best, solve(Constraints(lower=lower, upper=upper), MeanVariance(20.0)).value)
    relaxed = solve(Constraints(), MeanVariance(20.0)).value
    assert relaxed >= best >= found.value - 1e-12
    assert best - found.value <= 0.25 * abs(relaxed)


def test_a_least_holding_that_is_cheap_to_miss_is_missed():
    relaxed = solve(Constraints(), MeanVariance(20.0))
    cheap = solve(Constraints(min_holding=0.3, soft={"min_holding": 1e-9}), MeanVariance(20.0))
    dear = solve(Constraints(min_holding=0.3, soft={"min_holding": 1.0}), MeanVariance(20.0))
    np.testing.assert_allclose(cheap.weights, relaxed.weights, atol=1e-8)
    assert (dear.weights[dear.weights > 0] >= 0.3 - 1e-7).all()


def test_a_least_holding_that_cannot_be_met_is_named():
    with pytest.raises(InfeasibleError, match="min_holding"):
        solve(Constraints(upper=0.25, min_holding=0.26), MinimumVariance())


CLASHES = [
    (Constraints(lower={"A": -0.5, "*": 0}, upper={"A": -0.4, "*": 1}, leverage=1.5), {}, {"leverage <= 1.5"}),
    (Constraints(exposures=(Exposure("beta", dict.fromkeys(NAMES, 1.0), upper=0.5),)), {},
     {"budget = 1", "exposure beta <= 0.5"}),
    (Constraints(upper={"A": 0.1, "*": 1}, participation=0.1), {"previous": HELD, "volume": VOLUME},
     {"upper bound 0.1 of A", "participation <= 0.1"}),
    (Constraints(budget=(0.5, 0.8), groups=(Group("all", NAMES, lower=0.9),)), {},
     {"budget <= 0.8", "group all >= 0.9"}),
]  # fmt: skip


@pytest.mark.parametrize(("constraints", "today", "names"), CLASHES)
def test_the_new_limits_are_named_when_they_clash(constraints, today, names):
    optimizer = Optimizer(NAMES, MeanVariance(), constraints)
    with pytest.raises(InfeasibleError) as caught:
        optimizer.solve(RISK, MU, **today)
    assert names <= set(caught.value.limits)
    limits = {limit.name: limit for limit in optimizer.limits(**today)}
    named = [limits[name] for name in caught.value.limits]
    assert clashing_limits(N, named)
    for limit in named:
        assert not clashing_limits(N, [other for other in named if other is not limit])


def test_a_volatility_out_of_reach_is_named_with_what_keeps_it_there():
    limits = Constraints(groups=(Group("g", ("B",), upper=0.9),))
    with pytest.raises(InfeasibleError) as caught:
        solve(limits, MaximumReturn(0.01))
    assert set(caught.value.limits) == {"budget = 1", "volatility <= 0.01 a year"}


def test_a_soft_limit_cannot_clash():
    found = solve(Constraints(upper=0.1, soft={"upper": 1e-3}), MinimumVariance())
    assert found.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Constraints(soft={"colour": 1.0}), "colour"),
        (lambda: Constraints(soft={"upper": -1.0}), "price"),
        (lambda: Constraints(leverage=-1.0), "leverage"),
        (lambda: Constraints(budget=(1.0, 0.5)), "rise"),
        (lambda: Exposure("x", lower=1.0, upper=0.0), "above upper"),
        (lambda: Constraints(exposures=(Exposure("x", {"A": np.nan}),)).rows[0].loadings(NAMES), "finite"),
        (lambda: Optimizer(NAMES, MinimumVariance(), Constraints(groups=(Group("g", ("Z",)),))), "Z"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, says):
    with pytest.raises(SettingsError, match=says):
        make()
