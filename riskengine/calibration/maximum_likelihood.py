"""Maximum likelihood for a whole universe at once: damped Fisher scoring from several starts.

Scoring alone converges slowly where the expected information is not the curvature of the sample at hand. Near a
maximum the information is therefore corrected, step by step, by what the score has actually changed (BFGS; Powell's
1978 damping keeps it positive definite), which makes convergence superlinear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.calibration.posterior import Posterior
from riskengine.calibration.result import Calibration, Status, as_matrix
from riskengine.calibration.screening import complete, screen, without_constants
from riskengine.calibration.shapes import lengthened
from riskengine.calibration.triangular import cholesky, solve_lower, solve_lower_transposed
from riskengine.errors import SettingsError
from riskengine.garch.likelihood import Likelihood, likelihood
from riskengine.garch.likelihood import log_likelihood as evaluate
from riskengine.garch.params import GarchParams, from_unconstrained, to_unconstrained
from riskengine.garch.variance import backcast

# (persistence, alpha + gamma/2, log asymmetry, 1/dof) of the starts, for unit mean square
_STARTS = (
    (0.985, 0.05, 0.8, 0.15),
    (0.93, 0.12, 0.8, 0.15),
    (0.75, 0.15, 0.3, 0.25),
    (0.995, 0.02, 0.0, 0.1),
)

# Of these, the starts that a climb from the network tries when in doubt, and its distance that makes it doubt.
_SECOND, _FAR = (2, 3), 1.5

# Coordinates are kept in this box (the sixth is the mean); an estimate on its edge is "at bound".
_LOW = np.array([-14.0, -9.0, -14.0, -16.0, -16.0, -30.0])
_HIGH = np.array([16.0, 15.0, 9.0, 16.0, 9.0, 30.0])

# Few assets are bound by the cost of a loop step, so that several days share one; in wider universes those
# that have settled are left behind after every block of iterations.
_FEW, _UNROLL, _BLOCK = 64, 8, 6

_NEAR = 0.5  # nats still to be gained below which corrections of the information are remembered
_NOISE = 1e-6  # nats that rounding may hide: a failed step with less to be had ends the climb
_SAME = 1e-4  # nats: a start that cannot get further above what another has reached need not go on


class _Search(NamedTuple):
    """State of the ascent; leading axes are (starts, assets).

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
    low, high = jnp.asarray(_LOW[:size]), jnp.asarray(_HIGH[:size])
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


@partial(jax.jit, static_argnames=("with_mean", "unroll"))
def _ascend(
    begin: _Search,
    returns: Array,
    presample: Array,
    centre: Array | None,
    floor: Array,
    active: Array,
    tolerance: Array,
    iterations: Array,
    with_mean: bool,
    unroll: int,
) -> _Search:
    """Climb until everything has settled, or for so many iterations; ``floor`` is what was reached before."""
    size = begin.theta.shape[-1]

    def climb(search: _Search) -> _Search:
        mean = search.trial[..., 5] if with_mean else None
        seen = likelihood(search.trial[..., :5], returns, presample, mean, centre, unroll=unroll)
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
        ascent = _solve(curvature, found.score, free, jnp.full_like(damping, 1e-3))
        gain = jnp.sum(ascent * jnp.where(free, found.score, 0), -1)
        stuck = (damping > 1e10) | (~better & (gain / 2 < _NOISE))
        settled = search.settled | (gain / 2 < tolerance) | stuck
        # A start that another one has left behind by more than it can still hope for need not go on.
        reached = jnp.maximum(floor, jnp.max(jnp.where(settled, found.log_likelihood, -jnp.inf), axis=0))
        settled = settled | (found.log_likelihood + 2 * gain < reached + _SAME)
        damping = jnp.clip(damping, 1e-6, 1e11)
        step = jnp.clip(_solve(curvature, found.score, free, damping), -3, 3)
        moved = jnp.where(active, jnp.clip(theta + step, _LOW[:size], _HIGH[:size]), theta)
        return _Search(moved, theta, found, curvature, gain, damping, settled)

    _, ended = jax.lax.while_loop(
        lambda run: (run[0] < iterations) & ~jnp.all(run[1].settled),
        lambda run: (run[0] + 1, climb(run[1])),
        (jnp.zeros((), iterations.dtype), begin),
    )
    return ended


