"""States on disk: exact, atomic, and nothing but what may be in them."""

from __future__ import annotations

import io
import json
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from riskengine import NeuralCalibrator
from riskengine.covariance import ConstantCorrelation, Ewma, load_state, save_state
from riskengine.covariance.state import KINDS, pack, unpack
from riskengine.errors import DataError


class Mine(NamedTuple):
    """The state of a forecaster of somebody else."""

    x: float
    y: np.ndarray


def test_values_come_back_exactly():
    odd = np.array([0.1, -0.0, np.inf, np.nan, 5e-324])
    value = {
        "a": (1, 2.5, None, True, "text"),
        "b": [odd, np.float64(0.1), np.int64(7)],
        "c": float("nan"),
        "d": 0.1 + 0.2,
    }
    found = unpack(pack(value, ()), ())
    assert found["a"] == value["a"]
    assert type(found["a"]) is tuple
    assert found["b"][0].tobytes() == odd.tobytes()
    assert type(found["b"][1]) is np.float64
    assert type(found["b"][2]) is np.int64
    assert np.isnan(found["c"])
    assert found["d"] == 0.1 + 0.2
    device = unpack(pack(jnp.arange(3.0), ()), ())
    assert type(device) is np.ndarray
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert unpack(pack(fortran, ()), ()).flags.f_contiguous


def test_the_networks_calibration_is_held_and_goes_on(returns, tmp_path):
    forecaster = ConstantCorrelation(NeuralCalibrator.pretrained(robust=True), window=900, half_life=100.0)
    state = forecaster.init(returns[:895])
    save_state(tmp_path / "a" / "state.npz", state)
    loaded = load_state(tmp_path / "a" / "state.npz")
    assert loaded.fit.status == state.fit.status
    for row in returns[895:]:
        state, loaded = forecaster.update(state, row), forecaster.update(loaded, row)
    one, other = forecaster.forecast(state, 21), forecaster.forecast(loaded, 21)
    assert one.loadings.tobytes() == other.loadings.tobytes()


def test_kinds_of_ones_own_are_named(tmp_path):
    path, value = tmp_path / "mine.npz", Mine(1.5, np.arange(3))
    with pytest.raises(DataError, match=r"state\.inner is a .*Mine"):
        save_state(path, {"inner": value})
    assert not path.exists()
    save_state(path, value, kinds=[Mine])
    found = load_state(path, kinds=[Mine])
    assert type(found) is Mine
    np.testing.assert_array_equal(found.y, value.y)
    with pytest.raises(DataError, match="names Mine"):
        load_state(path)


@pytest.mark.parametrize("wrong", [object(), np.array([object()]), {1: 2}, len, Ewma()])
def test_what_cannot_be_held_is_refused(wrong):
    with pytest.raises(DataError, match="cannot hold"):
        pack((wrong,), KINDS)


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "state.npz"
    with pytest.raises(DataError, match="no state can be read"):
        load_state(path)
    save_state(path, np.arange(5))
    content = path.read_bytes()
    for bad in (content[:-30], b"nothing", b""):
        path.write_bytes(bad)
        with pytest.raises(DataError, match="damaged"):
            load_state(path)
    buffer = io.BytesIO()
    text = json.dumps({"format": 99, "value": None})
    np.savez(buffer, text=np.frombuffer(text.encode(), np.uint8))
    with pytest.raises(DataError, match="format 99"):
        unpack(buffer.getvalue(), ())


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "state.npz"
    save_state(path, 1)
    with pytest.raises(DataError):
        save_state(path, object())
    assert load_state(path) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["state.npz"]
