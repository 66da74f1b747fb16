"""Scenarios of a stress test with options in the book: each path's end values them anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from riskengine.desk.option_positions import OptionPositions
from riskengine.risk import Outcome

Array = np.ndarray


def with_options(
    outcome: Outcome, options: OptionPositions, wealth: float, years: float, volatility: float = 1.0
) -> Outcome:
    """The same scenario of a book that holds options beside its assets.

    At the end of a path options are worth what Black's formula says at the spot that the path has come to, with the
    time to expiry that is left, and today's volatility of their strike. Each is an asset more of the outcome, of weight
    one, whose return is its gain over the wealth, so that drivers add up as before. Of the way there nothing is known of
    them: a drawdown is the larger of that of the assets and the loss at the end.

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
