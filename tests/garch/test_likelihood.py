from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

from riskengine import garch
from riskengine.garch import GarchParams, log_density
from riskengine.garch.innovations import (
    cross_information,
    location_information,
    log_normaliser,
    scale_information,
    tail_information,
)

# Compiled whole: called as they are, every operation in them is a program of its own.
likelihood, log_likelihood, simulate = (
    jax.jit(garch.likelihood),
    jax.jit(garch.log_likelihood),
    jax.jit(garch.simulate, static_argnames="days"),
)
filter_variance, backcast = jax.jit(garch.filter_variance), jax.jit(garch.backcast)
from_unconstrained, to_unconstrained = jax.jit(garch.from_unconstrained), jax.jit(garch.to_unconstrained)

PARAMS = GarchParams(
    *(jnp.asarray(x) for x in ([2e-6, 1e-6], [0.05, 0.1], [0.1, -0.05], [0.88, 0.8], [8.0, 5.0]))
)


@pytest.mark.parametrize("eta", [0.0, 1e-9, 1e-4, 0.01, 0.033, 0.034, 0.2, 0.39, 0.49])
def test_density_is_the_unit_variance_student_t(eta):
    z = np.linspace(-6, 6, 41)
    if eta < 1e-6:
        expected = stats.norm.logpdf(z)
    else:
        spread = np.sqrt(1 - 2 * eta)
        expected = stats.t.logpdf(z / spread, 1 / eta) - np.log(spread)
    np.testing.assert_allclose(log_density(jnp.asarray(z), jnp.asarray(eta)), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("eta", [0.005, 0.019, 0.021, 0.1, 0.3])
def test_information_is_the_expected_square_of_the_score(eta):
    def density(z, log_variance, eta, mean):
        deviation = jnp.exp(log_variance / 2)
        return log_density((z - mean) / deviation, eta) - log_variance / 2

    # the whole line on a grid: z = sinh(x), fine near zero and far into the tails
    x = jnp.linspace(-16, 16, 40_001)
    z = jnp.sinh(x)
    slopes = jax.jit(jax.vmap(jax.grad(density, argnums=(1, 2, 3)), (0, None, None, None)))
    scores = slopes(z, 0.0, eta, 0.0)
    mass = jnp.exp(log_density(z, jnp.asarray(eta))) * jnp.cosh(x)

    def product(j, k):
        return integrate.trapezoid(scores[j] * scores[k] * mass, x)

    e = jnp.asarray(eta)
    np.testing.assert_allclose(scale_information(e), product(0, 0), rtol=1e-6)
    np.testing.assert_allclose(cross_information(e), product(0, 1), rtol=1e-5)
    np.testing.assert_allclose(location_information(e), product(2, 2), rtol=1e-6)
    np.testing.assert_allclose(tail_information(e), product(1, 1), rtol=1e-5)


def test_normaliser_is_smooth_where_the_series_takes_over():
    low, high = (log_normaliser(jnp.asarray(1 / 30 + step)) for step in (-1e-12, 1e-12))
    np.testing.assert_allclose(low, high, atol=1e-11)


@cache
def data():
    r = simulate(jax.random.key(0), PARAMS, 400).returns
    return r.at[100:105, 0].set(jnp.nan).at[:7, 1].set(jnp.nan)


@jax.jit
def by_definition(u, r, mean, presample):
    p = from_unconstrained(u)
    h = filter_variance(p, r - mean, presample).variance
    day = log_density((r - mean) / jnp.sqrt(h), 1 / p.dof) - jnp.log(h) / 2
    return jnp.sum(jnp.where(jnp.isnan(r), 0.0, day), axis=0)


def test_log_likelihood_and_score_are_those_of_the_definition():
    r = data()
    u, mean, presample = to_unconstrained(PARAMS) + 0.3, jnp.asarray([1e-4, -2e-4]), backcast(r)
    found = likelihood(u, r, presample, mean)
    np.testing.assert_allclose(found.log_likelihood, by_definition(u, r, mean, presample), rtol=1e-13)
    score = jax.jit(jax.jacfwd(lambda x: jnp.sum(by_definition(x, r, mean, presample))))(u)
    np.testing.assert_allclose(found.score[:, :5], score, rtol=1e-9, atol=1e-9)
    slope = jax.jit(jax.jacfwd(lambda m: jnp.sum(by_definition(u, r, m, presample))))(mean)
    np.testing.assert_allclose(found.score[:, 5], slope, rtol=1e-9)
    total, tomorrow = log_likelihood(from_unconstrained(u), r - mean, presample)
    np.testing.assert_allclose(found.log_likelihood, total, rtol=1e-13)
    np.testing.assert_allclose(found.next_variance, tomorrow, rtol=1e-13)


def test_score_follows_a_presample_taken_about_the_mean():
    r = data()
    u, mean, centre = to_unconstrained(PARAMS), jnp.asarray([3e-4, -2e-4]), jnp.nanmean(data(), axis=0)
    spread = jnp.nanmean((r - centre) ** 2, axis=0)
    found = likelihood(u, r, spread, mean, centre)
    slope = jax.jit(jax.jacfwd(lambda m: jnp.sum(by_definition(u, r, m, spread + (centre - m) ** 2))))(mean)
    np.testing.assert_allclose(found.score[:, 5], slope, rtol=1e-9)


def test_gaussian_is_the_limit_of_the_student_t():
    r = data()
    u = to_unconstrained(PARAMS._replace(dof=jnp.full(2, jnp.inf)))
    near = u.at[:, 4].set(-18.0)
    exact, close = likelihood(u, r, backcast(r)), likelihood(near, r, backcast(r))
    np.testing.assert_allclose(exact.log_likelihood, close.log_likelihood, rtol=1e-5)
    np.testing.assert_allclose(exact.score[:, :4], close.score[:, :4], rtol=1e-3, atol=1e-3)
    assert (exact.score[:, 4] == 0).all()
    assert (exact.information[:, 4] == 0).all()


def test_information_is_the_covariance_of_the_score():
    size = 6000
    p = GarchParams(*(jnp.full(size, x) for x in (2e-6, 0.05, 0.1, 0.88, 6.0)))
    path = simulate(jax.random.key(1), p, 200)
    presample = (path.variance[0] - p.omega) / p.persistence
    found = likelihood(to_unconstrained(p), path.returns, presample, jnp.zeros(size))
    mean = np.asarray(found.information).mean(axis=0)
    np.testing.assert_allclose(found.information, found.information.swapaxes(-1, -2))
    spread = np.cov(np.asarray(found.score).T)
    scale = np.sqrt(np.outer(np.diag(mean), np.diag(mean)))
    np.testing.assert_allclose(spread / scale, mean / scale, atol=0.12)
    z = np.asarray(found.score).mean(axis=0) / np.sqrt(np.diag(spread) / size)
    assert np.abs(z).max() < 4


def test_information_is_positive_semi_definite():
    r = data()
    u = to_unconstrained(PARAMS) + jnp.asarray(np.random.default_rng(0).normal(0, 1.5, (20, 2, 5)))
    found = likelihood(u, r, backcast(r))
    assert found.score.shape == (20, 2, 5)
    assert (jnp.linalg.eigvalsh(found.information) > -1e-8).all()
