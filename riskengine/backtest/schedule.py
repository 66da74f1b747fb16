"""When a strategy decides, among which assets, and when its trades are done."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, get_args

import numpy as np
import pandas as pd

from riskengine.backtest.bands import NoTradeBand
from riskengine.errors import DataError, SettingsError
from riskengine.market import MarketView, Panel, Universe, periods_in

Calendar = Literal["week", "month", "quarter"]
_PERIOD = {"week": "W-SUN", "month": "M", "quarter": "Q"}
_DAYS = {"week": 5, "month": 21, "quarter": 63}  # of five-day closes


TRAIN = 1250
"""Returns before the first decision, if nobody says otherwise: five years of days."""


def usual_train(count: int | None = None, periods_per_year: float = 252.0) -> int:
    """Number of returns before the first decision, by default, of a panel with ``count`` closes.

    :data:`TRAIN` where that leaves a year to test on; else a third of the closes, but a year if that is not more than
    half of them.

    Examples
    --------
    >>> [usual_train(count) for count in (6000, 1502, 1200, 640, 320, 100)]
    [1250, 1250, 400, 252, 160, 50]
    """
    if count is None or count >= TRAIN + periods_per_year:
        return TRAIN
    year = round(periods_per_year)
    return max(2, min(TRAIN, max(count // 3, min(year, count // 2))))


class Fold(NamedTuple):
    """One decision: positions in the panel's dates.

    Attributes
    ----------
    decide : the strategy sees everything up to and including this close
    trade : the close at which its trades are done
    last : the last day before the next fold's trade, included
    """

    decide: int
    trade: int
    last: int


@dataclass(frozen=True)
class WalkForward:
    """A decision every ``step`` days or at the end of every period, once ``train`` returns have been observed.

    Attributes
    ----------
    train : closes before the first decision
    step : closes between decisions; or ``"week"``, ``"month"`` or ``"quarter"``, at whose last close they fall. The
        panel's last close ends no period: whether it does is not known from the panel.
    delay : days between the close of the decision and the close of the trade; on a close that has both, yesterday's
        decision is traded before the next is made
    window : returns that a strategy is shown, a rolling window; all of the past, which expands, if not given
    universe : who may be held; every member with a price if not given
    band : how far weights may drift from their targets before they are traded; all decisions are traded in full if None

    Examples
    --------
    >>> WalkForward(train=3, step=2, delay=1).folds(9)
    (Fold(decide=3, trade=4, last=5), Fold(decide=5, trade=6, last=7), Fold(decide=7, trade=8, last=8))
    >>> dates = pd.bdate_range("2024-01-15", "2024-04-12")
    >>> [str(dates[fold.decide].date()) for fold in WalkForward(train=3, step="month").folds(dates)]
    ['2024-01-31', '2024-02-29', '2024-03-29']
    """

    train: int = 1250
    step: int | Calendar = 21
    delay: int = 1
    window: int | None = None
    universe: Universe | None = None
    band: NoTradeBand | None = None

    def __post_init__(self) -> None:
        if isinstance(self.step, str) and self.step not in get_args(Calendar):
            raise SettingsError(f"step is a number of days, or one of {', '.join(_DAYS)}, not {self.step!r}")
        for name, value, least in (
            ("train", self.train, 2),
            ("step", self.days, 1),
            ("delay", self.delay, 0),
            ("window", self.window, 2),
        ):
            if value is not None and value < least:
                raise SettingsError(f"{name} must be at least {least}, not {value}")
        # How many closes a period of the calendar has shows when there are dates: in weekly prices a week has one.
        if self.delay > self.days:
            raise SettingsError(
                f"a delay of {self.delay} days goes past the next decision, {self.days} days on: lower it"
            )

    @property
    def days(self) -> int:
        """Closes between decisions; for periods of the calendar about as many, of five-day closes."""
        return _DAYS[self.step] if isinstance(self.step, str) else self.step

    def horizon(self, periods_per_year: float) -> int:
        """Closes between decisions in prices of another frequency: a month of weekly ones has four.

        Examples
        --------
        >>> WalkForward(step="month").horizon(52.0), WalkForward(step=21).horizon(52.0)
        (4, 21)
        """
        return periods_in(self.step, periods_per_year)

    def folds(self, dates: int | pd.DatetimeIndex) -> tuple[Fold, ...]:
        """Folds of a panel with these dates of prices; their number is enough for a fixed step.

        Raises
        ------
        DataError
            If not even one trade fits, or two closes of the calendar are nearer than the delay.
        """
        count = dates if isinstance(dates, int) else len(dates)
        if count < self.train + self.delay + 2:
            raise DataError(
                f"{count} dates are too few for a walk-forward with train={self.train} and delay={self.delay}: "
                f"it needs {self.train + self.delay + 2}; {self._shorter(count)}bring more history"
            )
        decisions = [d for d in self._closes(dates) if self.train <= d < count - self.delay]
        if not decisions:
            raise DataError(
                f"no {self.step} ends after {self.train} returns: shorten train or bring more history"
            )
        for first, second in pairwise(decisions):
            if second - first < self.delay:
                raise DataError(
                    f"only {second - first} close(s) between two ends of a {self.step}: a delay of {self.delay} "
                    "goes past the next decision"
                )
        lasts = [*(later + self.delay - 1 for later in decisions[1:]), count - 1]
        if not isinstance(self.step, str):
            lasts[-1] = min(decisions[-1] + self.step + self.delay, count) - 1
        return tuple(Fold(d, d + self.delay, last) for d, last in zip(decisions, lasts, strict=True))

    def _shorter(self, count: int) -> str:
        """What train could be for so many closes."""
        most = count - self.delay - 2
        return f"set train to {most} at most, {min(most, usual_train(count))} say, or " if most >= 2 else ""

    def _closes(self, dates: int | pd.DatetimeIndex) -> list[int]:
        """Positions at which a decision may fall."""
        if not isinstance(self.step, str):
            count = dates if isinstance(dates, int) else len(dates)
            return list(range(self.train, count, self.step))
        if isinstance(dates, int):
            raise SettingsError(f"a decision every {self.step} needs dates, not their number")
        periods = dates.to_period(_PERIOD[self.step])
        return [int(k) for k in np.flatnonzero(periods[1:] != periods[:-1])]

    def view(self, panel: Panel, position: int) -> MarketView:
        """What a strategy is shown when it decides at this close."""
        view = panel.view(position, self.window)
        return view if self.universe is None else self.universe.restrict(view)
