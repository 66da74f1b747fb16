"""Strategies: handed the past and the present holdings, they answer with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from riskengine.covariance.contract import Covariance, CovarianceForecaster
from riskengine.errors import SettingsError
from riskengine.portfolio.black_litterman import View, black_litterman, equilibrium_returns
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs, ProportionalCosts
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.fallback import solve_or_fall_back
from riskengine.portfolio.objectives import (
    FORECASTERS,
    MeanVariance,
    MinimumCvar,
    MinimumVariance,
    Objective,
    TrackingError,
)
from riskengine.portfolio.problem import Optimizer
from riskengine.portfolio.scenarios import holding_period_scenarios

if TYPE_CHECKING:
    from riskengine.market.view import MarketView

Array = np.ndarray

QUIET_DAYS = 63
"""An asset whose returns have not varied for this long counts as stale and may not be held."""


@runtime_checkable
class Strategy(Protocol):
    """What the walk-forward and today's report call. Settings are frozen, the state goes in and comes out."""

    @property
    def name(self) -> str:
        """For tables."""

    def init(self, view: MarketView) -> Any:
        """State before the first decision."""

    def decide(self, state: Any, view: MarketView, holdings: Array) -> tuple[Decision, Any]:
        """Target weights, given the past and the weights held now ``(assets,)``, and the new state."""


