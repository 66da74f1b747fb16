"""Sums that move on by a day, against sums over all days."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.covariance import running_moments
from riskengine.covariance.moments import (
    Moments,
    moments_of,
    pairwise_moments,
    products_of,
    with_missing_variances,
)
from riskengine.covariance.running_moments import ExponentialMoments, RollingMoments
from riskengine.covariance.shrinkage import analytical_shrinkage, quadratic_inverse
from riskengine.covariance.window import BLOCK, Window
from riskengine.errors import DataError


def rows_with_gaps(seed, days, gaps):
    rng = np.random.default_rng(seed)
    rows = 0.01 * rng.standard_normal((days, 4)) + 0.001
    rows[rng.uniform(size=rows.shape) < gaps] = np.nan
    return rows


@settings(max_examples=25)
@given(st.integers(0, 99), st.sampled_from([0.0, 0.1]), st.sampled_from([2, 10, 33, 60]), st.integers(0, 150))
def test_a_rolling_sum_is_that_of_its_window(seed, gaps, window, days):
    rows = rows_with_gaps(seed, 70 + days, gaps)
    rolling = RollingMoments(window)
    state = rolling.init(rows[:70])
    for row in rows[70:]:
        state = rolling.update(state, row)
    np.testing.assert_array_equal(state.window.rows, rows[-window:])
    for centred in (False, True):
        expected = moments_of(products_of(rows[-window:]), centred)
        found = rolling.moments(state, centred)
        np.testing.assert_allclose(found.matrix, expected.matrix, rtol=1e-9, atol=1e-16)
        assert found.days == expected.days


@settings(max_examples=25)
@given(st.integers(0, 99), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.9, 1.0]), st.integers(0, 80))
def test_variances_are_the_diagonal_of_the_moments(seed, gaps, decay, days):
    rows = rows_with_gaps(seed, 10 + days, gaps)
    fading = ExponentialMoments(decay)
    state = fading.init(rows[:10])
    for row in rows[10:]:
        state = fading.update(state, row)
    expected = np.diag(fading.moments(state).matrix)
    np.testing.assert_allclose(fading.variances(state), expected, rtol=1e-12, atol=1e-18)


@settings(max_examples=25)
@given(st.integers(0, 99), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.9, 1.0]), st.integers(0, 80))
def test_a_fading_sum_is_the_plain_recursion(seed, gaps, decay, days):
    rows = rows_with_gaps(seed, 10 + days, gaps)
    fading = ExponentialMoments(decay)
    state = fading.init(rows[:10])
    for row in rows[10:]:
        state = fading.update(state, row)
    products, counts, total, squares = np.zeros((4, 4)), np.zeros((4, 4)), 0.0, 0.0
    for row in rows:
        seen = ~np.isnan(row)
        filled = np.where(seen, row, 0.0)
        products = decay * products + np.outer(filled, filled)
        counts = decay * counts + np.outer(seen, seen)
        total, squares = decay * total + 1, decay**2 * squares + 1
    found = fading.settled(state)
    np.testing.assert_allclose(found.sums.matrix, products, rtol=1e-10, atol=1e-18)
    np.testing.assert_allclose(np.broadcast_to(found.sums.counts, (4, 4)), counts, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose([found.total, found.squares], [total, squares])


def test_an_update_never_sees_more_than_a_block_of_days(monkeypatch):
    """What makes it one rank-one update a day: the rows of all products, over the days that they serve."""
    seen = []

    def counted(rows, weights=None):
        seen.append(len(rows))
        return products_of(rows, weights)

    rows = rows_with_gaps(0, 1250 + 630, 0.0)
    rolling, fading = RollingMoments(1250), ExponentialMoments(0.99)
    states = rolling.init(rows[:1250]), fading.init(rows[:1250])
    monkeypatch.setattr(running_moments, "products_of", counted)
    for row in rows[1250:]:
        states = rolling.update(states[0], row), fading.update(states[1], row)
    assert max(seen) <= 2 * BLOCK
    assert sum(seen) <= 3 * 630  # one day in, one day out; one day in
    seen.clear()
    rolling.moments(states[0]), fading.moments(states[1])
    assert sum(seen) <= 3 * BLOCK


def test_rounding_errors_are_swept_out():
    """A day ten million times as large as the others comes and goes."""
    rows = rows_with_gaps(1, 400, 0.0)
    rows[60] *= 1e7
    rolling = RollingMoments(100)
    state = rolling.init(rows[:50])
    for row in rows[50:]:
        state = rolling.update(state, row)
    np.testing.assert_allclose(
        rolling.moments(state, True).matrix, pairwise_moments(rows[-100:]).matrix, rtol=1e-12
    )


def test_windows_share_what_does_not_change():
    window = Window.of(np.arange(100.0)[:, None], 50)
    moved = window.moved(np.array([100.0]))
    assert moved.settled is window.settled
    np.testing.assert_array_equal(moved.rows.ravel(), np.arange(51.0, 101.0))


def test_pairs_never_seen_together_are_uncorrelated():
    rows = np.full((20, 3), np.nan)
    rng = np.random.default_rng(0)
    rows[:10, 0], rows[10:, 1], rows[:, 2] = (
        rng.standard_normal(10),
        rng.standard_normal(10),
        rng.standard_normal(20),
    )
    matrix, _ = moments_of(products_of(rows), centred=False)
    assert matrix[0, 1] == 0
    assert abs(matrix[0, 2]) > 0


def test_a_universe_without_any_move_is_refused():
    with pytest.raises(DataError, match="no asset has moved"):
        with_missing_variances(Moments(np.zeros((2, 2)), 10))


@pytest.mark.parametrize("shrink", [quadratic_inverse, analytical_shrinkage])
@pytest.mark.parametrize(("days", "assets"), [(120, 30), (40, 60)])
def test_nonlinear_shrinkage_keeps_the_eigenvectors_and_narrows_the_spectrum(shrink, days, assets):
    x = np.random.default_rng(days).standard_normal((days, assets)) * np.linspace(0.5, 2, assets)
    sample = pairwise_moments(x)
    found = shrink(sample)
    np.testing.assert_allclose(found @ sample.matrix, sample.matrix @ found, atol=1e-10)
    values, raw = np.linalg.eigvalsh(found), np.linalg.eigvalsh(sample.matrix)
    assert raw[0] < values[0]
    assert values[-1] < raw[-1]
