"""Maximum likelihood for a whole universe at once: damped Fisher scoring from several starts."""

from __future__ import annotations

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

# Coordinates are kept in this box (the sixth is the mean); an estimate on its edge is "at bound".
_LOW = np.array([-14.0, -9.0, -14.0, -16.0, -16.0, -30.0])
_HIGH = np.array([16.0, 15.0, 9.0, 16.0, 9.0, 30.0])

# Few assets are bound by the cost of a loop step, so that several days share one.
_FEW, _UNROLL = 64, 8


class _Search(NamedTuple):
    """State of the ascent; leading axes are (starts, assets). ``trial`` is the point to look at next."""

    trial: Array
    theta: Array
    found: Likelihood
    damping: Array
    settled: Array
    iteration: Array


def _free(theta: Array, score: Array, active: Array) -> Array:
    """Coordinates that may move: active, and not pressed against the box."""
    size = theta.shape[-1]
    low, high = jnp.asarray(_LOW[:size]), jnp.asarray(_HIGH[:size])
    pressed = ((theta <= low) & (score < 0)) | ((theta >= high) & (score > 0))
    return active & ~pressed


def _solve(found: Likelihood, free: Array, damping: Array) -> Array:
    """Step ``(information + damping diagonal)^-1 score`` in the free coordinates."""
    information = jnp.where(free[..., :, None] & free[..., None, :], found.information, 0)
    diagonal = jnp.diagonal(information, axis1=-2, axis2=-1)
    ridge = jnp.where(free, damping[..., None] * diagonal + 1e-9, 1.0)
    matrix = information + ridge[..., None] * jnp.eye(free.shape[-1], dtype=ridge.dtype)
    return jnp.linalg.solve(matrix, jnp.where(free, found.score, 0)[..., None])[..., 0]


@partial(jax.jit, static_argnames=("with_mean", "iterations", "unroll"))
def _ascend(
    theta: Array,
    returns: Array,
    presample: Array,
    centre: Array | None,
    active: Array,
    tolerance: Array,
    with_mean: bool,
    iterations: int,
    unroll: int,
) -> _Search:
    lanes, size = theta.shape[:-1], theta.shape[-1]

    def climb(search: _Search) -> _Search:
        mean = search.trial[..., 5] if with_mean else None
        seen = likelihood(search.trial[..., :5], returns, presample, mean, centre, unroll=unroll)
        better = (seen.log_likelihood >= search.found.log_likelihood) & ~search.settled

        def update(new: Array, old: Array) -> Array:
            return jnp.where(better.reshape(better.shape + (1,) * (new.ndim - better.ndim)), new, old)

        theta = update(search.trial, search.theta)
        found = jax.tree.map(update, seen, search.found)
        damping = jnp.where(better, search.damping / 6, search.damping * 5)
        free = _free(theta, found.score, active)
        gain = jnp.sum(
            _solve(found, free, jnp.full_like(damping, 1e-3)) * jnp.where(free, found.score, 0), -1
        )
        settled = search.settled | (gain / 2 < tolerance) | (damping > 1e10)
        # A start that another one has left behind by more than it can still hope for need not go on.
        reached = jnp.max(jnp.where(settled, found.log_likelihood, -jnp.inf), axis=0)
        settled = settled | (found.log_likelihood + 2 * gain < reached)
        damping = jnp.clip(damping, 1e-6, 1e11)
        step = jnp.clip(_solve(found, free, damping), -3, 3)
        moved = jnp.where(active, jnp.clip(theta + step, _LOW[:size], _HIGH[:size]), theta)
        return _Search(moved, theta, found, damping, settled, search.iteration + 1)

    zero = jnp.zeros(lanes, theta.dtype)
    nothing = Likelihood(
        zero - jnp.inf,
        jnp.zeros((*lanes, size), theta.dtype),
        jnp.zeros((*lanes, size, size), theta.dtype),
        zero,
        zero,
    )
    begin = _Search(theta, theta, nothing, zero + 6e-2, jnp.zeros(lanes, bool), jnp.zeros((), int))
    return jax.lax.while_loop(
        lambda search: (search.iteration < iterations) & ~jnp.all(search.settled), climb, begin
    )


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
        centre = (
            np.nanmean(np.where(usable, scaled, 0.0), axis=0)
            if self.mean == "constant"
            else np.zeros(len(assets))
        )
        with jax.enable_x64(True):
            data = jnp.asarray(scaled)
            if self.presample == "backcast":
                before = np.asarray(_backcast(jnp.asarray(scaled - centre)))
            else:
                before = np.nanmean(np.where(usable, (scaled - centre) ** 2, 1.0), axis=0)
            before = np.where(usable, before, 1.0)
            search = _ascend(
                jnp.asarray(self._starts(centre, scale, start)),
                data,
                jnp.asarray(before),
                jnp.asarray(centre) if self.mean == "constant" and self.presample == "sample" else None,
                jnp.asarray(self._active()),
                jnp.asarray(self.tolerance),
                self.mean == "constant",
                self.iterations,
                _UNROLL if len(assets) <= _FEW else 1,
            )
            best = np.argmax(np.asarray(search.found.log_likelihood), axis=0)
            lanes = np.arange(len(assets))
            theta = np.asarray(search.theta)[best, lanes]
            information = np.asarray(search.found.information)[best, lanes]
            settled = np.asarray(search.settled)[best, lanes]
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

    def _starts(self, centre: Any, scale: np.ndarray, start: Calibration | None) -> np.ndarray:
        rows = np.array(
            [
                (0.0, np.log(p / (1 - p)), np.log(a / (p - a)), asymmetry, np.log(2 * eta / (1 - 2 * eta)))
                for p, a, asymmetry, eta in _STARTS
            ]
        )
        theta = np.repeat(rows[:, None, :], len(scale), axis=1)
        if start is not None:
            earlier = np.array(_to_unconstrained(GarchParams(*map(jnp.asarray, start.params))))
            earlier[:, 0] -= 2 * np.log(scale)
            theta = np.stack([np.clip(earlier, _LOW[:5] + 2, _HIGH[:5] - 2), theta[0]])
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
