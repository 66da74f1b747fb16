"""Tails: closed forms against quadrature, scenarios against a plain loop, and coherence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from riskengine.errors import DataError, SettingsError
from riskengine.risk import empirical_tail, student_t_tail
from riskengine.risk.measures import tail_weights

levels = st.sampled_from([0.6, 0.75, 0.9, 0.95, 0.975])
moves = st.floats(-1, 1).map(lambda x: round(x, 3))  # rounded, so that ties occur


def loop_tail(losses, level, probabilities):
    """The worst ``1 - level`` of the probability, taken scenario by scenario from the worst down."""
    scenarios = list(zip(losses, probabilities, strict=True))
    left, mean = 1 - level, 0.0
    for loss, p in sorted(scenarios, reverse=True):
        mean += loss * min(p, left)
        left -= min(p, left)
    # The smallest loss that is not exceeded with probability `level`, forgiving the sum its rounding.
    var = min(loss for loss in losses if sum(p for x, p in scenarios if x <= loss) >= level - 1e-12)
    return var, mean / (1 - level)


@pytest.mark.parametrize("dof", [2.5, 4.0, 7.0, 30.0])
@pytest.mark.parametrize("level", [0.9, 0.975, 0.99])
def test_student_t_is_the_mean_loss_beyond_its_quantile(dof, level):
    """CVaR is the mean of VaR over the levels beyond (Acerbi and Tasche 2002)."""
    law = stats.t(dof, scale=0.02 * np.sqrt((dof - 2) / dof))
    assert law.std() == pytest.approx(0.02)
    tail = student_t_tail(0.02, dof, level, mean=0.001)
    mean, _ = integrate.quad(lambda x: x * law.pdf(x), law.ppf(level), np.inf, epsabs=1e-12)
    assert tail.value_at_risk == pytest.approx(law.ppf(level) - 0.001, rel=1e-10)
    assert tail.conditional_value_at_risk == pytest.approx(mean / (1 - level) - 0.001, rel=1e-6)
    assert tail.method == "student-t"


def test_student_t_reference_numbers():
    """Gaussian figures of the 2016 Basel standard: the 97.5% CVaR is about the 99% VaR."""
    basel = student_t_tail(1.0, np.inf, 0.975)
    assert basel.conditional_value_at_risk == pytest.approx(2.337803, abs=1e-6)
    assert student_t_tail(1.0, np.inf, 0.99).value_at_risk == pytest.approx(2.326348, abs=1e-6)
    # t with four degrees of freedom: 99% quantile 3.746947, tables; standardised by sqrt(2)
    assert student_t_tail(np.sqrt(2), 4.0, 0.99).value_at_risk == pytest.approx(3.746947, abs=1e-6)


def test_student_t_approaches_the_gaussian_and_broadcasts():
    volatility, dof = np.array([0.01, np.nan, 0.0]), np.array([1e9, 5.0, np.inf])
    tail, normal = student_t_tail(volatility, dof), student_t_tail(0.01, np.inf)
    assert tail.value_at_risk[0] == pytest.approx(normal.value_at_risk, rel=1e-7)
    assert tail.conditional_value_at_risk[0] == pytest.approx(normal.conditional_value_at_risk, rel=1e-7)
    assert np.isnan(tail.value_at_risk[1])
    assert tail.value_at_risk[2] == 0


@given(arrays(float, st.integers(60, 90), elements=moves), levels, st.integers(0, 2**32 - 1))
def test_scenarios_equal_a_plain_loop(returns, level, seed):
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, len(returns))
    for given_weights in (None, weights):
        p = np.full(len(returns), 1 / len(returns)) if given_weights is None else weights / weights.sum()
        tail = empirical_tail(returns, level, weights=given_weights)
        var, cvar = loop_tail((-returns).tolist(), level, p.tolist())
        assert tail.value_at_risk == var
        assert tail.conditional_value_at_risk == pytest.approx(cvar, abs=1e-9)


def test_the_edge_scenario_is_split():
    """Worst quarter of ten: two and a half scenarios."""
    tail = empirical_tail(-np.arange(1.0, 11.0), 0.75)
    assert tail.conditional_value_at_risk == pytest.approx((10 + 9 + 0.5 * 8) / 2.5)
    assert tail.value_at_risk == 8
    assert tail.method == "empirical"


@given(arrays(float, (50, 2), elements=moves), levels)
def test_cvar_is_coherent(returns, level):
    """Subadditive, positively homogeneous, translation equivariant, monotone (Artzner et al. 1999)."""

    def cvar(x):
        return empirical_tail(x, level).conditional_value_at_risk

    x, y = returns.T
    assert cvar(x + y) <= cvar(x) + cvar(y) + 1e-12
    assert cvar(3 * x) == pytest.approx(3 * cvar(x), abs=1e-12)
    assert cvar(x + 0.5) == pytest.approx(cvar(x) - 0.5, abs=1e-12)
    assert cvar(np.minimum(x, y)) >= max(cvar(x), cvar(y)) - 1e-12
    assert cvar(x) >= empirical_tail(x, level).value_at_risk - 1e-12


def test_cvar_minimises_the_rockafellar_uryasev_function():
    """``c + E[(loss - c)+] / (1 - level)`` has its minimum, CVaR, at VaR."""
    losses = np.random.default_rng(1).standard_t(4, 333)
    tail = empirical_tail(-losses, 0.95)
    values = losses + np.maximum(losses[:, None] - losses, 0).mean(axis=0) / 0.05
    assert tail.conditional_value_at_risk == pytest.approx(values.min(), rel=1e-12)
    assert tail.value_at_risk == pytest.approx(losses[values.argmin()], rel=1e-12)


def test_var_is_not_subadditive_where_cvar_is():
    """Two bonds that default in turn: why the split atom is worth its trouble."""
    bonds = np.zeros((100, 2))
    bonds[:4, 0] = bonds[4:8, 1] = -1
    alone = empirical_tail(bonds, 0.95)
    both = empirical_tail(bonds.sum(axis=1), 0.95)
    assert both.value_at_risk > alone.value_at_risk.sum()
    assert both.conditional_value_at_risk <= alone.conditional_value_at_risk.sum()


def test_columns_are_portfolios():
    returns = np.random.default_rng(2).standard_normal((400, 3))
    together = empirical_tail(returns, 0.975, horizon=5)
    for k in range(3):
        alone = empirical_tail(returns[:, k], 0.975, horizon=5)
        assert together.value_at_risk[k] == alone.value_at_risk
        assert together.conditional_value_at_risk[k] == pytest.approx(alone.conditional_value_at_risk)
    assert together.horizon == 5


def test_a_weight_of_two_is_a_scenario_twice():
    returns = np.random.default_rng(3).standard_normal(200)
    twice = empirical_tail(np.repeat(returns, 2), 0.95)
    weighted = empirical_tail(np.r_[returns, 0.0], 0.95, weights=np.r_[np.full(200, 2.0), 0.0])
    assert weighted.value_at_risk == twice.value_at_risk
    assert weighted.conditional_value_at_risk == pytest.approx(twice.conditional_value_at_risk)


@given(arrays(float, (40, 2), elements=moves), levels)
def test_tail_weights_are_a_law_that_gives_cvar(returns, level):
    weights = tail_weights(returns, level)
    cvar = empirical_tail(returns, level).conditional_value_at_risk
    assert weights.sum(axis=0) == pytest.approx(1)
    assert (weights >= 0).all()
    assert (weights <= 1 / (40 * (1 - level)) + 1e-12).all()
    assert -np.sum(weights * returns, axis=0) == pytest.approx(cvar, abs=1e-12)


@pytest.mark.parametrize("level", [0.5, 1.0, 0.01, 99, np.nan])
def test_levels_outside_their_range_are_refused(level):
    for tail in (
        lambda: student_t_tail(0.01, 5.0, level),
        lambda: empirical_tail(np.zeros(1000), level),
    ):
        with pytest.raises(SettingsError, match=r"between 0\.5 and 1"):
            tail()


def test_too_few_scenarios_name_how_many_are_needed():
    with pytest.raises(DataError, match=r"99 scenarios .* at least 100 are needed"):
        empirical_tail(np.zeros(99), 0.99)
    assert empirical_tail(np.zeros(100), 0.99).value_at_risk == 0
    fading = 0.9 ** np.arange(500)  # worth about 19 scenarios
    with pytest.raises(DataError, match=r"19 scenarios .* at least 100"):
        empirical_tail(np.zeros(500), 0.99, weights=fading)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scenarios_that_are_not_finite_are_refused(bad):
    with pytest.raises(DataError, match="scenarios hold"):
        empirical_tail(np.r_[bad, np.zeros(200)])


@pytest.mark.parametrize(
    "weights",
    [np.ones(199), np.r_[-1.0, np.ones(199)], np.zeros(200), np.r_[np.nan, np.ones(199)], np.ones((200, 1))],
)
def test_weights_that_are_no_probabilities_are_refused(weights):
    with pytest.raises(DataError, match="weights"):
        empirical_tail(np.zeros(200), 0.95, weights=weights)


def test_shapes_volatilities_and_dof_outside_their_range_are_refused():
    with pytest.raises(DataError, match="shape"):
        empirical_tail(np.float64(1))
    with pytest.raises(DataError, match="negative"):
        student_t_tail(-0.01, 5.0)
    with pytest.raises(SettingsError, match="above two"):
        student_t_tail(0.01, 2.0)
