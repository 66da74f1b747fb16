"""Objectives of a portfolio: what is minimised or maximised over its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, replace

import cvxpy as cp
import numpy as np

from riskengine.errors import DataError, SettingsError, deprecated
from riskengine.portfolio.costs import Costs
from riskengine.portfolio.feasibility import NamedConstraint
from riskengine.portfolio.objective import Goal, Objective, ProblemExpressions
from riskengine.portfolio.problem_data import ProblemData, ProblemInputs
from riskengine.portfolio.trading_state import TradingState

Array = np.ndarray


@dataclass(frozen=True)
class MinimumVariance(Objective):
    """Minimum variance (Markowitz 1952), ``min w' Sigma w``.

    Expected returns and costs play no part: a variance has no exchange rate with money.

    Attributes
    ----------
    turnover_penalty : price of a unit of turnover, as a share of the variance of what is held before; .05 halves the
        turnover of an unconstrained portfolio of a hundred stocks and leaves its variance as it was
        (``backtests/covariance/race.py``)
    """

    turnover_penalty: float = 0.0
    trading: InitVar[float | None] = None  # its old name

    column_generation = True

    def __post_init__(self, trading: float | None) -> None:
        if trading is not None:
            deprecated("MinimumVariance(trading=)", "MinimumVariance(turnover_penalty=)")
            object.__setattr__(self, "turnover_penalty", trading)
        if not 0 <= self.turnover_penalty < float("inf"):
            raise SettingsError(f"a turnover penalty must not be negative, but is {self.turnover_penalty}")

    def costs(self, costs: Costs) -> Costs:
        """The price of turnover alone."""
        return Costs(spread=1e-4 if self.turnover_penalty else 0.0)  # how much it is comes with the data

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the assets' mean variance."""
        unit = inputs.risk.mean_variance
        spread = self.turnover_penalty * inputs.risk.variance(inputs.state.previous) / unit
        return replace(inputs.scaled(unit, in_money=False), spread=spread)

    def expression(self, p: ProblemExpressions) -> Goal:
        """``w' Sigma w``."""
        return Goal(p.variance + p.charges)

    def value(self, data: ProblemData, weights: Array) -> float:
        """Variance per day."""
        return data.risk.variance(weights)


@dataclass(frozen=True)
class MeanVariance(Objective):
    """Mean-variance utility of Markowitz (1952), ``max mu' w - lambda / 2 w' Sigma w - costs``.

    Attributes
    ----------
    risk_aversion : lambda, positive; 2.5 to 5 is usual for equities
    """

    risk_aversion: float = 3.0

    needs = frozenset({"expected_returns"})
    in_money = True
    maximised = True
    sums_over_time = True
    column_generation = True

    def __post_init__(self) -> None:
        if not self.risk_aversion > 0:
            raise SettingsError(f"risk aversion must be positive, not {self.risk_aversion}")

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of ``lambda / 2`` times the mean variance; returns are over cash."""
        unit = inputs.risk.mean_variance * self.risk_aversion / 2
        return inputs.scaled(unit, True, inputs.expected_returns - inputs.risk.per_period(inputs.costs.cash))

    def expression(self, p: ProblemExpressions) -> Goal:
        """``w' Sigma w - 2 / lambda mu' w``."""
        return Goal(p.variance - p.linear_term @ p.weights + p.charges)

    def value(self, data: ProblemData, weights: Array) -> float:
        """Utility per day."""
        # Returns over cash are in the goal's unit; cash on all of wealth brings them back.
        net = (
            data.unit * float(data.linear_term @ weights)
            + data.risk.per_period(data.costs.cash)
            - data.charges(weights)
        )
        return net - self.risk_aversion / 2 * data.risk.variance(weights)


class _Ratio(Objective):
    """A ratio ``a' w / sqrt(w' Sigma w)``: the variance is minimised over weights whose ``a' w`` is one."""

    scale_free = True
    maximised = True
    column_generation = True

    def expression(self, p: ProblemExpressions) -> Goal:
        """``y' Sigma y`` where ``a' y`` less costs is at least one."""
        normal = 1 - p.linear_term @ p.weights + p.charges <= 0
        return Goal(p.variance, [normal], priced=normal)

    def marginal(self, goal: Goal, data: ProblemData, weights: Array, scale: float) -> Array:
        """``2 Sigma y`` less ``a`` at its price."""
        assert goal.priced is not None
        slope = data.risk.times(weights) * scale / data.risk.mean_variance
        return 2.0 * slope - float(goal.priced.dual_value) * (data.linear_term - data.spread)


