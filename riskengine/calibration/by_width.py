"""Programs of a calibration, compiled by options that suit the number of series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax

from riskengine.calibration.exported import Exported
from riskengine.garch.recursion import WIDEST

FEW = WIDEST
"""Series whose days are one compiled loop: no slower where it is compiled quickly."""

_QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}
"""A first calibration of 100 assets of 1,000 days takes .56 of the processor time, the next ones .95 to 1.15; of 2,000
assets, whose days are not one loop, the next ones take up to twice as long."""


class ByWidth:
    """A function with two programs: of few series, whose compiling is what is felt, and of many.

    The options are part of the key by which compiled programs are kept.

    Parameters
    ----------
    function, static_argnames, returns : as of :class:`~riskengine.calibration.exported.Exported`

    Examples
    --------
    >>> double = ByWidth(lambda x: 2 * x)
    >>> float(double.of(20)(1.5)), double.programs
    (3.0, 1)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        static_argnames: Sequence[str] = (),
        returns: Sequence[type] = (),
    ) -> None:
        self._many = Exported(function, static_argnames, returns=returns)
        self._few = Exported(function, static_argnames, _QUICK, returns)

    def of(self, series: int) -> Exported:
        """The function for so many series."""
        return self._few if series <= FEW and _can_be_quick() else self._many

    @property
    def programs(self) -> int:
        """How many were compiled."""
        return self._many.programs + self._few.programs


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
