"""Autocallable notes: early redemption with coupons, and conditional protection of the capital at maturity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.products import (
    ControlVariate,
    PathStep,
    Product,
    fixed_at,
    fixing_times,
    positive,
    pytree_product,
)


class _Note(NamedTuple):
    """Share of the note that is alive, coupons due, present value paid."""

    alive: Array
    due: Array
    paid: Array


@pytree_product("initial", "level", "coupon", "protection", "notional")
@dataclass(frozen=True)
class Autocallable(Product):
    """Autocallable note: it is called at the first observation at or above its call level.

    Called, it pays the notional and the coupon once for each observation so far. If it is never called, it pays the
    notional at maturity where the asset ends at or above the protection, and the asset's part of its initial
    value below.

    Parameters
    ----------
    maturity : years
    observations : times in years, or their count up to maturity, which is one of them
    level, protection : fractions of the initial value
    coupon : of an observation, a fraction of the notional
    notional : paid back
    initial : value of the asset at issue; today's spot if None
    missed : observations in the past at which it was not called

    Examples
    --------
    >>> Autocallable(2.0, 4, coupon=0.04).observations
    (0.5, 1.0, 1.5, 2.0)
    """

    maturity: float
    observations: int | Sequence[float]
    level: float = 1.0
    coupon: float = 0.05
    protection: float = 0.6
    notional: float = 100.0
    initial: float | None = None
    missed: int = 0
    greek_estimator = "likelihood ratio"

    def __post_init__(self) -> None:
        for name in ("maturity", "level", "protection", "notional"):
            positive(name, getattr(self, name))
        if self.initial is not None:
            positive("initial", self.initial)
        if not (np.isfinite(self.coupon) and self.coupon >= 0):
            raise DataError(f"a coupon is a fraction of the notional and not negative, not {self.coupon}")
        if not (isinstance(self.missed, int) and self.missed >= 0):
            raise DataError(f"missed observations are counted from zero, not {self.missed!r}")
        times = fixing_times(self.observations, self.maturity, "observations")
        if times[-1] < self.maturity * (1 - 1e-9):
            raise DataError(f"the last observation is the maturity {self.maturity:g}: add it")
        object.__setattr__(self, "observations", times)

    def times(self) -> np.ndarray:
        """The observations."""
        return np.asarray(self.observations)

    def with_spot(self, spot: float) -> Autocallable:
        """With its initial value."""
        return self if self.initial is not None else replace(self, initial=float(spot))

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where it is observed."""
        return {"fixed": fixed_at(grid, self.observations)}, {"missed": float(self.missed)}  # type: ignore[arg-type]

    def start(self, log_spot: Array, constants: dict[str, Array]) -> _Note:
        """Alive, with the coupons that past observations left due."""
        one = jnp.ones_like(log_spot)
        return _Note(one, constants["missed"] * one, 0 * one)

    def observe(self, state: _Note, step: PathStep) -> _Note:
        """Call it where the asset stands high enough."""
        due = state.due + step.row["fixed"]
        high = (jnp.exp(step.after) >= self.called) & (step.row["fixed"] > 0)
        called = jnp.where(high, state.alive, jnp.zeros_like(state.alive))
        redeemed = step.discount * self.notional * (1 + self.coupon * due)
        return _Note(state.alive - called, due, state.paid + called * redeemed)

    def value(self, state: _Note, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        performance = jnp.exp(last) / self._initial
        safe = performance >= self.protection
        ends = jnp.where(safe, jnp.ones_like(performance), performance)
        return state.paid + state.alive * discount * self.notional * ends

    @property
    def _initial(self) -> Any:
        assert self.initial is not None, "with_spot() fills it in"
        return self.initial

    @property
    def protected(self) -> Any:
        """Value of the asset at which the protection ends."""
        return self.protection * self._initial

    @property
    def called(self) -> Any:
        """Value of the asset at which it is called."""
        return self.level * self._initial

    def controls(self) -> tuple[ControlVariate, ...]:
        """The loss at maturity: a put and a jump at the protection; a jump at the call level; the asset."""
        return (
            ControlVariate("option", "protected", "put"),
            ControlVariate("digital", "protected", smooth=False),
            ControlVariate("digital", "called", smooth=False),
            ControlVariate("forward"),
        )
