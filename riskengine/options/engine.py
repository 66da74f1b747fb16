"""Monte Carlo prices and Greeks of path-dependent products, with their standard errors."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.options.closed_forms import control_mean, known_means
from riskengine.options.estimates import Estimate, Moments
from riskengine.options.garch_paths import (
    DAYS,
    DUAN,
    HESTON_NANDI,
    DuanParams,
    HestonNandiParams,
    check_days,
)
from riskengine.options.heston import HestonParams
from riskengine.options.heston_paths import QUADRATIC_EXPONENTIAL, STILL, STILL_HESTON
from riskengine.options.paths import BLACK_SCHOLES, BlackScholesParams, Dynamics, Market
from riskengine.options.points import DEEPEST, brownian_bridge, dimension_order, random_blocks, sobol_blocks
from riskengine.options.products import Product, one_of, positive
from riskengine.options.simulation import How, Plan, simulate

NUMBERS = 2**21
"""Random numbers of a block, about: bounds its memory, and keeps it near the processor's caches."""
GREEKS = ("delta", "gamma", "vega", "rho")


@dataclass(frozen=True)
class MonteCarloResult:
    """What a simulation found.

    Attributes
    ----------
    price, error
        Present value and its standard error.
    greeks
        By name: ``delta`` and ``gamma`` per unit of spot, ``vega`` per unit of volatility, ``rho`` per unit of
        rate, and the derivatives by parameters that were asked for.
    paths
        Simulated, mirror images included.
    randomisations
        Independent ones, whose spread is the standard error.
    steps
        Of each path.
    controls
        Names of the control variates of the price, and the coefficients on them.
    estimates
        The price that each randomisation gives.
    """

    price: float
    error: float
    greeks: dict[str, Estimate]
    paths: int
    randomisations: int
    steps: int
    controls: dict[str, float]
    estimates: tuple[float, ...]


def dynamics_of(params: Any) -> Dynamics:
    """The steps of the model that these parameters belong to.

    Raises
    ------
    SettingsError
        If they are of no known model.
    """
    if isinstance(params, BlackScholesParams):
        return BLACK_SCHOLES
    if isinstance(params, HestonParams):
        return QUADRATIC_EXPONENTIAL if np.all(np.asarray(params.sigma) >= STILL) else STILL_HESTON
    if isinstance(params, DuanParams):
        return DUAN
    if isinstance(params, HestonNandiParams):
        return HESTON_NANDI
    raise SettingsError(
        "the model is given by its parameters: HestonParams, BlackScholesParams, DuanParams or HestonNandiParams, "
        f"not {type(params).__name__}"
    )


