"""A forecaster as a covariance estimator of scikit-learn's kind, which skfolio's optimisers take."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np

from riskengine.covariance import CovarianceForecaster
from riskengine.errors import SettingsError


class _Fit:
    """The half that is ours: what fitting means. The other half is skfolio's ``BaseCovariance``.

    Parameters
    ----------
    forecaster : of covariances
    horizon : days that it looks ahead; the covariance is the mean per day over these
    assume_centered, nearest, higham, higham_max_iteration : as in every estimator of skfolio
    """

    def __init__(
        self,
        forecaster: CovarianceForecaster | None = None,
        horizon: int = 21,
        assume_centered: bool = False,
        nearest: bool = True,
        higham: bool = False,
        higham_max_iteration: int = 100,
    ) -> None:
        self.forecaster = forecaster
        self.horizon = horizon
        self.assume_centered = assume_centered
        self.nearest = nearest
        self.higham = higham
        self.higham_max_iteration = higham_max_iteration

    def fit(self, X: Any, y: None = None, **_: Any) -> Any:
        """Forecast from returns ``(observations, assets)``; sets ``covariance_``, ``location_`` and ``state_``."""
        if self.forecaster is None:
            raise SettingsError("name a forecaster: covariance_for_skfolio(Ensemble()), for example")
        validate = importlib.import_module("sklearn.utils.validation").validate_data
        rows = validate(self, X, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=2)
        self.location_ = np.zeros(rows.shape[1]) if self.assume_centered else np.nanmean(rows, axis=0)
        self.state_ = self.forecaster.init(rows)
        self._set_covariance(self.forecaster.forecast(self.state_, self.horizon).matrix())  # type: ignore[attr-defined]
        return self


@cache
def _estimator() -> Any:
    try:
        base = importlib.import_module("skfolio.moments").BaseCovariance
    except ImportError as error:
        raise SettingsError(f"skfolio cannot be imported ({error}): pip install skfolio") from error
    # Under its own name in this module, so that it can be copied to other processes.
    return type("ForecastCovariance", (_Fit, base), {"__module__": __name__, "__doc__": _Fit.__doc__})


def __getattr__(name: str) -> Any:
    if name == "ForecastCovariance":  # made when asked for: skfolio may be absent
        return _estimator()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def covariance_for_skfolio(forecaster: CovarianceForecaster, horizon: int = 21, **settings: Any) -> Any:
    """A ``BaseCovariance`` of skfolio that forecasts with ``forecaster``.

    ::

        prior = EmpiricalPrior(covariance_estimator=covariance_for_skfolio(Ensemble()))
        MeanRisk(prior_estimator=prior).fit_predict(returns)

    Parameters
    ----------
    forecaster : of covariances
    horizon : days that it looks ahead
    settings : ``assume_centered``, ``nearest``, ``higham``, ``higham_max_iteration``

    Raises
    ------
    SettingsError
        If skfolio is not installed.

    Examples
    --------
    >>> from riskengine.covariance import Ewma
    >>> rows = 0.01 * np.random.default_rng(0).standard_normal((300, 3))
    >>> covariance_for_skfolio(Ewma(), horizon=5).fit(rows).covariance_.shape
    (3, 3)
    """
    return _estimator()(forecaster=forecaster, horizon=horizon, **settings)
