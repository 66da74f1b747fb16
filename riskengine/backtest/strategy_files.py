"""Strategies from files."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from riskengine.backtest.reads import hashes, named_files, own_modules, recorded_reads, remember, values
from riskengine.bundled import bundled
from riskengine.errors import StrategyError
from riskengine.portfolio import Strategy
from riskengine.portfolio.ask import STRATEGY_FAULTS


def load_strategy(path: str | Path, /, **settings: Any) -> Strategy:
    """Load a strategy file where it lies and call its ``build(**settings)``.

    A bare name, ``"min_variance"``, is that of a strategy that ships with the package. Files that it reads
    meanwhile are remembered: see :func:`riskengine.backtest.reads.files_of`.

    Raises
    ------
    StrategyError
        If the file is missing or broken, has no ``build``, or builds something that is not a strategy.
        The message names the file, the line and the cause.

    Examples
    --------
    >>> from riskengine.backtest import strategy_file
    >>> load_strategy(strategy_file("min_variance")).name
    'minimum variance'
    """
    return build_strategy(strategy_file(path), settings)


def strategy_file(path: str | Path) -> Path:
    """The file itself, or that of a strategy which ships with the package, by its name.

    Examples
    --------
    >>> strategy_file("min_variance").name, str(strategy_file("my/own.py"))
    ('min_variance.py', 'my/own.py')
    """
    path = Path(path)
    if path.suffix or len(path.parts) != 1 or path.exists():
        return path
    shipped = bundled("strategies")
    return shipped / f"{path}.py" if (shipped / f"{path}.py").is_file() else path


def build_strategy(path: Path, settings: Mapping[str, Any], name: str | None = None) -> Strategy:
    """:func:`load_strategy` with the settings in a mapping, and a name for the module."""
    name = name or module_name(path)
    with recorded_reads() as read:
        build = load_builder(path, name)
        try:
            strategy = build(**settings)
        except STRATEGY_FAULTS as error:
            raise StrategyError(
                f"{_place(path, error)}: build() failed: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(strategy, Strategy):
        raise StrategyError(
            f"{path}: build() gave a {type(strategy).__name__}, not a strategy with name, init and decide"
        )
    modules = own_modules(sys.modules[name])
    remember(strategy, hashes(read | named_files(modules, settings)) | values(modules))
    return strategy


def module_name(path: Path) -> str:
    """Name of the module that a strategy file becomes: files of one name in two folders are two modules."""
    where = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"strategy_{path.stem}_{where}"


def load_builder(path: str | Path, name: str | None = None) -> Callable[..., Any]:
    """The ``build`` of a strategy file.

    Parameters
    ----------
    path : of the file
    name : of its module; :func:`module_name` if not given

    Raises
    ------
    StrategyError
        If the file is missing or broken, or has no ``build``.
    """
    path = Path(path)
    if not path.is_file():
        names = sorted(one.stem for one in bundled("strategies").glob("*.py") if one.stem != "__init__")
        raise StrategyError(f"no strategy file {path}; by name there are {', '.join(names)}")
    if path.suffix != ".py":
        raise StrategyError(f"{path} is not a Python file: a strategy is a .py file with build(...)")
    name = name or module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Source(name, str(path)))
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses in the file look their module up here
    try:
        spec.loader.exec_module(module)
    except STRATEGY_FAULTS as error:
        del sys.modules[spec.name]
        raise StrategyError(f"{_place(path, error)}: {type(error).__name__}: {error}") from error
    build = getattr(module, "build", None)
    if not callable(build):
        raise StrategyError(f"{path} has no build(): define `def build(*, ...) -> Strategy`")
    return build


class _Source(SourceFileLoader):
    """Compiles what stands in the file: cached bytecode is told from newer source by the second alone."""

    def get_code(self, fullname: str) -> CodeType:
        """Code of the module."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _place(path: Path, error: BaseException) -> str:
    """File and line in the strategy file where the error arose, as far as it is known."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{path}:{error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return f"{path}:{lines[-1]}" if lines else str(path)
