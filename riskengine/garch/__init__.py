"""GJR-GARCH(1,1) with Student-t innovations: parameters, filter, likelihood, forecasts, simulation. Pure JAX."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.garch.forecast import holding_period_variance as holding_period_variance
    from riskengine.garch.forecast import term_structure as term_structure
    from riskengine.garch.innovations import log_density as log_density
    from riskengine.garch.likelihood import Likelihood as Likelihood
    from riskengine.garch.likelihood import likelihood as likelihood
    from riskengine.garch.likelihood import log_likelihood as log_likelihood
    from riskengine.garch.params import GarchParams as GarchParams
    from riskengine.garch.params import from_unconstrained as from_unconstrained
    from riskengine.garch.params import to_unconstrained as to_unconstrained
    from riskengine.garch.simulate import Simulated as Simulated
    from riskengine.garch.simulate import simulate as simulate
    from riskengine.garch.step import expected_step as expected_step
    from riskengine.garch.step import step as step
    from riskengine.garch.variance import Filtered as Filtered
    from riskengine.garch.variance import backcast as backcast
    from riskengine.garch.variance import filter_variance as filter_variance
    from riskengine.garch.variance import next_variance as next_variance

lazy_face(__name__)
