"""One portfolio against another, in figures and in words, and the headline figures of one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from riskengine.backtest.return_shape import ReturnShape
from riskengine.market import plural


@dataclass(frozen=True)
class Metrics(ReturnShape):
    """Performance figures of a portfolio, net of costs: these, and those of :class:`ReturnShape`.

    Attributes
    ----------
    volatility, annual_return, cash_return : a year
    sharpe, sortino : a year, over cash
    max_drawdown : fraction of the highest wealth so far, negative
    calmar : annual return over the depth of the drawdown
    turnover, costs : a year, as multiples and fractions of wealth
    bias : realized over forecast risk
    """

    volatility: float
    annual_return: float
    cash_return: float
    sharpe: float
    sortino: float
    max_drawdown: float
    calmar: float
    turnover: float
    costs: float
    bias: float


@dataclass(frozen=True)
class Comparison:
    """Realized volatility of one portfolio against another's, on the days that both have.

    Attributes
    ----------
    volatility, other_volatility : annualised, net of costs
    reduction : ``1 - volatility / other_volatility``, a fraction
    interval : its 95% stationary-bootstrap interval
    p_value : of equal variances, two-sided (Ledoit and Wolf 2011)
    days : periods compared
    information_ratio : a year, of the returns over the other's; NaN where they do not differ
    unit : what a period is called
    reason : why interval and test are NaN, where they are
    """

    name: str
    other: str
    volatility: float
    other_volatility: float
    reduction: float
    interval: tuple[float, float]
    p_value: float
    days: int
    information_ratio: float = float("nan")
    unit: str = "day"
    reason: str = ""

    def __str__(self) -> str:
        tested = f", p = {self.p_value:.3f}" if not math.isnan(self.p_value) else ""
        return (
            f"{self.name}: {self.volatility:.2%} a year against {self.other_volatility:.2%} of {self.other}, "
            f"{self.words()}{tested}, {self.days} {plural(self.unit)}"
        )

    def words(self) -> str:
        """The reduction and its interval without signs: which side each number is on is said.

        Examples
        --------
        >>> one = Comparison("a", "b", 0.09, 0.1, 0.1, (-0.05, 0.2), 0.04, 500)
        >>> one.words()
        '10.0% lower (95% interval: 5.0% higher to 20.0% lower)'
        """
        if math.isnan(self.reduction):
            return f"not compared: {self.reason}"
        low, high = self.interval
        if math.isnan(low):
            return f"{_side(self.reduction)} (no interval: {self.reason})"
        first = f"{abs(low):.1%}" if (low < 0) == (high < 0) else _side(low)
        return f"{_side(self.reduction)} (95% interval: {first} to {_side(high)})"

    def sentence(self) -> str:
        """The comparison as a client reads it.

        Examples
        --------
        >>> Comparison("a", "b", 0.09, 0.1, 0.1, (0.04, 0.2), 0.04, 500).sentence()
        '10.0% less volatile than b; between 4.0% and 20% less with 95% confidence'
        >>> Comparison("a", "b", 0.101, 0.1, -0.01, (-0.05, 0.03), 0.4, 500).sentence()
        '1.0% more volatile than b, which may be chance: between 5.0% more and 3.0% less with 95% confidence'
        >>> Comparison("a", "b", 0.1, 0.1, 0.0, (0.0, 0.0), 1.0, 500).sentence()
        'as volatile as b: the same portfolio, or nearly so'
        """
        if math.isnan(self.reduction):
            return f"not compared with {self.other}: {self.reason}"
        said = f"{abs(self.reduction):.1%} {_word(self.reduction)} volatile than {self.other}"
        low, high = self.interval
        if math.isnan(low):
            return f"{said} (no interval: {self.reason})"
        if max(abs(low), abs(high)) < 5e-5:
            return f"as volatile as {self.other}: the same portfolio, or nearly so"
        if low <= 0 <= high:
            return (
                f"{said}, which may be chance: between {_share(low)} {_word(low)} and {_share(high)} {_word(high)} "
                "with 95% confidence"
            )
        ends = sorted((abs(low), abs(high)))
        return f"{said}; between {_share(ends[0])} and {_share(ends[1])} {_word(low)} with 95% confidence"


def _word(reduction: float) -> str:
    return "more" if reduction < 0 else "less"


def _share(end: float) -> str:
    """An end of an interval: two digits are all that it is good for."""
    return f"{abs(end):.0%}" if abs(end) >= 0.0995 else f"{abs(end):.1%}"


def _side(reduction: float) -> str:
    """Signs and words contradict each other all too easily: minus ten percent lower."""
    return f"{abs(reduction):.1%} {'higher' if reduction < 0 else 'lower'}"
