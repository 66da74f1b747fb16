from __future__ import annotations

import numpy as np
import pytest

from riskengine import NeuralCalibrator
from riskengine.calibration import CalibrationStream
from riskengine.errors import DataError, SettingsError


@pytest.fixture(scope="module")
def rows(returns):
    """More days than the window, which is as long as what other tests calibrate: that is compiled once."""
    return np.vstack([returns[::-1], returns])


@pytest.mark.parametrize("robust", [False, True])
def test_a_stream_says_what_a_calibration_of_its_window_says(rows, robust):
    calibrate = NeuralCalibrator.pretrained(robust=robust)
    stream = CalibrationStream(calibrate, window=900)
    state = stream.init(rows[:1000])
    for day in range(1000, 1005):
        fit, state = stream.update(state, rows[day])
        whole = calibrate(rows[day + 1 - 900 : day + 1])
        np.testing.assert_allclose(fit.next_variance, whole.next_variance, rtol=1e-5)
        for mine, other in zip(fit.params, whole.params, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-12)


def test_a_history_shorter_than_the_window_fills_up(returns):
    stream = CalibrationStream(NeuralCalibrator.pretrained(), window=900)
    fit, state = stream.update(stream.init(returns[:100]), returns[100])
    assert state.returns.shape == (900, 6)
    assert (fit.observations == 101).all()


def test_states_are_values(returns):
    stream = CalibrationStream(NeuralCalibrator.pretrained(), window=900)
    state = stream.init(returns[:300])
    before = state.returns.copy()
    first, _ = stream.update(state, returns[300])
    again, _ = stream.update(state, returns[300])
    np.testing.assert_array_equal(state.returns, before)
    np.testing.assert_array_equal(first.next_variance, again.next_variance)


def test_bad_rows_and_windows_are_named(returns):
    stream = CalibrationStream(NeuralCalibrator.pretrained(), window=250)
    state = stream.init(returns[:300])
    with pytest.raises(DataError, match="one return an asset"):
        stream.update(state, returns[0, :3])
    with pytest.raises(DataError, match="return of 2 is infinite"):
        stream.update(state, np.array([0, 0, np.inf, 0, 0, 0]))
    with pytest.raises(SettingsError, match="at least 60"):
        CalibrationStream(NeuralCalibrator.pretrained(), window=10)
