import jax
import jax.numpy as jnp
import numpy as np
import pytest
from arch import arch_model
from hypothesis import given, settings
from hypothesis import strategies as st

from riskengine.errors import SettingsError
from riskengine.garch import (
    GarchParams,
    backcast,
    filter_variance,
    holding_period_variance,
    log_likelihood,
    next_variance,
    term_structure,
)

PARAMS = GarchParams(
    *(jnp.asarray([x, y]) for x, y in ((2e-6, 1e-6), (0.05, 0.1), (0.1, -0.05), (0.88, 0.8), (8.0, 5.0)))
)


def loop_filter(p, returns, presample):
    """The specification: one asset, one day at a time."""
    path = np.empty((len(returns) + 1, returns.shape[1]))
    for j in range(returns.shape[1]):
        omega, alpha, gamma, beta = (float(x[j]) for x in p[:4])
        h = omega + (alpha + gamma / 2 + beta) * presample[j]
        born = False
        for t, r in enumerate(returns[:, j]):
            path[t, j] = h
            if np.isnan(r):
                if born:
                    h = omega + (alpha + gamma / 2 + beta) * h
            else:
                born = True
                h = omega + (alpha + gamma * (r < 0)) * r**2 + beta * h
        path[-1, j] = h
    return path


def gappy(seed, days=120):
    rng = np.random.default_rng(seed)
    r = 0.01 * rng.standard_t(5, (days, 2))
    r[rng.uniform(size=r.shape) < 0.1] = np.nan
    r[: rng.integers(0, 30), 1] = np.nan
    return r


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_filter_is_the_loop_with_gaps_and_late_listing(seed):
    r = gappy(seed)
    presample = np.array([1e-4, 2e-4])
    path = filter_variance(PARAMS, jnp.asarray(r), jnp.asarray(presample))
    expected = loop_filter(PARAMS, r, presample)
    np.testing.assert_allclose(path.variance, expected[:-1], rtol=1e-12)
    np.testing.assert_allclose(path.next_variance, expected[-1], rtol=1e-12)


def test_filter_and_likelihood_equal_arch_at_fixed_parameters():
    r = 0.01 * np.random.default_rng(0).standard_t(5, (800, 2))
    total, tomorrow = log_likelihood(PARAMS, jnp.asarray(r), backcast(jnp.asarray(r)))
    path = filter_variance(PARAMS, jnp.asarray(r))
    for j in range(2):
        # in percent: arch refuses variances as small as daily ones in decimals
        model = arch_model(100 * r[:, j], mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
        p = [float(x[j]) for x in PARAMS]
        theirs = model.fix([p[0] * 1e4, *p[1:]])
        np.testing.assert_allclose(path.variance[:, j], theirs.conditional_volatility**2 / 1e4, rtol=1e-10)
        np.testing.assert_allclose(total[j], theirs.loglikelihood + 800 * np.log(100), rtol=1e-10)
    np.testing.assert_allclose(tomorrow, path.next_variance, rtol=1e-14)


def test_missing_days_in_front_change_nothing():
    r = gappy(3)[40:]
    padded = np.vstack([np.full((25, 2), np.nan), r])
    np.testing.assert_allclose(backcast(jnp.asarray(padded)), backcast(jnp.asarray(r)), rtol=1e-14)
    short = filter_variance(PARAMS, jnp.asarray(r))
    long = filter_variance(PARAMS, jnp.asarray(padded))
    np.testing.assert_allclose(long.variance[25:], short.variance, rtol=1e-14)


def test_an_asset_without_observations_stays_at_its_expectation():
    r = jnp.full((50, 2), jnp.nan)
    path = filter_variance(PARAMS, r, PARAMS.long_run_variance)
    np.testing.assert_allclose(path.next_variance, PARAMS.long_run_variance, rtol=1e-12)


def test_term_structure_iterates_the_expectation():
    tomorrow = jnp.asarray([4e-4, 5e-6])
    path = term_structure(PARAMS, tomorrow, 30)
    h, missing = tomorrow, jnp.full(2, jnp.nan)
    for k in range(30):
        np.testing.assert_allclose(path[k], h, rtol=1e-12)
        h = next_variance(PARAMS, h, missing)
    np.testing.assert_allclose(holding_period_variance(PARAMS, tomorrow, 30), path.mean(axis=0))


def test_a_horizon_below_one_day_is_refused():
    with pytest.raises(SettingsError, match="at least one day"):
        term_structure(PARAMS, jnp.ones(2), 0)


def test_filter_compiles_once_for_one_shape():
    count = 0

    @jax.jit
    def run(p, r):
        nonlocal count
        count += 1
        return filter_variance(p, r).next_variance

    for seed in range(3):
        run(PARAMS, jnp.asarray(gappy(seed)))
    assert count == 1
