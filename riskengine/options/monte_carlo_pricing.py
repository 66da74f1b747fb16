"""Monte Carlo prices and Greeks of path-dependent products, with their standard errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.options.baskets import BasketParams, CorrelatedDynamics
from riskengine.options.brownian_bridge import brownian_bridge, dimension_order
from riskengine.options.closed_forms import control_mean, known_means
from riskengine.options.control_variates import Estimate, RegressionMoments
from riskengine.options.dynamics import BLACK_SCHOLES, BlackScholesParams, MarketData
from riskengine.options.garch_paths import (
    DAYS,
    DUAN,
    HESTON_NANDI,
    DuanParams,
    HestonNandiParams,
    check_days,
)
from riskengine.options.heston import HestonParams
from riskengine.options.heston_paths import DETERMINISTIC_VARIANCE, LEAST_SIGMA, QUADRATIC_EXPONENTIAL
from riskengine.options.market_curves import MarketCurves
from riskengine.options.path_kernel import KernelInputs, KernelStatic, TermStructure, simulate
from riskengine.options.products import Product, one_of, positive
from riskengine.options.quasi_random import DEEPEST, random_blocks, sobol_blocks
from riskengine.runtime import available_cores

BLOCK_NUMBERS = 2**21
"""Random numbers of a block, about: bounds its memory, and keeps it near the processor's caches."""
GREEKS = ("delta", "gamma", "vega", "rho", "dividend_rho")
UNBENT = ("average", "geometric")
"""Controls whose expectation is known for flat rates and dividends alone."""


@dataclass(frozen=True)
class MonteCarloResult:
    """Monte Carlo price and Greeks with their standard errors.

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
    notes
        By name of a Greek whose estimator failed: why, and what stands in its place.
    """

    price: float
    error: float
    greeks: dict[str, Estimate]
    paths: int
    randomisations: int
    steps: int
    controls: dict[str, float]
    estimates: tuple[float, ...]
    notes: dict[str, str] = field(default_factory=dict)


