"""States on disk: what was saved comes back bit for bit, and nothing of a file is ever executed.

A file is a ``.npz`` archive of plain arrays and one JSON text that says how they hang together. Classes are named in
it, and only those of a list are made again.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Any

import jax
import numpy as np

from riskengine.calibration.posterior import Posterior
from riskengine.calibration.result import Calibration, Status
from riskengine.covariance.asynchronous import AsynchronousState
from riskengine.covariance.base import Covariance
from riskengine.covariance.bias_corrected import BiasCorrectedState
from riskengine.covariance.constant_correlation import GarchState, UniverseMargin
from riskengine.covariance.dcc import DccState
from riskengine.covariance.ensemble import EnsembleState, Record
from riskengine.covariance.ewma import IteratedEwmaState
from riskengine.covariance.factor_garch import FactorState
from riskengine.covariance.moments import Products
from riskengine.covariance.running_moments import ExponentialSums, RollingSums
from riskengine.covariance.window import Window
from riskengine.errors import DataError
from riskengine.files import write_atomically
from riskengine.garch.common_variance import UniverseState
from riskengine.garch.components import ComponentState
from riskengine.garch.params import GarchParams
from riskengine.garch.robust import VariancePair

Array = np.ndarray

FORMAT = 1
KINDS: tuple[type, ...] = (
    AsynchronousState, Calibration, Covariance, DccState, EnsembleState, FactorState, ExponentialSums, GarchParams,
    GarchState, VariancePair, IteratedEwmaState, Posterior, Products, BiasCorrectedState, Record, RollingSums, Status,
    Window, ComponentState, UniverseMargin, UniverseState,
)  # fmt: skip
"""Classes that a state may be made of."""


def save_state(path: Path | str, state: Any, kinds: Iterable[type] = ()) -> None:
    """Write the state of a forecaster; a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path : of the file
    state : arrays, numbers, text, tuples, lists, dicts, and classes of :data:`KINDS`
    kinds : NamedTuples, dataclasses or enumerations of a forecaster of your own

    Raises
    ------
    DataError
        If the state holds anything else; the message says where.
    """
    write_atomically(Path(path), pack(state, (*KINDS, *kinds)))


def load_state(path: Path | str, kinds: Iterable[type] = ()) -> Any:
    """The state that :func:`save_state` wrote. Arrays of jax come back as arrays of NumPy with the same content.

    Raises
    ------
    DataError
        If there is no such file, or it is damaged, of another format, or names a class that is not known.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine.covariance import Ewma
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((100, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_state(f"{folder}/state.npz", Ewma().init(x))
    ...     state = load_state(f"{folder}/state.npz")
    >>> bool(np.array_equal(Ewma().forecast(state).matrix(), Ewma().forecast(Ewma().init(x)).matrix()))
    True
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"no state can be read from {path}: {error.strerror}") from error
    return unpack(content, (*KINDS, *kinds))


def pack(value: Any, kinds: Iterable[type]) -> bytes:
    """A value as the bytes of an ``.npz`` file; see :func:`save_state`."""
    arrays: list[Array] = []
    names = {kind.__name__: kind for kind in kinds}
    text = json.dumps({"format": FORMAT, "value": _written(value, arrays, names, "state")})
    buffer = io.BytesIO()
    parts = {f"a{k}": array for k, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, text=np.frombuffer(text.encode(), np.uint8), **parts)
    return buffer.getvalue()


def unpack(content: bytes, kinds: Iterable[type]) -> Any:
    """What :func:`pack` wrote; see :func:`load_state`."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            text = json.loads(file["text"].tobytes())
            arrays = [file[f"a{k}"] for k in range(len(file.files) - 1)]
        found = text["format"]
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError, TypeError) as error:
        raise DataError(f"the state is damaged ({error}): make it anew by init") from error
    if found != FORMAT:
        raise DataError(f"the state is of format {found}, not {FORMAT}: make it anew by init")
    return _read(text["value"], arrays, {kind.__name__: kind for kind in kinds})


def _written(value: Any, arrays: list[Array], kinds: dict[str, type], where: str) -> Any:
    """The value as JSON; its arrays are put aside, and what JSON itself would change is tagged."""

    def inside(child: Any, name: Any) -> Any:
        return _written(child, arrays, kinds, f"{where}.{name}")

    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": value.hex()}
    if isinstance(value, np.ndarray | np.generic | jax.Array) and value.dtype != object:
        arrays.append(np.asarray(value))
        return {"scalar" if isinstance(value, np.generic) else "array": len(arrays) - 1}
    if type(value) in (tuple, list):
        kind = "tuple" if type(value) is tuple else "list"
        return {kind: [inside(child, k) for k, child in enumerate(value)]}
    if type(value) is dict and all(type(key) is str for key in value):
        return {"dict": {key: inside(child, key) for key, child in value.items()}}
    name = type(value).__name__
    if kinds.get(name) is type(value):
        if isinstance(value, Enum):
            return {"member": value.name, "of": name}
        return {"fields": {key: inside(getattr(value, key), key) for key in _fields(type(value))}, "of": name}
    raise DataError(
        f"{where} is a {type(value).__module__}.{name}, which a state cannot hold: name it in kinds if it is a "
        "NamedTuple, dataclass or enumeration"
    )


def _read(text: Any, arrays: list[Array], kinds: dict[str, type]) -> Any:
    match text:
        case {"float": number}:
            return float.fromhex(number)
        case {"array": k}:
            return arrays[k]
        case {"scalar": k}:
            return arrays[k][()]
        case {"tuple": items}:
            return tuple(_read(item, arrays, kinds) for item in items)
        case {"list": items}:
            return [_read(item, arrays, kinds) for item in items]
        case {"dict": items}:
            return {key: _read(item, arrays, kinds) for key, item in items.items()}
        case {"of": name, **content}:
            kind: Any = kinds.get(name)
            if kind is None:
                raise DataError(f"the state names {name}, which is not among the kinds that may be loaded")
            if "member" in content:
                return kind[content["member"]]
            inner: Any = content["fields"]
            fields = {key: _read(item, arrays, kinds) for key, item in inner.items()}
            if set(fields) != set(_fields(kind)):
                raise DataError(f"{name} has other fields than in the file: make the state anew by init")
            return kind(**fields)
    return text


def _fields(kind: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    return getattr(kind, "_fields", ())
