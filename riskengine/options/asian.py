"""Asian options: arithmetic or geometric averages, fixed or average strike, discrete or continuous, seasoned."""

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
    one_of,
    positive,
    pytree_product,
)


@pytree_product("strike", static=("kind", "average"))
@dataclass(frozen=True)
class Asian(Product):
    """Asian option: pays ``max(A - K, 0)`` on the average ``A`` of the asset, or ``max(K - A, 0)``.

    Parameters
    ----------
    strike : positive; None for an average strike, where the call pays ``max(S_T - A, 0)``
    maturity : years, when it is paid
    fixings : times in years, their count up to maturity, or None for a continuous average
    kind : "call" or "put"
    average : "arithmetic" or "geometric"
    past : values already fixed, which count in the average like those to come; with ``fixings = 0`` they are all

    Examples
    --------
    >>> Asian(100.0, 1.0, fixings=4).fixings
    (0.25, 0.5, 0.75, 1.0)
    """

    strike: float | None
    maturity: float
    fixings: int | Sequence[float] | None = None
    kind: str = "call"
    average: str = "arithmetic"
    past: Sequence[float] = ()

    def __post_init__(self) -> None:
        positive("maturity", self.maturity)
        if self.strike is not None:
            positive("strike", self.strike)
        signs(self.kind)
        one_of("average", self.average, ("arithmetic", "geometric"))
        if self.fixings in (0, (), []) and len(self.past):  # all of them are known
            object.__setattr__(self, "fixings", ())
        elif self.fixings is not None:
            object.__setattr__(self, "fixings", fixing_times(self.fixings, self.maturity))
        elif len(self.past):
            raise DataError("a continuous average has no count of past fixings: give the fixings to come")
        object.__setattr__(self, "past", tuple(positive("a past fixing", value) for value in self.past))

    @property
    def monitoring(self) -> str:  # type: ignore[override]
        """The average over all times, or the fixings."""
        return "average" if self.fixings is None else "fixings"

    def times(self) -> np.ndarray:
        """The fixings and the maturity."""
        return np.union1d(self.fixings or (), [self.maturity])

    def weights(self, grid: np.ndarray) -> np.ndarray:
        """Weight of each grid time (steps + 1,) in the average; with past values they sum to less than one."""
        if self.fixings is None:  # trapezium
            dt = np.diff(grid) / grid[-1]
            return (np.append(dt, 0.0) + np.append(0.0, dt)) / 2
        marks = fixed_at(grid, self.fixings)  # type: ignore[arg-type]
        return np.append(0.0, marks) / (marks.sum() + len(self.past))

    def known(self) -> tuple[float, float]:
        """What the past adds to the average, and to its logarithm."""
        if not len(self.past):
            return 0.0, 0.0
        count = len(self.past) + len(self.fixings)  # type: ignore[arg-type]
        return sum(self.past) / count, float(np.sum(np.log(self.past))) / count

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Weights of the steps, and what is known at the start."""
        weights, (total, logs) = self.weights(grid), self.known()
        rows = {"weight": weights[1:], "fixed": (weights[1:] > 0).astype(np.float64)}
        return rows, {"weight": weights[0], "total": total, "logs": logs}

    def start(self, log_spot: Array, constants: dict[str, Array]) -> tuple[Array, Array]:
        """Sums of the weighted asset and of its logarithm."""
        weight = constants["weight"]
        return constants["total"] + weight * jnp.exp(log_spot), constants["logs"] + weight * log_spot

    def observe(self, state: tuple[Array, Array], step: PathStep) -> tuple[Array, Array]:
        """Add a fixing."""
        weight = step.row["weight"]
        return state[0] + weight * jnp.exp(step.after), state[1] + weight * step.after

    def _payoff(self, average: Array, last: Array) -> Array:
        sign = 1.0 if self.kind == "call" else -1.0
        gain = average - self.strike if self.strike is not None else jnp.exp(last) - average
        return jnp.maximum(sign * gain, 0)

    def value(self, state: tuple[Array, Array], last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        average = state[0] if self.average == "arithmetic" else jnp.exp(state[1])
        return discount * self._payoff(average, last)

    def controls(self) -> tuple[ControlVariate, ...]:
        """The geometric average with the same strike, the average itself, the asset."""
        own = self.average == "arithmetic" and self.strike is not None
        return (
            *((ControlVariate("geometric"),) if own else ()),
            ControlVariate("average"),
            ControlVariate("forward"),
        )

    def control(self, control: ControlVariate, state: Any, last: Array, discount: Array) -> Array:
        """Present value (paths,) of a control."""
        if control.name == "geometric":
            return discount * self._payoff(jnp.exp(state[1]), last)
        if control.name == "average":
            return discount * state[0]
        return super().control(control, state, last, discount)
