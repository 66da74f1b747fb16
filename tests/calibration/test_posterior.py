import jax
import jax.numpy as jnp
import numpy as np

from riskengine.calibration import Posterior
from riskengine.garch import from_unconstrained


def test_draws_are_the_parameters_of_their_coordinates():
    # No spread: every draw lies at the mean, also where a sigmoid is all but zero or one.
    mean = np.array([[-9.0, 4.0, -2.5, 1.0, -1.0], [2.0, -40.0, 40.0, -30.0, 30.0]])
    with jax.enable_x64(True):
        expected = jax.jit(from_unconstrained)(jnp.asarray(mean))
    found = Posterior(mean, np.zeros((2, 5, 5))).mean_params()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
