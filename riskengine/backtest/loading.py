"""Strategies from files."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from riskengine.errors import StrategyError
from riskengine.portfolio import Strategy
from riskengine.portfolio.ask import STRATEGY_FAULTS


def load_strategy(path: str | Path, **settings: Any) -> Strategy:
    """Load a strategy file and call its ``build(**settings)``.

    Raises
    ------
    StrategyError
        If the file is missing or broken, has no ``build``, or builds something that is not a strategy.
        The message names the file, the line and the cause.
    """
    path = Path(path)
    build = load_builder(path)
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
    return strategy


def load_builder(path: str | Path) -> Callable[..., Any]:
    """The ``build`` of a strategy file.

    Raises
    ------
    StrategyError
        If the file is missing or broken, or has no ``build``.
    """
    path = Path(path)
    if not path.is_file():
        raise StrategyError(f"no strategy file {path}")
    if path.suffix != ".py":
        raise StrategyError(f"{path} is not a Python file: a strategy is a .py file with build(...)")
    spec = importlib.util.spec_from_file_location(f"strategy_{path.stem}", path)
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


def _place(path: Path, error: BaseException) -> str:
    """File and line in the strategy file where the error arose, as far as it is known."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{path}:{error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return f"{path}:{lines[-1]}" if lines else str(path)
