"""Monte Carlo prices and Greeks of path-dependent products, with their standard errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.options.ageing import aged, aged_curves
from riskengine.options.baskets import BasketParams, CorrelatedDynamics
from riskengine.options.bates import BatesParams
from riskengine.options.bates_paths import BATES
from riskengine.options.brownian_bridge import brownian_bridge
from riskengine.options.closed_forms import control_mean
from riskengine.options.dynamics import BLACK_SCHOLES, BlackScholesParams, MarketData
from riskengine.options.garch_paths import (
    DAYS,
    DUAN,
    HESTON_NANDI,
    DuanParams,
    HestonNandiParams,
    check_days,
)
from riskengine.options.greek_directions import ends, tangents, width
from riskengine.options.heston import HestonParams
from riskengine.options.heston_paths import DETERMINISTIC_VARIANCE, LEAST_SIGMA, QUADRATIC_EXPONENTIAL
from riskengine.options.local_volatility import LOCAL_VOLATILITY, LocalVolatilityParams
from riskengine.options.market_curves import MarketCurves
from riskengine.options.monte_carlo_result import MonteCarloResult, mended, result_of, with_theta
from riskengine.options.path_kernel import KernelInputs, KernelStatic, TermStructure
from riskengine.options.products import Product, one_of, positive
from riskengine.options.randomised_runs import run_all, sampler_of
from riskengine.options.svi import SviParams
from riskengine.options.svi_paths import SVI_LOCAL_VOLATILITY
from riskengine.runtime import available_cores

BLOCK_NUMBERS = 2**21
"""Random numbers of a block, about: bounds its memory, and keeps it near the processor's caches."""
UNBENT = ("average", "geometric")
"""Controls whose expectation is known for flat rates and dividends alone."""


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
    if isinstance(params, BatesParams):
        return BATES
    if isinstance(params, BasketParams):
        return CorrelatedDynamics(isinstance(params.models, HestonParams), len(params.weights))
    if isinstance(params, LocalVolatilityParams):
        return SVI_LOCAL_VOLATILITY if isinstance(params.surface, SviParams) else LOCAL_VOLATILITY
    if isinstance(params, DuanParams):
        return DUAN
    if isinstance(params, HestonNandiParams):
        return HESTON_NANDI
    raise SettingsError(
        "the model is given by its parameters: HestonParams, BatesParams, BlackScholesParams, DuanParams, "
        "HestonNandiParams, or basket_params of several assets, "
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
    difference of deltas on the same paths; for barriers that are watched at fixings the same along paths that are kept
    alive, weighted by the probability of that (Glasserman and Staum 2001); and likelihood ratios of the asset given
    its variance where the payoff jumps otherwise, and for such barriers below Feller's condition.
    A likelihood ratio has no finite variance where the variance of the asset may vanish between two fixings, as under
    Heston far below Feller's condition: such a Greek is a central difference of prices on the same random numbers,
    and ``notes`` says so. Where that fails too it is NaN; the price never depends on its Greeks.

    Parameters
    ----------
    params : HestonParams, BatesParams or BlackScholesParams, risk-neutral; DuanParams or HestonNandiParams, whose
        steps are days
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
    estimator = "finite difference" if differences else _estimator(product, dynamics, params)
    inputs, static = arguments(now, estimator)
    found = result_of(run(inputs, static), inputs, static, sampler, now)
    failed = [name for name, greek in found.greeks.items() if not np.isfinite(greek.error)]
    if failed:
        inputs, static = arguments(failed, "finite difference")
        found = mended(found, result_of(run(inputs, static), inputs, static, sampler, failed), estimator)
    if "theta" not in greeks:
        return found
    whole = None if dynamics.conditionally_gaussian else 1 / DAYS
    return with_theta(found, product, whole, lambda passed: monte_carlo(
        params, aged(product, passed), paths, seed, spot=spot, rate=rate, dividend=dividend, greeks=(), steps=steps,
        sampling=sampling, controls=controls, antithetic=antithetic, randomisations=randomisations, single=single,
        workers=workers, block_numbers=block_numbers, curves=aged_curves(curves, passed),
    ))  # fmt: skip


def _estimator(product: Product, dynamics: Any, params: Any) -> str:
    """The product's, but for one-step survival where a step may have no variance to survive with.

    Far below Feller's condition the variance rests at zero, paths at the barrier then have no density, and what they
    add to a derivative is never sampled; there the likelihood ratio of the fixings has its place.
    """
    if product.greek_estimator != "one-step survival":
        return product.greek_estimator
    held = dynamics.conditionally_gaussian
    if isinstance(params, (HestonParams, BatesParams)):
        held = 2 * params.kappa * params.theta >= LEAST_FELLER * params.sigma**2
    return "one-step survival" if held else "likelihood ratio"


LEAST_FELLER = 1.0
"""Feller ratio from which on Greeks may be taken along paths that are kept alive."""


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
    steep = estimator in ("spot shift", "finite difference")
    for name in [name for name in directions if name in dynamics.discrete or (steep and name != "delta")]:
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