def monte_carlo(
    params: Any,
    product: Product,
    paths: int = 2**17,
    seed: int = 0,
    *,
    spot: float = 100.0,
    rate: float = 0.0,
    dividend: float = 0.0,
    greeks: Sequence[str] = ("delta", "gamma", "vega"),
    steps: int | None = None,
    sampling: str = "sobol",
    controls: bool = True,
    antithetic: bool = False,
    randomisations: int = 32,
    single: bool = True,
    workers: int | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> MonteCarloResult:
    """Price a product on simulated paths.

    The points are Sobol's, scrambled independently for each randomisation and ordered by a Brownian bridge; the
    standard error is the spread of the randomisations. Control variates with regressed coefficients are taken
    from the product where the model knows their price. Paths are made and reduced in blocks, so memory does not
    grow with their number.

    Greeks are derivatives along the path where the payoff is continuous (Broadie and Glasserman 1996), with
    gamma as the difference of deltas on the same paths; and by likelihood ratios of the asset given its variance
    where it is not.

    Parameters
    ----------
    params : HestonParams or BlackScholesParams, risk-neutral; DuanParams or HestonNandiParams, whose steps are days
    product : Asian, Barrier, Lookback, Autocallable, Vanilla, PathPayoff
    paths : rounded up to a whole power of two a randomisation
    seed : of the scrambling
    spot : positive
    rate, dividend : continuously compounded, per year
    greeks : any of delta, gamma, vega (by the volatility now, a year: for Heston the square root of ``v0``), rho
        (by the rate), and ``d_`` with the name of a parameter of the model
    steps : a year; the model's own choice if None
    sampling : "sobol" or "random"
    controls : whether to use control variates
    antithetic : whether to add the mirror image of each path
    randomisations : independent ones, at least 2
    single : whether paths are in single precision; sums are always in double
    workers : threads; all cores if None
    progress : called with a stage, randomisations done, and their number

    Raises
    ------
    DataError
        If spot, parameters or terms are not finite, out of range, or contradict each other.
    SettingsError
        If a setting is out of range.

    Examples
    --------
    >>> import riskengine.options as options
    >>> p = options.HestonParams(v0=0.04, kappa=4.0, theta=0.25, sigma=1.0, rho=-0.5)
    >>> found = options.monte_carlo(p, options.Asian(100.0, maturity=1.0, fixings=12), rate=0.01)
    >>> round(found.price, 1), found.error < 0.01
    (9.4, True)
    """
    one_of("sampling", sampling, ("sobol", "random"))
    for name, number, least in (
        ("paths", paths, 1),
        ("randomisations", randomisations, 2),
        ("steps", steps, 1),
    ):
        if number is not None and (not isinstance(number, (int, np.integer)) or number < least):
            raise SettingsError(f"{name} is a whole number, at least {least}, not {number!r}")
    if not isinstance(product, Product):
        raise SettingsError(f"a product is an Asian, a Barrier, ..., not {type(product).__name__}")
    market = Market(positive("spot", spot), float(rate), float(dividend))
    if not (np.isfinite(market.rate) and np.isfinite(market.dividend)):
        raise DataError("rate and dividend are finite numbers per year")
    dynamics = dynamics_of(params)
    params = dynamics.check(params)
    product = product.bound(market.spot)
    own = dynamics.steps_a_year(product.watched)
    if not dynamics.separate:
        check_days(product.times())
        if steps is not None:
            raise SettingsError("a GARCH model has a step a day: leave steps out")
    grid = time_grid(product.times(), steps or own)
    plan, how = _plan(dynamics, params, market, product, grid, greeks, controls, antithetic, single)
    depth, randomisations = _sizes(paths, randomisations, antithetic)
    moments = _run(plan, how, depth, randomisations, seed, sampling, workers, progress)
    return _result(moments, plan, how, depth, randomisations, greeks)


def time_grid(times: np.ndarray, steps: int | None) -> np.ndarray:
    """Grid from zero through all times, with at least so many steps a year.

    Examples
    --------
    >>> print(time_grid(np.array([0.5, 1.0]), 4))
    [0.   0.25 0.5  0.75 1.  ]
    """
    ends = np.append(0.0, times)
    parts = [np.zeros(1)]
    for left, right in itertools.pairwise(ends):
        count = 1 if steps is None else max(1, int(np.ceil((right - left) * steps - 1e-9)))
        parts.append(left + (right - left) * np.arange(1, count + 1) / count)
    return np.concatenate(parts)


def _sizes(paths: int, randomisations: int, antithetic: bool) -> tuple[int, int]:
    """Points of a randomisation as a power of two, and how many randomisations it takes."""
    points = -(-paths // (2 if antithetic else 1))
    depth = max(0, int(np.ceil(np.log2(max(1.0, points / randomisations)) - 1e-12)))
    if depth <= DEEPEST:
        return depth, randomisations
    return DEEPEST, -(-points // 2**DEEPEST)


def _plan(
    dynamics: Dynamics,
    params: Any,
    market: Market,
    product: Product,
    grid: np.ndarray,
    greeks: Sequence[str],
    controls: bool,
    antithetic: bool,
    single: bool,
) -> tuple[Plan, How]:
    directions: dict[str, Any] = {}
    zero = jax.tree.map(lambda _: 0.0, (params, market))
    for name in greeks:
        if name == "delta":
            directions[name] = (zero[0], zero[1]._replace(spot=1.0))
        elif name == "rho":
            directions[name] = (zero[0], zero[1]._replace(rate=1.0))
        elif name == "vega":
            directions[name] = (_vega(params, zero[0]), zero[1])
        elif name.removeprefix("d_") in params._fields and name.startswith("d_"):
            directions[name] = (zero[0]._replace(**{name.removeprefix("d_"): 1.0}), zero[1])
        elif name != "gamma":
            known = ", ".join((*GREEKS, *(f"d_{field}" for field in params._fields)))
            raise SettingsError(f"no Greek {name!r} of this model: there are {known}")
    chosen = tuple(
        control
        for control in (product.controls() if controls else ())
        if control_mean(control, product, params, market, grid) is not None
    )
    smooth = tuple(control for control in chosen if control.smooth or product.method == "score")
    schedule, constants = product.schedule(grid)
    deviation = dynamics.deviation(params, float(grid[-1]))
    sides = {}
    if product.method == "shift":  # steep in the parameters: differences of prices on the same paths
        for name in [name for name in directions if name != "delta"]:
            sides[name] = _sides((params, market), directions.pop(name))
    plan = Plan(
        params,
        market,
        product,
        grid,
        schedule,
        constants,
        brownian_bridge(grid),
        directions,
        sides,
        np.float64(0.05 * market.spot * deviation),
        np.float64(1 / (dynamics.fade * deviation**2)),
    )
    return plan, How(dynamics, chosen, smooth, "gamma" in greeks, product.method, antithetic, single)


def _sides(here: Any, direction: Any) -> tuple[Any, Any, np.float64]:
    """Both ends of a difference: a twentieth of what moves, and no correlation beyond one."""
    leaves, moves = jax.tree.leaves(here), jax.tree.leaves(direction)
    step = 0.05 * max(max(abs(x), 0.1) / abs(d) for x, d in zip(leaves, moves, strict=True) if d != 0)
    if isinstance(here[0], HestonParams) and direction[0].rho != 0:
        step = min(step, (1 - abs(here[0].rho)) / 2)
    low, high = (jax.tree.map(lambda x, d, s=side: x + s * step * d, here, direction) for side in (-1, 1))
    return low, high, np.float64(2 * step)


def _vega(params: Any, zero: Any) -> Any:
    """Tangent of the parameters when the volatility now moves by one."""
    if isinstance(params, BlackScholesParams):
        return zero._replace(volatility=1.0)
    if isinstance(params, (DuanParams, HestonNandiParams)):
        return zero._replace(variance=2 * float(np.sqrt(params.variance / DAYS)))
    return zero._replace(v0=2 * float(np.sqrt(params.v0)))


def _run(
    plan: Plan,
    how: How,
    depth: int,
    randomisations: int,
    seed: int,
    sampling: str,
    workers: int | None,
    progress: Callable[[str, int, int], None] | None,
) -> dict[str, Moments]:
    """All randomisations, a thread each."""
    steps, factors = len(plan.grid) - 1, how.dynamics.factors
    order = dimension_order(plan.bridge, factors).ravel()
    if plan.product.uniforms:
        order = np.append(order, np.arange(steps * factors, steps * (factors + 1)))
    block = max(4, int(np.log2(NUMBERS / len(order))))
    blocks = sobol_blocks if sampling == "sobol" else random_blocks

    def one(index: int) -> dict[str, Any]:
        rng = np.random.default_rng([seed, index])
        with jax.enable_x64(True):
            total: dict[str, Any] = {}
            for bits, shift in blocks(order, depth, block, rng):
                sums = jax.device_get(simulate(plan, how, bits, shift))
                total = jax.tree.map(np.add, total, sums) if total else sums
        return total

    def all_of_them() -> Iterator[dict[str, Any]]:
        yield one(0)  # compiles, once
        with ThreadPoolExecutor(workers or _cores()) as pool:
            yield from pool.map(one, range(1, randomisations))

    moments: dict[str, Moments] = {}
    for done, found in enumerate(all_of_them()):
        for name, sums in found.items():
            if not np.all(np.isfinite(sums.first)):
                raise DataError(
                    f"the {name} is not finite on some paths: check the payoff and the parameters"
                )
            moments.setdefault(name, Moments(len(sums.first))).add(sums.first, sums.second, 2**depth)
        if progress is not None:
            progress("paths", done + 1, randomisations)
    return moments


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _result(
    moments: dict[str, Moments],
    plan: Plan,
    how: How,
    depth: int,
    randomisations: int,
    greeks: Sequence[str],
) -> MonteCarloResult:
    """Regress on the controls."""
    known = known_means(plan, how)
    price, beta, each = moments["price"].estimate(known["price"])
    return MonteCarloResult(
        price.value,
        price.error,
        {name: moments[name].estimate(known[name])[0] for name in greeks},
        randomisations * 2**depth * (2 if how.antithetic else 1),
        randomisations,
        len(plan.grid) - 1,
        {f"{c.name} {c.strike}".strip(): float(b) for c, b in zip(how.controls, beta, strict=True)},
        tuple(float(x) for x in each),
    )
