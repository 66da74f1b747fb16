"""What a reduction of volatility is made of: the sample, timing of variances and of correlations, limits."""

from __future__ import annotations

from dataclasses import asdict, dataclass, is_dataclass, replace
from typing import Any

import numpy as np

from riskengine.backtest.inference import block_length
from riskengine.backtest.result import BacktestResult
from riskengine.covariance import FrozenParts
from riskengine.errors import DataError, SettingsError
from riskengine.portfolio import Constraints, OptimizedStrategy, Strategy

Array = np.ndarray

FREE = "without limits"
_FAR = 100.0
"""Bound of a weight, a multiple of wealth, where there are no limits but the budget."""

VARIANTS = ("sample", "variances move", "correlations move", "both move")
"""Runs without limits, by what of the covariance is the strategy's forecast and not that of the window's sample."""

PARTS = ("optimising on the sample", "timing of variances", "timing of correlations", "limits")


@dataclass(frozen=True)
class ReductionPart:
    """One part of a reduction.

    Attributes
    ----------
    name : see :data:`PARTS`
    points : volatility a year that it takes away; negative adds
    low, high : 95% interval
    """

    name: str
    points: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class ReductionParts:
    """A reduction of realized volatility against a benchmark, in parts that add up.

    Attributes
    ----------
    name, other : of the strategy and the benchmark
    volatility : realized a year by run: the benchmark, the variants and the strategy
    parts : what they differ by
    days : that all runs have in common
    draws : of the bootstrap
    """

    name: str
    other: str
    volatility: dict[str, float]
    parts: tuple[ReductionPart, ...]
    days: int
    draws: int

    @property
    def points(self) -> float:
        """The whole reduction, volatility a year."""
        return self.volatility[self.other] - self.volatility[self.name]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {
            "points": self.points,
            "reduction": self.points / self.volatility[self.other],
        }


def reduction_variants(strategy: Strategy, window: int = 1250) -> tuple[OptimizedStrategy, ...]:
    """The four runs without limits that :func:`reduction_parts` needs beside the strategy and a benchmark.

    The same optimiser under its budget alone, shorts and leverage allowed, with the covariance of the window's sample,
    with the strategy's variances on the sample's correlations, with its correlations on the sample's variances, and
    with its forecast as it is.

    Parameters
    ----------
    strategy : one that optimises a covariance
    window : returns of the sample

    Raises
    ------
    SettingsError
        If the strategy is of another kind.

    Examples
    --------
    >>> [one.name for one in reduction_variants(OptimizedStrategy("mine"), 500)][:2]
    ['sample, without limits', 'variances move, without limits']
    """
    if not isinstance(strategy, OptimizedStrategy) or not is_dataclass(strategy):
        raise SettingsError(
            f"{strategy.name} forecasts no covariance that parts could be held still of: the parts of a reduction are "
            "those of strategies that optimise a covariance"
        )
    free = Constraints(lower=-_FAR, upper=_FAR, budget=strategy.constraints.budget)
    least, most = free.budget_range
    free = replace(free, budget=min(max(1.0, least), most))
    return tuple(
        replace(
            strategy,
            name=f"{name}, {FREE}",
            constraints=free,
            forecaster=FrozenParts(strategy.forecaster, variances, correlations, window),
        )
        for name, (variances, correlations) in zip(
            VARIANTS, ((True, True), (False, True), (True, False), (False, False)), strict=True
        )
    )


def reduction_parts(result: BacktestResult, other: str, draws: int = 1000, seed: int = 0) -> ReductionParts:
    """Parts of the reduction of a result against one of its benchmarks, the variants among them.

    Volatility falls from the benchmark's to that of the sample's minimum, then by variances and correlations that move
    (each the mean of being put in first and last, Shapley 1953), and last by what limits add or take away. They are
    differences of realized volatilities net of costs, and say what this history made of each; a bootstrap of all runs
    together, in blocks of random length (Politis and Romano 1994), says how sure that is.

    Parameters
    ----------
    result : the strategy, with the benchmark and :func:`reduction_variants` beside it
    other : name of the benchmark
    draws, seed : of the bootstrap

    Raises
    ------
    DataError
        If a run is missing, or there are fewer than 60 days.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from riskengine import EqualWeight, WalkForward, datasets, run_backtest
    >>> panel = datasets.us_equities_20().between("2018-01-01", "2019-12-31")
    >>> run = run_backtest(EqualWeight(), panel, WalkForward(250, 21))
    >>> calmer = [(1.0, "equal weight"), *zip((0.9, 0.8, 0.8, 0.7), (f"{name}, {FREE}" for name in VARIANTS))]
    >>> others = [replace(run, name=name, gross=size * run.gross) for size, name in calmer]
    >>> result = replace(run, name="mine", gross=0.75 * run.gross, benchmarks=tuple(others))
    >>> found = reduction_parts(result, "equal weight", draws=50)
    >>> {part.name: round(part.points / run.volatility, 3) for part in found.parts}
    {'optimising on the sample': 0.1, 'timing of variances': 0.1, 'timing of correlations': 0.1, 'limits': -0.05}
    """
    runs = {one.name: one.returns for one in (result, *result.benchmarks)}
    names = [other, *(f"{name}, {FREE}" for name in VARIANTS), result.name]
    missing = [name for name in names if name not in runs]
    if missing:
        raise DataError(f"the result has no run {missing[0]!r} beside it: run it with reduction_variants")
    table = np.column_stack([runs[name].reindex(result.returns.index).to_numpy() for name in names])
    table = table[~np.isnan(table).any(axis=1)]
    if len(table) < 60:
        raise DataError(f"{len(table)} days are too few to take a reduction apart: at least 60 are needed")
    root = float(np.sqrt(result.periods_per_year))
    volatility = root * table.std(axis=0)
    found = _parts(volatility)
    low, high = np.quantile(_bootstrapped(table, draws, seed) * root, [0.025, 0.975], axis=0)
    return ReductionParts(
        result.name,
        other,
        dict(zip(names, map(float, volatility), strict=True)),
        tuple(
            ReductionPart(*row)
            for row in zip(PARTS, map(float, found), map(float, low), map(float, high), strict=True)
        ),
        len(table),
        draws,
    )


def _parts(volatility: Array) -> Array:
    """Four parts ``(..., 4)`` of the volatilities ``(..., 6)``: benchmark, four variants, strategy."""
    bench, sample, variances, correlations, both, limited = np.moveaxis(volatility, -1, 0)
    return np.stack(
        [
            bench - sample,
            ((sample - variances) + (correlations - both)) / 2,
            ((sample - correlations) + (variances - both)) / 2,
            both - limited,
        ],
        axis=-1,
    )


def _bootstrapped(table: Array, draws: int, seed: int) -> Array:
    """Parts ``(draws, 4)`` of rows drawn in blocks, all runs together."""
    from arch.bootstrap import StationaryBootstrap

    length = block_length((table - table.mean(axis=0)) ** 2)
    bootstrap = StationaryBootstrap(length, table, seed=np.random.default_rng(seed))
    found: Array = bootstrap.apply(lambda rows: _parts(rows.std(axis=0)), draws)
    return found
