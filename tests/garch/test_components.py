from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from riskengine.errors import SettingsError
from riskengine.garch import GarchParams, filter_variance, simulate, term_structure
from riskengine.garch.common_variance import (
    UniverseParams,
    filter_universe,
    simulate_universe,
    start_universe,
    universe_eta,
    universe_term_structure,
    universe_variance,
)
from riskengine.garch.components import (
    PARKINSON,
    ComponentParams,
    component_log_score,
    component_term_structure,
    component_variance,
    filter_components,
    simulate_components,
    start,
)
from riskengine.garch.innovations import log_density

GJR = GarchParams(
    *(jnp.array(leaf) for leaf in ([2e-6, 1e-6], [0.03, 0.05], [0.08, 0.0], [0.9, 0.93], [6.0, 12.0]))
)
OWN = ComponentParams(
    decay=np.array([[0.0], [0.8], [0.98]]),
    weight=np.array([[0.05], [0.25], [0.3]]),
    leverage_decay=np.array([[0.9]]),
    leverage=np.array([[0.2]]),
    level_decay=0.997,
    level_weight=0.2,
    scale=1.03,
    bound=16.0,
    eta=0.15,
)
UNIVERSE = UniverseParams(OWN, 0.5, 0.8, 0.997, 3.0, 0.993, 10.0, 0.9986)
TAIL_SLOPE = jax.jit(jax.grad(lambda eta, z: log_density(z, eta)))


def returns_of(days=250, assets=3, gaps=True):
    rng = np.random.default_rng(3)
    rows = 0.01 * rng.standard_t(5, (days, assets))
    ranges = (np.abs(rows) + 0.004 * rng.random(rows.shape)) ** 2 / PARKINSON
    if gaps:
        rows[rng.random(rows.shape) < 0.05] = np.nan
        ranges[rng.random(rows.shape) < 0.1] = np.nan
        rows[:50, 1] = np.nan
    return rows, ranges


def plain_loop(p, rows, squares, level):
    """The recursion in scalars: variances and 1/dof of each day, and of the day after the last."""
    own, (days, assets) = p.own, rows.shape
    e = [[level[i]] * 3 for i in range(assets)]
    a, lv, rl = list(level), list(level), list(level)
    fast = slow = 1.0
    s, q = [0.0] * assets, [0.0] * assets
    variances, etas = [], []
    weight, decay = own.weight[:, 0], own.decay[:, 0]

    def bound(x, limit):
        return x / np.sqrt(1 + (x / limit) ** 2)

    for t in range(days + 1):
        ratio = p.loading * (np.log(fast / slow + 0.02) - np.log(1.02))
        h, eta = [], []
        for i in range(assets):
            mixed = sum(weight[k] * e[i][k] for k in range(3)) + own.leverage[0, 0] * a[i]
            h.append(own.scale * (mixed + own.level_weight * lv[i]) * np.exp(ratio + p.scale_gain * s[i]))
            logit = np.log(2 * own.eta / (1 - 2 * own.eta)) + p.tail_gain * q[i]
            eta.append(0.5 / (1 + np.exp(-logit)))
        variances.append(h)
        etas.append(eta)
        if t == days:
            break
        loud = []
        for i in range(assets):
            r = rows[t, i]
            usual = h[i] / own.scale
            n = down = square = usual
            if not np.isnan(r):
                square = bound(r * r, own.bound * lv[i])
                n = square
                if squares is not None and not np.isnan(squares[t, i]):
                    n = bound(squares[t, i] * lv[i] / rl[i], own.bound * lv[i])
                down = 2 * n * (r < 0)
                loud.append(min(n / lv[i], 25.0))
                z2 = r * r / h[i]
                score = ((1 + eta[i]) * z2 / (1 - 2 * eta[i] + eta[i] * z2) - 1) / 2
                s[i] = p.scale_decay * s[i] + (1 - p.scale_decay) * score
                slope = float(TAIL_SLOPE(eta[i], np.sqrt(z2)))
                q[i] = p.tail_decay * q[i] + (1 - p.tail_decay) * np.clip(slope, -20, 20)
            if squares is not None and not np.isnan(squares[t, i]):
                rl[i] = own.level_decay * rl[i] + (1 - own.level_decay) * bound(
                    squares[t, i], own.bound * rl[i]
                )
            e[i] = [decay[k] * e[i][k] + (1 - decay[k]) * n for k in range(3)]
            a[i] = 0.9 * a[i] + 0.1 * down
            lv[i] = own.level_decay * lv[i] + (1 - own.level_decay) * square
        if loud:
            fast = p.fast_decay * fast + (1 - p.fast_decay) * np.mean(loud)
            slow = p.slow_decay * slow + (1 - p.slow_decay) * np.mean(loud)
    return np.array(variances), np.array(etas)


