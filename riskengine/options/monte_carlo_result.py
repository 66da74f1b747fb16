"""What a simulation gives: the price and its Greeks, with errors, methods, and what each randomisation says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from riskengine.options.ageing import DAY, paired, room
from riskengine.options.closed_forms import known_means
from riskengine.options.control_variates import Estimate, RegressionMoments
from riskengine.options.greek_directions import method
from riskengine.options.path_kernel import KernelInputs, KernelStatic
from riskengine.options.products import Product
from riskengine.options.randomised_runs import Sampler


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
    greek_estimates
        By name of a Greek, what each randomisation gives: those of products on the same numbers move together.
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
    greek_estimates: dict[str, tuple[float, ...]] = field(default_factory=dict)


def result_of(
    moments: dict[str, RegressionMoments],
    inputs: KernelInputs,
    static: KernelStatic,
    sampler: Sampler,
    greeks: Sequence[str],
) -> MonteCarloResult:
    """Regress on the controls."""
    known = known_means(inputs, static)
    price, beta, each = moments["price"].estimate(known["price"])
    estimated = {name: moments[name].estimate(known[name]) for name in greeks}
    return MonteCarloResult(
        price.value,
        price.error,
        {name: _greek(*found) for name, found in estimated.items()},
        sampler.randomisations * 2**sampler.depth * (2 if static.antithetic else 1),
        sampler.randomisations,
        len(inputs.grid) - 1,
        {f"{c.name} {c.strike}".strip(): float(b) for c, b in zip(static.controls, beta, strict=True)},
        tuple(float(x) for x in each),
        methods={name: method(name, static.greek_estimator, name in inputs.bumps) for name in greeks},
        greek_estimates={name: tuple(float(x) for x in found[2]) for name, found in estimated.items()},
    )


def _greek(estimate: Estimate, beta: np.ndarray, each: np.ndarray) -> Estimate:
    """The estimate, without an error where one randomisation makes most of the spread: its variance is not finite."""
    spread = (each - estimate.value) ** 2
    heavy = len(each) >= 16 and np.max(spread) > DOMINANT * np.sum(spread)
    return Estimate(estimate.value, float("nan")) if heavy else estimate


DOMINANT = 0.6
"""Share of the squared deviations of the randomisations; the largest of 32 Gaussian ones has .15, and never so much."""


def with_theta(
    found: MonteCarloResult, product: Product, whole: float | None, after: Callable[[float], MonteCarloResult]
) -> MonteCarloResult:
    """With the change of the price as a calendar day passes, by randomisation."""
    passed = room(product, whole)
    if not np.isfinite(passed):
        note = "something is fixed within the day: there is no price a day later"
        nothing = Estimate(float("nan"), float("nan"))
        return replace(found, greeks=found.greeks | {"theta": nothing}, notes=found.notes | {"theta": note})
    later_prices = after(passed).estimates
    value, error = paired(later_prices, found.estimates, DAY / passed)
    each = tuple(DAY / passed * (np.asarray(later_prices) - np.asarray(found.estimates)))
    later = "a day" if passed == DAY else f"{365 * passed:.2g} days"
    words = {"theta": f"price {later} later on common random numbers, for a calendar day"}
    return replace(
        found,
        greeks=found.greeks | {"theta": Estimate(value, error)},
        methods=found.methods | words,
        greek_estimates=found.greek_estimates | {"theta": each},
    )


def mended(found: MonteCarloResult, differences: MonteCarloResult, estimator: str) -> MonteCarloResult:
    """With central differences in place of the Greeks that failed."""
    notes = {}
    for name, greek in differences.greeks.items():
        cause = f"the {estimator} estimator has no finite variance on these paths"
        known = np.isfinite(greek.error)
        notes[name] = f"{cause}: a central difference" if known else f"{cause}, nor has a central difference"
    methods = found.methods | differences.methods
    return replace(
        found,
        greeks=found.greeks | differences.greeks,
        notes=notes,
        methods=methods,
        greek_estimates=found.greek_estimates | differences.greek_estimates,
    )