def dynamics_of(params: Any) -> Any:
    """Dynamics of the model that these parameters belong to.

    Raises
    ------
    SettingsError
        If they are of no known model.
    """
    if isinstance(params, BlackScholesParams):
        return BLACK_SCHOLES
    if isinstance(params, HestonParams):
        return (
            QUADRATIC_EXPONENTIAL
            if np.all(np.asarray(params.sigma) >= LEAST_SIGMA)
            else DETERMINISTIC_VARIANCE
        )
    if isinstance(params, BasketParams):
        return CorrelatedDynamics(isinstance(params.models, HestonParams), len(params.weights))
    if isinstance(params, DuanParams):
        return DUAN
    if isinstance(params, HestonNandiParams):
        return HESTON_NANDI
    raise SettingsError(
        "the model is given by its parameters: HestonParams, BlackScholesParams, DuanParams, HestonNandiParams, or "
        "basket_params of several assets, "
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
    block_numbers: int = BLOCK_NUMBERS,
    progress: Callable[[str, int, int], None] | None = None,
    curves: MarketCurves | None = None,
) -> MonteCarloResult:
    """Randomised quasi-Monte Carlo price and Greeks of a product, with control variates.

    The price is ``E[exp(-r T) payoff]`` over paths from Sobol points, scrambled independently for each randomisation
    and ordered by a Brownian bridge; the standard error is the spread of the randomisations (L'Ecuyer 2018). Control
    variates with regressed coefficients are taken from the product where the model knows their price. Paths are made
    and reduced in blocks, so memory does not grow with their number.

    Greeks are pathwise derivatives where the payoff is continuous (Broadie and Glasserman 1996), with gamma as the
    difference of deltas on the same paths; and likelihood ratios of the asset given its variance where it is not.
    A likelihood ratio has no finite variance where the variance of the asset may vanish between two fixings, as under
    Heston far below Feller's condition: such a Greek is a central difference of prices on the same random numbers,
    and ``notes`` says so. Where that fails too it is NaN; the price never depends on its Greeks.

    Parameters
    ----------
    params : HestonParams or BlackScholesParams, risk-neutral; DuanParams or HestonNandiParams, whose steps are days
    product : Asian, Barrier, Lookback, Autocallable, Vanilla, PathPayoff
    paths : rounded up to a whole power of two a randomisation
    seed : of the scrambling
    spot : positive
    rate, dividend : continuously compounded, per year
    greeks : any of delta, gamma, vega (by the volatility now, a year: for Heston the square root of ``v0``), rho
        (by the rate), dividend_rho (by the dividend yield), and ``d_`` with the name of a parameter of the model
    steps : a year; the model's own choice if None
    sampling : "sobol" or "random"
    controls : whether to use control variates
    antithetic : whether to add the mirror image of each path
    randomisations : independent ones, at least 2
    single : whether paths are in single precision; sums are always in double
    workers : threads; all cores if None
    block_numbers : random numbers that a thread holds at once, about: bounds the memory
    progress : called with a stage, randomisations done, and their number
    curves : of rates and dividends, dividends in cash, payment dates

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
    _check_settings(product, paths, steps, sampling, randomisations, block_numbers)
    dynamics = dynamics_of(params)
    params = dynamics.check(params)
    market, product, grid, terms = _setting(dynamics, params, product, steps, (spot, rate, dividend), curves)
    several = isinstance(dynamics, CorrelatedDynamics)
    arguments = partial(
        _kernel_arguments, dynamics, params, market, product, grid, terms, controls, antithetic, single,
        curves is not None and curves.bent,
    )  # fmt: skip
    sampler = _sampler(paths, randomisations, antithetic, seed, sampling, block_numbers)
    run = partial(_run, sampler=sampler, workers=workers or available_cores(), progress=progress)
    inputs, static = arguments(greeks, "finite difference" if several else product.greek_estimator)
    found = _result(run(inputs, static), inputs, static, sampler, greeks)
    failed = [name for name, greek in found.greeks.items() if not np.isfinite(greek.error)]
    if not failed:
        return found
    inputs, static = arguments(failed, "finite difference")
    return _mended(found, _result(run(inputs, static), inputs, static, sampler, failed), product)


def _mended(found: MonteCarloResult, differences: MonteCarloResult, product: Product) -> MonteCarloResult:
    """With central differences in place of the Greeks that failed."""
    notes = {}
    for name, greek in differences.greeks.items():
        cause = f"the {product.greek_estimator} estimator has no finite variance on these paths"
        known = np.isfinite(greek.error)
        notes[name] = f"{cause}: a central difference" if known else f"{cause}, nor has a central difference"
    return replace(found, greeks=found.greeks | differences.greeks, notes=notes)


def _check_settings(
    product: Product, paths: int, steps: int | None, sampling: str, randomisations: int, block_numbers: int
) -> None:
    one_of("sampling", sampling, ("sobol", "random"))
    least = {"paths": (paths, 1), "randomisations": (randomisations, 2), "block_numbers": (block_numbers, 1)}
    for name, (number, low) in (least | ({} if steps is None else {"steps": (steps, 1)})).items():
        if not isinstance(number, (int, np.integer)) or number < low:
            raise SettingsError(f"{name} is a whole number, at least {low}, not {number!r}")
    if not isinstance(product, Product):
        raise SettingsError(f"a product is an Asian, a Barrier, ..., not {type(product).__name__}")


def _market_data(spot: float, rate: float, dividend: float) -> MarketData:
    market = MarketData(positive("spot", spot), float(rate), float(dividend))
    if not (np.isfinite(market.rate) and np.isfinite(market.dividend)):
        raise DataError("rate and dividend are finite numbers per year")
    return market


def _basket_market(spot: Any, rate: Any, dividend: Any, assets: int) -> MarketData:
    """Spots and dividend yields of all assets, one rate."""
    spots, yields = (np.array(np.broadcast_to(x, (assets,)), np.float64) for x in (spot, dividend))
    for value in spots:
        positive("spot", float(value))
    if not (np.isfinite(rate) and np.isfinite(yields).all()):
        raise DataError("rate and dividends are finite numbers per year")
    return MarketData(spots, float(rate), yields)


def basket_level(params: BasketParams, market: MarketData) -> float:
    """What a product observes today, 100 at the initial values."""
    moved = np.asarray(market.spot) / params.initial
    return float(100 * (moved.min(), moved.max(), moved @ params.weights)[int(params.kind)])


def _setting(
    dynamics: Any,
    params: Any,
    product: Product,
    steps: int | None,
    numbers: tuple[float, float, float],
    curves: MarketCurves | None,
) -> tuple[MarketData, Product, np.ndarray, TermStructure]:
    """Market of the model's asset, the product with its spot, the grid, and what curves add on it."""
    several = isinstance(dynamics, CorrelatedDynamics)
    market = _basket_market(*numbers, dynamics.assets) if several else _market_data(*numbers)
    product = product.with_spot(basket_level(params, market) if several else market.spot)
    grid = _simulation_grid(dynamics, product, steps)
    curves = curves or MarketCurves()
    if several and (curves.cash or curves.dividend is not None or product.needs_uniforms):
        raise DataError(
            "a basket takes dividend yields, one an asset, and products that are watched at fixings"
        )
    if several and product.monitoring == "extreme":
        raise DataError("what is watched at all times is not for a basket: give fixings, 252 a year say")
    terms = curves.on(grid, market.rate, 0.0 if several else market.dividend)
    flat = curves.flat(market.rate, market.dividend, float(grid[-1]))
    left = market.spot - float(terms.cash[0])
    if not np.all(left > 0):
        raise DataError("the dividends in cash are worth the spot or more: mend them")
    return MarketData(left, *flat), product, grid, terms


