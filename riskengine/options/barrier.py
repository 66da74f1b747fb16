"""Barrier options: up or down, in or out, with rebate, watched at all times or at fixings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    one_of,
    positive,
    pytree_product,
)

if TYPE_CHECKING:
    from riskengine.options.double_barrier import DoubleBarrier


@pytree_product("strike", "barrier", "rebate", static=("direction", "knock", "kind"))
@dataclass(frozen=True)
class Barrier(Product):
    """Barrier option: a European option that is knocked in or out when the asset reaches the barrier.

    Under continuous monitoring the payoff is weighted by the probability that Brownian bridges between the steps stay
    on the near side, ``prod(1 - exp(-2 (b - x_i) (b - x_{i+1}) / variance_i))`` with logarithms ``b`` of the barrier
    and ``x`` of the asset (Glasserman 2003, 6.4). Under Heston the variance moves within a step, and the price has a
    bias of the first order in it: at one every other day .2 to .7%, at the default two steps a day within two standard
    errors of a million paths (``backtests/options/barrier_grid.py``).

    Parameters
    ----------
    strike, barrier : positive
    maturity : years
    direction : "up" or "down"
    knock : "out" or "in"
    kind : "call" or "put"
    rebate : paid when the option is knocked out, or at maturity if it was never knocked in
    fixings : times in years at which the barrier is watched, their count up to maturity, or None for all times
    window : first and last time between which it is watched at all times; from now to maturity if None
    hit : whether it was reached in the past

    Examples
    --------
    >>> Barrier(100.0, 120.0, 1.0, fixings=2).fixings
    (0.5, 1.0)
    """

    strike: float
    barrier: float
    maturity: float
    direction: str = "up"
    knock: str = "out"
    kind: str = "call"
    rebate: float = 0.0
    fixings: int | Sequence[float] | None = None
    window: tuple[float, float] | None = None
    hit: bool = False

    def __post_init__(self) -> None:
        for name in ("strike", "barrier", "maturity"):
            positive(name, getattr(self, name))
        one_of("direction", self.direction, ("up", "down"))
        one_of("knock", self.knock, ("out", "in"))
        signs(self.kind)
        if not (np.isfinite(self.rebate) and self.rebate >= 0):
            raise DataError(f"a rebate is finite and not negative, not {self.rebate}")
        if self.fixings is not None:
            object.__setattr__(self, "fixings", fixing_times(self.fixings, self.maturity))
            if self.window is not None:
                raise DataError("a barrier is watched at its fixings or in its window: give one of them")
        first, last = self.window or (0.0, self.maturity)
        if not (np.isfinite(first) and 0 <= first < last <= self.maturity * (1 + 1e-12)):
            raise DataError(
                f"the window {first:g} to {last:g} is not in order within 0 and {self.maturity:g}"
            )

    @property
    def monitoring(self) -> str:  # type: ignore[override]
        """All times, or the fixings."""
        return "extreme" if self.fixings is None else "fixings"

    @property
    def greek_estimator(self) -> str:  # type: ignore[override]
        """Survival at all times is continuous in the path, though steep; a hit at a fixing is a jump."""
        return "spot shift" if self.fixings is None else "one-step survival"

    def times(self) -> np.ndarray:
        """The fixings and the maturity."""
        known: Any = self.fixings or self.window or ()
        return np.union1d([t for t in known if t > 0], [self.maturity])

    def with_spot(self, spot: float) -> Barrier:
        """Check that the option is alive, unless it is said not to be."""
        if self.hit:
            return self
        if (
            self.fixings is None
            and (self.window is None or self.window[0] == 0)
            and (spot >= self.barrier if self.direction == "up" else spot <= self.barrier)
        ):
            worth = "its rebate" if self.knock == "out" else "the plain option"
            raise DataError(
                f"the barrier {self.barrier:g} is already hit by a spot of {spot:g}: the product is worth {worth}"
            )
        return self

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where the barrier is watched."""
        steps = len(grid) - 1
        fixed = np.ones(steps) if self.fixings is None else fixed_at(grid, self.fixings)  # type: ignore[arg-type]
        rows = {"fixed": fixed} | ({} if self.fixings is None else {"watched": fixed})
        if self.window is not None:
            first, last = self.window
            rows["within"] = ((grid[:-1] > first - 1e-10) & (grid[1:] < last + 1e-10)).astype(float)
        return rows, {"alive": 0.0 if self.hit else 1.0}

    def start(self, log_spot: Array, constants: dict[str, Array]) -> tuple[Array, Array]:
        """Probability of survival, and present value of rebates paid."""
        return constants["alive"] * jnp.ones_like(log_spot), jnp.zeros_like(log_spot)

    def observe(self, state: tuple[Array, Array], step: PathStep) -> tuple[Array, Array]:
        """Survive a step, or be paid the rebate."""
        alive, paid = state
        sign = 1.0 if self.direction == "up" else -1.0
        level = jnp.log(self.barrier)
        room = sign * (level - step.after)
        if step.survival is not None:
            after = alive * step.survival
        elif "watched" in step.row:
            after = jnp.where((room <= 0) & (step.row["watched"] > 0), 0, alive).astype(alive.dtype)
        else:
            product = jnp.maximum(sign * (level - step.before), 0) * jnp.maximum(room, 0)
            stays = -jnp.expm1(-2 * product / jnp.maximum(step.variance, 1e-12))
            if "within" in step.row:
                stays = jnp.where(step.row["within"] > 0, stays, jnp.ones_like(stays))
            after = alive * stays
        return after, paid + step.discount * (alive - after)

    def value(self, state: tuple[Array, Array], last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        return knocked_value(self, state, last, last, discount)

    def survival_levels(self) -> tuple[Array, Array]:
        """On the near side of the barrier."""
        far, level = jnp.asarray(FAR), jnp.log(self.barrier)
        return (-far, level) if self.direction == "up" else (level, far)

    def surviving_value(self, state: tuple[Array, Array], last: Array, free: Array, discount: Array) -> Array:
        """A knock-in is the plain option on the free path less the knock-out on the one kept alive."""
        return knocked_value(self, state, last, free, discount)

    def controls(self) -> tuple[ControlVariate, ...]:
        """The plain option, what of it lies beyond the barrier, the asset."""
        return (
            ControlVariate("option", "strike", self.kind),
            ControlVariate("option", "barrier", self.kind),
            ControlVariate("digital", "barrier", smooth=False),
            ControlVariate("forward"),
        )


FAR = 100.0
"""Logarithm of a level that no asset reaches."""


def knocked_value(
    terms: Barrier | DoubleBarrier, state: tuple[Array, Array], last: Array, free: Array, discount: Array
) -> Array:
    """Present value ``(paths,)`` from the probability of survival and the rebates that were paid.

    ``last`` is the log asset that survived, ``free`` that of a path which nothing was asked of.
    """
    alive, paid = state
    sign = 1.0 if terms.kind == "call" else -1.0
    survived, plain = (discount * jnp.maximum(sign * (jnp.exp(x) - terms.strike), 0) for x in (last, free))
    if terms.knock == "out":
        return alive * survived + terms.rebate * paid
    return plain - alive * survived + terms.rebate * discount * alive
