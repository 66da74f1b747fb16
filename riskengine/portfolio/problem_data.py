"""Numbers of one solve: what it is handed, checked, and the same in the unit that the solver is given."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import DataError, SettingsError
from riskengine.portfolio.conditioning import ConditionedCovariance, conditioned
from riskengine.portfolio.costs import Costs
from riskengine.portfolio.trading_state import TradingState, checked

Array = np.ndarray

REMEDIES = {
    "expected_returns": "expected returns: give the strategy a forecast of them",
    "scenarios": "scenarios of returns: hand them to each solve",
    "benchmark": "the benchmark's weights: hand them to each solve",
}
"""What an objective may need beside a covariance, and what to do where it is missing."""


@dataclass(frozen=True, eq=False)
class ProblemData:
    """Numbers that a compiled problem is filled with, in the unit of its goal.

    Attributes
    ----------
    state : limits and holdings
    risk : covariance
    costs : as given
    unit : of the goal, in the objective's own unit: prices of soft limits are divided by it
    linear_term : (assets,) linear part of the goal: returns over cash, volatilities, or twice the covariance with a
        benchmark
    spread, borrow : prices of trades and shorts
    impact : (assets,) coefficients of the 3/2-power of trades
    scenarios : (scenarios, assets) returns
    vectors : by name, ``(assets,)`` parameters of the objective's own
    numbers : by name, scalar parameters of the objective's own
    """

    state: TradingState
    risk: ConditionedCovariance
    costs: Costs
    unit: float
    linear_term: Array
    spread: float
    borrow: float
    impact: Array
    scenarios: Array
    vectors: Mapping[str, Array] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)

    def charges(self, weights: Array) -> float:
        """Costs of trades and shorts, in the objective's own unit."""
        trades, shorts = np.abs(weights - self.state.previous), np.maximum(-weights, 0.0)
        total = self.spread * trades.sum() + self.impact @ trades**1.5 + self.borrow * shorts.sum()
        return self.unit * float(total)


@dataclass(frozen=True, eq=False)
class ProblemInputs:
    """Checked inputs of one solve, in the units of the market; an objective derives its data from them.

    Attributes
    ----------
    state : limits and holdings
    risk : covariance per day
    costs : by kind
    expected_returns : (assets,) per day, zero if not given
    scenarios : (scenarios, assets) simple returns over the holding period, zero for what may not be held; no rows
        unless the objective needs them
    benchmark : (assets,) weights, zero unless the objective needs them
    """

    state: TradingState
    risk: ConditionedCovariance
    costs: Costs
    expected_returns: Array
    scenarios: Array
    benchmark: Array

    def scaled(
        self,
        unit: float,
        in_money: bool,
        linear_term: Array | None = None,
        scenarios: Array | None = None,
        days: int = 1,
        vectors: Mapping[str, Array] | None = None,
        numbers: Mapping[str, float] | None = None,
    ) -> ProblemData:
        """Data in multiples of ``unit``.

        Parameters
        ----------
        unit : of the goal, in the objective's own unit
        in_money : whether the objective is measured in money, so that costs weigh on it
        linear_term, scenarios : in the objective's own unit; zero, or none, if not given
        days : that the objective's value is over; trades are paid for once a holding period
        vectors, numbers : parameters of the objective's own, filled in as they are
        """
        state, risk, costs, n = self.state, self.risk, self.costs, len(self.state.assets)
        rate = days / risk.horizon / unit if in_money else 0.0
        return ProblemData(
            state,
            risk,
            costs,
            unit,
            np.zeros(n) if linear_term is None else linear_term / unit,
            costs.spread * rate,
            risk.per_period(costs.borrow * days) / unit if in_money else 0.0,
            self._impact() * rate,
            np.zeros((0, n)) if scenarios is None else scenarios / unit,
            vectors or {},
            numbers or {},
        )

    def _impact(self) -> Array:
        """Coefficients of |x|^(3/2), in money, ``(assets,)``."""
        if not self.costs.impact > 0:
            return np.zeros(len(self.state.assets))
        if self.state.volume is None:
            raise SettingsError("market impact needs the traded volume: hand it to each solve")
        volume = np.where(self.state.tradable, self.state.volume, 1.0)
        return self.costs.impact * self.risk.volatility / np.sqrt(volume)


def problem_inputs(
    who: str,
    needs: Set[str],
    costs: Costs,
    state: TradingState,
    covariance: Covariance,
    expected_returns: Array | None = None,
    scenarios: Array | None = None,
    benchmark: Array | None = None,
) -> ProblemInputs:
    """Check what a solve is handed.

    Parameters
    ----------
    who : name of the objective, for messages
    needs : names of what it needs beside a covariance
    costs, state : see their classes
    covariance, expected_returns, scenarios, benchmark : see :class:`ProblemInputs`; what is not needed may be missing

    Raises
    ------
    SettingsError
        If shapes disagree, or something that is needed is missing.
    DataError
        If something is not finite.
    """
    assets = state.assets
    given = {"expected_returns": expected_returns, "scenarios": scenarios, "benchmark": benchmark}
    risk, nothing = conditioned(covariance, assets), np.zeros(len(assets))
    for name, remedy in REMEDIES.items():
        if name in needs and given[name] is None:
            raise SettingsError(f"{who} needs {remedy}")
    return ProblemInputs(
        state,
        risk,
        costs,
        nothing if expected_returns is None else checked("expected returns", expected_returns, assets),
        _checked_scenarios(scenarios, state) if "scenarios" in needs else nothing[None][:0],
        nothing
        if "benchmark" not in needs or benchmark is None
        else checked("benchmark weights", benchmark, assets),
    )


def _checked_scenarios(given: Array | None, state: TradingState) -> Array:
    scenarios = np.asarray(given, dtype=np.float64)
    if scenarios.ndim != 2 or scenarios.shape[1] != len(state.assets) or not len(scenarios):
        raise SettingsError(
            f"scenarios of shape {scenarios.shape} for a problem of {len(state.assets)} assets: "
            "they are (scenarios, assets)"
        )
    if not np.isfinite(scenarios[:, state.tradable]).all():
        raise DataError("scenarios hold NaN or infinite returns: fill gaps or make these assets not tradable")
    return np.where(state.tradable, scenarios, 0.0)
