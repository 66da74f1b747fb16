"""VaR day by day against a plain loop, and the laws it has to keep."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine.covariance.margin import conditional_variance
from riskengine.errors import DataError, SettingsError
from riskengine.risk import TailForecaster, student_t_tail
from riskengine.risk.pareto_tail import pareto_tail

LEVEL = 0.95


@pytest.fixture
def forecaster(fixed_shape):
    return TailForecaster(fixed_shape, windows=(300,), recalibrate=10_000, levels=(LEVEL, 0.99), adapt=0.01)


def run(forecaster, rows, start):
    """VaR, CVaR of every day from ``start`` on, and the last state."""
    state, found = forecaster.init(rows[:start]), []
    for row in rows[start:]:
        tail = forecaster.forecast(state, LEVEL)
        found.append((tail.value_at_risk, tail.conditional_value_at_risk))
        state = forecaster.update(state, row)
    return np.array(found).swapaxes(0, 1), state


def test_forecasts_equal_a_plain_loop(forecaster, fixed_shape, returns):
    rows = returns[:360, :2]
    (var, cvar), _ = run(forecaster, rows, 300)
    fit = fixed_shape(rows[:300])
    deviation = np.sqrt(conditional_variance(fit, rows)[:-1])
    decay = 0.5
    kept = {}
    for j in range(2):
        recent, losses = 1.0, []
        for t in range(300):
            surprise = -rows[t, j] / deviation[t, j]
            losses.append(surprise / np.sqrt(recent**0.1))
            recent = decay * recent + (1 - decay) * surprise**2
        kept[j] = (recent, losses)
    pooled = pareto_tail(np.array([kept[0][1], kept[1][1]]).ravel())
    for j in range(2):
        recent, losses = kept[j]
        own, tilt = pareto_tail(np.array(losses), prior=20), 0.0
        for t in range(300, 360):
            level = 1 - (1 - LEVEL) * np.exp(tilt)
            laws = [own.tail(level), pooled.tail(level), student_t_tail(1.0, 6.0, level)]
            quantile = np.prod([tail.value_at_risk for tail in laws]) ** (1 / 3)
            beyond = np.prod([tail.conditional_value_at_risk for tail in laws]) ** (1 / 3)
            scale = deviation[t, j] * np.sqrt(recent**0.1)
            assert var[t - 300, j] == pytest.approx(quantile * scale, rel=1e-9)
            assert cvar[t - 300, j] == pytest.approx(beyond * scale, rel=1e-9)
            tilt += 0.01 * (1 - (-rows[t, j] > quantile * scale) / (1 - LEVEL))
            tilt = np.clip(tilt, np.log(0.2), np.log(4))
            surprise = -rows[t, j] / deviation[t, j]
            recent = decay * recent + (1 - decay) * surprise**2


def test_adapting_mends_the_share_of_exceptions_of_a_wrong_law(fixed_shape):
    """Losses grow by half overnight and the calibrator never learns of it."""
    rows = 0.01 * np.random.default_rng(5).standard_t(8, (1300, 8))
    rows[300:] *= 1.5
    shares = []
    for adapt in (0.0, 0.01):
        how = TailForecaster(fixed_shape, (300,), 10_000, weight=0.0, levels=(LEVEL,), adapt=adapt)
        flat = FlatVariance(fixed_shape)
        (var, _), _ = run(TailForecaster(**{**vars(how), "calibrator": flat}), rows, 300)
        shares.append(np.mean(-rows[300:] > var))
    assert shares[0] > 0.09
    assert shares[1] == pytest.approx(0.05, abs=0.01)


class FlatVariance:
    """The level of the window it was shown, for ever."""

    def __init__(self, inside):
        self.inside = inside

    def __call__(self, returns):
        from dataclasses import replace

        fit = self.inside(returns)
        zero, p = np.zeros(len(fit.assets)), fit.params
        return replace(fit, params=p._replace(omega=fit.presample, alpha=zero, gamma=zero, beta=zero))


def test_series_are_told_apart_by_their_own_past_alone_but_for_the_pooled_tail(forecaster, returns):
    rows = returns[:340, :3]
    (var, _), _ = run(forecaster, rows, 300)
    (turned, _), _ = run(forecaster, rows[:, ::-1], 300)
    np.testing.assert_allclose(turned[:, ::-1], var, rtol=1e-12)
    (scaled, _), _ = run(forecaster, 7 * rows, 300)
    np.testing.assert_allclose(scaled, 7 * var, rtol=1e-9)


def test_a_short_series_takes_the_tail_of_all_and_gaps_are_no_news(forecaster, returns):
    rows = returns[:320, :3].copy()
    rows[:250, 0] = np.nan
    state = forecaster.init(rows[:300])
    assert state.own.shape[0] == state.pooled.shape[0]
    assert state.own.shape[1] != state.pooled.shape[0]
    after = forecaster.update(state, np.full(3, np.nan))
    np.testing.assert_array_equal(after.recent, state.recent)
    np.testing.assert_array_equal(after.level_adjustment, state.level_adjustment)
    assert np.isfinite(forecaster.forecast(after, 0.99).value_at_risk).all()


def test_the_prior_is_on_the_tails_of_single_series_alone(fixed_shape, returns):
    """At 99%, where a heavier shape makes every quantile and mean beyond it larger."""
    tails = []
    for prior in (0.0, 100.0):
        forecaster = TailForecaster(fixed_shape, windows=(300,), levels=(0.99,), prior=prior)
        state = forecaster.init(returns[:300, :3])
        tails.append((state, forecaster.forecast(state, 0.99).conditional_value_at_risk))
    (weak, low), (strong, high) = tails
    for name in ("shape", "scale", "threshold"):
        np.testing.assert_array_equal(getattr(weak.pooled, name), getattr(strong.pooled, name))
    count = weak.own.share * 300
    np.testing.assert_allclose(strong.own.shape, (count * weak.own.shape + 50) / (count + 100))
    assert (high > low).all()


def test_calibrated_anew_after_so_many_rows(fixed_shape, returns):
    forecaster = TailForecaster(fixed_shape, windows=(100, 300), recalibrate=5, levels=(LEVEL,))
    state = forecaster.init(returns[:300])
    for k, row in enumerate(returns[300:310], start=1):
        before, state = state, forecaster.update(state, row)
        assert state.rows == k % 5
        assert (state.own is before.own) == (k % 5 != 0)
    expected = [fixed_shape(returns[310 - days : 310]).params.omega for days in (100, 300)]
    np.testing.assert_allclose([m.fit.params.omega for m in state.margins], expected)
    np.testing.assert_array_equal(state.returns, returns[10:310])


def test_what_cannot_be_forecast_is_refused(forecaster, fixed_shape, returns):
    state = forecaster.init(returns[:300])
    with pytest.raises(SettingsError, match="levels are"):
        forecaster.forecast(state, 0.975)
    with pytest.raises(DataError, match="one return"):
        forecaster.update(state, np.zeros(2))
    with pytest.raises(DataError, match="two days"):
        forecaster.init(returns[0])
    bad_ones = ({"windows": ()}, {"half_life": 0.0}, {"adapt": 0.2}, {"weight": 1.0}, {"levels": (0.85,)})
    for bad in (*bad_ones, {"prior": -1.0}):
        with pytest.raises(SettingsError):
            TailForecaster(fixed_shape, **bad)


def test_a_dead_price_and_one_that_only_rises_have_finite_risk(forecaster, returns):
    rows = returns[:400].copy()
    rows[:, 1], rows[:, 2], rows[:, 3] = 0.0, 0.001 + 0.1 * np.abs(rows[:, 2]), np.nan
    (var, cvar), _ = run(forecaster, rows, 350)
    assert np.isfinite(var).all()
    assert (cvar >= var).all()
