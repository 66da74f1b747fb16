"""Intraday days against a plain loop, and against what Parkinson, Spitzer, Rogers and Satchell say of ranges."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine.garch.components import PARKINSON, ComponentParams, ComponentState
from riskengine.garch.intraday import DayBars, Noise, Session, bars, day_path, profile, simulate_bars

STEPS, DAYS = 64, 40_000
PLAIN = Session(overnight=0.0, smile=0.0, roughness=0.0)


def noise(days, seed=0, dof=None):
    """Draws of as many days as assets."""
    rng = np.random.default_rng(seed)
    factor = np.ones(days) if dof is None else np.sqrt((dof - 2) / rng.chisquare(dof, days))
    side = rng.choice([-1.0, 1.0], (STEPS + 1, days))
    drawn = (rng.standard_normal(shape) for shape in ((days,), (STEPS, days), (STEPS + 1, days)))
    return Noise(*(jnp.asarray(leaf) for leaf in (*drawn, factor, side)))


def paths(drawn, variance, session):
    """In one program."""
    return np.asarray(jax.jit(lambda leaves, v: day_path(leaves, v, session))(drawn, jnp.asarray(variance)))


def by_hand(drawn, variance, price, session):
    """One asset's day, a step after the other."""
    curve = [1 + session.smile * (2 * (j + 0.5) / STEPS - 1) ** 2 for j in range(STEPS)]
    log = np.sqrt(variance * session.overnight) * drawn.factor * drawn.overnight
    rough, seen = drawn.rough[0], []
    for j in range(STEPS + 1):
        trade = price * np.exp(log) * (1 + session.spread / 2 * drawn.side[j])
        if session.tick:
            trade = max(round(trade / session.tick), 1) * session.tick
        seen.append(trade)
        if j < STEPS:
            rough = session.memory * rough + np.sqrt(1 - session.memory**2) * drawn.rough[j + 1]
            share = curve[j] / sum(curve) * np.exp(session.roughness * rough - session.roughness**2 / 2)
            log += np.sqrt(variance * (1 - session.overnight) * share) * drawn.factor * drawn.steps[j]
    return seen[0], max(seen), min(seen), seen[-1]


@pytest.mark.parametrize("session", [PLAIN, Session(0.3, 2.0, 0.6, 0.8, 0.05, 0.002)])
def test_bars_are_those_of_a_plain_loop(session):
    drawn, variance, price = noise(5, dof=5.0), np.linspace(1e-4, 9e-4, 5), np.array([0.3, 2, 10, 50, 400])
    whole = jax.jit(lambda leaves, v, p: bars(day_path(leaves, v, session), leaves, p, session))
    found = whole(drawn, variance, price)
    for asset in range(5):
        one = jax.tree.map(lambda leaf, k=asset: np.asarray(leaf)[..., k], drawn)
        expected = by_hand(one, variance[asset], price[asset], session)
        np.testing.assert_allclose([float(leaf[asset]) for leaf in found], expected, rtol=1e-12)


@pytest.fixture(scope="module")
def walks():
    """Paths of many plain days of unit variance, ``(steps + 1, days)``."""
    return paths(noise(DAYS), np.ones(DAYS), PLAIN)


def test_the_range_of_a_walk_is_that_of_spitzer_and_short_of_parkinson(walks):
    """Spitzer (1956): the mean maximum of a walk is the sum of its mean positive parts over their numbers."""
    found = walks.max(axis=0) - walks.min(axis=0)
    exact = np.sqrt(2 / (np.pi * STEPS)) * np.sum(np.arange(1, STEPS + 1) ** -0.5)
    assert found.mean() == pytest.approx(exact, abs=4 * found.std() / np.sqrt(DAYS))
    brownian = np.sqrt(8 / np.pi)
    # What is lost between two looks: .5826 step deviations on either side (Chernoff 1965; Siegmund 1985).
    assert exact == pytest.approx(brownian - 2 * 0.5826 / np.sqrt(STEPS), rel=5e-3)
    square = found**2
    assert 0.82 < square.mean() / PARKINSON < 0.88
    lost = 2 * 0.5826 / np.sqrt(STEPS)
    assert np.mean((found + lost) ** 2) == pytest.approx(PARKINSON, rel=0.01)


def test_rogers_and_satchell_see_no_drift(walks):
    """Their estimator is the variance whatever the drift, where Parkinson's is not; both short for the looks."""
    drift = 0.5 * np.arange(STEPS + 1)[:, None] / STEPS

    def both(path):
        high, low, close = path.max(axis=0), path.min(axis=0), path[-1]
        return np.mean(high * (high - close) + low * (low - close)), np.mean((high - low) ** 2) / PARKINSON

    (flat, range_flat), (steep, range_steep) = both(walks), both(walks + drift)
    assert steep == pytest.approx(flat, rel=0.03)
    assert range_steep > 1.07 * range_flat
    assert 0.7 < flat < 0.9


def test_variance_is_what_was_asked_and_comes_overnight_as_said():
    session = Session(overnight=0.3, smile=1.5, roughness=0.6)
    path = paths(noise(DAYS, 1, dof=8.0), np.full(DAYS, 4e-4), session)
    assert np.mean(path[-1] ** 2) == pytest.approx(4e-4, rel=0.04)
    assert np.mean(path[0] ** 2) == pytest.approx(1.2e-4, rel=0.04)
    assert np.mean((path[-1] - path[0]) * path[0]) == pytest.approx(0, abs=4e-6)
    within = np.diff(path, axis=0)
    shares = (within**2).mean(axis=1) / (within**2).mean()
    np.testing.assert_allclose(shares, profile(session, STEPS), rtol=0.1)
    assert (
        np.mean(path[-1] ** 4) / np.mean(path[-1] ** 2) ** 2 > 3.6
    )  # fat tails, of days that are loud as wholes


def test_days_of_a_process_are_bars_and_their_level_of_ranges_is_that_of_sessions():
    news = (jnp.array([[x]]) for x in (0.9, 0.35, 0.9, 0.25))
    params = ComponentParams(*news, 0.997, 0.4, 1.0, 30.0, jnp.full(4, 0.12))
    level = jnp.full(4, 1e-4)
    begin = ComponentState(level[None], level[None], level, level)
    session = Session(tick=0.01, spread=0.0005)
    run = jax.jit(lambda key: simulate_bars(key, params, begin, jnp.full(4, 50.0), session, 500))
    made = run(jax.random.key(3))
    seen = DayBars(*(np.asarray(leaf) for leaf in made.bars))
    assert (seen.low <= np.minimum(seen.open, seen.close)).all()
    assert (seen.high >= np.maximum(seen.open, seen.close)).all()
    np.testing.assert_allclose(np.stack(seen) / 0.01, np.round(np.stack(seen) / 0.01), atol=1e-6)
    returns = np.log(seen.close[1:] / seen.close[:-1])
    assert np.mean(returns**2) == pytest.approx(np.mean(np.asarray(made.variance)), rel=0.4)
    ratio = np.asarray(made.state.range_level / made.state.level)
    assert ((ratio > 0.5) & (ratio < 1.2)).all()
    loud = np.corrcoef(
        np.log(np.log(seen.high / seen.low))[1:].ravel(), np.log(np.asarray(made.variance))[1:].ravel()
    )[0, 1]
    assert loud > 0.15
