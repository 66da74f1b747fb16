"""Strategies hold eligible assets only, hand the forecaster its state back, and say what they did."""

from dataclasses import dataclass, field

import cvxpy as cp
import numpy as np
import pandas as pd
import pytest

from riskengine import portfolio
from riskengine.covariance import Ensemble, SampleCovariance
from riskengine.covariance.base import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.market import Panel
from riskengine.portfolio import (
    BlackLitterman,
    BlackLittermanStrategy,
    Constraints,
    DrawdownControl,
    EqualWeight,
    Equilibrium,
    Goal,
    MaximumDiversification,
    MaximumReturn,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Objective,
    OptimizedStrategy,
    Optimizer,
    ProportionalCosts,
    RiskBudgeting,
    SteadyVolatility,
    Strategy,
    TrackingError,
    View,
    eligible,
)
from riskengine.portfolio.compiled_problem import ProblemCache
from riskengine.portfolio.holding_period import holding_period_scenarios
from riskengine.serialization import pack


@dataclass
class Sample:
    """Sample covariance; remembers what it was handed."""

    carry: bool = False
    calls: list = field(default_factory=list)

    def init(self, returns, previous=None):
        self.calls.append((returns.shape, previous))
        return np.cov(returns[~np.isnan(returns).any(axis=1)].T)

    def update(self, state, row):
        return state

    def forecast(self, state, horizon=1):
        return Covariance.dense(np.atleast_2d(state), horizon, ("1: a note",))


def panel(days: int = 400) -> Panel:
    """Six assets: D is listed late, E stops moving, F has had no price on the last five days."""
    rng = np.random.default_rng(0)
    steps = 0.01 * rng.standard_normal((days, 6)) * np.array([1, 1.5, 2, 1, 1, 1])
    prices = 100 * np.exp(np.cumsum(steps, axis=0))
    prices[:-100, 3] = np.nan
    prices[-70:, 4] = prices[-70, 4]
    prices[-5:, 5] = np.nan
    return Panel(pd.DataFrame(prices, pd.bdate_range("2020-01-01", periods=days), list("ABCDEF")))


def run(strategy, view, holdings=None):
    held = np.zeros(len(view.assets)) if holdings is None else holdings
    return strategy.decide(strategy.init(view), view, held)


def test_late_listings_stale_prices_and_missing_prices_are_not_eligible():
    view = panel().view(399)
    np.testing.assert_array_equal(eligible(view, 1250, 250), [True, True, True, False, False, False])
    np.testing.assert_array_equal(eligible(view, 1250, 50), [True, True, True, True, False, False])


def test_history_is_counted_inside_the_window():
    view = panel().view(399)
    assert not eligible(view, 200, 250).any()


def test_equal_weight():
    decision, _ = run(EqualWeight(), panel().view(399))
    np.testing.assert_allclose(decision.weights, np.array([1, 1, 1, 0, 0, 0]) / 3)
    assert decision.status == "ok"
    assert decision.covariance is None


def test_both_are_strategies():
    assert isinstance(EqualWeight(), Strategy)
    assert isinstance(OptimizedStrategy("x", Sample()), Strategy)


@pytest.mark.parametrize(
    "strategy", [EqualWeight(min_history=1000), OptimizedStrategy("x", Sample(), min_history=1000)]
)
def test_with_nothing_eligible_all_is_cash(strategy):
    decision, _ = run(strategy, panel().view(399))
    assert decision.status == "all in cash"
    assert not decision.weights.any()


def test_weights_are_the_minimum_variance_of_the_eligible():
    view = panel().view(399)
    strategy = OptimizedStrategy("x", Sample(), constraints=Constraints(lower=-5, upper=5), horizon=10)
    decision, state = run(strategy, view)
    matrix = np.cov(view.returns[:, :3].T)
    best = np.linalg.solve(matrix, np.ones(3))
    np.testing.assert_allclose(decision.weights[:3], best / best.sum(), atol=1e-6)
    np.testing.assert_array_equal(decision.weights[3:], 0)
    np.testing.assert_allclose(decision.covariance.matrix()[:3, :3], matrix, rtol=1e-9)
    assert decision.covariance.horizon == 10
    assert (np.diag(decision.covariance.matrix())[3:] > 0).all()
    np.testing.assert_array_equal(state.chosen, [True, True, True, False, False, False])


