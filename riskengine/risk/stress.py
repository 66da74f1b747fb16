"""Stress without simulation: episodes of the past on today's portfolio, and the likeliest way to lose a given sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from riskengine.errors import DataError, SettingsError
from riskengine.garch import expected_step, step
from riskengine.market import as_returns, as_weights
from riskengine.risk.path_blocks import Beside, checked_weights
from riskengine.risk.scenario_model import ScenarioModel
from riskengine.risk.scenarios import Outcome

Array = np.ndarray


def replay(
    model: ScenarioModel,
    weights: Array,
    residuals: Array,
    name: str = "replay",
    beside: Beside | None = None,
) -> Outcome:
    """Filtered historical replay: standardised residuals of an episode at today's volatilities and weights, one path.

    The rescaling of Hull and White (1998). Variances go on from today's as those of simulated scenarios do: by each
    asset's own recursion, and by the universe's where the model has one (:attr:`ScenarioModel.common`).

    Parameters
    ----------
    model : today's
    weights : (assets,)
    residuals : (days, assets) returns of the episode over their conditional volatilities then; NaN moves nothing,
        and its variance by the expectation
    name : of the episode
    beside : what is held beside the assets

    Raises
    ------
    DataError
        If the shapes differ or the episode is empty.

    Examples
    --------
    >>> from riskengine.garch.params import GarchParams
    >>> p = GarchParams(*(np.full(1, x) for x in (2e-6, 0.05, 0.10, 0.88, 8.0)))
    >>> m = ScenarioModel(("A",), p, np.array([1e-4]), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1))
    >>> replay(m, np.ones(1), np.array([[-2.0], [0.0]])).losses.round(3)
    array([0.02])
    """
    weights = checked_weights(weights, model)
    residuals = np.asarray(residuals, dtype=np.float64)
    if residuals.ndim != 2 or residuals.shape[1] != len(weights) or not len(residuals):
        raise DataError(f"an episode has shape (days, {len(weights)}) and at least one day")
    own, common = model.variance, model.common_today()
    growth, daily = np.ones(len(weights)), []
    for z in residuals:
        seen = ~np.isnan(z)
        row = z * np.sqrt(own if common is None else common.joined(common.variance, own))
        growth = growth * np.maximum(1 + np.where(seen, row, 0.0), 0)
        daily.append(growth)
        own = np.where(seen, step(model.params, own, row), expected_step(model.params, own))
        common = None if common is None else common.moved(row)
    return _one_path(name, model.assets, weights, np.array(daily), beside)


def replay_returns(
    assets: tuple[str, ...],
    weights: Array,
    returns: Array,
    name: str = "replay",
    beside: Beside | None = None,
) -> Outcome:
    """Historical replay: the returns of an episode on today's weights, one path; NaN moves nothing.

    Parameters
    ----------
    assets : names
    weights : (assets,) at the start; the rest is cash
    returns : (days, assets) of the episode
    name : of the outcome
    beside : what is held beside the assets

    Examples
    --------
    >>> found = replay_returns(("A", "B"), np.array([0.5, 0.5]), np.array([[-0.2, 0.0], [0.1, 0.1]]))
    >>> found.losses.round(3)
    array([0.01])
    """
    rows = np.nan_to_num(as_returns(returns)[0])
    weights = as_weights(weights, assets)
    return _one_path(name, assets, weights, np.cumprod(np.maximum(1 + rows, 0), axis=0), beside)


def _one_path(
    name: str, assets: tuple[str, ...], weights: Array, growth: Array, beside: Beside | None
) -> Outcome:
    """Of one plus the compounded returns ``(days, assets)``."""
    wealth, ends = 1 + (growth - 1) @ weights, growth[-1] - 1
    loss = -ends @ weights
    if beside is not None:
        gains = beside.gains(growth[:, None, :])[:, 0]
        wealth, loss = wealth + gains.sum(axis=1), loss - gains[-1].sum()
        assets, ends = (*assets, *beside.names), np.concatenate([ends, gains[-1]])
        weights = np.concatenate([weights, np.ones(len(beside.names))])
    peak = np.maximum(np.maximum.accumulate(wealth), 1.0)
    return Outcome(
        name,
        assets,
        weights,
        len(wealth),
        np.array([loss]),
        np.array([(1 - wealth / peak).max()]),
        ends[None],
    )


@dataclass(frozen=True, eq=False)
class ReverseStress:
    """Result of a reverse stress test: the likeliest scenario that loses a given sum.

    Attributes
    ----------
    loss : fraction of wealth
    horizon : days
    returns : (assets,) over the horizon
    contributions : (assets,) losses of the holdings, which add up to ``loss``
    distance : Mahalanobis distance of the scenario, in standard deviations of the portfolio
    probability : of losing this much or more over the horizon
    """

    loss: float
    horizon: int
    returns: Array
    contributions: Array
    distance: float
    probability: float


def reverse_stress(model: ScenarioModel, weights: Array, loss: float, horizon: int = 1) -> ReverseStress:
    """Reverse stress test: of all joint returns that cost the portfolio ``loss``, those of the highest density.

    In an elliptical law they are the regression on the portfolio, ``-loss Sigma w / (w' Sigma w)`` (Breuer, Jandacka,
    Rheinberger and Summer 2009). Over several days the covariance is today's correlation at the mean of the term
    structure of variances; the probability takes a Student-t with the holdings' degrees of freedom, those of one day,
    which is cautious over more.

    Parameters
    ----------
    model : calibrated universe
    weights : (assets,)
    loss : fraction of wealth, above zero
    horizon : days

    Raises
    ------
    SettingsError
        If the loss is not above zero or the horizon below one.
    DataError
        If the portfolio has no risk.

    Examples
    --------
    >>> from riskengine.garch.params import GarchParams
    >>> p = GarchParams(*(np.full(2, x) for x in (1e-6, 0.05, 0.0, 0.94, np.inf)))
    >>> m = ScenarioModel(("A", "B"), p, np.full(2, 1e-4), np.ones((1, 2)), np.full((2, 1), 0.5), np.full(2, 0.75))
    >>> found = reverse_stress(m, np.array([1.0, 0.0]), loss=0.03)
    >>> found.returns.round(4), round(found.distance, 2), round(found.probability, 5)
    (array([-0.03  , -0.0075]), 3.0, 0.00135)
    """
    if not loss > 0 or horizon < 1:
        raise SettingsError(f"a loss is above zero and a horizon at least one day, not {loss} and {horizon}")
    weights = checked_weights(weights, model)
    deviation = np.sqrt(model.term_structure(horizon).sum(axis=0))
    scaled = deviation * weights
    pulled = deviation * (model.loadings @ (model.loadings.T @ scaled) + model.specific * scaled)
    variance = float(weights @ pulled)
    if not variance > 0:
        raise DataError(
            "this portfolio has no risk, so that nothing makes it lose: give it holdings that move"
        )
    share = scaled**2
    eta = float(share @ (1 / np.asarray(model.params.dof)) / share.sum())
    dof = 1 / max(eta, 1e-9)
    distance = float(loss / np.sqrt(variance))
    returns = -loss * pulled / variance
    probability = float(stdtr(dof, -distance * np.sqrt(dof / (dof - 2))))
    return ReverseStress(loss, horizon, returns, -weights * returns + 0.0, distance, probability)
