"""Options beside the assets of a stress test: valued anew on every day of every scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from riskengine.desk.option_positions import OptionPositions
from riskengine.desk.stress_library import Scenario
from riskengine.desk.stress_limits import AS_IT_WAS, BY_SHOCKS

Array = np.ndarray

SAID = (
    "options: valued anew on every day of the simulated paths, at the end of episodes and shocks with no time passing; "
    "limits count them; reverse stress is of the assets alone"
)


@dataclass(frozen=True, eq=False)
class OptionsBeside:
    """Options on some of the assets of a scenario; a :class:`riskengine.risk.Beside`.

    They are worth what Black's formula says at the spot that a path has come to, with the time to expiry that is left,
    and today's volatility of their strike. One that expires on the way pays at the first close from its expiry on, and
    that is cash from then on. Each is an asset more of the outcome, of weight one, whose return is its gain over the
    wealth, so that drivers add up as before.

    Attributes
    ----------
    options : that are held
    places : of the underlyings and their exchange rates among the assets, see :meth:`OptionPositions.places`
    wealth : that gains are fractions of
    day : years that a day of the paths takes
    volatility : factor on implied volatilities
    """

    options: OptionPositions
    places: tuple[Array, Array]
    wealth: float
    day: float = 0.0
    volatility: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """Of the lines."""
        return self.options.names

    def gains(self, growth: Array) -> Array:
        """Since today, fractions of wealth ``(days, paths, lines)``, of one plus compounded returns."""
        moves, money = (np.where(places >= 0, growth[..., places] - 1, 0.0) for places in self.places)
        days = np.arange(len(growth))
        if self.day > 0:
            expiry = np.ceil(self.options.maturity / self.day - 1e-9).astype(int) - 1
            settled = np.minimum(days[:, None], np.maximum(expiry, 0))[:, None, :]
            moves, money = (np.take_along_axis(moved, settled, axis=0) for moved in (moves, money))
        years = self.day * (days + 1)[:, None, None]
        return self.options.gains(moves, self.volatility, years, money) / self.wealth


@dataclass(frozen=True, eq=False)
class HeldOptions:
    """Options of a book, for all scenarios of a stress test.

    Simulated paths take time; episodes and shocks hit at once. Implied volatilities are those of today times the factor
    of the scenario: of the library, or that of the test where it shocks volatilities.

    Attributes
    ----------
    options : that are held
    wealth : of the book with them
    factors : on implied volatilities, by name of the outcome; one for the others
    """

    options: OptionPositions
    wealth: float
    factors: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, options: OptionPositions, wealth: float, library: Mapping[str, Scenario], factor: float
    ) -> HeldOptions:
        """With the factors of a library, and of states whose volatilities are shocked by ``factor``."""
        factors = {
            f"{name}{end}": one.volatility for name, one in library.items() for end in (AS_IT_WAS, BY_SHOCKS)
        }
        return cls(
            options,
            wealth,
            factors | dict.fromkeys((f"volatility x {factor:g}", "volatility and correlation"), factor),
        )

    def beside(self, name: str, assets: tuple[str, ...], periods_per_year: float = np.inf) -> OptionsBeside:
        """In the scenario of a name, on these assets.

        Parameters
        ----------
        name : of the outcome
        assets : of the scenario
        periods_per_year : of the days of simulated paths; infinite where no time passes
        """
        day = 1 / periods_per_year
        places, factor = self.options.places(assets), self.factors.get(name, 1.0)
        return OptionsBeside(self.options, places, self.wealth, day, factor)
