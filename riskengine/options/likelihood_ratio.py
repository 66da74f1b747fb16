"""Likelihood-ratio (score-function) Greeks: the density of the asset's path given its variances (Glasserman 2003, 7.3).

A derivative of ``E[payoff]`` by a parameter is ``E[payoff * d log density]``: the path stands still and its density is
differentiated. Each class here is the state of that log density along a path, updated once a step.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from riskengine.options.dynamics import ConditionalReturn


class FixingScore(NamedTuple):
    """Log density of the asset at the fixings, which do not move with the parameters; for discontinuous payoffs.

    Between fixings means and variances add up; at a fixing the density is that of ``N(mean, variance)``.

    Attributes
    ----------
    anchor
        Log asset at the last fixing.
    mean, variance
        Of the log return since then.
    log_density
        Of the fixings so far, less constants.
    """

    anchor: Array
    mean: Array
    variance: Array
    log_density: Array

    @staticmethod
    def start(log_spot: Array) -> FixingScore:
        """Before the first step."""
        zero = 0 * log_spot
        return FixingScore(log_spot, zero, zero, zero)

    def step(
        self, law: ConditionalReturn, after: Array, fixed: Array, conditionally_gaussian: bool
    ) -> FixingScore:
        """Add a step that ends at ``after``; at a fixing, add the density of the return since the last one."""
        mean, variance = self.mean + law.mean, self.variance + law.variance
        gone = after - self.anchor - mean
        density = -(gone**2) / (2 * variance) - jnp.log(variance) / 2
        if not conditionally_gaussian:  # variances depend on every return, so each return has its density
            return FixingScore(after, 0 * mean, 0 * variance, self.log_density + density)
        zero = jnp.zeros_like(mean)
        return FixingScore(
            jnp.where(fixed > 0, after, self.anchor),
            jnp.where(fixed > 0, zero, mean),
            jnp.where(fixed > 0, zero, variance),
            self.log_density + jnp.where(fixed > 0, density, zero),
        )


class ShiftScore(NamedTuple):
    """Log density of a path whose shift by the spot decays linearly in variance; for continuously watched barriers.

    The early path moves with the spot, the late path, where the barrier matters, does not: what decays in a step is
    a change of the mean of that step's normal, and enters the density.

    Attributes
    ----------
    shift
        Of the log spot: zero, with a derivative.
    remaining
        Share of the shift that is still in the path.
    log_density
        So far.
    """

    shift: Array
    remaining: Array
    log_density: Array

    @staticmethod
    def start(log_spot: Array) -> ShiftScore:
        """Before the first step."""
        return ShiftScore(log_spot - stop_gradient(log_spot), jnp.ones_like(log_spot), 0 * log_spot)

    def step(self, law: ConditionalReturn, normal: Array, decay_rate: Array) -> ShiftScore:
        """Let ``decay_rate`` times the variance of the step decay."""
        variance = stop_gradient(law.variance)
        remaining = jnp.maximum(self.remaining - decay_rate * variance, 0)
        moved = (self.remaining - remaining) / jnp.sqrt(variance) * self.shift
        return ShiftScore(self.shift, remaining, self.log_density + moved * normal - moved**2 / 2)