@dataclass(frozen=True)
class MaximumSharpe(_Ratio):
    """Maximum Sharpe ratio (Sharpe 1966), ``max (mu' w - r - costs) / sqrt(w' Sigma w)``.

    Solved as a convex program by the transform of Schaible (1974), after Charnes and Cooper (1962): weights
    are scaled until their net return is one, and the variance is then least.

    Attributes
    ----------
    risk_free : per year; expected returns are measured from it
    """

    risk_free: float = 0.0

    needs = frozenset({"expected_returns"})
    in_money = True

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the greatest absolute expected return."""
        excess = inputs.expected_returns - inputs.risk.per_period(self.risk_free)
        return inputs.scaled(_greatest(excess, inputs.state), True, excess)

    def limits(self, data: ProblemData) -> list[NamedConstraint]:
        """An expected return above the risk-free rate."""
        name = "expected return above the risk-free rate"
        return [NamedConstraint.below(name, -data.linear_term[None], np.array([-1e-6]))]

    def value(self, data: ProblemData, weights: Array) -> float:
        """Sharpe ratio of a day."""
        net = data.unit * float(data.linear_term @ weights) - data.charges(weights)
        return net / float(np.sqrt(data.risk.variance(weights)))


@dataclass(frozen=True)
class MaximumReturn(Objective):
    """Maximum expected return at a limited volatility, ``max mu' w - costs`` where ``sqrt(w' Sigma w) <= sigma``.

    A point of the efficient frontier (Markowitz 1952). Give the constraints a budget that is a range, such as
    ``(0, 2)``: the rest of wealth is cash.

    Attributes
    ----------
    volatility : sigma, per year, such as 0.10
    """

    volatility: float = 0.10

    needs = frozenset({"expected_returns"})
    in_money = True
    maximised = True
    risk_term = "volatility"
    column_generation = True

    def __post_init__(self) -> None:
        if not 0 < self.volatility < 10:
            raise SettingsError(
                f"a target volatility is a positive fraction a year like 0.1, not {self.volatility}"
            )

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the greatest absolute expected return; returns are over cash."""
        excess = inputs.expected_returns - inputs.risk.per_period(inputs.costs.cash)
        cap = self.volatility / np.sqrt(inputs.risk.periods_per_year * inputs.risk.mean_variance)
        return inputs.scaled(_greatest(excess, inputs.state), True, excess, numbers={"cap": cap})

    def expression(self, p: ProblemExpressions) -> Goal:
        """``-mu' w`` within a second-order cone."""
        cone = p.volatility <= p.number("cap", nonneg=True)
        return Goal(p.charges - p.linear_term @ p.weights, [cone], priced=cone)

    def limits(self, data: ProblemData) -> list[NamedConstraint]:
        """The volatility."""
        factor = data.risk.factor
        name = f"volatility <= {self.volatility:g} a year"
        unit = np.sqrt(data.risk.mean_variance)
        return [
            NamedConstraint.volatility(
                name, factor / unit, self.volatility / np.sqrt(data.risk.periods_per_year) / unit
            )
        ]

    def marginal(self, goal: Goal, data: ProblemData, weights: Array, scale: float) -> Array:
        """Gradient of the volatility at its price, less expected returns."""
        assert goal.priced is not None
        slope = data.risk.times(weights) * scale / data.risk.mean_variance
        volatility = np.sqrt(data.risk.variance(weights) / data.risk.mean_variance)
        price = float(goal.priced.dual_value) / max(volatility, 1e-12)
        return price * slope - (data.linear_term - data.spread)

    def value(self, data: ProblemData, weights: Array) -> float:
        """Expected return per day."""
        return (
            data.unit * float(data.linear_term @ weights)
            + data.risk.per_period(data.costs.cash)
            - data.charges(weights)
        )


