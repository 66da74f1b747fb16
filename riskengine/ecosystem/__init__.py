"""Forecasts and returns in the shapes that other libraries take. None of these is needed to install the engine."""

from typing import TYPE_CHECKING

from riskengine.faces import lazy_face

if TYPE_CHECKING:
    from riskengine.ecosystem.cvxportfolio import CvxportfolioForecaster
    from riskengine.ecosystem.frames import covariance_frame, returns_for_quantstats
    from riskengine.ecosystem.skfolio import covariance_for_skfolio

__all__ = ["CvxportfolioForecaster", "covariance_for_skfolio", "covariance_frame", "returns_for_quantstats"]

lazy_face(__name__)
