"""The efficient frontier (Markowitz 1952): the most return at each volatility, under limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from riskengine import hooks
from riskengine.covariance import Covariance
from riskengine.errors import SettingsError
from riskengine.portfolio.constraints import Constraints
from riskengine.portfolio.objectives import MaximumReturn, MeanVariance, MinimumVariance
from riskengine.portfolio.optimizer import Optimizer

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd

Array = np.ndarray

_NO_AVERSION = 1e-6
"""Risk aversion at which returns alone decide; among portfolios of one return it leaves the calmest."""


@dataclass(frozen=True, eq=False)
class EfficientFrontier:
    """The efficient frontier (Markowitz 1952): portfolios from the calmest to that of the most return.

    Attributes
    ----------
    assets : names
    volatility, expected_return : (points,) a year
    weights : (points, assets)
    """

    assets: tuple[str, ...]
    volatility: Array
    expected_return: Array
    weights: Array

    @property
    def sharpe(self) -> Array:
        """Expected return over volatility, (points,)."""
        return self.expected_return / self.volatility

    def to_frame(self) -> pd.DataFrame:
        """A row a portfolio: volatility and expected return a year, then the weights by asset."""
        import pandas as pd

        table = pd.DataFrame(self.weights, columns=list(self.assets))
        table.insert(0, "expected_return", self.expected_return)
        table.insert(0, "volatility", self.volatility)
        return table

    def plot(self) -> Any:
        """A plotly figure: the frontier, and below it what the portfolios are made of."""
        return hooks.draw_frontier(self)


def efficient_frontier(
    assets: tuple[str, ...],
    covariance: Covariance,
    expected_returns: Array,
    constraints: Constraints | None = None,
    points: int = 20,
) -> EfficientFrontier:
    """Efficient frontier: ``max mu' w`` where ``sqrt(w' Sigma w) <= sigma``, for evenly spaced ``sigma``.

    From the portfolio of least variance to that of the greatest return, both under the limits. Expected returns of the
    past are mostly noise, and so is the upper part of a frontier that is made of them (Michaud 1989): for a mandate
    that rests on risk alone its first point is the answer.

    Parameters
    ----------
    assets : names
    covariance : per day
    expected_returns : (assets,) per day
    constraints : long only and fully invested if not given
    points : portfolios, two at least

    Raises
    ------
    SettingsError
        If fewer than two points are asked for.
    InfeasibleError
        If limits clash; they are named.

    Examples
    --------
    >>> calm = Covariance.dense(np.diag([1e-4, 4e-4]))
    >>> found = efficient_frontier(("A", "B"), calm, np.array([2e-4, 4e-4]), points=3)
    >>> found.weights.round(2)
    array([[0.8 , 0.2 ],
           [0.29, 0.71],
           [0.  , 1.  ]])
    """
    if points < 2:
        raise SettingsError(f"a frontier has two points at least, not {points}")
    limits, a_year = constraints or Constraints(), covariance.periods_per_year
    mu = np.asarray(expected_returns, float)

    def solved(objective: Any) -> Array:
        return Optimizer(assets, objective, limits).solve(covariance, mu).weights

    calmest, greatest = solved(MinimumVariance()), solved(MeanVariance(_NO_AVERSION))
    least, most = (float(np.sqrt(a_year * covariance.variance(w))) for w in (calmest, greatest))
    inner = np.linspace(least, most, points)[1:-1]
    weights = np.array([calmest, *(solved(MaximumReturn(float(sigma))) for sigma in inner), greatest])
    volatility = np.sqrt(a_year * np.array([covariance.variance(w) for w in weights]))
    return EfficientFrontier(tuple(assets), volatility, a_year * weights @ mu, weights)
