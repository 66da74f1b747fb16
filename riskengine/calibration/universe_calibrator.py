"""A calibrator of universes: the network for what is an asset's own, the universe for what is common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from riskengine.calibration.by_width import ByWidth
from riskengine.calibration.dated import Dated
from riskengine.calibration.joined_variance import evident_weight, joined, judging
from riskengine.calibration.maximum_likelihood import MaximumLikelihood
from riskengine.calibration.neural import NeuralCalibrator, takeover
from riskengine.calibration.padding import bucket, period
from riskengine.calibration.result import Calibration, Status
from riskengine.calibration.status import without_impossible
from riskengine.calibration.window_filter import filter_window
from riskengine.errors import DataError
from riskengine.garch.common_variance import (
    TINY,
    UniverseParams,
    UniverseState,
    filter_universe,
    start_universe,
    universe_eta,
    universe_step,
    universe_term_structure,
    universe_variance,
)
from riskengine.garch.components import PARKINSON, ComponentParams, ComponentState

Array = np.ndarray

PRETRAINED = Path(__file__).parent / "pretrained" / "universe.json"
YOUNG = 250
"""Observed days from which an asset's first level is taken."""
COMPANY = 5.0
"""Other assets at which the universe has half its part; a universe of one has none of it."""
WITH_RANGES, FROM_CLOSES = 0.75, 0.7
"""Largest weights of the component model in the logarithm of the joined variance; chosen on 2009-2012."""
_JUMP = 0.25  # largest squared return, and squared range, in a first level

_ahead = jax.jit(universe_term_structure, static_argnames="horizon")


