"""Scenarios of a whole universe, streamed over blocks of paths, and what a portfolio loses in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from riskengine.errors import SettingsError
from riskengine.risk.measures import TailRisk, empirical_tail, tail_weights
from riskengine.risk.path_blocks import Beside, PathBlocks, PathValues, Shock, Simulation, joined_values
from riskengine.risk.paths import Block
from riskengine.risk.scenario_model import ScenarioModel
from riskengine.workers import Run, run_here, run_whole

Array = np.ndarray

DRIVEN = 0.99
"""Level of the drivers that are known where the returns of all paths are not kept."""

KEPT_BYTES = 1_000_000_000
"""Largest table of the returns of all paths that is kept; beyond it, sums alone."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcomes of a portfolio in simulated or replayed scenarios.

    Attributes
    ----------
    name : of the scenario
    assets : names; what is held beside assets, options say, last
    weights : (assets,) at the start, one of what is beside; the rest is cash
    horizon : days
    losses : (paths,) over the horizon, fractions of wealth
    drawdowns : (paths,) largest fall below the highest wealth since the start
    returns : (paths, assets) compounded over the horizon, gains over wealth of what is beside; None where they were too
        many to keep
    driven : (assets,) mean losses in the tail, by level, where returns are not kept
    """

    name: str
    assets: tuple[str, ...]
    weights: Array
    horizon: int
    losses: Array
    drawdowns: Array
    returns: Array | None
    driven: Mapping[float, Array] = field(default_factory=dict)

    def tail(self, level: float = 0.99) -> TailRisk:
        """VaR and CVaR over the horizon."""
        return empirical_tail(-self.losses, level, self.horizon)

    def drivers(self, level: float = DRIVEN) -> Array:
        """Mean loss of each asset ``(assets,)`` in the worst ``1 - level`` of paths; they add up to CVaR.

        Raises
        ------
        SettingsError
            If the returns were too many to keep, and the level is another than theirs.
        """
        if self.returns is None:
            if level not in self.driven:
                known = ", ".join(f"{one:g}" for one in self.driven)
                raise SettingsError(f"of so many paths drivers are known at {known}, not at {level:g}")
            return self.driven[level]
        tail = tail_weights(-self.losses, level)
        chosen = tail > 0
        return -(tail[chosen] @ self.returns[chosen].astype(np.float64)) * self.weights + 0.0


def simulate_blocks(
    model: ScenarioModel,
    weights: Array,
    settings: Simulation,
    shock: Shock | None = None,
    keep: bool = False,
) -> Iterator[Block]:
    """Monte Carlo simulation by blocks of paths, float32 arrays on the host, one after the other.

    Blocks are worked on by all of jax's devices at once, and no more of them are held than there are devices: the
    memory does not grow with the number of paths. A block depends on the seed and its place alone.

    Parameters
    ----------
    model : where it starts
    weights : (assets,) of a portfolio, bought at the start and held
    settings : see there
    shock : of the first day
    keep : whether to hand out all daily returns as well

    Examples
    --------
    >>> from riskengine.garch import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.5), np.full(2, 0.75))
    >>> blocks = simulate_blocks(m, np.array([0.5, 0.5]), Simulation(horizon=10, paths=2000))
    >>> [block.wealth.shape for block in blocks]
    [(10, 2000)]
    """
    return PathBlocks(model, weights, settings, shock).blocks(keep=keep)


def simulate(
    model: ScenarioModel,
    weights: Array,
    settings: Simulation | None = None,
    shock: Shock | None = None,
    name: str = "simulated",
    watch: Callable[[Block], None] | None = None,
    beside: Beside | None = None,
    run: Run = run_here,
) -> Outcome:
    """Monte Carlo simulation of a universe, and of a portfolio that is bought at the start and held.

    Where the returns of all paths would take more than :data:`KEPT_BYTES`, they are not kept: the memory grows with the
    paths by two numbers each, losses and drawdowns, and the drivers of the worst hundredth come from simulating again
    the blocks that have a part in it. The draws, and so the losses, are the same, whoever simulates.

    Parameters
    ----------
    model : calibrated universe, as it is or shocked
    weights : (assets,) fractions of wealth; what they leave of one is cash
    settings : how scenarios are drawn
    shock : of the first day; the other assets follow their conditional law
    name : of the scenario
    watch : called with every block, with all daily returns, to write them say; all is then done in this process
    beside : what is held beside the assets
    run : makes the calls, here or in other processes; what a killed process held is simulated again

    Raises
    ------
    DataError
        If weights are not finite or not one an asset, or draws of parameters are wanted and none are known.

    Examples
    --------
    >>> from riskengine.garch import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.5), np.full(2, 0.75))
    >>> outcome = simulate(m, np.array([0.5, 0.5]), Simulation(horizon=10, paths=2000))
    >>> bool(0.03 < outcome.tail(0.99).value_at_risk < 0.08), outcome.returns.shape
    (True, (2000, 2))
    """
    paths = PathBlocks(model, weights, settings or Simulation(), shock, beside)
    lines = () if beside is None else beside.names
    assets = (*model.assets, *lines)
    kept = paths.settings.paths * len(assets) * 4 <= KEPT_BYTES
    found = joined_values(_watched(paths, watch, kept) if watch else _values(paths, kept, run))
    held = np.concatenate([paths.weights, np.ones(len(lines))])
    driven = {} if kept else {DRIVEN: _driven(paths, found.losses, run) * held + 0.0}
    return Outcome(name, assets, held, paths.settings.horizon, *found, driven)


def _watched(paths: PathBlocks, watch: Callable[[Block], None], kept: bool) -> Iterator[PathValues]:
    for block in paths.blocks(keep=True):
        watch(block)
        yield paths.value(block, kept)


def _values(paths: PathBlocks, kept: bool, run: Run) -> Iterator[PathValues]:
    sent = paths.light()
    return run_whole(run, [partial(sent.values, part, kept) for part in paths.parts])


def _driven(paths: PathBlocks, losses: Array, run: Run) -> Array:
    """Mean loss over the tail of an asset held at weight one."""
    sent, tail = paths.light(), tail_weights(-losses, DRIVEN)
    calls = [
        partial(sent.tail_returns, part, tail) for part in paths.parts if tail[paths.paths_of(part)].any()
    ]
    return -np.sum(list(run_whole(run, calls)), axis=0)
