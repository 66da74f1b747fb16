"""Simulated days of a whole universe, a block of paths at a time: pure jax."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.params import GarchParams


class Innovations(NamedTuple):
    """Where a day's standardised surprises come from; one of the two is empty, of shape ``(0, ...)``.

    Attributes
    ----------
    history : (days, assets) past surprises, drawn as whole days
    loadings : (assets, factors) of the correlation
    specific : (assets,) root of the correlation's specific part
    mixing : (points, assets) roots of the variances that make Gaussians Student-t, on the grid of
        :func:`riskengine.risk.scenario_model.mixing_table`
    """

    history: Any  # numpy at the door, jax inside
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


def draw(key: Array, source: Innovations, paths: int) -> Array:
    """Standardised surprises of one day ``(paths, assets)``.

    A Student-t day is Gaussian with the given correlation, times the root of a random variance. That variance has
    for every asset the law of its own degrees of freedom, and the same rank for all: a wild day is wild for all
    (grouped t; Daul, De Giorgi, Lindskog and McNeil 2003).
    """
    if source.history.shape[0]:
        return source.history[jax.random.randint(key, (paths,), 0, source.history.shape[0])]
    common, own, rank = jax.random.split(key, 3)
    dtype = source.loadings.dtype
    factors = jax.random.normal(common, (paths, source.loadings.shape[1]), dtype)
    z = factors @ source.loadings.T
    z = z + source.specific * jax.random.normal(own, (paths, len(source.specific)), dtype)
    points = source.mixing.shape[0]
    # The grid is dense where the variance explodes: its points lie at squares.
    place = jnp.sqrt(jax.random.uniform(rank, (paths,), dtype)) * points
    return z * source.mixing[jnp.minimum(place.astype(jnp.int32), points - 1)]


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
        growth = growth * jnp.maximum(one + row, 0)
        news = params.alpha + jnp.where(row < 0, params.gamma, jnp.zeros_like(params.gamma))
        return params.omega + news * row * row + params.beta * variance, growth

    def day(carry: tuple[Array, Array], day_key: Array) -> tuple[tuple[Array, Array], tuple]:
        variance, growth = carry
        row = draw(day_key, source, paths) * jnp.sqrt(variance)
        variance, growth = tomorrow(variance, growth, row)
        return (variance, growth), (growth @ weights + cash, row if keep else None)

    carry = (jnp.broadcast_to(variance, shape), jnp.ones(shape, weights.dtype))
    keys = jax.random.split(key, days)
    if first is None:
        carry, (wealth, rows) = jax.lax.scan(day, carry, keys)
        return Block(carry[1], wealth, rows)
    carry = tomorrow(*carry, first)
    start = carry[1] @ weights + cash
    carry, (wealth, rows) = jax.lax.scan(day, carry, keys[1:])
    wealth = jnp.concatenate([start[None], wealth])
    return Block(carry[1], wealth, None if rows is None else jnp.concatenate([first[None], rows]))
