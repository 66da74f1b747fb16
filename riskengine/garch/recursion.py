"""Recursions over days as one loop of machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

WIDEST = 512
"""Numbers of a day up to which its loop is compiled whole."""


def over_days(step: Callable[[Any, Any], tuple[Any, Any]], start: Any, rows: Any) -> tuple[Any, Any]:
    """:func:`jax.lax.scan`, which a CPU runs as one compiled loop.

    By itself XLA calls a kernel for each of the sums that a day adds to, and only loops that carry less than a
    kilobyte are compiled whole; the attributes ask for that at any size. In processor time, of 128 assets and 1,000
    days: a robust calibration .62, the filter of two hypotheses .75, that of a universe .86 to 1; to compile them .85,
    .6 and .3. What is compiled whole runs on one core: a universe is split over cores before it
    (:mod:`riskengine.calibration.forward`). Where jax knows no such calls, on accelerators, and where a day has more than
    :data:`WIDEST` numbers, it is a scan: XLA refuses to compile days of 1,024 as one loop.

    Examples
    --------
    >>> last, path = over_days(lambda total, row: (total + row, total), 0.0, jax.numpy.arange(4.0))
    >>> print(last, path)
    6.0 [0. 0. 1. 3.]
    """

    def loop(start: Any, rows: Any) -> tuple[Any, Any]:
        return jax.lax.scan(step, start, rows)

    narrow = all(leaf.size <= WIDEST * len(leaf) for leaf in jax.tree.leaves(rows))
    run = _as_one_kernel(loop) if narrow and jax.default_backend() == "cpu" else loop
    return run(start, rows)


def _as_one_kernel(loop: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any, Any], tuple[Any, Any]]:
    try:
        from jax.experimental.scheduling_groups import xla_metadata_call
    except ImportError:  # an earlier jax: its loops are what XLA makes of them
        return loop
    called: Callable[[Any, Any], tuple[Any, Any]] = xla_metadata_call(
        loop, inlineable="false", xla_cpu_small_call="true"
    )
    return called
