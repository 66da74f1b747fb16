"""Contributions add up, and are derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine.covariance.base import Covariance
from riskengine.errors import DataError, SettingsError
from riskengine.risk import (
    empirical_tail,
    scenario_contributions,
    student_t_contributions,
    student_t_tail,
    tail_weights,
    volatility_contributions,
)


def case(seed, assets=5, factors=2):
    rng = np.random.default_rng(seed)
    covariance = Covariance(
        rng.normal(0, 0.01, (assets, factors)), rng.uniform(1e-5, 4e-4, assets), horizon=5
    )
    return covariance, rng.normal(0.2, 0.3, assets)


seeds = st.integers(0, 2**32 - 1)


@given(seeds)
def test_volatility_contributions_add_up_to_the_volatility(seed):
    covariance, weights = case(seed)
    parts = volatility_contributions(covariance, weights)
    assert parts.sum() == pytest.approx(np.sqrt(weights @ covariance.matrix() @ weights), rel=1e-12)


@given(seeds)
def test_volatility_contributions_are_weights_times_derivatives(seed):
    covariance, weights = case(seed)
    step = 1e-6
    slope = [
        (np.sqrt(covariance.variance(weights + e)) - np.sqrt(covariance.variance(weights - e))) / (2 * step)
        for e in step * np.eye(5)
    ]
    np.testing.assert_allclose(volatility_contributions(covariance, weights), weights * slope, atol=1e-9)


def test_equal_risk_of_uncorrelated_assets_by_hand():
    """Weights inverse to volatilities: contributions are equal, sigma / N each."""
    parts = volatility_contributions(Covariance.dense(np.diag([0.01, 0.04])), np.array([2 / 3, 1 / 3]))
    np.testing.assert_allclose(parts, np.sqrt(2) / 15 / 2)


@given(seeds)
def test_student_t_contributions_add_up(seed):
    covariance, weights = case(seed)
    expected = np.linspace(-0.002, 0.004, 5)
    parts = student_t_contributions(covariance, weights, 5.0, 0.975, expected)
    whole = student_t_tail(
        np.sqrt(covariance.horizon * covariance.variance(weights)),
        5.0,
        0.975,
        covariance.horizon,
        float(weights @ expected),
    )
    assert parts.value_at_risk.sum() == pytest.approx(whole.value_at_risk, abs=1e-12)
    assert parts.conditional_value_at_risk.sum() == pytest.approx(whole.conditional_value_at_risk, abs=1e-12)
    assert (parts.horizon, parts.level, parts.method) == (5, 0.975, "student-t")


def test_without_expected_returns_shares_are_those_of_the_volatility():
    covariance, weights = case(3)
    parts = student_t_contributions(covariance, weights, 5.0)
    volatility = volatility_contributions(covariance, weights)
    np.testing.assert_allclose(parts.value_at_risk / parts.value_at_risk.sum(), volatility / volatility.sum())


@given(seeds, st.sampled_from([0.9, 0.95, 0.99]))
def test_scenario_contributions_add_up(seed, level):
    rng = np.random.default_rng(seed)
    scenarios, weights = rng.standard_t(4, (317, 4)) * 0.01, rng.normal(0.2, 0.4, 4)
    parts = scenario_contributions(scenarios, weights, level, horizon=3)
    whole = empirical_tail(scenarios @ weights, level)
    assert parts.value_at_risk.sum() == pytest.approx(whole.value_at_risk, abs=1e-12)
    assert parts.conditional_value_at_risk.sum() == pytest.approx(whole.conditional_value_at_risk, abs=1e-12)
    assert parts.horizon == 3


def test_cvar_contributions_equal_a_plain_loop():
    rng = np.random.default_rng(4)
    scenarios, weights = rng.standard_normal((111, 3)), np.array([0.5, 0.2, 0.3])
    in_tail = tail_weights(scenarios @ weights, 0.95)
    expected = [sum(in_tail[s] * -scenarios[s, i] * weights[i] for s in range(111)) for i in range(3)]
    parts = scenario_contributions(scenarios, weights, 0.95)
    np.testing.assert_allclose(parts.conditional_value_at_risk, expected, rtol=1e-12)


def test_cvar_contributions_are_weights_times_derivatives():
    """The empirical CVaR is piecewise linear in the weights: the difference is exact between its kinks."""
    rng = np.random.default_rng(6)
    scenarios, weights = rng.standard_normal((400, 3)), np.array([0.5, 0.2, 0.3])

    def cvar(w):
        return empirical_tail(scenarios @ w, 0.95).conditional_value_at_risk

    slope = [(cvar(weights + e) - cvar(weights - e)) / 2e-8 for e in 1e-8 * np.eye(3)]
    parts = scenario_contributions(scenarios, weights, 0.95)
    np.testing.assert_allclose(parts.conditional_value_at_risk, weights * slope, atol=1e-6)


def test_var_contributions_of_gaussian_scenarios_near_the_closed_form():
    """200,000 scenarios: the kernel's share is within .02 of the elliptical one."""
    covariance, _ = case(8, assets=3)
    weights = np.array([0.5, 0.3, 0.2])
    scenarios = np.random.default_rng(9).standard_normal((200_000, 5)) @ covariance.factor.T
    parts = scenario_contributions(scenarios, weights, 0.95).value_at_risk
    exact = student_t_contributions(covariance, weights, np.inf, 0.95).value_at_risk
    np.testing.assert_allclose(parts / parts.sum(), exact / exact.sum(), atol=0.02)


