"""Days of intraday paths: open, high, low and close with the joint law that they have. Pure JAX.

A day is a jump overnight and a random walk of many steps within the session, whose variance has a profile over the day
and moves by itself. A walk that is looked at ``n`` times has a smaller range than the Brownian path it stands for
(Garman and Klass 1980; Rogers and Satchell 1991), as prices of a real day do.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.garch.components import (
    PARKINSON,
    ComponentParams,
    ComponentState,
    component_step,
    component_variance,
)
from riskengine.garch.simulate import student_factor


class Session(NamedTuple):
    """What happens within a day.

    Attributes
    ----------
    overnight : share of the day's variance that comes before the open
    smile : variance at open and close over that at noon, less one; the profile is a parabola
    roughness : standard deviation of the log variance of a step about the profile
    memory : correlation of that from step to step
    tick : smallest change of a price; zero for none
    spread : between bid and ask, of the price; a trade is at either
    """

    overnight: float = 0.2
    smile: float = 1.0
    roughness: float = 0.5
    memory: float = 0.9
    tick: float = 0.0
    spread: float = 0.0


class Noise(NamedTuple):
    """Draws of a day, apart from what is made of them.

    Attributes
    ----------
    overnight : (assets,) standard normal
    steps : (steps, assets) standard normal, of the walk
    rough : (steps + 1, assets) standard normal, of its variance; the first is where it begins
    factor : (assets,) by which the whole day is louder, of unit mean square
    side : (steps + 1, assets) minus or plus one: at the bid, or at the ask
    """

    overnight: Array
    steps: Array
    rough: Array
    factor: Array
    side: Array


class DayBars(NamedTuple):
    """Prices of a day ``(assets,)``, or of many ``(days, assets)``."""

    open: Array
    high: Array
    low: Array
    close: Array


def draw_noise(key: Array, eta: Array, steps: int) -> Noise:
    """Draws of a day for assets with Student-t returns of ``eta = 1/dof`` ``(assets,)``."""
    keys = jax.random.split(key, 5)
    shape, dtype = eta.shape, eta.dtype
    return Noise(
        jax.random.normal(keys[0], shape, dtype),
        jax.random.normal(keys[1], (steps, *shape), dtype),
        jax.random.normal(keys[2], (steps + 1, *shape), dtype),
        student_factor(keys[3], eta, shape),
        jax.random.rademacher(keys[4], (steps + 1, *shape), dtype),
    )


def profile(session: Session, steps: int) -> np.ndarray:
    """Variances of the steps ``(steps,)`` over their mean.

    Examples
    --------
    >>> print(profile(Session(smile=1.0), 5).round(2))
    [1.24 0.88 0.76 0.88 1.24]
    """
    place = (np.arange(steps) + 0.5) / steps
    curve = 1 + session.smile * (2 * place - 1) ** 2
    return curve / curve.mean()


def day_path(noise: Noise, variance: Array, session: Session) -> Array:
    """Log prices ``(steps + 1, assets)`` from the open on, above the close of the day before.

    Parameters
    ----------
    noise : of the day
    variance : (assets,) of its return
    session : see there
    """
    spread = math.sqrt(1 - session.memory**2)

    def later(rough: Array, draw: Array) -> tuple[Array, Array]:
        rough = session.memory * rough + spread * draw
        return rough, rough

    rough = jax.lax.scan(later, noise.rough[0], noise.rough[1:])[1]
    steps = len(noise.steps)
    # The mean of a lognormal is one at a log mean of minus half its variance.
    moving = jnp.exp(session.roughness * rough - session.roughness**2 / 2)
    share = (1 - session.overnight) / steps * profile(session, steps)[:, None]
    within = jnp.asarray(share, moving.dtype) * moving
    jump = math.sqrt(session.overnight) * noise.overnight
    walk = jnp.cumsum(jnp.sqrt(within) * noise.steps, axis=0)
    unit = jnp.concatenate([jump[None], jump + walk])
    return jnp.sqrt(variance) * noise.factor * unit


def bars(path: Array, noise: Noise, price: Array, session: Session) -> DayBars:
    """What is seen of a path: trades at bid and ask, on a grid of ticks.

    Parameters
    ----------
    path : (steps + 1, assets) log prices above the close before
    noise : of the day
    price : (assets,) at that close
    session : see there
    """
    traded = price * jnp.exp(path) * (1 + session.spread / 2 * noise.side)
    if session.tick:
        traded = jnp.maximum(jnp.round(traded / session.tick), 1) * session.tick
    return DayBars(traded[0], traded.max(axis=0), traded.min(axis=0), traded[-1])


class SimulatedBars(NamedTuple):
    """DayBars and conditional variances ``(days, assets)``, and the state after the last day."""

    bars: DayBars
    variance: Array
    state: ComponentState


def simulate_bars(
    key: Array,
    params: ComponentParams,
    state: ComponentState,
    price: Array,
    session: Session,
    days: int,
    steps: int = 64,
) -> SimulatedBars:
    """Days of a component GARCH whose news are the ranges of its own intraday paths.

    The process goes by the path; spread and ticks are what is seen of it.

    Parameters
    ----------
    key : of the draws
    params, state : of the process; its range level is put at what its level and session say of ranges
    price : (assets,) at the close before
    session : see there
    days, steps : days, and steps within a day

    Examples
    --------
    >>> own = ComponentParams(*(jnp.array([[x]]) for x in (0.9, 0.3, 0.9, 0.2)), 1.0, 0.5, 1.0, 30.0, jnp.array([0.15]))
    >>> begin = ComponentState(*(jnp.full(shape, 1e-4) for shape in ((1, 1), (1, 1), (1,), (1,))))
    >>> made = simulate_bars(jax.random.key(0), own, begin, jnp.array([50.0]), Session(tick=0.01), 10)
    >>> made.bars.close.shape, bool((made.bars.low <= made.bars.open).all())
    ((10, 1), True)
    """
    shape = state.level.shape

    def day(
        carry: tuple[ComponentState, Array], key: Array
    ) -> tuple[tuple[ComponentState, Array], tuple[DayBars, Array]]:
        state, price = carry
        variance = component_variance(params, state)
        noise = draw_noise(key, jnp.broadcast_to(jnp.asarray(params.eta), shape), steps)
        path = day_path(noise, variance, session)
        squared = (path.max(axis=0) - path.min(axis=0)) ** 2 / PARKINSON
        moved = component_step(params, state, path[-1], squared)
        return (moved, price * jnp.exp(path[-1])), (bars(path, noise, price, session), variance)

    start = state._replace(range_level=state.level * (1 - session.overnight))
    (last, _), (seen, variance) = jax.lax.scan(day, (start, price), jax.random.split(key, days))
    return SimulatedBars(seen, variance, last)
