"""Attributions of risk: they add up, and they are what other ways of computing them give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from riskengine.errors import DataError
from riskengine.garch import GarchParams
from riskengine.risk import (
    ScenarioModel,
    active_risk,
    cvar_contributions,
    empirical_tail,
    exposure_parts,
    factor_regression,
    grouped,
    series_parts,
    statistical_parts,
    var_contributions,
    volatility_contributions,
)
from riskengine.risk.scenario_model import principal_correlation


def model_of(seed: int, assets: int = 6, days: int = 400, factors: int = 3) -> ScenarioModel:
    rng = np.random.default_rng(seed)
    z = 0.6 * rng.standard_normal((days, 1)) + 0.8 * rng.standard_t(5, (days, assets))
    loadings, specific = principal_correlation(z, factors)
    params = GarchParams(*(np.full(assets, x) for x in (2e-6, 0.05, 0.1, 0.88, 8.0)))
    variance = rng.uniform(0.5e-4, 4e-4, assets)
    return ScenarioModel(tuple("ABCDEFGH"[:assets]), params, variance, z, loadings, specific)


@given(st.integers(0, 10_000), st.sampled_from([0.9, 0.95, 0.975, 0.99]))
def test_contributions_of_every_measure_and_grouping_add_up(seed, level):
    rng = np.random.default_rng(seed)
    model, weights = model_of(seed), rng.standard_normal(6)
    parts = model.history().one_day() * weights
    pulled, variance = model.pull(weights)
    tail = empirical_tail(parts.sum(axis=1), level)
    groups = [f"g{k}" for k in rng.integers(0, 3, 6)]
    for found, total in (
        (volatility_contributions(weights, pulled), np.sqrt(variance)),
        (var_contributions(parts, level), tail.value_at_risk),
        (cvar_contributions(parts, level), tail.conditional_value_at_risk),
    ):
        assert found.sum() == pytest.approx(total, abs=1e-12)
        assert sum(grouped(found, groups).values()) == pytest.approx(total, abs=1e-12)


def test_var_contributions_are_the_derivatives_of_normal_var():
    """Of jointly normal parts they are known in closed form, and of any they are near the finite difference of VaR."""
    rng = np.random.default_rng(1)
    root = np.array([[0.01, 0.0, 0.0], [0.006, 0.012, 0.0], [-0.004, 0.002, 0.02]])
    rows, weights = rng.standard_normal((400_000, 3)) @ root.T, np.array([0.5, -0.2, 0.7])
    covariance = root @ root.T
    wanted = stats.norm.ppf(0.99) * weights * (covariance @ weights) / np.sqrt(weights @ covariance @ weights)
    np.testing.assert_allclose(var_contributions(rows * weights, 0.99), wanted, atol=4e-4)


def test_cvar_contributions_are_the_means_of_the_worst_rows():
    parts = np.random.default_rng(2).standard_normal((1000, 4))
    worst = np.argsort(parts.sum(axis=1))[:25]
    np.testing.assert_allclose(cvar_contributions(parts, 0.975), -parts[worst].mean(axis=0), rtol=1e-12)


def test_a_var_scenario_without_neighbours_stands_for_itself():
    parts = np.full((100, 2), 1e-9) * np.random.default_rng(0).standard_normal((100, 2))
    parts[:3] = [[-0.9, 0.1], [-0.2, -0.3], [-5.0, 0.0]]  # losses of 0.8, 0.5 and 5, far apart
    found = var_contributions(parts, 0.98)
    assert found.sum() == pytest.approx(empirical_tail(parts.sum(axis=1), 0.98).value_at_risk, abs=1e-10)
    assert np.isfinite(found).all()


def test_nothing_held_has_no_risk():
    parts = np.zeros((200, 3))
    for found in (var_contributions(parts, 0.99), cvar_contributions(parts, 0.99)):
        assert (found == 0).all()
    assert (volatility_contributions(np.zeros(3), np.zeros(3)) == 0).all()


@given(st.integers(0, 10_000))
def test_factor_attributions_add_up_whatever_the_factors(seed):
    rng = np.random.default_rng(seed)
    model, weights = model_of(seed), rng.standard_normal(6)
    scenarios = model.history().one_day()
    factors = scenarios[:, :2] @ rng.standard_normal((2, 2)) + 0.002 * rng.standard_normal(
        (len(scenarios), 2)
    )
    factors[rng.random(len(factors)) < 0.1] = np.nan
    exposures = rng.standard_normal((6, 2))
    exposures[5] = np.nan
    volatility = float(np.sqrt(model.pull(weights)[1]))
    tail = empirical_tail(scenarios @ weights, 0.95)
    for found in (
        statistical_parts(model, weights),
        series_parts(model, weights, factors, ("f", "g")),
        exposure_parts(model, weights, exposures, ("value", "size")),
    ):
        parts = found.contributions(volatility, 0.95)
        assert parts["volatility"].sum() == pytest.approx(volatility, abs=1e-12)
        assert parts["var"].sum() == pytest.approx(tail.value_at_risk, abs=1e-12)
        assert parts["cvar"].sum() == pytest.approx(tail.conditional_value_at_risk, abs=1e-12)
        assert found.names[-1] == "specific"


def test_statistical_factors_are_the_model_s_own_covariance():
    """A loop over factors and the matrix give the same variance; its shares are those of the loop."""
    model, weights = model_of(3), np.random.default_rng(3).standard_normal(6)
    total = weights @ model.covariance() @ weights
    found = statistical_parts(model, weights)
    assert 1 <= len(found.exposures) < model.loadings.shape[1]
    for k in range(len(found.exposures)):
        exposure = sum(
            weights[j] * np.sqrt(model.variance[j]) * model.loadings[j, k] for j in range(len(weights))
        )
        assert found.exposures[k] == pytest.approx(exposure)
        assert found.shares[k] == pytest.approx(exposure**2 / total)


def test_statistical_factors_are_more_than_chance():
    """Two assets with a common part have one factor and something of their own; independent ones have no factor."""
    rng = np.random.default_rng(0)
    own, common = rng.standard_normal((1000, 40)), rng.standard_normal((1000, 1))
    p = GarchParams(*(np.full(40, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))

    def parts(residuals):
        n = residuals.shape[1]
        names = tuple(map(str, range(n)))
        leaves = (GarchParams(*(leaf[:n] for leaf in p)), np.full(n, 1e-4), residuals)
        model = ScenarioModel(names, *leaves, *principal_correlation(residuals, 20))
        return statistical_parts(model, np.full(n, 1 / n))

    pair = parts(own[:, :2] + common)
    assert pair.names == ("factor 1", "specific")
    assert 0.0 <= pair.shares[1] < 0.1  # what is their own cancels in equal weights
    assert parts(own[:, :2] * np.array([1.0, 3.0]) + 2 * common).names == ("factor 1", "specific")
    assert parts(own).names == ("specific",)
    assert parts(own[:, :1]).shares.tolist() == [1.0]
    assert parts(own + 0.5 * common).names == ("factor 1", "specific")


def test_a_portfolio_that_is_its_factors_has_nothing_specific():
    model, weights = model_of(4), np.array([0.3, 0.7, 0.0, 0.0, 0.0, 0.0])
    scenarios = model.history().one_day()
    found = series_parts(model, weights, scenarios[:, :2], ("A", "B"))
    np.testing.assert_allclose(found.exposures, [0.3, 0.7], rtol=1e-9)
    assert abs(found.shares[-1]) < 1e-12
    assert np.abs(found.parts[:, -1]).max() < 1e-15
    with pytest.raises(DataError, match="collinear"):
        series_parts(model, weights, scenarios[:, [0, 0]], ("A", "again"))
    with pytest.raises(DataError, match="59 days"):
        series_parts(
            model.take(range(6)),
            weights,
            np.where(np.arange(400)[:, None] < 59, scenarios[:, :1], np.nan),
            ("A",),
        )


def test_hac_errors_are_those_of_a_loop_and_cover_autocorrelation():
    rng = np.random.default_rng(5)
    days = 300
    factor, noise = np.zeros(days), np.zeros(days)
    for t in range(1, days):
        factor[t] = 0.9 * factor[t - 1] + rng.standard_normal()
        noise[t] = 0.9 * noise[t - 1] + rng.standard_normal()
    y = 0.5 * factor + noise
    found = factor_regression(y, factor[:, None], ("f",))
    x = np.column_stack([np.ones(days), factor])
    coefficients = np.linalg.solve(x.T @ x, x.T @ y)
    rest, lags = y - x @ coefficients, int(4 * (days / 100) ** (2 / 9))
    meat = np.zeros((2, 2))
    for s in range(days):
        for t in range(max(0, s - lags), min(days, s + lags + 1)):
            meat += (1 - abs(s - t) / (lags + 1)) * rest[s] * rest[t] * np.outer(x[s], x[t])
    bread = np.linalg.inv(x.T @ x)
    errors = np.sqrt(np.diag(bread @ meat @ bread))
    assert found.beta[0] == pytest.approx(coefficients[1], rel=1e-9)
    assert found.error[0] == pytest.approx(errors[1], rel=1e-9)
    assert found.alpha_error == pytest.approx(errors[0], rel=1e-9)
    plain = np.sqrt(rest @ rest / days * bread[1, 1])
    assert found.error[0] > 1.3 * plain


@given(st.integers(0, 10_000))
def test_active_risk_is_that_of_the_difference(seed):
    rng = np.random.default_rng(seed)
    model, weights, benchmark = model_of(seed), rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(6))
    found, matrix = active_risk(model, weights, benchmark), model.covariance()
    active = weights - benchmark
    assert found.tracking_error == pytest.approx(np.sqrt(active @ matrix @ active))
    assert found.contributions.sum() == pytest.approx(found.tracking_error, abs=1e-14)
    assert found.beta == pytest.approx(weights @ matrix @ benchmark / (benchmark @ matrix @ benchmark))
    assert found.active_share == pytest.approx(np.abs(active).sum() / 2)
    itself = active_risk(model, benchmark, benchmark)
    assert (itself.tracking_error, itself.active_share) == (0, 0)
    assert itself.beta == pytest.approx(1)
