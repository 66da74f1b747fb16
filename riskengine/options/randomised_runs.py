"""Runs of the simulation kernel over independent randomisations, block by block, a thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from riskengine.errors import DataError
from riskengine.options.brownian_bridge import dimension_order
from riskengine.options.control_variates import RegressionMoments
from riskengine.options.path_kernel import KernelInputs, KernelStatic, simulate
from riskengine.options.quasi_random import DEEPEST, random_blocks, sobol_blocks


class Sampler(NamedTuple):
    """Random numbers of a run: so many randomisations of ``2^depth`` points."""

    depth: int
    randomisations: int
    seed: int
    sampling: str
    block_numbers: int


def sampler_of(
    paths: int, randomisations: int, antithetic: bool, seed: int, sampling: str, block_numbers: int
) -> Sampler:
    """Points of a randomisation as a power of two, and how many randomisations that takes."""
    points = -(-paths // (2 if antithetic else 1))
    depth = max(0, int(np.ceil(np.log2(max(1.0, points / randomisations)) - 1e-12)))
    if depth > DEEPEST:
        depth, randomisations = DEEPEST, -(-points // 2**DEEPEST)
    return Sampler(depth, randomisations, seed, sampling, block_numbers)


def run_all(
    inputs: KernelInputs,
    static: KernelStatic,
    sampler: Sampler,
    workers: int,
    progress: Callable[[str, int, int], None] | None,
) -> dict[str, RegressionMoments]:
    """Moments of all randomisations, a thread each."""
    randomisation = partial(_randomisation, inputs, static, sampler, _dimensions(inputs, static))

    def all_of_them() -> Iterator[dict[str, Any]]:
        yield randomisation(0)  # compiles, once
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(randomisation, range(1, sampler.randomisations))

    moments: dict[str, RegressionMoments] = {}
    for done, found in enumerate(all_of_them()):
        if not np.all(np.isfinite(found["price"].first)):
            raise DataError("the price is not finite on some paths: check the payoff and the parameters")
        for name, sums in found.items():
            pooled = moments.setdefault(name, RegressionMoments(len(sums.first)))
            pooled.add(sums.first, sums.second, 2**sampler.depth)
        if progress is not None:
            progress("paths", done + 1, sampler.randomisations)
    return moments


def _dimensions(inputs: KernelInputs, static: KernelStatic) -> np.ndarray:
    """Dimension of the points that each number of a path comes from: normals, then uniforms."""
    steps, factors = len(inputs.grid) - 1, static.dynamics.factors
    order = dimension_order(inputs.bridge, factors).ravel()
    if inputs.product.needs_uniforms:
        order = np.append(order, np.arange(steps * factors, steps * (factors + 1)))
    return order


def _randomisation(
    inputs: KernelInputs, static: KernelStatic, sampler: Sampler, order: np.ndarray, index: int
) -> dict[str, Any]:
    """Sums over the points of one randomisation, block by block."""
    block = max(4, int(np.log2(sampler.block_numbers / len(order))))
    blocks = sobol_blocks if sampler.sampling == "sobol" else random_blocks
    total: dict[str, Any] = {}
    with jax.enable_x64(True):
        for bits, shift in blocks(order, sampler.depth, block, np.random.default_rng([sampler.seed, index])):
            sums = jax.device_get(simulate(inputs, static, bits, shift))
            total = jax.tree.map(np.add, total, sums) if total else sums
    return total
