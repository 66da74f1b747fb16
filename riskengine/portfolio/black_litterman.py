"""Black and Litterman (1992): expected returns from equilibrium and views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import SettingsError

Array = np.ndarray


@dataclass(frozen=True)
class View:
    """An opinion on the return of a portfolio.

    Attributes
    ----------
    portfolio : asset to coefficient; one asset with 1 is an absolute view, a long-short pair a relative one
    expected_return : of that portfolio, per year
    confidence : above 0 up to 1; 1 is certain

    Examples
    --------
    >>> View.relative("A", over="B", by=0.02, confidence=0.5).portfolio
    {'A': 1.0, 'B': -1.0}
    """

    portfolio: Mapping[str, float]
    expected_return: float
    confidence: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.confidence <= 1:
            raise SettingsError(f"a confidence lies above 0 and at most at 1, not at {self.confidence}")
        coefficients = np.array(list(self.portfolio.values()), dtype=np.float64)
        if not coefficients.any() or not np.isfinite([*coefficients, self.expected_return]).all():
            raise SettingsError(
                "a view needs finite coefficients, not all zero, and a finite expected return"
            )

    @classmethod
    def absolute(cls, asset: str, expected_return: float, confidence: float = 0.5) -> View:
        """``asset`` returns ``expected_return`` a year."""
        return cls({asset: 1.0}, expected_return, confidence)

    @classmethod
    def relative(cls, asset: str, over: str, by: float, confidence: float = 0.5) -> View:
        """``asset`` beats ``over`` by ``by`` a year."""
        return cls({asset: 1.0, over: -1.0}, by, confidence)


class BlackLittermanPosterior(NamedTuple):
    """Expected returns ``(assets,)`` and covariance of returns, both per day; what there is to note."""

    expected_returns: Array
    covariance: Covariance
    notes: tuple[str, ...] = ()


def equilibrium_returns(covariance: Covariance, market_weights: Array, risk_aversion: float = 2.5) -> Array:
    """Expected returns per day at which the market portfolio is optimal: ``risk_aversion Sigma w``, ``(assets,)``.

    Sharpe (1974), the equilibrium of Black and Litterman (1992).

    Parameters
    ----------
    covariance : of the assets
    market_weights : (assets,) fractions of the market
    risk_aversion : ``delta`` of the equilibrium

    Examples
    --------
    >>> covariance = Covariance.dense(np.diag([1e-4, 4e-4]), 1)
    >>> equilibrium_returns(covariance, np.array([0.5, 0.5]))
    array([0.000125, 0.0005  ])
    """
    w = np.asarray(market_weights, dtype=np.float64)
    return risk_aversion * (covariance.loadings @ (covariance.loadings.T @ w) + covariance.specific * w)


def black_litterman(
    covariance: Covariance,
    equilibrium: Array,
    views: tuple[View, ...],
    assets: tuple[str, ...],
    tau: float = 0.05,
) -> BlackLittermanPosterior:
    """Black-Litterman posterior: equilibrium returns updated by views (Black and Litterman 1992).

    Each view's variance follows from its confidence c as ``tau p' Sigma p (1 - c) / c`` (the closed form of Walters
    2014 for the confidences of Idzorek 2005): alone, it moves its portfolio's expected return the share c of the way
    from equilibrium to the view.

    Parameters
    ----------
    covariance : of returns, per day
    equilibrium : (assets,) per day
    views : annual returns; they are scaled to a day by the covariance's ``periods_per_year``
    assets : names, in order
    tau : uncertainty of the equilibrium, relative to the covariance

    Raises
    ------
    SettingsError
        If a view names an unknown asset, if certain views contradict each other, or if tau is not positive.

    Examples
    --------
    >>> c = Covariance.dense(np.diag([0.04, 0.09]) / 252)
    >>> view = View.absolute("A", 0.09, confidence=0.5)
    >>> 252 * black_litterman(c, np.array([0.05, 0.06]) / 252, (view,), ("A", "B")).expected_returns
    array([0.07, 0.06])
    """
    if not tau > 0:
        raise SettingsError(f"tau must be positive, not {tau}")
    if not views:
        return BlackLittermanPosterior(
            np.asarray(equilibrium, dtype=np.float64), _wider(covariance, tau * covariance.matrix())
        )
    pick = np.zeros((len(views), len(assets)))
    place = {name: j for j, name in enumerate(assets)}
    for row, view in zip(pick, views, strict=True):
        for name, coefficient in view.portfolio.items():
            if name not in place:
                raise SettingsError(f"a view names {name}, which is not an asset of the panel")
            row[place[name]] = coefficient
    target = np.array([view.expected_return for view in views]) / covariance.periods_per_year
    confidence = np.array([view.confidence for view in views])
    prior = tau * covariance.matrix()
    spread = pick @ prior @ pick.T
    doubt = np.diag(np.diag(spread) * (1 - confidence) / confidence)
    scale = np.sqrt(np.diag(spread))
    if not (scale > 0).all():
        raise SettingsError("a view is on a portfolio without variance: there is nothing to learn from it")
    # Rank of the views in units of their own uncertainty, so that a coefficient's size does not matter.
    if np.linalg.cond((spread + doubt) / np.outer(scale, scale)) > 1e12:
        raise SettingsError("certain views repeat or contradict each other: lower a confidence")
    gain = np.linalg.solve(spread + doubt, pick @ prior).T
    mean = equilibrium + gain @ (target - pick @ equilibrium)
    remaining = prior - gain @ (pick @ prior)
    return BlackLittermanPosterior(mean, _wider(covariance, (remaining + remaining.T) / 2))


def _wider(covariance: Covariance, uncertainty: Array) -> Covariance:
    """Covariance of returns whose mean is itself uncertain."""
    found = Covariance.dense(covariance.matrix() + uncertainty, covariance.horizon, covariance.notes)
    return replace(found, periods_per_year=covariance.periods_per_year)
