import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from riskengine.garch import GarchParams, filter_variance, simulate
from riskengine.garch.simulate import student_t


@pytest.mark.parametrize("eta", [0.0, 0.05, 0.2, 0.4])
def test_innovations_are_student_t_with_unit_variance(eta):
    draws = np.asarray(student_t(jax.random.key(3), jnp.asarray(eta), (40_000,)))
    law = stats.norm() if eta == 0 else stats.t(1 / eta, scale=np.sqrt(1 - 2 * eta))
    assert stats.kstest(draws, law.cdf).pvalue > 1e-3


def test_simulated_variances_are_what_the_filter_finds():
    p = GarchParams(*(jnp.asarray([x]) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    path = simulate(jax.random.key(0), p, days=300)
    presample = (path.variance[0] - p.omega) / p.persistence
    again = filter_variance(p, path.returns, presample)
    np.testing.assert_allclose(again.variance, path.variance, rtol=1e-10)
    np.testing.assert_allclose(again.next_variance, path.next_variance, rtol=1e-10)


def test_simulation_is_stationary_at_the_long_run_variance():
    size = 20_000
    p = GarchParams(*(jnp.full(size, x) for x in (1e-5, 0.04, 0.06, 0.83, 12.0)))
    path = simulate(jax.random.key(1), p, days=20)
    ratio = np.asarray(path.returns**2).mean() / float(p.long_run_variance[0])
    assert abs(ratio - 1) < 0.03


def test_the_same_key_gives_the_same_path():
    p = GarchParams(*(jnp.asarray([x]) for x in (2e-6, 0.05, 0.10, 0.88, jnp.inf)))
    first, second = (simulate(jax.random.key(9), p, 50).returns for _ in range(2))
    assert (first == second).all()
