"""Simulation kernel: one block of paths, from random bits to sums of the price and its derivatives, in one program."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from riskengine.options.brownian_bridge import BrownianBridge, bridge_step, segment_increments
from riskengine.options.dynamics import ConditionalReturn, Dynamics, MarketData
from riskengine.options.likelihood_ratio import FixingScore, ShiftScore
from riskengine.options.one_step_survival import survived
from riskengine.options.products import ControlVariate, PathStep, Product
from riskengine.options.quasi_random import normals, uniforms


class TermStructure(NamedTuple):
    """What curves, dividends in cash and payment dates add to a flat rate and dividend yield.

    Attributes
    ----------
    carry
        Growth of the forward over each step beyond that of rate and dividend, (steps,).
    lag
        Years from the end of each step to the payment of what it decides, (steps,).
    discount
        Exponent of the discount factor to that payment beyond that of the rate, (steps,).
    cash
        Value at each grid time of the dividends in cash that are still to come before the end, (steps + 1,).
    """

    carry: Any
    lag: Any
    discount: Any
    cash: Any


class KernelInputs(NamedTuple):
    """Traced arguments of the kernel, the same for all blocks of a run; numbers in double precision.

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
    tangents
        By name of a Greek, the direction of (params, market) that it is the derivative along.
    bumps
        By name of a Greek that is a central difference, both ends (params, market) and their distance.
    gamma_bump
        Half the distance of the spots of gamma, where that is a difference.
    decay_rate
        At which a shift of the spot decays, per unit of variance.
    terms
        Of the grid.
    """

    params: Any
    market: MarketData
    product: Product
    grid: Any
    schedule: dict[str, Any]
    constants: dict[str, Any]
    bridge: BrownianBridge
    tangents: dict[str, Any]
    bumps: dict[str, Any]
    gamma_bump: Any
    decay_rate: Any
    terms: TermStructure


class KernelStatic(NamedTuple):
    """Static arguments of the kernel: a program is compiled for each set of them.

    Attributes
    ----------
    dynamics
        Of the model.
    controls, smooth_controls
        Control variates of the price, and of derivatives.
    gamma
        Whether it is asked for.
    greek_estimator
        Estimator of derivatives: "pathwise", "likelihood ratio" of the fixings, "spot shift", "one-step survival", or
        "finite difference" of prices on the same random numbers.
    antithetic
        Whether each point also gives the path of its mirror image.
    single
        Paths in single precision.
    cash
        Whether there are dividends in cash.
    """

    dynamics: Dynamics
    controls: tuple[ControlVariate, ...]
    smooth_controls: tuple[ControlVariate, ...]
    gamma: bool
    greek_estimator: str
    antithetic: bool
    single: bool
    cash: bool = False

    @property
    def dtype(self) -> Any:
        """Of the paths."""
        return jnp.float32 if self.single else jnp.float64


class Sums(NamedTuple):
    """Sums over paths of payoff and controls ``(outputs,)``, and of their products ``(outputs, outputs)``."""

    first: Array
    second: Array


class _Draws(NamedTuple):
    """Random numbers by step: 32 bits, to be joined with a shift by exclusive or."""

    normal: Array  # (steps, factors, paths)
    normal_shift: Array  # (steps, factors, 1)
    uniform: tuple[Array, Array] | None  # (steps, paths) and (steps, 1), for products that ask for them


class _Row(NamedTuple):
    """What the scan reads at a step."""

    coefficients: Any
    schedule: dict[str, Array]
    discount: Array
    carry: Array
    cash: tuple[Array, Array]
    bridge: BrownianBridge
    draws: _Draws


class _Carry(NamedTuple):
    """What the scan hands from step to step."""

    remaining: Array  # increment of the bridge's segment that is still to come
    log_asset: Array
    model: Array
    product: Any
    score: FixingScore | ShiftScore | None
    free: Array | None  # log asset of the path that is not kept alive, where one is


@partial(jax.jit, static_argnames="static")
def simulate(inputs: KernelInputs, static: KernelStatic, bits: Array, shift: Array) -> dict[str, Sums]:
    """Sums of the price, of each Greek and of gamma over one block of paths.

    Parameters
    ----------
    inputs, static : of the run
    bits : (numbers a path, paths) of 32 random or quasi-random bits
    shift : (numbers a path,) joined with them by exclusive or
    """
    draws = _draws(bits, shift, inputs.grid.shape[0] - 1, static.dynamics.factors)
    value = partial(_antithetic, inputs, static, draws)
    smooth = partial(value, controls=static.smooth_controls, estimator=static.greek_estimator)
    found = {"price": _sums(value(inputs.params, inputs.market, static.controls, "pathwise"))}
    if inputs.tangents:
        derivatives = jax.vmap(lambda along: _derivative(smooth, inputs, along))(_stacked(inputs.tangents))
        found |= {name: _sums(value) for name, value in zip(inputs.tangents, derivatives, strict=True)}
    if inputs.bumps:
        plain = partial(smooth, estimator="pathwise")
        derivatives = jax.vmap(partial(_difference, plain))(*_stacked(inputs.bumps))
        found |= {name: _sums(value) for name, value in zip(inputs.bumps, derivatives, strict=True)}
    if static.gamma:
        found["gamma"] = _sums(_gamma(smooth, inputs, static.greek_estimator))
    return found


def _derivative(values: Any, inputs: KernelInputs, along: Any) -> Array:
    """Derivative (outputs, paths) at the inputs along a direction of (params, market)."""
    return jax.jvp(values, (inputs.params, inputs.market), along)[1]


def _difference(values: Any, low: Any, high: Any, width: Array) -> Array:
    """Central difference (outputs, paths) on the same random numbers."""
    ends = [values(*end) for end in (low, high)]
    return (ends[1] - ends[0]) / width.astype(ends[0].dtype)


def _gamma(values: Any, inputs: KernelInputs, estimator: str) -> Array:
    """Second derivative by the spot: a difference of pathwise deltas or of prices, or the derivative of the score."""
    spot, bump = inputs.market.spot, inputs.gamma_bump

    def at(spot: Array) -> Array:
        return values(inputs.params, inputs.market._replace(spot=spot))

    def delta(spot: Array) -> Array:
        return jax.jvp(at, (spot,), (jnp.ones_like(spot),))[1]

    if estimator == "finite difference":
        low, here, high = jax.vmap(at)(spot + bump * jnp.array([-1.0, 0.0, 1.0]))
        return (low - 2 * here + high) / (bump * bump).astype(low.dtype)
    if estimator in ("likelihood ratio", "spot shift"):
        return jax.jvp(delta, (spot,), (jnp.ones_like(spot),))[1]
    low, high = jax.vmap(delta)(spot + bump * jnp.array([-1.0, 1.0]))
    return (high - low) / (2 * bump).astype(low.dtype)


def _antithetic(
    inputs: KernelInputs,
    static: KernelStatic,
    draws: _Draws,
    params: Any,
    market: MarketData,
    controls: tuple[ControlVariate, ...],
    estimator: str,
) -> Array:
    """:func:`present_values`, averaged with those of the mirrored paths where these are asked for."""
    mirrors = (False, True) if static.antithetic else (False,)
    sides = [
        present_values(inputs, static, draws, params, market, controls, estimator, mirror)
        for mirror in mirrors
    ]
    return (sides[0] + sides[1]) / 2 if static.antithetic else sides[0]


def present_values(
    inputs: KernelInputs,
    static: KernelStatic,
    draws: _Draws,
    params: Any,
    market: MarketData,
    controls: tuple[ControlVariate, ...],
    estimator: str,
    mirror: bool,
) -> Array:
    """Present values (1 + controls, paths) of product and controls on the paths of these draws.

    Where the estimator is a likelihood ratio, paths stand still and derivatives act on their density: values are
    multiplied by the ratio of densities, which is one, and one more control is the ratio itself, whose derivative is
    the score.
    """
    cast = partial(_cast, dtype=static.dtype)
    coefficients = static.dynamics.coefficients(params, market, inputs.grid)
    terms = inputs.terms
    discounts = jnp.exp(-market.rate * (inputs.grid[1:] + terms.lag) - terms.discount)
    ends = inputs.bridge.ends
    first = normals(draws.normal[ends] ^ draws.normal_shift[ends], static.dtype)
    segments = segment_increments(inputs.bridge, -first if mirror else first)
    rows = _Row(
        cast(coefficients),
        cast(inputs.schedule),
        cast(discounts),
        cast(terms.carry),
        cast((terms.cash[:-1], terms.cash[1:])),
        cast(inputs.bridge.by_step()),
        draws,
    )
    product = cast(inputs.product)
    model = static.dynamics.initial_state(params, coefficients)
    start = _start(inputs, static, market, product, model, segments, estimator, cast)
    step = partial(
        _step,
        static,
        product,
        segments,
        jnp.asarray(inputs.decay_rate).astype(static.dtype),
        mirror,
        cast(params),
    )
    end, _ = jax.lax.scan(step, start, rows)
    last = static.dynamics.index(cast(params), end.log_asset)
    final = discounts[-1].astype(static.dtype)
    free = end.log_asset if end.free is None else end.free
    if end.free is None:
        paid = product.value(end.product, last, final)
    else:
        paid = product.surviving_value(end.product, last, static.dynamics.index(cast(params), free), final)
    discount = jnp.exp(-market.rate * inputs.grid[-1]).astype(static.dtype)
    others = [product.control(control, end.product, free, discount) for control in controls]
    outputs = jnp.stack([paid, *others])
    if end.score is None:
        return outputs
    ratio = jnp.exp(end.score.log_density - stop_gradient(end.score.log_density))
    return jnp.concatenate([outputs, jnp.ones_like(ratio)[None]]) * ratio


def _draws(bits: Array, shift: Array, steps: int, factors: int) -> _Draws:
    """The block's numbers by step; those after the normals are uniforms."""
    n, paths = steps * factors, bits.shape[1]
    return _Draws(
        bits[:n].reshape(steps, factors, paths),
        shift[:n].reshape(steps, factors, 1),
        (bits[n:], shift[n:, None]) if len(bits) > n else None,
    )


