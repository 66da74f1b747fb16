"""Simulated days of a whole universe, a block of paths at a time: pure jax."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch import GarchParams, step
from riskengine.risk.xoshiro import Xoshiro, normal, seeded


class Innovations(NamedTuple):
    """Where a day's standardised surprises come from; one of the two is empty, of shape ``(0, ...)``.

    Attributes
    ----------
    history : (days, assets) past surprises, drawn as whole days
    renewal : probability that the next day of a path is another one than the next of the past
    loadings : (assets, factors) of the correlation
    specific : (assets,) root of the correlation's specific part
    mixing : (points, assets) roots of the variances that make Gaussians Student-t, on the grid of
        :func:`riskengine.risk.scenario_model.mixing_table`
    """

    history: Any  # numpy at the door, jax inside
    renewal: Any
    loadings: Any
    specific: Any
    mixing: Any


class Block(NamedTuple):
    """What a block of paths leaves.

    Attributes
    ----------
    growth : (paths, assets) compounded returns plus one
    wealth : (days, paths) of the portfolio, held without trading, cash included; one at the start
    returns : (days, paths, assets), or None if not asked for
    """

    growth: Any
    wealth: Any
    returns: Any


def begin(key: Array, source: Innovations, shape: tuple[int, int]) -> Xoshiro | Array:
    """What the draws of ``(paths, assets)`` carry from day to day: generators, or the past day that each path is at."""
    if source.history.shape[0]:
        return jax.random.randint(key, shape[:1], 0, source.history.shape[0])
    return seeded(key, shape)


def draw(key: Array, source: Innovations, carry: Xoshiro | Array) -> tuple[Array, Xoshiro | Array]:
    """Standardised surprises of one day ``(paths, assets)``, and what is carried on.

    A Student-t day is Gaussian with the given correlation, times the root of a random variance. That variance has
    for every asset the law of its own degrees of freedom, and the same rank for all: a wild day is wild for all
    (grouped t; Daul, De Giorgi, Lindskog and McNeil 2003).

    Past days follow each other in stretches of random length, the last day by the first (stationary bootstrap;
    Politis and Romano 1994): correlations rise for weeks, with everybody's volatility, and GARCH variances of one
    asset at a time leave that to the surprises.
    """
    common, rank = jax.random.split(key)
    if not isinstance(carry, Xoshiro):
        days, shape = source.history.shape[0], carry.shape
        anew = jax.random.uniform(rank, shape, source.renewal.dtype) < source.renewal
        place = jnp.where(anew, jax.random.randint(common, shape, 0, days), (carry + 1) % days)
        return source.history[place], place
    own, carry = normal(carry)
    paths, dtype = own.shape[0], source.loadings.dtype
    factors = jax.random.normal(common, (paths, source.loadings.shape[1]), dtype)
    z = factors @ source.loadings.T + source.specific * own.astype(dtype)
    points = source.mixing.shape[0]
    # The grid is dense where the variance explodes: its points lie at squares.
    place = jnp.sqrt(jax.random.uniform(rank, (paths,), dtype)) * points
    return z * source.mixing[jnp.minimum(place.astype(jnp.int32), points - 1)], carry


@partial(jax.jit, static_argnames=("days", "paths", "keep"))
def run_block(
    key: Array,
    source: Innovations,
    params: GarchParams,
    variance: Array,
    weights: Array,
    first: Array | None,
    days: int,
    paths: int,
    keep: bool = False,
) -> Block:
    """Simulate one block.

    Parameters
    ----------
    key : of this block
    source : of the surprises
    params : leaves ``(assets,)`` or ``(paths, assets)``
    variance : (assets,) or (paths, assets), of the first day
    weights : (assets,) of the portfolio
    first : (paths, assets) returns of the first day, drawn elsewhere; or None
    days, paths : numbers of them
    keep : whether all returns are wanted
    """
    assets = weights.shape[0]
    shape = (paths, assets)
    cash = 1 - jnp.sum(weights)
    one = jnp.ones((), weights.dtype)

    def tomorrow(variance: Array, growth: Array, row: Array) -> tuple[Array, Array]:
        return step(params, variance, row), growth * jnp.maximum(one + row, 0)

    def day(carry: tuple, day_key: Array) -> tuple[tuple, tuple]:
        variance, growth, source_carry = carry
        surprise, source_carry = draw(day_key, source, source_carry)
        row = surprise * jnp.sqrt(variance)
        variance, growth = tomorrow(variance, growth, row)
        return (variance, growth, source_carry), (growth @ weights + cash, row if keep else None)

    keys = jax.random.split(key, days + 1)
    start = (jnp.broadcast_to(variance, shape), jnp.ones(shape, weights.dtype))
    drawn = begin(keys[0], source, shape)
    if first is None:
        end, (wealth, rows) = jax.lax.scan(day, (*start, drawn), keys[1:])
        return Block(end[1], wealth, rows)
    start = tomorrow(*start, first)
    one_day = start[1] @ weights + cash
    end, (wealth, rows) = jax.lax.scan(day, (*start, drawn), keys[2:])
    wealth = jnp.concatenate([one_day[None], wealth])
    return Block(end[1], wealth, None if rows is None else jnp.concatenate([first[None], rows]))