def _simulation_grid(dynamics: Any, product: Product, steps: int | None) -> np.ndarray:
    """Times (steps + 1,) of the paths: the product's, and those that the model needs between them."""
    own = dynamics.steps_a_year(product.monitoring)
    if not dynamics.conditionally_gaussian:
        check_days(product.times())
        if steps is not None:
            raise SettingsError("a GARCH model has a step a day: leave steps out")
    return time_grid(product.times(), steps or own)


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


def _kernel_arguments(
    dynamics: Any,
    params: Any,
    market: MarketData,
    product: Product,
    grid: np.ndarray,
    terms: TermStructure,
    controls: bool,
    antithetic: bool,
    single: bool,
    bent: bool,
    greeks: Sequence[str],
    estimator: str,
) -> tuple[KernelInputs, KernelStatic]:
    """Traced and static arguments of the kernel."""
    tangents, bumps = _tangents(params, market, greeks), {}
    deviation = dynamics.deviation(params, float(grid[-1]))
    gamma_bump = 0.05 * float(np.min(market.spot)) * deviation
    if estimator == "finite difference":
        gamma_bump *= 4  # a second difference of prices is noisier than a difference of deltas
        for name in [name for name in tangents if name.startswith("delta")]:
            tangent = tangents.pop(name)
            spot = float(np.sum(np.asarray(market.spot) * np.asarray(tangent[1].spot)))
            bumps[name] = _ends((params, market), tangent, 0.1 * spot * deviation)
    if estimator in ("spot shift", "finite difference"):  # steep in the parameters
        for name in [name for name in tangents if name != "delta"]:
            tangent = tangents.pop(name)
            bumps[name] = _ends((params, market), tangent, _width((params, market), tangent))
    chosen = tuple(
        control
        for control in (product.controls() if controls and not isinstance(params, BasketParams) else ())
        if not (bent and control.name in UNBENT)
        and control_mean(control, product, params, market, grid) is not None
    )
    jumps = estimator in ("likelihood ratio", "finite difference")
    smooth = tuple(c for c in chosen if c.smooth or jumps)
    schedule, constants = product.schedule(grid)
    inputs = KernelInputs(
        params,
        market,
        product,
        grid,
        schedule,
        constants,
        brownian_bridge(grid),
        tangents,
        bumps,
        np.float64(gamma_bump),
        np.float64(1 / (dynamics.decay_share * deviation**2)),
        terms,
    )
    cash = bool(np.any(terms.cash))
    static = KernelStatic(dynamics, chosen, smooth, "gamma" in greeks, estimator, antithetic, single, cash)
    return inputs, static


