"""Expected returns of a strategy: any function of the view, the covariance and what may be held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from riskengine.covariance import Covariance
from riskengine.errors import SettingsError
from riskengine.portfolio.black_litterman import (
    BlackLittermanPosterior,
    View,
    black_litterman,
    equilibrium_returns,
)

if TYPE_CHECKING:
    from riskengine.market import MarketView

Array = np.ndarray


class ExpectedReturns(Protocol):
    """Expected-returns component of a strategy, called at each decision for those of the holding period."""

    def __call__(
        self, view: MarketView, covariance: Covariance, chosen: Array
    ) -> Array | BlackLittermanPosterior:
        """Expected returns ``(assets,)`` per day over the holding period, as the covariance is.

        Parameters
        ----------
        view : the past
        covariance : forecast of all assets
        chosen : (assets,) which may be held; what is said of the others does not matter, but must be finite

        Returns
        -------
        expected : (assets,) or, for a plan of several periods, (periods, assets); or a
            :class:`BlackLittermanPosterior`, whose
            covariance then takes the place of the forecast and whose notes go to the decision
        """


@dataclass(frozen=True)
class Equilibrium:
    """Equilibrium returns ``mu = delta Sigma w``, those at which a market portfolio ``w`` is optimal (Sharpe 1974).

    Attributes
    ----------
    market_weights : asset to weight in the market portfolio; equal if not given
    risk_aversion : delta, of the market

    Examples
    --------
    >>> from riskengine.market import MarketView
    >>> view = MarketView(None, ("A", "B"), np.ones((2, 2)), np.ones(2, bool))
    >>> Equilibrium(risk_aversion=2.0)(view, Covariance.dense(np.diag([4e-4, 1e-4])), np.ones(2, bool))
    array([0.0004, 0.0001])
    """

    market_weights: Mapping[str, float] | None = None
    risk_aversion: float = 2.5

    def __call__(self, view: MarketView, covariance: Covariance, chosen: Array) -> Array:
        """Expected returns ``(assets,)`` per day."""
        market = eligible_weights(self.market_weights, view.assets, chosen)
        return equilibrium_returns(covariance, market, self.risk_aversion)


@dataclass(frozen=True)
class BlackLitterman:
    """Posterior expected returns and covariance of Black and Litterman (1992): equilibrium and views.

    Attributes
    ----------
    views : opinions, held throughout; those on assets that are not eligible are left out and noted
    market_weights : asset to weight in the market portfolio of the equilibrium; equal if not given
    risk_aversion : of the market, in the equilibrium
    tau : uncertainty of the equilibrium
    """

    views: tuple[View, ...] = ()
    market_weights: Mapping[str, float] | None = None
    risk_aversion: float = 2.5
    tau: float = 0.05

    def __call__(self, view: MarketView, covariance: Covariance, chosen: Array) -> BlackLittermanPosterior:
        """Posterior of all assets, per day."""
        assets, known = view.assets, set(view.assets)
        open_ = {name for name, mask in zip(assets, chosen, strict=True) if mask}
        # A view on an asset that does not exist is kept, so that it is refused by name.
        usable = tuple(
            one for one in self.views if set(one.portfolio) <= open_ or not set(one.portfolio) <= known
        )
        notes = tuple(
            f"view on {', '.join(one.portfolio)} left out: not eligible"
            for one in self.views
            if one not in usable
        )
        prior = Equilibrium(self.market_weights, self.risk_aversion)(view, covariance, chosen)
        return black_litterman(covariance, prior, usable, assets, self.tau)._replace(notes=notes)


def eligible_weights(weights: Mapping[str, float] | None, assets: tuple[str, ...], chosen: Array) -> Array:
    """Weights ``(assets,)`` of a market or benchmark in what is eligible, summing to one; equal if not given.

    Raises
    ------
    SettingsError
        If an unknown asset is named, or nothing is left.
    """
    if weights is None:
        return chosen / chosen.sum()
    unknown = set(weights) - set(assets)
    if unknown:
        raise SettingsError(f"market weights name {sorted(unknown)[0]}, which is not an asset of the panel")
    held = chosen * np.array([weights.get(name, 0.0) for name in assets])
    if not held.sum() > 0:
        raise SettingsError("market weights leave nothing in the eligible assets")
    return held / held.sum()
