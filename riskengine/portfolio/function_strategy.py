"""A strategy that is a plain function of what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from riskengine.errors import StrategyError
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.decision import Decision
from riskengine.portfolio.strategy import Strategy

if TYPE_CHECKING:
    from riskengine.market import MarketView

Weights = Any
"""An array ``(assets,)``, or a mapping (or Series) from asset to weight in which others have none."""


@dataclass(frozen=True)
class FunctionStrategy:
    """Strategy of a function from the past to weights, without a state.

    Attributes
    ----------
    function : from a :class:`~riskengine.market.MarketView` to weights: an array with one an asset, or a mapping or
        Series by name, in which what is not named has none
    name : for tables; the function's own if not given
    constraints : limits that it keeps, for benchmarks under the same ones, and for shorts or loans to be allowed

    Examples
    --------
    >>> from riskengine.market import MarketView
    >>> def calmest(view):
    ...     return {view.assets[int(np.argmin(np.nanstd(view.returns, axis=0)))]: 1.0}
    >>> prices = np.array([[10.0, 10.0], [12.0, 10.1], [9.0, 9.9]])
    >>> view = MarketView(None, ("A", "B"), prices, np.ones(2, bool))
    >>> FunctionStrategy(calmest).decide(None, view, np.zeros(2))[0].weights
    array([0., 1.])
    """

    function: Callable[[MarketView], Weights]
    name: str = ""
    constraints: Constraints | None = None

    def __post_init__(self) -> None:
        if not self.name:
            own = getattr(self.function, "__name__", type(self.function).__name__)
            object.__setattr__(self, "name", own.replace("_", " "))

    def init(self, view: MarketView) -> None:
        """Nothing to remember."""

    def decide(self, state: None, view: MarketView, holdings: np.ndarray) -> tuple[Decision, None]:
        """What the function answers."""
        return Decision(named_weights(self.function(view), view.assets)), None


def named_weights(weights: Weights, assets: tuple[str, ...]) -> np.ndarray:
    """Weights in the order of the assets, ``(assets,)``.

    Raises
    ------
    StrategyError
        If they name an unknown asset.

    Examples
    --------
    >>> named_weights({"B": 0.4}, ("A", "B"))
    array([0. , 0.4])
    """
    if hasattr(weights, "to_dict") and not isinstance(weights, Mapping):
        weights = weights.to_dict()
    if not isinstance(weights, Mapping):
        return np.asarray(weights, dtype=np.float64)
    unknown = [name for name in weights if str(name) not in assets]
    if unknown:
        raise StrategyError(f"weights name {unknown[0]}, which is not an asset of the panel")
    by_name = {str(name): float(value) for name, value in weights.items()}
    return np.array([by_name.get(name, 0.0) for name in assets])


def as_strategy(what: Strategy | Callable[[MarketView], Weights]) -> Strategy:
    """Strategy of an argument: itself, or :class:`FunctionStrategy` of a function.

    Raises
    ------
    StrategyError
        If it is neither.

    Examples
    --------
    >>> from riskengine.portfolio import EqualWeight
    >>> as_strategy(EqualWeight()).name, as_strategy(lambda view: view.newest).name
    ('equal weight', '<lambda>')
    """
    if isinstance(what, Strategy) and not isinstance(what, type):
        return what
    if callable(what) and not isinstance(what, type):
        return FunctionStrategy(what)
    raise StrategyError(
        f"a strategy has name, init and decide, or is a function from a view to weights, not a {type(what).__name__}"
    )
