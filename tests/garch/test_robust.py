"""The filter of two hypotheses against a plain loop, and what it promises about outliers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from riskengine.garch import GarchParams, filter_variance, simulate
from riskengine.garch.likelihood import log_likelihood
from riskengine.garch.robust import REACH

PARAMS = GarchParams(
    *(np.array([x, y]) for x, y in ((2e-6, 4e-6), (0.03, 0.08), (0.1, 0.0), (0.9, 0.85), (5.0, 9.0)))
)
ODDS = np.array([0.01, 0.003])


def series(days: int = 300) -> np.ndarray:
    params = GarchParams(*map(jnp.asarray, PARAMS))
    return np.array(simulate(jax.random.key(3), params, days=days).returns)


def loop(p: GarchParams, returns: np.ndarray, before: float, odds: float) -> list[float]:
    """Expected variances, by lists of (log weight, variance)."""
    held = [(0.0, p.omega + p.persistence * before)]
    path = []
    for r in returns:
        weights = np.exp([w for w, _ in held])
        path.append(float(weights @ [v for _, v in held] / weights.sum()))
        children = []
        for w, v in held:
            quiet = p.omega + p.persistence * v
            if np.isnan(r):
                children.append((w, quiet))
                continue
            density = (
                stats.t.logpdf(r / np.sqrt(v * (p.dof - 2) / p.dof), p.dof)
                - np.log(v * (p.dof - 2) / p.dof) / 2
            )
            news = p.omega + (p.alpha + (p.gamma if r < 0 else 0)) * r * r + p.beta * v
            flat = np.log(odds / (2 * REACH * np.sqrt(p.long_run_variance)))
            children += [(w + density + np.log(1 - odds), news), (w + flat, quiet)]
        held = sorted(children, reverse=True)[:2]
        if len(held) == 2 and abs(np.log(held[1][1] / held[0][1])) < 0.05:
            (a, x), (b, y) = held
            held = [(np.logaddexp(a, b), (np.exp(a) * x + np.exp(b) * y) / (np.exp(a) + np.exp(b)))]
        total = np.logaddexp.reduce([w for w, _ in held])
        held = [(w - total, v) for w, v in held]
    weights = np.exp([w for w, _ in held])
    return [*path, float(weights @ [v for _, v in held] / weights.sum())]


def test_the_filter_is_that_of_a_plain_loop():
    returns = series()
    returns[50] *= 15  # a bad print, and a run of real news
    returns[120:124] *= 6
    returns[200] = np.nan
    before = np.array([1e-4, 6e-5])
    found = filter_variance(PARAMS, jnp.asarray(returns), jnp.asarray(before), jnp.asarray(ODDS))
    whole = np.vstack([found.variance, found.next_variance])
    for k in range(2):
        one = jax.tree.map(lambda leaf, k=k: float(leaf[k]), PARAMS)
        np.testing.assert_allclose(whole[:, k], loop(one, returns[:, k], before[k], ODDS[k]), rtol=1e-7)


def test_an_outlier_hardly_moves_tomorrow_and_a_run_of_them_does():
    returns, odds = series(), np.array([0.01, 0.01])

    def last(x, kappa):
        return np.asarray(filter_variance(PARAMS, jnp.asarray(x), None, kappa).next_variance)

    hit, run = returns.copy(), returns.copy()
    sigma = np.sqrt(PARAMS.long_run_variance)
    hit[-1] = 12 * sigma
    run[-10:] = -6 * sigma
    calm = last(returns, odds)
    assert (last(hit, odds) < 1.5 * calm).all()
    assert (last(hit, None) > 4 * calm).all()
    assert (last(run, odds) > 0.5 * last(run, None)).all()
    assert (last(run, odds) > 4 * calm).all()


def test_no_contamination_is_the_usual_filter_and_the_likelihood_ends_at_the_same_variance():
    returns = jnp.asarray(series())
    plain = filter_variance(PARAMS, returns)
    none = filter_variance(PARAMS, returns, None, jnp.zeros(2))
    np.testing.assert_allclose(none.variance, plain.variance, rtol=1e-12)
    doubtful = filter_variance(PARAMS, returns, None, jnp.asarray(ODDS))
    from riskengine.garch.variance import backcast

    _, tomorrow = log_likelihood(PARAMS, returns, backcast(returns), jnp.asarray(ODDS))
    np.testing.assert_allclose(tomorrow, doubtful.next_variance, rtol=1e-12)