@dataclass(frozen=True, eq=False)
class UniverseCalibrator:
    """GARCH of a universe: each asset by the network, and by a component model whose variances move with all others.

    The forecast is a geometric mean of the network's variance and that of the component model
    (:mod:`riskengine.garch.common_variance`), whose few parameters were fitted once, to a panel of stocks, and are
    shared by all assets; where they are far apart, as after a bad print, it stays near the network's. With ranges the
    component model has at most three quarters of the weight. Without, a universe of ``n`` assets gives it at most
    ``.7 (n - 1) / (n - 1 + 5)``: one asset alone is forecast by the network. How much of that it has, the past days of
    the universe say (:func:`evident_weight`): where series have nothing in common it has none.

    Attributes
    ----------
    network : calibrator of each asset
    closes, ranges : parameters for returns alone, and for returns with ranges
    card : how the parameters came to be
    judged : whether the days of the window tell the weight; without, it is the largest

    Examples
    --------
    >>> calibrate = UniverseCalibrator.pretrained()
    >>> returns = 0.01 * np.random.default_rng(0).standard_normal((500, 3))
    >>> fit = calibrate(returns)
    >>> fit.params.beta.shape, fit.next_variance.shape
    ((3,), (3,))
    """

    network: NeuralCalibrator
    closes: UniverseParams
    ranges: UniverseParams
    card: dict[str, Any] = field(default_factory=dict)
    judged: bool = True

    @classmethod
    def pretrained(cls, path: Path | str | None = None) -> UniverseCalibrator:
        """The shipped parameters, with the robust, pooled network.

        Raises
        ------
        DataError
            If the file is missing or damaged.
        """
        path = PRETRAINED if path is None else Path(path)
        try:
            card = json.loads(path.read_text())
            closes, ranges = (params_from_json(card[name]) for name in ("closes", "ranges"))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"no parameters of a universe in {path} ({error!r}): fit them with "
                "`python -m backtests.calibration.universe_fit`"
            ) from error
        return cls(NeuralCalibrator.pretrained(robust=True, pooled=True), closes, ranges, card)

    def __call__(self, returns: Any, ranges: Any = None, groups: Sequence[Any] | None = None) -> Calibration:
        """Calibrate ``(time, assets)`` returns: the network's answer, with the universe's variance of the next day.

        Parameters
        ----------
        returns : as for :class:`~riskengine.calibration.neural.NeuralCalibrator`
        ranges : logarithms of high over low of the same shape, NaN where missing
            (:attr:`riskengine.market.panel.Panel.session_ranges`); closes alone if not given
        groups : a label an asset, towards which the network's calibration shrinks
        """
        table = Dated.read(returns)
        fit = self.calibrate(table.matrix, table.assets, groups, table.frequency.periods_per_year)
        _, common = self.filter(fit, table.matrix, as_ranges(ranges, table.matrix.shape))
        ahead = common.joined(common.variance, fit.next_variance)
        return table.told(replace(fit, next_variance=ahead))

    def calibrate(
        self,
        matrix: Array,
        assets: tuple[str, ...],
        groups: Sequence[Any] | None = None,
        periods_per_year: float = 252.0,
    ) -> Calibration:
        """The network's calibration, by which :meth:`filter` goes; maximum likelihood where the
        network was not trained for the frequency.
        """
        other = self.for_frequency(periods_per_year)
        if isinstance(other, MaximumLikelihood):
            return replace(other.calibrate(matrix, assets), notes=(takeover(periods_per_year),))
        return self.network.calibrate(matrix, assets, groups)

    def for_frequency(self, periods_per_year: float) -> UniverseCalibrator | MaximumLikelihood:
        """This calibrator if it was made for such returns, else maximum likelihood: as the network says."""
        other = self.network.for_frequency(periods_per_year)
        return self if isinstance(other, NeuralCalibrator) else other

    def filter(
        self, fit: Calibration, returns: Array, ranges: Array | None = None, own: Array | None = None
    ) -> tuple[Array, CommonMargin]:
        """The component model's variances of the days ``(time, assets)``, and what it knows after the last.

        Parameters
        ----------
        fit : what :meth:`calibrate` said; levels begin at its long-run variances
        returns : (time, assets), NaN where missing
        ranges : (time, assets) logarithms of high over low, NaN where missing
        own : (time, assets) variances of the network's filter on these returns, if they are known
        """
        days, assets = returns.shape
        silent = np.array([one in (Status.CONSTANT, Status.NO_DATA) for one in fit.status])
        centred = without_impossible(returns - fit.mean)
        if silent.any():
            centred = np.where(silent, np.nan, centred)
        level = np.maximum(np.asarray(fit.params.long_run_variance), TINY)
        range_level = level
        if ranges is not None:
            young, range_level = young_level(centred, ranges)
            range_level = range_level * level / young
        shape = period(days, assets), bucket(assets)
        wide = (0, shape[1] - assets)

        def filled(values: Array) -> Array:
            whole = np.full(shape, np.nan)
            whole[-days:, :assets] = values
            return whole

        ranged = ranges is not None
        params = self.params(assets, ranged)
        with jax.enable_x64(True):
            levels = (np.pad(one, wide, mode="edge") for one in (level, range_level))
            squares = None
            if ranges is not None:
                squares = filled(ranges)
                squares *= squares
                squares /= PARKINSON
            path, last, after = _filter.of(shape[1])(params, filled(centred), *levels, squares)
        state, ahead = _of_assets(last, assets), np.asarray(after)[:assets]
        components = np.asarray(path)[-days:, :assets]
        weight = self._told(fit, returns, centred, components, own, self.weight(assets, ranged))
        return components, CommonMargin(params, state, ahead, fit.mean, silent, weight, ranged)

    def _told(
        self,
        fit: Calibration,
        returns: Array,
        centred: Array,
        components: Array,
        own: Array | None,
        most: float,
    ) -> float:
        """The weight that the days of the window tell; the network's filter runs on the assets that are asked only."""
        if not self.judged or most <= 0:
            return most
        some = np.arange(len(fit.assets))[judging(len(fit.assets))]
        asked = fit.take(some)
        garch = np.asarray(filter_window(asked, returns[:, some]).variance) if own is None else own[:, some]
        return evident_weight(
            centred[:, some], components[:, some], garch, np.asarray(asked.params.dof), most
        )

    def params(self, assets: int, ranged: bool) -> UniverseParams:
        """Parameters for a universe of so many assets: one alone has no loading on itself."""
        found = self.ranges if ranged else self.closes
        return found._replace(loading=found.loading * share(assets))

    @staticmethod
    def weight(assets: int, ranged: bool) -> float:
        """The most that the component model has in the logarithm of the joined variance, of so many assets."""
        return WITH_RANGES if ranged else FROM_CLOSES * share(assets)


class CommonMargin(NamedTuple):
    """The component model of a universe from day to day, and how much it says beside each asset's own GARCH.

    Attributes
    ----------
    params : of the universe
    state : at the close
    variance : (assets,) of the next day
    mean : (assets,) of returns
    silent : (assets,) whether the price does not move or is not there: its zeros are no observation of calm
    weight : of the component model in the logarithm of the joined variance, by :func:`evident_weight`
    ranged : whether there have been ranges
    """

    params: UniverseParams
    state: UniverseState
    variance: Array
    mean: Array
    silent: Array
    weight: float
    ranged: bool

    def term_structure(self, horizon: int) -> Array:
        """Expected variances of the next days ``(horizon, assets)``."""
        with jax.enable_x64(True):
            return np.asarray(_ahead(self.params, self.state, horizon=horizon))

    def dof(self) -> Array:
        """Degrees of freedom of the next day ``(assets,)``, from the universe's tails and the asset's own."""
        with jax.enable_x64(True):
            return 1 / np.asarray(universe_eta(self.params, self.state))

    def take(self, index: Array) -> CommonMargin:
        """Of the assets at these positions; the universe's own averages stay."""
        state = jax.tree.map(lambda leaf: leaf[..., index] if np.ndim(leaf) else leaf, self.state)
        some = {name: getattr(self, name)[index] for name in ("variance", "mean", "silent")}
        return self._replace(state=state, **some)

    def moved(self, row: Array, ranges: Array | None = None) -> CommonMargin:
        """After one more day of returns ``(assets,)``; ranges count where the history had them."""
        squares = None
        if self.ranged:
            given = as_ranges(ranges, row.shape)
            squares = np.full(len(row), np.nan) if given is None else given**2 / PARKINSON
        with jax.enable_x64(True):
            centred = np.where(self.silent, np.nan, row - self.mean)
            state, ahead = _step(self.params, self.state, centred, squares)
        return self._replace(state=_of_assets(state, len(row)), variance=np.asarray(ahead))

    def joined(self, universe: Array, garch: Array) -> Array:
        """Variances ``(..., assets)`` of the component model and of the network as one."""
        return joined(universe, garch, self.weight)


