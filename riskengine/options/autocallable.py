"""Autocallable notes: early redemption, coupons with memory, and conditional protection of the capital."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    one_of,
    positive,
    pytree_product,
)

WATCHED = ("maturity", "daily", "continuous")
DAYS = 252


class _Note(NamedTuple):
    """Share of the note that is alive, coupons due, share whose protection holds, present value paid."""

    alive: Array
    due: Array
    safe: Array
    paid: Array


@pytree_product(
    "initial", "level", "coupon", "protection", "notional", "strike", "gearing", static=("memory", "coupons")
)
@dataclass(frozen=True)
class Autocallable(Product):
    """Autocallable note: it is called at the first observation at or above its call level.

    Called, it pays the notional and the coupons that are due. Coupons fall due once for each observation and are paid
    on the call; with a coupon level they are paid at each observation at or above it while the note is alive, and with
    memory those missed are then paid too. If it is never called, it pays the notional at maturity, less
    ``gearing max(strike - performance, 0)`` where its protection was breached.

    Parameters
    ----------
    maturity : years
    observations : times in years, or their count up to maturity, which is one of them
    level : of the call, a fraction of the initial value, or one for each observation
    coupon : of an observation, a fraction of the notional
    protection : barrier, a fraction of the initial value
    notional : paid back
    initial : value of the asset at issue; today's spot if None
    missed : observations in the past whose coupons are due, or missed and remembered
    coupon_level : at which coupons are paid, a fraction of the initial value, or one for each observation; None where
        they are paid on the call alone
    memory : whether missed coupons are paid with the next
    watched : when the protection is: at "maturity", "daily", "continuous", or at times in years
    strike : below which the loss is counted, a fraction of the initial value
    gearing : of the loss
    breached : whether the protection was in the past

    Examples
    --------
    >>> Autocallable(2.0, 4, coupon=0.04).observations
    (0.5, 1.0, 1.5, 2.0)
    >>> Autocallable(1.0, 2, level=(1.0, 0.95), coupon_level=0.7, memory=True).levels()
    array([1.  , 0.95])
    """

    maturity: float
    observations: int | Sequence[float]
    level: float | Sequence[float] = 1.0
    coupon: float = 0.05
    protection: float = 0.6
    notional: float = 100.0
    initial: float | None = None
    missed: int = 0
    coupon_level: float | Sequence[float] | None = None
    memory: bool = False
    watched: str | Sequence[float] = "maturity"
    strike: float = 1.0
    gearing: float = 1.0
    breached: bool = False
    coupons: str = field(init=False, repr=False, default="")

    def __post_init__(self) -> None:
        for name in ("maturity", "protection", "notional", "strike", "gearing"):
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
        for name in ("level", "coupon_level"):
            self._check_levels(name, len(times))
        if isinstance(self.watched, str):
            one_of("watched", self.watched, WATCHED)
        else:
            object.__setattr__(self, "watched", fixing_times(self.watched, self.maturity, "watched times"))
        if self.memory and self.coupon_level is None:
            raise DataError("coupons with memory have a coupon level: give it")
        coupons = "on the call" if self.coupon_level is None else "at each observation"
        object.__setattr__(self, "coupons", coupons)

    def _check_levels(self, name: str, count: int) -> None:
        value = getattr(self, name)
        if value is None:
            return
        each = [value] if isinstance(value, (int, float)) else list(value)
        for one in each:
            positive(name.replace("_", " "), one)
        if len(each) not in (1, count):
            raise DataError(
                f"there are {len(each)} of {name} for {count} observations: give one, or one for each"
            )
        if not isinstance(value, (int, float)):
            object.__setattr__(self, name, tuple(float(one) for one in each))

    @property
    def monitoring(self) -> str:  # type: ignore[override]
        """All times, or the observations."""
        return "extreme" if self.watched == "continuous" else "fixings"

    @property
    def greek_estimator(self) -> str:  # type: ignore[override]
        """A jump at the observations; of a protection watched between them a difference is what there is."""
        return "likelihood ratio" if self.watched == "maturity" else "finite difference"

    def _watch_times(self) -> tuple[float, ...]:
        if self.watched == "daily":
            return fixing_times(max(1, round(DAYS * self.maturity)), self.maturity)
        return (self.maturity,) if isinstance(self.watched, str) else tuple(self.watched)

    def times(self) -> np.ndarray:
        """The observations, and where the protection is watched."""
        return _merged(np.union1d(self.observations, self._watch_times()))

    def levels(self, name: str = "level") -> np.ndarray:
        """Of each observation."""
        times = np.atleast_1d(np.asarray(self.observations))
        return np.broadcast_to(np.asarray(getattr(self, name), np.float64), (len(times),)).copy()

    def with_spot(self, spot: float) -> Autocallable:
        """With its initial value."""
        return self if self.initial is not None else replace(self, initial=float(spot))

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where it is observed and watched, and the levels of each observation."""
        marks = fixed_at(grid, self.observations)  # type: ignore[arg-type]
        seen = np.maximum(np.cumsum(marks).astype(int) - 1, 0)
        rows = {"fixed": marks, "level": self.levels()[seen]}
        if self.coupon_level is not None:
            rows["coupon_level"] = self.levels("coupon_level")[seen]
        if self.watched != "continuous":
            rows["watched"] = fixed_at(grid, self._watch_times())
        return rows, {"missed": float(self.missed), "safe": 0.0 if self.breached else 1.0}

    def start(self, log_spot: Array, constants: dict[str, Array]) -> _Note:
        """Alive, with the coupons that past observations left due."""
        one = jnp.ones_like(log_spot)
        return _Note(one, constants["missed"] * one, constants["safe"] * one, 0 * one)

    def observe(self, state: _Note, step: PathStep) -> _Note:
        """Watch the protection, pay coupons, call it where the asset stands high enough."""
        safe = state.safe * self._stays(step)
        performance = jnp.exp(step.after) / self._initial
        seen = step.row["fixed"] > 0
        due = state.due + step.row["fixed"]
        paid = state.paid
        if self.coupons == "at each observation":
            earned = (performance >= step.row["coupon_level"]) & seen
            count = due if self.memory else jnp.ones_like(due)
            units = jnp.where(earned, count, jnp.zeros_like(due))
            paid = paid + state.alive * step.discount * self.notional * self.coupon * units
            due = jnp.where(earned, jnp.zeros_like(due), due)
        high = (performance >= step.row["level"]) & seen
        called = jnp.where(high, state.alive, jnp.zeros_like(state.alive))
        owed = due if self.coupons == "on the call" else jnp.zeros_like(due)
        redeemed = step.discount * self.notional * (1 + self.coupon * owed)
        return _Note(state.alive - called, due, safe, paid + called * redeemed)

    def _stays(self, step: PathStep) -> Array:
        """Probability that the protection is not breached in a step."""
        level = jnp.log(self.protection * self._initial)
        room = step.after - level
        if "watched" in step.row:
            return jnp.where((room < 0) & (step.row["watched"] > 0), 0.0, 1.0).astype(step.after.dtype)
        product = jnp.maximum(step.before - level, 0) * jnp.maximum(room, 0)
        return -jnp.expm1(-2 * product / jnp.maximum(step.variance, 1e-12))

    def value(self, state: _Note, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        performance = jnp.exp(last) / self._initial
        loss = (1 - state.safe) * self.gearing * jnp.maximum(self.strike - performance, 0)
        return state.paid + state.alive * discount * self.notional * (1 - loss)

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
        """Value of the asset at which it is called at last."""
        last = self.level if not isinstance(self.level, tuple) else self.level[-1]
        return last * self._initial

    def controls(self) -> tuple[ControlVariate, ...]:
        """The loss at maturity: a put and a jump at the protection; a jump at the call level; the asset."""
        return (
            ControlVariate("option", "protected", "put"),
            ControlVariate("digital", "protected", smooth=False),
            ControlVariate("digital", "called", smooth=False),
            ControlVariate("forward"),
        )


def _merged(times: np.ndarray) -> np.ndarray:
    """Increasing times without those that rounding has set apart; of two the later."""
    return times[np.append(np.diff(times) > 1e-9 * times[-1], True)]
