"""One battery for everything that forecasts a covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import numpy as np
import pytest

from riskengine.calibration.posterior import Posterior
from riskengine.calibration.result import Calibration, Status, as_matrix
from riskengine.calibration.universe_calibrator import UniverseCalibrator
from riskengine.covariance import (
    AnalyticalShrinkage,
    BiasCorrected,
    CombinedIteratedEwma,
    ConstantCorrelation,
    CovarianceForecaster,
    Dcc,
    Ensemble,
    Ewma,
    FactorGarch,
    FrozenParts,
    IteratedEwma,
    LedoitWolf,
    LogVarianceRegression,
    QuadraticInverseShrinkage,
    Remembered,
    RiskMetrics2006,
    SampleCovariance,
)
from riskengine.errors import DataError
from riskengine.garch.params import GarchParams
from riskengine.serialization import load as load_state
from riskengine.serialization import save as save_state


@dataclass(frozen=True)
class Targeted:
    """GARCH of a fixed shape at each asset's own level: costs nothing, and scales exactly.

    Assets that have none borrow the median level, as every calibrator does.
    """

    def __call__(self, returns):
        rows, assets = as_matrix(returns)
        days = (~np.isnan(rows)).sum(axis=0)
        level = np.nan_to_num(rows**2).sum(axis=0) / np.maximum(days, 1)
        known = level > 0
        level = np.where(known, level, np.median(level[known]))
        same = np.ones(len(assets))
        return Calibration(
            assets,
            GarchParams(0.05 * level, 0.04 * same, 0.06 * same, 0.88 * same, 8.0 * same),
            Posterior(np.zeros((len(assets), 5)), np.tile(np.eye(5), (len(assets), 1, 1))),
            log_likelihood=0.0 * same,
            status=tuple(Status.OK if one else Status.NO_DATA for one in known),
            mean=0.0 * same,
            next_variance=level,
            presample=level,
            observations=days,
        )


QUICK = Targeted()
TOGETHER = replace(UniverseCalibrator.pretrained(), network=QUICK)
FORECASTERS: dict[str, CovarianceForecaster] = {
    "sample": SampleCovariance(250),
    "sample, short window": SampleCovariance(20),
    "linear": LedoitWolf(250),
    "remembered": Remembered(Ewma(22.8)),
    "quadratic inverse": QuadraticInverseShrinkage(250),
    "analytical": AnalyticalShrinkage(250),
    "ewma": Ewma(22.8),
    "frozen correlations": FrozenParts(Ewma(22.8), correlations=True, window=250),
    "frozen variances": FrozenParts(Ewma(22.8), variances=True, window=250),
    "ewma, shrunk": Ewma(63.0, "quadratic-inverse"),
    "iterated ewma": IteratedEwma(),
    "riskmetrics 2006": RiskMetrics2006(),
    "combined iterated ewma": CombinedIteratedEwma(),
    "ccc": ConstantCorrelation(QUICK, window=400),
    "ccc, linear": ConstantCorrelation(QUICK, window=400, shrinkage="linear"),
    "ccc, halfway": ConstantCorrelation(QUICK, window=400, static_share=0.5),
    "ccc, fading": ConstantCorrelation(
        QUICK, window=700, half_life=100.0, static_share=0.5, static_half_life=50.0
    ),
    "legacy": ConstantCorrelation(QUICK, window=400, shrinkage="none", residuals=False),
    "dcc": Dcc(QUICK, window=400, a=0.03, b=0.9),
    "dcc, unshrunk": Dcc(QUICK, window=400, a=0.03, b=0.9, shrinkage="none"),
    "corrected dcc": Dcc(QUICK, window=400, a=0.03, b=0.9, corrected=True),
    "dcc of a universe": Dcc(TOGETHER, window=400, a=0.03, b=0.9),
    "ccc of a universe": ConstantCorrelation(TOGETHER, window=400),
    "factor": FactorGarch(QUICK, window=700),
    "factor, no fading": FactorGarch(QUICK, window=700, half_life=None),
    "factor, news": FactorGarch(QUICK, window=700, static_share=0.0, news=LogVarianceRegression()),
    "two factors": FactorGarch(QUICK, window=700, factors=2, residuals="diagonal"),
    "three factors": FactorGarch(QUICK, window=700, factors=3),
    "ensemble": Ensemble(
        (Ewma(63.0), ConstantCorrelation(QUICK, window=700), FactorGarch(QUICK, window=700))
    ),
    "ensemble, likelihood": Ensemble((Ewma(63.0), Ewma(250.0)), weights="likelihood", mean="roots"),
    "ensemble, variance": Ensemble((Ewma(63.0), Ewma(250.0)), weights="variance", mean="harmonic"),
    "recalibrated": BiasCorrected(Ewma(63.0)),
}
# What is learned depends on where the history was cut (test_ensemble.py), and factors are chosen once by init.
LEARNED = {"combined iterated ewma", "ensemble, likelihood", "ensemble, variance", "recalibrated"}
# Cholesky factors depend on the order of the assets, and so does their mixture.
ORDERED = {"combined iterated ewma", "ensemble, likelihood"}


def named(leave_out=()):
    return pytest.mark.parametrize("name", [name for name in FORECASTERS if name not in leave_out])


def damaged(returns):
    """Gaps everywhere, a late listing, a delisting."""
    rows = returns.copy()
    rows[np.random.default_rng(0).uniform(size=rows.shape) < 0.05] = np.nan
    rows[: len(rows) - 150, 5] = np.nan
    rows[len(rows) - 15 :, 1] = np.nan
    return rows


def streamed(forecaster, state, rows):
    for row in rows:
        state = forecaster.update(state, row)
    return state


def proper(covariance, assets):
    matrix = covariance.matrix()
    assert matrix.shape == (assets, assets)
    assert np.isfinite(matrix).all()
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-14)
    assert np.linalg.eigvalsh(matrix).min() > -1e-14
    assert (np.diag(matrix) > 1e-7).all()
    return matrix


@named()
def test_covariances_are_symmetric_and_positive(name, returns):
    forecaster = FORECASTERS[name]
    assert isinstance(forecaster, CovarianceForecaster)
    state = forecaster.init(returns)
    for horizon in (1, 5):
        covariance = forecaster.forecast(state, horizon)
        matrix = proper(covariance, 6)
        assert np.linalg.eigvalsh(matrix).min() > 0
        assert covariance.horizon == horizon
        assert covariance.notes == ()
        np.testing.assert_allclose(covariance.volatility**2, np.diag(matrix))
        np.testing.assert_allclose(covariance.factor @ covariance.factor.T, matrix, atol=1e-15)
        w = np.arange(6.0)
        np.testing.assert_allclose(covariance.variance(w), w @ matrix @ w)


@pytest.mark.parametrize("gaps", [False, True])
@named(LEARNED)
def test_streamed_equals_batched(name, gaps, returns):
    """Seventy days, so that days are folded in and days are still aside."""
    forecaster = FORECASTERS[name]
    rows = damaged(returns[:670]) if gaps else returns[:670]
    start = forecaster.init(rows[:600])
    moved = streamed(forecaster, start, rows[600:])
    assert_same_forecast(forecaster, moved, batched(forecaster, start, rows))


def batched(forecaster, start, rows):
    """State after all rows, with what ``start`` was calibrated to."""
    if isinstance(forecaster, ConstantCorrelation):
        return forecaster.init(rows, calibration=start.fit)
    if isinstance(forecaster, Dcc):
        return forecaster.init(rows, calibration=start.margins.fit)._replace(target=start.target)
    if isinstance(forecaster, FactorGarch):
        return forecaster.init(rows, held=start)
    if isinstance(forecaster, Ensemble):
        parts = zip(forecaster.experts, start.experts, strict=True)
        return start._replace(experts=tuple(batched(expert, one, rows) for expert, one in parts))
    return forecaster.init(rows)


def assert_same_forecast(forecaster, one, other):
    np.testing.assert_allclose(
        forecaster.forecast(one, 3).matrix(), forecaster.forecast(other, 3).matrix(), rtol=1e-8, atol=1e-14
    )


@named()
def test_the_state_is_left_alone_by_updates_and_forecasts(name, returns):
    forecaster = FORECASTERS[name]
    state = forecaster.init(returns)
    before = forecaster.forecast(state).matrix().copy()
    streamed(forecaster, state, 10 * returns[:40])
    np.testing.assert_array_equal(forecaster.forecast(state).matrix(), before)


@named(ORDERED)
def test_permuting_assets_permutes_the_forecast(name, returns):
    forecaster, order = FORECASTERS[name], np.array([3, 0, 5, 1, 4, 2])
    rows = damaged(returns)
    plain = forecaster.forecast(forecaster.init(rows), 3).matrix()
    mixed = forecaster.forecast(forecaster.init(rows[:, order]), 3).matrix()
    np.testing.assert_allclose(mixed, plain[np.ix_(order, order)], rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("scale", [1e-3, 3.0])
@named()
def test_scaling_returns_scales_the_forecast(name, scale, returns):
    forecaster = FORECASTERS[name]
    plain = forecaster.forecast(forecaster.init(returns), 3).matrix()
    scaled = forecaster.forecast(forecaster.init(scale * returns), 3).matrix()
    # Learned weights come from an optimiser that stops at a tolerance.
    np.testing.assert_allclose(scaled / scale**2, plain, rtol=1e-3 if name in LEARNED else 1e-8, atol=1e-11)


@named()
def test_gaps_late_listings_and_delistings_are_taken(name, returns):
    forecaster = FORECASTERS[name]
    state = forecaster.init(damaged(returns))
    proper(forecaster.forecast(state, 2), 6)
    row = np.where(np.isin(np.arange(6), [1, 2]), np.nan, returns[0])
    proper(forecaster.forecast(forecaster.update(state, row), 2), 6)
    proper(forecaster.forecast(forecaster.update(state, np.full(6, np.nan)), 2), 6)


@named()
def test_an_asset_never_seen_and_a_constant_price_are_flagged(name, returns):
    forecaster, rows = FORECASTERS[name], returns.copy()
    rows[:, 4], rows[:, 0] = np.nan, 0.0
    covariance = forecaster.forecast(forecaster.init(rows), 2)
    matrix = proper(covariance, 6)
    usual = np.diag(matrix)[[1, 2, 3, 5]]
    assert (np.diag(matrix)[[0, 4]] >= 0.2 * usual.min()).all()
    assert (np.diag(matrix)[[0, 4]] <= 2 * usual.max()).all()
    flagged = {note.split(":")[0] for note in covariance.notes}
    assert {"0", "4"} <= flagged


@named()
def test_bad_rows_are_refused(name, returns):
    forecaster = FORECASTERS[name]
    infinite = returns.copy()
    infinite[3, 2] = np.inf
    with pytest.raises(DataError, match="infinite"):
        forecaster.init(infinite)
    state = forecaster.init(returns)
    with pytest.raises(DataError, match="one return an asset"):
        forecaster.update(state, returns[0, :4])
    with pytest.raises(DataError, match="infinite"):
        forecaster.update(state, infinite[3])


@named()
def test_a_saved_state_goes_on_bit_for_bit(name, returns, tmp_path):
    forecaster = FORECASTERS[name]
    rows = damaged(returns)
    state = streamed(forecaster, forecaster.init(rows[:850]), rows[850:855])
    save_state(tmp_path / "state.npz", state)
    loaded = load_state(tmp_path / "state.npz")
    assert jax.tree.structure(loaded) == jax.tree.structure(state)
    for row in (None, *rows[855:890]):
        if row is not None:
            state, loaded = forecaster.update(state, row), forecaster.update(loaded, row)
        one, other = forecaster.forecast(state, 3), forecaster.forecast(loaded, 3)
        assert one.loadings.tobytes() == other.loadings.tobytes()
        assert one.specific.tobytes() == other.specific.tobytes()
        assert one.notes == other.notes


@named()
def test_no_state_is_of_the_size_of_time_by_assets_squared(name, returns):
    forecaster = FORECASTERS[name]
    state = streamed(forecaster, forecaster.init(returns), returns[:3])
    largest = max(np.size(leaf) for leaf in jax.tree.leaves(vars_of(state)))
    assert largest <= 1250 * 9


def vars_of(state):
    """The state with dataclasses opened."""
    if isinstance(state, Calibration):
        return state._arrays()
    if isinstance(state, tuple):
        return [vars_of(child) for child in state]
    return state


def test_the_forecast_recognises_calm_from_storm(returns):
    """GARCH forecasts must follow the last weeks; a static one must not."""
    storm = returns.copy()
    storm[-20:] *= 4
    for name in ("ccc", "dcc", "corrected dcc", "ewma", "riskmetrics 2006", "factor"):
        forecaster = FORECASTERS[name]
        calm = forecaster.forecast(forecaster.init(returns)).volatility
        wild = forecaster.forecast(forecaster.init(storm)).volatility
        assert (wild > 1.4 * calm).all(), name
    static = replace(FORECASTERS["sample"], window=900)
    ratio = static.forecast(static.init(storm)).volatility / static.forecast(static.init(returns)).volatility
    assert (ratio < 1.3).all()


def test_holding_period_variance_is_the_mean_of_the_term_structure(returns):
    from riskengine.garch import term_structure

    forecaster = FORECASTERS["ccc"]
    state = forecaster.init(returns)
    path = np.asarray(term_structure(state.fit.params, state.variance, 21))
    np.testing.assert_allclose(forecaster.forecast(state, 21).volatility ** 2, path.mean(axis=0), rtol=1e-8)