def _start(
    inputs: KernelInputs,
    static: KernelStatic,
    market: MarketData,
    product: Product,
    model: Array,
    segments: Array,
    estimator: str,
    cast: Any,
) -> _Carry:
    """Carry of all paths before the first step."""
    one = jnp.ones(segments.shape[2:], segments.dtype)
    log_spot = jnp.log(jnp.asarray(market.spot))[..., None].astype(one.dtype) * one
    seen = static.dynamics.index(cast(inputs.params), log_spot)
    if static.cash:
        seen = _with_cash(seen, cast(inputs.terms.cash)[0])
    scores: dict[str, Any] = {"likelihood ratio": FixingScore, "spot shift": ShiftScore}
    return _Carry(
        0 * segments[0],
        log_spot,
        model.astype(one.dtype) * one,
        product.start(seen, cast(inputs.constants)),
        scores[estimator].start(log_spot) if estimator in scores else None,
        log_spot if estimator == "one-step survival" else None,
    )


def _step(
    static: KernelStatic,
    product: Product,
    segments: Array,
    decay_rate: Array,
    mirror: bool,
    params: Any,
    carry: _Carry,
    row: _Row,
) -> tuple[_Carry, None]:
    """One step of all paths: bridge, model, score, product."""
    dynamics, (remaining, before, model, state, score, free) = static.dynamics, carry
    z = normals(row.draws.normal ^ row.draws.normal_shift, static.dtype)
    remaining, normal = bridge_step(segments, row.bridge, remaining, -z if mirror else z)
    uniform = None
    if row.draws.uniform is not None:
        uniform = uniforms(row.draws.uniform[0] ^ row.draws.uniform[1], static.dtype)
        uniform = 1 - uniform if mirror else uniform
    normal = dynamics.correlated(params, normal)
    next_model, law = dynamics.step(model, row.coefficients, normal)
    law = law._replace(mean=law.mean + row.carry)
    deviation, survival = jnp.sqrt(law.variance), None
    after = before + law.mean + deviation * normal[0]
    if free is not None:
        free = free + law.mean + deviation * normal[0]
        kept, survival = _kept_alive(product, row, normal[0], before, law, static.cash)
        after = before + law.mean + deviation * kept
    if isinstance(score, FixingScore):
        after = stop_gradient(after)
        if not dynamics.conditionally_gaussian:  # the normal that leads to this asset
            back = (after - before - law.mean) / deviation
            next_model, _ = dynamics.step(model, row.coefficients, jnp.stack([back, *normal[1:]]))
        score = score.step(law, after, row.schedule["fixed"], dynamics.conditionally_gaussian)
    elif isinstance(score, ShiftScore):
        score = score.step(law, normal[0], decay_rate)
        after = stop_gradient(after) + score.remaining * score.shift
    ends, variance = (dynamics.index(params, before), dynamics.index(params, after)), law.bridge_variance
    variance = jnp.broadcast_to(variance, after.shape).mean(axis=tuple(range(after.ndim - 1)))
    if static.cash:
        whole = tuple(_with_cash(x, cash) for x, cash in zip(ends, row.cash, strict=True))
        variance = variance * jnp.exp(ends[0] + ends[1] - whole[0] - whole[1])
        ends = whole[0], whole[1]
    seen = PathStep(*ends, variance, uniform, row.schedule, row.discount, survival)
    return _Carry(remaining, after, next_model, product.observe(state, seen), score, free), None


