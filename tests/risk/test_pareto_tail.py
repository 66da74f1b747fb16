"""Pareto tails against known laws, and as a replacement of empirical ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from riskengine.errors import DataError, SettingsError
from riskengine.risk.pareto_tail import ParetoTail, pareto_tail


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.25, 0.5])
def test_parameters_of_a_pareto_law_are_found(shape):
    """4,000 excesses: the standard error of the shape is (1 + shape) / sqrt(4000), of three the tolerance."""
    excess = stats.genpareto.rvs(shape, scale=0.5, size=4000, random_state=1)
    losses = np.concatenate([2.0 + excess, np.linspace(-2, 2, 36_000)])
    tail = pareto_tail(losses)
    assert tail.threshold == pytest.approx(2.0, abs=1e-3)
    assert tail.shape == pytest.approx(shape, abs=3 * (1 + shape) / np.sqrt(4000) + 0.002)
    assert tail.scale == pytest.approx(0.5, rel=0.08)
    maximum = stats.genpareto.fit(excess, floc=0)
    assert tail.shape == pytest.approx(maximum[0], abs=0.02)


@given(st.floats(-0.4, 0.85, allow_subnormal=False), st.floats(0.1, 3), st.floats(0.02, 0.3))
def test_quantile_and_mean_beyond_are_those_of_scipy(shape, scale, share):
    tail = ParetoTail(1.5, shape, scale, share)
    level = 1 - share / 7
    if level <= 0.5:
        return
    found = tail.tail(level)
    expected = 1.5 + stats.genpareto.isf(1 / 7, shape, scale=scale)
    assert found.value_at_risk == pytest.approx(expected, rel=1e-7)
    probability = np.exp(np.linspace(np.log(share / 7 * 1e-12), np.log(share / 7), 20_001))
    loss = tail.quantile(probability)
    mean = np.trapezoid(loss, probability) / (share / 7)
    assert found.conditional_value_at_risk == pytest.approx(mean, rel=2e-2)
    assert found.conditional_value_at_risk >= found.value_at_risk


def test_a_prior_of_as_many_losses_as_there_are_moves_the_shape_half_way_to_a_half():
    losses = np.random.default_rng(0).standard_t(4, 2000)
    plain, drawn = pareto_tail(losses, prior=0), pareto_tail(losses, prior=200)
    assert drawn.shape == pytest.approx((plain.shape + 0.5) / 2)
    assert (drawn.scale, drawn.threshold) == (plain.scale, plain.threshold)


def test_a_level_before_the_threshold_is_refused():
    with pytest.raises(SettingsError, match="says nothing"):
        ParetoTail(1.0, 0.1, 1.0, 0.05).tail(0.9)
    with pytest.raises(SettingsError, match="share"):
        pareto_tail(np.arange(1000.0), share=0.7)
    with pytest.raises(SettingsError, match="prior"):
        pareto_tail(np.arange(1000.0), prior=-1)
    with pytest.raises(DataError, match="too few"):
        pareto_tail(np.arange(100.0))
    with pytest.raises(DataError, match="alike"):
        pareto_tail(np.concatenate([np.zeros(900), np.ones(300)]))
