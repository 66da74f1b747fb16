"""What a quoted volatility is of: the forward, the forward with a shift, or a normal one (Bachelier)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from riskengine.options.bachelier import bachelier_price, bachelier_vega, bachelier_volatility
from riskengine.options.black import black_price, black_vega, implied_volatility

Array = np.ndarray


class VolatilityForm(NamedTuple):
    """The formula by which prices and volatilities are each other.

    Attributes
    ----------
    shift
        Added to forwards and strikes, which may then be negative.
    normal
        Whether volatilities are Bachelier's, in units of the forward per square root of a year.
    """

    shift: float = 0.0
    normal: bool = False

    def allows(self, level: Array) -> Array:
        """Mask of the forwards or strikes that the formula takes."""
        return np.isfinite(level) if self.normal else level + self.shift > 0

    def price(self, forward: Any, strike: Any, maturity: Any, volatility: Any, kind: Any = "call") -> Array:
        """Undiscounted."""
        if self.normal:
            return bachelier_price(forward, strike, maturity, volatility, kind)
        return black_price(forward + self.shift, strike + self.shift, maturity, volatility, kind)

    def volatility(self, price: Any, forward: Any, strike: Any, maturity: Any, kind: Any = "call") -> Array:
        """Of an undiscounted price; NaN where there is none."""
        if self.normal:
            return bachelier_volatility(price, forward, strike, maturity, kind)
        return implied_volatility(price, forward + self.shift, strike + self.shift, maturity, kind)

    def vega(self, forward: Any, strike: Any, maturity: Any, volatility: Any) -> Array:
        """Over the scale of the forward."""
        if self.normal:
            return bachelier_vega(forward, strike, maturity, volatility)
        level = forward + self.shift
        return black_vega(level, strike + self.shift, maturity, volatility) / level

    def moneyness(self, forward: Array, strike: Array) -> Array:
        """Logarithm of strike over forward, or their difference: what a volatility of one moves by."""
        return strike - forward if self.normal else np.log((strike + self.shift) / (forward + self.shift))

    def scale(self, forward: Array) -> Array:
        """Units of prices in which arbitrage is looked for."""
        return np.ones_like(forward) if self.normal else forward + self.shift


LOGNORMAL = VolatilityForm()
"""Black's volatilities of the forward as it is."""
