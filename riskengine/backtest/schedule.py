"""When a strategy decides, and when its trades are done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from riskengine.errors import DataError, SettingsError


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
    """A decision every ``step`` days, the first once ``train`` returns have been observed.

    Attributes
    ----------
    train : returns seen before the first decision
    step : days between decisions
    delay : days between the close of the decision and the close of the trade

    Examples
    --------
    >>> WalkForward(train=3, step=2, delay=1).folds(9)
    (Fold(decide=3, trade=4, last=5), Fold(decide=5, trade=6, last=7), Fold(decide=7, trade=8, last=8))
    """

    train: int = 1250
    step: int = 21
    delay: int = 1

    def __post_init__(self) -> None:
        for name, value, least in (
            ("train", self.train, 2),
            ("step", self.step, 1),
            ("delay", self.delay, 0),
        ):
            if value < least:
                raise SettingsError(f"{name} must be at least {least}, not {value}")
        if self.delay >= self.step:
            raise SettingsError(
                f"a delay of {self.delay} days reaches the next decision, {self.step} days on: lower it"
            )

    def folds(self, dates: int) -> tuple[Fold, ...]:
        """Folds of a panel with this many dates of prices.

        Raises
        ------
        DataError
            If not even one trade fits.
        """
        if dates < self.train + self.delay + 2:
            raise DataError(
                f"{dates} dates are too few for a walk-forward with train={self.train} and delay={self.delay}: "
                f"it needs {self.train + self.delay + 2}; shorten train or bring more history"
            )
        decisions = range(self.train, dates - self.delay, self.step)
        return tuple(Fold(d, d + self.delay, min(d + self.step + self.delay, dates) - 1) for d in decisions)
