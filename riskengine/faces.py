"""Folders' faces: names that are imported once they are asked for (PEP 562; SPEC 1 of Scientific Python)."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from riskengine.errors import deprecated


def lazy_face(package: str, renamed: Mapping[str, str] | None = None) -> None:
    """Let a package import each of its names when it is first asked for.

    The imports under ``if TYPE_CHECKING:`` in the package's ``__init__.py`` are the one list of its names, a line each:
    ``from module import Name as Name``, which type checkers and editors read as an export. They are carried out here
    one by one, so that ``import riskengine`` and ``riskengine --help`` load neither jax nor pandas.

    Parameters
    ----------
    package : its ``__name__``
    renamed : names of the version before, which warn, to those of today

    Raises
    ------
    AttributeError
        On asking for a name that the package does not have.
    """
    module = sys.modules[package]
    vars(module)["_sources"] = sources = _sources(module)
    vars(module)["__all__"] = sorted(sources)
    vars(module)["_renamed"] = dict(renamed or {})
    module.__class__ = _Face


def _sources(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Name to the module that defines it and its name there, from the imports for type checkers."""
    spec = module.__spec__
    assert spec is not None
    assert spec.loader is not None
    tree = ast.parse(spec.loader.get_source(module.__name__))  # type: ignore[attr-defined]
    return {
        alias.asname or alias.name: (line.module or "", alias.name)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }


class _Face(ModuleType):
    _sources: dict[str, tuple[str, str]]
    _renamed: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        if name in self._renamed:
            deprecated(f"{self.__name__}.{name}", self._renamed[name])
            return getattr(self, self._renamed[name])
        if name not in self._sources:
            return self._module(name)
        module, original = self._sources[name]
        if module == self.__name__:  # a module of the package, which is shown as it is
            value: Any = import_module(f"{module}.{original}")
        else:
            value = getattr(import_module(module), original)
        vars(self)[name] = value
        return value

    def _module(self, name: str) -> ModuleType:
        """A module of the package that nobody has imported yet: ``riskengine.market`` after ``import riskengine``."""
        if name.startswith("_") or find_spec(f"{self.__name__}.{name}") is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return import_module(f"{self.__name__}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        """A module of the name of what it defines (``garch.step``) does not hide it when it is imported."""
        if not (isinstance(value, ModuleType) and name in self._sources):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        folders = (module.name for module in iter_modules(self.__path__) if module.ispkg)
        return sorted({*vars(self), *self._sources, *folders})