def test_permuting_assets_permutes_contributions():
    covariance, weights = case(10)
    order = np.array([3, 1, 4, 0, 2])
    scenarios = np.random.default_rng(11).standard_t(5, (300, 5)) * 0.01
    np.testing.assert_allclose(
        volatility_contributions(covariance.select(order), weights[order]),
        volatility_contributions(covariance, weights)[order],
    )
    straight, permuted = (
        scenario_contributions(scenarios, weights, 0.95),
        scenario_contributions(scenarios[:, order], weights[order], 0.95),
    )
    np.testing.assert_allclose(permuted.value_at_risk, straight.value_at_risk[order], rtol=1e-9)
    np.testing.assert_allclose(
        permuted.conditional_value_at_risk, straight.conditional_value_at_risk[order], rtol=1e-9
    )


def test_what_is_not_held_contributes_nothing():
    covariance, weights = case(12)
    weights[2] = 0
    scenarios = np.random.default_rng(13).standard_normal((300, 5))
    for parts in (
        student_t_contributions(covariance, weights, 6.0, expected=np.full(5, 0.01)),
        scenario_contributions(scenarios, weights),
    ):
        for figure in (parts.value_at_risk, parts.conditional_value_at_risk):
            assert str(figure[2]) == "0.0"  # not -0.0, which a report would show
    assert volatility_contributions(covariance, weights)[2] == 0
    assert not volatility_contributions(covariance, np.zeros(5)).any()
    assert not scenario_contributions(scenarios, np.zeros(5)).value_at_risk.any()


def test_a_loss_that_never_changes_is_still_shared_out():
    """A bandwidth of zero: every scenario is the VaR scenario."""
    parts = scenario_contributions(np.full((200, 2), -0.25), np.array([0.5, 1.5]))
    np.testing.assert_allclose(parts.value_at_risk, [0.125, 0.375], rtol=1e-12)


def test_where_the_kernel_misses_var_its_own_scenario_is_taken():
    """VaR is nearly zero, so that scaling the kernel's mean to it would blow up or turn the shares."""
    rng = np.random.default_rng(14)
    scenarios = rng.standard_normal((301, 2)) * 0.01
    weights = np.array([0.6, 0.4])
    scenarios -= np.quantile(scenarios @ weights, 0.1)  # losses around VaR straddle zero
    parts = scenario_contributions(scenarios, weights, 0.9)
    whole = empirical_tail(scenarios @ weights, 0.9).value_at_risk
    assert parts.value_at_risk.sum() == pytest.approx(whole, abs=1e-12)
    at_var = np.argmin(np.abs(-scenarios @ weights - whole))
    np.testing.assert_allclose(parts.value_at_risk, -scenarios[at_var] * weights)
    gains = np.column_stack([scenarios, np.full(301, 0.01)])  # not held, and above zero in every scenario
    assert str(scenario_contributions(gains, np.r_[weights, 0.0], 0.9).value_at_risk[2]) == "0.0"


@pytest.mark.parametrize("weights", [np.array([0.5, np.nan]), np.ones(3), np.ones((2, 1))])
def test_weights_that_do_not_fit_are_refused(weights):
    """A NaN would pass for a portfolio without risk."""
    covariance = Covariance.dense(np.eye(2))
    for parts in (
        lambda: volatility_contributions(covariance, weights),
        lambda: student_t_contributions(covariance, weights, 5.0),
        lambda: scenario_contributions(np.zeros((200, 2)), weights),
    ):
        with pytest.raises(DataError, match="weights must be finite"):
            parts()


def test_other_inputs_outside_their_range_are_refused():
    covariance, weights = Covariance.dense(np.eye(2)), np.array([0.5, 0.5])
    with pytest.raises(DataError, match="expected returns"):
        student_t_contributions(covariance, weights, 5.0, expected=np.array([np.nan, 0.0]))
    with pytest.raises(SettingsError, match="dof"):
        student_t_contributions(covariance, weights, 1.5)
    with pytest.raises(DataError, match=r"\(scenarios, assets\)"):
        scenario_contributions(np.zeros(200), np.ones(1))
    with pytest.raises(DataError, match="too few"):
        scenario_contributions(np.zeros((50, 2)), weights)
