"""Every objective: closed forms where there are any, limits kept, and no feasible neighbour better."""

import re
from pathlib import Path

import numpy as np
import pytest

import riskengine
from riskengine.covariance.base import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio import (
    Constraints,
    Costs,
    Group,
    MaximumDiversification,
    MaximumReturn,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Optimizer,
    RiskBudgeting,
    TrackingError,
)
from riskengine.portfolio.objectives import tail_mean

N = 6
NAMES = tuple(f"S{k}" for k in range(N))
RNG = np.random.default_rng(11)
RETURNS = 0.01 * RNG.standard_t(5, (240, N)) * np.linspace(0.7, 1.6, N) + 0.006 * RNG.standard_normal(
    (240, 1)
)
MATRIX = np.cov(RETURNS.T)
RISK = Covariance.dense(MATRIX, 21)
MU = np.array([3.0, 6.0, 4.0, 8.0, 5.0, 9.0]) * 1e-4
HELD = np.full(N, 1 / N)
BENCHMARK = np.array([0.5, 0.3, 0.2, 0.0, 0.0, 0.0])
VOLUME = np.array([0.1, 0.5, 1.0, 2.0, 5.0, 0.2])
FREE = Constraints(lower=-5, upper=5)
OBJECTIVES = [
    MinimumVariance(),
    MeanVariance(4.0),
    MaximumSharpe(0.01),
    MaximumReturn(0.14),
    MinimumCvar(0.9),
    RiskBudgeting(),
    MaximumDiversification(),
    TrackingError(),
]


def solve(objective, constraints=None, costs=None, previous=None, **more):
    optimizer = Optimizer(NAMES, objective, constraints or Constraints(), costs)
    return optimizer.solve(RISK, MU, previous, scenarios=RETURNS, benchmark=BENCHMARK, volume=VOLUME, **more)


def worth(objective, w, costs=Costs(spread=0.0)):  # noqa: B008 - frozen
    """What is maximised, written anew from the definitions."""
    trades = np.abs(w - HELD)
    volatility = np.sqrt(np.diag(MATRIX))
    charge = costs.trading(trades, volatility, VOLUME) / 21 + costs.holding(w)
    variance = w @ MATRIX @ w
    if isinstance(objective, MeanVariance):
        return MU @ w - charge - objective.risk_aversion / 2 * variance
    if isinstance(objective, MaximumSharpe):
        charge += costs.cash / 252 * (1 - w.sum())  # measured from the risk-free rate instead
        return ((MU - objective.risk_free / 252) @ w - charge) / np.sqrt(variance)
    if isinstance(objective, MaximumReturn):
        return MU @ w - charge if variance <= 0.14**2 / 252 * (1 + 1e-9) else -np.inf
    if isinstance(objective, MinimumCvar):
        losses = np.sort(-RETURNS @ w)[::-1]
        return -losses[:24].mean() - 21 * charge  # a tenth of 240 is a whole number
    if isinstance(objective, RiskBudgeting):
        return np.mean(np.log(w)) - np.log(variance) / 2
    if isinstance(objective, MaximumDiversification):
        return volatility @ w / np.sqrt(variance)
    if isinstance(objective, TrackingError):
        return -(w - BENCHMARK) @ MATRIX @ (w - BENCHMARK)
    return -variance


@pytest.mark.parametrize("costs", [Costs(spread=0.0), Costs(0.001, 1.0, 0.0, 0.02)], ids=["free", "dear"])
@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_no_feasible_neighbour_is_better(objective, costs):
    rng = np.random.default_rng(1)
    budget = (0.0, 1.0) if isinstance(objective, MaximumReturn) else 1.0
    limits = Constraints(upper=0.4, budget=budget, groups=(Group("half", NAMES[:3], upper=0.55),))
    w = solve(objective, limits, costs, HELD).weights
    assert w.min() >= 0
    assert w.max() <= 0.4
    assert w[:3].sum() <= 0.55 + 1e-7
    best = worth(objective, w * (1 - 1e-9), costs)
    tried = 0
    for _ in range(400):
        trial = rng.dirichlet(np.full(N, 0.7)) * (rng.uniform(0, 1) if budget != 1.0 else 1.0)
        trial = w + 10 ** rng.uniform(-3, 0) * (trial - w)
        if trial.max() <= 0.4 and trial[:3].sum() <= 0.55:
            tried += 1
            assert worth(objective, trial, costs) <= best + 1e-7 * abs(best)
    assert tried > 100


def test_maximum_sharpe_without_bounds_is_the_tangency_portfolio():
    tangency = np.linalg.solve(MATRIX, MU - 0.01 / 252)
    found = solve(MaximumSharpe(0.01), FREE)
    np.testing.assert_allclose(found.weights, tangency / tangency.sum(), atol=1e-6)
    assert found.value == pytest.approx(np.sqrt(tangency @ MATRIX @ tangency), rel=1e-8)


def test_maximum_diversification_without_bounds_is_the_closed_form():
    best = np.linalg.solve(MATRIX, np.sqrt(np.diag(MATRIX)))
    np.testing.assert_allclose(solve(MaximumDiversification(), FREE).weights, best / best.sum(), atol=1e-6)


