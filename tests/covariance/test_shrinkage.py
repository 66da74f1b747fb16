from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskengine.covariance import Covariance
from riskengine.covariance.dcc import _pair_loss
from riskengine.covariance.moments import pairwise_moments, to_correlation
from riskengine.covariance.shrinkage import linear_shrinkage, quadratic_inverse
from riskengine.errors import DataError, SettingsError


def ledoit_wolf_by_hand(x):
    """The paper's formulas day by day (Ledoit and Wolf 2004, section 3.3)."""
    x = x - x.mean(axis=0)
    n, p = x.shape
    sample = x.T @ x / n
    level = np.trace(sample) / p
    d2 = np.linalg.norm(sample - level * np.eye(p)) ** 2 / p
    b2 = sum(np.linalg.norm(np.outer(row, row) - sample) ** 2 / p for row in x) / n**2
    b2 = min(b2, d2)
    return b2 / d2 * level * np.eye(p) + (d2 - b2) / d2 * sample


def quadratic_inverse_by_hand(sample, n):
    """Ledoit and Wolf (2022) with plain loops over eigenvalues."""
    p = len(sample)
    c = p / n
    lam, u = np.linalg.eigh(sample)
    h = min(c**2, 1 / c**2) ** 0.35 / p**0.35
    kept = lam[max(0, p - n) :]
    shrunk = []
    for li in kept:
        theta = np.mean(
            [(1 / lj) * (1 / lj - 1 / li) / ((1 / lj - 1 / li) ** 2 + (h / lj) ** 2) for lj in kept]
        )
        hilbert = np.mean([(1 / lj) * (h / lj) / ((1 / lj - 1 / li) ** 2 + (h / lj) ** 2) for lj in kept])
        a2 = theta**2 + hilbert**2
        if p <= n:
            shrunk.append(1 / ((1 - c) ** 2 / li + 2 * c * (1 - c) / li * theta + c**2 / li * a2))
        else:
            shrunk.append(li / a2)
    if p > n:
        shrunk = [1 / ((c - 1) * np.mean(1 / kept))] * (p - n) + shrunk
    shrunk = np.array(shrunk) * lam.sum() / np.sum(shrunk)
    return (u * shrunk) @ u.T


@pytest.mark.parametrize(("n", "p"), [(40, 10), (30, 25), (200, 5)])
def test_linear_shrinkage_is_the_papers(n, p):
    x = np.random.default_rng(n).standard_normal((n, p)) * np.linspace(0.5, 2, p)
    np.testing.assert_allclose(linear_shrinkage(x), ledoit_wolf_by_hand(x), rtol=1e-10)


@pytest.mark.parametrize(("n", "p"), [(60, 20), (25, 20), (200, 50)])
def test_quadratic_inverse_is_the_papers(n, p):
    x = np.random.default_rng(n).standard_normal((n, p)) * np.linspace(0.5, 2, p)
    moments = pairwise_moments(x)
    expected = quadratic_inverse_by_hand(moments.matrix, moments.days)
    np.testing.assert_allclose(quadratic_inverse(moments), expected, rtol=1e-8, atol=1e-12)


def test_quadratic_inverse_beats_the_sample_where_assets_are_many():
    rng = np.random.default_rng(1)
    truth = np.diag(np.linspace(0.2, 5, 100))
    for days in (80, 150):
        x = rng.standard_normal((days, 100)) @ np.sqrt(truth)
        moments = pairwise_moments(x)
        shrunk = quadratic_inverse(moments)
        assert np.linalg.eigvalsh(shrunk).min() > 0
        assert np.linalg.norm(shrunk - truth) < 0.7 * np.linalg.norm(moments.matrix - truth)
        np.testing.assert_allclose(np.trace(shrunk), np.trace(moments.matrix))


def test_moments_without_gaps_are_numpys():
    x = np.random.default_rng(0).standard_normal((50, 4))
    np.testing.assert_allclose(pairwise_moments(x).matrix, np.cov(x.T))


@given(st.integers(0, 500))
def test_moments_with_gaps_are_positive_and_near_the_pairwise(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((80, 5))
    x[rng.uniform(size=x.shape) < 0.1] = np.nan
    matrix, days = pairwise_moments(x, centred=False)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    assert 50 < days < 80
    both = ~np.isnan(x[:, 0] * x[:, 1])
    np.testing.assert_allclose(matrix[0, 1], np.mean(x[both, 0] * x[both, 1]), atol=0.05)


def test_pairs_that_never_met_are_named():
    x = np.full((10, 2), np.nan)
    x[:5, 0], x[5:, 1] = 1.0, 1.0
    with pytest.raises(DataError, match="assets 0 and 1 share 0"):
        pairwise_moments(x)


def test_correlation_of_an_asset_without_variance_is_zero():
    correlation = to_correlation(np.diag([1.0, 0.0]))
    np.testing.assert_array_equal(correlation, np.eye(2))


def test_dense_covariances_are_checked():
    for bad in (
        np.ones((2, 3)),
        np.array([[1.0, np.nan], [np.nan, 1.0]]),
        np.array([[1.0, 0.5], [0.0, 1.0]]),
    ):
        with pytest.raises(DataError):
            Covariance.dense(bad)
    clipped = Covariance.dense(np.array([[1.0, 2.0], [2.0, 1.0]]))
    assert np.linalg.eigvalsh(clipped.matrix()).min() > -1e-12


def test_pair_loss_is_the_bivariate_normal_likelihood():
    import jax.numpy as jnp
    from scipy.stats import multivariate_normal

    z = np.random.default_rng(0).standard_normal((50, 3))
    target = np.array([0.3, -0.2])
    raw = np.array([3.0, -2.5])
    persistence, share = 1 / (1 + np.exp(-raw))
    a, b = persistence * share, persistence * (1 - share)
    total = 0.0
    for k in range(2):
        q = np.array([[1, target[k]], [target[k], 1]])
        goal = q.copy()
        for row in z[:, k : k + 2]:
            rho = q[0, 1] / np.sqrt(q[0, 0] * q[1, 1])
            law = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
            total -= law.logpdf(row) + np.log(2 * np.pi) + row @ row / 2 - row @ row / 2
            q = (1 - a - b) * goal + a * np.outer(row, row) + b * q
    found = float(_pair_loss(jnp.asarray(raw), jnp.asarray(z), jnp.asarray(target)))
    np.testing.assert_allclose(found, total / 100, rtol=1e-8)


def test_settings_out_of_range_are_refused():
    from riskengine import ConstantCorrelation, Dcc, Ewma, MaximumLikelihood, SampleCovariance

    for build in (
        lambda: Ewma(0.0),
        lambda: SampleCovariance(1),
        lambda: ConstantCorrelation(MaximumLikelihood(), shrinkage="hard"),
        lambda: ConstantCorrelation(MaximumLikelihood(), static_share=2.0),
        lambda: Dcc(MaximumLikelihood(), a=0.5, b=0.6),
        lambda: Dcc(MaximumLikelihood(), a=0.5),
    ):
        with pytest.raises(SettingsError):
            build()