def test_notes_of_the_forecaster_name_assets_of_the_panel():
    prices = panel().prices[["D", "A", "B", "C"]]  # the first column is not eligible
    decision, _ = run(OptimizedStrategy("x", Sample()), Panel(prices).view(399))
    assert decision.notes == ("B: a note",)


def test_the_window_reaches_the_forecaster():
    sample = Sample()
    run(OptimizedStrategy("x", sample, window=300), panel().view(399))
    assert sample.calls[0][0] == (300, 3)


def test_the_last_state_is_handed_back_while_the_universe_stays():
    data, sample = panel(), Sample(carry=True)
    strategy = OptimizedStrategy("x", sample, min_history=60)
    state = strategy.init(data.view(350))
    for day in (300, 310, 399):  # D enters, and E and F leave, before day 399
        _, state = strategy.decide(state, data.view(day), np.zeros(6))
    previous = [call[1] for call in sample.calls]
    assert previous[0] is None
    assert previous[1] is not None
    assert previous[2] is None


def test_without_carry_nothing_is_handed_back():
    data, sample = panel(), Sample()
    strategy = OptimizedStrategy("x", sample, min_history=60)
    state = strategy.init(data.view(300))
    for day in (300, 310):
        _, state = strategy.decide(state, data.view(day), np.zeros(6))
    assert [call[1] for call in sample.calls] == [None, None]


def test_between_calibrations_the_state_is_handed_the_days_since():
    """A forecast that is updated is that of the whole window, as none of its settings are fitted."""
    whole = panel(500)
    anew, moved = (
        OptimizedStrategy("m", SampleCovariance(300), window=300, min_history=100, refit=refit)
        for refit in (1, 3)
    )
    states = [anew.init(whole.view(400)), moved.init(whole.view(400))]
    calls = []
    for day in (400, 407, 408, 430):
        decisions = []
        for k, strategy in enumerate((anew, moved)):
            view = whole.view(day, window=350)  # a rolling view: its length says nothing of the days since
            decision, states[k] = strategy.decide(states[k], view, np.zeros(6))
            decisions.append(decision.weights)
        calls.append(states[1].age)
        np.testing.assert_allclose(*decisions, atol=1e-6)
    assert calls == [1, 2, 3, 1]


def test_a_first_portfolio_is_not_held_back_by_the_turnover_limit():
    decision, _ = run(
        OptimizedStrategy("x", Sample(), constraints=Constraints(turnover=0.1)), panel().view(399)
    )
    assert decision.status == "ok"
    assert decision.weights.sum() == pytest.approx(1)


def test_clashing_limits_fall_back_or_raise():
    view, impossible = panel().view(399), Constraints(upper=0.2)
    decision, _ = run(OptimizedStrategy("x", Sample(), constraints=impossible), view)
    assert decision.status == "equal weight"
    with pytest.raises(InfeasibleError) as caught:
        run(OptimizedStrategy("x", Sample(), constraints=impossible, fallback=False), view)
    assert any("upper bound 0.2" in name for name in caught.value.limits)


def test_settings_are_checked():
    with pytest.raises(SettingsError, match="min_history"):
        OptimizedStrategy("x", Sample(), window=100, min_history=250)


def test_without_views_black_litterman_holds_the_market():
    market = {"A": 0.5, "B": 0.3, "C": 0.2}
    prior = BlackLitterman(market_weights=market, tau=1e-9)
    strategy = OptimizedStrategy(
        "x", Sample(), MeanVariance(2.5), Constraints(lower=-1), expected_returns=prior
    )
    decision, _ = run(strategy, panel().view(399))
    np.testing.assert_allclose(decision.weights, [0.5, 0.3, 0.2, 0, 0, 0], atol=1e-5)


