"""One battery for everything that forecasts a covariance."""

from __future__ import annotations

import numpy as np
import pytest

from riskengine import (
    AnalyticalShrinkage,
    CombinedIteratedEwma,
    ConstantCorrelation,
    Dcc,
    Ensemble,
    Ewma,
    FactorGarch,
    IteratedEwma,
    LedoitWolf,
    MaximumLikelihood,
    QuadraticInverseShrinkage,
    SampleCovariance,
)
from riskengine.covariance import CovarianceForecaster

QUICK = MaximumLikelihood(tolerance=1e-6)
FORECASTERS = {
    "sample": SampleCovariance(250),
    "linear": LedoitWolf(250),
    "quadratic inverse": QuadraticInverseShrinkage(250),
    "analytical": AnalyticalShrinkage(250),
    "ewma": Ewma(22.8),
    "ewma, shrunk": Ewma(63.0, "quadratic-inverse"),
    "iterated ewma": IteratedEwma(),
    "combined iterated ewma": CombinedIteratedEwma(),
    "ccc, fading": ConstantCorrelation(
        QUICK, window=700, half_life=100.0, static_share=0.5, static_half_life=50.0
    ),
    "factor": FactorGarch(QUICK, window=700),
    "two factors": FactorGarch(QUICK, window=700, factors=2, residuals="diagonal"),
    "ensemble": Ensemble((Ewma(63.0), LedoitWolf(250))),
    "ensemble, likelihood": Ensemble((Ewma(63.0), Ewma(250.0)), weights="likelihood", mean="roots"),
    "ensemble, variance": Ensemble((Ewma(63.0), Ewma(250.0)), weights="variance", mean="harmonic"),
    "ccc": ConstantCorrelation(QUICK, window=400),
    "ccc, halfway": ConstantCorrelation(QUICK, window=400, static_share=0.5),
    "legacy": ConstantCorrelation(QUICK, window=400, shrinkage="none", residuals=False),
    "dcc": Dcc(QUICK, window=400),
}
GARCH = (ConstantCorrelation, Dcc)


@pytest.fixture(params=FORECASTERS, scope="module")
def forecaster(request):
    return FORECASTERS[request.param]


@pytest.fixture(scope="module")
def calibrated(returns):
    return QUICK(returns[:600])


def known(forecaster, calibrated):
    """The same parameters for both, so that only the state differs."""
    return {"calibration": calibrated} if isinstance(forecaster, GARCH) else {}


def test_covariances_are_symmetric_and_positive(forecaster, returns):
    assert isinstance(forecaster, CovarianceForecaster)
    covariance = forecaster.forecast(forecaster.init(returns), horizon=5)
    matrix = covariance.matrix()
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-14)
    assert np.linalg.eigvalsh(matrix).min() > 0
    assert covariance.horizon == 5
    np.testing.assert_allclose(covariance.volatility**2, np.diag(matrix))
    np.testing.assert_allclose(covariance.factor @ covariance.factor.T, matrix, atol=1e-15)
    w = np.arange(6.0)
    np.testing.assert_allclose(covariance.variance(w), w @ matrix @ w)


def test_streamed_equals_batched(forecaster, returns, calibrated):
    extra = known(forecaster, calibrated)
    # A DCC also estimates target and dynamics: hold them by replacing them in the batched state.
    state = forecaster.init(returns[:600], **extra)
    for row in returns[600:640]:
        state = forecaster.update(state, row)
    if isinstance(forecaster, Ensemble) and forecaster.weights != "equal":
        return  # what is learned depends on where the history was cut: see test_ensemble.py
    if isinstance(forecaster, FactorGarch):
        extra = {"held": forecaster.init(returns[:600])}
    whole = forecaster.init(returns[:640], **extra)
    if isinstance(forecaster, Dcc):
        fixed = Dcc(QUICK, window=10_000, a=0.03, b=0.9)
        state = fixed.init(returns[:600], **extra)
        for row in returns[600:640]:
            state = fixed.update(state, row)
        whole = fixed.init(returns[:640], **extra)
        q = whole.target
        for z in whole.margins.residuals:  # the specification: a plain recursion
            q = (1 - 0.93) * whole.target + 0.03 * np.outer(z, z) + 0.9 * q
        np.testing.assert_allclose(whole.q, q, rtol=1e-10)
        np.testing.assert_allclose(state.margins.variance, whole.margins.variance, rtol=1e-10)
        return
    np.testing.assert_allclose(
        forecaster.forecast(state, 3).matrix(), forecaster.forecast(whole, 3).matrix(), rtol=1e-8, atol=1e-14
    )


def test_the_state_is_left_alone_by_updates_and_forecasts(forecaster, returns):
    state = forecaster.init(returns)
    before = forecaster.forecast(state).matrix().copy()
    forecaster.update(state, returns[0] * 10)
    np.testing.assert_array_equal(forecaster.forecast(state).matrix(), before)


def test_permuting_assets_permutes_the_forecast(forecaster, returns):
    order = np.array([3, 0, 5, 1, 4, 2])
    if isinstance(forecaster, Dcc):
        forecaster = Dcc(QUICK, window=400, a=0.03, b=0.9)  # composite likelihood depends on neighbours
    if getattr(forecaster, "mean", None) == "roots":
        return  # Cholesky factors depend on the order of the assets, and so does their mixture
    plain = forecaster.forecast(forecaster.init(returns), 3).matrix()
    mixed = forecaster.forecast(forecaster.init(returns[:, order]), 3).matrix()
    np.testing.assert_allclose(mixed, plain[np.ix_(order, order)], rtol=1e-3, atol=1e-9)


def test_scaling_returns_scales_the_forecast(forecaster, returns):
    plain = forecaster.forecast(forecaster.init(returns), 3).matrix()
    scaled = forecaster.forecast(forecaster.init(3 * returns), 3).matrix()
    np.testing.assert_allclose(scaled, 9 * plain, rtol=2e-3, atol=1e-8)


def test_missing_days_and_a_late_listing_are_taken(forecaster, returns):
    gappy = returns.copy()
    gappy[np.random.default_rng(0).uniform(size=gappy.shape) < 0.05] = np.nan
    gappy[:-100, 5] = np.nan
    state = forecaster.init(gappy)
    state = forecaster.update(state, np.where(np.arange(6) == 2, np.nan, returns[0]))
    matrix = forecaster.forecast(state, 2).matrix()
    assert np.isfinite(matrix).all()
    assert np.linalg.eigvalsh(matrix).min() > -1e-12
    assert (np.diag(matrix) > 0).all()


def test_the_forecast_recognises_calm_from_storm(returns):
    """GARCH forecasts must follow the last weeks; a static one must not."""
    storm = returns.copy()
    storm[-20:] *= 4
    for name, least in (("ccc", 2.0), ("dcc", 2.0), ("ewma", 2.0)):
        forecaster = FORECASTERS[name]
        calm = forecaster.forecast(forecaster.init(returns)).volatility
        wild = forecaster.forecast(forecaster.init(storm)).volatility
        assert (wild > least * calm * 0.8).all(), name


def test_holding_period_variance_is_the_mean_of_the_term_structure(returns):
    from riskengine.garch import term_structure

    forecaster = FORECASTERS["ccc"]
    state = forecaster.init(returns)
    path = np.asarray(term_structure(state.fit.params, state.variance, 21))
    np.testing.assert_allclose(forecaster.forecast(state, 21).volatility ** 2, path.mean(axis=0), rtol=1e-8)
