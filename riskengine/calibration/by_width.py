"""Programs of a calibration, compiled by options that suit the number of series."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax

FEW = 32
"""Series up to which a program that compiles in three fifths of the time and runs up to twice as long is ahead."""

_QUICK = {"xla_cpu_use_fusion_emitters": False}


class ByWidth:
    """A function with two programs: of few series, whose compiling is all that is felt, and of many.

    The options are part of the key by which compiled programs are kept.

    Parameters
    ----------
    function : to be compiled
    settings : of ``jax.jit``

    Examples
    --------
    >>> double = ByWidth(lambda x: 2 * x)
    >>> float(double.of(20)(1.5)), double.programs
    (3.0, 1)
    """

    def __init__(self, function: Callable[..., Any], **settings: Any) -> None:
        self._function, self._settings = function, settings
        self._many: Any = jax.jit(function, **settings)
        self._few: Any = None

    def of(self, series: int) -> Callable[..., Any]:
        """The function for so many series."""
        if series > FEW or not _can_be_quick():
            many: Callable[..., Any] = self._many
            return many
        if self._few is None:
            self._few = jax.jit(self._function, compiler_options=_QUICK, **self._settings)
        few: Callable[..., Any] = self._few
        return few

    @property
    def programs(self) -> int:
        """How many were compiled."""
        return sum(one._cache_size() for one in (self._many, self._few) if one is not None)


@cache
def _can_be_quick() -> bool:
    """Whether this compiler is one of processors, and knows the option."""
    if jax.default_backend() != "cpu":
        return False
    try:
        jax.jit(lambda: 0, compiler_options=_QUICK)()
    except jax.errors.JaxRuntimeError:
        return False
    return True
