"""Double-barrier options: knocked out or in where the asset leaves a corridor, at all times or at fixings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.barrier import knocked_value
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

IMAGES = 2
"""Pairs of images of a Brownian bridge in the corridor; a step is short against its width."""


@pytree_product("strike", "lower", "upper", "rebate", static=("knock", "kind"))
@dataclass(frozen=True)
class DoubleBarrier(Product):
    """Double-barrier option: a European option that is knocked out or in where the asset leaves a corridor.

    At all times the payoff is weighted by the probability that Brownian bridges between the steps stay within, a sum
    over images at both barriers.

    Parameters
    ----------
    strike : positive
    lower, upper : barriers, positive
    maturity : years
    knock : "out" or "in"
    kind : "call" or "put"
    rebate : paid when the option is knocked out, or at maturity if it was never knocked in
    fixings : times in years at which the barriers are watched, their count up to maturity, or None for all times
    hit : whether one was reached in the past

    Examples
    --------
    >>> DoubleBarrier(100.0, 80.0, 120.0, 1.0, fixings=2).fixings
    (0.5, 1.0)
    """

    strike: float
    lower: float
    upper: float
    maturity: float
    knock: str = "out"
    kind: str = "call"
    rebate: float = 0.0
    fixings: int | Sequence[float] | None = None
    hit: bool = False

    def __post_init__(self) -> None:
        for name in ("strike", "lower", "upper", "maturity"):
            positive(name, getattr(self, name))
        if not self.lower < self.upper:
            raise DataError(f"the lower barrier {self.lower:g} is below the upper one, not {self.upper:g}")
        one_of("knock", self.knock, ("out", "in"))
        signs(self.kind)
        if not (np.isfinite(self.rebate) and self.rebate >= 0):
            raise DataError(f"a rebate is finite and not negative, not {self.rebate}")
        if self.fixings is not None:
            object.__setattr__(self, "fixings", fixing_times(self.fixings, self.maturity))

    @property
    def monitoring(self) -> str:  # type: ignore[override]
        """All times, or the fixings."""
        return "extreme" if self.fixings is None else "fixings"

    @property
    def greek_estimator(self) -> str:  # type: ignore[override]
        """As of a single barrier."""
        return "spot shift" if self.fixings is None else "one-step survival"

    def times(self) -> np.ndarray:
        """The fixings and the maturity."""
        return np.union1d(self.fixings or (), [self.maturity])

    def with_spot(self, spot: float) -> DoubleBarrier:
        """Check that the option is alive, unless it is said not to be."""
        if not self.hit and self.fixings is None and not self.lower < spot < self.upper:
            worth = "its rebate" if self.knock == "out" else "the plain option"
            raise DataError(
                f"a spot of {spot:g} is outside the corridor {self.lower:g} to {self.upper:g}: the product is worth "
                f"{worth}"
            )
        return self

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where the barriers are watched."""
        steps = len(grid) - 1
        fixed = np.ones(steps) if self.fixings is None else fixed_at(grid, self.fixings)  # type: ignore[arg-type]
        rows = {"fixed": fixed} | ({} if self.fixings is None else {"watched": fixed})
        return rows, {"alive": 0.0 if self.hit else 1.0}

    def start(self, log_spot: Array, constants: dict[str, Array]) -> tuple[Array, Array]:
        """Probability of survival, and present value of rebates paid."""
        return constants["alive"] * jnp.ones_like(log_spot), jnp.zeros_like(log_spot)

    def observe(self, state: tuple[Array, Array], step: PathStep) -> tuple[Array, Array]:
        """Survive a step, or be paid the rebate."""
        alive, paid = state
        low, high = jnp.log(self.lower), jnp.log(self.upper)
        inside = (step.after > low) & (step.after < high)
        if step.survival is not None:
            stays = step.survival
        elif "watched" in step.row:
            stays = jnp.where(inside | (step.row["watched"] == 0), 1.0, 0.0).astype(alive.dtype)
        else:
            stays = corridor(step.before - low, step.after - low, high - low, step.variance)
        after = alive * stays
        return after, paid + step.discount * (alive - after)

    def value(self, state: tuple[Array, Array], last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        return knocked_value(self, state, last, last, discount)

    def survival_levels(self) -> tuple[Array, Array]:
        """Both barriers."""
        return jnp.log(self.lower), jnp.log(self.upper)

    def surviving_value(self, state: tuple[Array, Array], last: Array, free: Array, discount: Array) -> Array:
        """As of a single barrier."""
        return knocked_value(self, state, last, free, discount)

    def controls(self) -> tuple[ControlVariate, ...]:
        """The plain option, what lies beyond the barriers, the asset."""
        return (
            ControlVariate("option", "strike", self.kind),
            ControlVariate("option", "upper", "call"),
            ControlVariate("option", "lower", "put"),
            ControlVariate("digital", "upper", smooth=False),
            ControlVariate("digital", "lower", smooth=False),
            ControlVariate("forward"),
        )


def corridor(x: Array, y: Array, width: Array, variance: Array) -> Array:
    """Probability that a Brownian bridge from ``x`` to ``y`` stays between zero and ``width``."""
    x, y = jnp.clip(x, 0, width), jnp.clip(y, 0, width)
    scale = -2 / jnp.maximum(variance, 1e-12)
    total = jnp.zeros_like(x)
    for k in range(-IMAGES, IMAGES + 1):
        total = total + jnp.exp(jnp.minimum(scale * k * width * (k * width + y - x), 0.0))
        total = total - jnp.exp(jnp.minimum(scale * (k * width + x) * (k * width + y), 0.0))
    return jnp.clip(total, 0, 1)
