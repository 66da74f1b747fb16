"""Liquidity: how long it takes to sell what is held at a share of what trades, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray

HORIZONS = (1, 5, 20)
"""Days after which the share of the book that is sold is shown."""


@dataclass(frozen=True, eq=False)
class Liquidity:
    """Time to liquidate, position by position.

    Attributes
    ----------
    assets : (positions,) of what is held
    value : (positions,) in money, without sign: a short is bought back
    volume : (positions,) money that trades on a day, NaN where it is not known
    participation : share of it that is taken
    """

    assets: tuple[str, ...]
    value: Array
    volume: Array
    participation: float

    @property
    def days(self) -> Array:
        """Of trading until each position is gone ``(positions,)``; infinite without volume, NaN if it is not known."""
        with np.errstate(divide="ignore"):
            return self.value / (self.participation * self.volume)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Positions whose volume is not known."""
        return tuple(name for name, volume in zip(self.assets, self.volume, strict=True) if np.isnan(volume))

    def sold(self, days: float) -> float:
        """Share of the book that is gone after so many days; what has no known volume is not.

        Examples
        --------
        >>> found = Liquidity(("A", "B"), np.array([100.0, 300.0]), np.array([1000.0, 500.0]), 0.1)
        >>> found.days, found.sold(1), found.sold(6)
        (array([1., 6.]), 0.375, 1.0)
        """
        total = float(self.value.sum())
        if not total > 0:
            return 1.0
        gone = np.minimum(self.value, days * self.participation * np.nan_to_num(self.volume))
        return float(gone.sum() / total)

    def stressed(self, volume: float) -> Liquidity:
        """The same book where ``volume`` times as much trades."""
        return Liquidity(self.assets, self.value, self.volume * volume, self.participation)
