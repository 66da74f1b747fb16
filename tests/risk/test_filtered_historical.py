"""Filtered historical simulation against a plain loop, and its laws."""

from dataclasses import replace

import numpy as np
import pytest

from riskengine.errors import DataError, SettingsError
from riskengine.garch.params import GarchParams
from riskengine.risk import FilteredHistory, empirical_tail, fill_residuals


def margins(assets):
    return GarchParams(
        omega=np.linspace(1e-6, 3e-6, assets),
        alpha=np.linspace(0.02, 0.06, assets),
        gamma=np.linspace(0.05, 0.12, assets),
        beta=np.linspace(0.90, 0.84, assets),
        dof=np.full(assets, 6.0),
    )


@pytest.fixture
def history():
    rng = np.random.default_rng(5)
    residuals = rng.standard_t(6, (400, 3)) * np.sqrt(4 / 6) * 0.8 + 0.6 * rng.standard_normal((400, 1))
    return FilteredHistory(residuals, margins(3), np.array([1e-4, 2e-4, 4e-4]))


def test_simulation_equals_a_plain_loop(history):
    horizon, paths, seed = 7, 20, 11
    days = np.random.default_rng(seed).integers(400, size=(horizon, paths))
    p = history.params
    expected = np.empty((paths, 3))
    for s in range(paths):
        for i in range(3):
            wealth, variance = 1.0, history.next_variance[i]
            for t in range(horizon):
                r = history.residuals[days[t, s], i] * variance**0.5
                wealth *= max(1 + r, 0)
                news = p.alpha[i] + (p.gamma[i] if r < 0 else 0)
                variance = p.omega[i] + news * r * r + p.beta[i] * variance
            expected[s, i] = wealth - 1
    np.testing.assert_allclose(history.simulate(horizon, paths, seed), expected, rtol=1e-12, atol=1e-15)


def test_one_day_is_the_residuals_at_todays_volatility(history):
    np.testing.assert_allclose(history.one_day(), history.residuals * np.array([0.01, 0.0002**0.5, 0.02]))


def test_simulating_one_day_draws_from_the_one_day_scenarios(history):
    """Quantiles of 40,000 draws: their standard error is below .02 of the volatility between 5 and 95%."""
    exact, drawn = history.one_day(), history.simulate(1, 40_000, seed=2)
    for q in (0.05, 0.25, 0.5, 0.75, 0.95):
        gap = np.quantile(drawn, q, axis=0) - np.quantile(exact, q, axis=0)
        assert (np.abs(gap) < 0.06 * np.sqrt(history.next_variance)).all()
    assert set(np.round(drawn[:500, 0], 12)) <= set(np.round(exact[:, 0], 12))


def test_days_are_drawn_whole():
    """The second asset is the first one's double every day, so it is on every path."""
    z = np.random.default_rng(0).standard_normal(300)
    p = GarchParams(*(np.full(2, x) for x in (0.0, 0.0, 0.0, 1.0, np.inf)))  # constant variance
    paths = FilteredHistory(np.column_stack([z, z]), p, np.full(2, 1e-4)).simulate(10, 100)
    np.testing.assert_array_equal(paths[:, 0], paths[:, 1])


def test_the_horizon_is_not_scaled_by_the_root_of_time(history):
    """From far below the long-run variance risk grows faster than the root of time; from above, slower."""
    weights = np.full(3, 1 / 3)
    calm, wild = (
        replace(history, next_variance=history.params.long_run_variance * factor) for factor in (0.1, 10.0)
    )
    growth = [
        h.portfolio_tail(weights, 0.95, 20).value_at_risk / h.portfolio_tail(weights, 0.95).value_at_risk
        for h in (calm, wild)
    ]
    assert growth[0] > 20**0.5 > growth[1]


