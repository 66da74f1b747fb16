"""Programs that are traced once, not once a process: exported, and kept beside the compiled ones.

Tracing and lowering in Python are a fifth of the processor time of a `riskengine calibrate` whose programs are compiled
already: 3.5 to 4.5 s with this, 4.6 to 5.5 s without, in turns.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax import export

from riskengine.files import write_atomically

_SEAL = 32  # bytes of sha256 before a program on disk


class Exported:
    """A compiled function of arrays whose trace is kept on disk, where compiled programs are.

    Where :func:`riskengine.runtime.keep_compiled` was not called it is ``jax.jit``, and for a function without a name
    of its own. A kept trace is of the same shapes and types, settings, platform, versions of jax, and text of the
    package; one that is damaged is made anew, and where the folder cannot be written none is kept.

    Parameters
    ----------
    function : of positional arguments, trees of arrays
    static_argnames : of settings
    options : of the compiler
    returns : named tuples among what it returns

    Examples
    --------
    >>> double = Exported(lambda x: 2 * x)
    >>> float(double(1.5)), double.programs
    (3.0, 1)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        static_argnames: Sequence[str] = (),
        options: dict[str, Any] | None = None,
        returns: Sequence[type] = (),
    ) -> None:
        self._function, self._options, self._returns = function, options, tuple(returns)
        self._static = tuple(
            place
            for place, name in enumerate(inspect.signature(function).parameters)
            if name in static_argnames
        )
        self._jitted: Any = jax.jit(function, static_argnums=self._static, compiler_options=options)
        self._known: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        """What the function returns."""
        folder = getattr(jax.config, "jax_compilation_cache_dir", None)
        if not folder or "://" in folder or "<" in self._function.__qualname__:
            return self._jitted(*arguments)
        settings = tuple(arguments[place] for place in self._static)
        dynamic = [one for place, one in enumerate(arguments) if place not in self._static]
        leaves, tree = jax.tree.flatten(dynamic)
        types = tuple(map(jax.typeof, leaves))
        key = (tree, types, settings, jax.dtypes.canonicalize_dtype(float))
        program = self._known.get(key)
        if program is None:
            file = Path(folder) / "traces" / _digest(self._function, *key)
            kept = _read(file, self._returns) or self._traced(file, tree, leaves, settings)
            program = self._known[key] = jax.jit(kept.call, compiler_options=self._options)
        return program(*leaves)

    def _traced(self, file: Path, tree: Any, leaves: list[Any], settings: tuple[Any, ...]) -> export.Exported:
        def flat(*leaves: Any) -> Any:
            arguments = jax.tree.unflatten(tree, leaves)
            for place, setting in zip(self._static, settings, strict=True):
                arguments.insert(place, setting)
            return self._function(*arguments)

        made = export.export(jax.jit(flat))(*leaves)
        _register(self._returns)
        content = bytes(made.serialize())
        with suppress(
            OSError
        ):  # a full disk or a folder of somebody else's: as jax does with what it compiled
            write_atomically(file, hashlib.sha256(content).digest() + content)
        return made

    @property
    def programs(self) -> int:
        """How many were compiled."""
        return int(self._jitted._cache_size()) + len(self._known)


def _read(file: Path, returns: tuple[type, ...]) -> export.Exported | None:
    try:
        content = file.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[_SEAL:]).digest() != content[:_SEAL]:
        return None
    _register(returns)
    return export.deserialize(bytearray(content[_SEAL:]))


_REGISTERED: set[type] = set()


def _register(returns: tuple[type, ...]) -> None:
    """Tell jax how named tuples are written: by the names of their class and fields."""
    for one in returns:
        if one not in _REGISTERED:
            export.register_namedtuple_serialization(
                one, serialized_name=f"{one.__module__}.{one.__qualname__}"
            )
            _REGISTERED.add(one)


def _digest(function: Callable[..., Any], *parts: Any) -> str:
    named = (function.__module__, function.__qualname__, jax.default_backend(), _versions(), *parts)
    return hashlib.sha256("\n".join(map(str, named)).encode()).hexdigest()


@cache
def _versions() -> str:
    """Of what a trace depends on: jax, and the text of every recursion and calibration of this package."""
    digest = hashlib.sha256(f"{jax.__version__} {version('jaxlib')}".encode())
    root = Path(__file__).parents[1]
    for folder in ("garch", "calibration"):
        for file in sorted((root / folder).glob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