def eligible(view: MarketView, window: int, min_history: int) -> Array:
    """Assets that may be held: with a fresh price, enough returns in the window, and not stale, ``(assets,)``.

    What has no price today is held or bought all the same, as soon as it has one: see
    :attr:`~riskengine.market.MarketView.fresh`. A return of what is priced less often counts for the sessions that
    it spans.
    """
    rows = view.window(window)
    recent = view.window(QUIET_DAYS)
    seen = ~np.isnan(recent)
    high = np.where(seen, recent, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(seen, recent, np.inf).min(axis=0, initial=np.inf)
    covered = np.sum(~np.isnan(rows), axis=0) * view.spacing
    return view.fresh & (covered >= min_history) & (high > low)


@dataclass(frozen=True)
class EqualWeight:
    """The same weight in every eligible asset.

    Attributes
    ----------
    min_history : observed returns below which an asset is left out
    """

    name: str = "equal weight"
    min_history: int = 250

    def init(self, view: MarketView) -> None:
        """Nothing to remember."""

    def decide(self, state: None, view: MarketView, holdings: Array) -> tuple[Decision, None]:
        """Equal weights; all in cash while nothing is eligible."""
        chosen = eligible(view, max(self.min_history, 1250), self.min_history)
        if not chosen.any():
            return Decision(np.zeros(len(chosen)), "all in cash", notes=("no asset is eligible",)), None
        return Decision(chosen / chosen.sum()), None


class OptimizedState(NamedTuple):
    """Compiled problem, the forecaster's last state, the assets that it was made for, its day, its age in decisions."""

    optimizer: Optimizer
    forecast: Any
    chosen: Array
    day: int = 0
    age: int = 0


@dataclass(frozen=True)
class OptimizedStrategy:
    """Forecast a covariance, then optimise.

    The forecaster is initialised on the last ``window`` days of the eligible assets: at each decision, or at every
    ``refit``-th, and handed the days since at the others.

    Attributes
    ----------
    name : for tables
    forecaster : see :class:`~riskengine.covariance.contract.CovarianceForecaster`; one with ``carry`` set
        is handed its last state as ``previous=`` while the eligible assets stay the same
    objective, constraints, costs : see their classes
    window : days of history for the forecast
    horizon : holding period, days
    min_history : observed returns in the window below which an asset is left out
    refit : decisions that a calibration serves while the eligible assets stay the same
    pace : share of the way from the weights held to the optimal ones that is traded; below one it saves turnover
        for little (Garleanu and Pedersen 2013). Bounds and budget hold all the same, and what may no longer be held
        is sold at once; a group limit that drift has broken heals at this pace.
    fallback : whether to fall back when the limits clash; otherwise the error is raised
    benchmark : asset to weight, for tracking; equal weight in what is eligible if not given
    volume : view to the value traded a day ``(assets,)``, as a multiple of own wealth; for limits on
        participation and for market impact
    scenarios : for CVaR, the most that are made of the window
    """

    name: str
    forecaster: CovarianceForecaster
    objective: Objective = field(default_factory=MinimumVariance)
    constraints: Constraints = field(default_factory=Constraints)
    costs: ProportionalCosts | Costs | None = None
    window: int = 1250
    horizon: int = 21
    min_history: int = 250
    refit: int = 1
    pace: float = 1.0
    fallback: bool = True
    benchmark: Mapping[str, float] | None = None
    volume: Callable[[MarketView], Array] | None = None
    scenarios: int = 500

    def __post_init__(self) -> None:
        if not 2 <= self.min_history <= self.window:
            raise SettingsError(
                f"min_history must lie between 2 and the window of {self.window}, not at {self.min_history}"
            )
        if self.refit < 1:
            raise SettingsError(f"a calibration serves one decision at least, not {self.refit}")
        if not 0 < self.pace <= 1:
            raise SettingsError(f"pace is a share of the way, above 0 and at most 1, not {self.pace}")

    def init(self, view: MarketView) -> OptimizedState:
        """Compile the problem."""
        optimizer = Optimizer(view.assets, self.objective, self.constraints, self.costs)
        return OptimizedState(optimizer, None, np.zeros(len(view.assets), bool))

    def decide(
        self, state: OptimizedState, view: MarketView, holdings: Array
    ) -> tuple[Decision, OptimizedState]:
        """Optimal weights over the eligible assets."""
        chosen = eligible(view, self.window, self.min_history)
        if not chosen.any():
            decision = Decision(np.zeros(len(chosen)), "all in cash", notes=("no asset is eligible",))
            return decision, state._replace(forecast=None)
        forecast, age = self._forecast_state(state, view, chosen)
        covariance = self._embedded(self.forecaster.forecast(forecast, self.horizon), chosen, view.assets)
        held = holdings if np.any(holdings) else None
        market = self._market_today(view, covariance, chosen)
        decision = self._solve(state.optimizer, covariance, held, chosen, market)
        if self.pace < 1 and held is not None:
            way = self.pace * decision.weights + (1 - self.pace) * np.where(chosen, held, 0.0)
            decision = replace(decision, weights=state.optimizer.trimmed(way))
        return decision, OptimizedState(state.optimizer, forecast, chosen, view.day, age)

    def _forecast_state(self, state: OptimizedState, view: MarketView, chosen: Array) -> tuple[Any, int]:
        """The forecaster's state at this close, and how many decisions its calibration has served."""
        same = state.forecast is not None and np.array_equal(chosen, state.chosen)
        days = view.day - state.day
        if same and state.age < self.refit and 0 <= days < len(view.prices):
            forecast = state.forecast
            for row in view.window(days)[:, chosen] if days else ():
                forecast = self.forecaster.update(forecast, row)
            return forecast, state.age + 1
        rows = view.window(self.window)[:, chosen]
        if same and getattr(self.forecaster, "carry", False):
            return self.forecaster.init(rows, previous=state.forecast), 1  # type: ignore[call-arg]
        return self.forecaster.init(rows), 1

    def _solve(
        self,
        optimizer: Optimizer,
        covariance: Covariance,
        held: Array | None,
        chosen: Array,
        market: dict[str, Any],
    ) -> Decision:
        expected = self.expected_returns(covariance, chosen, optimizer.assets)
        return self._decision(optimizer, covariance, expected, held, chosen, covariance.notes, market)

    def _decision(
        self,
        optimizer: Optimizer,
        covariance: Covariance,
        expected: Array | None,
        held: Array | None,
        chosen: Array,
        notes: tuple[str, ...],
        market: dict[str, Any],
    ) -> Decision:
        if self.fallback:
            return solve_or_fall_back(optimizer, covariance, expected, held, chosen, notes, **market)
        solution = optimizer.solve(covariance, expected, held, chosen, **market)
        return Decision(solution.weights, "ok", covariance, (*notes, *solution.notes))

    def _market_today(self, view: MarketView, covariance: Covariance, chosen: Array) -> dict[str, Any]:
        """What else the objective, the constraints and the costs need."""
        market: dict[str, Any] = {}
        if isinstance(self.objective, MinimumCvar):
            rows = view.window(self.window)
            market["scenarios"] = holding_period_scenarios(rows, covariance, chosen, self.scenarios)
        if isinstance(self.objective, TrackingError):
            market["benchmark"] = _held_market(self.benchmark, view.assets, chosen)
        if self.volume is not None:
            market["volume"] = self.volume(view)
        return market

    def expected_returns(
        self, covariance: Covariance, chosen: Array, assets: tuple[str, ...]
    ) -> Array | None:
        """Expected returns over the horizon, ``(assets,)``: the equilibrium of an equally weighted market.

        None where the objective has no use for them. Subclasses bring their own.
        """
        if not isinstance(self.objective, FORECASTERS):
            return None
        aversion = getattr(self.objective, "risk_aversion", 2.5)
        return equilibrium_returns(covariance, chosen / chosen.sum(), aversion)

    @staticmethod
    def _embedded(covariance: Covariance, chosen: Array, assets: tuple[str, ...]) -> Covariance:
        """The covariance of all assets; those left out have zero weight anyway, and a typical variance."""
        named = np.flatnonzero(chosen)
        notes = tuple(_renamed(note, named, assets) for note in covariance.notes)
        if chosen.all():
            return Covariance(covariance.loadings, covariance.specific, covariance.horizon, notes)
        loadings = np.zeros((len(chosen), covariance.loadings.shape[1]))
        loadings[chosen] = covariance.loadings
        specific = np.full(len(chosen), np.mean(covariance.volatility**2))
        specific[chosen] = covariance.specific
        return Covariance(loadings, specific, covariance.horizon, notes)


def _renamed(note: str, named: Array, assets: tuple[str, ...]) -> str:
    """Forecasters know assets by position; people know them by name."""
    head, colon, rest = note.partition(":")
    return f"{assets[named[int(head)]]}:{rest}" if colon and head.isdigit() else note


@dataclass(frozen=True)
class BlackLittermanStrategy(OptimizedStrategy):
    """Mean-variance on the posterior expected returns of Black and Litterman (1992).

    Attributes
    ----------
    views : opinions, held throughout; those on assets that are not eligible are left out and noted
    market_weights : asset to weight in the market portfolio of the equilibrium; equal if not given
    risk_aversion : of the market, in the equilibrium
    tau : uncertainty of the equilibrium
    """

    objective: Objective = field(default_factory=MeanVariance)
    views: tuple[View, ...] = ()
    market_weights: dict[str, float] | None = None
    risk_aversion: float = 2.5
    tau: float = 0.05

    def _solve(
        self,
        optimizer: Optimizer,
        covariance: Covariance,
        held: Array | None,
        chosen: Array,
        market: dict[str, Any],
    ) -> Decision:
        assets = optimizer.assets
        open_ = {name for name, mask in zip(assets, chosen, strict=True) if mask}
        usable = tuple(
            view
            for view in self.views
            if set(view.portfolio) <= open_ or not set(view.portfolio) <= set(assets)
        )
        left_out = tuple(
            f"view on {', '.join(view.portfolio)} left out: not eligible"
            for view in self.views
            if view not in usable
        )
        weights = _held_market(self.market_weights, assets, chosen)
        equilibrium = equilibrium_returns(covariance, weights, self.risk_aversion)
        posterior = black_litterman(covariance, equilibrium, usable, assets, self.tau)
        return self._decision(
            optimizer,
            posterior.covariance,
            posterior.expected_returns,
            held,
            chosen,
            covariance.notes + left_out,
            market,
        )


def _held_market(weights: Mapping[str, float] | None, assets: tuple[str, ...], chosen: Array) -> Array:
    """Weights of a market or benchmark in what is eligible, summing to one; equal if not given."""
    if weights is None:
        return chosen / chosen.sum()
    unknown = set(weights) - set(assets)
    if unknown:
        raise SettingsError(f"market weights name {sorted(unknown)[0]}, which is not an asset of the panel")
    found = chosen * np.array([weights.get(name, 0.0) for name in assets])
    if not found.sum() > 0:
        raise SettingsError("market weights leave nothing in the eligible assets")
    return found / found.sum()
