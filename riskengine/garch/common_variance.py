"""Component GARCH of a universe: each asset's own state, and the common variance of all. Pure JAX.

The variance of an asset is its component variance (:mod:`riskengine.garch.components`) times a power of the universe's
variance ratio, the fast over the slow average of all assets' news over their levels, times what the asset's own past
scores say of its scale. A common factor in volatilities is what Herskovic, Kelly, Lustig and Van Nieuwerburgh (2016)
find in stocks; scores that move a scale are those of Creal, Koopman and Lucas (2013) and Harvey (2013).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from riskengine.garch.components import (
    ComponentParams,
    ComponentState,
    component_step,
    component_variance,
    news,
    start,
)
from riskengine.garch.forecast import check_horizon
from riskengine.garch.innovations import log_density
from riskengine.garch.recursion import over_days
from riskengine.garch.simulate import student_factor

TINY = 1e-18  # variance per day that a level may not fall below: a price that stands still
_LOUDEST = 25.0  # news over level that one asset may bring into the universe's mean
_FLOOR = 0.02  # of the ratio, which keeps its logarithm finite on a day without any news
_STEEPEST = 20.0  # of a tail score
_LIGHTEST, _HEAVIEST = (
    -12.0,
    3.0,
)  # logit of 2 eta: from normal to 2.1 degrees of freedom, whatever the scores say


class UniverseParams(NamedTuple):
    """Parameters that all assets of a universe share; a pytree of numbers, and of vectors ``(K, 1)``.

    Attributes
    ----------
    own : component GARCH; ``eta`` is that of an asset whose tail scores are zero
    loading : power of the universe's ratio in each variance; zero knows no universe
    fast_decay, slow_decay : of the ratio's two averages
    scale_gain, scale_decay : logarithm of the scale a unit of the average scale score, and the decay of that average
    tail_gain, tail_decay : the same for the logit of ``2 eta`` and the tail score
    """

    own: ComponentParams
    loading: Any
    fast_decay: Any
    slow_decay: Any
    scale_gain: Any
    scale_decay: Any
    tail_gain: Any
    tail_decay: Any


class UniverseState(NamedTuple):
    """What a universe carries from day to day, known at the close.

    Attributes
    ----------
    own : component states
    fast, slow : () averages of the universe's mean news over levels
    scale_score, tail_score : (assets,) averages of each asset's scores in the logarithm of its variance and in ``eta``
    """

    own: ComponentState
    fast: Array
    slow: Array
    scale_score: Array
    tail_score: Array


def start_universe(
    params: UniverseParams, level: Array, variance: Array | None = None, range_level: Array | None = None
) -> UniverseState:
    """State of a universe at its levels ``(assets,)``, with a ratio of one and scores of zero."""
    variance = params.own.scale * level if variance is None else variance
    own = start(params.own, level, variance, range_level)
    zero, one = jnp.zeros_like(own.level), jnp.ones((), own.level.dtype)
    return UniverseState(own, one, one, zero, zero)


def with_variance(params: UniverseParams, state: UniverseState, variance: Array) -> UniverseState:
    """The state whose next variances are ``(assets,)`` given ones: news and leverage are louder, the level stays.

    A variance below twice what the level alone brings lowers the level too.

    Examples
    --------
    >>> own = ComponentParams(*(jnp.array([[x]]) for x in (0.9, 0.5, 0.8, 0.4)), 0.99, 0.1, 1.0, 16.0, 0.1)
    >>> params = UniverseParams(own, 0.5, 0.8, 0.99, 2.0, 0.99, 5.0, 0.99)
    >>> loud = with_variance(params, start_universe(params, jnp.array([1e-4, 1e-4])), jnp.array([9e-4, 1e-6]))
    >>> print((1e4 * universe_variance(params, loud)).round(3))
    [9.   0.01]
    """
    own = state.own
    target = variance / jnp.exp(log_ratio(params, state) + params.scale_gain * state.scale_score)
    target = target / params.own.scale
    level = jnp.minimum(own.level, target / (2 * jnp.maximum(params.own.level_weight, TINY)))
    rest = target - params.own.level_weight * level
    today = component_variance(params.own, own._replace(level=jnp.zeros_like(level))) / params.own.scale
    louder = rest / jnp.maximum(today, TINY)
    return state._replace(
        own=own._replace(components=louder * own.components, leverage=louder * own.leverage, level=level)
    )


def log_ratio(params: UniverseParams, state: UniverseState) -> Array:
    """Logarithm of the factor ``()`` by which the universe moves the variances of the next day."""
    return params.loading * (jnp.log(state.fast / state.slow + _FLOOR) - jnp.log1p(_FLOOR))


def universe_variance(params: UniverseParams, state: UniverseState) -> Array:
    """Variance of the next day ``(assets,)``."""
    own = jnp.maximum(component_variance(params.own, state.own), TINY)
    return own * jnp.exp(log_ratio(params, state) + params.scale_gain * state.scale_score)


def universe_eta(params: UniverseParams, state: UniverseState) -> Array:
    """1/dof of each asset ``(assets,)``, from the universe's and its own tail scores."""
    pooled = jax.scipy.special.logit(2 * params.own.eta)
    return jax.nn.sigmoid(jnp.clip(pooled + params.tail_gain * state.tail_score, _LIGHTEST, _HEAVIEST)) / 2


