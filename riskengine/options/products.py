"""Path-dependent products: the contract with the simulation, the European option, and payoffs given as functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from riskengine.errors import DataError, SettingsError
from riskengine.options.black import signs

T = TypeVar("T")


class PathStep(NamedTuple):
    """One step of all paths, as a product observes it.

    Attributes
    ----------
    before, after
        Logarithm of the asset at both ends, (paths,).
    variance
        Of the log asset over the step, given its ends' variances, (paths,).
    uniform
        Uniforms (paths,) for a product that asks for them.
    row
        The step's row of the product's schedule.
    discount
        Present value of a unit paid at the end of the step.
    survival
        Where paths are kept alive: the probability that this step is survived, (paths,); None elsewhere.
    """

    before: Array
    after: Array
    variance: Array
    uniform: Array | None
    row: dict[str, Array]
    discount: Array
    survival: Array | None = None


class ControlVariate(NamedTuple):
    """Control variate: a payoff with a known expectation; without numbers, since programs are compiled for it.

    Attributes
    ----------
    name
        ``forward``, ``average``, ``geometric``, ``option`` or ``digital``.
    strike
        Name of the product's attribute that is the strike of an option or digital.
    kind
        Of an option.
    smooth
        Whether derivatives may be taken along the path.
    """

    name: str
    strike: str = ""
    kind: str = "call"
    smooth: bool = True


class Product(ABC):
    """Claim on one path: immutable terms, and a recursion over the steps of the path.

    ``state = start(); state = observe(state, step)`` for each step, then ``value(state)``.

    Attributes
    ----------
    maturity
        Years.
    monitoring
        "fixings", or at all times an "average" or an "extreme", for which the grid must be fine.
    greek_estimator
        Estimator of its derivatives: "pathwise" (Broadie and Glasserman 1996) where the payoff is continuous, the
        "likelihood ratio" of the fixings where it is not, a "spot shift" that decays towards maturity, or "one-step
        survival" (Glasserman and Staum 2001) for a product that says where its path survives.
    needs_uniforms
        Whether each step needs a uniform.
    """

    maturity: float
    monitoring = "fixings"
    greek_estimator = "pathwise"
    needs_uniforms = False

    def times(self) -> np.ndarray:
        """Times in years that the grid must contain, increasing; the last is the maturity."""
        return np.array([self.maturity])

    def with_spot(self: T, spot: float) -> T:
        """The product with what depends on today's spot filled in.

        Raises
        ------
        DataError
            If the spot contradicts the terms.
        """
        return self

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """For grid times (steps + 1,): arrays (steps,) for :meth:`observe`, and constants for :meth:`start`."""
        return {}, {}

    def start(self, log_spot: Array, constants: dict[str, Array]) -> Any:
        """State before the first step; ``log_spot`` is (paths,)."""
        return ()

    def observe(self, state: Any, step: PathStep) -> Any:
        """State after a step."""
        return state

    def survival_levels(self) -> tuple[Array, Array]:
        """Logarithms of the levels between which a path survives a fixing, for "one-step survival"."""
        raise NotImplementedError

    def surviving_value(self, state: Any, last: Array, free: Array, discount: Array) -> Array:
        """:meth:`value` where the path was kept alive; ``free`` is the log asset of the path that was not."""
        return self.value(state, last, discount)

    @abstractmethod
    def value(self, state: Any, last: Array, discount: Array) -> Array:
        """Present value (paths,), from the state, the log asset at maturity and the discount factor to it."""

    def controls(self) -> tuple[ControlVariate, ...]:
        """Controls that go with this product, the best first."""
        return (ControlVariate("forward"),)

    def control(self, control: ControlVariate, state: Any, last: Array, discount: Array) -> Array:
        """Present value (paths,) of a control."""
        if control.name == "forward":
            return discount * jnp.exp(last)
        if control.name == "option":
            sign = 1.0 if control.kind == "call" else -1.0
            return discount * jnp.maximum(sign * (jnp.exp(last) - getattr(self, control.strike)), 0)
        if control.name == "digital":
            beyond = jnp.exp(last) > getattr(self, control.strike)
            return discount * jnp.where(beyond, 1.0, 0.0).astype(last.dtype)
        raise SettingsError(f"{type(self).__name__} has no control named {control.name!r}")


def pytree_product(*data: str, static: tuple[str, ...] = ()) -> Callable[[type[T]], type[T]]:
    """Register a product as a pytree: ``data`` are its leaves, traced; ``static`` its structure, compiled for.

    Other fields matter to the schedule alone and are left out.
    """

    def register(cls: type[T]) -> type[T]:
        def flatten(product: T) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
            return tuple(getattr(product, n) for n in data), tuple(getattr(product, n) for n in static)

        def unflatten(choices: tuple[Any, ...], numbers: Any) -> T:
            product = object.__new__(cls)
            for name, value in (*zip(data, numbers, strict=True), *zip(static, choices, strict=True)):
                object.__setattr__(product, name, value)
            return product

        jax.tree_util.register_pytree_node(cls, flatten, unflatten)
        return cls

    return register


def positive(name: str, value: Any) -> float:
    """A finite positive number.

    Raises
    ------
    DataError
        If it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating, np.integer)):
        raise DataError(f"{name} is a number, not {value!r}")
    if not (np.isfinite(value) and value > 0):
        cause = "an expired product has no price" if name == "maturity" else "mend the terms"
        raise DataError(f"{name} is finite and positive, not {value}: {cause}")
    return float(value)


def one_of(name: str, value: Any, choices: Sequence[str]) -> None:
    """Check a choice.

    Raises
    ------
    SettingsError
        If it is not among them.
    """
    if value not in choices:
        raise SettingsError(f"{name} is one of {', '.join(map(repr, choices))}, not {value!r}")