def test_variance_of_paths_is_that_of_the_term_structure():
    """Sum over days of ``v + persistence^(k-1) (next - v)``, with symmetric residuals of unit variance."""
    z = np.random.default_rng(1).standard_normal(4000)
    z = np.r_[z, -z] / z.std() * np.sqrt(z.var() / np.mean(z**2))
    p = margins(1)
    start = 4 * p.long_run_variance
    paths = FilteredHistory(z[:, None], p, start).simulate(10, 100_000, seed=3)
    v, rho = p.long_run_variance, p.persistence
    expected = sum(v + rho**k * (start - v) for k in range(10))
    assert paths.var() == pytest.approx(expected[0], rel=0.04)  # the error of 100,000 paths is about 1%


def test_seeds_repeat_and_differ(history):
    np.testing.assert_array_equal(history.simulate(3, 50, seed=1), history.simulate(3, 50, seed=1))
    assert (history.simulate(3, 50, seed=1) != history.simulate(3, 50, seed=2)).any()


def test_a_loss_ends_at_everything():
    """A holding that has lost everything stays worthless."""
    wild = FilteredHistory(np.array([[-3.0], [3.0]] * 60), margins(1), np.array([0.25]))
    assert wild.one_day().min() == -1
    paths = wild.simulate(5, 500)
    assert paths.min() == -1
    assert np.mean(paths == -1) > 0.9  # one bad day in five is enough


@pytest.mark.parametrize("horizon", [1, 5])
def test_portfolio_tail_is_that_of_its_scenarios(history, horizon):
    weights = np.array([0.5, 0.8, -0.3])
    scenarios = history.one_day() if horizon == 1 else history.simulate(horizon, 2000, seed=9)
    expected = empirical_tail(scenarios @ weights, 0.975, horizon)
    found = history.portfolio_tail(weights, 0.975, horizon, paths=2000, seed=9)
    assert found.value_at_risk == pytest.approx(expected.value_at_risk, rel=1e-12)
    assert found.conditional_value_at_risk == pytest.approx(expected.conditional_value_at_risk, rel=1e-12)
    assert (found.level, found.horizon, found.method) == (0.975, horizon, "filtered historical")


def test_permuting_assets_changes_nothing(history):
    order = [2, 0, 1]
    shuffled = FilteredHistory(
        history.residuals[:, order],
        GarchParams._make(x[order] for x in history.params),
        history.next_variance[order],
    )
    weights = np.array([0.2, 0.3, 0.5])
    a = history.portfolio_tail(weights, 0.95, 5, paths=500)
    b = shuffled.portfolio_tail(weights[order], 0.95, 5, paths=500)
    assert a.value_at_risk == pytest.approx(b.value_at_risk, rel=1e-12)


def test_gaps_are_filled_by_the_day_and_empty_days_dropped():
    nan = np.nan
    filled = fill_residuals(np.array([[1.0, nan, 3.0, 8.0], [nan] * 4, [nan, -1.0, nan, nan]]))
    size = np.sqrt((3**2 + 1**2) / 2)
    np.testing.assert_allclose(filled, [[1, 3 / size, 3, 8], [-1 / size, -1, -1 / size, -1 / size]])
    with pytest.raises(DataError, match="single residual"):
        fill_residuals(np.full((3, 2), nan))


def test_raw_residuals_are_kept_beside_the_filled_ones(history):
    residuals = history.residuals.copy()
    residuals[:200, 1] = np.nan
    gappy = FilteredHistory(residuals, history.params, history.next_variance)
    assert np.isnan(gappy.residuals[:200, 1]).all()
    medians = np.nanmedian(residuals, axis=1)
    expected = medians[:200] / np.sqrt(np.mean(medians**2))
    np.testing.assert_allclose(gappy.filled[:200, 1], expected)
    np.testing.assert_array_equal(gappy.filled[200:], residuals[200:])