def _kept_alive(
    product: Product, row: _Row, normal: Array, before: Array, law: ConditionalReturn, cash: bool
) -> tuple[Array, Array]:
    """Normal and probability of a step that survives the fixing at its end, where there is one."""
    levels = product.survival_levels()
    if cash:  # levels are of the asset with the dividends that are still to come: exp(level) - cash
        low, high = (
            level + jnp.log(jnp.maximum(-jnp.expm1(jnp.log(row.cash[1]) - level), 1e-30)) for level in levels
        )
        levels = low, high
    kept, survival = survived(normal, before, law, levels)
    watched = row.schedule["fixed"] > 0
    return jnp.where(watched, kept, normal), jnp.where(watched, survival, jnp.ones_like(survival))


def _with_cash(log_asset: Array, cash: Array) -> Array:
    """Logarithm of the asset with the dividends that are still to come."""
    return log_asset + jnp.log1p(cash * jnp.exp(-log_asset))


def _cast(tree: Any, dtype: Any) -> Any:
    """Numbers in the precision of the paths; indices stay."""
    return jax.tree.map(lambda x: x if x.dtype == jnp.int32 else x.astype(dtype), tree)


def _stacked(by_name: dict[str, Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *by_name.values())


def _sums(outputs: Array) -> Sums:
    wide = outputs.astype(jnp.float64)
    return Sums(wide.sum(axis=1), wide @ wide.T)