def posterior_of(*views):
    return OptimizedStrategy("x", Sample(), MeanVariance(), expected_returns=BlackLitterman(views))


def test_a_view_moves_its_asset_and_a_view_on_what_is_not_eligible_is_noted():
    view = panel().view(399)
    base, _ = run(posterior_of(), view)
    views = (View.absolute("C", 0.5, 0.9), View.relative("A", over="D", by=0.1))
    decision, _ = run(posterior_of(*views), view)
    assert decision.weights[2] > base.weights[2] + 0.05
    assert any("A, D" in note for note in decision.notes)


def test_a_view_on_an_asset_that_does_not_exist_is_refused():
    with pytest.raises(SettingsError, match="Z"):
        run(posterior_of(View.absolute("Z", 0.1)), panel().view(399))


def test_before_the_first_return_nothing_is_eligible():
    decision, _ = run(EqualWeight(), panel().view(0))
    assert decision.status == "all in cash"


def test_half_the_trade_rate_is_half_of_the_way_and_keeps_bounds_and_budget():
    view = panel().view(399)
    held = np.array([0.7, 0.3, 0.0, 0.0, 0.0, 0.0])
    full, half = (OptimizedStrategy("x", Sample(), trade_rate=rate) for rate in (1.0, 0.5))
    target, _ = full.decide(full.init(view), view, held)
    way, _ = half.decide(half.init(view), view, held)
    np.testing.assert_allclose(way.weights, (target.weights + held) / 2, atol=1e-9)
    first, _ = half.decide(half.init(view), view, np.zeros(6))
    np.testing.assert_allclose(first.weights, target.weights, atol=1e-6)
    strict = OptimizedStrategy("x", Sample(), constraints=Constraints(upper=0.4), trade_rate=0.1)
    capped, _ = strict.decide(strict.init(view), view, held)
    assert capped.weights.max() <= 0.4
    assert capped.weights.sum() == pytest.approx(1)
    with pytest.raises(SettingsError, match="trade_rate"):
        OptimizedStrategy("x", Sample(), trade_rate=0.0)


@pytest.mark.parametrize(
    "objective",
    [MaximumSharpe(), MaximumReturn(0.05), MinimumCvar(0.9), RiskBudgeting(), MaximumDiversification(),
     TrackingError()],
    ids=lambda o: type(o).__name__,
)  # fmt: skip
def test_every_objective_makes_a_strategy(objective):
    budget = (0.0, 1.0) if isinstance(objective, MaximumReturn) else 1.0
    strategy = OptimizedStrategy("x", Sample(), objective, Constraints(budget=budget), fallback=False)
    view = panel().view(399)
    state = strategy.init(view)
    first, state = strategy.decide(state, view, np.zeros(6))
    again, _ = strategy.decide(state, view, first.weights)
    assert (first.weights[3:] == 0).all()
    assert first.weights[:3].min() >= 0
    np.testing.assert_allclose(again.weights, first.weights, atol=1e-5)
    if budget == 1.0:
        assert first.weights.sum() == pytest.approx(1)
    else:
        assert np.sqrt(252 * first.covariance.variance(first.weights)) == pytest.approx(0.05, rel=1e-5)


def test_tracking_holds_the_benchmark_and_participation_sees_the_volume():
    view, weights = panel().view(399), {"A": 0.6, "B": 0.3, "F": 0.1}
    decision, _ = run(OptimizedStrategy("x", Sample(), TrackingError(), benchmark=weights), view)
    np.testing.assert_allclose(decision.weights[:3], [2 / 3, 1 / 3, 0], atol=1e-5)
    slow = OptimizedStrategy(
        "x", Sample(), TrackingError(), Constraints(participation=0.1), benchmark=weights,
        volume=lambda view: np.full(len(view.assets), 0.5),
    )  # fmt: skip
    decision, _ = run(slow, view, np.array([0.5, 0.25, 0.25, 0, 0, 0]))
    np.testing.assert_allclose(decision.weights[:3], [0.55, 0.25, 0.2], atol=0.051)
    assert np.abs(decision.weights[:3] - [0.5, 0.25, 0.25]).max() <= 0.05 + 1e-7