def _tangents(params: Any, market: MarketData, greeks: Sequence[str]) -> dict[str, Any]:
    """By name of a Greek other than gamma, the direction of (params, market) that it is the derivative along.

    Raises
    ------
    SettingsError
        If there is no such Greek.
    """
    if isinstance(params, BasketParams):
        return _basket_tangents(params, market, greeks)
    still, calm = jax.tree.map(lambda _: 0.0, (params, market))
    known = {
        "delta": (still, calm._replace(spot=1.0)),
        "vega": (_vega(params, still), calm),
        "rho": (still, calm._replace(rate=1.0)),
        "dividend_rho": (still, calm._replace(dividend=1.0)),
        **{f"d_{name}": (still._replace(**{name: 1.0}), calm) for name in params._fields},
    }
    for name in greeks:
        if name not in known and name != "gamma":
            names = ", ".join((*GREEKS, *(f"d_{field}" for field in params._fields)))
            raise SettingsError(f"no Greek {name!r} of this model: there are {names}")
    return {name: known[name] for name in greeks if name != "gamma"}


def _basket_tangents(params: BasketParams, market: MarketData, greeks: Sequence[str]) -> dict[str, Any]:
    """Of each asset's spot and volatility, by its position from one; and of the rate."""
    still, calm = jax.tree.map(lambda x: np.zeros_like(x, dtype=np.float64), (params, market))
    known = {"rho": (still, calm._replace(rate=1.0))}
    for k in range(len(params.weights)):
        unit = np.zeros(len(params.weights))
        unit[k] = 1.0
        known[f"delta_{k + 1}"] = (still, calm._replace(spot=unit))
        moved = (
            {"v0": unit * 2 * np.sqrt(params.models.v0)}
            if hasattr(params.models, "v0")
            else {"volatility": unit}
        )
        known[f"vega_{k + 1}"] = (still._replace(models=still.models._replace(**moved)), calm)
    for name in greeks:
        if name not in known:
            raise SettingsError(f"no Greek {name!r} of a basket: there are {', '.join(known)}")
    return {name: known[name] for name in greeks}


def _vega(params: Any, zero: Any) -> Any:
    """Tangent of the parameters when the volatility now moves by one."""
    if isinstance(params, BlackScholesParams):
        return zero._replace(volatility=1.0)
    if isinstance(params, (DuanParams, HestonNandiParams)):
        return zero._replace(variance=2 * float(np.sqrt(params.variance / DAYS)))
    return zero._replace(v0=2 * float(np.sqrt(params.v0)))


def _width(here: Any, tangent: Any) -> float:
    """Half the width of a central difference: a twentieth of what moves, and no correlation beyond one."""
    leaves, moves = (
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (here, tangent)
    )
    step = 0.05 * max(max(abs(x), 0.1) / abs(d) for x, d in zip(leaves, moves, strict=True) if d != 0)
    if isinstance(here[0], HestonParams) and tangent[0].rho != 0:
        step = min(step, (1 - abs(here[0].rho)) / 2)
    return float(step)


def _ends(here: Any, tangent: Any, step: float) -> tuple[Any, Any, np.float64]:
    """Both ends of a central difference, and their distance."""
    low, high = (jax.tree.map(lambda x, d, s=side: x + s * step * d, here, tangent) for side in (-1, 1))
    return low, high, np.float64(2 * step)


class _Sampler(NamedTuple):
    """Random numbers of a run: so many randomisations of ``2^depth`` points."""

    depth: int
    randomisations: int
    seed: int
    sampling: str
    block_numbers: int


