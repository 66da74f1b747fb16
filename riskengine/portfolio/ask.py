"""Asking a strategy: the only way in which backtest and desk obtain a decision, and what they refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from riskengine.errors import InfeasibleError, StrategyError
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.strategy import Strategy
from riskengine.runtime import blas_threads

if TYPE_CHECKING:
    from riskengine.market import MarketView

Array = np.ndarray

# What a strategy's own code can raise; anything else is a fault of the engine and keeps its traceback.
STRATEGY_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
_HELD = 1e-12  # a weight below it is none
_ROUNDING = 1e-6  # by which solvers of strategies may miss a limit


def begin(strategy: Strategy, view: MarketView) -> Any:
    """The state before the first decision, whose close is the view's.

    Raises
    ------
    StrategyError
        If the strategy's code fails; the message names strategy and date.

    Examples
    --------
    >>> from riskengine.market import MarketView
    >>> from riskengine.portfolio import DrawdownControl, EqualWeight
    >>> view = MarketView(None, ("A", "B"), np.ones((3, 2)), np.ones(2, bool))
    >>> begin(DrawdownControl(EqualWeight(min_history=2)), view)
    DrawdownState(inside=None, exposure=1.0)
    """
    with blas_threads(len(view.assets)), _naming(strategy, view):
        return strategy.init(view)


def ask(strategy: Strategy, state: Any, view: MarketView, holdings: Array) -> tuple[Decision, Any]:
    """One decision and the new state, checked.

    A decision is a function of state, view and holdings: asked again, or by another process, a strategy answers the
    same to the bit.

    Parameters
    ----------
    strategy : whom to ask
    state : from :func:`begin`, or from the last decision
    view : the past up to this close
    holdings : (assets,) weights held now; what they leave of one is cash

    Raises
    ------
    StrategyError
        If the strategy's code fails, or it answers with something else than a decision of one finite weight a column,
        with a weight on what may not be held, or with weights that sum above one, or are levered, beyond the limits
        that it states. The message names strategy, date, cause and remedy.
    InfeasibleError
        If the strategy's limits clash and it has no fallback.

    Examples
    --------
    >>> from riskengine.market import MarketView
    >>> from riskengine.portfolio import EqualWeight
    >>> prices = np.array([[10.0, 10.0], [12.0, 10.1], [9.0, 9.9]])
    >>> view = MarketView(None, ("A", "B"), prices, np.ones(2, bool))
    >>> decision, state = ask(EqualWeight(min_history=2), None, view, np.zeros(2))
    >>> decision.weights
    array([0.5, 0.5])
    """
    with blas_threads(len(view.assets)), _naming(strategy, view):
        answer = strategy.decide(state, view, np.array(holdings))
    who, date = f"strategy {strategy.name!r}", day_of(view)
    if not (isinstance(answer, tuple) and len(answer) == 2):
        raise StrategyError(
            f"{who} returned {type(answer).__name__} on {date}: decide() returns (Decision, state)"
        )
    decision, state = answer
    if not isinstance(decision, Decision):
        raise StrategyError(f"{who} returned {type(decision).__name__} on {date}, not a Decision")
    weights = decision.weights
    if weights.shape != holdings.shape:
        raise StrategyError(
            f"{who} gave {weights.size} weights on {date} for {len(holdings)} assets: "
            "one a column of the panel is wanted"
        )
    if not np.isfinite(weights).all():
        name = view.assets[int(np.argmin(np.isfinite(weights)))]
        raise StrategyError(f"{who} gave {name} a weight on {date} that is not finite: use 0 for none")
    odd = (np.abs(weights) > _HELD) & ~view.fresh
    if odd.any():
        j = int(np.argmax(odd))
        why = "is not a member of the universe then" if not view.member[j] else "has had no price lately"
        raise StrategyError(
            f"{who} wants {view.assets[j]} on {date}, which cannot be traded then: it {why}; "
            "give weights only to what `view.fresh` marks"
        )
    _check_leverage(f"{who}, {date}", stated_limits(strategy), decision, holdings)
    return decision, state


def _check_leverage(who: str, stated: Constraints | None, decision: Decision, holdings: Array) -> None:
    """Money is borrowed only where the strategy's own limits say so."""
    net, gross = float(decision.weights.sum()), float(np.abs(decision.weights).sum())
    soft = {} if stated is None else stated.soft
    most = 1.0 if stated is None else max(1.0, stated.budget_range[1])
    if net > most + _ROUNDING and "budget" not in soft:
        remedy = (
            f"state limits that allow it, Constraints(budget=(0, {np.ceil(100 * net) / 100:g})) say, as the strategy's "
            "`constraints`, or scale the weights down to a sum of one"
            if stated is None or most == 1.0
            else "raise the budget among the strategy's limits, or scale the weights down to it"
        )
        raise StrategyError(
            f"{who}: weights that sum to {net:.4g} borrow {net - 1:.1%} of wealth, and the strategy's limits "
            f"allow a sum of {most:g} at most: {remedy}"
        )
    # A fallback may break limits, and says so; what drift has broken may heal slowly.
    if stated is None or stated.leverage is None or "leverage" in soft or decision.status != "ok":
        return
    if gross > max(stated.leverage, float(np.abs(holdings).sum())) + _ROUNDING:
        raise StrategyError(
            f"{who}: a gross exposure of {gross:.4g} is above the leverage of {stated.leverage:g} that the strategy "
            "states: raise it among its limits, or scale the weights down"
        )


