from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine.calibration.training.contaminants import Contaminants

NOTHING = Contaminants(outliers=0.0, breaks=0.0, stale=0.0, ticks=0.0)


@pytest.fixture(scope="module")
def clean():
    return jax.random.normal(jax.random.key(1), (400, 300), jnp.float32)


def spoil(settings, clean):
    done = settings(jax.random.key(2), clean)
    return np.asarray(done.returns), np.asarray(done.log_level)


def test_nothing_spoils_nothing(clean):
    returns, level = spoil(NOTHING, clean)
    np.testing.assert_array_equal(returns, clean)
    assert (level == 0).all()


def test_outliers_are_of_the_stated_size_and_number(clean):
    returns, _ = spoil(Contaminants(outliers=1.0, breaks=0.0, stale=0.0, ticks=0.0), clean)
    away = np.abs(returns - np.asarray(clean))
    hit = away > 1e-6
    assert 0.001 < hit.mean() < 0.03
    assert away[hit].min() > 3.9
    assert away[hit].max() < 15.1


def test_a_break_scales_what_comes_after_it_and_is_told(clean):
    returns, level = spoil(Contaminants(outliers=0.0, breaks=1.0, stale=0.0, ticks=0.0), clean)
    last = np.log((returns[-1] / np.asarray(clean)[-1]) ** 2)
    assert np.mean(np.abs(last - level) < 1e-3) > 0.98  # but for breaks that fall behind the last day
    assert (level <= 0).all()
    assert level.min() > -np.log(6.01)


def test_stale_days_return_nothing_and_owe_their_move(clean):
    returns, _ = spoil(Contaminants(outliers=0.0, breaks=0.0, stale=1.0, ticks=0.0), clean)
    still = returns == 0
    assert 0.05 < still.mean() < 0.25
    whole, made = np.cumsum(clean, axis=0), np.cumsum(returns, axis=0)
    np.testing.assert_allclose(made[~still], whole[~still], atol=1e-3)


def test_ticks_round_prices(clean):
    settings = Contaminants(outliers=0.0, breaks=0.0, stale=0.0, ticks=1.0, tick_size=(0.25, 0.25))
    returns, _ = spoil(settings, clean)
    np.testing.assert_allclose(returns / 0.25, np.round(returns / 0.25), atol=1e-3)
    assert np.abs(np.cumsum(returns, axis=0) - np.cumsum(clean, axis=0)).max() < 0.126


def test_settings_come_back_from_json():
    assert Contaminants.from_json({"outliers": 0.2, "outlier_size": [4, 9]}).outlier_size == (4, 9)
