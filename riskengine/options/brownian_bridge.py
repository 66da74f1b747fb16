"""Brownian bridge construction: the normals that matter most come first, for quasi-random points."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SEGMENTS = 16
"""Segments whose ends are drawn first."""


class BrownianBridge(NamedTuple):
    """Brownian bridge construction of Brownian motion (Caflisch and Moskowitz 1995), in two levels.

    The first normal sets the end, the next ones the midpoints of ever shorter intervals, down to the ends of
    :data:`SEGMENTS` segments. Within a segment the motion is simulated forward, conditional on its end:
    ``dW = share * remaining + deviation * z``. What variance is left to order there is small, and only the present
    step needs to be in memory.

    Attributes
    ----------
    last
        Standard deviation of the end.
    levels
        A level: weight of the left end, of the right end, and standard deviation, each (midpoints,).
    ends
        Last step of each segment, (segments,); its normals are those of the segments' ends.
    segment, first
        Of each step: its segment, and whether it is the first of it, (steps,).
    share, deviation
        Of each step: share of the way left in the segment, and standard deviation about it, (steps,).
    width
        Standard deviation of each increment, (steps,).
    """

    last: Any
    levels: tuple[tuple[Any, Any, Any], ...]
    ends: Any
    segment: Any
    first: Any
    share: Any
    deviation: Any
    width: Any

    def by_step(self) -> BrownianBridge:
        """The part that a scan over the steps reads: arrays (steps,)."""
        return self._replace(last=None, levels=(), ends=None)


def brownian_bridge(times: np.ndarray, segments: int = SEGMENTS) -> BrownianBridge:
    """Coefficients of the Brownian bridge over times ``(steps + 1,)`` that begin at zero.

    Examples
    --------
    >>> bridge = brownian_bridge(np.array([0.0, 1.0, 2.0, 6.0]))
    >>> print(segment_increments(bridge, jnp.array([[1.0], [0.0], [0.0]]))[:, 0].round(3))
    [0.408 0.408 1.633]
    """
    steps = len(times) - 1
    segments = min(segments, steps)
    corners = np.arange(segments + 1) * steps // segments
    coarse, levels = times[corners], []
    stride = 1 << max(segments - 1, 0).bit_length()
    known = np.minimum(np.arange(0, segments + stride, stride), segments)
    while stride > 1:
        stride //= 2
        middle = known[:-1] + stride
        count = int(np.sum(middle < segments))
        left, right, mid = coarse[known[:count]], coarse[known[1 : count + 1]], coarse[middle[:count]]
        share = (mid - left) / (right - left)
        levels.append((1 - share, share, np.sqrt((mid - left) * (right - mid) / (right - left))))
        known = np.sort(np.concatenate([known, middle[:count]]))
    segment = np.repeat(np.arange(segments), np.diff(corners)).astype(np.int32)
    dt, left = np.diff(times), coarse[segment + 1] - times[:-1]
    ends = corners[1:] - 1
    share = dt / left
    share[ends] = 1.0
    deviation = np.sqrt(dt * np.maximum(left - dt, 0) / left)
    deviation[ends] = 0.0
    first = np.zeros(steps)
    first[corners[:-1]] = 1.0
    return BrownianBridge(
        np.sqrt(times[-1]),
        tuple(levels),
        ends.astype(np.int32),
        segment,
        first,
        share,
        deviation,
        np.sqrt(dt),
    )


def dimension_order(bridge: BrownianBridge, factors: int) -> np.ndarray:
    """Dimension of the Sobol points that each step's normals come from, ``(steps, factors)``: segments' ends first."""
    steps, segments = len(bridge.width), len(bridge.ends)
    order = np.empty(steps, np.int64)
    order[bridge.ends] = np.arange(segments)
    order[np.setdiff1d(np.arange(steps), bridge.ends)] = np.arange(segments, steps)
    return order[:, None] * factors + np.arange(factors)


def segment_increments(bridge: BrownianBridge, z: Array) -> Array:
    """Increments over the segments ``(segments, ...)`` from normals ``(segments, ...)`` in the order of the bridge."""
    rest = (1,) * (z.ndim - 1)
    last, levels = jax.tree.map(
        lambda w: jnp.asarray(w, z.dtype).reshape(*jnp.shape(w), *rest), (bridge.last, bridge.levels)
    )
    path = jnp.stack([jnp.zeros_like(z[0]), z[0] * last])
    used = 1
    for left, right, deviation in levels:
        count = len(left)
        middle = left * path[:count] + right * path[1 : count + 1] + deviation * z[used : used + count]
        pairs = jnp.stack([path[:count], middle], axis=1).reshape(-1, *z.shape[1:])
        path = jnp.concatenate([pairs, path[count:]])
        used += count
    return jnp.diff(path, axis=0)


def bridge_step(coarse: Array, row: BrownianBridge, remaining: Array, z: Array) -> tuple[Array, Array]:
    """One step of the motion within its segment: what remains of the segment, and the increment as a standard normal.

    Parameters
    ----------
    coarse : increments over the segments (segments, ...)
    row : the bridge's arrays (steps,) at this step
    remaining : increment of the segment that is still to come before the step, (...)
    z : the step's normals, (...)
    """
    remaining = jnp.where(row.first > 0, coarse[row.segment], remaining)
    increment = remaining * row.share + row.deviation * z
    return remaining - increment, increment / row.width
