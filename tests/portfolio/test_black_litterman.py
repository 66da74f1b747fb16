"""Reference numbers of He and Litterman (1999), and the laws that confidences obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine.covariance.base import Covariance
from riskengine.errors import SettingsError
from riskengine.portfolio import View, black_litterman, equilibrium_returns

COUNTRIES = ("Australia", "Canada", "France", "Germany", "Japan", "UK", "USA")
VOLATILITY = np.array([16.0, 20.3, 24.8, 27.1, 21.0, 20.0, 18.7]) / 100
MARKET = np.array([1.6, 2.2, 5.2, 5.5, 11.6, 12.4, 61.5]) / 100
_LOWER = [
    0.488,
    0.478, 0.664,
    0.515, 0.655, 0.861,
    0.439, 0.310, 0.355, 0.354,
    0.512, 0.608, 0.783, 0.777, 0.405,
    0.491, 0.779, 0.668, 0.653, 0.306, 0.652,
]  # fmt: skip


def world(horizon: int = 252) -> Covariance:
    correlation = np.eye(7)
    correlation[np.tril_indices(7, -1)] = _LOWER
    correlation = correlation + correlation.T - np.eye(7)
    return Covariance.dense(correlation * np.outer(VOLATILITY, VOLATILITY) / 252, horizon)


def test_equilibrium_of_he_and_litterman():
    published = np.array([3.9, 6.9, 8.4, 9.0, 4.3, 6.8, 7.6])
    np.testing.assert_allclose(252 * 100 * equilibrium_returns(world(), MARKET, 2.5), published, atol=0.051)


def test_posterior_of_he_and_litterman_with_germany_over_the_rest_of_europe():
    # Their Omega is tau p' Sigma p, which is a confidence of one half.
    view = View({"Germany": 1.0, "France": -0.295, "UK": -0.705}, 0.05, 0.5)
    prior = equilibrium_returns(world(), MARKET, 2.5)
    published = np.array([4.3, 7.6, 9.3, 11.0, 4.5, 7.0, 8.1])
    found = black_litterman(world(), prior, (view,), COUNTRIES, tau=0.05).expected_returns
    np.testing.assert_allclose(252 * 100 * found, published, atol=0.051)


def test_without_views_the_prior_stays():
    prior = np.linspace(0.01, 0.07, 7)
    np.testing.assert_array_equal(black_litterman(world(), prior, (), COUNTRIES).expected_returns, prior)


@given(st.floats(0.01, 1.0), st.floats(-0.2, 0.3), st.sampled_from([1, 21, 252]))
def test_confidence_is_the_share_of_the_way_to_the_view(confidence, opinion, horizon):
    c = world(horizon)
    prior = equilibrium_returns(c, MARKET)
    view = View.relative("Japan", over="Canada", by=opinion, confidence=confidence)
    found = black_litterman(c, prior, (view,), COUNTRIES).expected_returns
    before, after = prior[4] - prior[1], found[4] - found[1]
    wanted = before + confidence * (opinion / 252 - before)
    assert after == pytest.approx(wanted, abs=1e-10)


def test_the_mean_agrees_with_the_precision_form():
    c, prior = world(), np.linspace(0.02, 0.08, 7) / 252
    views = (View.absolute("USA", 0.05, 0.3), View.relative("UK", over="Japan", by=0.02, confidence=0.7))
    tau, p = 0.05, np.array([[0, 0, 0, 0, 0, 0, 1.0], [0, 0, 0, 0, -1, 1, 0]])
    confidence = np.array([0.3, 0.7])
    omega = tau * np.diag(p @ c.matrix() @ p.T) * (1 - confidence) / confidence
    precision = np.linalg.inv(tau * c.matrix())
    m = np.linalg.inv(precision + p.T @ np.diag(1 / omega) @ p)
    found = black_litterman(c, prior, views, COUNTRIES, tau)
    mean = m @ (precision @ prior + p.T @ np.diag(1 / omega) @ np.array([0.05, 0.02]) / 252)
    np.testing.assert_allclose(found.expected_returns, mean, atol=1e-14)
    np.testing.assert_allclose(found.covariance.matrix(), c.matrix() + m, atol=1e-14)


@pytest.mark.parametrize("confidence", [0.0, -0.1, 1.1, np.nan])
def test_confidence_outside_its_range_is_refused(confidence):
    with pytest.raises(SettingsError, match="confidence"):
        View.absolute("USA", 0.05, confidence)


def test_a_view_on_an_unknown_asset_is_refused():
    with pytest.raises(SettingsError, match="Mars"):
        black_litterman(world(), np.zeros(7), (View.absolute("Mars", 0.1),), COUNTRIES)


def test_certain_views_that_contradict_each_other_are_refused():
    views = (View.absolute("USA", 0.05, 1.0), View.absolute("USA", 0.06, 1.0))
    with pytest.raises(SettingsError, match="contradict"):
        black_litterman(world(), np.zeros(7), views, COUNTRIES)


def test_tau_must_be_positive():
    with pytest.raises(SettingsError, match="tau"):
        black_litterman(world(), np.zeros(7), (), COUNTRIES, tau=0.0)


def test_certain_views_on_multiples_of_one_portfolio_are_refused():
    # Rounding leaves such a system barely regular: a solver would answer, with nonsense.
    once, thrice = {"USA": 1.0, "UK": -0.3}, {"USA": 3.0, "UK": -0.9}
    with pytest.raises(SettingsError, match="contradict"):
        black_litterman(world(), np.zeros(7), (View(once, 0.05, 1.0), View(thrice, 0.9, 1.0)), COUNTRIES)


@pytest.mark.parametrize("portfolio", [{}, {"USA": 0.0}, {"USA": np.nan, "UK": 1.0}])
def test_a_view_needs_finite_coefficients(portfolio):
    with pytest.raises(SettingsError, match="coefficients"):
        View(portfolio, 0.05)


def test_confidences_are_those_that_idzorek_finds_by_search():
    # Idzorek (2005): the variance of a view is the one at which, with the view alone, weights move the share
    # ``confidence`` of the way from the market's to those of full certainty; he finds it by least squares.
    sigma, prior = world().matrix(), equilibrium_returns(world(), MARKET)
    pick, opinion, tau = np.array([0, 0, 0, 0, -1.0, 1.0, 0]), 0.04 / 252, 0.05

    def weights(omega):
        gain = tau * sigma @ pick / (tau * pick @ sigma @ pick + omega)
        return np.linalg.solve(2.5 * sigma, prior + gain * (opinion - pick @ prior))

    for confidence in (0.2, 0.5, 0.9):
        target = MARKET + confidence * (weights(0.0) - MARKET)
        grid = tau * pick @ sigma @ pick * np.geomspace(1e-2, 1e2, 4001)
        omega = grid[np.argmin([np.sum((weights(value) - target) ** 2) for value in grid])]
        view = View.relative("UK", over="Japan", by=0.04, confidence=confidence)
        found = black_litterman(world(), prior, (view,), COUNTRIES, tau).expected_returns
        np.testing.assert_allclose(np.linalg.solve(2.5 * sigma, found), weights(omega), atol=2e-3)
        np.testing.assert_allclose(np.linalg.solve(2.5 * sigma, found), target, atol=1e-9)
