"""What trading and holding cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskengine.errors import DataError, SettingsError

YEAR = 252.0
"""Periods a year where nothing says how long one is: five-day closes."""


@dataclass(frozen=True)
class ProportionalCosts:
    """Costs in proportion to what is traded.

    Attributes
    ----------
    rate : of the value traded, one way; 0.0005 is five basis points

    Examples
    --------
    >>> ProportionalCosts(0.001).cost(np.array([0.2, -0.2]))
    0.0004
    """

    rate: float = 0.0005

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 <= self.rate < 0.5:
            raise SettingsError(f"a cost rate is a small fraction like 0.0005, not {self.rate}")

    def cost(self, trades: np.ndarray) -> float:
        """Cost of trades ``(assets,)``, all as fractions of wealth."""
        return float(self.rate * np.abs(trades).sum())


@dataclass(frozen=True)
class Costs:
    """Spread, market impact, borrowing and the interest on cash, after Boyd et al. (2017).

    A trade of a fraction ``x`` of wealth costs ``spread |x| + impact sigma |x|^(3/2) / sqrt(volume)``: the
    second is what moving the price by ``sigma sqrt(|x| / volume)`` costs on the way (Grinold and Kahn 1999).

    Attributes
    ----------
    spread : half of the bid-ask spread and fees, of the value traded, one way
    impact : coefficient of the 3/2-power term; about one for equities, zero for none
    borrow : fee on the value of shorts, per year
    cash : interest on cash, per year; paid where cash is negative

    Examples
    --------
    >>> costs = Costs(spread=0.0005, impact=1.0, borrow=0.01, cash=0.02)
    >>> round(costs.trading(np.array([0.01]), volatility=np.array([0.02]), volume=np.array([1.0])), 7)
    2.5e-05
    >>> round(252 * costs.holding(np.array([0.5, -0.2])), 4)  # the fee on shorts less interest on cash
    -0.012
    """

    spread: float = 0.0005
    impact: float = 0.0
    borrow: float = 0.0
    cash: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.spread < 0.5:
            raise SettingsError(f"a spread is a small fraction like 0.0005, not {self.spread}")
        if not 0 <= self.impact < np.inf or not 0 <= self.borrow < np.inf:
            raise SettingsError("impact and borrow must be finite and not negative")
        if not np.isfinite(self.cash):
            raise SettingsError(f"the interest on cash must be a number, not {self.cash}")

    def trading(
        self, trades: np.ndarray, volatility: np.ndarray | None = None, volume: np.ndarray | None = None
    ) -> float:
        """Cost of trades ``(assets,)``, as a fraction of wealth.

        Parameters
        ----------
        trades : fractions of wealth
        volatility : (assets,) per day; impact needs it
        volume : (assets,) value traded a day, as a multiple of own wealth; impact needs it

        Raises
        ------
        DataError
            If impact is asked for without volatility or volume.
        """
        size = np.abs(trades)
        total = self.spread * size.sum()
        if self.impact > 0:
            if volatility is None or volume is None:
                raise DataError("impact needs the volatility and the traded volume of each asset")
            moved = size > 0
            total += self.impact * np.sum(volatility[moved] * size[moved] ** 1.5 / np.sqrt(volume[moved]))
        return float(total)

    def holding(self, weights: np.ndarray, periods_per_year: float = YEAR) -> float:
        """Cost of a period of holding ``weights`` ``(assets,)``; negative where cash earns more than shorts cost."""
        shorts = np.maximum(-np.asarray(weights), 0).sum()
        return float(self.borrow * shorts - self.cash * (1 - np.sum(weights))) / periods_per_year


def itemised(costs: ProportionalCosts | Costs | None) -> Costs:
    """The same costs by kind; none if not given."""
    if isinstance(costs, Costs):
        return costs
    return Costs(spread=costs.rate if costs else 0.0)
