"""Options: vanilla prices and volatilities, calibration to quotes, and exotics by Monte Carlo.

- closed forms: :func:`black_price`, :func:`bachelier_price`, :func:`heston_price`, :func:`bates_price`,
  :func:`heston_nandi_price`, :func:`sabr_volatility`, :func:`svi_volatility`
- quotes: :class:`Quotes`, :func:`read_quotes`, their :class:`Flag`
- calibration: :func:`calibrate_heston`, :func:`calibrate_bates`, :func:`calibrate_sabr`, :func:`calibrate_ssvi`,
  :func:`calibrate_svi`, with starts and priors by :func:`heston_start` and
  :func:`sabr_start` from a GARCH model
- exotics: :func:`monte_carlo` of :class:`Asian`, :class:`Barrier`, :class:`Lookback`, :class:`Autocallable`,
  :class:`Vanilla` or :class:`PathPayoff` under :class:`BlackScholesParams`, :class:`HestonParams`,
  :class:`DuanParams` or :class:`HestonNandiParams`

What stands in ``__all__`` is the interface; the modules below are not.
"""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.options.asian import Asian as Asian
    from riskengine.options.autocallable import WATCHED as WATCHED
    from riskengine.options.autocallable import Autocallable as Autocallable
    from riskengine.options.bachelier import bachelier_price as bachelier_price
    from riskengine.options.bachelier import bachelier_vega as bachelier_vega
    from riskengine.options.bachelier import bachelier_volatility as bachelier_volatility
    from riskengine.options.barrier import Barrier as Barrier
    from riskengine.options.baskets import BasketParams as BasketParams
    from riskengine.options.baskets import basket_params as basket_params
    from riskengine.options.bates import BatesParams as BatesParams
    from riskengine.options.bates import bates_price as bates_price
    from riskengine.options.bates_calibration import BatesFit as BatesFit
    from riskengine.options.bates_calibration import calibrate_bates as calibrate_bates
    from riskengine.options.black import black_price as black_price
    from riskengine.options.black import black_vega as black_vega
    from riskengine.options.black import implied_volatility as implied_volatility
    from riskengine.options.cliquet import Cliquet as Cliquet
    from riskengine.options.cliquet import ForwardStart as ForwardStart
    from riskengine.options.control_variates import Estimate as Estimate
    from riskengine.options.curves import Curve as Curve
    from riskengine.options.curves import as_curve as as_curve
    from riskengine.options.double_barrier import DoubleBarrier as DoubleBarrier
    from riskengine.options.dynamics import BlackScholesParams as BlackScholesParams
    from riskengine.options.fit_quality import FIT_RULE as FIT_RULE
    from riskengine.options.fit_quality import FitQuality as FitQuality
    from riskengine.options.garch_paths import DuanParams as DuanParams
    from riskengine.options.garch_paths import HestonNandiParams as HestonNandiParams
    from riskengine.options.garch_start import HestonStart as HestonStart
    from riskengine.options.garch_start import SabrStart as SabrStart
    from riskengine.options.garch_start import heston_start as heston_start
    from riskengine.options.garch_start import sabr_start as sabr_start
    from riskengine.options.heston import HestonParams as HestonParams
    from riskengine.options.heston import heston_price as heston_price
    from riskengine.options.heston_calibration import HestonFit as HestonFit
    from riskengine.options.heston_calibration import calibrate_heston as calibrate_heston
    from riskengine.options.heston_nandi import heston_nandi_price as heston_nandi_price
    from riskengine.options.heston_starts import heston_guess as heston_guess
    from riskengine.options.local_volatility import LocalVolatilityParams as LocalVolatilityParams
    from riskengine.options.lookback import Lookback as Lookback
    from riskengine.options.market_curves import MarketCurves as MarketCurves
    from riskengine.options.monte_carlo_pricing import monte_carlo as monte_carlo
    from riskengine.options.monte_carlo_result import MonteCarloResult as MonteCarloResult
    from riskengine.options.one_touch import OneTouch as OneTouch
    from riskengine.options.products import PathPayoff as PathPayoff
    from riskengine.options.products import Product as Product
    from riskengine.options.products import Vanilla as Vanilla
    from riskengine.options.quote_files import read_quotes as read_quotes
    from riskengine.options.quotes import Flag as Flag
    from riskengine.options.quotes import Quotes as Quotes
    from riskengine.options.sabr import SabrParams as SabrParams
    from riskengine.options.sabr import sabr_normal_volatility as sabr_normal_volatility
    from riskengine.options.sabr import sabr_volatility as sabr_volatility
    from riskengine.options.sabr_calibration import SabrFit as SabrFit
    from riskengine.options.sabr_calibration import calibrate_sabr as calibrate_sabr
    from riskengine.options.ssvi import SsviFit as SsviFit
    from riskengine.options.ssvi import SsviParams as SsviParams
    from riskengine.options.ssvi import calibrate_ssvi as calibrate_ssvi
    from riskengine.options.ssvi import ssvi_volatility as ssvi_volatility
    from riskengine.options.surface import FitStatus as FitStatus
    from riskengine.options.svi import SviParams as SviParams
    from riskengine.options.svi import svi_volatility as svi_volatility
    from riskengine.options.svi_calibration import SviFit as SviFit
    from riskengine.options.svi_calibration import calibrate_svi as calibrate_svi

lazy_face(__name__)
