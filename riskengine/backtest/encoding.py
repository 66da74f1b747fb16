"""States and settings as plain text and arrays, exactly, and nothing that executes.

Numbers, text, arrays, tuples, lists, dicts, enumerations, NamedTuples and dataclasses are written down; classes by
their names, and only those of this package and of the strategy's own file are ever looked up again. Compiled things
are no part of a state: keep them in a cache by their settings, as the portfolio package keeps its problems.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import importlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from riskengine.errors import DataError, SettingsError

PACKAGE = "riskengine"
_TEXT = "text"
_MISSING = object()


def pack(value: Any) -> bytes:
    """A value as the bytes of an ``.npz`` file.

    Raises
    ------
    SettingsError
        If it holds something that cannot be written down; the message says where.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_written(value, arrays, "state", loose=False))
    buffer = io.BytesIO()
    named = {f"a{k}": array for k, array in enumerate(arrays)}
    np.savez(buffer, allow_pickle=False, **{_TEXT: np.frombuffer(text.encode(), np.uint8)}, **named)
    return buffer.getvalue()


def unpack(content: bytes, modules: tuple[str, ...] = ()) -> Any:
    """What :func:`pack` wrote.

    Parameters
    ----------
    content : of the file
    modules : names of modules, beside this package, whose classes may be made

    Raises
    ------
    DataError
        If the content is damaged, or names a class that is not known or has changed.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            text = json.loads(file[_TEXT].tobytes())
            arrays = [file[f"a{k}"] for k in range(len(file.files) - 1)]
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError) as error:
        raise DataError(f"a checkpoint is damaged ({error}): begin anew without it") from error
    return _read(text, arrays, modules)


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
    arrays: list[np.ndarray] = []
    digest = hashlib.sha256(json.dumps(_written(value, arrays, "settings", loose=True)).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _fields(value: Any) -> dict[str, Any] | None:
    """Fields of a NamedTuple or dataclass."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return None


def _written(value: Any, arrays: list[np.ndarray], where: str, loose: bool) -> Any:
    """The value as JSON, its arrays put aside. What JSON itself would change is tagged."""

    def inside(child: Any, name: Any) -> Any:
        return _written(child, arrays, f"{where}.{name}", loose)

    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return {"float": value.hex()}
    if isinstance(value, enum.Enum):
        return {"enum": _name(type(value)), "member": value.name}
    if isinstance(value, pd.Timestamp):
        return {"time": value.isoformat()}
    if isinstance(value, np.ndarray | np.generic | jax.Array) and _plain(value.dtype):
        kind = (
            "jax" if isinstance(value, jax.Array) else "array" if isinstance(value, np.ndarray) else "scalar"
        )
        arrays.append(np.asarray(value))
        return {kind: len(arrays) - 1}
    fields = _fields(value)
    if fields is not None:
        return {"type": _name(type(value)), "fields": {k: inside(v, k) for k, v in fields.items()}}
    if type(value) in (tuple, list):
        kind = "tuple" if type(value) is tuple else "list"
        return {kind: [inside(child, k) for k, child in enumerate(value)]}
    if type(value) is dict:
        return {"dict": [[inside(k, "key"), inside(v, k)] for k, v in value.items()]}
    if loose:
        return inside(_described(value, where), type(value).__name__)
    raise SettingsError(
        f"a checkpoint cannot hold {where}, a {_name(type(value))}: keep states in arrays, numbers, tuples, dicts and "
        "dataclasses, and compiled things outside of them, in a cache by their settings"
    )


def _plain(dtype: Any) -> bool:
    """Whether numbers of this kind can stand in a file: neither objects nor typed random keys."""
    return not (dtype == np.dtype(object) or jnp.issubdtype(dtype, jax.dtypes.extended))


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


def _read(text: Any, arrays: list[np.ndarray], modules: tuple[str, ...]) -> Any:
    if not isinstance(text, dict):
        return text

    def inside(child: Any) -> Any:
        return _read(child, arrays, modules)

    match text:
        case {"float": value}:
            return float.fromhex(value)
        case {"time": value}:
            return pd.Timestamp(value)
        case {"enum": name, "member": member}:
            return _found(name, modules)[member]
        case {"array": k}:
            return arrays[k]
        case {"scalar": k}:
            return arrays[k][()]
        case {"jax": k}:
            with jax.enable_x64(True):
                return jnp.asarray(arrays[k])
        case {"type": name, "fields": fields}:
            kind = _found(name, modules)
            return _made(kind, {k: inside(v) for k, v in fields.items()})
        case {"tuple": items} | {"list": items}:
            values = [inside(item) for item in items]
            return tuple(values) if "tuple" in text else values
        case {"dict": items}:
            return {inside(key): inside(v) for key, v in items}
    raise DataError("a checkpoint is damaged: begin anew without it")


def _found(name: str, modules: tuple[str, ...]) -> Any:
    """A dataclass, NamedTuple or enumeration by its name, if it may be made."""
    module, _, path = name.partition(":")
    known = module == PACKAGE or module.startswith(PACKAGE + ".")
    if not known and module not in modules:
        raise DataError(
            f"a checkpoint names {name}, which is neither of {PACKAGE} nor of the strategy's file"
        )
    try:
        found: Any = importlib.import_module(module) if known else sys.modules.get(module, _MISSING)
    except ImportError:
        found = _MISSING
    for part in path.split("."):
        found = getattr(found, part, _MISSING)
    plain = isinstance(found, type) and (
        dataclasses.is_dataclass(found) or issubclass(found, enum.Enum) or hasattr(found, "_fields")
    )
    if not plain:
        raise DataError(f"a checkpoint names {name}, which does not exist any more: begin anew without it")
    return found


def _made(kind: Any, fields: dict[str, Any]) -> Any:
    """An instance with exactly these fields; no code of the class runs, so nothing is altered on the way."""
    names = (
        kind._fields if hasattr(kind, "_fields") else tuple(field.name for field in dataclasses.fields(kind))
    )
    if set(names) != set(fields):
        raise DataError(f"{_name(kind)} has other fields than in the checkpoint: begin anew without it")
    if hasattr(kind, "_fields"):
        return kind(**fields)
    one = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(one, name, value)
    return one
