"""Values as files, exactly: states, checkpoints, weights, snapshots. Nothing of a file is ever executed.

A file is a ``.npz`` archive of plain arrays and one JSON text that says how they hang together. Numbers, text, dates,
arrays of NumPy and jax, tuples, lists, dicts, enumerations, NamedTuples and dataclasses are written down; a class by
its name, and only those of this package and of modules that the reader names are made again. An archive without the
text is read as a dict of its arrays. Compiled things are no part of a state: keep them in a cache by their settings, as
the portfolio package keeps its problems.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import hashlib
import importlib
import io
import json
import struct
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError
from riskengine.files import write_atomically

Array = np.ndarray

FORMAT = 2
PACKAGE = "riskengine"
_TEXT = "text"
_MISSING = object()


def save(path: Path | str, value: Any) -> None:
    """Write a value; a reader sees the old file or the new one, never a part.

    Raises
    ------
    SettingsError
        If the value holds something that cannot be written down; the message says where.
    """
    write_atomically(Path(path), pack(value))


def load(path: Path | str, modules: Iterable[str] = ()) -> Any:
    """What :func:`save` wrote, to the last bit.

    Parameters
    ----------
    path : of the file
    modules : names of modules, beside this package, whose classes may be made: ``(Mine.__module__,)``

    Raises
    ------
    DataError
        If there is no such file, or it is damaged, of another format, or names a class that is not known or has
        changed.

    Examples
    --------
    >>> import tempfile
    >>> from riskengine.covariance import Ewma
    >>> x = 0.01 * np.random.default_rng(0).standard_normal((100, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/state.npz", Ewma().init(x))
    ...     state = load(f"{folder}/state.npz")
    >>> bool(np.array_equal(Ewma().forecast(state).matrix(), Ewma().forecast(Ewma().init(x)).matrix()))
    True
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): make it anew") from error
    try:
        return unpack(content, modules)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def pack(value: Any) -> bytes:
    """A value as the bytes of a file; see :func:`save`."""
    arrays: list[Array] = []
    text = json.dumps({"format": FORMAT, "value": _written(value, arrays, "state")})
    named: dict[str, Any] = {f"a{k}": array for k, array in enumerate(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{_TEXT: np.frombuffer(text.encode(), np.uint8)}, **named)
    return buffer.getvalue()


def unpack(content: bytes, modules: Iterable[str] = ()) -> Any:
    """What :func:`pack` made; see :func:`load`."""
    try:
        if not content.startswith(b"PK"):
            raise ValueError("no archive")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            if _TEXT not in file:
                return dict(file)
            text = json.loads(file[_TEXT].tobytes())
            arrays = [file[f"a{k}"] for k in range(len(file.files) - 1)]
        found = text.get("format")
        if found == FORMAT:
            return _read(text["value"], arrays, frozenset(modules))
    except DataError:
        raise
    except (
        zipfile.BadZipFile,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        EOFError,
        OSError,
    ) as error:
        raise DataError(f"the content is damaged ({error}): make it anew") from error
    raise DataError(f"the content is of format {found}, not {FORMAT}: make it anew")


def fingerprint(value: Any) -> str:
    """sha256 of settings: the same in every process for the same settings, another one for any other.

    Beside what :func:`pack` writes, functions count by their code, and objects by their class and attributes.

    Examples
    --------
    >>> fingerprint((1, 2.5, np.arange(3))) == fingerprint((1, 2.5, np.arange(3)))
    True
    >>> fingerprint(1) == fingerprint(1.0)
    False
    """
    arrays: list[Array] = []
    digest = hashlib.sha256(json.dumps(_written(value, arrays, "settings", loose=True)).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _written(value: Any, arrays: list[Array], where: str, loose: bool = False) -> Any:
    """The value as JSON, its arrays put aside. What JSON itself would change is tagged."""

    def inside(child: Any, name: Any) -> Any:
        return _written(child, arrays, f"{where}.{name}", loose)

    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return {"float": struct.pack(">d", value).hex()}
    if isinstance(value, enum.Enum) and value.name in kind.__members__:
        return {"enum": _name(kind), "member": value.name}
    if kind is dt.date:
        return {"date": value.isoformat()}
    if kind is pd.Timestamp and value.tz is None:
        return {"time": int(value.asm8.view(np.int64)), "unit": value.unit}
    if _plain(value):
        arrays.append(np.asarray(value))
        tag = "jax" if isinstance(value, jax.Array) else "array" if kind is np.ndarray else "scalar"
        return {tag: len(arrays) - 1}
    if _has_fields(kind):
        return {"type": _name(kind), "fields": {k: inside(getattr(value, k), k) for k in _fields(kind)}}
    if kind in (tuple, list):
        return {kind.__name__: [inside(child, k) for k, child in enumerate(value)]}
    if kind is dict:
        return {"dict": [[inside(k, "key"), inside(v, k)] for k, v in value.items()]}
    if loose:
        return inside(_described(value, where), kind.__name__)
    raise SettingsError(
        f"a file cannot hold {where}, a {_name(kind)}: keep states in arrays, numbers, tuples, dicts, NamedTuples and "
        "dataclasses, and compiled things outside of them, in a cache by their settings"
    )


def _plain(value: Any) -> bool:
    """Whether these are numbers, text or times of NumPy or jax: no objects, records or typed random keys."""
    known = type(value) is np.ndarray or isinstance(value, np.generic | jax.Array)
    return known and getattr(value.dtype, "kind", "O") in "biufcSUmM"


def _has_fields(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or (issubclass(kind, tuple) and hasattr(kind, "_fields"))


def _fields(kind: Any) -> tuple[str, ...]:
    """Fields of a NamedTuple or dataclass."""
    if issubclass(kind, tuple):
        return kind._fields
    return tuple(field.name for field in dataclasses.fields(kind))


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _described(value: Any, where: str) -> Any:
    """Plain values that tell one setting from another."""
    if isinstance(value, pd.DataFrame | pd.Series):
        columns = list(map(str, value.columns)) if isinstance(value, pd.DataFrame) else str(value.name)
        return ("frame", list(map(str, value.index)), columns, value.to_numpy())
    if isinstance(value, np.ndarray):
        return ("objects", value.tolist())
    if isinstance(value, type):
        return ("class", _name(value))
    if isinstance(value, set | frozenset):
        return ("set", sorted(map(repr, value)))
    code = getattr(getattr(value, "__func__", value), "__code__", None)
    if code is not None:
        inner = [repr(one) for one in code.co_consts if not hasattr(one, "co_code")]
        cells = [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
        owner = getattr(value, "__self__", None)
        return ("function", value.__qualname__, code.co_code.hex(), inner, list(code.co_names), cells, owner)
    if isinstance(value, Path):
        return ("path", str(value))
    if hasattr(value, "__dict__"):
        return ("object", _name(type(value)), dict(vars(value)))
    if " at 0x" not in repr(value):
        return ("value", _name(type(value)), repr(value))
    raise SettingsError(
        f"{where}, a {_name(type(value))}, cannot be told from another one: use plain settings"
    )


def _read(text: Any, arrays: list[Array], modules: frozenset[str]) -> Any:
    if not isinstance(text, dict):
        return text

    def inside(child: Any) -> Any:
        return _read(child, arrays, modules)

    match text:
        case {"float": digits}:
            return struct.unpack(">d", bytes.fromhex(digits))[0]
        case {"enum": name, "member": member}:
            return _class(name, modules)[member]
        case {"date": day}:
            return dt.date.fromisoformat(day)
        case {"time": count, "unit": unit}:
            return pd.Timestamp(np.datetime64(count, unit))
        case {"array": k}:
            return arrays[k]
        case {"scalar": k}:
            return arrays[k][()]
        case {"jax": k}:
            with jax.enable_x64(True):
                return jnp.asarray(arrays[k])
        case {"type": name, "fields": fields}:
            return _made(_class(name, modules), {k: inside(v) for k, v in fields.items()})
        case {"tuple": items}:
            return tuple(map(inside, items))
        case {"list": items}:
            return list(map(inside, items))
        case {"dict": items}:
            return {inside(key): inside(item) for key, item in items}
    raise ValueError(f"no value is written as {list(text)}")


def _class(name: str, modules: frozenset[str]) -> Any:
    """A dataclass, NamedTuple or enumeration by its name, if it may be made."""
    module, _, path = name.partition(":")
    known = module == PACKAGE or module.startswith(PACKAGE + ".")
    if not known and module not in modules:
        raise DataError(
            f"the content names {name}, which is not of {PACKAGE}, nor of a module that may be loaded"
        )
    try:
        found: Any = importlib.import_module(module) if known else sys.modules.get(module, _MISSING)
    except ImportError:
        found = _MISSING
    for part in path.split("."):
        found = getattr(found, part, _MISSING)
    fit = isinstance(found, type) and (_has_fields(found) or issubclass(found, enum.Enum))
    if not fit or _name(found) != name:
        raise DataError(f"the content names {name}, which does not exist any more: make it anew")
    return found


def _made(kind: Any, fields: dict[str, Any]) -> Any:
    """An instance with exactly these fields; no code of the class runs, so nothing is altered on the way."""
    names = _fields(kind)
    if set(names) != set(fields):
        raise DataError(f"{_name(kind)} has other fields than in the content: make it anew")
    if issubclass(kind, tuple):
        return tuple.__new__(kind, [fields[name] for name in names])
    one = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(one, name, value)
    return one
