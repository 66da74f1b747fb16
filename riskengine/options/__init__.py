"""European options: Black and its inverse, Heston by Fourier integral, SABR's volatilities; exotics by Monte Carlo."""

from riskengine.options.asian import Asian
from riskengine.options.autocallable import Autocallable
from riskengine.options.barrier import Barrier
from riskengine.options.black import black_price, black_vega, implied_volatility
from riskengine.options.engine import MonteCarloResult, monte_carlo
from riskengine.options.estimates import Estimate
from riskengine.options.garch_paths import DuanParams, HestonNandiParams
from riskengine.options.heston import HestonParams, heston_price
from riskengine.options.heston_nandi import heston_nandi_price
from riskengine.options.lookback import Lookback
from riskengine.options.paths import BlackScholesParams
from riskengine.options.products import PathPayoff, Product, Vanilla
from riskengine.options.sabr import SabrParams, sabr_volatility

__all__ = [
    "Asian",
    "Autocallable",
    "Barrier",
    "BlackScholesParams",
    "DuanParams",
    "Estimate",
    "HestonNandiParams",
    "HestonParams",
    "Lookback",
    "MonteCarloResult",
    "PathPayoff",
    "Product",
    "SabrParams",
    "Vanilla",
    "black_price",
    "black_vega",
    "heston_nandi_price",
    "heston_price",
    "implied_volatility",
    "monte_carlo",
    "sabr_volatility",
]
