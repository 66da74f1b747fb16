"""The efficient frontier against the one in closed form, and under limits."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine.covariance import Covariance
from riskengine.errors import InfeasibleError, SettingsError
from riskengine.portfolio import Constraints, Group, efficient_frontier

RNG = np.random.default_rng(3)
NAMES = tuple("ABCDE")
ROOT = RNG.standard_normal((5, 5)) * 0.004 + 0.008 * np.eye(5)
SIGMA = Covariance.dense(ROOT @ ROOT.T)
MU = np.array([2.0, 3.0, 5.0, 4.0, 6.0]) * 1e-4


def test_without_limits_it_is_the_hyperbola_of_merton():
    """Merton (1972): the variance of the frontier is a parabola of its expected return."""
    found = efficient_frontier(NAMES, SIGMA, MU, Constraints(lower=-1, upper=2), points=12)
    inverse, one = np.linalg.inv(SIGMA.matrix()), np.ones(5)
    a, b, c = one @ inverse @ one, one @ inverse @ MU, MU @ inverse @ MU
    inside = (found.weights > -1 + 1e-6).all(axis=1) & (found.weights < 2 - 1e-6).all(axis=1)
    assert inside.sum() >= 3
    mean = found.expected_return[inside] / 252
    variance = (a * mean**2 - 2 * b * mean + c) / (a * c - b**2)
    np.testing.assert_allclose(found.volatility[inside] ** 2 / 252, variance, rtol=1e-6)


def test_it_rises_keeps_limits_and_says_what_it_is_made_of():
    limits = Constraints(upper=0.5, groups=(Group("g", ("D", "E"), upper=0.6),))
    found = efficient_frontier(NAMES, SIGMA, MU, limits, points=5)
    assert (np.diff(found.volatility) > 0).all()
    assert (np.diff(found.expected_return) > 0).all()
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, atol=1e-7)
    assert found.weights.max() <= 0.5 + 1e-7
    assert found.weights[:, 3:].sum(axis=1).max() <= 0.6 + 1e-7
    assert found.expected_return[-1] == pytest.approx(252 * (0.5 * 6 + 0.5 * 5) * 1e-4)
    table = found.to_frame()
    assert table.columns.tolist() == ["volatility", "expected_return", *NAMES]
    assert len(found.plot().data) == 1 + 5
    np.testing.assert_allclose(found.sharpe, found.expected_return / found.volatility)


def test_what_cannot_be_is_refused():
    with pytest.raises(SettingsError, match="two points"):
        efficient_frontier(NAMES, SIGMA, MU, points=1)
    with pytest.raises(InfeasibleError, match="upper"):
        efficient_frontier(NAMES, SIGMA, MU, Constraints(upper=0.1))