def test_the_gaps_of_holdings_are_filled_from_the_whole_universe(history):
    """What is not held still says what kind of day it was, on both roads to the figure."""
    residuals = history.residuals.copy()
    residuals[:100, 0] = np.nan
    gappy = FilteredHistory(residuals, history.params, history.next_variance)
    weights = np.array([1.0, 0.0, 0.0])
    expected = empirical_tail(gappy.one_day()[:, 0], 0.95).value_at_risk
    assert gappy.portfolio_tail(weights, 0.95).value_at_risk == pytest.approx(expected)
    expected = empirical_tail(gappy.simulate(5, 500)[:, 0], 0.95).value_at_risk
    assert gappy.portfolio_tail(weights, 0.95, 5, paths=500).value_at_risk == pytest.approx(expected)


@pytest.mark.parametrize("what", ["residuals", "next_variance", "omega"])
@pytest.mark.parametrize("horizon", [1, 3])
def test_an_asset_without_data_matters_only_if_it_is_held(history, what, horizon):
    residuals, variance = history.residuals.copy(), history.next_variance.copy()
    omega = history.params.omega.copy()
    if what == "residuals":
        residuals[:, 1] = np.nan
    elif what == "next_variance":
        variance[1] = np.nan
    else:
        omega[1] = np.nan
    broken = FilteredHistory(residuals, history.params._replace(omega=omega), variance)
    with pytest.raises(DataError, match=r"positions \[1\] are held"):
        broken.portfolio_tail(np.array([0.5, 0.5, 0.0]), 0.95, horizon, paths=200)
    without = np.array([0.5, 0.0, 0.5])
    assert broken.portfolio_tail(without, 0.95, horizon, paths=200).value_at_risk == pytest.approx(
        history.portfolio_tail(without, 0.95, horizon, paths=200).value_at_risk
    )


def test_cash_alone_has_no_risk(history):
    tail = history.portfolio_tail(np.zeros(3), 0.95, 5)
    assert (tail.value_at_risk, tail.conditional_value_at_risk) == (0, 0)


def test_settings_and_shapes_outside_their_range_are_refused(history):
    for settings in ((0, 10), (1, 0)):
        with pytest.raises(SettingsError, match="at least 1"):
            history.simulate(*settings)
    with pytest.raises(SettingsError, match="at least one day"):
        history.portfolio_tail(np.ones(3), horizon=0)
    for level in (0.3, 1.0):
        with pytest.raises(SettingsError, match="confidence level"):
            history.portfolio_tail(np.zeros(3), level)
    for weights in (np.ones(2), np.array([1.0, np.nan, 0.0])):
        with pytest.raises(DataError, match="weights must be finite"):
            history.portfolio_tail(weights)
    with pytest.raises(DataError, match="shape"):
        FilteredHistory(history.residuals, margins(2), history.next_variance)
    with pytest.raises(DataError, match="shape"):
        FilteredHistory(history.residuals[:, 0], margins(3), history.next_variance)
    with pytest.raises(DataError, match="single residual"):
        FilteredHistory(np.full((5, 3), np.nan), margins(3), history.next_variance)
    with pytest.raises(DataError, match="400 scenarios are too few"):
        history.portfolio_tail(np.ones(3), 0.999)


def test_a_holding_listed_last_month_shows_the_risk_that_it_has():
    """Two thirds in a copy of another asset: with a filled past its VaR is nearly that with its own."""
    rng = np.random.default_rng(6)
    residuals = np.sqrt(0.3) * rng.standard_t(6, (1500, 1)) + np.sqrt(0.7) * rng.standard_t(6, (1500, 20))
    residuals /= residuals.std()
    young = residuals.copy()
    young[:-20, 0] = np.nan
    weights = np.r_[0.65, np.full(19, 0.35 / 19)]
    var = {}
    for name, rows in (("whole", residuals), ("young", young)):
        var[name] = empirical_tail(fill_residuals(rows) @ weights, 0.95).value_at_risk
    assert 0.9 < var["young"] / var["whole"] < 1.1
    unscaled = np.where(np.isnan(young), np.nanmedian(young, axis=1)[:, None], young)
    assert empirical_tail(unscaled @ weights, 0.95).value_at_risk < 0.8 * var["whole"]