def test_scenarios_have_the_volatility_of_the_forecast_and_the_length_of_the_holding_period():
    rows = 0.02 * np.random.default_rng(0).standard_normal((2000, 2))
    rows[5, 0] = np.nan
    forecast = Covariance.dense(np.diag([4e-4, 1e-4]), horizon=1)
    days = holding_period_scenarios(rows, forecast, np.array([True, True]), 10**6)
    np.testing.assert_allclose(days.std(axis=0), [0.02, 0.01], rtol=1e-2)
    month = Covariance.dense(np.diag([4e-4, 1e-4]), horizon=21)
    made = holding_period_scenarios(rows, month, np.array([True, False]), 300)
    assert made.shape == (300, 2)
    assert made.min() >= -1
    assert (made[:, 1] == 0).all()
    assert made[:, 0].std() == pytest.approx(0.02 * np.sqrt(21), rel=0.2)


@dataclass(frozen=True)
class MinimumMeanAbsoluteDeviation(Objective):
    """Least mean absolute deviation over scenarios (Konno and Yamazaki 1991): a ninth objective, and all of it."""

    needs = frozenset({"scenarios"})
    risk_term = "none"

    def data(self, inputs):
        unit = float(np.abs(inputs.scenarios).mean())
        return inputs.scaled(unit, in_money=False, scenarios=inputs.scenarios - inputs.scenarios.mean(axis=0))

    def expression(self, p):
        above = cp.Variable(p.scenarios.shape[0], nonneg=True)  # deviations up, which sum to those down
        up = p.scenarios @ p.weights <= above
        return Goal(2 * cp.sum(above) / above.size + p.charges, [up])

    def value(self, data, weights):
        return data.unit * float(np.abs(data.scenarios @ weights).mean())


def test_a_further_objective_is_one_class():
    objective, view = MinimumMeanAbsoluteDeviation(), panel().view(399)
    limits = Constraints(upper=0.6, soft={"upper": 10.0})
    decision, _ = run(OptimizedStrategy("x", Sample(), objective, limits, fallback=False), view)
    assert decision.weights.sum() == pytest.approx(1)
    assert decision.weights[:3].max() <= 0.6 + 1e-6
    np.testing.assert_array_equal(decision.weights[3:], 0)
    chosen = eligible(view, 1250, 250)
    rows = holding_period_scenarios(view.window(1250), decision.covariance, chosen, 500)
    deviations = rows - rows.mean(axis=0)
    rng, best = np.random.default_rng(0), np.abs(deviations @ decision.weights).mean()
    solution = Optimizer(view.assets, objective, limits).solve(
        decision.covariance, tradable=chosen, scenarios=rows
    )
    assert solution.value == pytest.approx(best, rel=1e-6)
    for _ in range(200):
        trial = np.append(rng.dirichlet(np.ones(3)), np.zeros(3))
        trial = decision.weights + 10 ** rng.uniform(-4, 0) * (trial - decision.weights)
        assert trial.max() > 0.6 or np.abs(deviations @ trial).mean() >= best - 1e-9


def test_equal_settings_share_a_compiled_problem_and_the_cache_is_bounded():
    cache = ProblemCache(most=2)
    made = []

    def make(*settings):
        made.append(settings)
        return object()

    first = cache.get(make, MeanVariance(2.0), Constraints(soft={"upper": 1.0}), 3)
    assert cache.get(make, MeanVariance(2.0), Constraints(soft={"upper": 1.0}), 3) is first
    assert cache.get(make, MeanVariance(3.0), Constraints(), 3) is not first
    assert cache.get(make, MeanVariance(2.0), Constraints(soft={"upper": 1.0}), 3) is first
    cache.get(make, MinimumVariance(), Constraints(), 3)  # the one in the middle goes
    assert len(cache.matching(make)) == 2
    assert cache.matching(make, MeanVariance(2.0)) == [first]
    assert len(made) == 3


