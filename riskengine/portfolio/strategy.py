"""Strategies: handed the past and the present holdings, they answer with weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast, runtime_checkable

import numpy as np

from riskengine.covariance import (
    Asynchronous,
    Covariance,
    CovarianceForecaster,
    Ensemble,
    Followed,
    Refit,
    for_frequency,
    reads_ranges,
)
from riskengine.errors import SettingsError, deprecated
from riskengine.market import periods_in
from riskengine.portfolio.black_litterman import BlackLittermanPosterior, View
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.costs import Costs, ProportionalCosts
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.expected_returns import (
    BlackLitterman,
    Equilibrium,
    ExpectedReturns,
    eligible_weights,
)
from riskengine.portfolio.fallback import solve_or_fall_back
from riskengine.portfolio.holding_period import holding_period_scenarios
from riskengine.portfolio.multi_period import MultiPeriodOptimizer
from riskengine.portfolio.objective import Objective
from riskengine.portfolio.objectives import MeanVariance, MinimumVariance
from riskengine.portfolio.optimizer import Optimizer

if TYPE_CHECKING:
    from riskengine.market import MarketView

Array = np.ndarray

QUIET_DAYS = 63
"""An asset whose returns have not varied for this long counts as stale and may not be held."""


@runtime_checkable
class Strategy(Protocol):
    """Strategy protocol of backtest and desk: settings are frozen, the state goes in and comes out."""

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

    Parameters
    ----------
    view : of the close at which is decided
    window : closes in which returns are counted
    min_history : returns that an asset needs in them

    Examples
    --------
    >>> import pandas as pd
    >>> from riskengine.market import Panel
    >>> prices = pd.DataFrame({"A": np.arange(100.0, 130.0), "B": 100.0}, pd.bdate_range("2024-01-01", periods=30))
    >>> eligible(Panel(prices).view(29), 20, 15)
    array([ True, False])
    """
    rows = view.window(window)
    recent = view.window(QUIET_DAYS)
    seen = ~np.isnan(recent)
    high = np.where(seen, recent, -np.inf).max(axis=0, initial=-np.inf)
    low = np.where(seen, recent, np.inf).min(axis=0, initial=np.inf)
    covered = (len(rows) - np.count_nonzero(np.isnan(rows), axis=0)) * view.spacing
    return view.fresh & (covered >= min_history) & (high > low)


@dataclass(frozen=True)
class EqualWeight:
    """Equal weights of all eligible assets.

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
    """The forecaster's last state, the assets that it was made for, its day, its age in decisions."""

    forecast: Any
    chosen: Array
    day: int = 0
    age: int = 0


def standard_forecaster() -> CovarianceForecaster:
    """The ensemble: what measured best of all covariances (``backtests/covariance/race.py``)."""
    return Ensemble()