def stated_limits(strategy: Strategy) -> Constraints | None:
    """The limits that a strategy says it keeps; None if it says nothing.

    They are its attribute ``constraints``. A strategy around another one, which has none of its own, is taken to keep
    those of the one inside; a number ``leverage`` of its own then widens their budget and leverage.

    Examples
    --------
    >>> from riskengine.covariance import LedoitWolf
    >>> from riskengine.portfolio import DrawdownControl, EqualWeight, OptimizedStrategy
    >>> inside = OptimizedStrategy("minimum variance", LedoitWolf(), constraints=Constraints(upper=0.3))
    >>> stated_limits(DrawdownControl(inside)).upper, stated_limits(DrawdownControl(inside)).budget
    (0.3, (0.2, 1.0))
    >>> stated_limits(EqualWeight()) is None
    True
    """
    own = getattr(strategy, "constraints", None)
    if isinstance(own, Constraints):
        return own
    inner = inside(strategy)
    stated = None if inner is None else stated_limits(inner[1])
    leverage = getattr(strategy, "leverage", None)
    if stated is None or isinstance(leverage, bool) or not isinstance(leverage, int | float):
        return stated
    return stated.scaled(0.0, float(leverage))


def inside(strategy: Strategy) -> tuple[str, Strategy] | None:
    """The strategy that a wrapper holds, and the name of the attribute; None if there is none, or more than one."""
    held = getattr(strategy, "__dict__", {})
    if dataclasses.is_dataclass(strategy):
        held = {field.name: getattr(strategy, field.name) for field in dataclasses.fields(strategy)}
    found = [
        (name, value)
        for name, value in held.items()
        if isinstance(value, Strategy) and not isinstance(value, type)
    ]
    return found[0] if len(found) == 1 else None


@contextmanager
def _naming(strategy: Strategy, view: MarketView) -> Iterator[None]:
    """Faults of a strategy's own code get its name and the date."""
    where = f"strategy {strategy.name!r} failed on {day_of(view)}"
    try:
        yield
    except StrategyError as error:
        raise StrategyError(f"{where}: {error}") from error
    except InfeasibleError as error:
        raise InfeasibleError(error.limits, f"{where}: {error}") from error
    except STRATEGY_FAULTS as error:
        raise StrategyError(f"{where}: {type(error).__name__}: {error}") from error


def day_of(view: MarketView) -> str:
    """Date of the view, with the time of day if it has one."""
    date = view.date
    if date is None:
        return "an unknown date"
    return f"{date:%Y-%m-%d}" if (date.hour, date.minute) == (0, 0) else f"{date:%Y-%m-%d %H:%M}"