@pytest.mark.parametrize("budgets", [None, {"S0": 3.0, "S1": 2.0, "*": 1.0}])
def test_contributions_to_risk_are_the_budgets(budgets):
    w = solve(RiskBudgeting(budgets)).weights
    share = w * (MATRIX @ w) / (w @ MATRIX @ w)
    wanted = np.ones(N) if budgets is None else np.array([3.0, 2, 1, 1, 1, 1])
    np.testing.assert_allclose(share, wanted / wanted.sum(), atol=1e-5)


def test_risk_is_budgeted_over_what_may_be_held():
    w = solve(RiskBudgeting(), tradable=np.array([1, 1, 0, 1, 0, 1], bool)).weights
    assert (w[[2, 4]] == 0).all()
    part = w * (MATRIX @ w) / (w @ MATRIX @ w)
    np.testing.assert_allclose(part[[0, 1, 3, 5]], 0.25, atol=1e-5)


def test_the_target_volatility_is_met_and_cash_takes_the_rest():
    found = solve(MaximumReturn(0.05), Constraints(budget=(0.0, 1.0)))
    assert np.sqrt(252 * RISK.variance(found.weights)) == pytest.approx(0.05, rel=1e-6)
    assert found.weights.sum() < 0.9


def test_tracking_a_feasible_benchmark_finds_it():
    found = solve(TrackingError())
    np.testing.assert_allclose(found.weights, BENCHMARK, atol=1e-5)
    assert found.value < 1e-5


def test_cvar_is_the_mean_of_the_worst_scenarios():
    found = solve(MinimumCvar(0.95))
    losses = np.sort(-RETURNS @ found.weights)[::-1]
    assert found.value == pytest.approx(losses[:12].mean(), rel=1e-9)
    assert tail_mean(np.array([3.0, 1.0, 2.0]), 0.5) == pytest.approx((3 + 0.5 * 2) / 1.5)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_the_value_is_that_of_the_definition(objective):
    costs = Costs(0.001, 1.0, 0.01, 0.02)
    budget = (0.0, 1.0) if isinstance(objective, MaximumReturn) else 1.0
    found = solve(objective, Constraints(upper=0.4, budget=budget), costs, HELD)
    wanted = worth(objective, found.weights, costs)
    if isinstance(objective, MaximumReturn):
        wanted = worth(objective, found.weights * (1 - 1e-9), costs)
    if isinstance(objective, TrackingError):
        assert found.value**2 == pytest.approx(-wanted, rel=1e-6)
    elif isinstance(objective, RiskBudgeting):
        assert found.value == pytest.approx(np.sqrt(RISK.variance(found.weights)))
    else:
        assert found.value == pytest.approx(wanted if objective.maximised else -wanted, rel=1e-6)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)
def test_what_was_solved_before_does_not_matter(objective):
    budget = (0.0, 1.0) if isinstance(objective, MaximumReturn) else 1.0
    optimizer = Optimizer(NAMES, objective, Constraints(budget=budget))
    today = {"scenarios": RETURNS, "benchmark": BENCHMARK}
    first = optimizer.solve(RISK, MU, **today).weights
    other = Covariance.dense(MATRIX[::-1, ::-1], 21)
    mirrored = {"scenarios": RETURNS[:, ::-1], "benchmark": BENCHMARK[::-1]}
    assert not np.array_equal(optimizer.solve(other, MU[::-1], HELD, **mirrored).weights, first)
    np.testing.assert_array_equal(optimizer.solve(RISK, MU, **today).weights, first)
    assert len(optimizer.compiled) == 1


@pytest.mark.parametrize("objective", [MaximumSharpe(), RiskBudgeting(), MaximumDiversification()])
def test_ratios_need_one_positive_budget(objective):
    for budget in ((0.0, 1.0), 0.0):
        with pytest.raises(SettingsError, match="one positive number"):
            Optimizer(NAMES, objective, Constraints(budget=budget))


def test_without_a_return_above_the_risk_free_rate_there_is_no_sharpe_ratio_to_maximise():
    with pytest.raises(InfeasibleError, match="risk-free"):
        Optimizer(NAMES, MaximumSharpe(0.5), Constraints()).solve(RISK, MU)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        (MaximumSharpe(), "expected returns"),
        (MaximumReturn(), "expected returns"),
        (MinimumCvar(), "scenarios"),
        (TrackingError(), "benchmark"),
    ],
)
def test_what_is_missing_is_said(objective, says):
    with pytest.raises(SettingsError, match=says):
        Optimizer(NAMES, objective, Constraints()).solve(RISK)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MaximumReturn(0.0),
        lambda: MinimumCvar(1.0),
        lambda: RiskBudgeting({"A": 0.0}),
        lambda: Costs(spread=-0.1),
        lambda: Costs(impact=-1.0),
        lambda: Costs(cash=np.nan),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(SettingsError):
        make()


def test_nothing_asks_an_objective_for_its_class():
    """An objective says what it is by its attributes, so that a further one is one class."""
    names = "|".join(type(one).__name__ for one in OBJECTIVES)
    asked = re.compile(rf"(isinstance|issubclass)\([^)]*(objective|\b({names})\b)")
    package = Path(riskengine.__file__).parent
    assert [str(path) for path in package.rglob("*.py") if asked.search(path.read_text())] == []
