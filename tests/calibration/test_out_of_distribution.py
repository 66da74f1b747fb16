from __future__ import annotations

import numpy as np

from riskengine import NeuralCalibrator, Status
from riskengine.calibration.out_of_distribution import Familiar
from riskengine.calibration.training import Training
from riskengine.calibration.training.pretraining import fresh_series


def test_one_training_series_in_a_thousand_is_strange():
    sample = np.random.default_rng(0).standard_normal((20_000, 6)) @ np.diag([1, 2, 3, 4, 5, 6.0])
    familiar = Familiar.of(sample)
    assert 0.0005 < np.mean(np.asarray(familiar.strangeness(sample.astype(np.float32))) > 1) < 0.0015
    assert familiar.strangeness(np.full((1, 6), 50.0, np.float32))[0] > 3


def test_series_of_the_training_are_familiar_and_bursts_of_a_tenth_of_the_days_are_not():
    _, returns, _ = fresh_series(Training(), 500, 400, seed=3)
    returns[:, 0] *= np.where(np.arange(500) % 250 < 225, 1e-4, 1.0)
    returns[:, 1] = np.where(
        np.arange(500) == 250, 1.0, 1e-6 * returns[:, 1]
    )  # no return: it counts as missing
    fit = NeuralCalibrator.pretrained()(returns)
    assert fit.strangeness[0] > 1
    assert fit.strangeness[1] < 1
    assert all(status is Status.ROBUST or status.fell_back for status in fit.status[:2])
    assert np.mean(fit.strangeness[1:] > 1) < 0.02
    assert np.isfinite(fit.next_variance).all()
