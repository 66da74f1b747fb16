"""What every strategy is measured against, under the strategy's own constraints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from riskengine.calibration import MaximumLikelihood
from riskengine.covariance import ConstantCorrelation, CovarianceForecaster, LedoitWolf, SampleCovariance
from riskengine.portfolio import Constraints, EqualWeight, OptimizedStrategy, ProportionalCosts, Strategy
from riskengine.serialization import fingerprint


def legacy_forecaster(window: int = 1250) -> ConstantCorrelation:
    """Per-asset maximum likelihood GARCH with the sample correlation of returns: the usual pipeline.

    Examples
    --------
    >>> type(legacy_forecaster(500).calibrator).__name__
    'MaximumLikelihood'
    """
    # A thousandth of a nat is far below what could be noticed; the few fits on a ridge go on from where
    # they were at the next decision.
    calibrator = MaximumLikelihood(tolerance=1e-3, iterations=20)
    return ConstantCorrelation(calibrator, window=window, shrinkage="none", residuals=False)


def standard_benchmarks(
    constraints: Constraints | None = None,
    costs: ProportionalCosts | None = None,
    window: int = 1250,
    horizon: int | str = 21,
) -> tuple[Strategy, ...]:
    """Equal weight, and minimum variance with three usual covariances.

    Static sample covariance, static Ledoit-Wolf, and the legacy pipeline of per-asset maximum likelihood
    GARCH with sample correlation.

    Parameters
    ----------
    constraints : of the strategy that is measured; long only if not given. A budget that is a range becomes the
        point of it nearest to one, as minimum variance would else stay in cash; limits that need data of the
        day (traded volume, loadings) are left out
    costs : that the optimiser weighs, as in the strategy
    window, horizon : as in the strategy

    Examples
    --------
    >>> [one.name for one in standard_benchmarks()]
    ['equal weight', 'static sample covariance', 'static Ledoit-Wolf', 'legacy GARCH']
    """

    def minimum_variance(name: str, forecaster: CovarianceForecaster) -> Strategy:
        return OptimizedStrategy(
            name,
            forecaster,
            constraints=_comparable(constraints or Constraints()),
            costs=costs,
            window=window,
            horizon=horizon,
            min_history=min(250, window),
        )

    return (
        EqualWeight(min_history=min(250, window)),
        minimum_variance("static sample covariance", SampleCovariance(window)),
        minimum_variance("static Ledoit-Wolf", LedoitWolf(window)),
        minimum_variance("legacy GARCH", legacy_forecaster(window)),
    )


def rivals_of(candidate: Strategy, benchmarks: Iterable[Strategy]) -> list[Strategy]:
    """Benchmarks of a strategy: itself left out, and renamed where it bears the name of one.

    Examples
    --------
    >>> [one.name for one in rivals_of(EqualWeight(min_history=9), [EqualWeight(), EqualWeight(min_history=9)])]
    ['equal weight (benchmark)']
    """
    found = []
    for one in benchmarks:
        if type(one) is type(candidate) and fingerprint(one) == fingerprint(candidate):
            continue
        alike = one.name == candidate.name
        found.append(replace(one, name=f"{one.name} (benchmark)") if alike else one)  # type: ignore[type-var]
    return found


def _comparable(constraints: Constraints) -> Constraints:
    least, most = constraints.budget_range
    known = tuple(exposure for exposure in constraints.exposures if exposure.by_asset is not None)
    soft = {
        name: price
        for name, price in constraints.soft.items()
        if name != "participation" and name not in {str(e) for e in constraints.exposures if e not in known}
    }
    return replace(
        constraints,
        budget=min(max(1.0, least), most),
        participation=None,
        exposures=known,
        soft=soft,
    )
