"""The filter of a calibration over a window of returns, all assets at once."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from riskengine.calibration.by_width import ByWidth
from riskengine.calibration.padding import NARROWEST, bucket, period
from riskengine.calibration.result import Calibration
from riskengine.garch import Filtered, GarchParams, filter_variance

Array = np.ndarray


def filter_window(fit: Calibration, returns: Array) -> Filtered:
    """The path of the variances on ``(time, assets)`` returns, as numpy arrays, the universe split over jax's devices.

    Of rounded shape when it is compiled, so that a listing compiles nothing anew.
    """
    days, assets = returns.shape
    devices = jax.devices()[: max(1, assets // NARROWEST)]
    mesh = Mesh(np.array(devices), "assets")
    width = bucket(-(-assets // len(devices))) * len(devices)
    rows = np.full((period(days, assets), width), np.nan)
    np.subtract(returns, fit.mean, out=rows[-days:, :assets])
    split = NamedSharding(mesh, P("assets"))

    def widened(leaf: Any) -> jax.Array:
        wide = np.pad(np.asarray(leaf, dtype=np.float64), (0, width - assets), mode="edge")
        return jax.device_put(wide, split)

    with jax.enable_x64(True):
        contamination = None if fit.contamination is None else widened(fit.contamination)
        params = GarchParams(*map(widened, fit.params))
        there = jax.device_put(rows, NamedSharding(mesh, P(None, "assets")))
        path = _filter.of(width)(params, there, widened(fit.presample), contamination, mesh)
    path = jax.tree.map(lambda leaf: np.asarray(leaf)[..., :assets], path)
    return path._replace(variance=path.variance[-days:])


def _dealt(
    params: GarchParams, returns: jax.Array, presample: jax.Array, contamination: jax.Array | None, mesh: Mesh
) -> Filtered:
    """:func:`filter_variance` with the assets dealt out to the devices of a mesh; no device waits for another."""
    one, path = P("assets"), P(None, "assets")
    leaves: list[Any] = [path, one, one]
    return jax.shard_map(
        filter_variance,
        mesh=mesh,
        in_specs=(one, path, one, one),
        out_specs=Filtered(*leaves),
        check_vma=False,
    )(params, returns, presample, contamination)


_filter = ByWidth(_dealt, static_argnames="mesh")
