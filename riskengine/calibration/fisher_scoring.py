"""Damped Fisher scoring for a whole universe, from several starts side by side.

Levenberg-Marquardt on the expected information (Fiorentini, Calzolari and Panattoni 1996). Scoring alone converges
slowly where the expected information is not the curvature of the sample at hand. Near a maximum the information is
therefore corrected, step by step, by what the score has actually changed (BFGS; the damping of Powell 1978 keeps it
positive definite), which makes convergence superlinear.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.calibration.by_width import ByWidth
from riskengine.calibration.small_cholesky import cholesky, solve_lower, solve_lower_transposed
from riskengine.garch import Likelihood, likelihood

# Coordinates are kept in this box (the sixth is the mean); an estimate on its edge is "at bound".
LOW = np.array([-14.0, -9.0, -14.0, -16.0, -16.0, -30.0])
HIGH = np.array([16.0, 15.0, 9.0, 16.0, 9.0, 30.0])

# After every block of iterations the climbs that have settled are left behind. Fewer at a time would compile more
# programs and hardly be faster; more would take more memory.
_BLOCK, _FEWEST, _MOST = 3, 64, 4096

_NEAR = 0.5  # nats still to be gained below which corrections of the information are remembered
_NOISE = 1e-6  # nats that rounding may hide: a failed step with less to be had ends the climb
_SAME = 1e-4  # nats: a start that cannot get further above what another has reached need not go on


class Search(NamedTuple):
    """State of the ascent; the leading axis is that of the climbs, one for each start of each asset.

    ``trial`` is the point to look at next, ``curvature`` the corrected information at ``theta``, and ``gain`` twice
    the log-likelihood that seems still to be had.
    """

    trial: Any
    theta: Any
    found: Any
    curvature: Any
    gain: Any
    damping: Any
    settled: Any


def _free(theta: Array, score: Array, active: Array) -> Array:
    """Coordinates that may move: active, and not pressed against the box."""
    size = theta.shape[-1]
    low, high = jnp.asarray(LOW[:size]), jnp.asarray(HIGH[:size])
    pressed = ((theta <= low) & (score < 0)) | ((theta >= high) & (score > 0))
    return active & ~pressed


def _solve(curvature: Array, score: Array, free: Array, damping: Array) -> Array:
    """Step ``(curvature + damping diagonal)^-1 score`` in the free coordinates."""
    curvature = jnp.where(free[..., :, None] & free[..., None, :], curvature, 0)
    diagonal = jnp.diagonal(curvature, axis1=-2, axis2=-1)
    ridge = jnp.where(free, damping[..., None] * diagonal + 1e-9, 1.0)
    matrix = curvature + ridge[..., None] * jnp.eye(free.shape[-1], dtype=ridge.dtype)
    factor = cholesky(matrix)
    return solve_lower_transposed(factor, solve_lower(factor, jnp.where(free, score, 0)))


def _corrected(curvature: Array, step: Array, change: Array) -> Array:
    """BFGS update of ``curvature`` ``(..., K, K)`` after a ``step`` that lowered the score by ``change``."""
    image = jnp.einsum("...ij,...j->...i", curvature, step)
    expected, actual = jnp.sum(step * image, -1), jnp.sum(step * change, -1)
    moved = expected > 0
    safe = jnp.where(moved, expected, 1.0)
    low = actual < 0.2 * safe
    share = jnp.where(low, 0.8 * safe / jnp.where(low, safe - actual, 1.0), 1.0)
    change = share[..., None] * change + (1 - share[..., None]) * image
    actual = jnp.where(moved, jnp.sum(step * change, -1), 1.0)
    update = change[..., :, None] * change[..., None, :] / actual[..., None, None]
    update -= image[..., :, None] * image[..., None, :] / safe[..., None, None]
    return curvature + jnp.where(moved[..., None, None], update, 0)


def _climbed(
    begin: Search,
    owner: Array,
    returns: Array,
    presample: Array,
    centre: Array | None,
    floor: Array,
    active: Array,
    tolerance: Array,
    iterations: Array,
    with_mean: bool,
) -> Search:
    """Climb until everything has settled, or for so many iterations.

    ``owner`` numbers the assets that the climbs belong to, and ``floor`` is what was reached for these before.
    """
    climbs, size = begin.theta.shape

    def climb(search: Search) -> Search:
        mean = search.trial[..., 5] if with_mean else None
        seen = likelihood(search.trial[..., :5], returns, presample, mean, centre)
        better = (seen.log_likelihood >= search.found.log_likelihood) & ~search.settled

        def update(new: Array, old: Array) -> Array:
            return jnp.where(better.reshape(better.shape + (1,) * (new.ndim - better.ndim)), new, old)

        near = (search.gain < _NEAR)[..., None, None]
        corrected = _corrected(
            jnp.where(near, search.curvature, seen.information),
            jnp.where(jnp.isfinite(search.found.log_likelihood)[..., None], search.trial - search.theta, 0),
            search.found.score - seen.score,
        )
        theta = update(search.trial, search.theta)
        found = jax.tree.map(update, seen, search.found)
        curvature = update(corrected, found.information)  # a step that failed forgets the corrections
        damping = jnp.where(better, search.damping / 6, search.damping * 5)
        free = _free(theta, found.score, active)
        slope, little = jnp.where(free, found.score, 0), jnp.full_like(damping, 1e-3)
        gain = jnp.sum(_solve(curvature, slope, free, little) * slope, -1)
        hope = jnp.maximum(gain, jnp.sum(_solve(found.information, slope, free, little) * slope, -1))
        stuck = (damping > 1e10) | (~better & (gain / 2 < _NOISE))
        settled = search.settled | (gain / 2 < tolerance) | stuck
        # A start that another one has left behind by more than it can still hope for need not go on.
        summit = jnp.where(settled, found.log_likelihood, -jnp.inf)
        reached = jnp.maximum(floor, jax.ops.segment_max(summit, owner, climbs)[owner])
        settled = settled | (found.log_likelihood + 2 * hope < reached + jnp.where(hope < _NEAR, _SAME, 0))
        damping = jnp.clip(damping, 1e-6, 1e11)
        step = jnp.clip(_solve(curvature, found.score, free, damping), -3, 3)
        moved = jnp.where(active, jnp.clip(theta + step, LOW[:size], HIGH[:size]), theta)
        return Search(moved, theta, found, curvature, gain, damping, settled)

    _, ended = jax.lax.while_loop(
        lambda run: (run[0] < iterations) & ~jnp.all(run[1].settled),
        lambda run: (run[0] + 1, climb(run[1])),
        (jnp.zeros((), iterations.dtype), begin),
    )
    return ended


_ascend = ByWidth(_climbed, ("with_mean",), returns=(Search, Likelihood))


def _begin(theta: np.ndarray) -> Search:
    """Nothing looked at yet, from starts ``(climbs, K)``."""
    climbs, size = theta.shape
    shapes = ((), (size,), (size, size), (), (size,), ())
    blank: Any = [np.zeros((climbs, *shape)) for shape in shapes]
    blank[0] -= np.inf
    return Search(
        trial=theta.copy(),
        theta=theta.copy(),
        found=Likelihood(*blank),
        curvature=np.zeros((climbs, size, size)),
        gain=np.full(climbs, np.inf),
        damping=np.full(climbs, 6e-2),
        settled=np.zeros(climbs, bool),
    )


def search(
    theta: np.ndarray,
    returns: np.ndarray,
    presample: np.ndarray,
    centre: np.ndarray | None,
    floor: np.ndarray,
    settings: tuple[np.ndarray, float, int, bool],
) -> Search:
    """Climb from all starts ``(starts, assets, K)``; only climbs still on their way are carried on."""
    active, tolerance, iterations, with_mean = settings
    starts, assets, size = theta.shape
    asset = np.tile(np.arange(assets), starts)
    ended, reached = _begin(theta.reshape(-1, size)), floor.copy()
    climbing, done = np.arange(len(asset)), 0
    while len(climbing) and done < iterations:
        until = min(done + _BLOCK, iterations)
        for first in range(0, len(climbing), _MOST):
            here = climbing[first : first + _MOST]
            padded = np.pad(here, (0, _width(len(here)) - len(here)), mode="edge")
            owner = np.unique(asset[padded], return_inverse=True)[1]
            moved = _ascend.of(len(padded))(
                jax.tree.map(lambda leaf, padded=padded: jnp.asarray(leaf[padded]), ended),
                jnp.asarray(owner),
                jnp.asarray(returns[:, asset[padded]]),
                jnp.asarray(presample[asset[padded]]),
                None if centre is None else jnp.asarray(centre[asset[padded]]),
                jnp.asarray(reached[asset[padded]]),
                jnp.asarray(active),
                jnp.asarray(tolerance),
                jnp.asarray(until - done),
                with_mean,
            )
            for whole, part in zip(jax.tree.leaves(ended), jax.tree.leaves(moved), strict=True):
                whole[here] = np.asarray(part)[: len(here)]
        at_rest = climbing[ended.settled[climbing]]
        np.maximum.at(reached, asset[at_rest], ended.found.log_likelihood[at_rest])
        climbing, done = climbing[~ended.settled[climbing]], until
    return jax.tree.map(lambda leaf: leaf.reshape(starts, assets, *leaf.shape[1:]), ended)


def _width(climbs: int) -> int:
    """Climbs with padding: of few sizes, so that few programs are compiled."""
    return max(_FEWEST, 2 ** math.ceil(math.log2(climbs)))