def fixing_times(fixings: int | Sequence[float], maturity: float, what: str = "fixings") -> tuple[float, ...]:
    """Times of fixings: a count is equally spaced with the last at maturity; times are checked.

    Raises
    ------
    DataError
        If times are not increasing, not after today, or after maturity.
    """
    if isinstance(fixings, (int, np.integer)) and not isinstance(fixings, bool):
        if fixings < 1:
            raise DataError(f"there is at least one of the {what}, not {fixings}")
        return tuple(float(t) for t in maturity * np.arange(1, fixings + 1) / fixings)
    try:
        times = np.atleast_1d(np.asarray(fixings, np.float64))
    except (TypeError, ValueError) as error:
        raise DataError(f"{what} are times in years or their count, not {fixings!r}") from error
    if times.ndim != 1 or len(times) == 0 or not np.all(np.isfinite(times)):
        raise DataError(f"{what} are finite times in years: drop the others")
    if times[0] <= 0:
        raise DataError(
            f"{what} lie after today, and the first is at {times[0]:g}: known values go elsewhere"
        )
    if np.any(np.diff(times) <= 0):
        at = int(np.argmax(np.diff(times) <= 0))
        raise DataError(
            f"{what} are in order of time, but {times[at + 1]:g} follows {times[at]:g}: sort them"
        )
    if times[-1] > maturity * (1 + 1e-12):
        raise DataError(f"{what} end by the maturity {maturity:g}, but one is at {times[-1]:g}")
    return tuple(float(t) for t in np.minimum(times, maturity))


def fixed_at(grid: np.ndarray, times: Sequence[float]) -> np.ndarray:
    """One at the steps (steps,) that end on one of these times, zero elsewhere."""
    marks = np.zeros(len(grid) - 1)
    marks[np.searchsorted(grid, np.asarray(times) - 1e-10 * grid[-1]) - 1] = 1.0
    return marks


@pytree_product("strike", static=("kind",))
@dataclass(frozen=True)
class Vanilla(Product):
    """European option: pays ``max(S_T - K, 0)``, or ``max(K - S_T, 0)``.

    Parameters
    ----------
    strike : positive
    maturity : years
    kind : "call" or "put"
    """

    strike: float
    maturity: float
    kind: str = "call"

    def __post_init__(self) -> None:
        positive("strike", self.strike)
        positive("maturity", self.maturity)
        signs(self.kind)

    def value(self, state: Any, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        sign = 1.0 if self.kind == "call" else -1.0
        return discount * jnp.maximum(sign * (jnp.exp(last) - self.strike), 0)

    def controls(self) -> tuple[ControlVariate, ...]:
        """Itself, where the model has its price: the simulation then adds nothing, and the error is none."""
        return (ControlVariate("option", "strike", self.kind), ControlVariate("forward"))


@pytree_product(static=("payoff",))
@dataclass(frozen=True)
class PathPayoff(Product):
    """Payoff at maturity given as a function of the path.

    Parameters
    ----------
    payoff : from spots at the fixings (fixings, paths) to the payoff (paths,), in ``jax.numpy``
    maturity : years, when it is paid
    fixings : times in years, or their count up to maturity
    smooth : whether the payoff is continuous in the path; derivatives are then taken along the path, and by
        likelihood ratios if not

    Examples
    --------
    >>> import riskengine.options as options
    >>> best = options.PathPayoff(lambda path: jnp.maximum(path.max(axis=0) - 100, 0), 1.0, fixings=4, smooth=True)
    >>> p = options.BlackScholesParams(volatility=0.2)
    >>> round(options.monte_carlo(p, best, greeks=()).price, 1)
    11.4
    """

    payoff: Callable[[Array], Array]
    maturity: float
    fixings: int | Sequence[float] = 1
    smooth: bool = False

    def __post_init__(self) -> None:
        if not callable(self.payoff):
            raise SettingsError("payoff is a function from spots (fixings, paths) to payoffs (paths,)")
        positive("maturity", self.maturity)
        object.__setattr__(self, "fixings", fixing_times(self.fixings, self.maturity))

    @property
    def greek_estimator(self) -> str:  # type: ignore[override]
        """Estimator of derivatives."""
        return "pathwise" if self.smooth else "likelihood ratio"

    def times(self) -> np.ndarray:
        """The fixings and the maturity."""
        return np.union1d(self.fixings, [self.maturity])

    def schedule(self, grid: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Where each step is stored: past the end if it is not a fixing."""
        marks = fixed_at(grid, self.fixings)  # type: ignore[arg-type]
        count = int(marks.sum())
        place = np.where(marks > 0, np.cumsum(marks) - 1, count).astype(np.int32)
        return {"place": place, "fixed": marks}, {"path": np.zeros(count + 1)}

    def start(self, log_spot: Array, constants: dict[str, Array]) -> Array:
        """Room for the path."""
        return jnp.zeros((len(constants["path"]), *log_spot.shape), log_spot.dtype) + log_spot

    def observe(self, state: Array, step: PathStep) -> Array:
        """Store a fixing."""
        return state.at[step.row["place"]].set(step.after)

    def value(self, state: Array, last: Array, discount: Array) -> Array:
        """Present value (paths,)."""
        try:
            paid = jnp.asarray(self.payoff(jnp.exp(state[:-1])))
        except jax.errors.TracerArrayConversionError as error:
            raise SettingsError(
                "the payoff is not written in jax.numpy: replace numpy's functions"
            ) from error
        if paid.shape != last.shape:
            raise SettingsError(f"the payoff has shape {paid.shape}, not one number a path {last.shape}")
        return discount * paid.astype(last.dtype)