@pytest.mark.parametrize("ranged", [False, True])
def test_the_filter_of_a_universe_is_the_plain_loop(ranged):
    rows, squares = returns_of()
    squares = squares if ranged else None
    level = np.array([1e-4, 2e-4, 0.5e-4])
    variance, eta, last = filter_universe(
        UNIVERSE, jnp.asarray(rows), start_universe(UNIVERSE, jnp.asarray(level)), squares
    )
    expected, etas = plain_loop(UNIVERSE, rows, squares, level)
    np.testing.assert_allclose(variance, expected[:-1], rtol=1e-9)
    np.testing.assert_allclose(eta, etas[:-1], rtol=1e-8)
    np.testing.assert_allclose(universe_variance(UNIVERSE, last), expected[-1], rtol=1e-9)
    np.testing.assert_allclose(universe_eta(UNIVERSE, last), etas[-1], rtol=1e-8)


def test_without_the_extra_terms_it_is_gjr_garch():
    rows, _ = returns_of(assets=2, gaps=False)
    rows[rows > 0.03] = np.nan
    presample = jnp.array([3e-4, 0.5e-4])
    params = ComponentParams.from_gjr(GJR)
    first = start(params, GJR.long_run_variance, GJR.omega + GJR.persistence * presample)
    path, last = filter_components(params, jnp.asarray(rows), first)
    usual = filter_variance(GJR, jnp.asarray(rows), presample)
    np.testing.assert_allclose(path, usual.variance, rtol=1e-10)
    np.testing.assert_allclose(component_variance(params, last), usual.next_variance, rtol=1e-10)
    np.testing.assert_allclose(
        component_term_structure(params, last, 30), term_structure(GJR, usual.next_variance, 30), rtol=1e-10
    )
    plain = UniverseParams(params, 0.0, 0.8, 0.99, 0.0, 0.99, 0.0, 0.99)
    variance, eta, _ = filter_universe(
        plain, jnp.asarray(rows), start_universe(plain, first.level)._replace(own=first)
    )
    np.testing.assert_allclose(variance, usual.variance, rtol=1e-10)
    np.testing.assert_allclose(1 / eta, np.broadcast_to(GJR.dof, eta.shape))


def test_simulation_and_filter_agree_and_a_longer_horizon_returns_to_the_level():
    params = ComponentParams.from_gjr(GJR)
    begin = start(params, GJR.long_run_variance, GJR.long_run_variance)
    found = simulate_components(jax.random.key(1), params, begin, 300)
    path, last = filter_components(params, found.returns, begin)
    np.testing.assert_allclose(path, found.variance, rtol=1e-10)
    np.testing.assert_allclose(last.level, GJR.long_run_variance)
    ahead = component_term_structure(params, last, 3000)
    np.testing.assert_allclose(ahead[-1], GJR.long_run_variance, rtol=1e-6)
    with pytest.raises(SettingsError, match="at least one day"):
        component_term_structure(params, last, 0)
    with pytest.raises(SettingsError, match="at least one day"):
        universe_term_structure(UNIVERSE, start_universe(UNIVERSE, jnp.array([1e-4])), 0)


def test_the_log_score_is_highest_at_the_true_parameters():
    found = simulate(jax.random.key(5), GJR, 20_000)
    scores = []
    for factor in (0.8, 1.0, 1.25):
        params = ComponentParams.from_gjr(
            GJR._replace(beta=GJR.beta - 0.02 * (factor - 1), omega=GJR.omega * factor)
        )
        path, _ = filter_components(
            params, found.returns, start(params, GJR.long_run_variance, found.variance[0])
        )
        scores.append(component_log_score(params, path, found.returns).mean(axis=0))
    assert (scores[1] > np.maximum(scores[0], scores[2])).all()


def test_expected_variances_are_the_mean_of_simulated_ones():
    params = UNIVERSE._replace(
        own=OWN._replace(bound=np.inf, scale=1.0, eta=0.05), loading=0.0, scale_gain=0.0, tail_gain=0.0
    )
    begin = start_universe(params, jnp.full(2, 1e-4), jnp.full(2, 4e-4))
    factor = jnp.linalg.cholesky(jnp.array([[1.0, 0.5], [0.5, 1.0]]))
    run = jax.jit(jax.vmap(lambda key: simulate_universe(key, params, begin, factor, 21)))
    rows, variances = run(jax.random.split(jax.random.key(2), 5000))
    ahead = universe_term_structure(params, begin, 21)
    np.testing.assert_allclose(np.mean(variances, axis=0), ahead, rtol=0.05)
    np.testing.assert_allclose(np.mean(rows**2, axis=0), np.mean(variances, axis=0), rtol=0.06)
    z = np.asarray(rows / np.sqrt(variances)).reshape(-1, 2)
    assert abs(np.corrcoef(z.T)[0, 1] - 0.5) < 0.05


def test_stress_in_the_market_is_stress_everywhere_and_a_bad_print_is_not():
    rows = 0.01 * np.random.default_rng(0).standard_normal((300, 40))
    level = jnp.full(40, 1e-4)

    def tomorrow(changed):
        return np.asarray(
            universe_variance(
                UNIVERSE, filter_universe(UNIVERSE, jnp.asarray(changed), start_universe(UNIVERSE, level))[2]
            )
        )

    calm = tomorrow(rows)
    others = rows.copy()
    others[-3:, 1:] *= 4
    assert tomorrow(others)[0] > 1.3 * calm[0]
    print_ = rows.copy()
    print_[-6, 1:2] = 0.1
    np.testing.assert_allclose(tomorrow(print_)[2:], calm[2:], rtol=0.05)
