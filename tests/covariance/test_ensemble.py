"""What the ensemble learns, and what it learns it from."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine import CombinedIteratedEwma, Ensemble, Ewma, LedoitWolf, SampleCovariance
from riskengine.covariance.base import Covariance
from riskengine.covariance.ensemble import inverse_root
from riskengine.errors import DataError, SettingsError


class Fixed:
    """A forecaster that knows one matrix."""

    def __init__(self, matrix):
        self.matrix = matrix

    def init(self, returns):
        return None

    def update(self, state, row):
        return None

    def forecast(self, state, horizon=1):
        return Covariance.dense(self.matrix, horizon)


TRUE = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, 0.3], [0.5, 0.3, 1.0]]) * 1e-4
WRONG = np.diag([1.0, 4.0, 9.0]) * 1e-4
DATA = np.random.default_rng(0).multivariate_normal(np.zeros(3), TRUE, 800)


@pytest.mark.parametrize(("weights", "mean"), [("likelihood", "roots"), ("variance", "arithmetic")])
def test_the_right_expert_gets_the_weight(weights, mean):
    model = Ensemble((Fixed(WRONG), Fixed(TRUE)), weights=weights, mean=mean, memory=500)
    state = model.init(DATA)
    assert model.mixture(state)[1] > 0.85
    assert np.abs(model.forecast(state).matrix() / TRUE - 1).max() < 0.25


def test_the_likelihood_mixture_is_the_best_of_a_grid():
    experts = (Fixed(0.5 * TRUE), Fixed(2 * TRUE + WRONG / 4))
    model = Ensemble(experts, weights="likelihood", mean="roots", memory=300)
    share = model.mixture(model.init(DATA))[0]

    def loss(p):
        root = p * inverse_root(0.5 * TRUE) + (1 - p) * inverse_root(2 * TRUE + WRONG / 4)
        white = DATA[-300:] @ root.T
        return np.mean(np.sum(white**2, axis=1)) / 2 - np.log(np.diag(root)).sum()

    grid = np.linspace(0, 1, 1001)
    assert share == pytest.approx(grid[np.argmin([loss(p) for p in grid])], abs=2e-3)


def test_weights_know_the_past_alone(returns):
    model = Ensemble((Ewma(21.0), LedoitWolf(250)), weights="likelihood", mean="roots", memory=100)
    state = model.init(returns[:600])
    before = model.mixture(state)
    bent = returns.copy()
    bent[600:] *= 10
    np.testing.assert_array_equal(model.mixture(model.init(bent[:600])), before)
    state = model.update(state, bent[600])
    assert not np.array_equal(model.mixture(state), before)


def test_means_lie_between_the_experts():
    experts = (Fixed(TRUE), Fixed(4 * TRUE))
    size = [
        float(
            Ensemble(experts, mean=mean).forecast(Ensemble(experts, mean=mean).init(DATA)).volatility[0] ** 2
        )
        for mean in ("harmonic", "roots", "arithmetic")
    ]
    np.testing.assert_allclose(np.array(size) / TRUE[0, 0], [1.6, 16 / 9, 2.5], rtol=1e-6)


def test_shared_calibrators_run_once(returns):
    from riskengine import ConstantCorrelation, MaximumLikelihood

    calls = []

    class Counted:
        def __call__(self, rows):
            calls.append(rows.shape)
            return MaximumLikelihood(tolerance=1e-4)(rows)

    counted = Counted()
    model = Ensemble((ConstantCorrelation(counted), ConstantCorrelation(counted, half_life=60.0)))
    model.init(returns[:300])
    assert len(calls) == 1


def test_the_published_combination_has_five_speeds_and_ten_days_of_memory(returns):
    model = CombinedIteratedEwma()
    state = model.init(returns)
    shares = model.mixture(state)
    assert len(shares) == 5
    assert shares.sum() == pytest.approx(1)
    assert len(state.record.outcomes) == 10


@pytest.mark.parametrize(
    "wrong",
    [{"weights": "best"}, {"mean": "geometric"}, {"memory": 1}, {"refresh": 0}, {"experts": ()}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(SettingsError):
        Ensemble(**({"experts": (SampleCovariance(),)} | wrong))


def test_too_short_a_history_is_refused():
    with pytest.raises(DataError, match="lower memory"):
        Ensemble((SampleCovariance(),), weights="variance", memory=500).init(DATA[:300])


def test_correlations_serve_for_their_days(returns):
    experts = (Ewma(63.0, "quadratic-inverse"), LedoitWolf(250))
    daily, held = Ensemble(experts), Ensemble(experts, correlation_days=3)
    states = daily.init(returns[:400]), held.init(returns[:400])
    found = []
    for day in range(400, 404):
        first, second = (m.forecast(s, 5) for m, s in zip((daily, held), states, strict=True))
        found.append(np.abs(second.matrix() / first.matrix() - 1).max())
        ewma = Ewma(63.0, "quadratic-inverse")
        known = states[1].correlated[0]
        fast = ewma.forecast(states[1].experts[0], 1, known)
        np.testing.assert_allclose(fast.correlation(), known.spectrum.correlation().matrix(), atol=1e-12)
        change = ewma.sums.variances(states[1].experts[0]) / known.variance
        before = np.diag(known.spectrum.matrix())
        np.testing.assert_allclose(fast.volatility**2, change * before, rtol=1e-12)
        states = tuple(m.update(s, returns[day]) for m, s in zip((daily, held), states, strict=True))
    assert max(found[0], found[3]) < 1e-9  # made on the day, and anew after three
    assert min(found[1:3]) > 1e-6


def test_an_ensemble_in_factors_is_the_mean_of_the_matrices(returns):
    model = Ensemble((Ewma(20.0, "quadratic-inverse"), LedoitWolf(250), Ewma(63.0)))
    state = model.init(returns[:300])
    parts = [e.forecast(s).matrix() for e, s in zip(model.experts, state.experts, strict=True)]
    found = model.forecast(state)
    np.testing.assert_allclose(found.matrix(), np.mean(parts, axis=0), rtol=1e-12, atol=1e-18)
    assert (found.specific > 0).all()


def test_correlations_of_no_day_are_refused():
    with pytest.raises(SettingsError, match="serve for a day at least"):
        Ensemble(correlation_days=0)
