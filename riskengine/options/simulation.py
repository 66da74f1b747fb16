"""The fold over the steps: blocks of paths from random bits to the sums that prices and Greeks are made of."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from riskengine.options.paths import Dynamics, Market
from riskengine.options.points import Bridge, bridged, normals, uniforms
from riskengine.options.products import Control, Product, Step


class Plan(NamedTuple):
    """What does not change over the blocks of a run; numbers in double precision.

    Attributes
    ----------
    params, market
        Where derivatives are taken.
    product
        Its numbers; its choices are static.
    grid
        Times (steps + 1,).
    schedule, constants
        Of the product.
    bridge
        Of the grid.
    directions
        For each first-order Greek, a tangent of (params, market).
    bump
        Distance of the spots of the pathwise gamma.
    """

    params: Any
    market: Market
    product: Product
    grid: Any
    schedule: dict[str, Any]
    constants: dict[str, Any]
    bridge: Bridge
    directions: dict[str, Any]
    bump: Any


class How(NamedTuple):
    """What a program is compiled for.

    Attributes
    ----------
    dynamics
        Of the model.
    controls, smooth_controls
        For the price, and for derivatives along the path.
    gamma
        Whether it is asked for.
    by_score
        Whether derivatives are by likelihood ratio instead of along the path.
    antithetic
        Whether each point also gives the path of its mirror image.
    single
        Paths in single precision.
    """

    dynamics: Dynamics
    controls: tuple[Control, ...]
    smooth_controls: tuple[Control, ...]
    gamma: bool
    by_score: bool
    antithetic: bool
    single: bool


class Sums(NamedTuple):
    """Of payoff and controls over paths: count, first (outputs,) and second moments (outputs, outputs)."""

    first: Array
    second: Array


class _State(NamedTuple):
    """The fold's: log asset, the model's state, the product's."""

    log_asset: Array
    model: Array
    product: Any


class _Score(NamedTuple):
    """The log density of the asset at its fixings given the variances, as a function of the parameters.

    Attributes
    ----------
    anchor
        Log asset at the last fixing.
    mean, variance
        Of the log return since then.
    log_density
        Of the fixings so far.
    """

    anchor: Array
    mean: Array
    variance: Array
    log_density: Array


def _outputs(
    params: Any,
    market: Market,
    plan: Plan,
    how: How,
    controls: tuple[Control, ...],
    z: Array,
    u: Array | None,
    by_score: bool,
) -> Array:
    """Present values (1 + controls, paths) of product and controls on paths of normals z (steps, factors, paths).

    By score, the paths are held still and the derivatives act on their density alone: the value is multiplied by
    the ratio of densities, which is one.
    """
    dtype, dynamics = z.dtype, how.dynamics
    cast = partial(jax.tree.map, lambda x: x if x.dtype == jnp.int32 else x.astype(dtype))
    tables = dynamics.tables(params, market, plan.grid)
    discounts = jnp.exp(-market.rate * plan.grid[1:])
    rows = (cast(tables), cast(plan.schedule), cast(discounts), z, u)
    one = jnp.ones(z.shape[-1], dtype)
    start = jnp.log(market.spot).astype(dtype) * one
    product, constants = cast(plan.product), cast(plan.constants)
    state = _State(start, dynamics.start(params, tables).astype(dtype) * one, product.start(start, constants))
    score = _Score(start, 0 * one, 0 * one, 0 * one) if by_score else None

    def fold(carry: tuple[_State, Any], row: Any) -> tuple[tuple[_State, Any], None]:
        (x, model, watched), score = carry
        table, scheduled, discount, normal, uniform = row
        model_after, move = dynamics.step(model, table, normal)
        spread = jnp.sqrt(move.variance)
        after = x + move.mean + spread * normal[0]
        if score is not None:
            after = stop_gradient(after)
            if not dynamics.separate:  # the normal that leads to this asset
                back = (after - x - move.mean) / spread
                model_after, _ = dynamics.step(model, table, jnp.stack([back, *normal[1:]]))
            score = _scored(score, move.mean, move.variance, after, scheduled["fixed"], dynamics.separate)
        seen = Step(x, after, move.total, uniform, scheduled, discount)
        return (_State(after, model_after, product.observe(watched, seen)), score), None

    ((last, _, watched), score), _ = jax.lax.scan(fold, (state, score), rows)
    discount = discounts[-1].astype(dtype)
    paid = product.value(watched, last, discount)
    others = [product.control(control, watched, last, discount) for control in controls]
    outputs = jnp.stack([paid, *others])
    if score is None:
        return outputs
    ratio = jnp.exp(score.log_density - stop_gradient(score.log_density))
    return (
        jnp.concatenate([outputs, one[None]]) * ratio
    )  # the last control is one: its derivative is the score