def universe_step(
    params: UniverseParams, state: UniverseState, row: Array, squared_range: Array | None = None
) -> UniverseState:
    """State after one more day ``(assets,)``; what has no return counts as expected, and says nothing to the universe.

    Parameters
    ----------
    row : (assets,) returns less their means, NaN where missing
    squared_range : (assets,) squared log range over :data:`~riskengine.garch.components.PARKINSON`, NaN where missing
    """
    variance, eta = universe_variance(params, state), universe_eta(params, state)
    seen = ~jnp.isnan(row)
    relative = jnp.minimum(news(params.own, state.own, row, squared_range) / state.own.level, _LOUDEST)
    count = jnp.sum(seen).astype(relative.dtype)
    mean = jnp.sum(jnp.where(seen, relative, 0)) / jnp.maximum(count, 1)
    z = jnp.where(seen, row, 0) / jnp.sqrt(variance)
    eta = jnp.broadcast_to(eta, z.shape)
    scale = ((1 + eta) * z * z / (1 - 2 * eta + eta * z * z) - 1) / 2
    tail = jnp.clip(tail_slope(z, eta), -_STEEPEST, _STEEPEST)
    own = component_step(params.own, state.own, row, squared_range, variance)

    def faded(old: Array, new: Array, decay: Array, when: Array) -> Array:
        return jnp.where(when, decay * old + (1 - decay) * new, old)

    return UniverseState(
        own._replace(level=jnp.maximum(own.level, TINY), range_level=jnp.maximum(own.range_level, TINY)),
        faded(state.fast, mean, params.fast_decay, count > 0),
        faded(state.slow, mean, params.slow_decay, count > 0),
        faded(state.scale_score, scale, params.scale_decay, seen),
        faded(state.tail_score, tail, params.tail_decay, seen),
    )


def tail_slope(z: Array, eta: Array) -> Array:
    """Derivative of the log-density in ``eta``, elementwise."""
    return jax.jvp(lambda e: log_density(z, e), (eta,), (jnp.ones_like(eta),))[1]


def filter_universe(
    params: UniverseParams, returns: Array, state: UniverseState, squared_ranges: Array | None = None
) -> tuple[Array, Array, UniverseState]:
    """Variances and 1/dof of the days ``(time, assets)``, each known the day before, and the state after the last.

    Parameters
    ----------
    returns : (time, assets) less their means, NaN where missing
    state : of the day before the first
    squared_ranges : (time, assets) squared log ranges over :data:`~riskengine.garch.components.PARKINSON`
    """

    def day(
        state: UniverseState, rows: tuple[Array, Array | None]
    ) -> tuple[UniverseState, tuple[Array, Array]]:
        eta = jnp.broadcast_to(universe_eta(params, state), state.own.level.shape)
        return universe_step(params, state, *rows), (universe_variance(params, state), eta)

    last, (variance, eta) = over_days(day, state, (returns, squared_ranges))
    return variance, eta, last


def universe_term_structure(params: UniverseParams, state: UniverseState, horizon: int) -> Array:
    """Expected variance of each of the next ``horizon`` days, ``(horizon, assets)``.

    News are taken at what is expected of them: the level moves along, the universe's ratio returns to one with its
    averages, and the scores fade.

    Raises
    ------
    SettingsError
        If ``horizon`` is below one.
    """
    check_horizon(horizon)
    missing = jnp.full_like(state.own.level, jnp.nan)

    def day(state: UniverseState, _: None) -> tuple[UniverseState, Array]:
        h = universe_variance(params, state)
        mean = jnp.mean(jnp.minimum(h / params.own.scale / state.own.level, _LOUDEST))
        later = UniverseState(
            component_step(params.own, state.own, missing, expected=h),
            params.fast_decay * state.fast + (1 - params.fast_decay) * mean,
            params.slow_decay * state.slow + (1 - params.slow_decay) * mean,
            params.scale_decay * state.scale_score,
            params.tail_decay * state.tail_score,
        )
        return later, h

    return jax.lax.scan(day, state, None, length=horizon)[1]


def simulate_universe(
    key: Array, params: UniverseParams, state: UniverseState, factor: Array, days: int
) -> tuple[Array, Array]:
    """Returns and variances ``(days, assets)`` from a state on, with correlated innovations and a common variance.

    The innovations of a day are Gaussian of the correlation ``factor factor'``, each over the root of a chi-square of
    its own, which makes it a Student-t. News are of the returns.

    Parameters
    ----------
    factor : (assets, assets) lower Cholesky factor of a correlation matrix
    """
    shape = state.own.level.shape

    def day(state: UniverseState, key: Array) -> tuple[UniverseState, tuple[Array, Array]]:
        h, eta = universe_variance(params, state), jnp.broadcast_to(universe_eta(params, state), shape)
        normal, mixing = jax.random.split(key)
        gaussian = factor @ jax.random.normal(normal, shape, h.dtype)
        row = jnp.sqrt(h) * gaussian * student_factor(mixing, eta, shape)
        return universe_step(params, state, row), (row, h)

    return jax.lax.scan(day, state, jax.random.split(key, days))[1]
