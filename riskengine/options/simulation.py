"""The fold over the steps: blocks of paths from random bits to the sums that prices and Greeks are made of."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from riskengine.options.paths import Dynamics, Market
from riskengine.options.points import Bridge, normals, segment_ends, uniforms, walk
from riskengine.options.products import Control, Product, Step
from riskengine.options.scores import FixingScore, ShiftScore


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
        By name of a Greek, a tangent of (params, market).
    sides
        By name of a Greek that is a difference of prices, both ends (params, market) and their distance.
    bump
        Distance of the spots of the pathwise gamma.
    pace
        At which a shift of the spot fades, per unit of variance.
    """

    params: Any
    market: Market
    product: Product
    grid: Any
    schedule: dict[str, Any]
    constants: dict[str, Any]
    bridge: Bridge
    directions: dict[str, Any]
    sides: dict[str, Any]
    bump: Any
    pace: Any


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
    method
        Of derivatives: along the "path", by the "score" of the fixings, or of a "shift" of the spot.
    antithetic
        Whether each point also gives the path of its mirror image.
    single
        Paths in single precision.
    """

    dynamics: Dynamics
    controls: tuple[Control, ...]
    smooth_controls: tuple[Control, ...]
    gamma: bool
    method: str
    antithetic: bool
    single: bool


class Sums(NamedTuple):
    """Of payoff and controls over paths: count, first (outputs,) and second moments (outputs, outputs)."""

    first: Array
    second: Array


class _State(NamedTuple):
    """The fold's: what is left of the bridge's segment, log asset, the model's state, the product's."""

    left: Array
    log_asset: Array
    model: Array
    product: Any


def _outputs(
    params: Any,
    market: Market,
    plan: Plan,
    how: How,
    controls: tuple[Control, ...],
    points: tuple[Array, Array],
    mirror: bool,
    method: str,
) -> Array:
    """Present values (1 + controls, paths) of product and controls on the paths of these points.

    By a score, paths are held still and derivatives act on their density: values are multiplied by the ratio of
    densities, which is one.
    """
    dtype, dynamics = (jnp.float32 if how.single else jnp.float64), how.dynamics
    steps, factors = plan.grid.shape[0] - 1, dynamics.factors
    bits, shift = points
    count = bits.shape[1]
    gaussian = bits[: steps * factors].reshape(steps, factors, count)
    shifts = shift[: steps * factors].reshape(steps, factors, 1)
    flat = None
    if len(bits) > steps * factors:  # for products that ask for uniforms
        flat = (bits[steps * factors :], shift[steps * factors :, None])
    side = -1.0 if mirror else 1.0
    ends = normals(gaussian[plan.bridge.ends] ^ shifts[plan.bridge.ends], dtype)
    coarse = segment_ends(plan.bridge, side * ends)
    walker = plan.bridge._replace(last=None, levels=(), ends=None)
    cast = partial(jax.tree.map, lambda x: x if x.dtype == jnp.int32 else x.astype(dtype))
    tables = dynamics.tables(params, market, plan.grid)
    discounts = jnp.exp(-market.rate * plan.grid[1:])
    rows = (cast(tables), cast(plan.schedule), cast(discounts), cast(walker), gaussian, shifts, flat)
    one, pace = jnp.ones(count, dtype), jnp.asarray(plan.pace).astype(dtype)
    start = jnp.log(market.spot).astype(dtype) * one
    product, constants = cast(plan.product), cast(plan.constants)
    state = _State(
        0 * coarse[0],
        start,
        dynamics.start(params, tables).astype(dtype) * one,
        product.start(start, constants),
    )
    score: FixingScore | ShiftScore | None = None
    if method != "path":
        score = FixingScore.start(start) if method == "score" else ShiftScore.start(start)

    def fold(carry: tuple[_State, Any], row: Any) -> tuple[tuple[_State, Any], None]:
        (left, x, model, watched), score = carry
        table, scheduled, discount, walking, bits, shift, flat = row
        left, normal = walk(coarse, walking, left, side * normals(bits ^ shift, dtype))
        uniform = None if flat is None else uniforms(flat[0] ^ flat[1], dtype)
        if uniform is not None and mirror:
            uniform = 1 - uniform
        model_after, move = dynamics.step(model, table, normal)
        spread = jnp.sqrt(move.variance)
        after = x + move.mean + spread * normal[0]
        if isinstance(score, FixingScore):
            after = stop_gradient(after)
            if not dynamics.separate:  # the normal that leads to this asset
                back = (after - x - move.mean) / spread
                model_after, _ = dynamics.step(model, table, jnp.stack([back, *normal[1:]]))
            score = score.step(move, after, scheduled["fixed"], dynamics.separate)
        elif isinstance(score, ShiftScore):
            score = score.step(move, normal[0], pace)
            after = stop_gradient(after) + score.left * score.shift
        seen = Step(x, after, move.total, uniform, scheduled, discount)
        return (_State(left, after, model_after, product.observe(watched, seen)), score), None

    ((_, last, _, watched), score), _ = jax.lax.scan(fold, (state, score), rows)
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


@partial(jax.jit, static_argnames="how")
def simulate(plan: Plan, how: How, bits: Array, shift: Array) -> dict[str, Sums]:
    """One block of paths: the sums of the price, of each direction's derivative and of gamma.

    Parameters
    ----------
    plan, how : of the run
    bits : (numbers a path, paths) of 32 random or quasi-random bits
    shift : (numbers a path,) to be added to them by exclusive or
    """

    def values(params: Any, market: Market, controls: tuple[Control, ...], method: str) -> Array:
        sides = [
            _outputs(params, market, plan, how, controls, (bits, shift), mirror, method)
            for mirror in ((False, True) if how.antithetic else (False,))
        ]
        return (sides[0] + sides[1]) / 2 if how.antithetic else sides[0]

    found = {"price": _sums(values(plan.params, plan.market, how.controls, "path"))}

    def smooth(params: Any, market: Market) -> Array:
        return values(params, market, how.smooth_controls, how.method)

    if plan.directions:
        stacked = _stacked(plan.directions)
        here = (plan.params, plan.market)
        derivatives = jax.vmap(lambda direction: jax.jvp(smooth, here, direction)[1])(stacked)
        found |= {name: _sums(value) for name, value in zip(plan.directions, derivatives, strict=True)}
    if plan.sides:

        def difference(low: Any, high: Any, width: Array) -> Array:
            ends = [values(end[0], end[1], how.smooth_controls, "path") for end in (low, high)]
            return (ends[1] - ends[0]) / width.astype(ends[0].dtype)

        derivatives = jax.vmap(difference)(*_stacked(plan.sides))
        found |= {name: _sums(value) for name, value in zip(plan.sides, derivatives, strict=True)}
    if how.gamma:

        def slope(spot: Array) -> Array:
            at = lambda spot: smooth(plan.params, plan.market._replace(spot=spot))  # noqa: E731
            return jax.jvp(at, (spot,), (jnp.ones_like(spot),))[1]

        if how.method == "path":
            low, high = jax.vmap(slope)(plan.market.spot + plan.bump * jnp.array([-1.0, 1.0]))
            found["gamma"] = _sums((high - low) / (2 * plan.bump).astype(low.dtype))
        else:
            spot = plan.market.spot
            found["gamma"] = _sums(jax.jvp(slope, (spot,), (jnp.ones_like(spot),))[1])
    return found


def _stacked(by_name: dict[str, Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *by_name.values())


def _sums(outputs: Array) -> Sums:
    wide = outputs.astype(jnp.float64)
    return Sums(wide.sum(axis=1), wide @ wide.T)
