"""Values on disk: exact, atomic, and nothing but what may be in them."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from enum import Flag, StrEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from riskengine import (
    ConstantCorrelation,
    Constraints,
    Ensemble,
    EqualWeight,
    Ewma,
    LedoitWolf,
    NeuralCalibrator,
    OptimizedStrategy,
)
from riskengine.errors import DataError, SettingsError
from riskengine.serialization import fingerprint, load, pack, save, unpack


class Colour(StrEnum):
    RED = "red"


class Side(Flag):
    BUY = 1
    SELL = 2


class Pair(NamedTuple):
    first: object
    second: object


@dataclass(frozen=True)
class Record:
    values: object
    colour: Colour = Colour.RED

    def __post_init__(self):
        if READING:
            raise AssertionError("code of a class ran while it was read")


READING: list[bool] = []
OWN = (__name__,)
DTYPES = ["<f8", ">f8", "<f4", "<i8", "|u1", "|b1", "<c16", "<U3", "<M8[ns]", "<m8[s]"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.dates()
    | st.datetimes().map(pd.Timestamp)
    | st.sampled_from(list(Colour))
    | st.sampled_from(DTYPES).flatmap(lambda dtype: arrays(dtype, array_shapes(min_dims=0, min_side=0, max_side=3)))
    | st.sampled_from([np.float64(-0.0), np.int32(7), np.bool_(True), np.datetime64("2024-01-31")])
    | st.sampled_from([jnp.arange(3.0), jnp.float32(0.1), jnp.zeros((0, 2), jnp.int32)])
)  # fmt: skip
KEYS = st.text(max_size=3) | st.integers() | st.dates()
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.builds(Pair, inner, inner)
        | st.builds(Record, inner)
    ),
    max_leaves=8,
)


def bits(value):
    """A value taken apart into what tells it from any other, to the last bit of a NaN."""
    if isinstance(value, dict):
        return ("dict", [(bits(key), bits(item)) for key, item in value.items()])
    if isinstance(value, tuple | list):
        return (type(value), [bits(item) for item in value])
    if isinstance(value, Record):
        return (Record, bits(value.values), value.colour)
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return (type(value), value.dtype.str, value.shape, np.asarray(value).tobytes())
    if isinstance(value, float):
        return (float, np.float64(value).tobytes())
    return (type(value), value)


@given(VALUES)
def test_what_is_written_is_read_again_bit_for_bit(value):
    READING.clear()
    content = pack(value)
    READING.append(True)  # no code of a class runs while it is read
    again = unpack(content, OWN)
    READING.clear()
    assert bits(again) == bits(value)
    assert fingerprint(again) == fingerprint(value)


@given(VALUES, st.data())
def test_a_truncated_or_altered_file_is_refused(value, data):
    content = pack(value)
    cut = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(DataError, match="make it anew"):
        unpack(content[:cut], OWN)


def test_arrays_keep_their_order_in_memory():
    base = np.arange(12.0).reshape(3, 4)
    for array in (base, np.asfortranarray(base), base[::2], base[:, ::2]):
        again = unpack(pack(array))
        np.testing.assert_array_equal(again, array)
        assert again.flags.f_contiguous == array.flags.f_contiguous
    device = unpack(pack(jnp.arange(3.0)))
    assert isinstance(device, jax.Array)
    assert device.dtype == jnp.float64


@pytest.mark.parametrize(
    "wrong",
    [object(), len, {1, 2}, b"x", Side.BUY | Side.SELL, np.array([object()]), np.ma.masked_array([1.0], [True]),
     np.zeros(2, [("a", "f8")]), jnp.zeros(2, jnp.bfloat16), pd.Timestamp("2024-01-31", tz="UTC"), pd.Series([1.0])],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_cannot_be_written_down_is_not_kept_silently(wrong):
    with pytest.raises(SettingsError, match=r"cannot hold state\.first\.0, a "):
        pack(Pair([wrong], 1))


def test_jax_keys_are_no_numbers():
    with pytest.raises(SettingsError, match="cannot hold"):
        pack(jax.random.key(0))


def archive(text) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, text=np.frombuffer(json.dumps(text).encode(), np.uint8))
    return buffer.getvalue()


def test_a_file_makes_no_class_but_those_of_the_package_and_of_named_modules():
    with pytest.raises(DataError, match=r"test_serialization:Record, which is not of riskengine"):
        unpack(pack(Record(1)))
    foreign = (
        "os:system",  # of no package that is known
        "riskengine.files:write_atomically",  # no class
        "riskengine.files:Path",  # of another module
        "riskengine.market.panel:Panel.__init__",
        "riskengine.nothing.here:X",
    )
    for bad in foreign:
        for value in ({"type": bad, "fields": {}}, {"enum": bad, "member": "x"}):
            with pytest.raises(DataError, match=r"does not exist any more|not of riskengine"):
                unpack(archive({"format": 2, "value": value}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({"format": 99, "value": None}, "of format 99"),
        ({"value": None}, "of format None"),
        ([], "damaged"),
        ({"format": 2}, "damaged"),
        ({"format": 2, "value": {"array": 3}}, "damaged"),
        ({"format": 2, "value": {"float": "zz"}}, "damaged"),
        ({"format": 2, "value": {"unknown": 1}}, "no value is written as"),
        ({"format": 2, "value": {"enum": f"{__name__}:Colour", "member": "BLUE"}}, "damaged"),
        ({"format": 2, "value": {"type": f"{__name__}:Pair", "fields": {"first": 1}}}, "other fields"),
    ],
)
def test_damaged_content_is_named(text, message):
    with pytest.raises(DataError, match=message):
        unpack(archive(text), OWN)


def test_files_are_read_as_they_were_written_or_refused_by_name(tmp_path):
    path = tmp_path / "a" / "state.npz"
    with pytest.raises(DataError, match=r"state\.npz cannot be read"):
        load(path)
    save(path, Pair(1, 2.5))
    assert load(path, OWN) == Pair(1, 2.5)
    with pytest.raises(SettingsError):
        save(path, object())
    assert load(path, OWN) == Pair(1, 2.5)
    assert [one.name for one in path.parent.iterdir()] == ["state.npz"]
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"state\.npz: the content is damaged"):
        load(path)
    np.savez(path, x=np.arange(3))
    np.testing.assert_array_equal(load(path)["x"], np.arange(3))


def test_the_networks_calibration_is_held_and_goes_on(returns, tmp_path):
    forecaster = ConstantCorrelation(NeuralCalibrator.pretrained(robust=True), window=900, half_life=100.0)
    state = forecaster.init(returns[:895])
    save(tmp_path / "state.npz", state)
    loaded = load(tmp_path / "state.npz")
    assert loaded.fit.status == state.fit.status
    for row in returns[895:]:
        state, loaded = forecaster.update(state, row), forecaster.update(loaded, row)
    one, other = forecaster.forecast(state, 21), forecaster.forecast(loaded, 21)
    assert one.loadings.tobytes() == other.loadings.tobytes()


def test_fingerprints_tell_settings_apart():
    def strategy(**settings):
        return OptimizedStrategy("x", Ensemble((Ewma(63.0), LedoitWolf())), **settings)

    same = {fingerprint(strategy()), fingerprint(strategy())}
    assert len(same) == 1
    others = [strategy(horizon=5), strategy(constraints=Constraints(upper=0.3)), EqualWeight()]
    others += [
        OptimizedStrategy("x", ConstantCorrelation(NeuralCalibrator.pretrained(robust=r))) for r in (0, 1)
    ]
    assert len(same | {fingerprint(one) for one in others}) == 6
    assert fingerprint(lambda x: x + 1) != fingerprint(lambda x: x + 2)
    frame = pd.DataFrame({"A": [1.0, 2.0]})
    assert fingerprint(frame) != fingerprint(frame + 1)
    assert fingerprint(np.array(["a", 1], object)) != fingerprint(np.array(["a", 2], object))
