"""Which files a strategy's code reads: what is in them decides its numbers as much as its settings do."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import sysconfig
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from riskengine.errors import SettingsError
from riskengine.files import sha256
from riskengine.serialization import fingerprint

_PACKAGE = Path(__file__).parents[1]
_DATA = (pd.DataFrame, pd.Series, np.ndarray, dict, list, tuple)
_LONGEST_NAME = 255


class _Recorder(threading.local):
    """What this thread has opened since recording began; None while nothing is recorded."""

    read: set[str] | None = None
    written: set[str] | None = None


_recorder = _Recorder()


@contextmanager
def recorded_reads() -> Iterator[set[Path]]:
    """The files that the block opens for reading in this thread; complete when the block has ended.

    Left out are files of Python, of installed packages and of this package, files that the block wrote itself, and
    those that are gone at its end. Code that opens files without Python (as pandas does for
    Parquet) is not seen: see :func:`named_files`.

    Examples
    --------
    >>> with recorded_reads() as files:
    ...     _ = Path(os.devnull).read_text()
    >>> files
    set()
    """
    _listen()
    found: set[Path] = set()
    outer = (_recorder.read, _recorder.written)
    read: set[str] = set()
    written: set[str] = set()
    _recorder.read, _recorder.written = read, written
    try:
        yield found
    finally:
        _recorder.read, _recorder.written = outer
        if outer[0] is not None and outer[1] is not None:
            outer[0].update(read)
            outer[1].update(written)
        found.update(_own(read - written))


def hashes(paths: Iterable[Path], folder: Path | None = None) -> dict[str, str]:
    """sha256 of files by path; by the path within ``folder`` for those that lie in it. Missing ones are ``"none"``."""
    named = {}
    for path in sorted(paths):
        inside = folder is not None and path.is_relative_to(folder)
        name = path.relative_to(folder).as_posix() if folder is not None and inside else str(path)
        named[name] = sha256(path) if path.is_file() else "none"
    return named


def changed(known: Mapping[str, str]) -> list[str]:
    """Those of files by absolute path whose content is not what it was."""
    return [name for name, before in known.items() if hashes([Path(name)]) != {name: before}]


def own_modules(module: ModuleType) -> list[ModuleType]:
    """A module and the modules that it uses, but for those of installed packages."""
    waiting, seen = [module], {module.__name__}
    found = []
    while waiting:
        one = waiting.pop()
        file = getattr(one, "__file__", None)
        if not file or not _is_own(Path(os.path.realpath(file))):
            continue
        found.append(one)
        for value in list(vars(one).values()):
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            used: Any = sys.modules.get(name) if isinstance(name, str) else None
            if isinstance(used, ModuleType) and used.__name__ not in seen:
                seen.add(used.__name__)
                waiting.append(used)
    return found


def named_files(modules: Iterable[ModuleType], settings: Mapping[str, Any]) -> set[Path]:
    """Sources of modules, and the files that texts in them or among settings name.

    A file that is read late, or by code that opens it without Python, is known by its name alone: in the folder of the
    source, in the working folder, or with its whole path.
    """
    found = set()
    for module in modules:
        source = Path(os.path.realpath(str(module.__file__)))
        found.add(source)
        texts = {
            node.value
            for node in ast.walk(ast.parse(source.read_bytes()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        texts |= {str(value) for value in settings.values() if isinstance(value, str | Path)}
        for text in texts:
            if 0 < len(text) < _LONGEST_NAME and "\n" not in text and "\0" not in text:
                found |= {path for path in (source.parent / text, Path.cwd() / text) if path.is_file()}
    return {Path(os.path.realpath(path)) for path in found}


def values(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Fingerprints of tables, arrays and collections that stand in modules, by module and name.

    What a file holds may come from a place that no file names: a database, a feed.
    """
    found = {}
    for module in modules:
        for name, value in vars(module).items():
            if name.startswith("__") or not isinstance(value, _DATA):
                continue
            try:
                found[f"{module.__name__}.{name}"] = fingerprint(value)
            except (
                SettingsError,
                RecursionError,
            ):  # of things that cannot be told apart, the source has to do
                continue
    return found


_READ: dict[int, tuple[Any, dict[str, str]]] = {}
"""By the identity of a loaded strategy: itself where nothing else tells of its end, and sha256 of files by path."""


def files_of(strategy: Any) -> dict[str, str]:
    """Hashes of what a strategy was loaded from: its file, modules beside it, files read or named, values held."""
    return dict(_READ.get(id(strategy), (None, {}))[1])


def remember(strategy: Any, found: dict[str, str]) -> None:
    """Keep with a strategy the hashes of what it was loaded from."""
    try:
        weakref.finalize(strategy, _READ.pop, id(strategy), None)
        _READ[id(strategy)] = (None, found)
    except TypeError:  # its class allows no weak references: kept, so that no other object gets its identity
        _READ[id(strategy)] = (strategy, found)


@cache
def _listen() -> None:
    """Python tells of every file that is opened; a listener stays for good, and does nothing while none records."""
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or _recorder.read is None or _recorder.written is None:
        return
    path, _, flags = arguments
    if isinstance(path, int) or not isinstance(flags, int):
        return
    name = os.path.realpath(os.fsdecode(path))
    reads_only = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) == 0
    (_recorder.read if reads_only else _recorder.written).add(name)


def _own(names: Iterable[str]) -> set[Path]:
    """Files among what was opened that are neither Python's nor of an installed package; sources for their caches."""
    found = set()
    for name in names:
        path = Path(name)
        if path.suffix == ".pyc" and path.parent.name == "__pycache__":
            path = Path(importlib.util.source_from_cache(name))
        if path.is_file() and _is_own(path):
            found.add(path)
    return found


def _is_own(path: Path) -> bool:
    return not any(path.is_relative_to(folder) for folder in (*_installed(), *_caches()))


@cache
def _installed() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {sys.prefix, str(_PACKAGE), "/dev", "/etc", "/proc", "/sys", "/usr/share"}
    return tuple(Path(os.path.realpath(folder)) for folder in folders)


def _caches() -> tuple[Path, ...]:
    """Folders of compiled programs, which decide how fast numbers come and not which."""
    import jax

    folder = getattr(jax.config, "jax_compilation_cache_dir", None)
    return (Path(os.path.realpath(folder)),) if folder else ()