@dataclass(frozen=True)
class MinimumCvar(Objective):
    """Minimum conditional value at risk over scenarios (Rockafellar and Uryasev 2000), costs included.

    ``min t + mean(max(-R w - t, 0)) / (1 - level)`` over weights ``w`` and threshold ``t``. Scenarios ``R``
    ``(scenarios, assets)`` of simple returns over the holding period are handed to each solve.

    Attributes
    ----------
    level : confidence, such as 0.95
    """

    level: float = 0.95

    needs = frozenset({"scenarios"})
    in_money = True
    risk_term = "none"
    column_generation = True

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise SettingsError(f"a confidence lies between 0 and 1, not at {self.level}")

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the scenarios' root mean square; returns are over cash."""
        scenarios, days = inputs.scenarios, inputs.risk.horizon
        unit = float(np.sqrt(np.mean(scenarios[:, inputs.state.tradable] ** 2))) or 1.0
        excess = scenarios - inputs.risk.per_period(inputs.costs.cash * days)
        return inputs.scaled(unit, True, scenarios=excess, days=days)

    def expression(self, p: ProblemExpressions) -> Goal:
        """The threshold and the mean of what is beyond it."""
        assert p.scenarios is not None
        count = p.scenarios.shape[0]
        threshold, beyond = cp.Variable(), cp.Variable(count, nonneg=True)
        tail = -(p.scenarios @ p.weights) - threshold <= beyond
        mean = cp.sum(beyond) / ((1 - self.level) * count)
        return Goal(threshold + mean + p.charges, [tail], priced=tail)

    def marginal(self, goal: Goal, data: ProblemData, weights: Array, scale: float) -> Array:
        """Mean loss of each asset over the tail: dual values are the scenarios' weights in it."""
        assert goal.priced is not None
        return -(goal.priced.dual_value @ data.scenarios) + data.spread

    def ranking(self, data: ProblemData, weights: Array) -> Array:
        """By the mean loss in the tail of ``weights``."""
        losses = -(data.scenarios @ weights)
        tail = losses >= np.quantile(losses, self.level)
        return np.argsort(-data.scenarios[tail].mean(axis=0), kind="stable")

    def value(self, data: ProblemData, weights: Array) -> float:
        """CVaR over the holding period."""
        losses = -data.unit * (data.scenarios @ weights) - data.risk.per_period(
            data.risk.horizon * data.costs.cash
        )
        return tail_mean(losses, self.level) + data.charges(weights)


