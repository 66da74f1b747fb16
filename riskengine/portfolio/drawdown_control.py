"""Drawdown control: an overlay that holds less of a strategy while what it holds is below its peak."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from riskengine.errors import SettingsError
from riskengine.portfolio.ask import stated_limits
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.strategy import Strategy

if TYPE_CHECKING:
    from riskengine.market import MarketView

Array = np.ndarray


class DrawdownState(NamedTuple):
    """State of the strategy inside, and the share of it that was held last."""

    inside: Any
    exposure: float


@dataclass(frozen=True)
class DrawdownControl:
    """Drawdown control: exposure falls with the portfolio's drawdown, the rest is cash.

    The drawdown is that of today's target weights over the last ``window`` days, not of the wealth made: it needs
    no history of trades, so that today's report says the same as a backtest, and what was sold is bought back as the
    assets recover, where a rule on the wealth itself stays in cash once it is there. The exposure is in proportion to
    what is left up to the limit, ``1 - drawdown / limit``, after Grossman and Zhou (1993), whose risky investment is in
    proportion to the wealth above its floor; down to ``lowest``.

    Attributes
    ----------
    strategy : what is held back
    limit : drawdown at which nothing would be left
    lowest : share that is held all the same
    window : days in which the peak is looked for

    Raises
    ------
    SettingsError
        If a setting is out of range.

    Examples
    --------
    >>> from riskengine import EqualWeight
    >>> from riskengine.market import MarketView
    >>> prices = np.array([[10.0, 10.0], [12.0, 10.1], [9.0, 9.9]])
    >>> view = MarketView(None, ("A", "B"), prices, np.ones(2, bool))
    >>> overlay = DrawdownControl(EqualWeight(min_history=2), limit=0.3)
    >>> decision, _ = overlay.decide(overlay.init(view), view, np.zeros(2))
    >>> decision.weights.round(3), decision.notes  # half of -25% and -2%
    (array([0.275, 0.275]), ('drawdown of 13.5%: 55% invested',))
    """

    strategy: Strategy
    limit: float = 0.25
    lowest: float = 0.2
    window: int = 252

    def __post_init__(self) -> None:
        if not (0 < self.limit <= 1 and 0 < self.lowest <= 1 and self.window >= 1):
            raise SettingsError(
                "limit and lowest lie above 0 and at most at 1, and a window has at least one day; not "
                f"{self.limit}, {self.lowest} and {self.window}"
            )

    @property
    def name(self) -> str:
        """That of the strategy inside, and what is done to it."""
        return f"{self.strategy.name}, less in drawdowns"

    @property
    def constraints(self) -> Constraints | None:
        """What is kept in all: the limits of the strategy inside, at every size; None if it states none."""
        stated = stated_limits(self.strategy)
        return None if stated is None else stated.scaled(self.lowest, 1.0)

    def init(self, view: MarketView) -> DrawdownState:
        """State before the first decision: nothing is held back."""
        return DrawdownState(self.strategy.init(view), 1.0)

    def decide(
        self, state: DrawdownState, view: MarketView, holdings: Array
    ) -> tuple[Decision, DrawdownState]:
        """The decision of the strategy inside, which sees its holdings at full size, times the exposure."""
        decision, inside = self.strategy.decide(state.inside, view, holdings / state.exposure)
        depth = drawdown(view.window(self.window), decision.weights)
        exposure = float(np.clip(1 - depth / self.limit, self.lowest, 1.0))
        state = DrawdownState(inside, exposure)
        if exposure == 1.0:
            return decision, state
        note = f"drawdown of {depth:.1%}: {exposure:.0%} invested"
        return replace(decision, weights=exposure * decision.weights, notes=(*decision.notes, note)), state


def drawdown(returns: Array, weights: Array) -> float:
    """How far a portfolio with constant weights stands below its highest wealth of the window.

    Parameters
    ----------
    returns : (days, assets), NaN counts as no move
    weights : (assets,)
    """
    wealth = np.cumprod(1 + np.nan_to_num(returns) @ weights)
    peak = max(1.0, float(wealth.max(initial=1.0)))
    return 1 - float(wealth[-1]) / peak if len(wealth) else 0.0
