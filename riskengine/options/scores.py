"""Likelihood ratios: the density of the asset's path given its variances, as a function of what is differentiated."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from riskengine.options.paths import Move


class FixingScore(NamedTuple):
    """The asset's fixings are held still, and their density moves; for payoffs that jump.

    Attributes
    ----------
    anchor
        Log asset at the last fixing.
    mean, variance
        Of the log return since then.
    log_density
        Of the fixings so far.
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

    def step(self, move: Move, after: Array, fixed: Array, separate: bool) -> FixingScore:
        """Add a step that ends at ``after``; at a fixing, add the density of the return since the last one."""
        mean, variance = self.mean + move.mean, self.variance + move.variance
        gone = after - self.anchor - mean
        density = -(gone**2) / (2 * variance) - jnp.log(variance) / 2
        if not separate:  # variances depend on every return, so each has its density
            return FixingScore(after, 0 * mean, 0 * variance, self.log_density + density)
        zero = jnp.zeros_like(mean)
        return FixingScore(
            jnp.where(fixed > 0, after, self.anchor),
            jnp.where(fixed > 0, zero, mean),
            jnp.where(fixed > 0, zero, variance),
            self.log_density + jnp.where(fixed > 0, density, zero),
        )


class ShiftScore(NamedTuple):
    """A shift of the spot fades as variance passes, and what fades goes to the density; for barriers.

    The late path, where the barrier is, then stands still. The early path moves with the spot as before.

    Attributes
    ----------
    shift
        Of the log spot, zero with a derivative.
    left
        Share of the shift that is still in the path.
    log_density
        So far.
    """

    shift: Array
    left: Array
    log_density: Array

    @staticmethod
    def start(log_spot: Array) -> ShiftScore:
        """Before the first step."""
        return ShiftScore(log_spot - stop_gradient(log_spot), jnp.ones_like(log_spot), 0 * log_spot)

    def step(self, move: Move, normal: Array, pace: Array) -> ShiftScore:
        """Let ``pace`` times the variance of the step fade."""
        variance = stop_gradient(move.variance)
        left = jnp.maximum(self.left - pace * variance, 0)
        moved = (self.left - left) / jnp.sqrt(variance) * self.shift
        return ShiftScore(self.shift, left, self.log_density + moved * normal - moved**2 / 2)
