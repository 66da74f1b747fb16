from __future__ import annotations

import numpy as np
import pytest

from riskengine.backtest import reduction_interval, variance_test
from riskengine.backtest.inference import long_run_variance
from riskengine.errors import DataError


def dependent_pair(rng, days, ratio):
    """Two correlated series with volatility clustering, variances in the given ratio."""
    h, z = 1.0, rng.standard_normal((days, 2))
    z[:, 1] = 0.7 * z[:, 0] + np.sqrt(0.51) * z[:, 1]
    out = np.empty((days, 2))
    for t in range(days):
        out[t] = np.sqrt(h) * z[t]
        h = 0.05 + 0.1 * out[t, 0] ** 2 + 0.85 * h
    return out[:, 0] * np.sqrt(ratio), out[:, 1]


def test_size_and_power_of_the_variance_test():
    rng = np.random.default_rng(0)
    equal = [variance_test(*dependent_pair(rng, 750, 1.0)).p_value < 0.05 for _ in range(200)]
    apart = [variance_test(*dependent_pair(rng, 750, 1.4)).p_value < 0.05 for _ in range(50)]
    assert 0.01 <= np.mean(equal) <= 0.12
    assert np.mean(apart) > 0.7


def test_the_variance_test_is_antisymmetric():
    x, y = dependent_pair(np.random.default_rng(1), 500, 1.2)
    forward, backward = variance_test(x, y), variance_test(y, x)
    np.testing.assert_allclose(forward.log_ratio, -backward.log_ratio)
    np.testing.assert_allclose(forward.p_value, backward.p_value)
    same = variance_test(x, x)
    assert same.log_ratio == 0
    assert same.p_value == 1


def test_long_run_variance_of_an_autoregression():
    rng = np.random.default_rng(2)
    x = np.zeros(20_000)
    noise = rng.standard_normal(20_000)
    for t in range(1, len(x)):
        x[t] = 0.5 * x[t - 1] + noise[t]
    assert abs(long_run_variance(x) / 4 - 1) < 0.15  # 1 / (1 - .5)^2
    assert abs(long_run_variance(noise) - 1) < 0.05
    assert long_run_variance(np.ones(50)) == 0


def test_the_interval_covers():
    rng = np.random.default_rng(3)
    hits = 0
    for seed in range(40):
        x, y = dependent_pair(rng, 600, 0.81)  # the volatility is a tenth lower
        low, high = reduction_interval(x, y, level=0.9, draws=200, seed=seed)
        assert low < high
        hits += low <= 0.1 <= high
    assert 28 <= hits <= 40


def test_the_interval_is_reproducible():
    x, y = dependent_pair(np.random.default_rng(4), 400, 1.0)
    assert reduction_interval(x, y, seed=1) == reduction_interval(x, y, seed=1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros(50), np.zeros(40), "same days"),
        (np.ones(10), np.ones(10), "too few"),
        (np.full(50, np.nan), np.ones(50), "NaN"),
        (np.ones(50), np.arange(50.0), "does not vary"),
    ],
)
def test_unusable_series_are_refused(x, y, message):
    with pytest.raises(DataError, match=message):
        variance_test(x, y)
