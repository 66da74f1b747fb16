"""GJR-GARCH(1,1) with Student-t innovations: parameters, filter, likelihood, forecasts, simulation. Pure JAX."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.garch.forecast import holding_period_variance, term_structure
    from riskengine.garch.innovations import log_density
    from riskengine.garch.likelihood import Likelihood, likelihood, log_likelihood
    from riskengine.garch.params import COORDINATES, GarchParams, from_unconstrained, to_unconstrained
    from riskengine.garch.simulate import Simulated, simulate, student_t
    from riskengine.garch.step import expected_step, step
    from riskengine.garch.variance import Filtered, backcast, filter_variance, next_variance

__all__ = [
    "COORDINATES",
    "Filtered",
    "GarchParams",
    "Likelihood",
    "Simulated",
    "backcast",
    "expected_step",
    "filter_variance",
    "from_unconstrained",
    "holding_period_variance",
    "likelihood",
    "log_density",
    "log_likelihood",
    "next_variance",
    "simulate",
    "step",
    "student_t",
    "term_structure",
    "to_unconstrained",
]

lazy_face(__name__)
