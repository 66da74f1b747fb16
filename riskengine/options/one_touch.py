"""Touch options: a fixed amount if the asset reaches a barrier, or if it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.options.barrier import Barrier
from riskengine.options.products import ControlVariate, PathStep, Product, one_of, positive, pytree_product


@pytree_product("barrier", "amount", static=("direction", "pays", "at"))
@dataclass(frozen=True)
class OneTouch(Product):
    """Touch option: pays an amount if the asset reaches the barrier, or only if it never does.

    Parameters
    ----------
    barrier : positive
    maturity : years
    direction : "up" or "down"
    amount : paid
    pays : "touch" or "no touch"
    at : when a touch is paid: at once on the "hit", or at "maturity"
    fixings : times in years at which the barrier is watched, their count up to maturity, or None for all times

    Examples
    --------
    >>> OneTouch(120.0, 1.0, fixings=2).fixings
    (0.5, 1.0)
    """

    barrier: float
    maturity: float
    direction: str = "up"
    amount: float = 1.0
    pays: str = "touch"
    at: str = "maturity"
    fixings: int | Sequence[float] | None = None

    def __post_init__(self) -> None:
        positive("amount", self.amount)
        one_of("pays", self.pays, ("touch", "no touch"))
        one_of("at", self.at, ("hit", "maturity"))
        object.__setattr__(self, "fixings", self._watch().fixings)

    def _watch(self) -> Barrier:
        """A barrier that is watched likewise."""
        return Barrier(self.barrier, self.barrier, self.maturity, self.direction, fixings=self.fixings)

    @property
    def monitoring(self) -> str:  # type: ignore[override]
        """All times, or the fixings."""
        return "extreme" if self.fixings is None else "fixings"

    @property
    def greek_estimator(self) -> str:  # type: ignore[override]
        """As of a barrier option."""
        return "spot shift" if self.fixings is None else "one-step survival"

    def times(self) -> np.ndarray:
        """The fixings and the maturity."""
        return self._watch().times()

    def with_spot(self, spot: float) -> OneTouch:
        """Check that it is not decided."""
        self._watch().with_spot(spot)
        return self

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where the barrier is watched."""
        return self._watch().schedule(grid)

    def start(self, log_spot: Array, constants: dict[str, Array]) -> tuple[Array, Array]:
        """Probability of survival, and present value of a unit on the hit."""
        return jnp.ones_like(log_spot), jnp.zeros_like(log_spot)

    def observe(self, state: tuple[Array, Array], step: PathStep) -> tuple[Array, Array]:
        """Survive a step, or touch."""
        found: tuple[Array, Array] = self._traced().observe(state, step)
        return found

    def survival_levels(self) -> tuple[Array, Array]:
        """On the near side of the barrier."""
        return self._traced().survival_levels()

    def _traced(self) -> Barrier:
        """The barrier inside a program, where its number is not known and not checked."""
        watch = object.__new__(Barrier)
        for name, value in (("barrier", self.barrier), ("direction", self.direction)):
            object.__setattr__(watch, name, value)
        return watch

    def value(self, state: tuple[Array, Array], last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        alive, paid = state
        if self.pays == "no touch":
            return self.amount * discount * alive
        return self.amount * (paid if self.at == "hit" else discount * (1 - alive))

    def controls(self) -> tuple[ControlVariate, ...]:
        """What lies beyond the barrier at maturity, the asset."""
        beyond = "call" if self.direction == "up" else "put"
        return (
            ControlVariate("digital", "barrier", smooth=False),
            ControlVariate("option", "barrier", beyond),
            ControlVariate("forward"),
        )
