"""Lookback options: on the highest or lowest value of the asset, fixed or floating strike, over a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.black import signs
from riskengine.options.products import (
    ControlVariate,
    PathStep,
    Product,
    fixed_at,
    fixing_times,
    positive,
    pytree_product,
)


@pytree_product("strike", "share", static=("kind",))
@dataclass(frozen=True)
class Lookback(Product):
    """Lookback option: on the highest or lowest value of the asset over a window.

    With a fixed strike the call pays ``max(highest - strike, 0)`` and the put ``max(strike - lowest, 0)``; with a
    floating one the call pays ``max(S_T - share lowest, 0)`` and the put ``max(share highest - S_T, 0)``. Under
    continuous monitoring the extreme between two steps is drawn from its law given a Brownian bridge,
    ``(x + y +- sqrt((y - x)^2 - 2 variance log U)) / 2`` (Glasserman 2003, 6.4).

    Parameters
    ----------
    strike : positive, or None for a floating strike
    maturity : years
    kind : "call" or "put"
    fixings : times in years at which the asset counts, their count up to maturity, or None for all times
    extreme : the one reached so far; today's spot if None
    window : first and last time that count, when all times between them do; all up to maturity if None
    share : of the extreme, for a floating strike

    Examples
    --------
    >>> Lookback(None, 0.5, fixings=[0.25, 0.5]).monitoring
    'fixings'
    """

    strike: float | None
    maturity: float
    kind: str = "call"
    fixings: int | Sequence[float] | None = None
    extreme: float | None = None
    window: tuple[float, float] | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        positive("maturity", self.maturity)
        positive("share", self.share)
        signs(self.kind)
        for name in ("strike", "extreme"):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name))
        if self.fixings is not None:
            object.__setattr__(self, "fixings", fixing_times(self.fixings, self.maturity))
            if self.window is not None:
                raise DataError("a lookback counts at its fixings or in its window: give one of them")
        first, last = self.window or (0.0, self.maturity)
        if not (np.isfinite(first) and 0 <= first < last <= self.maturity):
            raise DataError(
                f"the window {first:g} to {last:g} is not in order within 0 and {self.maturity:g}"
            )
        if first > 0 and self.extreme is not None:
            raise DataError("a window that begins later has no extreme yet: leave it out")

    @property
    def monitoring(self) -> str:  # type: ignore[override]
        """All times, or the fixings."""
        return "extreme" if self.fixings is None else "fixings"

    @property
    def needs_uniforms(self) -> bool:  # type: ignore[override]
        """The extreme between two steps needs one."""
        return self.fixings is None

    @property
    def _side(self) -> float:
        """One if the highest value matters, minus one for the lowest."""
        return 1.0 if (self.strike is not None) == (self.kind == "call") else -1.0

    def times(self) -> np.ndarray:
        """Fixings, ends of the window, and the maturity."""
        known: Any = self.fixings or self.window or ()
        return np.union1d([t for t in known if t > 0], [self.maturity])

    def with_spot(self, spot: float) -> Lookback:
        """Check that the extreme so far is one."""
        if self.extreme is not None and self.fixings is None and self._side * (self.extreme - spot) < 0:
            word = "highest" if self._side > 0 else "lowest"
            raise DataError(
                f"the {word} value so far, {self.extreme:g}, is passed by a spot of {spot:g}: mend it"
            )
        return self

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The steps that count, and the extreme at the start in logarithms: infinite if there is none yet."""
        first, last = self.window or (0.0, self.maturity)
        within = (grid[1:] > first + 1e-10) & (grid[1:] <= last + 1e-10)
        counts = within.astype(float) if self.fixings is None else fixed_at(grid, self.fixings)  # type: ignore[arg-type]
        known = np.log(self.extreme) if self.extreme is not None else -np.inf * self._side
        constants = {"extreme": known}
        if self.extreme is None and self.fixings is None and first == 0:
            constants["from spot"] = 0.0
        return {
            "fixed": np.ones(len(grid) - 1) if self.fixings is None else counts,
            "counts": counts,
        }, constants

    def start(self, log_spot: Array, constants: dict[str, Array]) -> Array:
        """Logarithm of the extreme."""
        return log_spot if "from spot" in constants else constants["extreme"] * jnp.ones_like(log_spot)

    def observe(self, state: Array, step: PathStep) -> Array:
        """ConditionalReturn the extreme."""
        reached = step.after
        if step.uniform is not None:
            gone = step.after - step.before
            reach = jnp.sqrt(gone**2 - 2 * step.variance * jnp.log(step.uniform))
            reached = (step.before + step.after + self._side * reach) / 2
        further = jnp.maximum(state, reached) if self._side > 0 else jnp.minimum(state, reached)
        return jnp.where(step.row["counts"] > 0, further, state)

    def value(self, state: Array, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        extreme, end = jnp.exp(state), jnp.exp(last)
        if self.strike is not None:
            return discount * jnp.maximum(self._side * (extreme - self.strike), 0)
        return discount * jnp.maximum(self._side * (self.share * extreme - end), 0)

    def controls(self) -> tuple[ControlVariate, ...]:
        """The plain option with the same strike, the asset."""
        plain = (ControlVariate("option", "strike", self.kind),) if self.strike is not None else ()
        return (*plain, ControlVariate("forward"))