@dataclass(frozen=True)
class OptimizedStrategy:
    """Forecast a covariance, then optimise: an objective, constraints and costs, and where returns come from.

    The forecaster is initialised on the last ``window`` days of the eligible assets: at each decision, or at every
    ``refit``-th, and handed the days since at the others.

    Attributes
    ----------
    name : for tables
    forecaster : see :class:`~riskengine.covariance.base.CovarianceForecaster`; one with ``carry`` set
        is handed its last state as ``previous=`` while the eligible assets stay the same. If not given,
        :class:`~riskengine.covariance.Ensemble`
    objective, constraints, costs : see their classes; a number is a rate of proportional costs
    window : days of history for the forecast
    horizon : holding period: sessions, or ``"week"``, ``"month"`` or ``"quarter"``, which are as many as the frequency
        of the prices makes them
    min_history : observed returns in the window below which an asset is left out
    refit : decisions that a calibration serves while the eligible assets stay the same
    trade_rate : share of the way from the weights held to the optimal ones that is traded; below one it saves turnover
        for little (Garleanu and Pedersen 2013). Bounds and budget hold all the same, and what may no longer be held
        is sold at once; a breach of a group limit by drift is reduced at this rate.
    fallback : whether to fall back when the limits clash; otherwise the error is raised
    benchmark : asset to weight, for tracking; equal weight in what is eligible if not given
    volume : view to the value traded a day ``(assets,)``, as a multiple of own wealth; for limits on
        participation and for market impact
    scenarios : for CVaR, the most that are made of the window
    expected_returns : see :class:`~.ExpectedReturns`; if not given, and the objective needs them, the equilibrium of
        an equally weighted market at the objective's own risk aversion
    periods : holding periods that are planned at once; above one, see :class:`~.MultiPeriodOptimizer`
    asynchronous : whether correlations are corrected for closes hours apart
        (:class:`~riskengine.covariance.Asynchronous`): by the panel's stated closes if not given; True takes every
        asset for a day late against every other, False none

    Examples
    --------
    Returns that are expected to fade, planned over three weeks of which the first is traded:

    >>> def fading(view, covariance, chosen):
    ...     signal = -1e-4 * np.sign(np.nan_to_num(view.returns[-1]))
    ...     return np.outer([1.0, 0.5, 0.25], signal)
    >>> strategy = OptimizedStrategy(
    ...     "planned", objective=MeanVariance(5.0), costs=ProportionalCosts(0.001), horizon=5,
    ...     expected_returns=fading, periods=3)
    >>> type(strategy.optimizer(("A", "B"))).__name__
    'MultiPeriodOptimizer'
    """

    name: str
    forecaster: CovarianceForecaster = None  # type: ignore[assignment]
    objective: Objective = field(default_factory=MinimumVariance)
    constraints: Constraints = field(default_factory=Constraints)
    costs: ProportionalCosts | Costs | float | None = None
    window: int = 1250
    horizon: int | str = 21
    min_history: int = 250
    refit: int = 1
    trade_rate: float = 1.0
    fallback: bool = True
    benchmark: Mapping[str, float] | None = None
    volume: Callable[[MarketView], Array] | None = None
    scenarios: int = 500
    expected_returns: ExpectedReturns | None = None
    periods: int = 1
    asynchronous: bool | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.min_history <= self.window:
            raise SettingsError(
                f"min_history must lie between 2 and the window of {self.window}, not at {self.min_history}"
            )
        periods_in(self.horizon, 252.0)  # refuses what is no length of time
        Refit(self.refit)  # refuses what is no number of decisions
        if not 0 < self.trade_rate <= 1:
            raise SettingsError(
                f"trade_rate is a share of the way, above 0 and at most 1, not {self.trade_rate}"
            )
        if isinstance(self.costs, int | float):
            object.__setattr__(self, "costs", ProportionalCosts(self.costs))
        if self.forecaster is None:
            object.__setattr__(self, "forecaster", standard_forecaster())

    def init(self, view: MarketView) -> OptimizedState:
        """Nothing forecast yet. Settings that do not fit the assets are refused now."""
        self.optimizer(view.assets)
        return OptimizedState(None, np.zeros(len(view.assets), bool))

    def optimizer(self, assets: tuple[str, ...]) -> Optimizer | MultiPeriodOptimizer:
        """The problem of these assets."""
        costs = cast("ProportionalCosts | Costs | None", self.costs)
        if self.periods != 1:
            return MultiPeriodOptimizer(assets, self.objective, self.constraints, costs, self.periods)
        return Optimizer(assets, self.objective, self.constraints, costs)

    def decide(
        self, state: OptimizedState, view: MarketView, holdings: Array
    ) -> tuple[Decision, OptimizedState]:
        """Optimal weights over the eligible assets."""
        chosen = eligible(view, self.window, self.min_history)
        if not chosen.any():
            decision = Decision(np.zeros(len(chosen)), "all in cash", notes=("no asset is eligible",))
            return decision, state._replace(forecast=None)
        forecaster, notes = self._suited(view, chosen)
        forecast, age = self._forecast_state(forecaster, state, view, chosen)
        horizon = periods_in(self.horizon, view.periods_per_year)
        covariance = self._embedded(forecaster.forecast(forecast, horizon), chosen, view.assets, horizon)
        covariance = replace(
            covariance, periods_per_year=view.periods_per_year, notes=(*notes, *covariance.notes)
        )
        held = holdings if np.any(holdings) else None
        expected = self._expected(view, covariance, chosen)
        decision = self._decision(view, covariance, expected, held, chosen)
        return decision, OptimizedState(forecast, chosen, view.day, age)

    def _suited(self, view: MarketView, chosen: Array) -> tuple[CovarianceForecaster, tuple[str, ...]]:
        """The forecaster for the frequency of the view and for the times at which its assets are priced."""
        forecaster, notes = for_frequency(self.forecaster, view.periods_per_year)
        lags = view.lags(chosen) if self.asynchronous is not False else np.zeros((1, 1), int)
        if self.asynchronous is True:
            lags = np.maximum(lags, 1 - np.eye(len(lags), dtype=int))
        if (lags.any() or (view.spacing[chosen] > 1).any()) and not isinstance(forecaster, Asynchronous):
            forecaster = Asynchronous(forecaster, tuple(map(tuple, lags.tolist())), self.window)
        return forecaster, notes

    def _forecast_state(
        self, forecaster: CovarianceForecaster, state: OptimizedState, view: MarketView, chosen: Array
    ) -> tuple[Any, int]:
        """The forecaster's state at this close, and how many decisions its calibration has served."""
        same = state.forecast is not None and np.array_equal(chosen, state.chosen)
        days = view.day - state.day
        known = Followed(state.forecast, state.age) if same else None
        if known is not None and not 0 <= days < len(
            view.prices
        ):  # of another history: its calibration is over
            known = known._replace(served=self.refit)
        history = view.window(max(days, self.window))[:, chosen]
        ranges = self._ranges(forecaster, view, chosen, len(history))
        carry = bool(getattr(forecaster, "carry", False))
        return Refit(self.refit).follow(forecaster, known, history, self.window, days, ranges, carry)

    @staticmethod
    def _ranges(forecaster: CovarianceForecaster, view: MarketView, chosen: Array, days: int) -> Array | None:
        """Log ranges of the last ``days`` sessions ``(days, chosen)``; None where there is no use for them."""
        if not reads_ranges(forecaster) or view.ranges is None:
            return None
        return view.ranges[len(view.ranges) - days :][:, chosen]

    def _decision(
        self,
        view: MarketView,
        covariance: Covariance,
        expected: Array | BlackLittermanPosterior | None,
        held: Array | None,
        chosen: Array,
    ) -> Decision:
        """Optimal weights under expected returns, or under a posterior that brings a covariance of its own."""
        optimizer, market = self.optimizer(view.assets), self._market_today(view, covariance, chosen)
        notes = covariance.notes
        if isinstance(expected, BlackLittermanPosterior):
            expected, covariance, more = expected
            notes += more
        if self.fallback:
            return solve_or_fall_back(optimizer, covariance, expected, held, chosen, notes, **market)
        solution = optimizer.solve(covariance, expected, held, chosen, **market)
        return Decision(solution.weights, "ok", covariance, (*notes, *solution.notes))

    def _market_today(self, view: MarketView, covariance: Covariance, chosen: Array) -> dict[str, Any]:
        """What else the objective, the constraints and the costs need."""
        market: dict[str, Any] = {"trade_rate": self.trade_rate}
        if "scenarios" in self.objective.needs:
            rows = view.window(self.window)
            market["scenarios"] = holding_period_scenarios(rows, covariance, chosen, self.scenarios)
        if "benchmark" in self.objective.needs:
            market["benchmark"] = eligible_weights(self.benchmark, view.assets, chosen)
        if self.volume is not None:
            market["volume"] = self.volume(view)
        return market

    def _expected(
        self, view: MarketView, covariance: Covariance, chosen: Array
    ) -> Array | BlackLittermanPosterior | None:
        """Expected returns, by the component; None where there is none and the objective has no use for them."""
        overridden = type(self).expected_returns
        if overridden is not None:
            deprecated("overriding expected_returns", "OptimizedStrategy(expected_returns=function)")
            return overridden(self, covariance, chosen, view.assets)  # type: ignore[arg-type,call-arg]
        if self.expected_returns is not None:
            return self.expected_returns(view, covariance, chosen)
        if "expected_returns" not in self.objective.needs:
            return None
        aversion = getattr(self.objective, "risk_aversion", 2.5)
        return Equilibrium(risk_aversion=aversion)(view, covariance, chosen)

    @staticmethod
    def _embedded(
        covariance: Covariance | Array, chosen: Array, assets: tuple[str, ...], horizon: int
    ) -> Covariance:
        """The covariance of all assets; those left out have zero weight anyway, and a typical variance."""
        if isinstance(covariance, np.ndarray):  # of a forecaster that is content with a matrix
            covariance = Covariance.dense(covariance, horizon)
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


def BlackLittermanStrategy(  # noqa: N802 - the name of the class that it was
    name: str,
    forecaster: CovarianceForecaster = None,  # type: ignore[assignment]
    objective: Objective | None = None,
    *settings: Any,
    views: tuple[View, ...] = (),
    market_weights: Mapping[str, float] | None = None,
    risk_aversion: float = 2.5,
    tau: float = 0.05,
    **more: Any,
) -> OptimizedStrategy:
    """Deprecated: ``OptimizedStrategy(..., expected_returns=BlackLitterman(views))``.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     strategy = BlackLittermanStrategy("views", views=(View({"KO": 1.0, "PEP": -1.0}, 0.02),))
    >>> type(strategy.expected_returns).__name__
    'BlackLitterman'
    """
    deprecated("BlackLittermanStrategy", "OptimizedStrategy(expected_returns=BlackLitterman(views))")
    more |= {"expected_returns": BlackLitterman(views, market_weights, risk_aversion, tau)}
    return OptimizedStrategy(name, forecaster, objective or MeanVariance(), *settings, **more)
