"""All that one solve is handed, checked, in the units that the solver is given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.covariance.contract import Covariance
from riskengine.errors import DataError, SettingsError
from riskengine.portfolio.costs import YEAR, Costs
from riskengine.portfolio.objectives import (
    FORECASTERS,
    MONEY,
    MaximumDiversification,
    MaximumSharpe,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Objective,
    RiskBudgeting,
    TrackingError,
)
from riskengine.portfolio.repair import Risk, sound
from riskengine.portfolio.situation import Situation, checked

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Day:
    """What the program is filled with.

    Attributes
    ----------
    today : limits
    risk : covariance, mended if need be
    coin : the goal's unit: what prices in the objective's own unit are divided by
    reward : (assets,) linear part of the goal, in its unit: returns over cash, volatilities, or twice the
        covariance with a benchmark
    spread, borrow : prices of trades and shorts, in the goal's unit
    impact : (assets,) coefficients of the 3/2-power of trades, in the goal's unit
    scenarios : (scenarios, assets) in the goal's unit
    budgets : (assets,) of risk, summing to one
    offset : variance of the benchmark, a constant that the goal of tracking leaves out
    """

    today: Situation
    risk: Risk
    coin: float
    reward: Array
    spread: float
    borrow: float
    impact: Array
    scenarios: Array
    budgets: Array
    offset: float = 0.0


def prepare(
    objective: Objective,
    costs: Costs,
    today: Situation,
    covariance: Covariance,
    expected_returns: Array | None = None,
    scenarios: Array | None = None,
    benchmark: Array | None = None,
) -> Day:
    """Check what a solve is handed, and scale it.

    Raises
    ------
    SettingsError
        If shapes disagree, or something that the objective or the costs need is missing.
    DataError
        If something is not finite, or no portfolio can have a Sharpe ratio above zero.
    """
    assets, n = today.assets, len(today.assets)
    risk = sound(covariance, assets)
    mu = None if expected_returns is None else checked("expected returns", expected_returns, assets)
    if mu is None and isinstance(objective, FORECASTERS):
        raise SettingsError(
            f"{type(objective).__name__} needs expected returns: give the strategy a forecast of them"
        )
    reward, coin, days = np.zeros(n), risk.unit, 1
    losses, budgets, offset = np.zeros((0, n)), np.zeros(n), 0.0
    if isinstance(objective, FORECASTERS) and mu is not None:
        rest = objective.risk_free if isinstance(objective, MaximumSharpe) else costs.cash
        reward = mu - rest / YEAR
        if isinstance(objective, MeanVariance):
            coin = risk.unit * objective.risk_aversion / 2
        else:
            coin = float(np.abs(reward[today.tradable]).max(initial=0.0)) or 1.0
    elif isinstance(objective, TrackingError):
        if benchmark is None:
            raise SettingsError("tracking needs the benchmark's weights: hand them to each solve")
        target = checked("benchmark weights", benchmark, assets)
        reward, offset = 2 * risk.times(target), risk.variance(target)
    elif isinstance(objective, MaximumDiversification):
        if not risk.volatility[today.tradable].any():
            raise DataError("no asset has any volatility: there is nothing to diversify")
        reward, coin = risk.volatility, float(np.sqrt(risk.unit))
    elif isinstance(objective, RiskBudgeting):
        budgets, coin = _shares(objective, today), float(np.sqrt(risk.unit))
    elif isinstance(objective, MinimumCvar):
        losses, days = _scenarios(scenarios, today), risk.horizon
        coin = float(np.sqrt(np.mean(losses[:, today.tradable] ** 2))) or 1.0
        losses = (losses - costs.cash * days / YEAR) / coin
    money = isinstance(objective, MONEY)
    rate = days / risk.horizon / coin if money else 0.0  # trades are paid for once a holding period
    spread = costs.spread * rate
    if isinstance(objective, MinimumVariance):
        spread = objective.trading * risk.variance(today.previous) / coin
    return Day(
        today,
        risk,
        coin,
        reward / coin,
        spread,
        costs.borrow * days / YEAR / coin if money else 0.0,
        _impact(costs, today, risk) * rate,
        losses,
        budgets,
        offset,
    )


def _impact(costs: Costs, today: Situation, risk: Risk) -> Array:
    """Coefficients of |x|^(3/2), in money."""
    if not costs.impact > 0:
        return np.zeros(len(today.assets))
    if today.volume is None:
        raise SettingsError("market impact needs the traded volume: hand it to each solve")
    safe = np.where(today.tradable, today.volume, 1.0)
    return costs.impact * risk.volatility / np.sqrt(safe)


def _shares(objective: RiskBudgeting, today: Situation) -> Array:
    """Budgets of risk over what may be held."""
    given = objective.budgets
    if given is None:
        shares = np.ones(len(today.assets))
    else:
        unknown = set(given) - set(today.assets) - {"*"}
        if unknown:
            raise SettingsError(
                f"a risk budget names {sorted(unknown)[0]}, which is not an asset of the panel"
            )
        shares = np.array([float(given.get(name, given.get("*", 0.0))) for name in today.assets])
        if not (shares > 0).all():
            missing = today.assets[int(np.argmin(shares))]
            raise SettingsError(f"{missing} has no risk budget: name it, or all others with '*'")
    shares = np.where(today.tradable, shares, 0.0)
    return shares / (shares.sum() or 1.0)


def _scenarios(scenarios: Array | None, today: Situation) -> Array:
    if scenarios is None:
        raise SettingsError("minimum CVaR needs scenarios of returns: hand them to each solve")
    found = np.asarray(scenarios, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] != len(today.assets) or not len(found):
        raise SettingsError(
            f"scenarios of shape {found.shape} for a problem of {len(today.assets)} assets: "
            "they are (scenarios, assets)"
        )
    broken = ~np.isfinite(found[:, today.tradable]).all()
    if broken:
        raise DataError("scenarios hold NaN or infinite returns: fill gaps or make these assets not tradable")
    return np.where(today.tradable, found, 0.0)
