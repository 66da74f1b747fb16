"""Forecasts and returns in the shapes that other libraries take. None of these is needed to install the engine."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.ecosystem.cvxportfolio import CvxportfolioForecaster as CvxportfolioForecaster
    from riskengine.ecosystem.frames import covariance_frame as covariance_frame
    from riskengine.ecosystem.frames import returns_for_quantstats as returns_for_quantstats
    from riskengine.ecosystem.skfolio import covariance_for_skfolio as covariance_for_skfolio

lazy_face(__name__)
