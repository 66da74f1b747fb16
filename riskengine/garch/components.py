"""Component GARCH: several time scales of news, leverage and a moving level, of returns or of ranges. Pure JAX.

With one component, one leverage term of the same decay, a level that stands still and news without a bound it is
GJR-GARCH(1,1) (:meth:`ComponentParams.from_gjr`). The additive form is that of Engle and Lee (1999) and of the
heterogeneous autoregression of Corsi (2009), whose averages are exponential here; ranges enter as in Brandt and Jones
(2006).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.garch.forecast import check_horizon
from riskengine.garch.innovations import log_density
from riskengine.garch.params import GarchParams
from riskengine.garch.simulate import student_t

PARKINSON = 4 * np.log(2)
"""Squared log range over variance, in the mean, of a Brownian path (Parkinson 1980)."""


class ComponentParams(NamedTuple):
    """Parameters of a component GARCH; leaves broadcast against ``(assets,)`` in their last axis.

    The variance of the next day is ``scale (sum_k weight_k e_k + sum_m leverage_m a_m + level_weight L)`` with

    - news ``n``: the squared return, or the day's squared range on its scale, bounded smoothly at ``bound`` levels:
      ``n = x / sqrt(1 + (x / (bound L))^2)``
    - components ``e_k' = decay_k e_k + (1 - decay_k) n``
    - leverage terms ``a_m' = leverage_decay_m a_m + (1 - leverage_decay_m) 2 n 1[r < 0]``
    - level ``L' = level_decay L + (1 - level_decay) x``, of squared returns bounded likewise.

    Attributes
    ----------
    decay, weight : (K, 1) or (K, assets)
    leverage_decay, leverage : (M, 1) or (M, assets)
    level_decay, level_weight : one minus the weights, usually
    scale : of the variance, for what the bound takes from the news
    bound : levels; ``inf`` leaves news as they are
    eta : 1/dof of the Student-t innovation
    """

    decay: Any
    weight: Any
    leverage_decay: Any
    leverage: Any
    level_decay: Any
    level_weight: Any
    scale: Any
    bound: Any
    eta: Any

    @classmethod
    def from_gjr(cls, params: GarchParams) -> ComponentParams:
        """The same process as a GJR-GARCH, whose level is its long-run variance and stands still.

        Examples
        --------
        >>> p = ComponentParams.from_gjr(GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.08, 0.9, 8.0))))
        >>> print(jnp.round(jnp.concatenate([p.weight[0], p.leverage[0], p.level_weight]), 3))
        [0.5 0.4 0.1]
        """
        one, beta = jnp.ones_like(params.beta), jnp.asarray(params.beta)
        return cls(
            beta[None],
            (params.alpha / (1 - beta))[None],
            beta[None],
            (params.gamma / 2 / (1 - beta))[None],
            one,
            (1 - params.persistence) / (1 - beta),
            one,
            jnp.inf * one,
            1 / jnp.asarray(params.dof),
        )


class ComponentState(NamedTuple):
    """What a component GARCH carries from day to day, known at the close.

    Attributes
    ----------
    components : (K, assets)
    leverage : (M, assets)
    level : (assets,)
    range_level : (assets,) slow average of the squared ranges over :data:`PARKINSON`, by which they are scaled
    """

    components: Array
    leverage: Array
    level: Array
    range_level: Array


def start(
    params: ComponentParams, level: Array, variance: Array, range_level: Array | None = None
) -> ComponentState:
    """State whose variance is ``variance`` and whose level is ``level``, all ``(assets,)``."""
    rest = jnp.sum(params.weight, axis=0) + jnp.sum(params.leverage, axis=0)
    filled = (variance / params.scale - params.level_weight * level) / jnp.where(rest > 0, rest, 1)
    shape = jnp.broadcast_shapes(jnp.shape(filled), jnp.shape(level))
    filled, level = jnp.broadcast_to(filled, shape), jnp.broadcast_to(level, shape)
    return ComponentState(
        jnp.broadcast_to(filled, (len(params.decay), *shape)),
        jnp.broadcast_to(filled, (len(params.leverage_decay), *shape)),
        level,
        level if range_level is None else jnp.broadcast_to(range_level, shape),
    )


def component_variance(params: ComponentParams, state: ComponentState) -> Array:
    """Variance of the next day ``(assets,)``."""
    return params.scale * (
        jnp.sum(params.weight * state.components, axis=0)
        + jnp.sum(params.leverage * state.leverage, axis=0)
        + params.level_weight * state.level
    )


def bounded(squared: Array, limit: Array) -> Array:
    """News of a day, smooth and increasing, never above ``limit``.

    Examples
    --------
    >>> print(bounded(jnp.array([1.0, 16.0, 400.0]), jnp.array(16.0)).round(2))
    [ 1.   11.31 15.99]
    """
    # By the inverse, so that an infinite limit leaves news as they are in value and slope.
    ratio = squared * (1 / limit)
    return squared / jnp.sqrt(1 + ratio * ratio)


def news(params: ComponentParams, state: ComponentState, row: Array, squared_range: Array | None) -> Array:
    """News of a day ``(assets,)``: of the range where there is one, else of the return; NaN where there is neither.

    Parameters
    ----------
    row : (assets,) returns
    squared_range : (assets,) squared log range over :data:`PARKINSON`, NaN where missing
    """
    limit = params.bound * state.level
    found = bounded(row * row, limit)
    if squared_range is None:
        return found
    scaled = squared_range * state.level / state.range_level
    return jnp.where(jnp.isnan(scaled), found, bounded(scaled, limit))


def component_step(
    params: ComponentParams,
    state: ComponentState,
    row: Array,
    squared_range: Array | None = None,
    expected: Array | None = None,
) -> ComponentState:
    """State after one more day; a day without a return counts as expected.

    Parameters
    ----------
    row : (assets,) returns less their means, NaN where missing
    squared_range : (assets,) squared log range over :data:`PARKINSON`, NaN where missing
    expected : (assets,) variance that was expected of the day, if not that of the state alone
    """
    h = component_variance(params, state) if expected is None else expected
    usual = h / params.scale
    seen = ~jnp.isnan(row)
    n = jnp.where(seen, news(params, state, row, squared_range), usual)
    down = jnp.where(seen, jnp.where(row < 0, 2 * n, 0), usual)
    square = jnp.where(seen, bounded(row * row, params.bound * state.level), usual)
    ranged = state.range_level
    if squared_range is not None:
        new = bounded(squared_range, params.bound * ranged)
        moved = params.level_decay * ranged + (1 - params.level_decay) * new
        ranged = jnp.where(jnp.isnan(squared_range), ranged, moved)
    return ComponentState(
        params.decay * state.components + (1 - params.decay) * n,
        params.leverage_decay * state.leverage + (1 - params.leverage_decay) * down,
        params.level_decay * state.level + (1 - params.level_decay) * square,
        ranged,
    )


def expected_component_step(
    params: ComponentParams, state: ComponentState, variance: Array
) -> ComponentState:
    """State after a day of which the variance ``(assets,)`` is all that is known."""
    missing = jnp.full(jnp.shape(state.level), jnp.nan, jnp.result_type(state.level))
    return component_step(params, state, missing, expected=variance)


def filter_components(
    params: ComponentParams, returns: Array, state: ComponentState, squared_ranges: Array | None = None
) -> tuple[Array, ComponentState]:
    """Variances ``(time, assets)`` of the days, each known the day before, and the state after the last.

    Parameters
    ----------
    returns : (time, assets) less their means, NaN where missing
    state : of the day before the first
    squared_ranges : (time, assets) squared log ranges over :data:`PARKINSON`, NaN where missing

    Examples
    --------
    >>> gjr = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.08, 0.9, 8.0)))
    >>> p = ComponentParams.from_gjr(gjr)
    >>> path, last = filter_components(p, jnp.array([[-0.02], [0.01]]), start(p, gjr.long_run_variance, 2e-4))
    >>> print(component_variance(p, last).shape, path.shape)
    (1,) (2, 1)
    """

    def day(state: ComponentState, rows: tuple[Array, Array | None]) -> tuple[ComponentState, Array]:
        return component_step(params, state, *rows), component_variance(params, state)

    last, path = jax.lax.scan(day, state, (returns, squared_ranges))
    return path, last


def component_term_structure(params: ComponentParams, state: ComponentState, horizon: int) -> Array:
    """Expected variance of each of the next ``horizon`` days, ``(horizon, assets)``, with the level moving along.

    News are taken at what is expected of them, which is exact while no news reach the bound.

    Raises
    ------
    SettingsError
        If ``horizon`` is below one.
    """
    check_horizon(horizon)

    def day(state: ComponentState, _: None) -> tuple[ComponentState, Array]:
        h = component_variance(params, state)
        return expected_component_step(params, state, h), h

    return jax.lax.scan(day, state, None, length=horizon)[1]


def component_log_score(params: ComponentParams, variances: Array, returns: Array) -> Array:
    """Log-density of each day's return ``(time, assets)``, zero where there is none."""
    seen = ~jnp.isnan(returns)
    z = jnp.where(seen, returns, 0) / jnp.sqrt(variances)
    return jnp.where(seen, log_density(z, params.eta) - jnp.log(variances) / 2, 0)


class SimulatedComponents(NamedTuple):
    """Returns and variances ``(time, assets)``, and the state after the last day."""

    returns: Array
    variance: Array
    state: ComponentState


def simulate_components(
    key: Array, params: ComponentParams, state: ComponentState, days: int
) -> SimulatedComponents:
    """Returns from a state on, ``(days, assets)``; news are of the returns.

    Examples
    --------
    >>> gjr = GarchParams(*(jnp.array([x]) for x in (2e-6, 0.05, 0.08, 0.9, 8.0)))
    >>> p = ComponentParams.from_gjr(gjr)
    >>> found = simulate_components(jax.random.key(0), p, start(p, gjr.long_run_variance, gjr.long_run_variance), 20)
    >>> found.returns.shape, found.variance.shape
    ((20, 1), (20, 1))
    """

    def day(state: ComponentState, key: Array) -> tuple[ComponentState, tuple[Array, Array]]:
        h = component_variance(params, state)
        row = jnp.sqrt(h) * student_t(key, jnp.broadcast_to(params.eta, h.shape), h.shape)
        return component_step(params, state, row), (row, h)

    last, (returns, variance) = jax.lax.scan(day, state, jax.random.split(key, days))
    return SimulatedComponents(returns, variance, last)
