"""Ranges reach the calibrator through every forecaster that wraps another, and through strategies."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest

from riskengine import NeuralCalibrator, OptimizedStrategy, Panel
from riskengine.calibration import MaximumLikelihood, UniverseCalibrator
from riskengine.covariance import (
    Asynchronous,
    BiasCorrected,
    ConstantCorrelation,
    Dcc,
    Ensemble,
    Ewma,
    LedoitWolf,
    for_frequency,
    universe_experts,
)
from riskengine.covariance.base import given_ranges, reads_ranges

# Whatever its past days say of ranges that are noise.
UNIVERSE = replace(UniverseCalibrator.pretrained(), judged=False)
INNER = ConstantCorrelation(UNIVERSE)
EXPERTS = tuple(
    replace(expert, calibrator=UNIVERSE) if hasattr(expert, "calibrator") else expert
    for expert in universe_experts()
)
READERS = {
    "constant correlation": INNER,
    "dcc": Dcc(UNIVERSE, a=0.02, b=0.95),
    "ensemble": Ensemble((Ewma(63.0), INNER)),
    "universe experts": Ensemble(EXPERTS),
    "learned ensemble": Ensemble((Ewma(63.0), INNER), weights="likelihood", memory=21),
    "bias corrected": BiasCorrected(INNER, memory=21),
    "asynchronous": Asynchronous(INNER, lags=0, window=250),
    "all at once": BiasCorrected(Asynchronous(Ensemble((INNER,)), lags=0, window=250), memory=21),
}


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(3)
    returns = 0.01 * rng.standard_t(6, (330, 4))
    return returns, np.abs(returns) + 0.02 * rng.random(returns.shape)


@pytest.mark.parametrize("name", READERS)
def test_a_forecaster_that_wraps_a_reader_hands_the_ranges_on(world, name):
    returns, ranges = world
    forecaster = READERS[name]
    assert reads_ranges(forecaster)
    plain = forecaster.forecast(forecaster.init(returns)).volatility
    told = forecaster.init(returns, ranges=ranges)
    assert np.abs(np.log(forecaster.forecast(told).volatility / plain)).min() > 1e-3
    # A day fed later counts like one of the history, its range included.
    loud, calm = (forecaster.update(told, 0 * returns[0], size * ranges[0]) for size in (5.0, 0.2))
    assert (forecaster.forecast(loud).volatility > 1.02 * forecaster.forecast(calm).volatility).all()


def test_others_are_not_handed_any(world):
    ranges = world[1]
    for forecaster in (LedoitWolf(), Ensemble(), ConstantCorrelation(NeuralCalibrator.pretrained())):
        assert not reads_ranges(forecaster)
        assert given_ranges(forecaster, ranges) == {}


def test_weekly_returns_take_maximum_likelihood_instead():
    found, notes = for_frequency(BiasCorrected(Ensemble((INNER,))), 52.0)
    assert isinstance(found.inside.experts[0].calibrator, MaximumLikelihood)
    assert len(notes) == 1
    assert not reads_ranges(found)


def panel_of(returns, ranges):
    dates = pd.bdate_range("2020-01-01", periods=len(returns) + 1)
    close = pd.DataFrame(np.vstack([np.ones(4), np.cumprod(1 + returns, axis=0)]), dates, list("ABCD"))
    wide = pd.DataFrame(np.vstack([np.zeros(4), ranges]) / 2, dates, close.columns)
    return Panel(100 * close, high=100 * close * np.exp(wide), low=100 * close * np.exp(-wide))


def test_a_strategy_reads_the_ranges_of_its_panel_and_never_those_to_come(world):
    returns, ranges = world
    strategy = OptimizedStrategy("ranges", forecaster=INNER, window=250, refit=21)
    later = ranges.copy()
    later[300:] *= 3

    def risks(ranges, days):
        panel, state, found = panel_of(returns, ranges), None, []
        for day in days:
            view = panel.view(day)
            state = strategy.init(view) if state is None else state
            decision, state = strategy.decide(state, view, np.zeros(4))
            found.append(decision.covariance.volatility)
        return jax.tree.map(np.asarray, found)

    first = risks(ranges, (280, 300, 310))
    second = risks(later, (280, 300, 310))
    np.testing.assert_array_equal(first[:2], second[:2])
    assert (second[2] > 1.05 * first[2]).all()
    assert np.abs(np.log(risks(0 * ranges, (280,))[0] / first[0])).max() > 1e-3
