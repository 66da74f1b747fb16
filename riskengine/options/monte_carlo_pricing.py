"""Monte Carlo prices and Greeks of path-dependent products, with their standard errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.options.ageing import DAY, aged, aged_curves, paired, room
from riskengine.options.baskets import BasketParams, CorrelatedDynamics
from riskengine.options.brownian_bridge import brownian_bridge
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
from riskengine.options.greek_directions import ends, method, tangents, width
from riskengine.options.heston import HestonParams
from riskengine.options.heston_paths import DETERMINISTIC_VARIANCE, LEAST_SIGMA, QUADRATIC_EXPONENTIAL
from riskengine.options.local_volatility import LOCAL_VOLATILITY, LocalVolatilityParams
from riskengine.options.market_curves import MarketCurves
from riskengine.options.path_kernel import KernelInputs, KernelStatic, TermStructure
from riskengine.options.products import Product, one_of, positive
from riskengine.options.randomised_runs import Sampler, run_all, sampler_of
from riskengine.runtime import available_cores

BLOCK_NUMBERS = 2**21
"""Random numbers of a block, about: bounds its memory, and keeps it near the processor's caches."""
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
    methods
        By name of a Greek: how it was estimated.
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
    methods: dict[str, str] = field(default_factory=dict)


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
    if isinstance(params, LocalVolatilityParams):
        return LOCAL_VOLATILITY
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
        (by the rate), dividend_rho (by the dividend yield), theta (as a calendar day passes), and ``d_`` with the name
        of a parameter of the model; of a basket ``delta_1``, ``vega_1`` and so on, and rho
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
    differences = isinstance(params, (BasketParams, LocalVolatilityParams))
    arguments = partial(
        _kernel_arguments, dynamics, params, market, product, grid, terms, controls, antithetic, single,
        curves is not None and curves.bent,
    )  # fmt: skip
    sampler = sampler_of(paths, randomisations, antithetic, seed, sampling, block_numbers)
    run = partial(run_all, sampler=sampler, workers=workers or available_cores(), progress=progress)
    now = [name for name in greeks if name != "theta"]
    inputs, static = arguments(now, "finite difference" if differences else product.greek_estimator)
    found = _result(run(inputs, static), inputs, static, sampler, now)
    failed = [name for name, greek in found.greeks.items() if not np.isfinite(greek.error)]
    if failed:
        inputs, static = arguments(failed, "finite difference")
        found = _mended(found, _result(run(inputs, static), inputs, static, sampler, failed), product)
    if "theta" not in greeks:
        return found
    whole = None if dynamics.conditionally_gaussian else 1 / DAYS
    return _with_theta(found, product, whole, lambda passed: monte_carlo(
        params, aged(product, passed), paths, seed, spot=spot, rate=rate, dividend=dividend, greeks=(), steps=steps,
        sampling=sampling, controls=controls, antithetic=antithetic, randomisations=randomisations, single=single,
        workers=workers, block_numbers=block_numbers, curves=aged_curves(curves, passed),
    ))  # fmt: skip


def _with_theta(
    found: MonteCarloResult, product: Product, whole: float | None, after: Callable[[float], MonteCarloResult]
) -> MonteCarloResult:
    """With the change of the price as a calendar day passes, by randomisation."""
    passed = room(product, whole)
    if not np.isfinite(passed):
        note = "something is fixed within the day: there is no price a day later"
        nothing = Estimate(float("nan"), float("nan"))
        return replace(found, greeks=found.greeks | {"theta": nothing}, notes=found.notes | {"theta": note})
    value, error = paired(after(passed).estimates, found.estimates, DAY / passed)
    later = "a day" if passed == DAY else f"{365 * passed:.2g} days"
    words = {"theta": f"price {later} later on common random numbers, for a calendar day"}
    return replace(
        found, greeks=found.greeks | {"theta": Estimate(value, error)}, methods=found.methods | words
    )


def _mended(found: MonteCarloResult, differences: MonteCarloResult, product: Product) -> MonteCarloResult:
    """With central differences in place of the Greeks that failed."""
    notes = {}
    for name, greek in differences.greeks.items():
        cause = f"the {product.greek_estimator} estimator has no finite variance on these paths"
        known = np.isfinite(greek.error)
        notes[name] = f"{cause}: a central difference" if known else f"{cause}, nor has a central difference"
    methods = found.methods | differences.methods
    return replace(found, greeks=found.greeks | differences.greeks, notes=notes, methods=methods)


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
    if isinstance(params, LocalVolatilityParams) and curves.cash:
        raise DataError("a local volatility has the dividends in its forwards: give yields in place of cash")
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
    directions, bumps = tangents(params, market, greeks), {}
    deviation = dynamics.deviation(params, float(grid[-1]))
    gamma_bump = 0.05 * float(np.min(market.spot)) * deviation
    if estimator == "finite difference":
        gamma_bump *= 4  # a second difference of prices is noisier than a difference of deltas
        for name in [name for name in directions if name.startswith("delta")]:
            tangent = directions.pop(name)
            spot = float(np.sum(np.asarray(market.spot) * np.asarray(tangent[1].spot)))
            bumps[name] = ends((params, market), tangent, 0.1 * spot * deviation)
    if estimator in ("spot shift", "finite difference"):  # steep in the parameters
        for name in [name for name in directions if name != "delta"]:
            tangent = directions.pop(name)
            bumps[name] = ends((params, market), tangent, width((params, market), tangent))
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
        directions,
        bumps,
        np.float64(gamma_bump),
        np.float64(1 / (dynamics.decay_share * deviation**2)),
        terms,
    )
    cash = bool(np.any(terms.cash))
    static = KernelStatic(dynamics, chosen, smooth, "gamma" in greeks, estimator, antithetic, single, cash)
    return inputs, static


def _result(
    moments: dict[str, RegressionMoments],
    inputs: KernelInputs,
    static: KernelStatic,
    sampler: Sampler,
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
        methods={name: method(name, static.greek_estimator, name in inputs.bumps) for name in greeks},
    )


def _greek(estimate: Estimate, beta: np.ndarray, each: np.ndarray) -> Estimate:
    """The estimate, without an error where one randomisation makes most of the spread: its variance is not finite."""
    spread = (each - estimate.value) ** 2
    heavy = len(each) >= 16 and np.max(spread) > DOMINANT * np.sum(spread)
    return Estimate(estimate.value, float("nan")) if heavy else estimate


DOMINANT = 0.6
"""Share of the squared deviations of the randomisations; the largest of 32 Gaussian ones has .15, and never so much."""
