"""The book that scenarios are run on: weights, options beside them, and where paths are simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from riskengine.desk.exposures import UNLABELLED, Exposures
from riskengine.desk.option_outcomes import HeldOptions, OptionsBeside
from riskengine.risk import Outcome, ScenarioModel, Shock, Simulation, replay, replay_returns, simulate
from riskengine.risk.paths import Block
from riskengine.workers import Run, run_here

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class StressedBook:
    """What is held in all scenarios of a stress test.

    Attributes
    ----------
    weights : (assets,) of the scenarios' assets, fractions of wealth
    periods_per_year : of the days of the scenarios
    options : beside; None if there are none
    run : makes the calls that simulate
    """

    weights: Array
    periods_per_year: float
    options: HeldOptions | None = None
    run: Run = run_here

    def simulated(
        self,
        model: ScenarioModel,
        how: Simulation,
        name: str,
        shock: Shock | None = None,
        watch: Callable[[Block], None] | None = None,
    ) -> Outcome:
        """On simulated paths, which take time."""
        beside = self._beside(name, model.assets, self.periods_per_year)
        return simulate(model, self.weights, how, shock, name, watch, beside, self.run)

    def replayed(self, model: ScenarioModel, residuals: Array, name: str) -> Outcome:
        """Residuals ``(days, assets)`` of an episode at today's volatilities; no time passes."""
        return replay(model, self.weights, residuals, name, self._beside(name, model.assets, np.inf))

    def moved(self, assets: tuple[str, ...], returns: Array, name: str) -> Outcome:
        """Returns ``(days, assets)`` as they are; no time passes."""
        return replay_returns(assets, self.weights, returns, name, self._beside(name, assets, np.inf))

    def _beside(self, name: str, assets: tuple[str, ...], periods_per_year: float) -> OptionsBeside | None:
        return None if self.options is None else self.options.beside(name, assets, periods_per_year)


def lines_of(
    weights: Mapping[str, float],
    options: HeldOptions | None,
    groups: Mapping[str, str],
    wealth: float = 1.0,
) -> Exposures:
    """A line an asset and a line an option, with their groups.

    Parameters
    ----------
    weights : of wealth, by asset
    options : beside
    groups : of assets
    wealth : that the weights are of, where there are no options
    """
    assets, names, held = list(weights), list(weights), list(weights.values())
    positions = None
    if options is not None:
        positions, wealth = options.options, options.wealth
        assets, names = [*assets, *positions.underlying], [*names, *positions.names]
        held += list(positions.deltas() / wealth)
    labels = {"group": tuple(groups.get(asset, UNLABELLED) for asset in assets)} if groups else {}
    return Exposures(tuple(names), tuple(assets), np.array(held), wealth, labels, positions)