def _followed(
    params: UniverseParams,
    returns: jax.Array,
    level: jax.Array,
    range_level: jax.Array,
    squares: jax.Array | None,
) -> tuple[jax.Array, UniverseState, jax.Array]:
    """Variances of the days from the levels on, the state after them, and the variance that follows."""
    path, _, last = filter_universe(
        params, returns, start_universe(params, level, None, range_level), squares
    )
    return path, last, universe_variance(params, last)


_filter = ByWidth(_followed, returns=(UniverseState, ComponentState))


@jax.jit
def _step(
    params: UniverseParams, state: UniverseState, row: jax.Array, squares: jax.Array | None
) -> tuple[UniverseState, jax.Array]:
    moved = universe_step(params, state, row, squares)
    return moved, universe_variance(params, moved)


def share(assets: int) -> float:
    """Part of the universe in the forecast of one of its assets: zero for one alone, one for very many.

    Examples
    --------
    >>> [round(share(n), 2) for n in (1, 6, 100)]
    [0.0, 0.5, 0.95]
    """
    return (assets - 1) / (assets - 1 + COMPANY)


def young_level(returns: Array, ranges: Array | None) -> tuple[Array, Array]:
    """Levels ``(assets,)`` of squared returns, and of squared ranges over Parkinson's constant, of the first year.

    Means over the first 250 observed days; those of an asset without any are the universe's median.
    """
    level = _young_mean(returns, 1.0)
    return level, level if ranges is None else _young_mean(ranges, PARKINSON)


def _young_mean(values: Array, over: float) -> Array:
    total, count = _young_sum(values[:YOUNG], over)
    late = np.flatnonzero(count < YOUNG)  # the first rows say it all of an asset that misses none of them
    if len(late) and len(values) > YOUNG:
        total[late], count[late] = _young_sum(values[:, late], over)
    mean = total / np.maximum(count, 1)
    alive = (count > 0) & (mean > TINY)
    return np.where(alive, mean, np.median(mean[alive]) if alive.any() else 1e-4)


def _young_sum(values: Array, over: float) -> tuple[Array, Array]:
    """Sum of the squares of the first observed days, and how many there are, both ``(assets,)``."""
    seen = ~np.isnan(values)
    young = seen & (np.cumsum(seen, axis=0) <= YOUNG)
    return np.where(young, np.minimum(values**2 / over, _JUMP), 0).sum(axis=0), young.sum(axis=0)


def as_ranges(ranges: Any, shape: tuple[int, ...]) -> Array | None:
    """Log ranges of the returns' shape; None if there are none at all.

    A range of zero says that nothing but the close is known, and counts as missing: many files repeat the close as
    high and low.

    Raises
    ------
    DataError
        If they have another shape, or are negative somewhere.
    """
    if ranges is None:
        return None
    found = np.asarray(ranges, dtype=np.float64)
    if found.shape != shape:
        raise DataError(
            f"ranges {found.shape} beside returns {shape}: give one a return, NaN where there is none"
        )
    if (found < 0).any() or np.isinf(found).any():
        raise DataError("ranges are logarithms of high over low, at or above zero: see Panel.session_ranges")
    found = np.where(found == 0, np.nan, found)
    return None if np.isnan(found).all() else found


def _of_assets(state: UniverseState, assets: int) -> UniverseState:
    """Arrays of NumPy, without those that only rounded the shape."""
    return jax.tree.map(
        lambda leaf: np.asarray(leaf)[..., :assets] if np.ndim(leaf) else np.asarray(leaf), state
    )


def params_to_json(params: UniverseParams) -> dict[str, Any]:
    """Numbers and lists, by name."""
    own = {name: np.asarray(leaf, float).tolist() for name, leaf in params.own._asdict().items()}
    return {"own": own} | {name: float(leaf) for name, leaf in params._asdict().items() if name != "own"}


def params_from_json(content: dict[str, Any]) -> UniverseParams:
    """Inverse of :func:`params_to_json`; arrays of NumPy."""
    own = ComponentParams(**{name: np.asarray(leaf, float) for name, leaf in content["own"].items()})
    return UniverseParams(own, **{name: np.float64(leaf) for name, leaf in content.items() if name != "own"})
