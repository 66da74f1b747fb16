"""European options: Black and its inverse, Heston by Fourier integral, SABR's volatilities."""

from riskengine.options.black import black_price, black_vega, implied_volatility
from riskengine.options.heston import HestonParams, heston_price
from riskengine.options.sabr import SabrParams, sabr_volatility

__all__ = [
    "HestonParams",
    "SabrParams",
    "black_price",
    "black_vega",
    "heston_price",
    "implied_volatility",
    "sabr_volatility",
]