def _begin(theta: np.ndarray) -> _Search:
    """Nothing looked at yet, from starts ``(starts, assets, K)``."""
    lanes, size = theta.shape[:-1], theta.shape[-1]
    shapes = ((), (size,), (size, size), (), (size,), ())
    blank: Any = [np.zeros(lanes + shape) for shape in shapes]
    blank[0] -= np.inf
    nothing = Likelihood(*blank)
    return _Search(
        trial=theta.copy(),
        theta=theta.copy(),
        found=nothing,
        curvature=np.zeros((*lanes, size, size)),
        gain=np.full(lanes, np.inf),
        damping=np.full(lanes, 6e-2),
        settled=np.zeros(lanes, bool),
    )


def _search(
    theta: np.ndarray,
    returns: np.ndarray,
    presample: np.ndarray,
    centre: np.ndarray | None,
    floor: np.ndarray,
    settings: tuple[np.ndarray, float, int, bool],
) -> _Search:
    """Climb from all starts; in a wide universe only assets still on their way are carried on."""
    active, tolerance, iterations, with_mean = settings
    assets = returns.shape[1]
    ended = _begin(theta)
    index, done = np.arange(assets), 0
    while len(index) and done < iterations:
        wide = assets > _FEW
        width = max(_FEW, 4 ** math.ceil(math.log(len(index), 4))) if wide else assets
        padded = np.concatenate([index, np.full(width - len(index), index[0])])
        until = min(done + _BLOCK, iterations) if wide else iterations
        here = _ascend(
            jax.tree.map(partial(_columns, padded), ended),
            jnp.asarray(returns[:, padded]),
            jnp.asarray(presample[padded]),
            None if centre is None else jnp.asarray(centre[padded]),
            jnp.asarray(floor[padded]),
            jnp.asarray(active),
            jnp.asarray(tolerance),
            jnp.asarray(until - done),
            with_mean,
            _UNROLL if width <= _FEW else 1,
        )
        for whole, part in zip(jax.tree.leaves(ended), jax.tree.leaves(here), strict=True):
            whole[:, index] = np.asarray(part)[:, : len(index)]
        index, done = index[~ended.settled[:, index].all(axis=0)], until
    return ended


def _columns(index: np.ndarray, leaf: np.ndarray) -> Array:
    """The lanes of some assets."""
    return jnp.asarray(leaf[:, index])


_backcast = jax.jit(backcast)
_to_unconstrained = jax.jit(to_unconstrained)


@jax.jit
def _finish(u: Array, returns: Array, presample: Array, mean: Array) -> tuple[GarchParams, Array, Array]:
    params = from_unconstrained(u)
    return params, *evaluate(params, returns - mean, presample)


