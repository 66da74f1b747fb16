"""Options: vanilla prices and volatilities, calibration to quotes, and exotics by Monte Carlo.

- closed forms: :func:`black_price`, :func:`bachelier_price`, :func:`heston_price`, :func:`heston_nandi_price`,
  :func:`sabr_volatility`
- quotes: :class:`Quotes`, :func:`read_quotes`, their :class:`Flag`
- calibration: :func:`calibrate_heston`, :func:`calibrate_sabr`, with starts and priors by :func:`heston_start` and
  :func:`sabr_start` from a GARCH model
- exotics: :func:`monte_carlo` of :class:`Asian`, :class:`Barrier`, :class:`Lookback`, :class:`Autocallable`,
  :class:`Vanilla` or :class:`PathPayoff` under :class:`BlackScholesParams`, :class:`HestonParams`,
  :class:`DuanParams` or :class:`HestonNandiParams`

What stands in ``__all__`` is the interface; the modules below are not.
"""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.options.asian import Asian
    from riskengine.options.autocallable import WATCHED, Autocallable
    from riskengine.options.bachelier import bachelier_price, bachelier_vega, bachelier_volatility
    from riskengine.options.barrier import Barrier
    from riskengine.options.baskets import BasketParams, basket_params
    from riskengine.options.black import black_price, black_vega, implied_volatility
    from riskengine.options.cliquet import Cliquet, ForwardStart
    from riskengine.options.control_variates import Estimate
    from riskengine.options.curves import Curve, as_curve
    from riskengine.options.double_barrier import DoubleBarrier
    from riskengine.options.dynamics import BlackScholesParams
    from riskengine.options.fit_quality import FitQuality
    from riskengine.options.garch_paths import DuanParams, HestonNandiParams
    from riskengine.options.garch_start import HestonStart, SabrStart, heston_start, sabr_start
    from riskengine.options.heston import HestonParams, heston_price
    from riskengine.options.heston_calibration import HestonFit, calibrate_heston
    from riskengine.options.heston_nandi import heston_nandi_price
    from riskengine.options.heston_starts import heston_guess
    from riskengine.options.local_volatility import LocalVolatilityParams
    from riskengine.options.lookback import Lookback
    from riskengine.options.market_curves import MarketCurves
    from riskengine.options.monte_carlo_pricing import MonteCarloResult, monte_carlo
    from riskengine.options.one_touch import OneTouch
    from riskengine.options.products import PathPayoff, Product, Vanilla
    from riskengine.options.quote_files import read_quotes
    from riskengine.options.quotes import Flag, Quotes
    from riskengine.options.sabr import SabrParams, sabr_normal_volatility, sabr_volatility
    from riskengine.options.sabr_calibration import SabrFit, calibrate_sabr
    from riskengine.options.ssvi import SsviFit, SsviParams, calibrate_ssvi, ssvi_volatility
    from riskengine.options.surface import FitStatus

__all__ = [
    "WATCHED",
    "Asian",
    "Autocallable",
    "Barrier",
    "BasketParams",
    "BlackScholesParams",
    "Cliquet",
    "Curve",
    "DoubleBarrier",
    "DuanParams",
    "Estimate",
    "FitQuality",
    "FitStatus",
    "Flag",
    "ForwardStart",
    "HestonFit",
    "HestonNandiParams",
    "HestonParams",
    "HestonStart",
    "LocalVolatilityParams",
    "Lookback",
    "MarketCurves",
    "MonteCarloResult",
    "OneTouch",
    "PathPayoff",
    "Product",
    "Quotes",
    "SabrFit",
    "SabrParams",
    "SabrStart",
    "SsviFit",
    "SsviParams",
    "Vanilla",
    "as_curve",
    "bachelier_price",
    "bachelier_vega",
    "bachelier_volatility",
    "basket_params",
    "black_price",
    "black_vega",
    "calibrate_heston",
    "calibrate_sabr",
    "calibrate_ssvi",
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
    "ssvi_volatility",
]

lazy_face(__name__)
