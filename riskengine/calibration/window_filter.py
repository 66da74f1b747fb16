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
from riskengine.garch.robust import VariancePair

Array = np.ndarray


def filter_window(fit: Calibration, returns: Array) -> Filtered:
    """The path of the variances on ``(time, assets)`` returns, as numpy arrays, the universe split over jax's devices.

    Of rounded shape when it is compiled, so that a listing compiles nothing anew. With outliers reckoned with, it is
    in float32 on returns over their long-run volatility: two to four times as fast, as it is all logarithms, and
    variances are the same to 2e-7 in the median, to 1e-4 where two hypotheses are as good as equal.
    """
    days, assets = returns.shape
    devices = jax.devices()[: max(1, assets // NARROWEST)]
    mesh = Mesh(np.array(devices), "assets")
    width = bucket(-(-assets // len(devices))) * len(devices)
    robust = fit.contamination is not None
    kind = np.float32 if robust else np.float64
    scale = np.sqrt(np.asarray(fit.params.long_run_variance)) if robust else np.ones(assets)
    rows = np.full((period(days, assets), width), np.nan, kind)
    rows[-days:, :assets] = (returns - fit.mean) / scale
    split = NamedSharding(mesh, P("assets"))

    def widened(leaf: Any) -> jax.Array:
        return jax.device_put(np.pad(np.asarray(leaf, kind), (0, width - assets), mode="edge"), split)

    with jax.enable_x64(True):
        contamination = widened(fit.contamination) if robust else None
        params = GarchParams(*map(widened, fit.params.scaled(1 / scale)))
        there = jax.device_put(rows, NamedSharding(mesh, P(None, "assets")))
        path = _filter.of(width)(params, there, widened(fit.presample / scale**2), contamination, mesh)
    path = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64)[..., :assets], path)
    return _rescaled(path._replace(variance=path.variance[-days:]), scale)


def _rescaled(path: Filtered, scale: Any) -> Filtered:
    """Variances of returns ``scale`` times as large."""
    square: Any = scale**2
    pair = path.hypotheses
    if pair is not None:
        pair = pair._replace(likelier=square * pair.likelier, other=square * pair.other)
    return Filtered(square * path.variance, square * path.next_variance, pair)


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


_filter = ByWidth(_dealt, ("mesh",), returns=(Filtered, VariancePair))
