"""From raw returns to answers for a whole universe: one compiled function, the universe split over the devices."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from riskengine.calibration.by_width import ByWidth
from riskengine.calibration.features import CONTAMINATION, mean_square
from riskengine.calibration.network import looks
from riskengine.calibration.padding import NARROWEST, bucket, period
from riskengine.calibration.posterior import spread_points
from riskengine.calibration.pretrained_weights import Trained
from riskengine.calibration.result import SHORTEST
from riskengine.calibration.small_cholesky import invert_lower
from riskengine.garch import GarchParams, backcast, from_unconstrained, log_likelihood

_DRAWS = 128
_WIDEST, _WIDEST_ACCELERATOR = 2560, 65_536  # series a device and call: more do not fit a core's cache


class NetworkOutput(NamedTuple):
    """What the network says of each asset; leaves lead with ``(assets,)``.

    From ``mean`` on, everything is for the returns over their ``scale``.

    Attributes
    ----------
    observations, largest, typical : days observed, largest and mean absolute return
    varies : whether two returns differ
    scale : root mean square
    mean, precision_factor : Gaussian posterior in unconstrained coordinates
    params : posterior means of the natural parameters
    presample : variance of the day before the sample
    log_likelihood, next_variance : at ``params``
    log_variance_spread : posterior standard deviation of the log of ``next_variance``
    strangeness : distance from the training distribution, one at its edge
    contamination : probability of an outlier a day that the filter assumes; zero unless robust
    """

    observations: Any  # jax inside, numpy at the door
    largest: Any
    typical: Any
    varies: Any
    scale: Any
    mean: Any
    precision_factor: Any
    params: GarchParams
    presample: Any
    log_likelihood: Any
    next_variance: Any
    log_variance_spread: Any
    strangeness: Any
    contamination: Any


def answer(trained: Trained, returns: Array, robust: bool) -> NetworkOutput:
    """Answers for float32 returns ``(time, assets)``, NaN where missing; any scale.

    An asset that is too short or does not vary is replaced by a harmless one, and its answer means nothing.
    """
    observed = ~jnp.isnan(returns)
    n = jnp.sum(observed, axis=0).astype(returns.dtype)
    size = jnp.where(observed, jnp.abs(returns), 0)
    largest = jnp.max(size, axis=0)
    typical = jnp.sum(size, axis=0) / jnp.maximum(n, 1)
    lowest = jnp.min(jnp.where(observed, returns, jnp.inf), axis=0)
    highest = jnp.max(jnp.where(observed, returns, -jnp.inf), axis=0)
    varies = highest > lowest

    unit = jnp.where(largest > 0, largest, 1)
    harmless = jnp.where(jnp.arange(len(returns)) % 2, 1.0, -1.0).astype(returns.dtype)
    x = jnp.where((n >= SHORTEST) & varies, returns / unit, harmless[:, None])
    root = jnp.sqrt(mean_square(x))
    x = x / root
    scale = jnp.where(largest > 0, unit * jnp.sqrt(mean_square(returns / unit)), 1)

    presample = backcast(x)
    contamination = jnp.full(n.shape, CONTAMINATION, x.dtype) if robust else None
    seen, belief = looks(
        trained.stages, x, presample, trained.prior_mean, trained.prior_spread, contamination
    )
    local = seen[-1].local
    assert local is not None

    whitener = invert_lower(belief.precision_factor)
    params = mean_params(belief.mean, whitener)
    total, tomorrow = log_likelihood(params, x, presample, contamination)
    spread = jnp.linalg.norm(jnp.einsum("nij,nj->ni", whitener, local.next_slope), axis=-1)
    return NetworkOutput(
        n,
        largest,
        typical,
        varies,
        scale,
        belief.mean,
        belief.precision_factor,
        params,
        presample,
        total,
        tomorrow,
        spread,
        trained.familiar.strangeness(seen[0].features),
        jnp.zeros_like(n) if contamination is None else contamination,
    )


def mean_params(mean: Array, whitener: Array) -> GarchParams:
    """Posterior means of the natural parameters over quasi-random draws ``mean + whitener.T noise``.

    One draw of all assets at a time: means over an axis of draws would not be vectorised.
    """
    points = jnp.asarray(spread_points(_DRAWS), mean.dtype)

    def draw(total: GarchParams, point: Array) -> tuple[GarchParams, None]:
        one = from_unconstrained(mean + jnp.einsum("nji,j->ni", whitener, point))
        return jax.tree.map(jnp.add, total, one._replace(dof=1 / one.dof)), None

    nothing = GarchParams(*[jnp.zeros(mean.shape[:-1], mean.dtype)] * 5)
    total, _ = jax.lax.scan(draw, nothing, points)
    means = GarchParams(*(leaf / _DRAWS for leaf in total))
    return means._replace(dof=1 / means.dof)


def _dealt(trained: Trained, returns: Array, robust: bool, mesh: Mesh) -> NetworkOutput:
    """:func:`answer` with the assets dealt out to the devices of a mesh; no device waits for another."""
    part = partial(answer, robust=robust)
    return jax.shard_map(
        part, mesh=mesh, in_specs=(P(), P(None, "assets")), out_specs=P("assets"), check_vma=False
    )(trained, returns)


_split = ByWidth(_dealt, ("robust", "mesh"), returns=(NetworkOutput, GarchParams))


def answers(trained: Trained, returns: np.ndarray, robust: bool) -> NetworkOutput:
    """Answers for a universe ``(time, assets)`` as float64 arrays, split over jax's devices.

    A host shows its cores as devices after :func:`riskengine.runtime.use_cores`. Shapes are rounded up, so that a
    day or an asset more does not compile anew: missing days are put in front, which the filter waits through.
    """
    days, assets = returns.shape
    devices = jax.devices()[: -(-assets // NARROWEST)]
    mesh = Mesh(np.array(devices), "assets")
    widest = _WIDEST if devices[0].platform == "cpu" else _WIDEST_ACCELERATOR
    calls = -(-assets // (widest * len(devices)))
    width = bucket(-(-assets // (calls * len(devices)))) * len(devices)
    rows = NamedSharding(mesh, P(None, "assets"))
    found = []
    for first in range(0, assets, width):
        some = returns[:, first : first + width]
        data = np.full((period(days, assets), width), np.nan, np.float32)
        data[-days:, : some.shape[1]] = some
        part = _split.of(width)(trained, jax.device_put(data, rows), robust, mesh)
        found.append(jax.tree.map(lambda leaf, n=some.shape[1]: np.asarray(leaf)[:n], part))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves).astype(np.float64), *found)