def _scored(
    score: _Score, mean: Array, variance: Array, after: Array, fixed: Array, separate: bool
) -> _Score:
    """Add a step; at a fixing, add the density of the return since the last one."""
    mean, variance = score.mean + mean, score.variance + variance
    gone = after - score.anchor - mean
    density = -(gone**2) / (2 * variance) - jnp.log(variance) / 2
    if not separate:  # variances depend on every return, so each has its density
        return _Score(after, 0 * mean, 0 * variance, score.log_density + density)
    return _Score(
        jnp.where(fixed > 0, after, score.anchor),
        jnp.where(fixed > 0, 0, mean).astype(mean.dtype),
        jnp.where(fixed > 0, 0, variance).astype(mean.dtype),
        score.log_density + jnp.where(fixed > 0, density, 0).astype(mean.dtype),
    )


def _draw(plan: Plan, how: How, bits: Array) -> tuple[Array, Array | None]:
    """Normals (steps, factors, paths) and, for products that ask for them, uniforms (steps, paths)."""
    dtype = jnp.float32 if how.single else jnp.float64
    steps, factors = plan.grid.shape[0] - 1, how.dynamics.factors
    gaussian = bits[: steps * factors].reshape(steps, factors, -1)
    z = bridged(plan.bridge, normals(gaussian, dtype))
    return z, uniforms(bits[steps * factors :], dtype) if len(bits) > steps * factors else None


@partial(jax.jit, static_argnames="how")
def simulate(plan: Plan, how: How, bits: Array, shift: Array) -> dict[str, Sums]:
    """One block of paths: the sums of the price, of each direction's derivative and of gamma.

    Parameters
    ----------
    plan, how : of the run
    bits : (numbers a path, paths) of 32 random or quasi-random bits
    shift : (numbers a path,) to be added to them by exclusive or
    """
    z, u = _draw(plan, how, bits ^ shift[:, None])
    by_score = how.by_score

    def mirrored(params: Any, market: Market, controls: tuple[Control, ...], score: bool) -> Array:
        outputs = _outputs(params, market, plan, how, controls, z, u, score)
        if how.antithetic:
            other = None if u is None else 1 - u
            outputs = (outputs + _outputs(params, market, plan, how, controls, -z, other, score)) / 2
        return outputs

    found = {"price": _sums(mirrored(plan.params, plan.market, how.controls, False))}
    if not (plan.directions or how.gamma):
        return found

    def values(params: Any, market: Market) -> Array:
        return mirrored(params, market, how.smooth_controls, by_score)

    def along(direction: Any) -> Array:
        return jax.jvp(values, (plan.params, plan.market), direction)[1]

    if plan.directions:
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *plan.directions.values())
        derivatives = jax.vmap(along)(stacked)
        found |= {name: _sums(value) for name, value in zip(plan.directions, derivatives, strict=True)}
    if how.gamma:

        def at(spot: Array) -> Array:
            return values(plan.params, plan.market._replace(spot=spot))

        def slope(spot: Array) -> Array:
            return jax.jvp(at, (spot,), (jnp.ones_like(spot),))[1]

        if by_score:
            spot = plan.market.spot
            found["gamma"] = _sums(jax.jvp(slope, (spot,), (jnp.ones_like(spot),))[1])
        else:
            low, high = jax.vmap(slope)(plan.market.spot + plan.bump * jnp.array([-1.0, 1.0]))
            found["gamma"] = _sums((high - low) / (2 * plan.bump).astype(low.dtype))
    return found


def _sums(outputs: Array) -> Sums:
    wide = outputs.astype(jnp.float64)
    return Sums(wide.sum(axis=1), wide @ wide.T)
