"""Forward-start options and cliquets: on the asset's performance from dates in the future."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError
from riskengine.options.black import signs
from riskengine.options.products import (
    PathStep,
    Product,
    fixed_at,
    fixing_times,
    positive,
    pytree_product,
)


@pytree_product("strike", "notional", static=("kind", "performance"))
@dataclass(frozen=True)
class ForwardStart(Product):
    """Option whose strike is a share of the asset at a later date: pays ``notional max(S_T - strike S_begins, 0)``.

    Parameters
    ----------
    begins : years until the strike is set
    maturity : years
    strike : share of the asset then
    kind : "call" or "put"
    performance : whether it pays ``notional max(S_T / S_begins - strike, 0)`` instead
    notional : of a performance option; units of the asset otherwise

    Examples
    --------
    >>> ForwardStart(0.5, 1.0).times()
    array([0.5, 1. ])
    """

    begins: float
    maturity: float
    strike: float = 1.0
    kind: str = "call"
    performance: bool = False
    notional: float = 1.0

    def __post_init__(self) -> None:
        for name in ("begins", "maturity", "strike", "notional"):
            positive(name, getattr(self, name))
        signs(self.kind)
        if not self.begins < self.maturity:
            raise DataError(
                f"the strike is set before the maturity {self.maturity:g}, not at {self.begins:g}"
            )

    def times(self) -> np.ndarray:
        """When the strike is set, and the maturity."""
        return np.array([self.begins, self.maturity])

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where the strike is set."""
        return {"fixed": fixed_at(grid, self.times()), "set": fixed_at(grid, [self.begins])}, {}  # type: ignore[arg-type]

    def start(self, log_spot: Array, constants: dict[str, Array]) -> Array:
        """Logarithm of the asset when the strike is set."""
        return log_spot

    def observe(self, state: Array, step: PathStep) -> Array:
        """Set the strike."""
        return jnp.where(step.row["set"] > 0, step.after, state)

    def value(self, state: Array, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        sign = 1.0 if self.kind == "call" else -1.0
        gain = jnp.maximum(sign * (jnp.exp(last - state) - self.strike), 0)
        return self.notional * discount * (gain if self.performance else gain * jnp.exp(state))


class _Sum(NamedTuple):
    """Logarithm of the asset at the last reset, and the sum of the returns so far."""

    anchor: Array
    total: Array


@pytree_product("cap", "floor", "least", "most", "notional")
@dataclass(frozen=True)
class Cliquet(Product):
    """Cliquet: the sum of the returns between resets, each between a floor and a cap, itself between two bounds.

    Parameters
    ----------
    maturity : years, the last reset
    resets : times in years at which a return ends, or their count up to maturity
    cap, floor : of each return; none if None
    least, most : of the sum; none if None
    notional : times the sum is paid
    initial : asset at the last reset in the past; today's spot if None
    past : sum of the returns of the past, each between floor and cap

    Examples
    --------
    >>> Cliquet(1.0, 4, cap=0.05, floor=0.0).resets
    (0.25, 0.5, 0.75, 1.0)
    """

    maturity: float
    resets: int | Sequence[float]
    cap: float | None = None
    floor: float | None = None
    least: float | None = 0.0
    most: float | None = None
    notional: float = 100.0
    initial: float | None = None
    past: float = 0.0

    def __post_init__(self) -> None:
        positive("maturity", self.maturity)
        positive("notional", self.notional)
        if self.initial is not None:
            positive("initial", self.initial)
        times = fixing_times(self.resets, self.maturity, "resets")
        if times[-1] < self.maturity * (1 - 1e-9):
            raise DataError(f"the last reset is the maturity {self.maturity:g}: add it")
        object.__setattr__(self, "resets", times)
        for low, high, name in ((self.floor, self.cap, "cap"), (self.least, self.most, "most")):
            given = [x for x in (low, high) if x is not None]
            if not np.isfinite([*given, self.past]).all():
                raise DataError("caps, floors and the past are finite numbers")
            if len(given) == 2 and given[0] > given[1]:
                raise DataError(f"the {name} {given[1]:g} is below its floor {given[0]:g}")

    def times(self) -> np.ndarray:
        """The resets."""
        return np.asarray(self.resets)

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where returns end."""
        constants = {"past": float(self.past)}
        if self.initial is not None:
            constants["initial"] = float(np.log(self.initial))
        return {"fixed": fixed_at(grid, self.resets)}, constants  # type: ignore[arg-type]

    def start(self, log_spot: Array, constants: dict[str, Array]) -> _Sum:
        """From the last reset."""
        one = jnp.ones_like(log_spot)
        anchor = constants["initial"] * one if "initial" in constants else log_spot
        return _Sum(anchor, constants["past"] * one)

    def observe(self, state: _Sum, step: PathStep) -> _Sum:
        """Add a return."""
        gain = _between(jnp.expm1(step.after - state.anchor), self.floor, self.cap)
        fixed = step.row["fixed"] > 0
        return _Sum(
            jnp.where(fixed, step.after, state.anchor),
            state.total + jnp.where(fixed, gain, jnp.zeros_like(gain)),
        )

    def value(self, state: _Sum, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        return self.notional * discount * _between(state.total, self.least, self.most)


def _between(x: Array, low: Any, high: Any) -> Array:
    x = x if low is None else jnp.maximum(x, low)
    return x if high is None else jnp.minimum(x, high)
