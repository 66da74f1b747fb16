"""Marginal, component and incremental risk by asset and group, and risk over the time that selling takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from riskengine.errors import DataError, SettingsError
from riskengine.market.checks import as_weights
from riskengine.risk.contributions import scenario_contributions
from riskengine.risk.filtered_historical import FilteredHistory
from riskengine.risk.measures import TailRisk, empirical_tail

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Breakdown:
    """The risk of a portfolio, taken apart; figures of groups are of all their assets together.

    Attributes
    ----------
    names : of assets or groups
    weights : (names,)
    component : (names,) shares that add up to the total
    marginal : (names,) rise of the risk with the weight, paid for by cash; NaN without a holding (of assets), or the
        component over the weight of a group
    incremental : (names,) what the risk falls by when the holding is sold for cash; these do not add up
    total : risk of the portfolio
    measure : ``"var"`` or ``"cvar"``
    level : confidence
    """

    names: tuple[str, ...]
    weights: Array
    component: Array
    marginal: Array
    incremental: Array
    total: float
    measure: str
    level: float


def breakdown(
    scenarios: Array,
    weights: Array,
    names: Sequence[str],
    level: float = 0.99,
    measure: Literal["var", "cvar"] = "cvar",
    groups: Sequence[str] | None = None,
) -> Breakdown:
    """Take the empirical VaR or CVaR of scenarios apart.

    Parameters
    ----------
    scenarios : (scenarios, assets) returns over the horizon
    weights : (assets,)
    names : one an asset
    level : confidence
    measure : VaR or CVaR
    groups : a label an asset; the breakdown is then by group

    Raises
    ------
    DataError
        If names or groups are not one an asset, or as :func:`riskengine.risk.scenario_contributions`.
    SettingsError
        If the measure is unknown.

    Examples
    --------
    >>> scenarios = np.column_stack([-np.arange(1.0, 101.0), np.arange(1.0, 101.0)]) / 100
    >>> found = breakdown(scenarios, np.array([0.6, 0.3]), ("A", "hedge"), level=0.95)
    >>> found.component.round(3), found.incremental.round(3), round(found.total, 3)
    (array([ 0.588, -0.294]), array([ 0.303, -0.294]), 0.294)
    """
    if measure not in ("var", "cvar"):
        raise SettingsError(f'a measure is "var" or "cvar", not {measure!r}')
    weights = as_weights(weights, len(names))
    labels = list(names if groups is None else groups)
    if len(names) != len(weights) or len(labels) != len(weights):
        raise DataError(f"names and groups are one an asset: {len(weights)} are wanted")
    parts = _figure(scenario_contributions(scenarios, weights, level), measure)
    order = tuple(dict.fromkeys(labels))
    member = np.array([[label == group for label in labels] for group in order], dtype=np.float64)
    pnl = np.asarray(scenarios, dtype=np.float64) * weights
    total = float(_figure(empirical_tail(pnl.sum(axis=1), level), measure))
    without = pnl.sum(axis=1)[:, None] - pnl @ member.T
    rest = np.asarray(_figure(empirical_tail(without, level), measure))
    held = member @ weights
    component = member @ parts
    with np.errstate(divide="ignore", invalid="ignore"):
        marginal = np.where(held != 0, component / held, np.nan)
    return Breakdown(tuple(map(str, order)), held, component, marginal, total - rest, total, measure, level)


def _figure(tail: TailRisk, measure: str) -> Array:
    found = tail.value_at_risk if measure == "var" else tail.conditional_value_at_risk
    return np.asarray(found)


def liquidity_tail(
    history: FilteredHistory,
    weights: Array,
    horizons: Array,
    level: float = 0.975,
    paths: int = 10_000,
    seed: int = 0,
) -> TailRisk:
    """VaR and CVaR where every holding is exposed for as many days as selling it takes.

    On each simulated path an asset earns its return over its own horizon, and cash after it. Nothing is scaled by the
    square root of time, in contrast to the cascade of the Basel Committee (2019), whose horizons these may be.

    Parameters
    ----------
    history : residuals, parameters and tomorrow's variances
    weights : (assets,)
    horizons : (assets,) whole days, at least one
    level : confidence
    paths, seed : of the simulation

    Returns
    -------
    TailRisk whose horizon is the longest one

    Raises
    ------
    SettingsError
        If a horizon is no whole number above zero.
    DataError
        If there is not one an asset.

    Examples
    --------
    >>> from riskengine.garch.params import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> history = FilteredHistory(np.random.default_rng(0).standard_normal((500, 2)), p, np.full(2, 1e-4))
    >>> w = np.array([0.5, 0.5])
    >>> quick, slow = (liquidity_tail(history, w, np.array(h), paths=2000) for h in ([1, 1], [1, 20]))
    >>> bool(slow.value_at_risk > 2 * quick.value_at_risk), slow.horizon
    (True, 20)
    """
    weights, days = as_weights(weights, len(history.next_variance)), np.asarray(horizons)
    if days.shape != weights.shape:
        raise DataError(f"weights and horizons have shape {history.next_variance.shape}, one an asset")
    if not np.issubdtype(days.dtype, np.integer) or (days < 1).any():
        raise SettingsError("a liquidity horizon is a whole number of days, at least one")
    total = np.zeros(paths)
    for horizon in np.unique(days):
        # The draws of days begin alike whatever the horizon, so that these are the same paths, cut off earlier.
        chosen = days == horizon
        total += history.simulate(int(horizon), paths, seed)[:, chosen] @ weights[chosen]
    tail = empirical_tail(total, level, int(days.max()))
    return replace(tail, method="filtered historical, liquidity horizons")