@dataclass(frozen=True)
class RiskBudgeting(Objective):
    """Risk budgeting: every asset contributes its budget to the volatility (Bruder and Roncalli 2012).

    The convex form of Spinu (2013), ``min w' Sigma w / 2 - sum b log w``, scaled to the budget of the constraints.
    Where bounds or groups bind, the same criterion chooses among the portfolios that they leave (Richard and Roncalli
    2019). Long only.

    Attributes
    ----------
    budgets : asset to positive share of risk ``b``, in any unit, ``"*"`` for all others; equal shares if not given
    """

    budgets: Mapping[str, float] | None = None

    scale_free = True

    def __post_init__(self) -> None:
        wrong = [name for name, share in (self.budgets or {}).items() if not 0 < share < float("inf")]
        if wrong:
            raise SettingsError(f"a risk budget must be positive, that of {wrong[0]} is not")

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the root of the mean variance; budgets sum to one."""
        budgets = self._shares(inputs.state)
        vectors = {"budgets": budgets, "closed": np.where(budgets == 0, 1.0, 0.0)}
        return inputs.scaled(float(np.sqrt(inputs.risk.mean_variance)), False, vectors=vectors)

    def expression(self, p: ProblemExpressions) -> Goal:
        """``w' Sigma w / 2 - sum b log w``."""
        # What may not be held is zero, and log(0 + 1) leaves it out.
        shifted = cp.Variable(p.weights.size)
        budgets, closed = p.vector("budgets", nonneg=True), p.vector("closed", 1.0, nonneg=True)
        barrier = budgets @ cp.log(shifted)
        return Goal(0.5 * p.variance - barrier + p.charges, [shifted == p.weights + closed])

    def value(self, data: ProblemData, weights: Array) -> float:
        """Volatility per day."""
        return float(np.sqrt(data.risk.variance(weights)))

    def _shares(self, state: TradingState) -> Array:
        """Budgets of risk over what may be held, ``(assets,)``."""
        shares = np.ones(len(state.assets))
        if self.budgets is not None:
            unknown = set(self.budgets) - set(state.assets) - {"*"}
            if unknown:
                raise SettingsError(
                    f"a risk budget names {sorted(unknown)[0]}, which is not an asset of the panel"
                )
            others = self.budgets.get("*", 0.0)
            shares = np.array([float(self.budgets.get(name, others)) for name in state.assets])
            if not (shares > 0).all():
                missing = state.assets[int(np.argmin(shares))]
                raise SettingsError(f"{missing} has no risk budget: name it, or all others with '*'")
        shares = np.where(state.tradable, shares, 0.0)
        return shares / (shares.sum() or 1.0)


@dataclass(frozen=True)
class MaximumDiversification(_Ratio):
    """Maximum diversification ratio (Choueifaty and Coignard 2008), ``max sigma' w / sqrt(w' Sigma w)``.

    The mean volatility of the assets over that of the portfolio.
    """

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the root of the mean variance."""
        risk = inputs.risk
        if not risk.volatility[inputs.state.tradable].any():
            raise DataError("no asset has any volatility: there is nothing to diversify")
        return inputs.scaled(float(np.sqrt(risk.mean_variance)), False, risk.volatility)

    def value(self, data: ProblemData, weights: Array) -> float:
        """Diversification ratio."""
        return float(data.risk.volatility @ weights) / float(np.sqrt(data.risk.variance(weights)))


@dataclass(frozen=True)
class TrackingError(Objective):
    """Minimum tracking error (Roll 1992), ``min (w - b)' Sigma (w - b)``.

    The weights ``b`` of the benchmark are handed to each solve.
    """

    needs = frozenset({"benchmark"})
    column_generation = True

    def data(self, inputs: ProblemInputs) -> ProblemData:
        """In units of the mean variance; ``b' Sigma b`` is a constant that the goal leaves out."""
        risk, b = inputs.risk, inputs.benchmark
        numbers = {"benchmark_variance": risk.variance(b)}
        return inputs.scaled(risk.mean_variance, False, 2 * risk.times(b), numbers=numbers)

    def expression(self, p: ProblemExpressions) -> Goal:
        """``w' Sigma w - 2 b' Sigma w``."""
        return Goal(p.variance - p.linear_term @ p.weights + p.charges)

    def value(self, data: ProblemData, weights: Array) -> float:
        """Tracking error per day."""
        goal = data.risk.variance(weights) - data.unit * float(data.linear_term @ weights)
        return float(np.sqrt(max(goal + data.numbers["benchmark_variance"], 0.0)))


def tail_mean(losses: Array, level: float) -> float:
    """Mean of the worst ``1 - level`` of equally likely losses ``(scenarios,)``, the last one counted in part.

    Examples
    --------
    >>> round(tail_mean(np.array([3.0, 1.0, 2.0]), level=0.5), 3)
    2.667
    """
    worst = np.sort(losses)[::-1]
    mass = (1 - level) * len(worst)
    shares = np.clip(mass - np.arange(len(worst)), 0.0, 1.0)
    return float(shares @ worst / mass)


def _greatest(returns: Array, state: TradingState) -> float:
    """Greatest absolute return of what may be held; one if there is none."""
    return float(np.abs(returns[state.tradable]).max(initial=0.0)) or 1.0
