"""Scenarios of a stress test with options in the book: each path's end values them anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from riskengine.desk.option_positions import OptionPositions
from riskengine.desk.portfolio_stress import StressTest
from riskengine.desk.stress_library import Scenario
from riskengine.desk.stress_limits import AS_IT_WAS, BY_SHOCKS
from riskengine.risk import Outcome

Array = np.ndarray


def with_options(
    outcome: Outcome, options: OptionPositions, wealth: float, years: float, volatility: float = 1.0
) -> Outcome:
    """The same scenario of a book that holds options beside its assets.

    At the end of a path options are worth what Black's formula says at the spot that the path has come to, with the
    time to expiry that is left, and today's volatility of their strike. Each is an asset more of the outcome, of weight
    one, whose return is its gain over the wealth, so that drivers add up as before. Of the way there nothing is known
    of them: a drawdown is the larger of that of the assets and the loss at the end.

    Parameters
    ----------
    outcome : of the assets, at weights of the same wealth
    options : of underlyings among its assets
    wealth : that weights are fractions of
    years : from today to the end of the path
    volatility : factor on implied volatilities
    """
    place = {name: j for j, name in enumerate(outcome.assets)}
    moves = outcome.returns[:, [place[name] for name in options.underlying]].astype(np.float64)
    gains = options.gains(moves, volatility, years) / wealth
    losses = outcome.losses - gains.sum(axis=1)
    return replace(
        outcome,
        assets=(*outcome.assets, *options.names),
        weights=np.concatenate([outcome.weights, np.ones(len(options.names))]),
        losses=losses,
        drawdowns=np.maximum(outcome.drawdowns, losses),
        returns=np.hstack([outcome.returns, gains]),
    )


def stress_with_options(
    test: StressTest, options: OptionPositions, wealth: float, library: Mapping[str, Scenario], factor: float
) -> StressTest:
    """A stress test of assets as one of assets and options.

    Simulated paths end after the horizon of the test; episodes and shocks hit at once. Implied volatilities are those
    of today times the factor of the scenario: of the library, or ``factor`` where volatilities are shocked.

    Parameters
    ----------
    test : of the assets, at weights of the wealth with options
    options : that are held
    wealth : with options
    library : that the test ran
    factor : on volatilities in the shocked states of the test
    """
    factors = {
        f"{name}{end}": one.volatility for name, one in library.items() for end in (AS_IT_WAS, BY_SHOCKS)
    }
    factors |= dict.fromkeys((f"volatility x {factor:g}", "volatility and correlation"), factor)
    outcomes = [
        with_options(
            one,
            options,
            wealth,
            one.horizon / test.periods_per_year if len(one.losses) > 1 else 0.0,
            factors.get(one.name, 1.0),
        )
        for one in test.outcomes
    ]
    said = (
        "options: valued anew at the end of every scenario, with no drawdown on the way; reverse stress and limits on "
        "VaR, volatility and weights are of the assets alone here, `riskengine risk` counts options in them"
    )
    return replace(test, outcomes=tuple(outcomes), notes=(*test.notes, *options.notes, said))