def test_a_decision_is_a_function_of_state_view_and_holdings():
    view, held = panel().view(399), np.array([0.5, 0.5, 0, 0, 0, 0])
    mine, other = (
        OptimizedStrategy("x", Sample(), objective, Constraints(turnover=0.4), fallback=False, trade_rate=0.7)
        for objective in (MinimumVariance(), MeanVariance(1.0))
    )
    first, state = mine.decide(mine.init(view), view, held)
    assert isinstance(pack(state), bytes)  # nothing compiled is in it
    run(mine, panel(500).view(450)), run(other, view, held)
    again, _ = mine.decide(mine.init(view), view, held)
    np.testing.assert_array_equal(again.weights, first.weights)


def test_expected_returns_are_any_function_of_the_view():
    view = panel().view(399)
    favours = np.array([0.0, 0.0, 1e-2, 0.0, 0.0, 0.0])
    decision, _ = run(
        OptimizedStrategy("x", Sample(), MeanVariance(), expected_returns=lambda *given: favours), view
    )
    assert decision.weights[2] > 0.99
    by_name, default = (
        run(OptimizedStrategy("x", Sample(), MeanVariance(4.0), expected_returns=component), view)[0]
        for component in (Equilibrium(risk_aversion=4.0), None)
    )
    np.testing.assert_array_equal(by_name.weights, default.weights)


def test_several_periods_are_planned_by_the_strategy():
    """A view that fades within the plan is traded on less than one that stays; one period is the ordinary problem."""
    view, held, signal = (
        panel().view(399),
        np.array([0.3, 0.4, 0.3, 0, 0, 0]),
        np.array([4e-4, 0, 0, 0, 0, 0]),
    )

    def decide(fading, periods):
        path = signal * fading ** np.arange(periods)[:, None]
        mu = path if periods > 1 else path[0]
        strategy = OptimizedStrategy(
            "x", Sample(), MeanVariance(3.0), Constraints(), ProportionalCosts(0.005), horizon=5,
            expected_returns=lambda *given: mu, periods=periods, fallback=False,
        )  # fmt: skip
        return run(strategy, view, held)[0].weights

    once, fades, stays = decide(1.0, 1), decide(0.2, 6), decide(1.0, 6)
    assert fades.sum() == pytest.approx(1)
    assert stays[0] > fades[0] + 0.05
    assert stays[0] > once[0] + 0.05  # costs are spread over the plan
    with pytest.raises(SettingsError, match="add up over time"):
        run(OptimizedStrategy("x", Sample(), MinimumVariance(), periods=2), view)


def test_the_forecaster_is_the_ensemble_if_none_is_named():
    assert isinstance(OptimizedStrategy("x", window=700).forecaster, Ensemble)


def test_old_names_work_and_say_what_to_use():
    view = panel().view(399)
    views = (View.absolute("C", 0.5, 0.9),)
    with pytest.warns(DeprecationWarning, match="BlackLitterman"):
        old = BlackLittermanStrategy("x", Sample(), views=views)
    np.testing.assert_array_equal(run(old, view)[0].weights, run(posterior_of(*views), view)[0].weights)
    with pytest.warns(DeprecationWarning, match="turnover_penalty"):
        assert MinimumVariance(trading=0.05) == MinimumVariance(turnover_penalty=0.05)
    with pytest.warns(DeprecationWarning, match="MaximumReturn"):
        assert portfolio.TargetVolatility(0.2) == MaximumReturn(0.2)
    with pytest.warns(DeprecationWarning, match="DrawdownControl"):
        assert portfolio.DrawdownOverlay(EqualWeight()) == DrawdownControl(EqualWeight())
    with pytest.warns(DeprecationWarning, match="VolatilityTarget"):
        assert SteadyVolatility("s", old).strategy is old

    class Own(OptimizedStrategy):
        def expected_returns(self, covariance, chosen, assets):
            return np.array([0.0, 0.0, 1e-2, 0.0, 0.0, 0.0])

    with pytest.warns(DeprecationWarning, match="expected_returns=function"):
        assert run(Own("x", Sample(), MeanVariance()), view)[0].weights[2] > 0.99
