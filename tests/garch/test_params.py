import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from riskengine.garch import GarchParams, from_unconstrained, to_unconstrained

coordinates = arrays(np.float64, 5, elements=st.floats(-6, 6))


@given(coordinates)
def test_every_real_vector_is_a_valid_model_and_maps_back(u):
    p = from_unconstrained(jnp.asarray(u))
    assert p.omega > 0
    assert p.alpha >= 0
    assert p.alpha + p.gamma >= 0
    assert p.beta > 0
    assert p.persistence < 1
    assert p.dof > 2
    np.testing.assert_allclose(to_unconstrained(p), u, rtol=1e-6, atol=1e-6)


@given(coordinates, st.floats(0.01, 100))
def test_scaling_the_returns_scales_omega_alone(u, factor):
    p = from_unconstrained(jnp.asarray(u))
    scaled = p.scaled(factor)
    np.testing.assert_allclose(scaled.omega, p.omega * factor**2)
    np.testing.assert_allclose(scaled.long_run_variance, p.long_run_variance * factor**2, rtol=1e-9)
    assert scaled[1:] == p[1:]


def test_restricted_models_sit_where_they_should():
    garch = GarchParams(*map(jnp.asarray, (1e-6, 0.05, 0.0, 0.9, jnp.inf)))
    u = to_unconstrained(garch)
    assert u[3] == 0
    assert u[4] == -jnp.inf
    assert jnp.isinf(from_unconstrained(u).dof)
