"""Options: Black, Heston and SABR, their calibration to quotes from starts of a GARCH model; exotics by Monte Carlo."""

from riskengine.options.asian import Asian
from riskengine.options.autocallable import Autocallable
from riskengine.options.barrier import Barrier
from riskengine.options.black import black_price, black_vega, implied_volatility
from riskengine.options.bridge import HestonStart, SabrStart, heston_start, sabr_start
from riskengine.options.engine import MonteCarloResult, monte_carlo
from riskengine.options.estimates import Estimate
from riskengine.options.garch_paths import DuanParams, HestonNandiParams
from riskengine.options.heston import HestonParams, heston_price
from riskengine.options.heston_calibration import HestonFit, calibrate_heston, heston_guess
from riskengine.options.heston_nandi import heston_nandi_price
from riskengine.options.lookback import Lookback
from riskengine.options.paths import BlackScholesParams
from riskengine.options.products import PathPayoff, Product, Vanilla
from riskengine.options.quote_files import read_quotes
from riskengine.options.quotes import Flag, Quotes
from riskengine.options.sabr import SabrParams, sabr_normal_volatility, sabr_volatility
from riskengine.options.sabr_calibration import SabrFit, calibrate_sabr
from riskengine.options.surface import FitStatus

__all__ = [
    "Asian",
    "Autocallable",
    "Barrier",
    "BlackScholesParams",
    "DuanParams",
    "Estimate",
    "FitStatus",
    "Flag",
    "HestonFit",
    "HestonNandiParams",
    "HestonParams",
    "HestonStart",
    "Lookback",
    "MonteCarloResult",
    "PathPayoff",
    "Product",
    "Quotes",
    "SabrFit",
    "SabrParams",
    "SabrStart",
    "Vanilla",
    "black_price",
    "black_vega",
    "calibrate_heston",
    "calibrate_sabr",
    "heston_guess",
    "heston_nandi_price",
    "heston_price",
    "heston_start",
    "implied_volatility",
    "monte_carlo",
    "read_quotes",
    "sabr_normal_volatility",
    "sabr_start",
    "sabr_volatility",
]