@dataclass(frozen=True)
class MaximumLikelihood:
    """Maximum likelihood of GJR-GARCH(1,1) for all assets at once, in float64. It never fails: at worst a status.

    Damped Fisher scoring (Levenberg-Marquardt on the expected information of Fiorentini, Calzolari and
    Panattoni 1996) runs from four starts side by side and keeps the best.

    Attributes
    ----------
    asymmetric : estimate ``gamma``; otherwise GARCH
    innovations : ``"t"`` or ``"normal"``
    mean : ``"zero"``, or ``"constant"`` estimated jointly
    presample : variance of the day before the sample: ``"backcast"`` as in ``arch``, or ``"sample"`` for
        the mean square (about the sample mean if the mean is constant)
    iterations : at most this many
    tolerance : nats of log-likelihood still to be gained, by the quadratic approximation, at the end

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> fit = MaximumLikelihood(asymmetric=False)(0.01 * rng.standard_normal((1000, 2)))
    >>> [str(status) for status in fit.status], bool((fit.params.gamma == 0).all())
    (['at bound', 'at bound'], True)
    """

    asymmetric: bool = True
    innovations: Literal["t", "normal"] = "t"
    mean: Literal["zero", "constant"] = "zero"
    presample: Literal["backcast", "sample"] = "backcast"
    iterations: int = 200
    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("innovations", self.innovations, ("t", "normal")),
            ("mean", self.mean, ("zero", "constant")),
            ("presample", self.presample, ("backcast", "sample")),
        ):
            if value not in allowed:
                raise SettingsError(f"{name} is one of {', '.join(allowed)}, not {value!r}")

    def __call__(self, returns: Any, start: Calibration | None = None) -> Calibration:
        """Calibrate ``(time, assets)`` returns.

        Parameters
        ----------
        returns : array or DataFrame, NaN where missing
        start : an earlier calibration of the same assets; it then replaces all starts but one, which makes
            a daily or monthly update several times faster
        """
        matrix, assets = as_matrix(returns)
        scale, status = screen(matrix)
        usable = np.array([not s.fell_back for s in status])
        scaled = np.where(usable, matrix / scale, np.nan)
        centre = np.zeros(len(assets))
        if self.mean == "constant":
            centre = np.nanmean(np.where(usable, scaled, 0.0), axis=0)
        starts = self._starts(centre, scale)
        if start is not None:
            starts = np.concatenate([self._from(start, centre, scale), starts[:1]])
        return self._maximise(matrix, assets, starts, centre)

    def climb(self, returns: Any, start: Calibration) -> Calibration:
        """Exact scoring from a calibration of the same returns, such as the network's.

        The likelihood of a short series has several maxima. Where the climb ends at a bound or further from
        the start than its posterior makes likely, the two starts that disagree most with it are tried
        as well: of simulated series, 1 to 6% then find a higher maximum.
        """
        matrix, _ = as_matrix(returns)
        scale, _ = screen(matrix)
        centre = start.mean / scale
        found = self._maximise(matrix, start.assets, self._from(start, centre, scale), centre)
        doubtful = np.flatnonzero(self._far(found, start))
        if not len(doubtful):
            return found
        others = self._starts(centre[doubtful], scale[doubtful])[list(_SECOND)]
        again = self._maximise(
            matrix[:, doubtful],
            found.take(doubtful).assets,
            others,
            centre[doubtful],
            found.log_likelihood[doubtful],
        )
        higher = np.flatnonzero(again.log_likelihood > found.log_likelihood[doubtful])
        return found.merged(doubtful[higher], again.take(higher))

    def _far(self, found: Calibration, start: Calibration) -> np.ndarray:
        """Which assets ended at a bound, or far from the start in persistence, news and asymmetry."""
        bound = np.array([status is Status.AT_BOUND for status in found.status])
        usable = np.array([not status.fell_back for status in found.status])
        moved = found.posterior.mean - start.posterior.mean
        moved[~np.isfinite(moved)] = 0.0
        steps = np.linalg.solve(start.posterior.cholesky, moved[..., None])[:, 1:4, 0]
        return usable & (bound | (np.linalg.norm(steps, axis=-1) > _FAR))

    def _maximise(
        self,
        matrix: np.ndarray,
        assets: tuple[str, ...],
        starts: np.ndarray,
        centre: np.ndarray,
        reached: np.ndarray | None = None,
    ) -> Calibration:
        """The best of all starts ``(starts, assets, K)``; ``reached`` is what an earlier search has found."""
        matrix = lengthened(matrix)
        scale, status = screen(matrix)
        usable = np.array([not s.fell_back for s in status])
        scaled = np.where(usable, matrix / scale, np.nan)
        with jax.enable_x64(True):
            if self.presample == "backcast":
                before = np.asarray(_backcast(jnp.asarray(scaled - centre)))
            else:
                before = np.nanmean(np.where(usable, (scaled - centre) ** 2, 1.0), axis=0)
            before = np.where(usable, before, 1.0)
            about_mean = self.mean == "constant" and self.presample == "sample"
            settings = (self._active(), self.tolerance, self.iterations, self.mean == "constant")
            floor = np.full(len(assets), -np.inf)
            if reached is not None:
                floor = reached + np.sum(~np.isnan(scaled), axis=0) * np.log(scale)
            search = _search(starts, scaled, before, centre if about_mean else None, floor, settings)
        lanes = np.arange(len(assets))
        best = np.argmax(search.found.log_likelihood, axis=0)
        theta, settled = search.theta[best, lanes], search.settled[best, lanes]
        information = search.found.information[best, lanes]
        status = self._judge(status, theta, settled)
        u, cholesky = theta[:, :5].copy(), self._spread(information)
        u[:, 0] += 2 * np.log(scale)
        observations = np.sum(~np.isnan(matrix), axis=0)
        u, cholesky = complete(u, cholesky, scale, observations, status)
        mean = (
            np.where(usable, theta[:, 5] * scale, 0.0) if self.mean == "constant" else np.zeros(len(assets))
        )
        presample = np.where(usable, before * scale**2, np.exp(u[:, 0]))
        with jax.enable_x64(True):
            held = without_constants(matrix, status)
            params, total, tomorrow = _finish(*map(jnp.asarray, (u, held, presample, mean)))
        return Calibration(
            assets=assets,
            params=GarchParams(*map(np.asarray, params)),
            posterior=Posterior(u, cholesky),
            log_likelihood=np.asarray(total),
            status=status,
            mean=mean,
            next_variance=np.asarray(tomorrow),
            presample=presample,
            observations=observations,
        )

    def _active(self) -> np.ndarray:
        active = np.array([True, True, True, self.asymmetric, self.innovations == "t", True])
        return active if self.mean == "constant" else active[:5]

    def _starts(self, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Fixed starts ``(starts, assets, K)``."""
        rows = np.array(
            [
                (0.0, np.log(p / (1 - p)), np.log(a / (p - a)), asymmetry, np.log(2 * eta / (1 - 2 * eta)))
                for p, a, asymmetry, eta in _STARTS
            ]
        )
        return self._restricted(np.repeat(rows[:, None, :], len(scale), axis=1), centre)

    def _from(self, start: Calibration, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """One start ``(1, assets, K)``, an earlier estimate."""
        u = np.array(_to_unconstrained(GarchParams(*map(jnp.asarray, start.params))))
        u[:, 0] -= 2 * np.log(scale)
        return self._restricted(np.clip(u, _LOW[:5] + 2, _HIGH[:5] - 2)[None], centre)

    def _restricted(self, theta: np.ndarray, centre: np.ndarray) -> np.ndarray:
        if not self.asymmetric:
            theta[..., 3] = 0.0
        if self.innovations == "normal":
            theta[..., 4] = -np.inf
        if self.mean == "constant":
            centres = np.broadcast_to(centre, theta.shape[:-1])
            theta = np.concatenate([theta, centres[..., None]], axis=-1)
        return theta

    def _judge(
        self, status: tuple[Status, ...], theta: np.ndarray, settled: np.ndarray
    ) -> tuple[Status, ...]:
        """Statuses after the search; the edges that count are those of persistence, news and asymmetry."""
        size = theta.shape[1]
        near = (theta < _LOW[:size] + 5) | (theta > _HIGH[:size] - 5)
        near[:, 0], near[:, 4:] = False, False
        judged = []
        edges = np.asarray(near.any(axis=1))
        for known, edge, done in zip(status, edges, settled, strict=True):
            if known.fell_back:
                judged.append(known)
            elif not done:
                judged.append(Status.NOT_CONVERGED)
            else:
                judged.append(Status.AT_BOUND if edge else known)
        return tuple(judged)

    def _spread(self, information: np.ndarray) -> np.ndarray:
        """Cholesky factor of the inverse information; flat directions get a standard deviation of 30."""
        active = self._active()[:5]
        block = information[:, :5, :5][:, active][:, :, active]
        covariance = np.linalg.inv(block + np.eye(active.sum()) / 900)
        factor = np.zeros((len(information), 5, 5))
        place = np.flatnonzero(active)
        factor[:, place[:, None], place] = np.linalg.cholesky(
            (covariance + covariance.transpose(0, 2, 1)) / 2
        )
        return factor
