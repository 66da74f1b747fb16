"""What a portfolio is chosen for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from riskengine.errors import SettingsError


@dataclass(frozen=True)
class MinimumVariance:
    """Least variance; expected returns and costs play no part: a variance has no exchange rate with money.

    Attributes
    ----------
    trading : price of a unit of turnover, as a share of the variance of what is held before; .05 halves the
        turnover of an unconstrained portfolio of a hundred stocks and leaves its variance as it was
        (``backtests/covariance/race.py``)
    """

    trading: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.trading < float("inf"):
            raise SettingsError(f"the price of trading must not be negative, but is {self.trading}")


@dataclass(frozen=True)
class MeanVariance:
    """Markowitz (1952): expected return less half the risk aversion times the variance, less costs.

    Attributes
    ----------
    risk_aversion : positive; 2.5 to 5 is usual for equities
    """

    risk_aversion: float = 3.0

    def __post_init__(self) -> None:
        if not self.risk_aversion > 0:
            raise SettingsError(f"risk aversion must be positive, not {self.risk_aversion}")


@dataclass(frozen=True)
class MaximumSharpe:
    """Greatest expected return over cash, less costs, per unit of volatility (Sharpe 1966).

    Solved as a convex program by the transform of Schaible (1974), after Charnes and Cooper (1962): weights
    are scaled until their net return is one, and the variance is then least.

    Attributes
    ----------
    risk_free : per year; expected returns are measured from it
    """

    risk_free: float = 0.0


@dataclass(frozen=True)
class TargetVolatility:
    """Greatest expected return, less costs, at no more than a stated volatility.

    Give the constraints a budget that is a range, such as ``(0, 2)``: the rest of wealth is cash.

    Attributes
    ----------
    volatility : per year, such as 0.10
    """

    volatility: float = 0.10

    def __post_init__(self) -> None:
        if not 0 < self.volatility < 10:
            raise SettingsError(
                f"a target volatility is a positive fraction a year like 0.1, not {self.volatility}"
            )


@dataclass(frozen=True)
class MinimumCvar:
    """Least mean loss beyond the value at risk, costs included, over scenarios (Rockafellar and Uryasev 2000).

    Scenarios ``(scenarios, assets)`` of simple returns over the holding period are handed to each solve.

    Attributes
    ----------
    level : confidence, such as 0.95
    """

    level: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise SettingsError(f"a confidence lies between 0 and 1, not at {self.level}")


@dataclass(frozen=True)
class RiskBudgeting:
    """Every asset contributes its budget to the portfolio's volatility (Bruder and Roncalli 2012).

    The convex form of Spinu (2013): half the variance less the budgets times the logarithms of the weights,
    scaled to the budget of the constraints. Where bounds or groups bind, the same criterion chooses among
    the portfolios that they leave (Richard and Roncalli 2019). Long only.

    Attributes
    ----------
    budgets : asset to positive share of risk, in any unit, ``"*"`` for all others; equal shares if not given
    """

    budgets: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        wrong = [name for name, share in (self.budgets or {}).items() if not 0 < share < float("inf")]
        if wrong:
            raise SettingsError(f"a risk budget must be positive, that of {wrong[0]} is not")


@dataclass(frozen=True)
class MaximumDiversification:
    """Greatest ratio of the mean volatility of the assets to that of the portfolio (Choueifaty, Coignard 2008)."""


@dataclass(frozen=True)
class TrackingError:
    """Least variance of the difference to a benchmark (Roll 1992), whose weights are handed to each solve."""


Objective = (
    MinimumVariance
    | MeanVariance
    | MaximumSharpe
    | TargetVolatility
    | MinimumCvar
    | RiskBudgeting
    | MaximumDiversification
    | TrackingError
)

RATIOS = (MaximumSharpe, MaximumDiversification, RiskBudgeting)
"""Objectives that do not change when all weights are scaled: solved for weights of free scale."""

MONEY = (MeanVariance, MaximumSharpe, TargetVolatility, MinimumCvar)
"""Objectives measured in money, so that costs can be weighed against them."""

FORECASTERS = (MeanVariance, MaximumSharpe, TargetVolatility)
"""Objectives that need expected returns."""

GAINS = (MeanVariance, MaximumSharpe, TargetVolatility, MaximumDiversification)
"""Objectives of which more is better."""