def _sampler(
    paths: int, randomisations: int, antithetic: bool, seed: int, sampling: str, block_numbers: int
) -> _Sampler:
    """Points of a randomisation as a power of two, and how many randomisations that takes."""
    points = -(-paths // (2 if antithetic else 1))
    depth = max(0, int(np.ceil(np.log2(max(1.0, points / randomisations)) - 1e-12)))
    if depth > DEEPEST:
        depth, randomisations = DEEPEST, -(-points // 2**DEEPEST)
    return _Sampler(depth, randomisations, seed, sampling, block_numbers)


def _run(
    inputs: KernelInputs,
    static: KernelStatic,
    sampler: _Sampler,
    workers: int,
    progress: Callable[[str, int, int], None] | None,
) -> dict[str, RegressionMoments]:
    """Moments of all randomisations, a thread each."""
    randomisation = partial(_randomisation, inputs, static, sampler, _dimensions(inputs, static))

    def all_of_them() -> Iterator[dict[str, Any]]:
        yield randomisation(0)  # compiles, once
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(randomisation, range(1, sampler.randomisations))

    moments: dict[str, RegressionMoments] = {}
    for done, found in enumerate(all_of_them()):
        if not np.all(np.isfinite(found["price"].first)):
            raise DataError("the price is not finite on some paths: check the payoff and the parameters")
        for name, sums in found.items():
            pooled = moments.setdefault(name, RegressionMoments(len(sums.first)))
            pooled.add(sums.first, sums.second, 2**sampler.depth)
        if progress is not None:
            progress("paths", done + 1, sampler.randomisations)
    return moments


def _dimensions(inputs: KernelInputs, static: KernelStatic) -> np.ndarray:
    """Dimension of the points that each number of a path comes from: normals, then uniforms."""
    steps, factors = len(inputs.grid) - 1, static.dynamics.factors
    order = dimension_order(inputs.bridge, factors).ravel()
    if inputs.product.needs_uniforms:
        order = np.append(order, np.arange(steps * factors, steps * (factors + 1)))
    return order


def _randomisation(
    inputs: KernelInputs, static: KernelStatic, sampler: _Sampler, order: np.ndarray, index: int
) -> dict[str, Any]:
    """Sums over the points of one randomisation, block by block."""
    block = max(4, int(np.log2(sampler.block_numbers / len(order))))
    blocks = sobol_blocks if sampler.sampling == "sobol" else random_blocks
    total: dict[str, Any] = {}
    with jax.enable_x64(True):
        for bits, shift in blocks(order, sampler.depth, block, np.random.default_rng([sampler.seed, index])):
            sums = jax.device_get(simulate(inputs, static, bits, shift))
            total = jax.tree.map(np.add, total, sums) if total else sums
    return total


def _result(
    moments: dict[str, RegressionMoments],
    inputs: KernelInputs,
    static: KernelStatic,
    sampler: _Sampler,
    greeks: Sequence[str],
) -> MonteCarloResult:
    """Regress on the controls."""
    known = known_means(inputs, static)
    price, beta, each = moments["price"].estimate(known["price"])
    return MonteCarloResult(
        price.value,
        price.error,
        {name: _greek(*moments[name].estimate(known[name])) for name in greeks},
        sampler.randomisations * 2**sampler.depth * (2 if static.antithetic else 1),
        sampler.randomisations,
        len(inputs.grid) - 1,
        {f"{c.name} {c.strike}".strip(): float(b) for c, b in zip(static.controls, beta, strict=True)},
        tuple(float(x) for x in each),
    )


def _greek(estimate: Estimate, beta: np.ndarray, each: np.ndarray) -> Estimate:
    """The estimate, without an error where one randomisation makes most of the spread: its variance is not finite."""
    spread = (each - estimate.value) ** 2
    heavy = len(each) >= 16 and np.max(spread) > DOMINANT * np.sum(spread)
    return Estimate(estimate.value, float("nan")) if heavy else estimate


DOMINANT = 0.6
"""Share of the squared deviations of the randomisations; the largest of 32 Gaussian ones has .15, and never so much."""
